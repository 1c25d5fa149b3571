/* Asks every second what has changed in the open tab and outside of tabs, and has it drawn again. The question is
   a request of its own: a call through Gradio costs the browser several times as much. It also notices when the
   studio stops answering, and when the page's session is gone, as after a new start of the studio: the page is
   loaded anew then, and gets its draft back. `start` names the process that has served the page. */
const EVERY_MS = 1000, ANSWER_MS = 15000, PATIENCE = 3;
const {tr} = window.likeness;
let failures = 0, timer = 0, asking = false, asksAgain = false;
const newName = () => Date.now().toString(36) + Math.random().toString(36).slice(2);
const openTab = likeness.openTab = () => tabs.find(name => document.getElementById(panel + name)?.offsetParent) || '';
likeness.visit = newName();

const say = words => {
  document.getElementById('lost')?.remove();
  if (!words) return;
  const card = Object.assign(document.createElement('div'), {id: 'lost', textContent: words});
  card.setAttribute('role', 'alert');
  (document.querySelector('dialog[open]') || document.querySelector('.gradio-container') || document.body).append(card);
};

const ask = async () => {
  const about = new URLSearchParams({visit: likeness.visit, tab: openTab()});
  const address = `${location.pathname.replace(/\/?$/, '/')}gradio_api/changed?${about}`;
  const answer = await fetch(address, {signal: AbortSignal.timeout(ANSWER_MS)});
  if (answer.status === 401) { location.reload(); return; }  // logged out elsewhere
  if (!answer.ok) throw new Error(answer.status);
  const told = await answer.json();
  if (start !== told.start) { location.reload(); return; }
  if (failures >= PATIENCE) say('');
  if (failures) likeness.visit = newName();  // answers may be lost: all is drawn under a new name
  failures = 0;
  likeness.tell?.(told.news);
  for (const tab of told.changed) likeness.draw[tab]?.();
};

/* Ask now, and every second from then on. */
const askNow = async () => {
  if (asking) { asksAgain = true; return; }
  clearTimeout(timer);
  asking = true;
  try {
    await ask();
  } catch {
    failures += 1;
    if (failures === PATIENCE)
      say(tr('The studio does not answer. Once it runs again, this page goes on by itself; what is written until then is not kept.'));
  } finally {
    asking = false;
    timer = setTimeout(askNow, asksAgain ? 0 : EVERY_MS);
    asksAgain = false;
  }
};
/* What a person does may have changed something: ask at once, when a tab that was just selected is shown. What is
   typed in a search field the server learns only when the views beside it are drawn, so that is done in any case. */
likeness.askNow = () => setTimeout(() => {
  if (withText.includes(openTab())) likeness.draw[openTab()]?.();
  askNow();
}, 0);
askNow();
