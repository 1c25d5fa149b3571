"""Nothing is lost on a reload: what is filled in is kept as a draft, and comes back with the page.

A browser makes up an id once and sends it when the page opens. The id comes from one line of script in place
of Gradio's BrowserState, which has its value only after the page's first request was sent.
"""

from __future__ import annotations

import functools
from typing import Any

import gradio as gr

from studio.ui.kept_form import KeptForm, afresh_button
from studio.ui.parts.handlers import Changes, Connector
from studio.ui.parts.html_blocks import hidden_text, pressed_button
from studio.ui.parts.markup import button, note_card
from studio.ui.train.mask_overlay import Subjects
from studio.ui.train.photos_box import PhotosBox, drawn_strip
from studio.ui.train.session_photos import SessionPhotos, locked
from studio.words import tr
from studio.workspace.drafts import is_draft_id
from studio.workspace.workspace import Workspace

TAB = "tab"  # under which a draft holds the open tab
SEND_MS = 400  # what is typed within this time is sent together
# the tab that is open once a tab that was just selected is shown; scripts/live_views.js knows it
OPEN_TAB_SCRIPT = f"""async (...values) => {{
  await new Promise(done => setTimeout(done, {SEND_MS}));
  return [window.likeness.openTab?.() || '', ...values.slice(1)];
}}"""
OPEN_SCRIPT = "(...values) => { values[0] = window.likeness.browser(); return values; }"
GO_BACK_SCRIPT = """tab => {
  const button = tab && document.getElementById('panel-' + tab + '-button');
  if (button && !window.likeness.hasChosenTab) button.click();
}"""  # not where a person was quicker than the answer, and has chosen another tab meanwhile
EMPTIED = {
    "train": tr("Photos, names and settings are emptied."),
    "create": tr("Prompt and settings are emptied."),
}


def connect_drafts(
    workspace: Workspace,
    connector: Connector,
    opened: Any,
    form: KeptForm,
    box: PhotosBox,
    panels: dict[str, gr.Tab],
    blocks: dict[str, gr.HTML],
    notice: gr.HTML,
) -> None:
    """Keep a draft of the form, and bring it back when the page opens.

    Args:
        opened: the event after which the draft is brought back.
        blocks: by the id of a tab, the block with its `afresh_button`.
    """
    sent, browser, open_tab = hidden_text(), hidden_text(), hidden_text()
    last_tab = hidden_text("last-tab")
    connect = functools.partial(connector.connect, notice=notice, refresh=False)
    photo_parts = [box.strip, box.refusals]

    def shown(session: SessionPhotos) -> dict[Any, Any]:
        return {box.strip: drawn_strip(session, Subjects(), workspace.advise), box.refusals: ""}

    @locked
    def restore(sent: str, session: SessionPhotos) -> Changes:
        if not is_draft_id(sent):
            return None
        draft, is_begun = workspace.drafts.read(sent), not session.is_empty
        keep_photos = functools.partial(workspace.drafts.keep_photos, sent)
        session.restore(draft.photos, keep_photos, draft.swap)
        changes: dict[Any, Any] = {browser: sent}
        if draft.form:  # who was quicker than the draft keeps the photos, and what was filled in for them
            changes |= form.changes(
                draft.form, [tab for tab in form.tabs if not (is_begun and tab == "train")]
            )
        if not (is_begun or session.is_empty):
            changes |= shown(session)
        if (tab := draft.form.get(TAB)) in panels:
            changes[last_tab] = tab
        return changes

    def keep(tab: str, browser: str, values: Any, knobs: Any, positions: Any) -> Changes:
        if is_draft_id(browser):
            place = {TAB: tab} if tab in panels else {}
            workspace.drafts.keep_form(browser, form.written(values, knobs, positions) | place)
        return None

    # `browser` is empty until the draft is back: what is sent before that would empty it
    restored = connect(
        opened,
        restore,
        inputs={"sent": sent, "session": box.session},
        outputs=[browser, *form.outputs, *photo_parts, last_tab],
        js=OPEN_SCRIPT,
    )
    restored.then(None, [last_tab], js=GO_BACK_SCRIPT)
    changed = [control.change for control in (*form.controls.values(), *form.sliders)]
    changed += [panel.select for panel in panels.values()]
    connect(
        functools.partial(gr.on, changed),
        keep,
        inputs={"tab": open_tab, "browser": browser, **form.inputs},
        trigger_mode="always_last",
        js=OPEN_TAB_SCRIPT,
    )

    def form_emptier(tab: str, emptied: gr.State) -> Any:
        with_photos = tab == "train"

        @locked
        def press(
            session: SessionPhotos, before: Any, values: Any, knobs: Any, positions: Any, event: gr.EventData
        ) -> Changes:
            action, _ = pressed_button(event)
            if action == "afresh":
                photos = (tuple(session.all_photos), session.swapped)
                now = (form.written(values, knobs, positions), photos)
                note = note_card(EMPTIED[tab], button("back", tr("Undo"), kind="strong"))
                kept, photos, html = {}, ((), None), note
            elif action == "back" and before is not None:
                now, (kept, photos), html = None, before, afresh_button()
            else:
                return None
            changes = {emptied: now, blocks[tab]: html, **form.changes(kept, [tab])}
            if with_photos:
                session.begin(*photos)
                changes |= shown(session)
            return changes

        return press

    for tab, block in blocks.items():
        emptied = gr.State(None)
        connect(
            block.click,
            form_emptier(tab, emptied),
            inputs={"session": box.session, "before": emptied, **form.inputs},
            outputs=[emptied, block, *form.outputs, *(photo_parts if tab == "train" else [])],
        )
