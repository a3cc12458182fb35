"""Your notes, read in one way: whatever a keyboard, a file or the letters of the computer send, what is heard of it."""

from collections.abc import Callable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from improv.midi.parser import Incoming
from improv.midi.your_notes import DOUBT_BEATS, HELD_BEATS, YourNotes
from improv.music.notes import NoteOff, NoteOn, Timed
from improv.music.parts import Part
from improv.music.turns import Mode, Who
from improv.protocol.commands import Command, Panic
from improv.session.state import Session
from tests.conftest import Echo
from tests.runtime.test_engine import Commands, played

Begun = Callable[..., Session]

BEAT_S = 0.5


def heard(*messages: tuple[float, str]) -> tuple[str, YourNotes]:
    """What is heard of messages at their times: `+60` a beginning, `-60` an end, each at its time."""
    notes, lines = YourNotes(), []
    for at, text in messages:
        lines += notes.release_stale(at, BEAT_S)
        lines += notes.message(bytes.fromhex(text), at)
    return told(lines), notes


def told(notes: Sequence[Timed]) -> str:
    return " ".join(
        f"{'+' if isinstance(note.event, NoteOn) else '-'}{note.event.pitch}@{note.time_s:g}" for note in notes
    )


ON, OFF, ON2, OFF2, DRUM, DRUM_OFF = "903c50", "803c40", "913c50", "813c40", "992450", "892440"


@pytest.mark.parametrize(
    ("messages", "wanted"),
    [
        pytest.param([(0, ON), (1, OFF)], "+60@0 -60@1", id="a note"),
        pytest.param([(0, ON), (1, "903c00")], "+60@0 -60@1", id="velocity 0 is an end"),
        pytest.param([(1, OFF)], "", id="an end without a beginning"),
        pytest.param([(0, DRUM), (1, DRUM_OFF)], "", id="percussion is left out"),
        pytest.param([(0, ON), (1, ON), (1, OFF), (2, OFF)], "+60@0 -60@1 +60@1 -60@2", id="notes that touch"),
        pytest.param(
            [(0, ON), (1, ON), (1.004, OFF), (2, ON), (2.004, OFF), (5, OFF)],
            "+60@0 -60@1 +60@1 -60@2 +60@2 -60@5",
            id="notes that touch, over a cable",
        ),
        pytest.param(
            [(0, ON), (0.5, ON), (1, OFF), (1.5, OFF)], "+60@0 -60@0.5 +60@0.5 -60@1.5", id="an end closes the first"
        ),
        pytest.param([(0, ON), (1, ON2), (2, OFF), (3, OFF2)], "+60@0 -60@1 +60@1 -60@3", id="one pitch, two hands"),
        pytest.param([(0, ON), (1, ON2), (2, OFF2), (3, OFF)], "+60@0 -60@1 +60@1 -60@3", id="and the other first"),
        pytest.param([(0, ON), (0.004, ON2), (1, OFF), (1.1, OFF2)], "+60@0 -60@1.1", id="a keyboard of two layers"),
        pytest.param([(0, ON), (0, ON), (1, OFF), (1, OFF)], "+60@0 -60@1", id="one key twice at once"),
        pytest.param([(0, ON), (0, ON), (1, OFF), (1.9, OFF)], "+60@0 -60@1.9", id="of which one stays"),
        pytest.param([(0, ON), (0, ON), (1, OFF), (3, "c001")], "+60@0 -60@1", id="of which one end was lost"),
        pytest.param([(0, ON), (1, "b07b00")], "+60@0 -60@1", id="all notes off"),
        pytest.param([(0, ON), (1, "b07800")], "+60@0 -60@1", id="all sound off"),
        pytest.param([(0, ON), (1, "b07c00")], "+60@0 -60@1", id="omni mode off"),
        pytest.param([(0, ON), (1, "b07e01")], "+60@0 -60@1", id="mono mode"),
        pytest.param([(0, ON), (1, "b07f00"), (2, OFF)], "+60@0 -60@1", id="poly mode, and the end after it"),
        pytest.param([(0, ON), (1, "b17b00"), (2, OFF)], "+60@0 -60@2", id="all notes off on another channel"),
        pytest.param([(0, ON), (1, "b07900"), (2, OFF)], "+60@0 -60@2", id="controllers are reset"),
        pytest.param([(0, ON), (1, "b07a00"), (2, OFF)], "+60@0 -60@2", id="local control"),
        pytest.param([(0, ON), (0, ON2), (1, "ff")], "+60@0 -60@1", id="system reset"),
        pytest.param([(0, ON), (1, "f07e7f0901f7")], "+60@0 -60@1", id="General MIDI on"),
        pytest.param([(0, ON), (1, "f07e7f0602f7"), (2, OFF)], "+60@0 -60@2", id="another sysex"),
        pytest.param(
            [(0, "b06500"), (0, "b06406"), (0, "b0060f"), (0, DRUM), (1, DRUM_OFF)],
            "+36@0 -36@1",
            id="channel 10 of an MPE zone is no percussion",
        ),
        pytest.param(
            [(0, "b06500"), (0, "b06406"), (0, "b00605"), (0, "933c50"), (0, "993c50"), (1, "b07b00")],
            "+60@0 -60@1",
            id="a zone's manager frees its members",
        ),
        pytest.param([(0, ON), (1, ON), (2, OFF), (2.9, "c001")], "+60@0 -60@1 +60@1", id="it may be up"),
        pytest.param([(0, ON), (1, ON), (2, OFF), (3, "c001")], "+60@0 -60@1 +60@1 -60@2", id="an end was lost"),
        pytest.param(
            [(0, ON), (1, ON), (2, OFF), (2.5, ON), (3, OFF)],
            "+60@0 -60@1 +60@1 -60@2 +60@2.5 -60@3",
            id="an end was lost, and the key struck again",
        ),
        pytest.param([(0, ON), (7.9, "c001")], "+60@0", id="a long note"),
        pytest.param([(0, ON), (8, "c001"), (9, OFF)], "+60@0 -60@8", id="a key that never ends"),
    ],
)
def test_what_is_heard(messages: list[tuple[float, str]], wanted: str) -> None:
    assert heard(*messages)[0] == wanted


