/* The board on which each concept of the prompt gets a box, its part of the picture. Gradio runs this with
   `element`, `props`, `trigger` and `watch`; studio/ui/create/places_board.py says what it gets and sends.
   Boxes are left, top, right and bottom in shares of the picture, to a hundredth. */
{
  const {tr} = window.likeness;
  const find = selector => element.querySelector(selector);
  const stage = find('.places-stage'), image = find('img'), pills = find('.round-buttons'), said = find('[role=status]');
  const LEAST = 0.12, STEP = 0.02, WAIT_MS = 400, ANSWER_MS = 4000;  // a smaller box may hold no cell of a small base
  const CORNERS = {nw: [0, 1], ne: [2, 1], sw: [0, 3], se: [2, 3]};  // the edges that each moves
  let concepts = [], current = '', held = null, later = 0, again = 0, isBlank = false;
  let until = 0;  // when an answer about older boxes than those here is believed after all

  const make = (tag, name, more = {}) => Object.assign(document.createElement(tag), {className: name, ...more});
  const round = box => box.map(at => Math.round(Math.min(1, Math.max(0, at)) * 100) / 100);
  const of = handle => concepts.find(one => one.handle === handle);
  const words = ({handle, box}) => {
    const [left, top, right, bottom] = box.map(at => Math.round(100 * at));
    return tr('Box of {handle}: left {left} %, top {top} %, right {right} %, bottom {bottom} %',
      {handle, left, top, right, bottom});
  };
  /* All boxes are sent each time: the answer to the one before may still be on its way. */
  const send = () => {
    clearTimeout(later);
    until = Date.now() + ANSWER_MS;
    trigger('input', {boxes: Object.fromEntries(concepts.map(one => [one.handle, one.box || null]))});
  };
  const place = (part, one) => {
    const [left, top, right, bottom] = one.box.map(at => 100 * at);
    Object.assign(part.style, {left: `${left}%`, top: `${top}%`, width: `${right - left}%`, height: `${bottom - top}%`});
    part.setAttribute('aria-label', words(one));
    part.classList.toggle('current', one.handle === current);
  };

  /* Bring boxes, pills and buttons in line with `concepts`; parts that stay keep their focus. */
  const show = () => {
    for (const part of [...stage.querySelectorAll('.places-box')]) if (!of(part.dataset.handle)?.box) part.remove();
    for (const one of concepts) {
      if (!one.box) continue;
      let part = [...stage.querySelectorAll('.places-box')].find(box => box.dataset.handle === one.handle);
      if (!part) {
        part = make('button', 'places-box', {type: 'button'});
        part.dataset.handle = one.handle;
        part.append(make('span', 'places-name', {textContent: one.handle}),
          ...Object.keys(CORNERS).map(corner => make('i', `places-grip ${corner}`)));
        part.setAttribute('aria-describedby', 'places-help');
        stage.append(part);
      }
      part.style.setProperty('--colour', one.colour);
      place(part, one);
    }
    const known = [...pills.children].map(pill => pill.dataset.handle).join();
    if (known !== concepts.map(one => one.handle).join()) pills.replaceChildren(...concepts.map(one => {
      const pill = make('button', 'round-button', {type: 'button'}), dot = make('i', 'dot');
      pill.dataset.handle = one.handle;
      dot.style.background = one.colour;
      pill.append(dot, make('code', '', {textContent: one.handle}), make('small', '', {textContent: one.noun}));
      return pill;
    }));
    for (const pill of pills.children) pill.setAttribute('aria-pressed', String(pill.dataset.handle === current));
    const one = of(current);
    find('[data-do=add]').textContent = one?.box
      ? tr('Remove the box of {handle}', {handle: current}) : tr('Add a box for {handle}', {handle: current});
    find('[data-do=clear]').disabled = !concepts.some(each => each.box);
    find('[data-do=blank]').setAttribute('aria-pressed', String(isBlank));
  };
  const backdrop = () => {
    const last = document.querySelector('#pictures-main .tile[data-action="open"] img');
    image.hidden = isBlank || !last;
    if (last && image.src !== last.src) image.src = last.src;
    find('[data-do=blank]').hidden = !last;
  };
  const load = () => {
    let next = null;
    try { next = JSON.parse(props.value); } catch { return; }
    const boxes = all => JSON.stringify(all.map(one => [one.handle, one.box || null]));
    const wait = held ? ANSWER_MS : boxes(next.concepts) === boxes(concepts) ? 0 : until - Date.now();
    clearTimeout(again);
    if (wait > 0) {  // what is here is newer
      again = setTimeout(load, wait);
      if (held) return;
      next.concepts.forEach(one => { if (of(one.handle)) one.box = of(one.handle).box; });
    } else until = 0;
    concepts = next.concepts;
    if (!of(current)) current = (concepts.find(one => !one.box) || concepts[0])?.handle || '';
    stage.style.aspectRatio = String(next.ratio);
    backdrop();
    show();
  };

  const position = event => {
    const box = stage.getBoundingClientRect();
    return [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
  };
  stage.addEventListener('pointerdown', event => {
    if (!event.isPrimary || event.button || !concepts.length) return;
    const part = event.target.closest('.places-box'), grip = event.target.closest('.places-grip');
    const at = position(event);
    if (part) current = part.dataset.handle;
    const one = of(current), corner = grip && Object.keys(CORNERS).find(name => grip.classList.contains(name));
    held = {one, from: at, before: one.box && [...one.box], kind: corner ? 'size' : part ? 'move' : 'draw', edges: CORNERS[corner]};
    stage.setPointerCapture(event.pointerId);
    if (part) part.focus({preventScroll: true});
    event.preventDefault();
    show();
  });
  stage.addEventListener('pointermove', event => {
    if (!held || !event.isPrimary) return;
    const {one, from, before, kind, edges} = held, [x, y] = position(event);
    if (kind === 'draw') {
      const box = round([Math.min(x, from[0]), Math.min(y, from[1]), Math.max(x, from[0]), Math.max(y, from[1])]);
      one.box = box[2] - box[0] >= LEAST && box[3] - box[1] >= LEAST ? box : before;
    } else if (kind === 'move') one.box = moved(before, x - from[0], y - from[1]);
    else one.box = sized(before, edges, x - from[0], y - from[1]);
    show();
  });
  for (const name of ['pointerup', 'pointercancel']) stage.addEventListener(name, event => {
    if (!held || !event.isPrimary) return;
    const {one, before, kind} = held;
    held = null;
    if (name === 'pointercancel') one.box = before;
    const isNew = String(one.box) !== String(before);
    if (isNew && kind === 'draw') current = concepts.find(each => !each.box)?.handle || one.handle;  // whose turn is next
    show();
    if (isNew) send();
  });
  const moved = (box, across, down) => {
    const dx = Math.min(1 - box[2], Math.max(-box[0], across)), dy = Math.min(1 - box[3], Math.max(-box[1], down));
    return round([box[0] + dx, box[1] + dy, box[2] + dx, box[3] + dy]);
  };
  const sized = (box, [side, end], across, down) => {
    const next = [...box];
    next[side] = side === 0 ? Math.min(box[0] + across, box[2] - LEAST) : Math.max(box[2] + across, box[0] + LEAST);
    next[end] = end === 1 ? Math.min(box[1] + down, box[3] - LEAST) : Math.max(box[3] + down, box[1] + LEAST);
    return round(next);
  };

  /* By keyboard: arrows move the box that has the focus, with Shift they move its right and lower edge. */
  stage.addEventListener('keydown', event => {
    const part = event.target.closest('.places-box'), one = part && of(part.dataset.handle);
    const way = {ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1]}[event.key];
    if (!one) return;
    if (way) {
      const [across, down] = way.map(by => by * STEP);
      one.box = event.shiftKey ? sized(one.box, CORNERS.se, across, down) : moved(one.box, across, down);
      clearTimeout(later);
      later = setTimeout(() => { said.textContent = words(one); send(); }, WAIT_MS);
    } else if (event.key === 'Delete' || event.key === 'Backspace') remove(one);
    else return;
    event.preventDefault();
    show();
  });
  stage.addEventListener('focusin', event => {
    const part = event.target.closest('.places-box');
    if (part && part.dataset.handle !== current) { current = part.dataset.handle; show(); }
  });
  const remove = one => {
    one.box = null;
    current = one.handle;
    said.textContent = tr('{handle} has no box.', one);
    show();
    send();
    find('[data-do=add]').focus({preventScroll: true});
  };
  const add = one => {
    const at = concepts.indexOf(one), many = Math.min(concepts.length, Math.floor(1 / LEAST));
    one.box = round([at % many / many, 0, (at % many + 1) / many, 1]);
    show();
    send();
    stage.querySelector('.places-box.current')?.focus({preventScroll: true});
  };
  pills.addEventListener('click', event => {
    const pill = event.target.closest('[data-handle]');
    if (pill) { current = pill.dataset.handle; show(); }
  });
  element.addEventListener('click', event => {
    const wanted = event.target.closest('[data-do]')?.dataset.do, one = of(current);
    if (wanted === 'add' && one) one.box ? remove(one) : add(one);
    if (wanted === 'blank') { isBlank = !isBlank; backdrop(); show(); }
    if (wanted !== 'clear') return;
    for (const each of concepts) each.box = null;
    show();
    send();
  });
  new MutationObserver(backdrop).observe(document.querySelector('.quiet-frame'), {attributes: true, attributeFilter: ['data-open']});
  watch('value', load);
  load();
}
