"""The lines of a take: what they hold, and that anything else is refused."""

import json
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, cast, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from improv.errors import DataError
from improv.music.notes import NoteOff, NoteOn, Placed, Timed
from improv.music.parts import Part
from improv.music.transport import Transport
from improv.music.turns import Turn, Who
from improv.protocol.commands import ENDS, TARGETS, Command, Connect, Forget, Learn, Nudge, Press, Set, Tap
from improv.protocol.controls import CONTROLS, Settings
from improv.protocol.heard import Heard
from improv.protocol.json_codec import json_fields
from improv.protocol.snapshot import How
from improv.recording import (
    Entry,
    Head,
    event_json,
)
from tests.recording.performed import HEAD, step_of

FLOATS = st.floats(allow_nan=False, allow_infinity=False)
COUNTS = st.integers(0, 2**40)
PITCHES = st.integers(0, 127)
PARTS = st.sampled_from(Part)
NOTES = st.builds(NoteOn, PARTS, PITCHES, st.integers(1, 127)) | st.builds(NoteOff, PARTS, PITCHES)
TRANSPORTS = st.builds(Transport, st.integers(), FLOATS, st.floats(20, 400), st.floats(0.5, 0.75))
CHOSEN = st.builds(
    Settings.of,
    **{
        name: FLOATS if hint is float else st.text() if hint is str else st.from_type(hint)
        for name, hint in json_fields(Settings)[0].items()
    },
)
TURNS = st.builds(Turn, st.sampled_from(Who), st.integers(), st.none() | st.integers())
WITH_FIELDS: dict[Any, st.SearchStrategy[Any]] = {
    Set: st.sampled_from([Set(name, control.default) for name, control in CONTROLS.items()]),
    Nudge: st.builds(Nudge, st.just("tempo"), FLOATS),
    Tap: st.builds(Tap, FLOATS),
    Learn: st.builds(Learn, st.sampled_from(["", *TARGETS])),
    Forget: st.builds(Forget, st.sampled_from(TARGETS)),
    Press: st.builds(Press, PITCHES, PITCHES),
    Connect: st.builds(Connect, st.sampled_from(ENDS), st.text()),
}
COMMANDS = st.one_of(*(WITH_FIELDS.get(kind, st.builds(kind)) for kind in get_args(Command)))
ENTRIES = st.builds(
    Entry,
    step=st.integers(-100, 2**40),
    how=st.sampled_from(How),
    heard=st.builds(
        Heard,
        st.lists(st.builds(Timed, FLOATS, NOTES), max_size=3).map(tuple),
        st.lists(COMMANDS, max_size=3).map(tuple),
    ),
    events=st.lists(st.builds(Placed, st.integers(), NOTES), max_size=3).map(tuple),
    transport=TRANSPORTS,
    settings=CHOSEN,
    turn=TURNS,
    top=st.integers(),
    model=st.text(),
    model_sha256=st.text(),
    skipped_choruses=COUNTS,
    fault=st.text(),
    chord=st.text(),
)
HEADS = st.builds(
    Head,
    improv=st.text(),
    began=st.datetimes().map(lambda at: at.isoformat() + "Z"),
    model=st.text(),
    model_sha256=st.text(),
    settings=CHOSEN,
    transport=TRANSPORTS,
    count_in_bars=st.integers(0, 4),
    form=st.sampled_from(["C7 | F7 | C7 | G7", "Cm | F#dim7 G7"]),
    key=st.sampled_from(["C", "F#", "Bb"]),
)


@given(HEADS)
def test_a_head_is_what_it_was(head: Head) -> None:
    assert Head.from_json(head.to_json()) == head
    assert "\n" not in head.to_json()


@given(ENTRIES, ENTRIES)
def test_an_entry_is_what_it_was(entry: Entry, before: Entry) -> None:
    assert Entry.from_json(entry.to_json()) == entry
    assert Entry.from_json(entry.to_json(before), before) == entry
    settled = replace(before, transport=entry.transport, settings=entry.settings, turn=entry.turn)
    assert Entry.from_json(entry.to_json(settled), settled) == entry
    assert "\n" not in entry.to_json()


def test_an_entry_can_be_read_by_a_person() -> None:
    heard = Heard(step_of(4).heard.notes, (Set("tempo", 90.5),))
    entry = step_of(4, heard=heard, fault="RuntimeError: out of notes")
    assert entry.to_json(step_of(3)) == (
        '{"step":4,"how":"network","notes":[[4714.35,"on","you",4,5]],'
        '"commands":[{"Set":{"control":"tempo","value":90.5}}],'
        '"events":[[24,"on","melody",4,90],[30,"off","melody",1]],"fault":"RuntimeError: out of notes","chord":"C7"}'
    )
    assert step_of(3, events=()).to_json(entry) == '{"step":3,"how":"network","chord":"C7"}'
    turned = step_of(3, events=(), transport=Transport(3, 1.5, 90.0))
    assert '"transport":{"anchor_step":3,"anchor_s":1.5,"bpm":90.0,"swing":0.5}' in turned.to_json(entry)


