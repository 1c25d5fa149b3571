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
  document.addEventListener('focusin', event => {
    if (event.target.closest('#concept-noun')) event.target.setAttribute('list', 'nouns');
  });
  root.lang = 'en';
}
