/* The masks of the mask editor: drawn, sent to the server and taken from it; studio/ui/train/mask_canvas.py says
   what goes to and fro. Gradio runs this as one with mask_tools.js, which changes masks by hand, and photo_editor.js, with
   `element`, `props`, `trigger`, `upload` and `watch`. A mask is one byte, 0 or 1, for each pixel of the square: the
   browser's own brush would leave soft edges. */
const find = selector => element.querySelector(selector);
const frame = find('.mask-frame'), stage = find('.mask-stage'), canvas = find('canvas'), ring = find('.brush-ring');
const drawn = find('.mask-box'), mark = find('.mask-cross');
const size = find('[type=range]'), file = find('[type=file]'), pen = canvas.getContext('2d');
const MAX_UNDO = 20, WAIT_MS = 20000, LEAST_BOX = 0.03;
let state = null, masks = [], past = [], current = 0, tool = 'crop', last = null, turn = 0, waiting = 0;
let corner = null, boxed = false, cross = [0.5, 0.5];
/* The last click, the masks before it, how many sizes larger its outline is than the likeliest, and where no
   further one was found (-1: smaller, 1: larger). */
let pointed = null;
/* What the server was asked last to find: the turn, and the masks that were shown then. */
let asked = null;
/* Whether the brush was put down by a key. */
let keyed = false;
/* The photos, by number and name, for which a mask file is on its way. */
const uploading = new Set();
/* The masks when a new square was sent, until the server has cut it: what is painted meanwhile is meant for it. */
let uncut = null;

const newCanvas = side => Object.assign(document.createElement('canvas'), {width: side, height: side});
const paints = () => tool === 'brush' || tool === 'eraser';
/* The number and the name of the photo that the state shows: its key without the square. */
const shownPhoto = () => state.key.slice(0, state.key.lastIndexOf(' ('));
const radius = () => Math.max(0.5, size.value / 200 * state.side);

const read = async (url, side) => {
  const mask = new Uint8Array(side * side);
  if (!url) return mask;
  const image = new Image();
  image.src = url;
  await image.decode();
  const brush = newCanvas(side).getContext('2d');
  brush.drawImage(image, 0, 0);
  const data = brush.getImageData(0, 0, side, side).data;
  for (let i = 0; i < mask.length; i++) mask[i] = data[4 * i] > 127;
  return mask;
};

const write = mask => {
  if (!mask.includes(1)) return null;
  const paper = newCanvas(state.side), picture = new ImageData(state.side, state.side);
  const grey = new Uint32Array(picture.data.buffer);
  for (let i = 0; i < mask.length; i++) grey[i] = mask[i] ? 0xffffffff : 0xff000000;
  paper.getContext('2d').putImageData(picture, 0, 0);
  return paper.toDataURL('image/png');
};

/* "#56b4e9" as the four bytes of a pixel. */
const pixel = (colour, alpha) => {
  const [red, green, blue] = [1, 3, 5].map(at => parseInt(colour.slice(at, at + 2), 16));
  return (alpha << 24 | blue << 16 | green << 8 | red) >>> 0;
};

/* Draw the masks in a box of pixels: the chosen subject on top, every mask with an outline. */
const show = (left = 0, top = 0, right = state.side, bottom = state.side) => {
  const side = state.side, edge = Math.ceil(side / 300);
  [left, top] = [left, top].map(low => Math.max(0, Math.floor(low) - edge));
  [right, bottom] = [right, bottom].map(high => Math.min(side, Math.ceil(high) + edge));
  if (right <= left || bottom <= top) return;
  const order = [...masks.keys()].sort((one, other) => (other === current) - (one === current));
  const layers = order.map(number => {
    const {colour} = state.subjects[number];
    return {mask: masks[number], line: pixel(colour, 255), fill: pixel(colour, number === current ? 140 : 105)};
  });
  const picture = pen.createImageData(right - left, bottom - top);
  const out = new Uint32Array(picture.data.buffer);
  for (let y = top, to = 0; y < bottom; y++) for (let x = left; x < right; x++, to++) {
    const at = y * side + x;
    for (const {mask, line, fill} of layers) {
      if (!mask[at]) continue;
      const inside = (x < edge || mask[at - edge]) && (x >= side - edge || mask[at + edge])
        && (y < edge || mask[at - edge * side]) && (y >= side - edge || mask[at + edge * side]);
      out[to] = inside ? fill : line;
      break;
    }
  }
  pen.putImageData(picture, left, top);
};

