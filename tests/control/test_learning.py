"""Binding a knob, key or pedal by moving it."""

import pytest

from improv.config.controller_maps import Map
from improv.control.midi_controllers import DEFAULT_MAPS, Controllers, from_file, to_text
from improv.errors import UsageError
from improv.protocol.commands import TARGETS, TRIGGERS, Panic
from tests.control.controllers import PAD, PATCH, PEDAL, Rig, at, cc, key, knob, patch

LEARNED = {
    # what is learned, what moves meanwhile, what is bound
    "a knob": ("tempo", [cc(30, 5), cc(30, 6)], knob("tempo", 30, 1)),
    "a knob on channel 16": ("tempo", [cc(30, 5, 16), cc(30, 6, 16)], knob("tempo", 30, 16)),
    "a knob beside one that trembles": (
        "tempo",
        [cc(11, 80), cc(30, 5), cc(11, 80), cc(30, 5), cc(30, 6)],
        knob("tempo", 30, 1),
    ),
    "a knob while a phrase is played": (
        "tempo",
        [key(60), key(60, 0), cc(30, 5), key(62), cc(30, 6)],
        knob("tempo", 30, 1),
    ),
    "a knob of 14 bits": ("tempo", [cc(20, 5), cc(52, 100), cc(52, 110)], knob("tempo", 20, 1)),
    "a knob of 14 bits, the fine half first": ("tempo", [cc(52, 1), cc(20, 5), cc(52, 9)], knob("tempo", 20, 1)),
    "a knob that has a fine half's number": ("tempo", [cc(52, 1), cc(52, 9)], knob("tempo", 52, 1)),
    "a button": ("panic", [cc(30, 127), cc(30, 0)], knob("panic", 30, 1)),
    "a pad": ("panic", [key(PAD, 90, 10)], Map(kind="note", number=PAD, channel=10, target="panic")),
    "the end of a note is no pad": (
        "panic",
        [key(60, 0), key(PAD)],
        Map(kind="note", number=PAD, channel=1, target="panic"),
    ),
    "a foot switch": ("start", [patch(PATCH)], Map(kind="program", number=PATCH, channel=1, target="start")),
    "the sustain pedal": ("hand-over", [cc(PEDAL, 127), cc(PEDAL, 0)], knob("hand-over", PEDAL, 1)),
}


@pytest.mark.parametrize(("target", "messages", "bound"), LEARNED.values(), ids=LEARNED)
def test_learned(target: str, messages: list[bytes], bound: Map) -> None:
    rig = Rig()
    rig.controllers.learn(target)
    for message in messages:
        assert rig.controllers.learning
        assert rig.move(message) == []  # nothing is meant by it yet
    assert not rig.controllers.learning
    assert rig.controllers.learned == (bound,)
    assert f"is bound to {target}" in rig.controllers.remark
    rig.move(messages[-1])
    assert rig.controllers.remark == ""


@pytest.mark.parametrize("number", [0, 6, 32, 38, 64, 98, 99, 100, 101, 120, 123, 127])
def test_a_reserved_controller_is_neither_learned_nor_mapped_and_says_why(number: int) -> None:
    with pytest.raises(UsageError, match=rf"CC {number} is "):
        Controllers([knob("panic", number)])
    rig = Rig()
    rig.controllers.learn("panic")
    rig.move(cc(number, 127))
    assert f"CC {number} is " in rig.controllers.remark
    rig.move(cc(number, 0))
    assert rig.controllers.remark == ""  # said once
    assert rig.controllers.learning
    rig.move(key(PAD))
    assert rig.controllers.learned[0].number == PAD


def test_a_knob_that_was_learned_has_still_to_pick_up() -> None:
    rig = Rig()
    rig.controllers.learn("tempo")
    assert rig.turn(90, 89, 60, 35) == []
    assert rig.turn(30) == [at("tempo", 30)]


