"""Several pictures packed into one zip, made in the cache when somebody asks for it and swept later."""

from __future__ import annotations

import secrets
import zipfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from studio.errors import StudioError, disk_errors
from studio.files import sweep_folders, whole_folder

KEPT_SECONDS = 3600.0  # for who saves it a second time; pictures are large


def pack_pictures(paths: Sequence[Path], folder: Path) -> Path:
    """Write a zip of pictures as they are, recipes inside; return its path, whose name says what it holds.

    Zips of the last hour stay in `folder`, older ones are deleted. Pictures that are gone are left out.

    Raises StudioError when none is left, DiskError when the disk does not take it.
    """
    sweep_folders(folder, KEPT_SECONDS)
    home, packed = folder / secrets.token_hex(8), 0
    with whole_folder(home) as place:
        partial = place / "pictures.zip"
        with disk_errors(partial), zipfile.ZipFile(partial, "w") as archive:  # a PNG does not get smaller
            for path in paths:
                with suppress(FileNotFoundError):
                    archive.write(path, path.name)
                    packed += 1
        if not packed:
            raise StudioError("These pictures are no longer there.", "Select others.")
        name = f"{packed} {'picture' if packed == 1 else 'pictures'} from Likeness.zip"
        with disk_errors(partial):
            partial.rename(place / name)
    return home / name
