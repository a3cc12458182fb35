"""Takes that were made up, with the right checksums: refused in one line, wherever they are used."""

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from improv.errors import DataError, ImprovError
from improv.export.collector import performance_of
from improv.export.formats import write_file
from improv.music.notes import NoteOff, NoteOn, Placed, Timed
from improv.music.parts import Part
from improv.music.transport import Transport
from improv.music.turns import Mode, Turn, Who
from improv.protocol.commands import Nudge, Set
from improv.protocol.controls import SOLOIST_RULES, Settings
from improv.protocol.heard import Heard
from improv.protocol.snapshot import How
from improv.recording import Entry, Head, read_take, takes
from improv.recording.bounds import MAX_EVENTS, MAX_STEP
from improv.recording.format import checked_line
from improv.recording.reader import MAX_TAKE_BYTES
from improv.recording.replay import check

SETTINGS = Settings(mode=Mode.SOLO)
STRAIGHT = Transport(0, 1000.0, 120.0)
HEAD = Head(
    improv="0.1.0", began="2026-01-01T00:00:00+00:00", model="eck2002-chords", model_sha256="0" * 64,
    settings=SETTINGS, transport=STRAIGHT, count_in_bars=0, form="C7 | F7", key="C",
)  # fmt: skip
ON = Placed(6, NoteOn(Part.MELODY, 60, 90))


def entry(step: int = 0, **changed: Any) -> Entry:
    return replace(
        Entry(step=step, how=How.NETWORK, transport=STRAIGHT, settings=SETTINGS, turn=Turn(Who.IMPROV, 0, None)),
        **changed,
    )


@pytest.fixture
def made_up(takes: Path) -> Callable[..., Path]:
    """A file of a take."""
    takes.mkdir()

    def made_up(head: Head, *entries: Entry) -> Path:
        path = takes / "20260101-000000-made-up.take"
        path.write_bytes(checked_line(head.to_json()) + b"".join(checked_line(entry.to_json()) for entry in entries))
        return path

    return made_up


BOMBS = [
    pytest.param(replace(HEAD, settings=replace(SETTINGS, soloist_rules=SOLOIST_RULES + 1)), (), id="rules to come"),
    pytest.param(replace(HEAD, settings=replace(SETTINGS, soloist_rules=-1)), (), id="rules that never were"),
    pytest.param(replace(HEAD, transport=Transport(0, 0.0, 1e-300)), (), id="a tempo of nothing"),
    pytest.param(replace(HEAD, transport=Transport(0, 0.0, 1e300)), (), id="a tempo without end"),
    pytest.param(replace(HEAD, transport=Transport(0, 1e300, 120.0)), (), id="a beginning far off"),
    pytest.param(replace(HEAD, transport=Transport(10**30, 0.0, 120.0)), (), id="an anchor far off"),
    pytest.param(replace(HEAD, count_in_bars=10**12), (), id="a count-in without end"),
    pytest.param(replace(HEAD, model="a" * 10_000), (), id="a long name"),
    pytest.param(replace(HEAD, model="\ud800"), (), id="a name that is no text"),
    pytest.param(replace(HEAD, settings=replace(SETTINGS, key="X")), (), id="no key"),
    pytest.param(replace(HEAD, settings=replace(SETTINGS, bars=10**12)), (), id="long turns"),
    pytest.param(HEAD, (entry(10**15),), id="a step far off"),
    pytest.param(HEAD, (entry(10**4000),), id="a step of four thousand digits"),
    pytest.param(HEAD, (entry(MAX_STEP + 1),), id="a step too far"),
    pytest.param(HEAD, (entry(top=-(10**20)),), id="a top far off"),
    pytest.param(HEAD, (entry(skipped_choruses=10**20),), id="choruses without end"),
    pytest.param(HEAD, (entry(skipped_choruses=-1),), id="fewer choruses than none"),
    pytest.param(HEAD, (entry(events=(Placed(10**18, ON.event),)),), id="a note far on"),
    pytest.param(HEAD, (entry(events=(Placed(-(10**18), NoteOff(Part.MELODY, 60)),)),), id="a note far back"),
    pytest.param(HEAD, (entry(heard=Heard((Timed(1e300, NoteOn(Part.YOU, 60, 9)),))),), id="a note of yours far on"),
    pytest.param(HEAD, (entry(heard=Heard((Timed(-9e8, NoteOn(Part.YOU, 60, 9)),))),), id="a note of yours far back"),
    pytest.param(HEAD, (entry(events=(ON,) * (MAX_EVENTS + 1)),), id="more notes than there can be"),
    pytest.param(HEAD, (entry(transport=Transport(0, 0.0, 1e-5)),), id="a tempo of nothing later on"),
    pytest.param(HEAD, (entry(transport=Transport(0, 0.0, 120.0, 0.9999)),), id="a swing of all"),
    pytest.param(HEAD, (entry(settings=replace(SETTINGS, temperature=1e308)),), id="a temperature"),
]


@pytest.mark.parametrize(("head", "entries"), BOMBS)
def test_a_take_that_no_performance_comes_to_is_refused(
    head: Head, entries: tuple[Entry, ...], made_up: Callable[..., Path], tmp_path: Path
) -> None:
    path = made_up(head, *entries)
    for use in (lambda: write_file(performance_of(read_take(path)), tmp_path / "out.mid"), lambda: check(path)):
        with pytest.raises(DataError) as refused:
            use()
        assert len(str(refused.value)) < 400
    assert not (tmp_path / "out.mid").exists()
    listed = takes_in(path)
    assert listed.wrong or abs(listed.length_s) < 1e9


def test_a_step_with_a_command_that_cannot_be_is_damage(made_up: Callable[..., Path]) -> None:
    for command, field, value in ((Set("tempo", 90), "value", 1e-300), (Nudge("tempo", 1.0), "control", "nothing")):
        object.__setattr__(command, field, value)  # as no interface makes one
        take = read_take(made_up(HEAD, entry(0), entry(1, heard=Heard(commands=(command,))), entry(2)))
        assert [each.step for each in take.entries] == [0]
        assert "line 3 is damaged" in take.damage


def takes_in(path: Path) -> Any:
    [listed] = takes(path.parent)
    return listed


def test_the_farthest_that_may_be_is_written(made_up: Callable[..., Path], tmp_path: Path) -> None:
    path = made_up(HEAD, entry(0, events=(ON,)), entry(MAX_STEP, events=(Placed(MAX_STEP * 6, ON.event),)))
    write_file(performance_of(read_take(path)), tmp_path / "out.mid")
    assert (tmp_path / "out.mid").stat().st_size < 1 << 20


def test_takes_that_are_no_files_are_listed_with_what_is_wrong(takes: Path) -> None:
    from improv.recording import takes as listed

    takes.mkdir()
    (takes / "folder.take").mkdir()
    os.mkfifo(takes / "pipe.take")
    (takes / "zeros.take").symlink_to("/dev/zero")
    with (takes / "huge.take").open("wb") as huge:
        huge.truncate(MAX_TAKE_BYTES + 1)
    assert all(take.wrong for take in listed(takes))
    assert len(listed(takes)) == 4
    for path in takes.iterdir():
        with pytest.raises(ImprovError):
            read_take(path)
