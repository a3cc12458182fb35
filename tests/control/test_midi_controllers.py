"""What a musician does at a MIDI controller, and what it asks for: knobs, buttons, pads, pedals, and their lights."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from improv.config.controller_maps import Map
from improv.control.midi_controllers import DEFAULT_MAPS, Controllers
from improv.protocol.commands import Command, HandOver, Nudge, Panic, Set, Start, Tap
from improv.protocol.control import Value
from improv.protocol.controls import CONTROLS
from tests.control.controllers import KNOB, PAD, PATCH, PEDAL, Rig, at, cc, key, knob, patch


def place(control: str, value: Value) -> int:
    """Where a knob is that stands for a value."""
    return round(CONTROLS[control].share(value) * 127)


# --- a knob that picks its control up --------------------------------------------------------------


def test_a_knob_far_away_is_ignored_until_it_passes_where_the_control_stands() -> None:
    rig = Rig(knob("tempo"))  # 120 bpm is at 33.4 of 127
    assert rig.turn(90, 60, 35) == []
    assert rig.turn(33, 32, 30) == [at("tempo", 32), at("tempo", 30)]  # at 33 it is where the control stands


def test_a_knob_picks_up_by_a_leap_across_and_by_landing_where_it_stands() -> None:
    assert Rig(knob("tempo")).turn(90, 20, 25) == [at("tempo", 20), at("tempo", 25)]
    assert Rig(knob("tempo")).turn(33, 34) == [at("tempo", 34)]  # it was there already: nothing to set
    assert Rig(knob("tempo")).turn(20) == []  # where it was before is not known


def test_a_knob_loses_a_control_that_is_moved_elsewhere_and_picks_it_up_anew() -> None:
    rig = Rig(knob("tempo"))
    assert rig.turn(33, 40) == [at("tempo", 40)]
    rig.stood["tempo"] = 242.0  # at the terminal
    assert rig.turn(41, 50, 73) == []
    assert rig.turn(75) == [at("tempo", 75)]
    rig.stood["tempo"] = 100.0
    rig.lights()  # it was seen in passing, too
    rig.stood["tempo"] = at("tempo", 75)
    assert rig.turn(76) == [at("tempo", 76)]  # back where the knob is


def test_a_knob_is_not_lost_while_what_it_asked_for_takes_a_step() -> None:
    rig = Rig(knob("temperature"), by_step=True)
    stood = rig.stood["temperature"] = 1.0
    assert rig.turn(42, 43, 44, 60) == [at("temperature", 43), at("temperature", 44), at("temperature", 60)]
    assert rig.stood["temperature"] == stood
    rig.stood["temperature"] = at("temperature", 43)  # the step had begun when more came
    assert rig.turn(61, 62) == [at("temperature", 61), at("temperature", 62)]
    rig.step()
    assert rig.turn(63) == [at("temperature", 63)]
    rig.step()
    rig.now_s += 4
    rig.stood["temperature"] = at("temperature", 43)  # long after: another client
    assert rig.turn(64, 65) == []


def test_jump_takes_over_at_once() -> None:
    rig = Rig(knob("tempo", jump=True))
    assert rig.turn(127, 0) == [400, 20]
    rig.stood["tempo"] = 240.0
    assert rig.turn(1) == [at("tempo", 1)]


def test_what_is_repeated_is_told_once() -> None:
    assert Rig(knob("tempo", jump=True)).turn(90, 90, 90) == [at("tempo", 90)]
    assert Rig(knob("register", jump=True)).turn(127, 126, 125) == [2]  # whole octaves: no news on the way


def test_a_knob_turns_words_by_equal_parts_of_its_range() -> None:
    rig = Rig(knob("mode"))
    assert rig.turn(20, 30, 60, 61, 100, 126, 127) == ["phrase", "duet", "solo", "listen"]
    assert rig.turn(126, 40) == ["phrase"]
    rig.now_s += 10
    rig.stood["mode"] = "listen"
    assert rig.turn(50, 90) == []


@given(st.lists(st.integers(0, 127), min_size=1), st.sampled_from(["tempo", "swing", "density", "gap", "top-p"]))
def test_with_jump_the_control_stands_where_the_knob_is(positions: list[int], control: str) -> None:
    rig = Rig(knob(control, jump=True))
    for position in positions:
        rig.turn(position)
        assert place(control, rig.stood[control]) == position


@given(
    st.lists(st.integers(0, 127) | st.floats(0, 1)),
    st.sampled_from(["tempo", "swing", "density", "bars", "register", "top-p"]),
    st.booleans(),
)
def test_with_pickup_the_control_never_jumps_by_more_than_one_movement(
    moves: list[int | float], control: str, lit: bool
) -> None:
    """Another client (a share of the range) moves it, too."""
    rig = Rig(knob(control))
    before: int | None = None
    for move in moves:
        if lit:
            rig.lights()
        stood = rig.stood[control]
        if isinstance(move, float):
            rig.now_s += 10
            rig.stood[control] = CONTROLS[control].scaled(move)
            continue
        for value in rig.turn(move):
            assert before is not None
            leap = abs(CONTROLS[control].share(value) - CONTROLS[control].share(stood)) * 127
            rounding = 127 / (CONTROLS[control].high - CONTROLS[control].low) if CONTROLS[control].whole else 1
            assert leap <= abs(move - before) + rounding
        before = move


@given(st.lists(st.tuples(st.integers(0, 127), st.booleans(), st.booleans())))
def test_a_knob_that_has_picked_up_is_never_lost_by_steps_that_come_late(moves: list[tuple[int, bool, bool]]) -> None:
    rig = Rig(knob("density"), by_step=True)
    rig.turn(last := place("density", rig.stood["density"]))
    for position, steps, lit in moves:
        assert rig.turn(position) == ([] if position == last else [at("density", position)])
        last = position
        if steps:
            rig.step()
        if lit:
            rig.lights(after_s=0.01)
    rig.step()
    assert place("density", rig.stood["density"]) == last


# --- buttons, pads, pedals -------------------------------------------------------------------------


PRESSES = {
    # the map, what is sent, what is asked for
    "button pressed and released": (knob("panic"), [cc(KNOB, 127), cc(KNOB, 0)], [Panic()]),
    "button pressed twice": (knob("panic"), [cc(KNOB, 127), cc(KNOB, 0)] * 2, [Panic(), Panic()]),
    "half a pedal": (knob("panic"), [cc(KNOB, 20), cc(KNOB, 63)], []),
    "a pedal pressed slowly": (knob("start"), [cc(KNOB, v) for v in (10, 63, 64, 90, 127, 90, 63, 0)], [Start()]),
    "the sustain pedal hands over": (knob("hand-over", PEDAL), [cc(PEDAL, 127), cc(PEDAL, 0)], [HandOver()]),
    "a switch toggles": (knob("thru"), [cc(KNOB, 127), cc(KNOB, 0), cc(KNOB, 127)], [Nudge("thru", 1)] * 2),
    "a button steps through words": (knob("mode"), [cc(KNOB, 127), cc(KNOB, 0)] * 2, [Nudge("mode", 1)] * 2),
    "a pad, struck and let go": (
        Map(kind="note", number=PAD, target="panic"),
        [key(PAD), key(PAD, 0), bytes((0x80, PAD, 64))],
        [Panic()],
    ),
    "a pad on the wrong channel": (Map(kind="note", number=PAD, channel=10, target="panic"), [key(PAD)], []),
    "a pad on its channel": (Map(kind="note", number=PAD, channel=10, target="panic"), [key(PAD, 1, 10)], [Panic()]),
    "a pad mutes": (Map(kind="note", number=PAD, target="melody-mute"), [key(PAD)], [Nudge("melody-mute", 1)]),
    "a pad steps through keys": (Map(kind="note", number=PAD, target="key"), [key(PAD)] * 2, [Nudge("key", 1)] * 2),
    "a foot switch": (Map(kind="program", number=PATCH, target="start"), [patch(PATCH), patch(PATCH)], [Start()] * 2),
    "another program": (Map(kind="program", number=PATCH, target="start"), [patch(6)], []),
    "taps": (knob("tap"), [cc(KNOB, 127), cc(KNOB, 0), cc(KNOB, 127)], [Tap(0.01), Tap(0.03)]),
    "another knob": (knob("panic"), [cc(22, 127)], []),
    "what is no controller": (knob("panic"), [b"", b"\xf8", bytes((0xE0, KNOB, 127)), bytes((0xB0, KNOB))], []),
}


@pytest.mark.parametrize(("mapped", "messages", "asked"), PRESSES.values(), ids=PRESSES)
def test_pressed(mapped: Map, messages: list[bytes], asked: list[Command]) -> None:
    rig = Rig(mapped)
    assert [command for message in messages for command in rig.move(message)] == pytest.approx(asked)


def test_a_map_of_one_channel_goes_before_one_of_any() -> None:
    rig = Rig(knob("tempo", jump=True), knob("swing", channel=2, jump=True))
    assert rig.move(cc(KNOB, 127, channel=1)) == [Set("tempo", 400)]
    assert rig.move(cc(KNOB, 127, channel=2)) == [Set("swing", 0.75)]


def test_the_player_is_told_which_messages_are_wanted() -> None:
    maps = (knob("tempo"), Map(kind="note", number=PAD, channel=10, target="panic"))
    controllers = Controllers([*maps, Map(kind="program", number=PATCH, target="start")])
    assert controllers.controller_filter.bound == {(0xB0, KNOB, -1), (0x90, PAD, 9), (0xC0, PATCH, -1)}
    assert not controllers.controller_filter.learning
    controllers.learn("swing")
    assert controllers.controller_filter.learning


def test_what_is_learned_by_nothing_is_waited_for_no_more() -> None:
    controllers = Controllers([knob("tempo")])
    controllers.learn("swing")
    assert controllers.learning == "swing"
    assert controllers.learn("") == "nothing is learned"
    assert not controllers.controller_filter.learning
    controllers.commands_for(cc(KNOB, 1), {"tempo": 120.0}.__getitem__, 0.0)
    assert controllers.learned == ()


# --- lights ----------------------------------------------------------------------------------------


def test_lights_tell_where_the_controls_stand_and_then_what_changes() -> None:
    rig = Rig(knob("tempo"), knob("thru", 22, 5), knob("panic", 23), Map(kind="note", number=PAD, target="drums-mute"))
    assert rig.lights() == [cc(KNOB, place("tempo", 120)), cc(22, 0, 5)]
    assert rig.lights() == []
    rig.stood["tempo"] = 400.0
    rig.stood["thru"] = "on"
    assert rig.lights() == [cc(KNOB, 127), cc(22, 127, 5)]


def test_a_knob_that_is_being_moved_is_left_alone() -> None:
    rig = Rig(knob("tempo"))
    rig.lights()
    rig.turn(90, 60)  # too far away to turn anything
    assert rig.lights(after_s=0.1) == []
    assert rig.lights(after_s=0.3) == [cc(KNOB, 33)]  # a ring of lights, or a motor, shows the truth again
    rig.turn(32, 31)
    assert rig.lights() == []  # it is where the knob is


def test_a_knob_is_not_told_where_its_control_was_before_the_step_it_waits_for() -> None:
    rig = Rig(knob("tempo"), by_step=True)
    rig.lights()
    rig.turn(33, 60)
    assert rig.lights(after_s=1) == []  # slow music: not there yet
    rig.step()
    assert rig.lights() == []


def test_a_button_shows_its_switch_at_once_whether_it_is_held_or_not() -> None:
    rig = Rig(knob("thru"))
    rig.lights()
    rig.move(cc(KNOB, 127))
    assert rig.lights(after_s=0) == []  # lit by itself as long as it is held
    rig.move(cc(KNOB, 0))
    assert rig.lights(after_s=0) == [cc(KNOB, 127)]


def test_a_motor_that_answers_turns_nothing() -> None:
    rig = Rig(*DEFAULT_MAPS, knob("tempo", 40), knob("bars", 41), knob("mode", 42))
    for name in ("tempo", "bars", "top-p", "density"):
        rig.stood[name] = CONTROLS[name].scaled(0.4321)
    rig.stood["mode"] = "duet"
    assert [command for message in rig.lights() for command in rig.move(message)] == []
    assert rig.lights() == []
