"""The Create tab: a prompt with concepts in it on the left, pictures as they are painted on the right."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

import gradio as gr

from studio.errors import StudioError
from studio.recipe import Recipe, handles_in, random_seed, read_recipe
from studio.ui.paintings import gallery, painting_card, picture_at
from studio.ui.progress_card import current_job
from studio.ui.recipe_words import picture_card
from studio.ui.thumbnails import portrait
from studio.ui.wire import Live, Wire, act_of, board, drawing, drop_zone, uploaded, whole
from studio.workspace import Workspace

STRENGTHS_HIGH = 4
REMEMBERED_SECONDS = 600.0
SHOW_PAINTING = """() => {
  if (window.innerWidth > 720 || document.querySelector('#create-notice .error')) return;
  document.querySelector('#gallery').parentElement.scrollIntoView({behavior: 'smooth'});
}"""


@dataclass
class CreateTab:
    """What others need: the prompt to write a handle into, and the live drawings."""

    prompt: gr.Textbox
    lives: list[Live]


def with_handle(prompt: str, handle: str) -> str:
    """`prompt` with a handle at its end; an empty one becomes the plainest sentence about it."""
    if not prompt.strip():
        return f"a photo of {handle}"
    return prompt if handle in handles_in(prompt) else f"{prompt.rstrip()} {handle}"


def chips(workspace: Workspace) -> str:
    """Every concept as a button that writes its handle into the prompt."""
    entries = workspace.library.entries()
    if not entries:
        return '<p class="faint">Concepts you have trained appear here, ready to be put into the prompt.</p>'
    return (
        '<div class="chips" aria-label="Concepts">'
        + "".join(
            f'<button type="button" class="chip" data-act="insert" data-id="{escape(handle)}"'
            f' title="Put {escape(handle)} into the prompt">{portrait(workspace, entry)}'
            f"<code>{escape(handle)}</code><small>{escape(noun)}</small></button>"
            for entry in entries
            for handle, noun in entry.header.handles.items()
        )
        + "</div>"
    )


def examples(workspace: Workspace) -> str:
    """Prompts that suit the base."""
    prompts = workspace.base_defaults().prompts
    rows = "".join(
        f'<button type="button" class="act act-link" data-act="example" data-id="{escape(prompt)}">'
        f"{escape(prompt)}</button>"
        for prompt in prompts[:6]
    )
    return f'<div class="examples"><span class="faint">Try</span>{rows}</div>' if rows else ""


def create_tab(workspace: Workspace, wire: Wire) -> CreateTab:
    """Build the tab."""
    defaults = workspace.base_defaults()
    closed, selected, opened = gr.State(0), gr.State(""), gr.State(None)
    named, last_seed = gr.State([]), gr.State(None)
    with gr.Row(elem_classes="two-sides"):
        with gr.Column(scale=5, elem_classes=["side", "sheet"]):
            prompt = gr.Textbox(
                "",
                label="Prompt",
                lines=3,
                max_lines=8,
                max_length=1000,
                elem_id="prompt",
                autofocus=False,
                placeholder="a photo of <lily> on a blue background",
                info="Ctrl+Enter paints",
            )
            chip_board = board("concept-chips", chips(workspace))
            example_board = board("examples", examples(workspace))
            strengths = [
                gr.Slider(
                    0.0,
                    2.0,
                    value=1.0,
                    step=0.05,
                    visible=False,
                    elem_id=f"strength-{number}",
                    buttons=["reset"],
                    info="0 is the plain noun, 1 is as learned",
                )
                for number in range(STRENGTHS_HIGH)
            ]
            notice = drawing(elem_id="create-notice")
            paint = gr.Button("Paint", variant="primary", size="lg", elem_id="paint")
            with gr.Row(elem_classes="bottom"):
                count = gr.Slider(1, 8, value=2, step=1, label="Pictures", elem_id="count", buttons=[])
                seed = gr.Number(random_seed(), precision=0, label="Seed", elem_id="seed", min_width=120)
            with gr.Row(elem_classes="tight"):
                again = gr.Checkbox(True, label="A new seed every time", elem_id="random-seed")
                reuse = gr.Button("Last seed again", size="sm", elem_id="reuse-seed", min_width=120)
            with gr.Accordion("More", open=False, elem_id="create-more"):
                negative = gr.Textbox(
                    "",
                    label="Negative prompt",
                    max_length=1000,
                    elem_id="negative",
                    info="What should not be there",
                )
                steps = gr.Slider(
                    1,
                    100,
                    value=defaults.steps,
                    step=1,
                    label="Steps",
                    elem_id="steps",
                    info="More are finer and slower",
                    buttons=["reset"],
                )
                guidance = gr.Slider(
                    0,
                    20,
                    value=defaults.guidance,
                    step=0.5,
                    label="Guidance",
                    elem_id="guidance",
                    info="How closely the prompt is followed",
                    buttons=["reset"],
                )
            reader = drop_zone(
                "recipe-drop", "Read a picture's recipe", "drop a PNG painted here", "image/png"
            )
        with gr.Column(scale=7, elem_classes="side"):
            painting = board("painting")
            painting_notice = drawing(elem_id="painting-notice")
            detail = board("picture-detail")
            pictures = board("gallery")

    def insert(prompt: str, event: gr.EventData) -> str:
        handle = act_of(event)[1]
        workspace.library.find(handle)
        return with_handle(prompt, handle)

    def example(event: gr.EventData) -> str:
        return act_of(event)[1][:1000]

    def name_strengths(prompt: str, negative: str, before: list[str], *values: float) -> tuple:
        known = dict(zip(before, values, strict=False))
        there = [handle for handle in handles_in(f"{prompt} {negative}") if workspace.library.has(handle)]
        shown = there[:STRENGTHS_HIGH]
        updates = [
            gr.update(visible=True, label=f"Strength of {handle}", value=known.get(handle, 1.0))
            for handle in shown
        ]
        updates += [gr.update(visible=False)] * (STRENGTHS_HIGH - len(shown))
        return shown, *updates

    def start(
        prompt: str,
        negative: str,
        seed: float | None,
        again: bool,
        steps: float,
        guidance: float,
        count: float,
        named: list[str],
        *values: float,
    ) -> tuple:
        number = random_seed() if again or seed is None else int(seed)
        strengths = dict(zip(named, map(float, values), strict=False))
        recipe = Recipe(
            prompt.strip(), negative.strip(), strengths, number, int(steps), float(guidance), int(count)
        )
        workspace.create(recipe)
        return number, number, "", None, ""

    def press(closed: int, event: gr.EventData) -> int:
        act, id = act_of(event)
        match act:
            case "stop":
                workspace.jobs.ask(whole(id), "keep")
            case "retry":
                workspace.retry(whole(id))
            case "close":
                return whole(id)
        return closed

    def open_picture(event: gr.EventData) -> tuple | None:
        act, name = act_of(event)
        if act != "open":
            return None
        path = picture_at(workspace, name)
        recipe = read_recipe(path)
        return name, recipe, picture_card(recipe, path)

    def read(event: gr.EventData) -> tuple:
        paths, failed = uploaded(event)
        if not paths:
            raise StudioError(
                f"{failed[0] if failed else 'The file'} could not be uploaded.", "Try a smaller one."
            )
        try:
            recipe = read_recipe(paths[0])
        finally:
            for path in paths:
                path.unlink(missing_ok=True)
        return "", recipe, picture_card(recipe)

    def use(opened: Recipe | None, event: gr.EventData) -> tuple:
        if act_of(event)[0] == "shut" or opened is None:
            return "", None, "", *[gr.skip()] * (8 + STRENGTHS_HIGH)
        handles = [
            handle
            for handle in handles_in(f"{opened.prompt} {opened.negative}")
            if workspace.library.has(handle)
        ]
        shown = handles[:STRENGTHS_HIGH]
        updates = [
            gr.update(visible=True, label=f"Strength of {handle}", value=opened.strength(handle))
            for handle in shown
        ]
        updates += [gr.update(visible=False)] * (STRENGTHS_HIGH - len(shown))
        form = opened.prompt, opened.negative, opened.seed, False, opened.steps, opened.guidance, opened.count
        return gr.skip(), opened, gr.skip(), *form, shown, *updates

    quiet = {"looks_again": False}
    wire(chip_board.click, insert, [prompt], [prompt], notice, **quiet)
    wire(example_board.click, example, [], [prompt], notice, **quiet)
    for text in (prompt, negative):
        parts = [prompt, negative, named, *strengths]
        wire(
            text.change,
            name_strengths,
            parts,
            [named, *strengths],
            notice,
            trigger_mode="always_last",
            **quiet,
        )
    form = [prompt, negative, seed, again, steps, guidance, count]
    shown = [seed, last_seed, selected, opened, detail]
    wire(paint.click, start, [*form, named, *strengths], shown, notice).then(None, js=SHOW_PAINTING)
    wire(
        reuse.click,
        lambda last, now: (last if last is not None else now, False),
        [last_seed, seed],
        [seed, again],
        notice,
        **quiet,
    )
    wire(painting.click, press, [closed], [closed], painting_notice)
    for source in (painting, pictures):
        wire(source.click, open_picture, [], [selected, opened, detail], painting_notice)
    wire(reader.upload, read, [], [selected, opened, detail], notice)
    wire(detail.click, use, [opened], [selected, opened, detail, *form, named, *strengths], notice)

    def draw(closed: int) -> str:
        job = current_job(workspace, "create", closed, REMEMBERED_SECONDS)
        return painting_card(workspace, job) if job else ""

    def rest(closed: int, selected: str) -> str:
        job = current_job(workspace, "create", closed, REMEMBERED_SECONDS)
        return gallery(workspace, selected, job)

    lives = [
        Live(chip_board, lambda: chips(workspace)),
        Live(painting, draw, [closed]),
        Live(pictures, rest, [closed, selected]),
    ]
    return CreateTab(prompt, lives)
