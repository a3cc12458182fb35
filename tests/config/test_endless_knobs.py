"""Endless knobs: known by what they send, turned by small steps, and never taken for knobs that have an end."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from improv.config.controller_maps import Map
from improv.config.endless_knobs import DECODERS, KnobClassifier, Relative
from improv.control.midi_controllers import DEFAULT_MAPS, Controllers, from_file, to_text
from improv.errors import DataError, UsageError
from improv.protocol.commands import Command, Nudge, Set
from improv.protocol.controls import CONTROLS
from tests.control.controllers import KNOB, Rig, cc, key, knob

SENT: dict[Relative, dict[int, int]] = {
    # what each sends for so many steps
    "twos-complement": {1: 1, 2: 2, 5: 5, -1: 127, -2: 126, -5: 123},
    "sign-magnitude": {1: 1, 2: 2, 5: 5, -1: 65, -2: 66, -5: 69},
    "binary-offset": {1: 65, 2: 66, 5: 69, -1: 63, -2: 62, -5: 59},
    "up-down": {1: 127, -1: 0},
}


def sent(relative: Relative, steps: Sequence[int]) -> list[int]:
    return [SENT[relative][step] for step in steps if step in SENT[relative]]


@pytest.mark.parametrize("relative", SENT)
def test_what_each_sends(relative: Relative) -> None:
    assert {step: DECODERS[relative](value) for step, value in SENT[relative].items()} == {
        step: step for step in SENT[relative]
    }


WAYS = {
    "right, then left": [1, 1, 1, -1, -1],
    "left, then right": [-1, -1, -1, 1, 1],
    "to and fro": [1, -1, 1, -1, 1, 1, 1, -1],
    "faster and faster": [1, 1, 1, 2, 5, 5, 2, -1, -5, -2],
}


@pytest.mark.parametrize("steps", WAYS.values(), ids=WAYS)
@pytest.mark.parametrize("relative", SENT)
def test_an_endless_knob_is_known_when_it_has_been_turned_both_ways(relative: Relative, steps: list[int]) -> None:
    watch = KnobClassifier()
    for value in sent(relative, steps):
        watch.observe(value)
    assert watch.kind == relative


ENDS = {
    "a slow turn": range(40, 60),
    "from the lower end": range(20),
    "from the upper end": range(127, 100, -1),
    "over the middle": [61, 62, 63, 64, 65],
    "a fast turn": [3, 14, 33, 60, 90, 127],
    "a fader thrown down": [120, 80, 30, 2],
}


@pytest.mark.parametrize("values", ENDS.values(), ids=ENDS)
def test_a_knob_that_has_an_end_is_known(values: Sequence[int]) -> None:
    watch = KnobClassifier()
    for value in values:
        watch.observe(value)
    assert watch.kind == "absolute"


# --- learning -------------------------------------------------------------------------------------


@pytest.mark.parametrize("steps", WAYS.values(), ids=WAYS)
@pytest.mark.parametrize("relative", SENT)
def test_learned_and_turned_by_small_steps(relative: Relative, steps: list[int]) -> None:
    rig = Rig()
    rig.controllers.learn("temperature")
    for value in sent(relative, [*steps, *steps]):
        before = rig.stood["temperature"]
        rig.move(cc(KNOB, value))
        assert abs(float(rig.stood["temperature"]) - float(before)) <= 0.51
    assert rig.controllers.learned == (Map(kind="cc", number=KNOB, channel=1, target="temperature", relative=relative),)
    rig.stood["temperature"] = 0.8
    (right,) = rig.move(cc(KNOB, SENT[relative][1]))
    (left,) = rig.move(cc(KNOB, SENT[relative][-1]))
    assert (right, left) == (Nudge("temperature", 0.1), Nudge("temperature", -0.1))
    assert rig.stood["temperature"] == pytest.approx(0.8)


def test_what_happened_in_the_field() -> None:
    """0x01 right, 0x7f left: the temperature went 0.8, 0.024, 3.0. The fifth message shows what it is."""
    rig = Rig(*DEFAULT_MAPS)
    rig.controllers.learn("temperature")
    stood = []
    for value in [1, 1, 127, 127, 1, 127, 1, 1]:
        rig.move(cc(KNOB, value))
        stood.append(rig.stood["temperature"])
    assert stood == pytest.approx([0.8, 0.8, 0.8, 0.8, 0.8, 0.7, 0.8, 0.9])


def test_what_is_said_while_it_is_learned() -> None:
    rig = Rig()
    rig.controllers.learn("tempo")
    rig.turn(65, 65, 65)
    assert rig.controllers.remark == f"CC {KNOB} on channel 1: it is an endless knob; turn it the other way too"
    assert rig.controllers.learning
    rig.turn(63)
    assert rig.controllers.remark == f"CC {KNOB} on channel 1 is bound to tempo: an endless knob, by small steps"


def test_a_button_is_not_learned_for_a_number_and_told_why() -> None:
    rig = Rig()
    rig.controllers.learn("tempo")
    rig.turn(127, 0, 127, 0)
    assert rig.controllers.remark == f"CC {KNOB} on channel 1: it sends 127 and 0 alone, as a button does; turn a knob"
    assert rig.controllers.learning
    rig.turn(40, 41, number=22)
    assert rig.controllers.learned == (knob("tempo", 22, 1),)


def test_a_knob_of_14_bits_repeats_itself_and_is_not_endless() -> None:
    rig = Rig()
    rig.controllers.learn("tempo")
    for fine in range(0, 120, 10):
        rig.move(cc(20, 1))
        rig.move(cc(52, fine))
    assert rig.controllers.learned == (knob("tempo", 20, 1),)


def test_one_that_only_shows_later_what_it_is_is_kept_as_such() -> None:
    rig = Rig()
    rig.controllers.learn("temperature")
    rig.turn(1, 2)
    assert rig.controllers.learned == (knob("temperature", KNOB, 1),)
    rig.turn(1, 127, 1)
    assert "is an endless knob (twos-complement) and turns temperature by small steps" in rig.controllers.remark
    (learned,) = rig.controllers.learned
    assert learned.relative == "twos-complement"
    again = Rig(learned=from_file(to_text([learned]).encode()))
    assert again.move(cc(KNOB, 127)) == [Nudge("temperature", -0.1)]


# --- bound by a configuration or by default ------------------------------------------------------


@pytest.mark.parametrize("relative", SENT)
@pytest.mark.parametrize("target", ["temperature", "tempo", "register", "density"])
def test_one_of_an_unknown_kind_never_has_its_control_leap(relative: Relative, target: str) -> None:
    rig = Rig(knob(target))
    control = CONTROLS[target]
    for value in sent(relative, [1, -1, 1, 1, 1, -1, -1, 5, 5, -5, 2, -1, -1, -1]):
        before = control.share(rig.stood[target])
        rig.move(cc(KNOB, value))
        assert abs(control.share(rig.stood[target]) - before) <= 0.26
    assert rig.move(cc(KNOB, SENT[relative][1])) == [Nudge(target, control.nudge)]


def test_a_default_map_that_meets_an_endless_knob_is_passed_on_as_before() -> None:
    rig = Rig(*DEFAULT_MAPS)
    shared = rig.controllers.controller_filter.shared
    rig.turn(1, 127, 1, 127, number=20)
    assert rig.controllers.controller_filter.shared == shared
    assert rig.controllers.learned == ()


@pytest.mark.parametrize("relative", SENT)
def test_one_that_a_configuration_tells_of_is_endless_at_once(relative: Relative) -> None:
    rig = Rig(Map(kind="cc", number=KNOB, target="tempo", relative=relative))
    assert rig.move(cc(KNOB, SENT[relative][-1])) == [Nudge("tempo", -4)]
    assert rig.move(cc(KNOB, SENT[relative][1])) == [Nudge("tempo", 4)]


def test_one_that_a_configuration_says_has_an_end_has_one() -> None:
    rig = Rig(Map(kind="cc", number=KNOB, target="temperature", relative="off"))
    assert rig.turn(1, 127, 1) == [CONTROLS["temperature"].scaled(1), CONTROLS["temperature"].scaled(1 / 127)]


TURNS: dict[str, tuple[str, list[int], list[Command]]] = {
    # a control, the steps to the right, and what is asked for
    "faster": ("tempo", [3], [Nudge("tempo", 12)]),
    "ever so fast": ("tempo", [60, -60], [Nudge("tempo", 95), Nudge("tempo", -95)]),
    "a whole number": ("bars", [1, -2], [Nudge("bars", 1), Nudge("bars", -2)]),
    "no step": ("tempo", [0], []),
    "words": ("mode", [1, 3, -1], [Nudge("mode", 1), Nudge("mode", 1), Nudge("mode", -1)]),
    "a switch": ("thru", [1, 1, -1, -1], [Set("thru", "on"), Set("thru", "off")]),
}


@pytest.mark.parametrize(("target", "steps", "asked"), TURNS.values(), ids=TURNS)
def test_what_its_steps_ask_for(target: str, steps: list[int], asked: list[Command]) -> None:
    rig = Rig(Map(kind="cc", number=KNOB, target=target, relative="twos-complement"))
    assert [command for step in steps for command in rig.move(cc(KNOB, step % 128))] == pytest.approx(asked)


def test_an_endless_knob_asks_for_no_command_and_says_so() -> None:
    rig = Rig(knob("panic"))
    rig.turn(1, 127, 1)
    assert "an endless knob cannot ask for panic; learn a key or a button" in rig.controllers.remark
    assert rig.move(cc(KNOB, 127)) == []


@pytest.mark.parametrize(
    ("mapped", "says"),
    [
        (Map(kind="cc", number=KNOB, target="panic", relative="binary-offset"), "an endless knob cannot ask for panic"),
        (Map(kind="note", number=36, target="panic", relative="up-down"), "key 36 is no endless knob"),
    ],
)
def test_maps_that_may_not_be(mapped: Map, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        Controllers([mapped])


def test_a_file_that_says_something_else() -> None:
    with pytest.raises(DataError, match="did you mean twos-complement"):
        from_file(b'[[map]]\nkind = "cc"\nnumber = 1\ntarget = "tempo"\nrelative = "two-complement"\n')


@given(st.lists(st.integers(0, 127), min_size=1, max_size=40))
def test_a_knob_of_which_nothing_is_known_never_leaps_by_one_message(values: list[int]) -> None:
    """Whatever it sends: until its places are known to be places its control is not carried along with it."""
    rig = Rig(knob("temperature"))
    for value in values:
        watch = rig.controllers._bound[0xB0, KNOB, -1].watch
        before = float(rig.stood["temperature"])
        rig.move(cc(KNOB, value))
        if watch.kind != "absolute":
            assert abs(float(rig.stood["temperature"]) - before) <= 0.76


def test_a_key_is_none() -> None:
    rig = Rig(Map(kind="note", number=36, target="mode"))
    for _ in range(4):
        assert rig.move(key(36, 1)) == [Nudge("mode", 1)]