const buttons = () => {
  element.querySelectorAll('[data-tool]').forEach(button =>
    button.setAttribute('aria-pressed', button.dataset.tool === tool));
  find('[data-do=undo]').disabled = !past.length;
  find('[data-do=clear]').disabled = !masks[current]?.includes(1);
  for (const [name, by] of [['smaller', -1], ['larger', 1]])
    find(`[data-do=${name}]`).disabled = pointed?.subject !== current || pointed.end === by
      || stage.classList.contains('busy');
  find('.mask-size').classList.toggle('idle', !paints());
  stage.dataset.uses = tool;
  find('.round-buttons').replaceChildren(...(state.subjects.length < 2 ? [] : state.subjects).map((subject, number) => {
    const pill = Object.assign(document.createElement('button'), {type: 'button', className: 'round-button'});
    const dot = Object.assign(document.createElement('i'), {className: 'dot'});
    dot.style.background = subject.colour;
    pill.append(dot, subject.name);
    pill.setAttribute('aria-pressed', number === current);
    pill.addEventListener('click', () => { current = number; show(); buttons(); });
    return pill;
  }));
};

const remember = () => {
  turn += 1;
  pointed = null;
  past.push(masks.map(mask => mask.slice()));
  past.splice(0, past.length - MAX_UNDO);
};

const send = (action, more = {}, from = masks) => {
  if (uncut && action === 'input') return buttons();  // sent once the new square is there
  const photo = state.key.split(' ')[0];
  trigger(action, {key: state.key, photo, turn, subject: current, masks: from.map(write), ...more});
  buttons();
};

const busy = on => {
  clearTimeout(waiting);
  stage.classList.toggle('busy', on);
  if (on) waiting = setTimeout(() => busy(false), WAIT_MS);
};

/* Note what a press of Smaller or Larger has brought; returns whether the masks are others than before. */
const settle = came => {
  if (!pointed?.by) return true;
  const {by} = pointed, moved = masks[current].some((on, at) => on !== came[current][at]);
  Object.assign(pointed, moved ? {step: pointed.step + by, end: 0, by: 0} : {end: by, by: 0});
  return moved;
};

/* Put what was found into masks that were painted on while it was looked for: both are meant. */
const bring = came => masks.forEach((mask, number) => {
  const before = asked.before[number], found = came[number];
  if (before && before.length === mask.length) found.forEach((on, at) => { if (on !== before[at]) mask[at] = on; });
});

/* What differs between two masks of a square, put into that of another square, which may have other pixels. */
const carry = (before, after, into) => {
  const from = Math.sqrt(before.length), to = Math.sqrt(into.length);
  for (let row = 0, at = 0; row < to; row++) for (let column = 0; column < to; column++, at++) {
    const there = Math.floor((row + 0.5) * from / to) * from + Math.floor((column + 0.5) * from / to);
    if (before[there] !== after[there]) into[at] = after[there];
  }
};
/* Put what was painted since a new square was sent into its masks; returns the masks without it if there is any. */
const carryOver = came => {
  const plain = came.map(mask => mask.slice());
  came.forEach((mask, number) => { if (uncut[number] && masks[number]) carry(uncut[number], masks[number], mask); });
  return came.some((mask, number) => mask.some((on, at) => on !== plain[number][at])) ? plain : null;
};

/* Show the state that the server sent. When a change was made since, take its names and not its masks. */
const load = async () => {
  if (!props.value) return;
  const next = JSON.parse(props.value);
  const came = await Promise.all(next.masks.map(url => read(url, next.side)));
  if (JSON.parse(props.value).time !== next.time) return;
  const answers = asked?.turn === next.turn && state?.key === next.key;
  const same = next.turn !== null && state && state.key === next.key, overtaken = same && next.turn < turn;
  const cuts = uncut && !same && next.crop_turn && !next.opens, plain = cuts ? carryOver(came) : null;
  if (!same) {
    past = plain ? [plain] : [];
    pointed = null;
    const isLastCut = !cuts || next.crop_turn === cropTurn;
    uncut = isLastCut ? null : plain || came.map(mask => mask.slice());
  } else if (!overtaken && !next.is_error && settle(came)) past.push(masks);
  if (next.is_error && !overtaken) pointed = null;
  masks = overtaken ? came.map((mask, number) => masks[number] || mask) : came;
  const late = overtaken && answers && !next.is_error;
  if (late) bring(came);
  state = next;
  if (!overtaken || answers) busy(uploading.has(shownPhoto()));
  current = Math.min(current, masks.length - 1);
  if (canvas.width !== state.side || canvas.height !== state.side) canvas.width = canvas.height = state.side;
  find('.mask-stage img').src = state.square;
  frame.classList.toggle('has-error', state.is_error);
  frame.hidden = false;
  show();
  buttons();
  showPhoto();
  frame.dataset.shown = state.time;
  if (late && !last || plain && !uncut && !last) { turn += 1; send('input'); }
};
