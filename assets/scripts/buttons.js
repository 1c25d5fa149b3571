/* The buttons of a block: what is pressed is told with its `data-action` and `data-id`, and with where it was pressed.
   `data-ask` is asked first; the text for `data-write` is written first. Gradio runs this with the block. */
const press = async (source, event) => {
  if (source.disabled) return;
  if (source.dataset.ask && !await window.likeness.ask(source.dataset.ask, source.textContent)) return;
  const {write, value} = source.dataset;
  const text = write ? await window.likeness.write(write, source.textContent, value || '') : '';
  if (text === null) return;
  const box = source.getBoundingClientRect();
  const x = (event.clientX - box.left) / box.width, y = (event.clientY - box.top) / box.height;
  trigger('click', {action: source.dataset.action, id: source.dataset.id || '', x, y, text});
};
const buttonAt = target => {
  const found = target.closest('[data-action]');
  return found && element.contains(found) ? found : null;
};
/* When the server draws the block anew, what is on the page is changed in place: between press and release a button may
   become another's. What was pressed counts; where it is gone, nothing does. */
const isSame = (one, other) => one.action === other.action && one.id === other.id;
let pressed = null;
element.addEventListener('pointerdown', event => { pressed = {...buttonAt(event.target)?.dataset}; });
element.addEventListener('click', event => {
  const source = buttonAt(event.target), byPointer = event.detail > 0 && pressed;
  if (!source) return;
  const others = [...element.querySelectorAll('[data-action]')];
  const meant = !byPointer || isSame(source.dataset, pressed) ? source : others.find(one => isSame(one.dataset, pressed));
  pressed = null;
  if (meant) press(meant, event);
});
