/* A zone for files, dropped, pasted or picked: how far the upload is, then what came of it. Gradio runs this with
   `element`, `trigger` and `upload`; studio/ui/parts/html_blocks.py says what is sent. */
const zone = element.querySelector('.drop'), input = element.querySelector('input');
const MOST = 60, ANSWER_MS = 60000;
const title = zone.querySelector('strong'), text = zone.querySelector('span'), bar = zone.querySelector('progress');
const words = [title.textContent, text.textContent];
const show = (first, second, share) => {
  [title.textContent, text.textContent] = [first, second];
  bar.hidden = share === null;
  if (share === undefined) bar.removeAttribute('value'); else if (share !== null) bar.value = share;
};
const rest = () => { zone.classList.remove('busy'); show(...words, null); };
/* Wait until what comes of the files is on the page. */
const answered = () => {
  const places = [...document.querySelectorAll(zone.dataset.answers || '#nowhere')];
  if (!places.length) return rest();
  const watcher = new MutationObserver(() => { watcher.disconnect(); rest(); });
  for (const place of places) watcher.observe(place, {childList: true, subtree: true, attributes: true});
  setTimeout(() => { watcher.disconnect(); rest(); }, ANSWER_MS);
};
const take = async list => {
  const chosen = [...list].slice(0, MOST), left = [...list].slice(MOST).map(file => file.name);
  if (!chosen.length || zone.classList.contains('busy')) return;
  zone.classList.add('busy');
  const files = [], failed = [];
  for (const [number, file] of chosen.entries()) {
    const count = chosen.length;
    const uploading = count === 1 ? likeness.tr('Uploading 1 file') : likeness.tr('Uploading {count} files', {count});
    show(uploading, likeness.tr('{number} of {count} are here', {number, count}), number / count);
    try { files.push((await upload(file)).path); } catch (error) { failed.push(file.name); }
  }
  input.value = '';
  const count = files.length;
  const opening = count === 1 ? likeness.tr('Opening 1 file') : likeness.tr('Opening {count} files', {count});
  show(opening, likeness.tr('A moment'), undefined);
  trigger('upload', {files: files, failed: failed, left: left});
  answered();
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
  if (element.offsetParent !== null && event.clipboardData.files.length) take(event.clipboardData.files);
});
zone.dataset.ready = 'yes';
