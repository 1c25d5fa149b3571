/* A zone for files, dropped, pasted or picked: how far the upload is, then what came of it. Gradio runs this with
   `element`, `trigger` and `upload`; studio/ui/parts/html_blocks.py says what is sent. */
const zone = element.querySelector('.drop'), input = element.querySelector('input');
const MOST = 60, ANSWER_MS = 60000;
const title = zone.querySelector('strong'), text = zone.querySelector('span'), bar = zone.querySelector('progress');
const words = [title.textContent, text.textContent];
const batches = [];  // files that came while others are on their way
let said = words;
const show = (first, second, share) => {
  said = [first, second, share];
  const count = batches.flat().length;
  const more = count === 1 ? likeness.tr('1 more file waits') : likeness.tr('{count} more files wait', {count});
  [title.textContent, text.textContent] = [first, count ? `${second} · ${more}` : second];
  bar.hidden = share === null;
  if (share === undefined) bar.removeAttribute('value'); else if (share !== null) bar.value = share;
};
const rest = () => { zone.classList.remove('busy'); show(...words, null); };
/* Wait until the call has been answered, if somebody tells the zone when it is. */
const answer = () => new Promise(done => {
  if (!('answered' in zone.dataset)) return done();
  zone.addEventListener('answered', done, {once: true});
  setTimeout(done, ANSWER_MS);
});
const bring = async list => {
  const chosen = list.slice(0, MOST), left = list.slice(MOST).map(file => file.name);
  const files = [], failed = [];
  for (const [number, file] of chosen.entries()) {
    const count = chosen.length;
    const uploading = count === 1 ? likeness.tr('Uploading 1 file') : likeness.tr('Uploading {count} files', {count});
    show(uploading, likeness.tr('{number} of {count} are here', {number, count}), number / count);
    try { files.push((await upload(file)).path); } catch (error) { failed.push(file.name); }
  }
  const count = files.length;
  const opening = count === 1 ? likeness.tr('Opening 1 file') : likeness.tr('Opening {count} files', {count});
  show(opening, likeness.tr('A moment'), undefined);
  const answered = answer();
  trigger('upload', {files: files, failed: failed, left: left});
  await answered;
};
const take = async list => {
  if (list.length) batches.push([...list]);
  input.value = '';
  if (zone.classList.contains('busy')) return show(...said);
  zone.classList.add('busy');
  while (batches.length) await bring(batches.shift());
  rest();
};
input.addEventListener('change', () => take(input.files));
for (const name of ['dragenter', 'dragover', 'dragleave', 'drop']) {
  zone.addEventListener(name, event => {
    event.preventDefault();
    zone.classList.toggle('over', name === 'dragenter' || name === 'dragover');
    if (name === 'drop') take(event.dataTransfer.files);
  });
}
document.addEventListener('paste', event => {
  /* beside text, a picture is only another form of it, such as of cells of a table */
  const isText = event.target.closest?.('input, textarea') && event.clipboardData.types.includes('text/plain');
  if (element.offsetParent === null || isText || document.querySelector('dialog[open]')) return;
  if (event.clipboardData.files.length) take(event.clipboardData.files);
});
zone.dataset.ready = 'yes';
