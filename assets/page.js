() => {
  const root = document.documentElement, key = 'likeness-night';
  const show = night => document.body.classList.toggle('dark', night);
  const kept = localStorage.getItem(key);
  if (kept !== null) show(kept === 'yes');
  document.addEventListener('click', event => {
    if (!event.target.closest('#theme-switch')) return;
    const night = !document.body.classList.contains('dark');
    show(night);
    localStorage.setItem(key, night ? 'yes' : 'no');
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
    const tip = button.dataset.tip;
    button.dataset.tip = 'Copied';
    setTimeout(() => { if (button.dataset.tip === 'Copied') button.dataset.tip = tip; }, 2000);
  });
  document.addEventListener('focusin', event => {
    if (event.target.closest('#concept-noun')) event.target.setAttribute('list', 'nouns');
  });
  root.lang = 'en';
}
