/* Brings into view what a press brings, where it comes outside of it: below the form, or above what was pressed.
   Scripts of single parts call `likeness.reveal`. Gradio runs this with the block of the keys. */
const PHONE = matchMedia('(max-width: 720px)'), NARROW = matchMedia('(max-width: 1099.9px)');
const TRIES = 60, EVERY_MS = 100, PATIENCE = 5, EDGE = 12;
/* By what is pressed: what comes, the first that is there and new or changed; and in which windows alone. */
const COMES = [
  ['#paint', '#create-notice .error, #painting .painting', NARROW],
  ['#picture-detail :is([data-action="again"], [data-action="more"], [data-action="refine"], [data-action="unrefine"])',
    '#painting .painting', NARROW],
  ['#examples [data-action], #concept-buttons [data-action="insert"], #picture-detail [data-action="use"]', '#prompt'],
  ['#train', '#train-notice .error', PHONE],
  ['#demo-subjects .demo', '#photo-strip .tile', PHONE],
  ['#paint-grid', '#grid-notice .error, #grid-head section', NARROW],
  ['#grid-cells [data-action="open"]', '#grid-cells .picture'],
  ['#grid-list [data-action]', '#grid-head section'],
  ['#frontier [data-action="point"]', '#best-pictures'],
  ['#panel-library .concept', '#concept-detail .concept-card', NARROW],
  ['#page-header [data-action="bases"], .base-limits [data-action="bases"]', '#base-picker .base-picker, #base-notice .error'],
];
let turn = 0;
/* What the Tab key leads to is not hidden by the button at the bottom of a phone. */
const makeRoom = () => { document.documentElement.style.scrollPaddingBottom = PHONE.matches ? '84px' : ''; };
PHONE.addEventListener('change', makeRoom);
makeRoom();

const inSight = selector => [...document.querySelectorAll(selector)].find(one => one.checkVisibility());
const isInView = box => box.top >= 0 && box.top < innerHeight * 0.7 && (box.bottom <= innerHeight || box.top < innerHeight / 3);
const show = part => {
  const box = part.getBoundingClientRect();
  if (isInView(box)) return;
  const calm = matchMedia('(prefers-reduced-motion: reduce)').matches;
  scrollTo({top: scrollY + box.top - EDGE, behavior: calm ? 'auto' : 'smooth'});
};
/* Wait for a part, and for it to become another than `before`: the server may have to draw it first. */
const bring = async (find, before) => {
  const mine = ++turn;
  for (let tries = 0; tries < TRIES && mine === turn; tries++) {
    await new Promise(done => setTimeout(done, before === undefined && !tries ? 0 : EVERY_MS));
    const part = find();
    if (part && (part.outerHTML !== before || tries > PATIENCE)) return show(part);
  }
};
(window.likeness ||= {}).reveal = wanted => bring(() => typeof wanted === 'string' ? inSight(wanted) : wanted);
document.addEventListener('click', event => {
  const [, target, where] = COMES.find(([pressed]) => event.target.closest?.(pressed)) || [];
  if (target && (!where || where.matches)) bring(() => inSight(target), inSight(target)?.outerHTML || '');
}, true);
for (const name of ['wheel', 'touchmove']) document.addEventListener(name, () => { turn += 1; }, {passive: true});
