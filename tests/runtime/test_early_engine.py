"""The engine that is started before anything else: for a jam alone, taken once, and ended where no jam takes it."""

import hashlib
import select
import shutil
from pathlib import Path

import pytest

from improv.config.values import Tune
from improv.ipc.child import Child
from improv.ipc.link import Failed
from improv.models.catalog import find_model
from improv.runtime.early_engine import EarlyEngine, plays
from improv.runtime.ipc_messages import Prepare, Prepared
from improv.runtime.process_table import ENGINE


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["jam"], True),
        (["jam", "--tempo", "90"], True),
        (["daemon", "run", "--instance=two"], True),
        ([], False),
        (["--help"], False),
        (["jam", "--help"], False),
        (["jam", "--detach"], False),
        (["daemon"], False),
        (["daemon", "start"], False),
        (["play"], False),
        (["render", "jam"], False),
    ],
)
def test_only_a_jam_in_this_process_begins_with_an_engine(words: list[str], expected: bool) -> None:
    assert plays(words) is expected


def test_a_shell_that_completes_words_starts_no_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("_IMPROV_COMPLETE", "complete_bash")
    assert not plays(["jam"])


def test_an_engine_that_no_jam_has_taken_is_ended() -> None:
    early = EarlyEngine()
    with early:
        launched = early._launched
        assert launched is not None
        assert launched.process.poll() is None
    assert launched.process.returncode is not None


def test_an_engine_is_taken_once_and_then_belongs_to_the_jam() -> None:
    early = EarlyEngine()
    with early:
        launched = early.take()
        assert launched is not None
        assert early.take() is None
    assert launched.process.poll() is None
    launched.kill()


@pytest.mark.parametrize("changed", [False, True])
def test_a_file_that_changes_while_it_is_loaded_is_refused(tmp_path: Path, changed: bool) -> None:
    path = tmp_path / "mine.onnx"
    shutil.copy(find_model("eck2002-chords"), path)
    told = hashlib.sha256(b"" if changed else path.read_bytes()).hexdigest()
    with Child(ENGINE.program) as engine:
        engine.link.send(Prepare(Tune.of(model=str(path), provider="cpu"), sha256=told))
        said: list[object] = []
        while not said:
            select.select([engine.link], (), ())
            said += engine.link.receive()
    if changed:
        assert isinstance(said[0], Failed)
        assert "changed while it was loaded" in said[0].message
    else:
        assert isinstance(said[0], Prepared)