class Loudness(StrEnum):
    SOFT = "soft"
    LOUD = "loud"


@dataclass(frozen=True, slots=True)
class SetTouch:
    """A command of a later day."""

    loudness: Loudness
    octaves: tuple[int, ...] = (0,)
    until: float | None = None


@pytest.mark.parametrize("touch", [SetTouch(Loudness.LOUD), SetTouch(Loudness.SOFT, (1, 2), 0.1)])
def test_a_command_added_later_needs_no_change_here(touch: SetTouch, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_json, "_COMMANDS", {"SetTouch": SetTouch})
    entry = step_of(0, heard=Heard(commands=(cast(Any, touch),)))
    assert Entry.from_json(entry.to_json()) == entry


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"step": None}, id="no step"),
        pytest.param({"step": 1.5}, id="half a step"),
        pytest.param({"step": True}, id="a truth for a number"),
        pytest.param({"how": "by magic"}, id="an unknown way"),
        pytest.param({"how": {}}, id="no way at all"),
        pytest.param({"commands": [{"SetFire": {}}]}, id="an unknown command"),
        pytest.param({"commands": [{"Set": {}}]}, id="a command without its value"),
        pytest.param({"commands": [{"Nudge": {"control": "tempo", "by": "fast"}}]}, id="a command with a wrong value"),
        pytest.param({"commands": [{"Stop": {"by": 1}}]}, id="a command with too many"),
        pytest.param({"commands": [{}]}, id="an empty command"),
        pytest.param({"commands": [{"Stop": {}, "Panic": {}}]}, id="two commands in one"),
        pytest.param({"commands": ["Stop"]}, id="a command that is a word"),
        pytest.param({"notes": 5}, id="notes that are none"),
        pytest.param({"notes": [[]]}, id="an empty note"),
        pytest.param({"notes": [[1.0, "on", "you", 60]]}, id="a note without velocity"),
        pytest.param({"notes": [[1.0, "on", "them", 60, 80]]}, id="an unknown part"),
        pytest.param({"notes": [["soon", "on", "you", 60, 80]]}, id="a time that is none"),
        pytest.param({"events": [[6, "on", "you", 128, 80]]}, id="a pitch too high"),
        pytest.param({"events": [[6, "on", "you", 60, 0]]}, id="an onset of velocity 0"),
        pytest.param({"events": [["6", "off", "you", 60]]}, id="a tick in words"),
        pytest.param({"events": [[True, "off", "you", 60]]}, id="a tick that is none"),
        pytest.param({"transport": {"anchor_step": 0, "anchor_s": 0.0, "bpm": 0.0}}, id="standing still"),
        pytest.param({"transport": {"anchor_step": 0, "anchor_s": 0.0}}, id="without tempo"),
        pytest.param({"transport": {"anchor_step": 0, "anchor_s": 0.0, "bpm": 9, "swing": 1}}, id="a swing of 1"),
        pytest.param({"settings": {"mode": "fight", "bars": 1, "temperature": 1}}, id="an unknown mode"),
        pytest.param({"settings": 3}, id="settings that are none"),
        pytest.param({"chord": 7}, id="a chord that is no text"),
        pytest.param({"mood": "blue"}, id="an unknown field"),
    ],
)
def test_a_malformed_entry_is_refused(change: dict[str, Any]) -> None:
    raw = json.loads(step_of(5).to_json()) | change
    text = json.dumps({name: value for name, value in raw.items() if value is not None})
    with pytest.raises(DataError, match="an entry is not what it should be"):
        Entry.from_json(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "7",
        '{"step":NaN}',
        '{"step":Infinity}',
        "[" * 9999,
        '{"step":5,"how":"network","notes":[[1e999]]}',
    ],
)
def test_what_is_no_json_object_is_refused(text: str) -> None:
    for kind in (Head, Entry):
        with pytest.raises(DataError, match="is not what it should be"):
            kind.from_json(text)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"format": 1}, "its format is 1, this improv reads 2 and 3"),
        ({"began": "yesterday"}, "yesterday"),
        ({"form": "C7 | H7"}, "'H' is no note name"),
        ({"key": "Cis"}, "Cis"),
        ({"count_in_bars": "7"}, "'7' is no int"),
        ({"count_in_bars": None}, "Head lacks count_in_bars"),
        ({"weather": "fine"}, "Head has no weather"),
    ],
)
def test_a_malformed_head_is_refused(change: dict[str, Any], says: str) -> None:
    raw = json.loads(HEAD.to_json()) | change
    with pytest.raises(DataError, match=says):
        Head.from_json(json.dumps({name: value for name, value in raw.items() if value is not None}))
