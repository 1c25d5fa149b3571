"""Open the page with the stand-in worker: `python -m tests.browser.stage FOLDER PORT STEP_SECONDS`."""

from __future__ import annotations

import signal
import sys
from dataclasses import dataclass
from pathlib import Path

from studio.bases.known_bases import KnownBases
from studio.method_card import MethodCard, Needs
from studio.method_example import Example, ExamplePicture
from studio.recipes.refinement_card import RefinementCard
from studio.settings import Field, fields_of, setting
from studio.ui.serving import serve
from studio.workspace.supervisor import Supervisor
from studio.workspace.workspace import Workspace


@dataclass(frozen=True)
class WordSettings:
    """A setting of every kind."""

    steps: int = setting(40, "Training steps.", 1, 20000, "steps", source="paper")
    learning_rate: float = setting(2e-3, "Low stays easy to edit, high is more faithful.", 1e-6, 1.0)
    vectors: int = setting(2, "Words the name stands for.", 1, 16, "words", source="paper", group="words")
    property: str = setting("object", "A thing or a style.", choices=("object", "style"), group="words")
    flips: bool = setting(True, "Also show mirror images.", group="photos")


@dataclass(frozen=True)
class RankSettings:
    """Other settings, so that the form has to change with the method."""

    steps: int = setting(60, "Training steps.", 1, 20000, "steps")
    rank: int = setting(8, "Room of the edit.", 1, 64)


GLOW = RefinementCard(
    id="glow",
    title="Golden hour",
    summary="Warms the light.",
    paper="Nobody 2026",
    fields=(Field("glow_steps", "int", 0, "How warm the light is.", 0, 20, "steps"),),
    action="Make it glow",
    undo="Without glow",
    needs_concept=True,
    action_values={"glow_steps": 5},
)


def catalogue() -> list[MethodCard]:
    """Return three made-up methods; the last learns two things at once and needs their masks."""
    return [
        MethodCard(
            id="textual_inversion",
            title="Textual Inversion",
            summary="Finds the word for it.",
            paper="Gal et al. 2022, arXiv 2208.01618",
            needs=Needs(),
            fields=fields_of(WordSettings),
            suits=("thing", "style"),
            recommended=1,
            example=Example("lily", (ExamplePicture("{} in the snow"), ExamplePicture("{} in a box"))),
        ),
        MethodCard(
            id="dreambooth",
            title="DreamBooth",
            summary="Bends the network a little.",
            paper="Ruiz et al. 2023, arXiv 2208.12242",
            needs=Needs(),
            fields=fields_of(RankSettings),
            recommended=2,
        ),
        MethodCard(
            id="break_a_scene",
            title="Break-A-Scene",
            summary="Takes a photo apart.",
            paper="Avrahami et al. 2023, arXiv 2305.16311",
            needs=Needs(max_subjects=2, masks=True),
            fields=fields_of(RankSettings),
            suits=("scene",),
            recommended=3,
        ),
    ]


def main(folder: str, port: str, step_seconds: str) -> None:
    """Serve until interrupted, or asked to end."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    workspace = Workspace(Path(folder), refinements=(GLOW,))
    actor = Path(__file__).with_name("actor.py")
    workspace.bases = KnownBases(workspace.folder, [workspace.folder / "models"])
    command = [sys.executable, str(actor), str(workspace.folder), step_seconds]
    with Supervisor(workspace, command) as supervisor:
        serve(
            workspace,
            catalogue(),
            port=int(port),
            open_browser=False,
            restart_worker=lambda: supervisor.switch(command),
        )


if __name__ == "__main__":
    main(*sys.argv[1:])
