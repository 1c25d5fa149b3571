/* The pictures of the Create tab: choosing several at once, and where the focus goes when one is opened.
   Gradio runs this with `element`, the gallery's block, and `trigger`; studio/ui/create/gallery_tools.py says
   what is sent. What is chosen lives here alone, so that a click costs no request; Gradio changes the tiles
   in place when the gallery is drawn again, and they are marked again then. */
{
  const side = element.closest('#pictures-side'), chosen = new Set(), SHEET = 1100;
  let last = null, opener = null;
  const tiles = () => [...side.querySelectorAll('.tile[data-action="open"]')];
  const isOn = () => side.dataset.selecting === 'yes';
  const set = (part, name, value) => {
    if (value === null ? part.hasAttribute(name) : part.getAttribute(name) !== value)
      value === null ? part.removeAttribute(name) : part.setAttribute(name, value);
  };

  const show = () => {
    for (const tile of tiles()) {
      if (isOn()) {
        set(tile, 'role', 'checkbox');
        set(tile, 'aria-checked', String(chosen.has(tile.dataset.id)));
        if (tile.hasAttribute('aria-pressed')) tile.dataset.pressed = tile.getAttribute('aria-pressed');
        set(tile, 'aria-pressed', null);
      } else if (tile.getAttribute('role')) {
        set(tile, 'role', null);
        set(tile, 'aria-checked', null);
        if (!tile.hasAttribute('aria-pressed')) set(tile, 'aria-pressed', tile.dataset.pressed || 'false');
      }
    }
    const select = side.querySelector('[data-select]'), count = side.querySelector('.chosen-count');
    if (!select || !count) return;
    set(select, 'aria-pressed', String(isOn()));
    const words = chosen.size
      ? likeness.tr('{count} selected', {count: chosen.size.toLocaleString(document.documentElement.lang)})
      : likeness.tr('None selected');
    if (count.textContent !== words) count.textContent = words;
    for (const button of side.querySelectorAll('[data-many]'))
      if (button.disabled !== !chosen.size) button.disabled = !chosen.size;
  };
  const turn = on => {
    side.dataset.selecting = on ? 'yes' : 'no';
    chosen.clear();
    last = null;
    show();
  };
  const choose = (tile, range) => {
    const all = tiles(), from = all.findIndex(one => one.dataset.id === last), to = all.indexOf(tile);
    const wanted = !chosen.has(tile.dataset.id);
    const others = range && from >= 0 ? all.slice(Math.min(from, to), Math.max(from, to) + 1) : [tile];
    for (const one of others) (range || wanted) ? chosen.add(one.dataset.id) : chosen.delete(one.dataset.id);
    last = tile.dataset.id;
    show();
  };

  side.addEventListener('click', event => {
    const tile = event.target.closest('.tile[data-action="open"]');
    if (event.target.closest('[data-select]')) return turn(!isOn());
    if (event.target.closest('[data-all]')) { tiles().forEach(one => chosen.add(one.dataset.id)); return show(); }
    const many = event.target.closest('[data-many]');
    if (many) {
      trigger('click', {action: many.dataset.many, id: '', names: [...chosen]});
      if (many.dataset.many === 'delete-chosen') turn(false);
      return;
    }
    if (tile && isOn()) {
      event.preventDefault();
      event.stopPropagation();
      choose(tile, event.shiftKey);
    } else if (tile) opener = {name: tile.dataset.id, byKey: event.detail === 0};
    else if (event.target.closest('#picture-detail [data-action="close"]') && event.detail === 0) back();
  }, true);

  /* A press of the mouse with the shift key would mark the text between two pictures. */
  side.addEventListener('mousedown', event => {
    if (isOn() && event.shiftKey && event.target.closest('.tile')) event.preventDefault();
  });

  const named = name => tiles().find(tile => tile.dataset.id === name);
  const back = () => named(opener?.name)?.focus();

  document.addEventListener('keydown', event => {
    if (side.offsetParent === null || document.querySelector('dialog[open]')) return;
    const writes = event.target.closest('input:not([type=range], [type=checkbox]), textarea');
    if (isOn() && !writes && event.key.toLowerCase() === 'a' && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      tiles().forEach(tile => chosen.add(tile.dataset.id));
      return show();
    }
    if (event.key === 'Escape' && isOn()) {
      turn(false);
      return side.querySelector('[data-select]')?.focus();
    }
    const close = side.querySelector('#picture-detail [data-action="close"]');
    if (event.key === 'Escape' && close && !writes) { close.click(); return back(); }
    const here = event.target.closest?.('#pictures-side .tile');
    if (here && event.key.startsWith('Arrow')) {
      const next = beside(here, event.key.slice(5));
      if (next) { event.preventDefault(); next.focus(); }
    }
  });

  /* The tile that one sees on this side of another. */
  const beside = (tile, where) => {
    const all = tiles(), number = all.indexOf(tile);
    if (where === 'Left') return all[number - 1];
    if (where === 'Right') return all[number + 1];
    const box = tile.getBoundingClientRect(), down = where === 'Down';
    const rows = all.map(one => [one, one.getBoundingClientRect()])
      .filter(([, its]) => down ? its.top > box.top + 4 : its.top < box.top - 4);
    const row = rows[down ? 0 : rows.length - 1]?.[1].top;
    return rows.filter(([, its]) => Math.abs(its.top - row) < 4)
      .sort(([, a], [, b]) => Math.abs(a.left - box.left) - Math.abs(b.left - box.left))[0]?.[0];
  };

  /* When a picture has been opened: who pressed a key goes on in its panel, and below a narrow window's sheet
     the pressed tile stays in sight. */
  const detail = side.querySelector('#picture-detail');
  const opened = () => {
    if (!opener || opener.isShown || !detail.querySelector('.picture')) return;
    const tile = named(opener.name);
    opener.isShown = true;
    if (opener.byKey) detail.querySelector('.enlarge, .icon-button')?.focus({preventScroll: true});
    if (window.innerWidth >= SHEET || !tile) return;
    const sheet = detail.querySelector('.picture').getBoundingClientRect(), box = tile.getBoundingClientRect();
    const isBelow = sheet.top > window.innerHeight / 4 && box.bottom > sheet.top - 8;
    if (isBelow || box.top < 0) window.scrollBy(0, box.top - Math.max(8, (sheet.top - box.height) / 2));
  };

  new MutationObserver(() => { show(); opened(); }).observe(side, {
    childList: true, subtree: true, attributes: true, attributeFilter: ['role', 'aria-checked', 'aria-pressed', 'data-id'],
  });
  turn(false);
}
