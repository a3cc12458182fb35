"""What improv plays is what it has played before, note for note: see tests/goldens."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from improv.cli.commands import app
from improv.music.parts import Part
from improv.music.styles import Style
from improv.protocol.controls import SOLOIST_RULES
from improv.protocol.snapshot import How
from improv.recording import replay
from improv.recording.replay import check
from improv.session.band.ending import has_ending
from tests.conftest import combined
from tests.goldens import RENDERS, TAKES, export, exported, kept, render

OTHER = "other music; if that is meant: python -m tests.goldens"
ALL_TAKES = sorted(TAKES.glob("*.take"))
FIRST = {*list(RENDERS)[::3], *ALL_TAKES[::3]}
"""One of three is tried every time, each network and mode among them; all of them in the full tier."""


@pytest.mark.parametrize("name", combined(RENDERS, quick=FIRST.__contains__))
def test_a_render_is_what_it_was(name: str, tmp_path: Path) -> None:
    out = tmp_path / "out.mid"
    render(name, out)
    assert out.read_bytes() == kept(name).read_bytes(), OTHER


@pytest.mark.parametrize("take", combined(ALL_TAKES, quick=FIRST.__contains__), ids=lambda take: take.stem)
def test_a_take_is_decided_again_and_exported_as_it_was(take: Path, tmp_path: Path) -> None:
    checked = check(take)
    assert checked.unchecked == 0
    assert len(checked.recording.entries) > 90
    out = tmp_path / "out.mid"
    export(take, out)
    assert out.read_bytes() == exported(take).read_bytes(), OTHER


def test_what_is_kept_is_all_of_it_and_tries_every_network_and_mode() -> None:
    assert {path.stem for path in kept("").parent.glob("*.mid")} == set(RENDERS)
    assert {path.stem for path in exported(Path()).parent.glob("*.mid")} == {take.stem for take in ALL_TAKES}
    assert (len(RENDERS), len(ALL_TAKES)) >= (30, 20)
    recordings = [
        check(take).recording
        for take in ALL_TAKES
        if take.stem in ("modes", "swapped", "stopped", "engine-killed", "rules-1", "rules-2", "rules-3")
    ]
    entries = [entry for recording in recordings for entry in recording.entries]
    assert {entry.settings.mode.value for entry in entries} == {"trade", "phrase", "duet", "solo", "listen"}
    assert {entry.model for entry in entries if entry.model} == {"eck2002-blues", "eck2002-chords", "partner"}
    assert {entry.settings.soloist_rules for entry in entries} == set(range(SOLOIST_RULES + 1))
    assert {entry.how for entry in entries} >= {How.NETWORK, How.FALLBACK, How.IDLE}


def test_a_take_of_other_rules_of_the_band_is_said_to_be_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replay, "BAND_RULES", "later")
    done = CliRunner().invoke(app, ["replay", str(TAKES / "band.take"), "--check"])
    assert done.output.splitlines() == [
        "the band's rules have changed since this take was made: its band is as it was recorded, and not checked",
        "band: 297 steps: its soloist is bit for bit the same",
    ]


def test_the_band_is_kept_with_every_style_its_networks_and_an_ending() -> None:
    recording = check(TAKES / "band.take").recording
    assert {entry.settings.style for entry in recording.entries} == set(Style)
    assert {each.part for each in recording.head.band} == {Part.BASS, Part.DRUMS}
    assert has_ending(recording.entries[-1].events)
    assert sum(len(entry.heard.notes) for entry in recording.entries) > 100
