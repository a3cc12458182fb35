"""Values as plain JSON: what comes back is what went in, and nothing is guessed."""

import json
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from improv.errors import DataError
from improv.music.notes import Cell, Onset, Release
from improv.music.theory import QUALITIES, Chord, Place
from improv.music.turns import Mode, Turn, Who
from improv.protocol.controls import Settings
from improv.protocol.json_codec import (
    Inlined,
    JsonName,
    as_data_error,
    from_json,
    json_fields,
    json_text,
    parse_object,
    to_json,
)
from improv.protocol.snapshot import Harmony, NetworkStatus, OnsetTiming, Snapshot, StepHealth, SystemStatus


class Colour(StrEnum):
    RED = "red"


@dataclass(frozen=True, slots=True)
class Inner:
    number: float
    colour: Colour = Colour.RED


@dataclass(frozen=True, slots=True)
class Outer:
    inner: Inner
    several: tuple[int, ...] = ()
    maybe: Inner | None = None
    either: float | str = 0.0
    on: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Grouped:
    inner: Inlined[Inner] = Inner(1.0)
    description: Annotated[str, JsonName("says")] = ""


C7, CLUSTER = Chord.parse("C7"), Chord(0, (0, 1, 5))


@pytest.mark.parametrize(
    ("kind", "value", "told"),
    [
        (int, 3, 3),
        (float, 0.1, 0.1),
        (str, "b", "b"),
        (bool, True, True),
        (Colour, Colour.RED, "red"),
        (Inner, Inner(1.5), {"number": 1.5, "colour": "red"}),
        (tuple[int, ...], (1, 2), [1, 2]),
        (float | None, None, None),
        (float | str, "x", "x"),
        (Chord, C7, "C7"),
        (Chord, Chord.parse("F#dim7"), "F#dim7"),
        (Chord, CLUSTER, {"root": 0, "intervals": [0, 1, 5]}),
        (Chord | None, None, None),
        (Grouped, Grouped(inner=Inner(2.0), description="x"), {"number": 2.0, "colour": "red", "says": "x"}),
        (
            Outer,
            Outer(Inner(2.0), (1,), Inner(3.0), "word", True),
            {
                "inner": {"number": 2.0, "colour": "red"},
                "several": [1],
                "maybe": {"number": 3.0, "colour": "red"},
                "either": "word",
                "on": True,
            },
        ),
    ],
)
def test_a_value_is_told_and_made_again(kind: Any, value: Any, told: Any) -> None:
    assert to_json(value) == told
    assert from_json(kind, json.loads(json_text(to_json(value)))) == value


def test_a_chord_is_also_made_from_its_fields() -> None:
    assert from_json(Chord, {"root": 0, "intervals": [0, 4, 7, 10]}) == C7


@pytest.mark.parametrize(
    ("kind", "raw", "why"),
    [
        (float, True, "True is no float"),
        (int, True, "True is no int"),
        (int, 1.0, "1.0 is no int"),
        (float, "1", "'1' is no float"),
        (float, 1e999, "inf is no float"),
        (float, 10**400, "is no float"),
        (str, None, "None is no str"),
        (Colour, "blue", "'blue' is not a valid Colour"),
        (Colour, ["red"], "is not a valid Colour"),
        (tuple[int, ...], [1, "2"], "'2' is no int"),
        (tuple[int, ...], 1, "1 is no "),
        (Chord, "H7", "'H' is no note name"),
        (Chord, {"root": 0}, "Chord lacks intervals"),
        (float | str, None, "None is no "),
        (Inner, {}, "Inner lacks number"),
        (Inner, {"number": 1, "size": 2}, "Inner has no size"),
        (Grouped, {"description": "x"}, "Grouped has no description"),
        (Inner, [1], r"\[1\] is no Inner"),
    ],
)
def test_what_stands_for_no_value_is_refused(kind: Any, raw: Any, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        from_json(kind, raw)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("[1]", "no JSON object"),
        ("", "Expecting value"),
        ('{"a":NaN}', "NaN is no number"),
        ('{"a":-Infinity}', "-Infinity is no number"),
        ('{"a":1', "delimiter"),
        ("[" * 100_000, "nested too deeply"),
        ('{"a":' + "9" * 5000 + "}", "digits"),
    ],
)
def test_a_text_that_holds_no_object_is_refused(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        parse_object(text)


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_no_number_is_not_told(number: float) -> None:
    with pytest.raises(ValueError, match="JSON compliant"):
        json_text(to_json(Inner(number)))


def test_a_field_with_a_default_may_be_left_out() -> None:
    assert json_fields(Inner)[1] == {"number"}
    assert from_json(Inner, {"number": 1}) == Inner(1.0)
    assert from_json(Grouped, {"says": "x"}) == Grouped(description="x")


def test_what_is_malformed_is_one_line() -> None:
    with pytest.raises(DataError, match=r"^the thing is not what it should be \(a b\)$"), as_data_error("the thing"):
        raise ValueError("a\n  b")


finite = st.floats(allow_nan=False, allow_infinity=False)
whole = st.integers(-(2**31), 2**31)
chords = st.builds(
    Chord,
    st.integers(0, 11),
    st.sampled_from(list(QUALITIES.values())) | st.lists(st.integers(0, 11), max_size=4).map(tuple),
)
cells = st.builds(
    Cell,
    st.lists(st.builds(Onset, whole, whole), max_size=3).map(tuple),
    st.lists(whole, max_size=3).map(tuple),
    st.lists(st.builds(Release, whole, whole), max_size=3).map(tuple),
)
words = st.text(max_size=20)
snapshots = st.builds(
    Snapshot,
    step=whole,
    place=st.builds(Place, whole, whole, whole),
    turn=st.builds(Turn, st.sampled_from(Who), whole, st.none() | whole),
    beats_left=st.none() | finite,
    playing=st.booleans(),
    harmony=st.builds(Harmony, chord=st.none() | chords, next_chord=st.none() | chords),
    heard=cells,
    played=cells,
    tempo=finite,
    swing=finite,
    settings=st.builds(Settings, mode=st.sampled_from(Mode), temperature=finite, density=finite, key=words),
    health=st.builds(StepHealth, missed_steps=whole, faults=whole, fault=words),
    system=st.builds(
        SystemStatus,
        description=words,
        network=st.builds(NetworkStatus, unsupported_controls=st.lists(words, max_size=3).map(tuple)),
        timing=st.builds(OnsetTiming, lateness_p99_us=finite, onsets=whole),
    ),
)


@given(snapshots)
def test_a_snapshot_comes_back_as_it_was(seen: Snapshot) -> None:
    assert from_json(Snapshot, parse_object(json_text(to_json(seen)))) == seen
