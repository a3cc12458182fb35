"""What a musician does at a controller, and what comes of it."""

from collections.abc import Sequence
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from improv.config.controller_maps import Map
from improv.control.midi_controllers import DEFAULT_MAPS, Controllers, from_file, to_text
from improv.errors import DataError, UsageError
from improv.protocol.commands import TARGETS, TRIGGERS, Command, HandOver, Nudge, Panic, Set, Start, Tap
from improv.protocol.controls import CONTROLS, Value

KNOB, PAD, PEDAL, PATCH = 21, 36, 64, 5


def cc(number: int, value: int, channel: int = 1) -> bytes:
    return bytes((0xB0 | channel - 1, number, value))


def key(pitch: int, velocity: int = 100, channel: int = 1) -> bytes:
    return bytes((0x90 | channel - 1, pitch, velocity))


def patch(number: int, channel: int = 1) -> bytes:
    return bytes((0xC0 | channel - 1, number))


def knob(target: str, number: int = KNOB, channel: int | None = None, jump: bool = False) -> Map:
    return Map(kind="cc", number=number, channel=channel, target=target, takeover="jump" if jump else "pickup")


class Rig:
    """Controllers, and controls that obey: at once, or with the next step."""

    def __init__(self, *maps: Map, learned: Sequence[Map] = (), by_step: bool = False) -> None:
        self.controllers = Controllers(maps, learned)
        self.stood: dict[str, Value] = {name: control.default for name, control in CONTROLS.items()}
        self.now_s = 0.0
        self._by_step = by_step
        self._asked: list[Command] = []

    def move(self, message: bytes, after_s: float = 0.01) -> list[Command]:
        self.now_s += after_s
        commands = self.controllers.commands_for(message, self.stood.__getitem__, self.now_s)
        self._asked += commands
        if not self._by_step:
            self.step()
        return commands

    def turn(self, *values: int, number: int = KNOB) -> list[Value]:
        """Move a knob through positions: what its control was set to."""
        commands = [command for value in values for command in self.move(cc(number, value))]
        return [command.value for command in commands if isinstance(command, Set)]

    def step(self) -> None:
        for command in self._asked:
            match command:
                case Set(name, value):
                    self.stood[name] = CONTROLS[name].checked(value)
                case Nudge(name, by):
                    self.stood[name] = CONTROLS[name].nudged(self.stood[name], by)
        self._asked.clear()

    def lights(self, after_s: float = 1.0) -> list[bytes]:
        self.now_s += after_s
        return self.controllers.light_messages(self.stood.__getitem__, self.now_s)


def place(control: str, value: Value) -> int:
    """Where a knob is that stands for a value."""
    return round(CONTROLS[control].share(value) * 127)


def at(control: str, position: int) -> Value:
    return CONTROLS[control].scaled(position / 127)


# --- a knob that picks its control up -------------------------------------------------------------


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
    rig.stood["temperature"] = at("temperature", 43)  # long after: somebody else
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
    """Somebody else (a share of the range) moves it, too."""
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


# --- buttons, pads, pedals ------------------------------------------------------------------------


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


# --- learning -------------------------------------------------------------------------------------


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


# --- maps as text ---------------------------------------------------------------------------------


MAPS = st.builds(
    Map,
    kind=st.just("cc"),
    number=st.integers(102, 119),
    channel=st.none() | st.integers(1, 16),
    target=st.sampled_from(TARGETS),
    takeover=st.sampled_from(["pickup", "jump"]),
)


@given(st.lists(MAPS))
def test_maps_are_read_as_they_were_written(maps: list[Map]) -> None:
    assert from_file(to_text(maps).encode()) == tuple(maps)


GOOD = '[[map]]\nkind = "cc"\nnumber = 20\ntarget = "tempo"\n'


@pytest.mark.parametrize(
    "text",
    [
        "[[map]",
        "map = 1",
        "map = [1]",
        'map = "cc"',
        "[map]\nkind = 1",
        "tempo = 1",
        GOOD + "colour = 1",
        GOOD.replace("20", "128"),
        GOOD.replace("20", "64"),
        GOOD.replace("20", "2.5"),
        GOOD.replace("20", "[20]"),
        GOOD.replace("20", "1979-05-27"),
        GOOD.replace("20", "9" * 400),
        GOOD.replace('"cc"', '"note"'),
        GOOD.replace('"cc"', "[]"),
        GOOD.replace("tempo", "model"),
        GOOD.replace("tempo", "tempa"),
        GOOD + "channel = 0",
        GOOD + "channel = 17",
        GOOD + 'takeover = "never"',
        GOOD.replace("number = 20\n", ""),
        "map = " + "[" * 5000,
    ],
)
def test_broken_maps_are_told_in_one_line(text: str) -> None:
    with pytest.raises(DataError, match="learn them again") as told:
        from_file(text.encode())
    assert "\n" not in str(told.value)


@given(st.text() | st.text('[]map=kindcuet\n" .0123456789', max_size=80))
def test_any_text_is_maps_or_a_data_error(text: str) -> None:
    with suppress(DataError):
        maps = from_file(text.encode())
        assert from_file(to_text(maps).encode()) == maps


# --- lights ---------------------------------------------------------------------------------------


def test_lights_tell_where_the_controls_stand_and_then_what_changes() -> None:
    rig = Rig(knob("tempo"), knob("thru", 22, 5), knob("panic", 23), Map(kind="note", number=PAD, target="click-mute"))
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