def test_it_says_when_a_key_is_let_go() -> None:
    _, notes = heard((1.0, ON))
    assert notes.next_stale_s(BEAT_S) == 1 + HELD_BEATS * BEAT_S
    notes.message(bytes.fromhex(ON), 2.0)
    notes.message(bytes.fromhex(OFF), 3.0)
    assert notes.next_stale_s(BEAT_S) == 3 + DOUBT_BEATS * BEAT_S
    assert told(notes.release_stale(4.0, BEAT_S)) == "-60@3"
    assert notes.next_stale_s(BEAT_S) == float("inf")


def test_letters_and_what_is_known_beforehand_are_no_midi_channel() -> None:
    notes = YourNotes()
    on, off = NoteOn(Part.YOU, 60, 80), NoteOff(Part.YOU, 60)
    lines = [*notes.computer_key(on, 0), *notes.computer_key(on, 1), *notes.computer_key(off, 2)]
    assert told(lines) == "+60@0 -60@1 +60@1 -60@2"  # one end, however often it was struck
    lines = [*notes.scripted(on, 3), *notes.scripted(on, 4), *notes.scripted(off, 4), *notes.scripted(off, 5)]
    assert told(lines) == "+60@3 -60@4 +60@4 -60@5"
    lines = [*notes.scripted(on, 5.5), *notes.scripted(on, 5.5), *notes.scripted(off, 5.8), *notes.scripted(off, 5.8)]
    assert told(lines) == "+60@5.5 -60@5.8"  # doubled, by two tracks of a call
    lines = [*notes.scripted(on, 6), *notes.computer_key(on, 7)]
    for channel in range(16):
        lines += notes.message(bytes((0xB0 | channel, 123, 0)), 8)
    assert told(lines) == "+60@6 -60@7 +60@7"
    assert notes.release_stale(100, BEAT_S) == []
    assert notes.down == {60}
    assert notes.next_stale_s(BEAT_S) == float("inf")  # what is known beforehand ends when it ends
    assert told(notes.release_all(101)) == "-60@101"
    assert not notes.down


