"""Fetches a base model from the Hugging Face hub, or finds the copy that an earlier start has fetched."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from huggingface_hub import snapshot_download
from huggingface_hub.errors import (
    DryRunError,
    GatedRepoError,
    HfHubHTTPError,
    HFValidationError,
    LocalEntryNotFoundError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
)
from huggingface_hub.utils import httpx, tqdm

from studio.bases.base_files import INDEX, look_at
from studio.errors import StudioError, disk_trouble
from studio.words import tr

NAME = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+")
NEEDED = (INDEX, "*/*.json", "*/*.txt", "*/*.model", "*/*.jinja", "*/*.safetensors")
NOT_NEEDED = ("safety_checker/*", "feature_extractor/*", "*non_ema*", "*.onnx*", "*/openvino*", "*/flax*")
COMPLETE = ".likeness-fetched"  # written once everything is there: a broken download is taken up again
WRITTEN = "Reconstructing"  # so begins the name of the hub's bar of bytes that are on the disk
GB = 1e9

log = logging.getLogger("likeness.hub")


Report = Callable[[str], None]  # gets a sentence about how far a download is


def fetch(name: str, report: Report = lambda sentence: None) -> Path:
    """Return the folder of a base model by its name on the hub, fetched if it is not here.

    Of weights in two precisions the smaller are fetched.

    Raises StudioError when there is no such model, it may not be read, or the hub cannot be reached.
    """
    if not NAME.fullmatch(name):
        hint = (
            "Give a folder, a .safetensors file, or a name such as stabilityai/stable-diffusion-xl-base-1.0."
        )
        raise StudioError("{name!r} is neither on this machine nor a name on the hub.", hint, name=name[:80])
    try:
        return _found(name) or _fetched(name, report)
    except GatedRepoError as error:
        hint = "Accept its licence at https://huggingface.co/{name}, then run: hf auth login"
        raise StudioError(
            "{name} may be fetched only by people who have accepted its licence.", hint, name=name
        ) from error
    except RepositoryNotFoundError as error:
        hint = "See whether the name is spelled as on the hub; a private model needs: hf auth login"
        raise StudioError("There is no model called {name} on the hub.", hint, name=name) from error
    except (LocalEntryNotFoundError, OfflineModeIsEnabled) as error:
        hint = "Go online once to fetch it, or give a folder or a file of this machine."
        raise StudioError(
            "{name} is not on this machine, and the hub cannot be reached.", hint, name=name
        ) from error
    except HfHubHTTPError as error:
        raise StudioError(
            "The hub did not give {name}: {reason}.", "Try again later.", name=name, reason=_status(error)
        ) from error
    except HFValidationError as error:
        raise StudioError(
            "{name!r} is no name on the hub.", "Write it as OWNER/NAME.", name=name[:80]
        ) from error
    except httpx.HTTPError as error:
        hint = "See whether you are online, then try again: what has come is kept."
        raise StudioError(
            "The connection to the hub broke off while fetching {name}.", hint, name=name
        ) from error
    except (OSError, RuntimeError) as error:
        trouble = disk_trouble(error) if isinstance(error, OSError) else None
        hint = "Go online once to fetch it, or give a folder or a file of this machine."
        raise trouble or StudioError("{name} could not be fetched.", hint, name=name) from error


def _found(name: str) -> Path | None:
    """Return the folder of a model that is here whole, without asking the network.

    It may have been fetched by another program.
    """
    try:
        folder = Path(snapshot_download(name, allow_patterns=[INDEX], local_files_only=True))
    except LocalEntryNotFoundError:
        return None
    if (folder / COMPLETE).is_file() or _is_whole(folder):
        return folder
    return None


def _is_whole(folder: Path) -> bool:
    """Return whether a folder has all files of weights for every part."""
    try:
        look_at(folder)
    except StudioError:
        return False
    return True


def _fetched(name: str, report: Report) -> Path:
    """Fetch what a base needs, and return its folder."""
    report(tr("Asking the hub for {name}", name=name))
    try:
        listed = snapshot_download(
            name, allow_patterns=list(NEEDED), ignore_patterns=list(NOT_NEEDED), dry_run=True
        )
    except DryRunError as error:  # the reason is what it was raised from
        raise error.__cause__ or error from None
    chosen = [file for file in listed if file.filename in _smallest({file.filename for file in listed})]
    missing = sum(file.file_size or 0 for file in chosen if not file.is_cached)
    log.info("fetching %s: %.1f GB", name, missing / GB)
    bar = reporting_bar(report, tr("Fetching {name}", name=name), missing)
    folder = Path(snapshot_download(name, allow_patterns=[file.filename for file in chosen], tqdm_class=bar))
    with suppress(OSError):  # a cache that others share may be closed to us
        (folder / COMPLETE).touch()
    return folder


def reporting_bar(report: Report, what: str, total: float) -> type[tqdm]:
    """Return a progress bar that also tells how many bytes of `total` have come, every second at most.

    It counts by itself: where there is no terminal, a bar of tqdm is off and has neither unit nor number.
    """

    class ReportingBar(tqdm):
        """A bar of the hub's; only the one of bytes that are written tells."""

        def __init__(self, *arguments: Any, **options: Any) -> None:
            self._come, self._reported_at = 0.0, 0.0
            name = str(options.get("desc", ""))
            self._counts = options.get("unit") == "B" and name.startswith(WRITTEN)
            super().__init__(*arguments, **options)

        def update(self, n: float | None = 1) -> bool | None:
            """See tqdm."""
            self._come += n or 0
            if self._counts and time.monotonic() - self._reported_at > 1:
                self._reported_at = time.monotonic()
                text = "{what}: {come:.1f} of {total:.1f} GB"
                report(tr(text, what=what, come=self._come / GB, total=total / GB))
            return super().update(n)

    return ReportingBar


def _smallest(names: set[str]) -> set[str]:
    """Return the files to fetch: half precision alone if all weights are there in it."""
    weights = {name for name in names if name.endswith(".safetensors") and ".fp16" not in name}
    halves = {name.replace(".safetensors", ".fp16.safetensors") for name in weights}
    if weights and halves <= names:
        return names - weights
    return {name for name in names if ".fp16" not in name}


def _status(error: HfHubHTTPError) -> str:
    """Return the answer of the hub in a few words."""
    response = getattr(error, "response", None)
    if response is None:
        return tr("it gave no answer")
    return tr("its answer was {status}", status=response.status_code)