def test_a_target_has_one_binding_and_a_knob_one_target() -> None:
    rig = Rig(*DEFAULT_MAPS)
    rig.controllers.learn("tempo")
    rig.turn(5, 6, number=20)  # temperature's
    assert rig.controllers.remark == "CC 20 on channel 1 is bound to tempo, no longer to temperature"
    rig.controllers.learn("tempo")
    rig.turn(5, 6, number=40)
    rig.controllers.learn("bars")
    rig.turn(5, 6, number=40)
    assert rig.controllers.remark == "CC 40 on channel 1 is bound to bars, no longer to tempo"
    assert rig.controllers.learned == (knob("bars", 40, 1),)
    assert rig.controllers.controller_filter.bound == {(0xB0, 40, 0)}
    assert rig.controllers.controller_filter.shared == {(0xB0, number, -1) for number in range(21, 26)}


def test_forgotten() -> None:
    rig = Rig(*DEFAULT_MAPS)
    assert rig.controllers.forget("panic") == "nothing is bound to panic"
    assert "bound by default again at the next start" in rig.controllers.forget("temperature")
    rig.controllers.learn("panic")
    rig.controllers.forget("panic")
    assert not rig.controllers.learning
    rig.controllers.learn("panic")
    rig.move(key(PAD))
    assert rig.controllers.forget("panic") == "key 36 on channel 1 no longer bound to panic"
    assert rig.controllers.learned == ()
    assert rig.move(key(PAD)) == []


def test_what_was_learned_is_there_again_after_a_restart() -> None:
    rig = Rig(*DEFAULT_MAPS)
    for target, messages in (("tempo", [cc(20, 1), cc(20, 2)]), ("panic", [key(PAD)]), ("start", [patch(PATCH)])):
        rig.controllers.learn(target)
        for message in messages:
            rig.move(message)
    again = Rig(*DEFAULT_MAPS, learned=from_file(to_text(rig.controllers.learned).encode()))
    assert again.controllers.learned == rig.controllers.learned
    assert again.controllers.controller_filter == rig.controllers.controller_filter
    assert again.move(key(PAD)) == [Panic()]


REFUSED = {
    "a knob with two targets": ([knob("tempo"), knob("swing")], "CC 21 is mapped to tempo and swing"),
    "a pad for a number": ([Map(kind="note", number=PAD, target="tempo")], "key 36 cannot turn tempo; map a knob"),
    "a program for a number": ([Map(kind="program", number=5, target="bars")], "program 5 cannot turn bars"),
    "a model": ([knob("model")], "nothing is called 'model'"),
    "nothing": ([knob("tempa")], "nothing is called 'tempa' .did you mean tempo..; choose from tempo, swing"),
}


@pytest.mark.parametrize(("maps", "says"), REFUSED.values(), ids=REFUSED)
def test_maps_that_may_not_be(maps: list[Map], says: str) -> None:
    with pytest.raises(UsageError, match=says):
        Controllers(maps)


@pytest.mark.parametrize("target", ["model", "tempa"])
def test_what_no_knob_can_turn_is_not_learned(target: str) -> None:
    controllers = Controllers(())
    with pytest.raises(UsageError):
        controllers.learn(target)
    assert not controllers.learning


def test_everything_else_can_be_learned() -> None:
    for target in TARGETS:
        rig = Rig()
        rig.controllers.learn(target)
        rig.turn(1, 2)
        assert rig.controllers.learned == (knob(target, channel=1),)


def test_the_defaults_are_undefined_controllers_and_leave_tempo_and_triggers_alone() -> None:
    assert all(20 <= mapped.number <= 31 and mapped.kind == "cc" for mapped in DEFAULT_MAPS)
    assert not {mapped.target for mapped in DEFAULT_MAPS} & {"tempo", *TRIGGERS}
    wanted = Controllers(DEFAULT_MAPS).controller_filter
    assert (len(wanted.bound), len(wanted.shared)) == (0, len(DEFAULT_MAPS))  # they are passed on all the same
