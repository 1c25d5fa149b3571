"""Bases of the hub: what it answers in words, what is fetched, and what is here already."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import httpx
import pytest
from huggingface_hub import errors
from huggingface_hub.utils import filter_repo_objects

from studio.errors import StudioError
from studio.models import hub
from studio.models.opening import find_base
from tests.models.test_opening import whole_folder


def answer(status: int) -> httpx.Response:
    return httpx.Response(status, request=httpx.Request("GET", "https://huggingface.co/api"))


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (
            errors.GatedRepoError("gated", response=answer(403)),
            "a/b may be fetched only by people who have accepted its licence.",
        ),
        (
            errors.RepositoryNotFoundError("none", response=answer(404)),
            "There is no model called a/b on the hub.",
        ),
        (
            errors.LocalEntryNotFoundError("offline"),
            "a/b is not on this machine, and the hub cannot be reached.",
        ),
        (
            errors.OfflineModeIsEnabled("offline"),
            "a/b is not on this machine, and the hub cannot be reached.",
        ),
        (
            errors.HfHubHTTPError("busy", response=answer(503)),
            "The hub did not give a/b: its answer was 503.",
        ),
        (
            hub.httpx.ReadError("reset"),
            "The connection to the hub broke off while fetching a/b.",
        ),
        (OSError(28, "No space left on device"), "There is no room left on the disk for this file."),
        (ConnectionError("reset"), "a/b could not be fetched."),
    ],
)
def test_what_the_hub_answers_is_said_in_words(
    monkeypatch: pytest.MonkeyPatch, error: Exception, sentence: str
) -> None:
    def download(name: str, local_files_only: bool = False, **options: object) -> str:
        if local_files_only:
            raise errors.LocalEntryNotFoundError("not here")
        if isinstance(error, (errors.HfHubHTTPError, errors.LocalEntryNotFoundError)):
            raise errors.DryRunError("cannot be listed") from error  # so the hub's library has it
        raise error

    monkeypatch.setattr(hub, "snapshot_download", download)
    with pytest.raises(StudioError) as refused:
        find_base("a/b")
    assert refused.value.message == sentence and refused.value.hint


def test_a_name_that_is_none_is_refused_without_asking(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub, "snapshot_download", lambda *a, **b: pytest.fail("the hub was asked"))
    for name in ("starter", "a/b/c", "a b", "x" * 200):
        with pytest.raises(StudioError, match="neither on this machine nor a name on the hub"):
            find_base(name)


def fake_hub(
    folder: Path, files: list[str], asked: list[list[str]], breaks: bool = False
) -> Callable[..., object]:
    """Return what stands for `snapshot_download`: it makes the files asked for."""

    def download(
        name: str,
        allow_patterns: list[str] | None = None,
        ignore_patterns: list[str] | None = None,
        local_files_only: bool = False,
        dry_run: bool = False,
        tqdm_class: type | None = None,
    ) -> object:
        if local_files_only:
            if not folder.is_dir():
                raise errors.LocalEntryNotFoundError("not here")
            return str(folder)
        if dry_run:
            return [SimpleNamespace(filename=name, file_size=10, is_cached=False) for name in files]
        asked.append(sorted(allow_patterns or []))
        assert tqdm_class is not None
        for disable in (True, None):  # where there is no terminal
            with tqdm_class(total=20, unit="B", desc="Reconstructing", disable=disable) as bar:
                bar.update(10)
        folder.mkdir(exist_ok=True)
        whole_folder(folder, "model.fp16.safetensors")
        if breaks:
            (folder / "vae" / "model.fp16.safetensors").unlink()
            raise ConnectionError("reset")
        return str(folder)

    return download


def test_of_two_precisions_the_smaller_is_fetched_and_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stems = ("unet/model", "vae/model")
    files = [f"{stem}{end}" for stem in stems for end in (".safetensors", ".fp16.safetensors")]
    asked: list[list[str]] = []
    monkeypatch.setattr(hub, "snapshot_download", fake_hub(tmp_path / "snapshot", files, asked))
    found = find_base("some/model")
    assert found.name == "some/model" and found.variant == "fp16"
    assert asked == [[f"{stem}.fp16.safetensors" for stem in stems]]
    find_base("some/model")
    assert len(asked) == 1
    assert hub._smallest({*files, "text/model.safetensors"}) == {  # one is there in full precision only
        "unet/model.safetensors",
        "vae/model.safetensors",
        "text/model.safetensors",
    }


def test_a_chat_template_is_fetched_and_a_second_copy_of_the_weights_is_not() -> None:
    needed = {"model_index.json", "tokenizer/chat_template.jinja", "transformer/model.safetensors"}
    files = [*needed, "whole.safetensors", "README.md"]
    chosen = filter_repo_objects(files, allow_patterns=hub.NEEDED, ignore_patterns=hub.NOT_NEEDED)
    assert set(chosen) == needed


def test_how_far_a_download_is_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    bar = hub.reporting_bar(told.append, "Fetching a/b", 6.9e9)
    files, sent = bar(total=7, unit="it", disable=True), bar(total=7e9, unit="B", desc="Downloading bytes")
    written = bar(total=7e9, unit="B", desc="Reconstructing (incomplete total...)", disable=True)
    files.update(1)
    sent.update(5e9)
    written.update(2.1e9)
    written.update(1e9)  # less than a second later
    assert told == ["Fetching a/b: 2.1 of 6.9 GB"]
    monkeypatch.setattr(hub, "snapshot_download", fake_hub(tmp_path / "it", ["a"], []))
    find_base("some/model", report=told.append)
    assert told[1] == "Asking the hub for some/model"


def test_what_another_program_has_fetched_is_used_offline_if_it_is_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[list[str]] = []
    monkeypatch.setattr(hub, "snapshot_download", fake_hub(tmp_path / "it", ["a"], asked))
    made = tmp_path / "it"
    made.mkdir()
    whole_folder(made)
    assert find_base("some/model").path == made and not asked
    index = {"weight_map": {"a": "one.safetensors", "b": "model.safetensors"}}
    of_halves = made / "vae" / "model.safetensors.index.fp16.json"
    of_halves.write_text(json.dumps(index))
    assert find_base("some/model").path == made and not asked  # it is of files that are not read
    of_halves.unlink()
    (made / "unet" / "model.safetensors.index.json").write_text(json.dumps(index))
    find_base("some/model")
    assert asked  # one of the files that its index names is not here


def test_a_download_that_broke_off_is_taken_up_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[list[str]] = []
    monkeypatch.setattr(hub, "snapshot_download", fake_hub(tmp_path / "it", ["a"], asked, breaks=True))
    with pytest.raises(StudioError, match="could not be fetched"):
        find_base("some/model")
    monkeypatch.setattr(hub, "snapshot_download", fake_hub(tmp_path / "it", ["a"], asked))
    find_base("some/model")
    assert len(asked) == 2
