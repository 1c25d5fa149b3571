/* The keys of the whole page, and where the focus goes when what had it is gone. Gradio runs this with `element`,
   the block that holds the list of keys; studio/ui/keyboard.py names all keys. */
const OFF = 'likeness-keys-off', WAIT_MS = 120, MOST_MS = 600;
const kept = () => { try { return localStorage.getItem(OFF) === 'yes'; } catch { return false; } };
let off = kept();

const isShown = part => Boolean(part?.isConnected && part.checkVisibility({visibilityProperty: true}));
const first = selector => [...document.querySelectorAll(selector)].find(isShown);
const tabs = () => [...document.querySelectorAll('#tabs > .tab-wrapper [role="tab"]')].filter(isShown);
const panel = () => first('#tabs > [role="tabpanel"]');
const isOpen = () => document.querySelector('dialog[open]');
const writes = part => part?.closest?.('textarea, select, [contenteditable="true"], '
  + 'input:not([type=range], [type=checkbox], [type=radio], [type=file], [type=button])');

const showKeys = () => {
  if (isOpen()) return;
  const box = element.querySelector('template').content.firstElementChild.cloneNode(true);
  const single = box.querySelector('[name=single]');
  single.checked = !off;
  single.addEventListener('change', () => {
    off = !single.checked;
    try { localStorage.setItem(OFF, off ? 'yes' : 'no'); } catch { /* forbidden */ }
  });
  box.addEventListener('close', () => box.remove());
  document.querySelector('.gradio-container').append(box);
  box.showModal();
  box.querySelector('.action-strong').focus();
};

/* One tab is reached with the Tab key, the others from it with the arrows. (Gradio has them all in a row.) */
const rove = () => {
  for (const tab of document.querySelectorAll('[role="tab"]')) {
    const index = tab.getAttribute('aria-selected') === 'true' ? '0' : '-1';
    if (tab.getAttribute('tabindex') !== index) tab.setAttribute('tabindex', index);
  }
};
const turn = event => {
  const tab = event.target.closest?.('[role="tab"]');
  const all = tab ? [...tab.closest('.tab-wrapper').querySelectorAll('[role="tab"]')].filter(isShown) : [];
  const here = all.indexOf(tab);
  const to = {ArrowLeft: here - 1, ArrowRight: here + 1, Home: 0, End: all.length - 1}[event.key];
  if (here < 0 || to === undefined) return false;
  const next = all[(to + all.length) % all.length];
  next.focus();
  next.click();
  return true;
};

/* Close what is no dialogue of the browser, and go back to what opened it. */
const close = () => {
  const button = first('#base-picker [data-action="close"]');
  if (!button) return false;
  button.click();
  first('.page-header .pill')?.focus();
  return true;
};

const search = () => {
  const field = first('#picture-search input, #picture-search textarea, [id$="-search"] input, [id$="-search"] textarea');
  field?.focus();
  return Boolean(field);
};
const press = selector => {
  const button = first(selector);
  button?.click();
  return Boolean(button);
};
const single = key => {
  if (key === '?') { showKeys(); return true; }
  if (/^[1-9]$/.test(key) && tabs()[key - 1]) {
    tabs()[key - 1].focus();
    tabs()[key - 1].click();
    return true;
  }
  if (key === '/') return search();
  if (key !== 'Delete') return false;
  const isSelecting = first('#pictures-side[data-selecting="yes"]');  // then those are meant, not the opened one
  return press(isSelecting ? '[data-many="delete-chosen"]' : '#picture-detail [data-action="delete"]');
};

document.addEventListener('keydown', event => {
  byKey = true;
  placed = null;
  if (event.defaultPrevented || isOpen()) return;
  const plain = !(event.ctrlKey || event.metaKey || event.altKey), writing = writes(event.target);
  const isUndo = (event.ctrlKey || event.metaKey) && event.key === 'z' && !event.target.closest?.('#photo-editor');
  if (plain && turn(event) || plain && event.key === 'Escape' && close()
    || plain && !off && !writing && single(event.key)
    || isUndo && !writing && press(UNDO)) event.preventDefault();
});
document.addEventListener('click', event => {
  if (event.target.closest('#keys-switch')) showKeys();
  if (!event.target.closest('.skip-link')) return;
  event.preventDefault();
  const open = panel();
  open.tabIndex = -1;
  open.focus();
});

/* When a pressed button is gone, as one of a deleted picture is, the focus would start again at the top of the
   page. It goes to Undo if that was just offered, else to what stands nearest to where it was; and on to Undo if
   that is offered later, before the next key is pressed. */
const FOCUSABLE = 'button:not([disabled], [tabindex="-1"]), a[href], input:not([disabled]), textarea, [tabindex="0"]';
const UNDO = '.card.note [data-action="undo"]';
let trail = [], byKey = false, waiting = 0, since = 0, placed = null;
document.addEventListener('pointerdown', () => { byKey = false; }, true);
document.addEventListener('focusin', event => {
  trail = [];
  for (let part = event.target; part && part !== document.body; part = part.parentElement) trail.push(part);
});
const isPlaced = () => placed !== null && document.activeElement === placed;
const goOn = () => {
  since = 0;
  if (!byKey || isOpen()) return;
  if (isPlaced()) { first(UNDO)?.focus(); return; }
  if (document.activeElement !== document.body || isShown(trail[0])) return;
  const place = trail.find(part => isShown(part) && part.querySelector(FOCUSABLE));
  const near = [...place?.querySelectorAll(FOCUSABLE) || []].find(isShown);
  const next = first(UNDO) || near;
  next?.focus({preventScroll: Boolean(near)});
  placed = next === near ? near : null;
};
new MutationObserver(() => {
  rove();
  if (!byKey || document.activeElement !== document.body && !isPlaced()) return;
  since ||= performance.now();  // a page that changes all the time must not put it off for ever
  clearTimeout(waiting);
  waiting = setTimeout(goOn, Math.min(WAIT_MS, Math.max(0, since + MOST_MS - performance.now())));
}).observe(document.querySelector('.gradio-container'),
  {childList: true, subtree: true, attributeFilter: ['class', 'hidden', 'aria-selected']});
rove();
