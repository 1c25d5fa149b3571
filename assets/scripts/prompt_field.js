/* Behind a prompt's text area lies a copy of its text, in which handles are chips and words underlined; after a
   `<` a list of concepts opens. Gradio runs this with `element`, the block that studio/ui/create/prompt_field.py
   draws, and `trigger`. The text area stays the browser's own: everything that is written here goes through
   its undo. */
{
  const block = element.closest('[id$="-marks"]'), name = block.id.replace(/-marks$/, '');
  const options = () => document.querySelector(`#${name}-options ul`);
  const make = (tag, more) => Object.assign(document.createElement(tag), more);
  const copy = make('div', {className: 'prompt-copy'}), list = make('ul', {className: 'prompt-list', hidden: true});
  const said = make('span', {className: 'unseen'});
  copy.setAttribute('aria-hidden', 'true');
  list.id = `${name}-list`;
  list.setAttribute('role', 'listbox');
  list.setAttribute('aria-label', window.likeness.tr('Concepts'));
  said.setAttribute('role', 'status');
  let area = null, text = '', marks = [], chosen = 0, shut = -1;  // marks: for each letter, its mark or null

  /* Put the copy behind the text area, which Gradio may have made anew. */
  const attach = () => {
    const present = document.querySelector(`#${name} textarea`);
    if (!present || present === area) return Boolean(present);
    area = present;
    area.parentElement.classList.add('has-copy');
    area.before(copy);
    area.after(list, said);
    area.setAttribute('aria-autocomplete', 'list');
    area.setAttribute('aria-controls', list.id);
    area.setAttribute('aria-describedby', `${name}-notes`);
    area.addEventListener('input', typed);
    area.addEventListener('scroll', () => { copy.scrollTop = area.scrollTop; });
    area.addEventListener('keydown', pressed);
    area.addEventListener('blur', close);
    for (const event of ['click', 'keyup']) area.addEventListener(event, offer);
    new ResizeObserver(fit).observe(area);
    return true;
  };
  const fit = () => {
    if (!area?.isConnected) return;
    const style = getComputedStyle(area);
    for (const part of ['font', 'letterSpacing', 'wordSpacing', 'lineHeight', 'padding', 'textAlign', 'textIndent', 'tabSize'])
      copy.style[part] = style[part];
    Object.assign(copy.style, {left: `${area.offsetLeft + area.clientLeft}px`, top: `${area.offsetTop + area.clientTop}px`,
      width: `${area.clientWidth}px`, height: `${area.clientHeight}px`});
    copy.scrollTop = area.scrollTop;
  };

  /* Draw the copy: letters of one mark stand in one element. */
  const draw = () => {
    const parts = [];
    for (let at = 0; at < text.length;) {
      let end = at + 1;
      while (end < text.length && marks[end] === marks[at]) end += 1;
      parts.push(marks[at] ? make(marks[at].tag, {textContent: text.slice(at, end)}) : text.slice(at, end));
      at = end;
    }
    copy.replaceChildren(...parts, '\u200b');  // else a line break at the end would have no line
    fit();
  };
  /* Move the marks with a text that was changed, and drop those that were written into. */
  const follow = now => {
    if (now === text) return draw();
    let head = 0, tail = 0;
    while (head < Math.min(text.length, now.length) && text[head] === now[head]) head += 1;
    while (tail < Math.min(text.length, now.length) - head && text[text.length - 1 - tail] === now[now.length - 1 - tail]) tail += 1;
    const until = text.length - tail, gone = new Set(marks.slice(head, until));
    const before = marks[head - 1], after = marks[until], added = now.slice(head, now.length - tail);
    if (before && before === after) gone.add(before);
    if (before?.tag === 'u' && !/^\W/.test(added)) gone.add(before);
    if (after?.tag === 'u' && !/\W$/.test(added)) gone.add(after);
    gone.delete(null);
    marks = [...marks.slice(0, head), ...Array(added.length).fill(null), ...marks.slice(until)]
      .map(mark => gone.has(mark) ? null : mark);
    text = now;
    draw();
  };
  /* Take the marks of an answer, and move them to what was typed since. */
  const take = () => {
    const source = element.querySelector('.prompt-marked');
    if (!attach() || !source) return;
    element.querySelector('.notes').id = `${name}-notes`;
    text = source.textContent;
    marks = [];
    for (const node of source.childNodes) {
      const mark = node.nodeType === 1 ? {tag: node.localName} : null;
      marks.push(...Array(node.textContent.length).fill(mark));
    }
    follow(area.value);
    tools();
  };
  const typed = () => { follow(area.value); shut = -1; offer(); };

  /* What is being typed as a handle: where it begins, and its letters after the `<`. */
  const begun = () => {
    if (area.selectionStart !== area.selectionEnd) return null;
    const found = /<([a-z0-9][a-z0-9_-]{0,30})?$/i.exec(area.value.slice(0, area.selectionStart));
    return found && {start: found.index, letters: (found[1] || '').toLowerCase()};
  };
  let asked = null;
  const close = () => {
    list.hidden = true;
    area.removeAttribute('aria-activedescendant');
    said.textContent = '';
    asked = null;  // concepts come and go until the next time
  };
  const offer = () => {
    const now = document.activeElement === area ? begun() : null;
    if (!now || now.start === shut) return close();
    if (asked !== now.letters) trigger('input', {typed: asked = now.letters});
    show();
  };
  /* Show those of the concepts that were sent last that suit what stands there now. */
  const show = () => {
    const now = begun(), came = options();
    if (!now || !came || document.activeElement !== area || now.start === shut
      || !now.letters.startsWith(came.dataset.typed)) return close();
    const suits = row => row.dataset.handle.includes(now.letters) || row.dataset.noun.includes(now.letters);
    const rows = [...came.children].filter(suits).map(row => row.cloneNode(true));
    const isSame = rows.map(row => row.dataset.handle).join() === [...list.children].map(row => row.dataset.handle).join();
    if (!rows.length) return close();
    if (!isSame || list.hidden) {
      list.replaceChildren(...rows);
      chosen = 0;
    }
    list.hidden = false;
    const mark = document.createRange(), walk = document.createTreeWalker(copy, NodeFilter.SHOW_TEXT);
    for (let left = now.start, node = walk.nextNode(); node; left -= node.length, node = walk.nextNode())
      if (left < node.length) { mark.setStart(node, left); mark.setEnd(node, left + 1); break; }
    const box = mark.getBoundingClientRect(), frame = area.parentElement.getBoundingClientRect();
    const most = Math.max(0, frame.width - list.offsetWidth);
    list.style.left = `${Math.min(Math.max(0, box.left - frame.left - 8), most)}px`;
    list.style.top = `${Math.min(box.bottom - frame.top, area.offsetTop + area.offsetHeight) + 4}px`;
    choose(chosen);
    const {tr} = window.likeness, count = rows.length;
    const words = count === 1 ? tr('{count} concept: arrow keys choose, Enter takes one.', {count})
      : tr('{count} concepts: arrow keys choose, Enter takes one.', {count});
    if (said.textContent !== words) said.textContent = words;
  };
  const choose = number => {
    const rows = [...list.children];
    chosen = (number + rows.length) % rows.length;
    rows.forEach((row, at) => {
      row.id = `${name}-option-${at}`;
      row.setAttribute('aria-selected', String(at === chosen));
    });
    area.setAttribute('aria-activedescendant', rows[chosen].id);
    rows[chosen].scrollIntoView({block: 'nearest'});
  };
  const write = (from, to, words) => {
    area.focus();
    area.setSelectionRange(from, to);
    if (document.execCommand('insertText', false, words)) return;  // keeps the browser's undo
    area.setRangeText(words, from, to, 'end');
    area.dispatchEvent(new Event('input', {bubbles: true}));
  };
  const accept = row => {
    const now = begun(), after = area.value.slice(area.selectionStart);
    const rest = /^[a-z0-9_-]*>?/i.exec(after)[0].length;
    write(now.start, area.selectionStart + rest, row.dataset.handle + (after.length === rest ? ' ' : ''));
    close();
  };
  const pressed = event => {
    if (list.hidden || event.isComposing || event.ctrlKey || event.metaKey || event.altKey) return;
    const {key} = event;
    if (key === 'ArrowDown') choose(chosen + 1);
    else if (key === 'ArrowUp') choose(chosen - 1);
    else if (key === 'Enter' || (key === 'Tab' && !event.shiftKey)) accept(list.children[chosen]);
    else if (key === 'Escape') { shut = begun()?.start ?? -1; close(); }
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  list.addEventListener('pointerdown', event => event.preventDefault());  // the text area keeps the focus
  list.addEventListener('click', event => {
    const row = event.target.closest('li');
    if (row) accept(row);
  });

  /* Earlier prompts: the list below opens and shuts here, and is drawn by the server each time. */
  const past = () => document.querySelector(`#${name}-history`);
  const isOpen = () => past()?.dataset.open === 'yes';
  const tools = () => element.querySelector('[data-action="history"]')?.setAttribute('aria-expanded', String(isOpen()));
  const turn = on => {
    past().dataset.open = on ? 'yes' : 'no';
    tools();
    isNew = on;
  };
  /* Show the prompts that came; a screen keyboard would hide them, so only others get the focus at once. */
  let isNew = false;
  const came = () => {
    if (!isOpen()) return;
    sift();
    const field = past().querySelector('input');
    if (!isNew || !field) return;
    isNew = false;
    if (window.matchMedia('(hover: hover)').matches) field.focus({preventScroll: true});
    window.likeness.reveal(past());
  };
  const sift = () => {
    const words = (past().querySelector('input')?.value || '').toLowerCase().split(/\s+/);
    for (const row of past().querySelectorAll('li'))
      row.hidden = !words.every(word => row.textContent.toLowerCase().includes(word));
    const none = past().querySelector('.nothing');
    if (none) none.hidden = Boolean(past().querySelector('li:not([hidden])'));
  };
  element.addEventListener('click', event => {
    if (event.target.closest('[data-action="history"]')) { turn(!isOpen()); came(); }
  });
  document.addEventListener('input', event => { if (event.target.closest(`#${name}-history`)) sift(); });
  document.addEventListener('click', event => {
    const row = event.target.closest(`#${name}-history [data-prompt]`);
    if (!row || !attach()) return;
    write(0, area.value.length, row.dataset.prompt);
    turn(false);
    area.scrollIntoView({block: 'nearest'});
  });
  document.addEventListener('keydown', event => {
    if (!isOpen() || !event.target.closest?.(`#${name}-history`)) return;
    const rows = [...past().querySelectorAll('li:not([hidden]) [data-prompt]')], at = rows.indexOf(document.activeElement);
    if (event.key === 'Escape') { turn(false); element.querySelector('[data-action="history"]').focus(); }
    else if (event.key === 'ArrowDown') (rows[at + 1] || rows[0])?.focus();
    else if (event.key === 'ArrowUp') (rows[at - 1] || past().querySelector('input'))?.focus();
    else if (event.key === 'Enter' && event.target.localName === 'input') rows[0]?.click();
    else return;
    event.preventDefault();
    event.stopPropagation();
  });

  new MutationObserver(take).observe(element, {childList: true, subtree: true, characterData: true, attributes: true, attributeFilter: ['aria-pressed']});
  for (const [list, answer] of [['options', () => { if (area) show(); }], ['history', came]])
    new MutationObserver(answer).observe(document.getElementById(`${name}-${list}`),
      {childList: true, subtree: true, attributes: true, attributeFilter: ['data-typed', 'data-prompt']});
  document.addEventListener('focusin', event => { if (event.target.closest(`#${name}`)) take(); });
  take();
}
