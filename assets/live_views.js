/* Asks every second whether something in the open tab has changed, and has it drawn again. The question is a
   request of its own: a call through Gradio costs the browser several times as much. It also notices when the
   studio stops answering, and when it was started anew: then the page's session is gone, but the draft is not. */
const EVERY_MS = 1000, PATIENCE = 3;
const {tr} = window.likeness;
let failures = 0, start = null;

const say = words => {
  document.getElementById('lost')?.remove();
  if (!words) return;
  const card = Object.assign(document.createElement('div'), {id: 'lost', textContent: words});
  card.setAttribute('role', 'alert');
  document.querySelector('.gradio-container').append(card);
};

const ask = async () => {
  const {visit, openTab} = window.likeness;
  if (!visit) return;  // nothing was drawn yet
  const about = new URLSearchParams({visit, tab: openTab()});
  const answer = await fetch(`${location.pathname.replace(/\/?$/, '/')}likeness/changed?${about}`);
  if (!answer.ok) return;
  const news = await answer.json();
  start ??= news.start;
  if (start !== news.start) { location.reload(); return; }
  if (failures >= PATIENCE) say('');
  failures = 0;
  if (news.changed) trigger('input');
};

const poll = async () => {
  try {
    await ask();
  } catch {
    failures += 1;
    if (failures === PATIENCE)
      say(tr('The studio does not answer. Once it runs again, this page goes on by itself; what is written until then is not kept.'));
  }
  setTimeout(poll, EVERY_MS);
};
poll();
