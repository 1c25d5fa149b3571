/* The dialogue of the photo editor: the crop, the caption, and the way to the other photos. It runs behind
   mask_editor.js and shares its names; studio/ui/train/photo_editor.py says what is sent. */
const editor = find('dialog'), whole = find('.whole-photo'), zoom = find('.crop-zoom input'), words = find('textarea');
const part = name => find(`[data-part=${name}]`);
const LEAST_SHARE = 0.25, WAIT_CROP_MS = 250, WAIT_WORDS_MS = 300;
const LABELS = {
  crop: likeness.tr('The square that is learned from. Arrows move it, plus and minus make it smaller and larger.'),
  mask: likeness.tr('Mask of the square. Arrows move a cross, Enter clicks, Shift and Enter says not this.'),
};
let photo = null, square = null, cropTurn = 0, dragged = null, cropTimer = 0, wordsTimer = 0, removing = false, pressedOutside = false;

const edit = (action, more = {}) => trigger('edit', {action, key: photo.photo_key, ...more});
const clamp = (value, low, high) => Math.min(Math.max(value, low), Math.max(low, high));
const short = () => Math.min(...photo.size);
const setPlace = (one, left, top, width, height) => Object.assign(one.style,
  {left: 100 * left + '%', top: 100 * top + '%', width: 100 * width + '%', height: 100 * height + '%'});

/* Show the whole photo while the square is chosen, else the square as large as there is room. */
function arrange() {
  if (!photo) return;
  const [width, height] = photo.size, [left, top, side] = square, crops = tool === 'crop';
  const unit = crops ? Math.max(width, height) : side;
  const [x, y] = crops ? [(unit - width) / 2, (unit - height) / 2] : [-left, -top];
  setPlace(whole, x / unit, y / unit, width / unit, height / unit);
  setPlace(stage, left / width, top / height, side / width, side / height);
  editor.dataset.uses = tool;
  zoom.value = short() / side;
  canvas.setAttribute('aria-label', crops ? LABELS.crop : LABELS.mask);
  part('hint').textContent = crops && !state.is_error ? frame.dataset.cropText : state.text;
  part('facts').textContent =
    likeness.tr('{width} × {height}, learned from {side} × {side}', {width, height, side: Math.round(side)});
}

/* Called by mask_editor.js with each state. What the server has not seen yet is not taken back. */
function showPhoto() {
  const fresh = state.opens && state.time !== photo?.time;
  if (fresh) {
    photo = state;
    part('name').textContent = photo.name;
    part('whole').src = photo.whole;
    part('caption-label').textContent = photo.caption_label;
    part('caption-info').textContent = photo.caption_info;
    words.placeholder = photo.caption_example;
    words.value = photo.caption;
    part('advice').replaceChildren(...photo.advice.map(text => Object.assign(document.createElement('li'), {textContent: text})));
    const number = Number(state.key.split(' ')[0]);
    part('place').textContent = photo.count > 1
      ? likeness.tr('{number} of {count}', {number: number + 1, count: photo.count}) : '';
    for (const [name, there] of [['previous', number > 0], ['next', number < photo.count - 1],
      ['earlier', number > 0], ['later', number < photo.count - 1]]) {
      const button = find(`[data-photo=${name}]`);
      button.disabled = !there;
      button.hidden = photo.count < 2;
    }
  }
  if (state.crop && !dragged && (fresh || state.crop_turn === cropTurn)) square = [...state.crop];
  if (!dragged) stage.classList.remove('moving');
  arrange();
  if (fresh && !editor.open) {
    editor.showModal();
    canvas.focus({preventScroll: true});
  }
}

const sendCrop = () => {
  clearTimeout(cropTimer);
  cropTimer = 0;
  cropTurn += 1;
  uncut ||= masks.map(mask => mask.slice());
  setTimeout(turn => { if (uncut && turn === cropTurn) { uncut = null; send('input'); } }, WAIT_MS, cropTurn);
  const [left, top, side] = square, [width, height] = photo.size;
  const share = (at, room) => room > 0 ? clamp(at / room, 0, 1) : 0.5;
  edit('crop', {turn: cropTurn, x: share(left, width - side), y: share(top, height - side), zoom: short() / side});
};
const sendWords = () => {
  clearTimeout(wordsTimer);
  wordsTimer = 0;
  photo.caption = words.value;
  edit('caption', {text: words.value});
};
/* Send what waits, before the photo is left. */
const flush = () => { if (cropTimer) sendCrop(); if (wordsTimer) sendWords(); };
const soon = () => { clearTimeout(cropTimer); cropTimer = setTimeout(sendCrop, WAIT_CROP_MS); };

