/* The lightbox: a picture as large as the window, its neighbours in the gallery's present order, its prompt.
   It is made once, and opened by any button with `data-enlarge`, the name of a picture's file. Of a training, its previews
   are neighbours. */
{
  const MOST = 8, SWIPE = 48, TURN_MS = 6000;
  const dialog = document.querySelector('dialog.lightbox') || document.createElement('dialog');
  const isNew = !dialog.isConnected;
  if (isNew) {
    dialog.className = 'lightbox';
    for (const [name, value] of Object.entries({role: 'dialog', 'aria-modal': 'true', 'aria-label': likeness.tr('Enlarged picture')}))
      dialog.setAttribute(name, value);
    const button = (name, label, drawing) => `<button type="button" class="lightbox-button ${name}" data-do="${name}"` +
      ` aria-label="${label.replaceAll('"', '&quot;')}"><svg class="icon" viewBox="0 0 24 24" aria-hidden="true"><path d="${drawing}"/></svg></button>`;
    dialog.innerHTML = '<div class="lightbox-stage"><img alt="" draggable="false"></div>' +
      '<div class="lightbox-tools"><span class="lightbox-place"></span>' + button('smaller', likeness.tr('Smaller'), 'M5 12h14') +
      button('larger', likeness.tr('Larger'), 'M5 12h14M12 5v14') + button('close', likeness.tr('Close'), 'M6 6l12 12M18 6L6 18') + '</div>' +
      button('previous', likeness.tr('Previous picture'), 'M15 5l-7 7 7 7') + button('next', likeness.tr('Next picture'), 'M9 5l7 7-7 7') +
      '<p class="lightbox-words" aria-live="polite"></p>';
    document.body.append(dialog);
  }
  const part = name => dialog.querySelector(`.${name}`);
  const stage = part('lightbox-stage'), image = dialog.querySelector('img');
  let pictures = [], here = 0, first = '', origin = null, zoom = 1, shift = [0, 0], pressed = null, turning = false;

  let ownCard = '';  // the training whose previews are looked at, empty for the gallery
  const previews = () => ['strip', 'large-preview'].flatMap(  // the large one is the newest
    place => [...document.querySelectorAll(`${ownCard} .${place} [data-enlarge]`)]);
  const turner = older => ownCard ? null : document.querySelector(
    older ? '#gallery .pager span + [data-action="turn"]' : '#gallery .pager [data-action="turn"]:first-child');
  const listed = () => {
    if (ownCard) {
      const seen = new Map(previews().map(one => [one.dataset.enlarge, one]));
      return [...seen.values()].map(one => ({name: one.dataset.enlarge, src: one.dataset.src, words: one.dataset.words}));
    }
    const place = turner(false) ? '#gallery' : '#pictures-main';  // the new ones stand before the first page
    return [...document.querySelectorAll(`${place} .tile[data-action="open"]`)].map(tile => {
      const shown = tile.querySelector('img');
      return {name: tile.dataset.id, src: shown.src, words: shown.alt};
    });
  };

  const place = () => { image.style.transform = `translate(${shift[0]}px, ${shift[1]}px) scale(${zoom})`; };
  const setZoom = (wanted, at = null) => {
    const value = Math.min(Math.max(wanted, 1), MOST), box = stage.getBoundingClientRect();
    /* what lies under the pointer stays there */
    const to = at ? [at[0] - box.left - box.width / 2, at[1] - box.top - box.height / 2] : [0, 0];
    shift = value === 1 ? [0, 0] : shift.map((old, axis) => to[axis] - (to[axis] - old) * value / zoom);
    zoom = value;
    dialog.classList.toggle('zoomed', zoom > 1);
    place();
  };
  const show = number => {
    here = number;
    const picture = pictures[here];
    setZoom(1);
    image.src = picture.src;
    image.alt = picture.words;
    part('lightbox-words').textContent = picture.words;
    part('lightbox-place').textContent = pictures.length > 1
      ? likeness.tr('{number} of {count}', {number: here + 1, count: pictures.length}) : '';
    part('previous').hidden = !(here > 0 || turner(false));
    part('next').hidden = !(here < pictures.length - 1 || turner(true));
    for (const near of [pictures[here - 1], pictures[here + 1]]) if (near) new Image().src = near.src;
    if (document.activeElement?.hidden) part('close').focus();
  };
  const step = async by => {
    if (turning) return;
    const wanted = here + by;
    if (wanted >= 0 && wanted < pictures.length) return show(wanted);
    const button = turner(by > 0);
    if (!button) return;
    turning = true;
    const before = listed().map(picture => picture.name).join();
    button.click();
    for (const until = Date.now() + TURN_MS; Date.now() < until;) {
      await new Promise(done => setTimeout(done, 60));
      if (listed().map(picture => picture.name).join() !== before) break;
    }
    turning = false;
    const fresh = listed();
    if (!dialog.open || !fresh.length || fresh.map(picture => picture.name).join() === before) return;
    pictures = fresh;
    show(by > 0 ? 0 : pictures.length - 1);
  };
  const open = button => {
    const name = button.dataset.enlarge, card = button.closest('.training');
    ownCard = card ? `.training[data-job="${card.dataset.job}"]` : '';
    pictures = listed();
    let number = pictures.findIndex(picture => picture.name === name);
    if (number < 0) {
      pictures = [{name, src: button.dataset.src, words: button.dataset.words}];
      number = 0;
    }
    origin = button;
    first = name;
    dialog.showModal();
    show(number);
    part(part('next').hidden ? 'close' : 'next').focus();
  };
  const actions = {
    previous: () => step(-1), next: () => step(1), close: () => dialog.close(),
    larger: () => setZoom(zoom * 1.5), smaller: () => setZoom(zoom / 1.5),
  };
  const keys = {
    ArrowLeft: actions.previous, ArrowRight: actions.next, '+': actions.larger, '=': actions.larger,
    '-': actions.smaller, '0': () => setZoom(1), Home: () => show(0), End: () => show(pictures.length - 1),
  };

  if (isNew) {
    document.addEventListener('click', event => {
      const button = event.target.closest('[data-enlarge]');
      if (button) open(button);
    });
    dialog.addEventListener('click', event => {
      const button = event.target.closest('[data-do]');
      if (button) actions[button.dataset.do]();
    });
    dialog.addEventListener('keydown', event => {
      if (event.key === 'Tab') {
        const all = [...dialog.querySelectorAll('button:not([hidden])')];
        const next = (all.indexOf(document.activeElement) + (event.shiftKey ? -1 : 1) + all.length) % all.length;
        event.preventDefault();
        return all[next].focus();
      }
      if (!keys[event.key] || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      keys[event.key]();
    });
    /* The panel follows to the picture that was seen last. */
    dialog.addEventListener('close', () => {
      const name = pictures[here]?.name;
      const tile = [...document.querySelectorAll('#pictures-main .tile')].find(one => one.dataset.id === name);
      if (name !== first && tile && document.querySelector('#pictures-side')?.dataset.selecting !== 'yes') tile.click();
      /* the card of a training is drawn anew while it runs */
      const again = ownCard && previews().find(one => one.dataset.enlarge === first);
      const target = origin?.isConnected ? origin : again || document.querySelector('#picture-detail .enlarge');
      target?.focus({preventScroll: true});
      image.removeAttribute('src');
    });
    stage.addEventListener('dblclick', event => setZoom(zoom > 1 ? 1 : 2.5, [event.clientX, event.clientY]));
    stage.addEventListener('wheel', event => {
      event.preventDefault();
      setZoom(zoom * (event.deltaY < 0 ? 1.2 : 1 / 1.2), [event.clientX, event.clientY]);
    }, {passive: false});
    stage.addEventListener('pointerdown', event => {
      if (event.button) return;
      pressed = {x: event.clientX, y: event.clientY, shift: [...shift], moved: false};
      stage.setPointerCapture(event.pointerId);
    });
    stage.addEventListener('pointermove', event => {
      if (!pressed) return;
      const by = [event.clientX - pressed.x, event.clientY - pressed.y];
      pressed.moved ||= Math.hypot(...by) > 6;
      if (zoom === 1) return;
      shift = pressed.shift.map((old, axis) => old + by[axis]);
      place();
    });
    stage.addEventListener('pointerup', event => {
      if (!pressed) return;
      const across = event.clientX - pressed.x, along = event.clientY - pressed.y, moved = pressed.moved;
      pressed = null;
      if (zoom > 1) return;
      if (Math.abs(across) > SWIPE && Math.abs(across) > Math.abs(along)) return step(across < 0 ? 1 : -1);
      const box = image.getBoundingClientRect();
      const beside = event.clientX < box.left || event.clientX > box.right || event.clientY < box.top || event.clientY > box.bottom;
      if (beside && !moved) dialog.close();
    });
    stage.addEventListener('pointercancel', () => { pressed = null; });
  }
}
