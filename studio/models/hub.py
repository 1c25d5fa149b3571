"""Fetches a base model from the Hugging Face hub, or finds the copy that an earlier start has fetched."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable
from pathlib import Path

from huggingface_hub import snapshot_download
from huggingface_hub.errors import (
    GatedRepoError,
    HfHubHTTPError,
    HFValidationError,
    LocalEntryNotFoundError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
)
from huggingface_hub.utils import tqdm

from studio.bases.base_files import INDEX
from studio.errors import StudioError, disk_trouble

NAME = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+")
NEEDED = (INDEX, "*/*.json", "*/*.txt", "*/*.model", "*/*.safetensors")
NOT_NEEDED = ("safety_checker/*", "feature_extractor/*", "*non_ema*", "*.onnx*", "*/openvino*", "*/flax*")
COMPLETE = ".likeness-fetched"  # written once everything is there: a broken download is taken up again
GB = 1e9

log = logging.getLogger("likeness.hub")


Told = Callable[[str], None]  # gets a sentence about how far a download is


def fetch(name: str, told: Told = lambda sentence: None) -> Path:
    """Return the folder of a base model by its name on the hub, fetched if it is not here.

    Of weights in two precisions the smaller are fetched.

    Raises StudioError when there is no such model, it may not be read, or the hub cannot be reached.
    """
    if not NAME.fullmatch(name):
        hint = (
            "Give a folder, a .safetensors file, or a name such as stabilityai/stable-diffusion-xl-base-1.0."
        )
        raise StudioError(f"{name[:80]!r} is neither on this machine nor a name on the hub.", hint)
    try:
        return _found(name) or _fetched(name, told)
    except GatedRepoError as error:
        hint = f"Accept its licence at https://huggingface.co/{name}, then run: hf auth login"
        raise StudioError(
            f"{name} may be fetched only by people who have accepted its licence.", hint
        ) from error
    except RepositoryNotFoundError as error:
        hint = "See whether the name is spelled as on the hub; a private model needs: hf auth login"
        raise StudioError(f"There is no model called {name} on the hub.", hint) from error
    except (LocalEntryNotFoundError, OfflineModeIsEnabled) as error:
        hint = "Go online once to fetch it, or give a folder or a file of this machine."
        raise StudioError(f"{name} is not on this machine, and the hub cannot be reached.", hint) from error
    except HfHubHTTPError as error:
        raise StudioError(f"The hub did not give {name}: {_status(error)}.", "Try again later.") from error
    except HFValidationError as error:
        raise StudioError(f"{name[:80]!r} is no name on the hub.", "Write it as OWNER/NAME.") from error
    except OSError as error:
        trouble = disk_trouble(error)
        hint = "Go online once to fetch it, or give a folder or a file of this machine."
        raise trouble or StudioError(f"{name} could not be fetched.", hint) from error


def _found(name: str) -> Path | None:
    """Return the folder of a model that was fetched whole before, without asking the network."""
    try:
        folder = Path(snapshot_download(name, allow_patterns=[INDEX], local_files_only=True))
    except LocalEntryNotFoundError:
        return None
    return folder if (folder / INDEX).is_file() and (folder / COMPLETE).is_file() else None


def _fetched(name: str, told: Told) -> Path:
    """Fetch what a base needs, and return its folder."""
    told(f"Asking the hub for {name}")
    listed = snapshot_download(
        name, allow_patterns=list(NEEDED), ignore_patterns=list(NOT_NEEDED), dry_run=True
    )
    chosen = [file for file in listed if file.filename in _smallest({file.filename for file in listed})]
    missing = sum(file.file_size or 0 for file in chosen if not file.is_cached)
    log.info("fetching %s: %.1f GB", name, missing / GB)
    bar = telling(told, f"Fetching {name}", missing)
    folder = Path(snapshot_download(name, allow_patterns=[file.filename for file in chosen], tqdm_class=bar))
    (folder / COMPLETE).touch()
    return folder


def telling(told: Told, what: str, total: float) -> type[tqdm]:
    """Return a progress bar that also tells how many bytes of `total` have come, every second at most."""
    last = 0.0

    class Telling(tqdm):
        """A bar of the hub's; those that count files are left alone."""

        def update(self, n: float | None = 1) -> bool | None:
            """See tqdm."""
            nonlocal last
            shown = super().update(n)
            if self.unit == "B" and time.monotonic() - last > 1:
                last = time.monotonic()
                told(f"{what}: {self.n / GB:.1f} of {total / GB:.1f} GB")
            return shown

    return Telling


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
    return f"its answer was {response.status_code}" if response is not None else "it gave no answer"
