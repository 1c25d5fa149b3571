/* The tools of the mask editor: brush, eraser, clicks, boxes, undo and files, by mouse, finger and keys. It goes on where
   mask_editor.js ends. */
/* Set or clear every pixel within the brush radius of the line from `last` to (x, y). */
const stroke = (x, y) => {
  const side = state.side, mask = masks[current], on = tool === 'brush' ? 1 : 0, brush = radius();
  const [from_x, from_y] = last, dx = x - from_x, dy = y - from_y, length = dx * dx + dy * dy;
  const box = [Math.min(x, from_x) - brush, Math.min(y, from_y) - brush,
    Math.max(x, from_x) + brush, Math.max(y, from_y) + brush];
  const [left, top] = box.slice(0, 2).map(low => Math.max(0, Math.floor(low)));
  const [right, bottom] = box.slice(2).map(high => Math.min(side, Math.ceil(high)));
  for (let row = top; row < bottom; row++) for (let column = left; column < right; column++) {
    const px = column + 0.5 - from_x, py = row + 0.5 - from_y;
    const share = length ? Math.min(1, Math.max(0, (px * dx + py * dy) / length)) : 0;
    if ((px - share * dx) ** 2 + (py - share * dy) ** 2 <= brush * brush) mask[row * side + column] = on;
  }
  last = [x, y];
  show(...box);
};

const position = event => {
  const box = canvas.getBoundingClientRect(), scale = state.side / box.width;
  return [(event.clientX - box.left) * scale, (event.clientY - box.top) * scale];
};

canvas.addEventListener('pointerdown', event => {
  if (!paints() || !event.isPrimary || event.button !== 0) return;
  event.preventDefault();
  canvas.setPointerCapture(event.pointerId);
  remember();
  last = position(event);
  stroke(...last);
});
canvas.addEventListener('pointermove', event => {
  const box = canvas.getBoundingClientRect(), wide = 2 * radius() * box.width / state.side;
  Object.assign(ring.style, {width: wide + 'px', height: wide + 'px',
    left: event.clientX - box.left + 'px', top: event.clientY - box.top + 'px'});
  if (last && event.isPrimary) stroke(...position(event));
});
for (const name of ['pointerup', 'pointercancel']) canvas.addEventListener(name, event => {
  if (!last || !event.isPrimary) return;
  last = null;
  send('input');
});
/* Send a point or a box, in shares of the square, to the server, which finds the outline. */
const point = more => {
  if (stage.classList.contains('busy') || uncut) return;
  turn += 1;
  busy(true);
  const before = masks.map(mask => mask.slice());
  asked = {turn, before};
  pointed = 'right' in more ? null : {more, before, subject: current, step: 0, by: 0, end: 0};
  send('click', more);
};
/* Ask for a smaller or larger outline of what the last click meant. */
const resize = by => {
  turn += 1;
  busy(true);
  pointed.by = by;
  asked = {turn, before: masks.map(mask => mask.slice())};
  send('click', {...pointed.more, step: pointed.step + by}, pointed.before);
};
const share = event => position(event).map(at => Math.min(1, Math.max(0, at / state.side)));
const showBox = (from, to) => Object.assign(drawn.style, {
  left: 100 * Math.min(from[0], to[0]) + '%', top: 100 * Math.min(from[1], to[1]) + '%',
  width: 100 * Math.abs(to[0] - from[0]) + '%', height: 100 * Math.abs(to[1] - from[1]) + '%'});
const isBox = to => Math.min(...to.map((at, axis) => Math.abs(at - corner[axis]))) > LEAST_BOX;
canvas.addEventListener('pointerdown', event => {
  boxed = false;
  if (tool !== 'click' || event.shiftKey || !event.isPrimary || event.button !== 0) return;
  corner = share(event);
  canvas.setPointerCapture(event.pointerId);
});
canvas.addEventListener('pointermove', event => {
  if (!corner || !event.isPrimary) return;
  const to = share(event);
  drawn.hidden = !isBox(to);
  showBox(corner, to);
});
for (const name of ['pointerup', 'pointercancel']) canvas.addEventListener(name, event => {
  if (!corner || !event.isPrimary) return;
  const from = corner, to = share(event);
  boxed = name === 'pointerup' && isBox(to);
  corner = null;
  drawn.hidden = true;
  if (!boxed) return;
  const [x, y] = from.map((at, axis) => Math.min(at, to[axis]));
  const [right, bottom] = from.map((at, axis) => Math.max(at, to[axis]));
  point({x, y, right, bottom});
});
canvas.addEventListener('click', event => {
  if (boxed || tool !== 'click' && tool !== 'not') { boxed = false; return; }
  const [x, y] = share(event);
  point({x, y, ...(tool === 'not' || event.shiftKey ? {takes: true} : {})});
});
/* The canvas by keyboard: arrows move a cross. With Click and Not this, Enter clicks there, Shift+Enter says that
   it is not this; with a brush, Enter puts it down, the arrows paint, and Enter lifts it. */
