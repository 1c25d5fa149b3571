"""The buttons of a job, the same in every tab, and what they do."""

from __future__ import annotations

from studio.errors import StudioError
from studio.ui.parts.html_blocks import to_int
from studio.ui.parts.markup import button
from studio.words import tr
from studio.workspace.checkpoints import keep_step, promote_step, release_step, use_step
from studio.workspace.going_on import can_train_further
from studio.workspace.job import Job
from studio.workspace.workspace import Workspace

NOTHING_YET = tr("It is still getting ready: nothing has been learned that could be kept")
DISCARD_QUESTION = tr("Discard what it has learned so far? It cannot be brought back.")
SHARES_FURTHER = (25, 100)  # percent of a training's steps that can be added once it is done


def running_buttons(job: Job, has_learned: bool = True) -> str:
    """Return the buttons of a job that runs: none once it was asked to stop.

    `has_learned`: whether a training has anything yet that could be kept.
    """
    if job.stop_request:
        return ""
    if job.kind != "train":
        return button("keep", tr("Stop"), job.id)
    if not has_learned:
        return button("pause", tr("Pause"), job.id) + button("discard", tr("Stop"), job.id, title=NOTHING_YET)
    return (
        button("pause", tr("Pause"), job.id)
        + button("keep", tr("Stop and keep"), job.id)
        + button("discard", tr("Stop and discard"), job.id, "danger", ask=DISCARD_QUESTION)
    )


def waiting_buttons(job: Job, place: int, places: int) -> str:
    """Return the buttons of a job that waits at `place`, from 0, among `places`."""
    buttons = ""
    if place > 0:
        buttons += button("first", tr("Next"), job.id) + button("earlier", tr("Earlier"), job.id)
    if place + 1 < places:
        buttons += button("later", tr("Later"), job.id)
    if job.kind == "train":
        buttons += button("pause", tr("Hold"), job.id)
    return buttons + button("discard", tr("Cancel"), job.id)


def paused_buttons(job: Job) -> str:
    """Return the buttons of a job that is paused."""
    return button("retry", tr("Go on"), job.id, "strong") + button(
        "discard", tr("Discard"), job.id, "danger", ask=DISCARD_QUESTION
    )


def further_buttons(workspace: Workspace, job: Job) -> str:
    """Return the buttons that train a finished concept further, none when that is not possible."""
    if not can_train_further(workspace.jobs, job):
        return ""
    if job.stop_request == "keep":
        return button("further-0", tr("Train to the end"), job.id)
    return "".join(
        button(f"further-{share}", tr("Train {share} % further", share=share), job.id)
        for share in SHARES_FURTHER
    )


def press_job_button(workspace: Workspace, action: str, id: str) -> bool:
    """Do what a job's button says. Returns False for a button that is none of a job's.

    Raises StudioError when it cannot be done.
    """
    match action:
        case "keep" | "discard" | "pause":
            workspace.jobs.get(to_int(id))
            workspace.jobs.request_stop(to_int(id), action)
        case "first" | "earlier" | "later":
            workspace.jobs.move(to_int(id), action)
        case "retry":
            workspace.retry(to_int(id))
        case "keep-step" | "release-step" | "promote-step" | "use-step":
            press_step_button(workspace, action, id)
        case _ if action.startswith("further-"):
            share = to_int(action.removeprefix("further-"))
            steps = workspace.progress(workspace.jobs.get(to_int(id))).step
            if share not in (0, *SHARES_FURTHER):
                raise StudioError("There is no such button.", "Reload the page and try again.")
            workspace.train_further(to_int(id), -(-share * steps // 100))
        case _:
            return False
    return True


def press_step_button(workspace: Workspace, action: str, id: str) -> None:
    """Do what the button of a checkpoint says; `id` is "JOB STEP". Raises StudioError when it cannot be."""
    number, _, step = id.partition(" ")
    job, at = workspace.jobs.get(to_int(number)), to_int(step)
    match action:
        case "keep-step":
            keep_step(workspace.jobs, job, at)
        case "release-step":
            release_step(workspace.jobs, job, at)
        case "promote-step":
            promote_step(workspace.jobs, workspace.concepts, job, at)
        case "use-step":
            use_step(workspace.jobs, workspace.concepts, workspace.marks, job, at)