const moveTo = (left, top, side = square[2]) => {
  const [width, height] = photo.size;
  side = clamp(side, short() * LEAST_SHARE, short());
  square = [clamp(left, 0, width - side), clamp(top, 0, height - side), side];
  stage.classList.add('moving');
  arrange();
};
const resizeTo = side => {
  const wanted = clamp(side, short() * LEAST_SHARE, short()), grown = (wanted - square[2]) / 2;
  moveTo(square[0] - grown, square[1] - grown, wanted);
};
const inPhoto = event => {
  const box = whole.getBoundingClientRect(), scale = photo.size[0] / box.width;
  return [(event.clientX - box.left) * scale, (event.clientY - box.top) * scale];
};
whole.addEventListener('pointerdown', event => {
  if (tool !== 'crop' || !event.isPrimary || event.button !== 0) return;
  event.preventDefault();
  canvas.focus({preventScroll: true});
  whole.setPointerCapture(event.pointerId);
  const [x, y] = inPhoto(event), [left, top, side] = square, {corner} = event.target.dataset;
  if (corner) {
    const [right, down] = [corner.endsWith('e'), corner.startsWith('s')];
    dragged = {right, down, fixed: [right ? left : left + side, down ? top : top + side]};
    return;
  }
  if (x < left || y < top || x > left + side || y > top + side) moveTo(x - side / 2, y - side / 2);
  dragged = {from: [x - square[0], y - square[1]]};
});
whole.addEventListener('pointermove', event => {
  if (!dragged || !event.isPrimary) return;
  const [x, y] = inPhoto(event);
  if (dragged.from) return moveTo(x - dragged.from[0], y - dragged.from[1]);
  const {right, down, fixed: [atX, atY]} = dragged, [width, height] = photo.size;
  const room = Math.min(right ? width - atX : atX, down ? height - atY : atY, short());
  const side = clamp(Math.max(right ? x - atX : atX - x, down ? y - atY : atY - y), short() * LEAST_SHARE, room);
  moveTo(right ? atX : atX - side, down ? atY : atY - side, side);
});
for (const name of ['pointerup', 'pointercancel']) whole.addEventListener(name, event => {
  if (!dragged || !event.isPrimary) return;
  dragged = null;
  sendCrop();
});
whole.addEventListener('wheel', event => {
  if (tool !== 'crop') return;
  event.preventDefault();
  resizeTo(square[2] * (event.deltaY < 0 ? 0.94 : 1 / 0.94));
  soon();
}, {passive: false});
zoom.addEventListener('input', () => { resizeTo(short() / zoom.value); soon(); });
canvas.addEventListener('keydown', event => {
  if (tool !== 'crop' || event.ctrlKey || event.metaKey || event.altKey) return;
  const way = {ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1]}[event.key];
  const step = square[2] * (event.shiftKey ? 0.1 : 0.02);
  if (way) moveTo(square[0] + way[0] * step, square[1] + way[1] * step);
  else if (event.key === '+' || event.key === '=') resizeTo(square[2] / 1.06);
  else if (event.key === '-') resizeTo(square[2] * 1.06);
  else return;
  event.preventDefault();
  soon();
});
words.addEventListener('input', () => { clearTimeout(wordsTimer); wordsTimer = setTimeout(sendWords, WAIT_WORDS_MS); });

const here = () => Number(photo.photo_key.split(' ')[0]);
const actions = {
  close: () => editor.close(),
  previous: () => edit('choose', {id: here() - 1}),
  next: () => edit('choose', {id: here() + 1}),
  earlier: () => edit('move', {id: here(), to: here() - 1}),
  later: () => edit('move', {id: here(), to: here() + 1}),
  remove: () => { removing = true; editor.close(); },
};
editor.addEventListener('click', event => {
  const action = event.target.closest('[data-photo]')?.dataset.photo;
  if (event.target === editor && pressedOutside) return editor.close();
  if (!action) return;
  flush();
  actions[action]();
});
editor.addEventListener('pointerdown', event => { pressedOutside = event.target === editor; });
/* The focus goes back to the photo in the strip, which is drawn again by then. */
const giveBack = () => {
  if (document.activeElement && document.activeElement !== document.body) return;
  document.querySelector(`#photo-strip .tile[data-id="${here()}"]`)?.focus({preventScroll: true});
};
editor.addEventListener('close', () => {
  flush();
  edit(removing ? 'remove' : 'close', {id: here()});
  removing = false;
  for (const wait of [80, 400, 1000]) setTimeout(giveBack, wait);
});