const WAYS = {ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1]};
const LETTERS = {c: 'click', n: 'not', b: 'brush', e: 'eraser'}, SIZES = {'-': 'smaller', '+': 'larger'};
const strokeTo = from => {
  last = from.map(at => at * state.side);
  stroke(...cross.map(at => at * state.side));
  last = null;
};
const lift = () => {
  if (!keyed) return;
  keyed = false;
  stage.classList.remove('keyed');
  send('input');
};
const showCross = () => {
  const wide = 200 * radius() / state.side + '%';
  for (const part of [mark, ring]) Object.assign(part.style, {left: 100 * cross[0] + '%', top: 100 * cross[1] + '%'});
  Object.assign(ring.style, {width: wide, height: wide});
};
const pressEnter = event => {
  if (!paints()) return point({x: cross[0], y: cross[1], ...(tool === 'not' || event.shiftKey ? {takes: true} : {})});
  if (keyed) return lift();
  remember();
  keyed = true;
  stage.classList.add('keyed');
  strokeTo(cross);
};
canvas.setAttribute('aria-description',
  likeness.tr('With a brush, Enter puts it down and lifts it, and the arrows paint.'));
canvas.addEventListener('keydown', event => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const letter = LETTERS[event.key.toLowerCase()], way = WAYS[event.key];
  if (letter) { lift(); find(`[data-tool=${letter}]`).click(); }
  else if (!paints() && tool !== 'click' && tool !== 'not') return;
  else if (way) {
    const from = cross;
    cross = cross.map((at, axis) => Math.min(1, Math.max(0, at + way[axis] * (event.shiftKey ? 0.1 : 0.02))));
    if (keyed) strokeTo(from);
  } else if (event.key === 'Enter') pressEnter(event);
  else if (event.key === '[' || event.key === ']') size.value = Number(size.value) + (event.key === ']' ? 2 : -2);
  else if (SIZES[event.key]) find(`[data-do=${SIZES[event.key]}]`).click();
  else if (event.key === 'Escape' && keyed) lift();
  else return;
  showCross();
  event.preventDefault();
});
canvas.addEventListener('focus', showCross);
canvas.addEventListener('blur', lift);
const undo = () => {
  if (!past.length) return;
  turn += 1;
  pointed = null;
  const before = past.pop();
  masks = masks.map((mask, number) => before[number] || mask.fill(0));
  show();
  send('input');
};
element.addEventListener('click', event => {
  const button = event.target.closest('button');
  if (button?.dataset.tool) { flush(); tool = button.dataset.tool; buttons(); arrange(); }
  if (button?.dataset.do === 'undo') undo();
  if (button?.dataset.do === 'smaller') resize(-1);
  if (button?.dataset.do === 'larger') resize(1);
  if (button?.dataset.do === 'clear') { remember(); masks[current].fill(0); show(); send('input'); }
});
element.addEventListener('keydown', event => {
  if (event.key !== 'z' || !(event.ctrlKey || event.metaKey) || event.target.closest('textarea')) return;
  event.preventDefault();
  undo();
});
file.addEventListener('change', async () => {
  const [chosen] = file.files, meant = shownPhoto(), subject = current;
  file.value = '';
  if (!chosen) return;
  uploading.add(meant);
  busy(true);
  const sent = {files: [], failed: [], subject};
  try { sent.files.push((await upload(chosen)).path); } catch { sent.failed.push(chosen.name); }
  // it is meant for the square that is being cut
  while (uncut && shownPhoto() === meant) await new Promise(done => setTimeout(done, 50));
  uploading.delete(meant);
  if (shownPhoto() !== meant) return trigger('edit', {action: 'unused'});  // another one is here by now
  turn += 1;
  busy(true);
  pointed = null;
  asked = {turn, before: masks.map(mask => mask.slice())};
  send('upload', sent);
});
watch('value', load);
load();
