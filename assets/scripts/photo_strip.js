/* The photos of a training: dragged to another place, or moved and removed by keyboard. Gradio runs this behind
   the script of a button block, with `element` and `trigger`; studio/ui/train/photo_strip.py draws the tiles. */
{
  let dragged = null, focusNext = null, forget = 0;
  const tiles = () => [...element.querySelectorAll('.photo-tile')];
  const tileOf = event => event.target.closest?.('.photo-tile');
  const number = tile => Number(tile.dataset.number);
  const mark = (tile, name) => {
    for (const one of tiles()) one.classList.remove('before', 'after');
    if (tile && name) tile.classList.add(name);
  };
  /* On which side of a tile the dragged one would come to stand. */
  const side = (tile, event) => {
    const box = tile.getBoundingClientRect();
    return event.clientX < box.left + box.width / 2 ? 'before' : 'after';
  };
  const move = (from, to) => {
    if (to < 0 || to >= tiles().length || to === from) return;
    trigger('click', {action: 'move', id: String(from), to});
  };
  element.addEventListener('dragstart', event => {
    const tile = tileOf(event);
    if (!tile) return;
    dragged = number(tile);
    event.dataTransfer.effectAllowed = 'move';
    event.dataTransfer.setData('text/plain', '');
    tile.classList.add('dragged');
  });
  element.addEventListener('dragover', event => {
    const tile = tileOf(event);
    if (dragged === null || !tile) return;
    event.preventDefault();
    event.dataTransfer.dropEffect = 'move';
    mark(tile, number(tile) === dragged ? '' : side(tile, event));
  });
  element.addEventListener('drop', event => {
    const tile = tileOf(event);
    if (dragged === null || !tile) return;
    event.preventDefault();
    const gap = number(tile) + (side(tile, event) === 'after' ? 1 : 0);
    move(dragged, gap > dragged ? gap - 1 : gap);
  });
  element.addEventListener('dragend', () => {
    dragged = null;
    mark(null);
    for (const one of tiles()) one.classList.remove('dragged');
  });
  const below = (tile, down) => {
    const box = tile.getBoundingClientRect();
    const others = tiles().map(one => [one, one.getBoundingClientRect()])
      .filter(([, its]) => down ? its.top > box.top + 4 : its.top < box.top - 4)
      .sort(([, a], [, b]) => Math.abs(a.top - box.top) - Math.abs(b.top - box.top)
        || Math.abs(a.left - box.left) - Math.abs(b.left - box.left));
    return others[0]?.[0];
  };
  element.addEventListener('keydown', event => {
    const button = event.target.closest?.('.tile'), tile = button && tileOf(event);
    if (!tile || event.ctrlKey || event.metaKey || event.altKey) return;
    const at = number(tile), by = {ArrowLeft: -1, ArrowRight: 1}[event.key];
    if (event.key === 'Delete') {
      focusOn(Math.min(at, tiles().length - 2));
      trigger('click', {action: 'remove', id: String(at)});
    } else if (by && event.shiftKey) {
      if (at + by < 0 || at + by >= tiles().length) return;
      move(at, at + by);
      focusOn(at + by);
    } else if (by) tiles()[at + by]?.querySelector('.tile').focus();
    else if (event.key === 'ArrowUp' || event.key === 'ArrowDown')
      below(tile, event.key === 'ArrowDown')?.querySelector('.tile').focus();
    else return;
    event.preventDefault();
  });
  /* Gradio changes the tiles in place where it can: the focus stays on the number, and comes back if it is lost. */
  const focusOn = number => {
    focusNext = Math.max(0, number);
    tiles()[focusNext]?.querySelector('.tile').focus();
    clearTimeout(forget);
    forget = setTimeout(() => { focusNext = null; }, 3000);
  };
  new MutationObserver(() => {
    if (focusNext === null || document.activeElement !== document.body) return;
    tiles()[focusNext]?.querySelector('.tile').focus();
  }).observe(element, {childList: true, subtree: true});
}
