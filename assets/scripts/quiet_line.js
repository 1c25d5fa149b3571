/* The line that says how a picture is painted: a press on a part opens its controls below, and shuts those of
   the others. Gradio runs this with `element`, the line's block; studio/ui/create/sampling_line.py draws it. */
{
  const frame = element.closest('.quiet-frame');
  const show = () => {
    const open = frame.dataset.open || '';
    for (const part of element.querySelectorAll('[data-opens]')) {
      const isOpen = String(part.dataset.opens === open);
      if (part.getAttribute('aria-expanded') !== isOpen) part.setAttribute('aria-expanded', isOpen);
    }
  };
  element.addEventListener('click', event => {
    const part = event.target.closest('[data-opens]');
    if (part) {
      frame.dataset.open = frame.dataset.open === part.dataset.opens ? '' : part.dataset.opens;
      show();
      const opened = document.getElementById(`quiet-${frame.dataset.open}`);
      if (opened) window.likeness.reveal(opened);
    }
    if (!event.target.closest('[data-bases]')) return;
    document.querySelector('#page-header [data-action="bases"]')?.click();
    window.likeness.reveal('#base-picker .base-picker');
  });
  new MutationObserver(show).observe(element, {childList: true, subtree: true, attributes: true, attributeFilter: ['data-opens', 'aria-expanded']});
  show();
}
