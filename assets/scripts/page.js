() => {
  const root = document.documentElement, key = 'likeness-night';
  const show = night => document.body.classList.toggle('dark', night);
  let kept = null;
  try { kept = localStorage.getItem(key); } catch { /* forbidden */ }
  if (kept !== null) show(kept === 'yes');
  document.addEventListener('click', event => {
    if (!event.target.closest('#theme-switch')) return;
    const night = !document.body.classList.contains('dark');
    show(night);
    try { localStorage.setItem(key, night ? 'yes' : 'no'); } catch { /* forbidden */ }
  });
  document.addEventListener('keydown', event => {
    if (event.key !== 'Enter' || !(event.ctrlKey || event.metaKey)) return;
    const paint = document.querySelector('#paint');
    if (paint && paint.offsetParent !== null) { event.preventDefault(); paint.click(); }
  });
  document.addEventListener('click', async event => {
    const button = event.target.closest('[data-copy]');
    if (!button) return;
    const text = button.dataset.copy;
    try {
      await navigator.clipboard.writeText(text);
    } catch {  // only pages of this machine or with https may use the clipboard's own interface
      const field = Object.assign(document.createElement('textarea'), {value: text});
      document.body.append(field);
      field.select();
      document.execCommand('copy');
      field.remove();
      button.focus();
    }
    const tip = button.dataset.tip, copied = window.likeness.tr('Copied');
    button.dataset.tip = copied;
    setTimeout(() => { if (button.dataset.tip === copied) button.dataset.tip = tip; }, 2000);
  });
  document.addEventListener('focusin', event => {
    if (event.target.closest('#concept-noun')) event.target.setAttribute('list', 'nouns');
  });

  /* Ask a question in a dialogue of the browser; returns whether the answer was `yes`. */
  const ask = (question, yes) => new Promise(answer => {
    const box = Object.assign(document.createElement('dialog'), {className: 'ask'});
    const text = Object.assign(document.createElement('p'), {textContent: question, id: 'ask-text'});
    const row = Object.assign(document.createElement('form'), {method: 'dialog', className: 'actions'});
    const press = (label, kind, value) => Object.assign(document.createElement('button'),
      {textContent: label, className: `action action-${kind}`, value});
    row.append(press(yes, 'danger', 'yes'), press(window.likeness.tr('Leave it'), 'quiet', ''));
    box.setAttribute('aria-labelledby', text.id);
    box.append(text, row);
    box.addEventListener('close', () => { answer(box.returnValue === 'yes'); box.remove(); });
    document.querySelector('.gradio-container').append(box);
    box.showModal();
    row.lastChild.focus();
  });

  /* Ask for a line of text in a dialogue; returns it, null when the person would rather not. */
  const write = (wish, yes, value) => new Promise(answer => {
    const box = Object.assign(document.createElement('dialog'), {className: 'ask'});
    box.innerHTML = '<form method="dialog"><label class="write"><span></span><input type="text" maxlength="60" required></label>' +
      '<div class="actions"><button class="action action-strong" value="yes"></button>' +
      '<button class="action action-quiet" value="" formnovalidate></button></div></form>';
    const [text, field] = [box.querySelector('span'), box.querySelector('input')];
    text.textContent = wish;
    field.value = value;
    const [sure, not] = box.querySelectorAll('button');
    sure.textContent = yes;
    not.textContent = window.likeness.tr('Leave it');
    box.setAttribute('aria-label', wish);
    box.addEventListener('close', () => { answer(box.returnValue === 'yes' ? field.value : null); box.remove(); });
    document.querySelector('.gradio-container').append(box);
    box.showModal();
    field.select();
  });

  /* Keep a place for the card of a job as it is started: what came a second later would push the page away
     under the pointer. */
  const expect = (id, card, error) => {
    const place = document.getElementById(id);
    if (!place || place.querySelector(card)) return;
    place.dataset.expecting = '';
    const watcher = new MutationObserver(() => {
      if (place.querySelector(card) || document.querySelector(error)) stop();
    });
    const stop = () => { watcher.disconnect(); delete place.dataset.expecting; };
    watcher.observe(document.querySelector('.gradio-container'), {childList: true, subtree: true});
    setTimeout(stop, 10000);
  };
  const filled = id => Boolean(document.querySelector(`#${id} :is(input, textarea)`)?.value.trim());
  document.addEventListener('click', event => {
    if (event.target.closest('#train') && filled('concept-name') && filled('concept-noun')
      && document.querySelector('#photo-strip .tile')) expect('train-progress', '.training', '#train-notice .error');
    if (event.target.closest('#paint') && filled('prompt')) expect('painting', '.painting', '#create-notice .error');
  }, true);

  /* The id under which the workspace keeps what is filled in here; without localStorage it lasts as long as
     the page. */
  let own = '';
  const browser = () => {
    const key = 'likeness-browser', valid = id => /^[0-9a-f]{32}$/.test(id || '');
    try { own = valid(localStorage.getItem(key)) ? localStorage.getItem(key) : own; } catch { /* forbidden */ }
    if (!own) {
      own = [...crypto.getRandomValues(new Uint8Array(16))].map(byte => byte.toString(16).padStart(2, '0')).join('');
      try { localStorage.setItem(key, own); } catch { /* forbidden */ }
    }
    return own;
  };

  window.likeness = {...window.likeness, ask, write, browser, hasChosenTab: false};  // a block's script may have come before
  document.addEventListener('click', event => {
    if (event.isTrusted && event.target.closest('#tabs [role="tab"]')) window.likeness.hasChosenTab = true;
  }, true);
}
