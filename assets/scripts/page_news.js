/* What the page says while nobody looks at it; studio/ui/page_news.py says what `likeness.tell` is told. */
const {tr} = window.likeness, NAME = 'Likeness', CALL = 'likeness-call', SOUND = 'likeness-sound', SEEN = 'likeness-seen-';
const kept = key => { try { return localStorage.getItem(key); } catch { return null; } };
const keep = (key, value) => { try { localStorage.setItem(key, value); } catch { /* forbidden */ } };
const isOn = key => kept(key) === 'yes';
const mayNotify = () => 'Notification' in window && Notification.permission === 'granted';
let news = {title: '', waiting: 0, ended: []}, known = null, audio = null;

const isShown = tab => !document.hidden && Boolean(document.getElementById(`panel-${tab}`)?.offsetParent);
const mark = (tab, words) => {
  const button = document.getElementById(`panel-${tab}-button`);
  if (!button) return;
  if (words) button.dataset.news = words; else delete button.dataset.news;
};

/* How many jobs of a tab have ended since it was looked at last, and whether it is looked at now. */
const unseen = tab => {
  const mine = news.ended.filter(job => job.tab === tab), newest = Math.max(0, ...mine.map(job => job.at));
  if (kept(SEEN + tab) === null || isShown(tab)) keep(SEEN + tab, Math.max(newest, Number(kept(SEEN + tab))));
  return mine.filter(job => job.at > Number(kept(SEEN + tab)));
};

const show = () => {
  const fresh = ['train', 'create'].flatMap(tab => {
    const jobs = unseen(tab);
    mark(tab, jobs.length ? tr('{count} new', {count: jobs.length}) : '');
    return jobs;
  });
  mark('queue', news.waiting ? String(news.waiting) : '');
  const newest = fresh.sort((one, other) => other.at - one.at)[0];
  document.title = [news.title || newest?.words, NAME].filter(Boolean).join(' · ');
  document.body.classList.toggle('calls', isOn(SOUND) || isOn(CALL) && mayNotify());
};

/* Two short notes; a browser lets them sound once something was pressed on the page. */
const chime = () => {
  audio ||= new AudioContext();
  audio.resume();
  [660, 880].forEach((pitch, number) => {
    const tone = audio.createOscillator(), volume = audio.createGain(), start = audio.currentTime + 0.16 * number;
    tone.frequency.value = pitch;
    volume.gain.setValueAtTime(0.0001, start);
    volume.gain.exponentialRampToValueAtTime(0.12, start + 0.02);
    volume.gain.exponentialRampToValueAtTime(0.0001, start + 0.3);
    tone.connect(volume).connect(audio.destination);
    tone.start(start);
    tone.stop(start + 0.32);
  });
};

const call = jobs => {
  if (!jobs.length || !document.hidden) return;
  if (isOn(SOUND)) chime();
  if (!isOn(CALL) || !mayNotify()) return;
  for (const job of jobs) {
    let shown;
    try { shown = new Notification(NAME, {body: job.words, tag: `likeness ${job.key}`}); }
    catch { return keep(CALL, 'no'); }  // Chrome on Android allows them and makes none
    shown.onclick = () => { window.focus(); document.getElementById(`panel-${job.tab}-button`)?.click(); };
  }
};

likeness.tell = told => {
  if (known && JSON.stringify(told) === JSON.stringify(news)) return;
  news = told;
  const keys = news.ended.map(job => job.key);
  const ended = known ? news.ended.filter(job => !known.has(job.key)) : [];
  known = new Set([...(known || []), ...keys]);
  call(ended);
  show();
};

const PERMISSION = {
  none: tr('This browser shows no notifications from this address: it wants https, or this machine itself.'),
  denied: tr('This browser does not allow notifications from this page. Its settings for this address change that.'),
};
const choose = () => {
  const box = Object.assign(document.createElement('dialog'), {className: 'ask', id: 'call-choice'});
  box.innerHTML = `<form method="dialog"><h2>${tr('When a training or painting ends and this page is not in front')}</h2>
    <label><input type="checkbox" name="call">${tr('Show a notification')}</label>
    <label><input type="checkbox" name="sound">${tr('Play a short sound')}</label>
    <p class="faint" role="status"></p>
    <div class="actions"><button class="action action-strong">${tr('Done')}</button></div></form>`;
  box.setAttribute('aria-label', tr('Call me when a job ends'));
  const [wish, sound] = box.querySelectorAll('input'), why = box.querySelector('.faint');
  const say = () => {
    why.textContent = !('Notification' in window) ? PERMISSION.none
      : Notification.permission === 'denied' ? PERMISSION.denied : '';
    wish.disabled = !('Notification' in window);
    wish.checked = isOn(CALL) && mayNotify();
    show();
  };
  sound.checked = isOn(SOUND);
  wish.addEventListener('change', async () => {
    const wanted = wish.checked && (mayNotify() || await Notification.requestPermission() === 'granted');
    keep(CALL, wanted ? 'yes' : 'no');
    say();
  });
  sound.addEventListener('change', () => { keep(SOUND, sound.checked ? 'yes' : 'no'); if (sound.checked) chime(); say(); });
  box.addEventListener('close', () => box.remove());
  say();
  document.querySelector('.gradio-container').append(box);
  box.showModal();
};

document.addEventListener('click', event => { if (event.target.closest('#call-switch')) choose(); });
document.addEventListener('visibilitychange', show);
document.addEventListener('click', event => { if (event.target.closest('[role=tab]')) setTimeout(show, 100); });
