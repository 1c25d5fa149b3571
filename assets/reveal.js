/* Brings into view what was asked for, where it comes outside of it: below the form on a phone, or above it.
   Gradio runs this with the block of the keys. */
const NARROW = matchMedia('(max-width: 720px)'), WAIT = 60, EVERY_MS = 100, EDGE = 12;
/* By what is pressed: what comes, the first that is there and new or changed. */
const COMES = [
  ['#paint', ['#create-notice .error', '#painting .painting']],
  ['#train', ['#train-notice .error']],
  ['#paint-grid', ['#grid-notice .error', '#grid-head section']],
  ['#grid-cells .tile', ['#grid-cells .picture']],
  ['#grids .grid-button', ['#grid-head section']],
  ['#panel-library .concept', ['#concept-detail .concept-card', '#panel-library .concept-card']],
  ['#demo-subjects .demo', ['#photo-strip .tile']],
  ['.pill, .base-limits [data-action="bases"]', ['#base-picker .base-picker', '#base-notice .error']],
];
let turn = 0;
/* What the Tab key leads to is not hidden by the button at the bottom of a phone. */
const makeRoom = () => { document.documentElement.style.scrollPaddingBottom = NARROW.matches ? '84px' : ''; };
NARROW.addEventListener('change', makeRoom);
makeRoom();

const isInView = box => box.top >= 0 && box.top < innerHeight * 0.7 && (box.bottom <= innerHeight || box.top < innerHeight / 3);
const show = part => {
  const box = part.getBoundingClientRect();
  if (isInView(box)) return;
  const calm = matchMedia('(prefers-reduced-motion: reduce)').matches;
  scrollTo({top: scrollY + box.top - EDGE, behavior: calm ? 'auto' : 'smooth'});
};
document.addEventListener('click', async event => {
  const [pressed, targets] = COMES.find(([selector]) => event.target.closest(selector)) || [];
  if (!pressed || !(NARROW.matches || pressed.startsWith('.pill'))) return;
  const mine = ++turn, find = () => targets.flatMap(one => [...document.querySelectorAll(one)]).find(one => one.checkVisibility());
  const before = find()?.outerHTML;
  for (let tries = 0; tries < WAIT && mine === turn; tries++) {
    await new Promise(done => setTimeout(done, EVERY_MS));
    const part = find();
    if (part && (part.outerHTML !== before || tries > 5)) return show(part);
  }
}, true);
for (const name of ['wheel', 'touchmove']) document.addEventListener(name, () => { turn += 1; }, {passive: true});