messages = st.lists(
    st.tuples(
        st.floats(0, 3),
        st.one_of(
            st.tuples(st.sampled_from([0x90, 0x80, 0x91, 0x81, 0x99]), st.integers(60, 61), st.sampled_from([0, 64])),
            st.tuples(st.just(0xB0), st.integers(119, 127), st.just(0)),
        ),
    ),
    max_size=40,
)


@given(messages)
def test_beginnings_and_ends_alternate_and_everything_ends(arriving: list[tuple[float, tuple[int, int, int]]]) -> None:
    notes, down, now_s = YourNotes(), set[int](), 0.0
    for wait_s, message in arriving:
        now_s += wait_s
        for note in [*notes.release_stale(now_s, BEAT_S), *notes.message(bytes(message), now_s)]:
            assert (note.event.pitch in down) == isinstance(note.event, NoteOff)
            down ^= {note.event.pitch}
        assert notes.down == down
        assert (notes.next_stale_s(BEAT_S) < float("inf")) == bool(down)
        assert notes.next_stale_s(BEAT_S) > now_s
    notes.release_stale(now_s + HELD_BEATS * BEAT_S + 1, BEAT_S)
    assert not notes.down


# --- through the engine: whether a phrase is answered ------------------------------------------------


def answered_s(begun: Begun, echo: Echo, *arrivals: tuple[float, str | Command]) -> list[float]:
    """When improv's turns begin in phrase mode at 120 bpm, after what arrives from a keyboard."""
    source = Commands(*((at, _arrival(at, each)) for at, each in arrivals))  # type: ignore[arg-type]
    _, _, _, moments = played(begun(Mode.PHRASE), echo, source, last_step=95)
    turns = {moment.session.turn.start for moment in moments if moment.session.turn.who is Who.IMPROV}
    return [start / 4 for start in sorted(turns)]


def _arrival(at: float, each: str | Command) -> Incoming | Command:
    return Incoming(at, bytes.fromhex(each)) if isinstance(each, str) else each


PHRASE = ((0.0, ON), (0.4, OFF), (0.5, "903f50"), (0.9, "803f40"))
LOST = PHRASE[:-1]


@pytest.mark.parametrize(
    ("arrivals", "at_s"),
    [
        pytest.param(PHRASE, [2.0], id="a phrase"),
        pytest.param(LOST, [9.5], id="its last end was lost: four bars after the key was struck"),
        pytest.param([*LOST, (2.0, Panic())], [3.0], id="a panic frees it"),
        pytest.param([*LOST, (2.0, "b07b00")], [3.0], id="all notes off frees it"),
        pytest.param([*LOST, (2.0, "b07800")], [3.0], id="all sound off frees it"),
        pytest.param(
            [*LOST, (2.0, "903f50"), (2.4, "803f40")], [4.0], id="the same key once more frees it, in a while"
        ),
        pytest.param([(0.0, DRUM), (0.1, DRUM_OFF), (0.5, DRUM), (0.6, DRUM_OFF)], [], id="drums are no phrase"),
        pytest.param([*PHRASE, (1.0, DRUM), (1.5, DRUM), (1.75, DRUM)], [2.0], id="nor do they keep one going"),
    ],
)
def test_a_phrase_is_answered_whatever_has_become_of_its_keys(
    begun: Begun, echo: Echo, arrivals: Sequence[tuple[float, str | Command]], at_s: list[float]
) -> None:
    assert answered_s(begun, echo, *arrivals)[:1] == at_s
