"""A workspace with thousands of concepts, pictures and ended jobs."""

from __future__ import annotations

import json
import struct

from studio.concepts.header import METADATA_KEY, Header
from studio.recipes.png import save_picture
from studio.recipes.recipe import Recipe
from studio.workspace.workspace import Workspace
from tests.browser.actor import draw_face, header_of


def concept_bytes(header: Header) -> bytes:
    """Return a concept file with a single number in it."""
    table = {
        "__metadata__": {METADATA_KEY: header.to_text()},
        f"tokens/{header.handle}/vectors": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]},
    }
    head = json.dumps(table).encode("utf-8")
    head += b" " * (-len(head) % 8)
    return struct.pack("<Q", len(head)) + head + struct.pack("<f", 1.0)


def fill(workspace: Workspace, concepts: int, pictures: int) -> None:
    """Write as many concepts, pictures and ended jobs as asked for; those that are there are kept."""
    headers = [header_of("<name>", "fox", seed, 5, 40) for seed in range(20)]
    for number in range(concepts):
        handle = f"<c{number:05d}>"
        path = workspace.concepts.path(handle)
        if not path.exists():
            values = {**vars(headers[number % len(headers)]), "handles": {handle: "fox"}}
            path.write_bytes(concept_bytes(Header(**values)))
    picture = workspace.folder / "one.png"
    save_picture(draw_face(1), Recipe("a face", base="stand-in"), picture)
    content = picture.read_bytes()
    for number in range(pictures):
        path = workspace.pictures / f"{number + 1:05d}-01.png"
        if not path.exists():
            path.write_bytes(content)
    have = len(workspace.jobs.newest(concepts))
    task = {"method": "textual_inversion", "handle": "<c>", "noun": "fox", "settings": {}, "seed": 0}
    with workspace.jobs._table.writing() as table:
        for number in range(have, concepts):
            row = ("train", f"<c{number:05d}> with Textual Inversion", json.dumps({**task, "photos": 5}))
            query = "insert into jobs (kind, title, task, status, created, started, finished)"
            table.execute(f"{query} values (?, ?, ?, 'done', 1, 1, 2)", row)
