"""Commands: each one that exists is valid."""

import pytest

from improv.errors import UsageError
from improv.protocol.commands import TARGETS, TRIGGERS, Command, Connect, Forget, Learn, Nudge, Press, Set, Tap
from improv.protocol.control import Control, Value
from improv.protocol.controls import CONTROLS, MODEL
from improv.protocol.json_codec import from_json, to_json

NAN, INFINITE = float("nan"), float("inf")


@pytest.mark.parametrize("control", CONTROLS.values(), ids=list(CONTROLS))
def test_a_control_is_only_set_to_what_it_may_have(control: Control) -> None:
    wrong: tuple[Value, ...] = ("",)
    if control.is_number:
        wrong = (control.low - 1, control.high + 1, NAN, INFINITE, "loud", "nan")
    elif control.choices:
        wrong = ("", "sideways", 7.5)
    if control.whole:
        wrong = (*wrong, control.low + 0.5)
    for value in wrong:
        with pytest.raises(UsageError, match=control.name if control.name != "key" else "note name"):
            Set(control.name, value)
    assert Set(control.name, control.default).value == control.default


def test_a_value_is_kept_as_its_control_keeps_it() -> None:
    assert repr(Set("tempo", "90").value) == repr(Set("tempo", 90).value) == "90.0"
    assert repr(Set("bars", 4.0).value) == "4"
    assert Set("key", "A#").value == "Bb"


@pytest.mark.parametrize(
    ("kind", "given", "why"),
    [
        (Set, ("tempi", 120), "no control 'tempi' (did you mean tempo?)"),
        (Nudge, ("tempi", 1), "no control 'tempi'"),
        (Nudge, ("tempo", NAN), "tempo can't be moved by nan"),
        (Nudge, ("tempo", INFINITE), "tempo can't be moved by inf"),
        (Nudge, (MODEL.name, 1), "model can't be nudged; set it"),
        (Tap, (NAN,), "a tap needs a time in seconds"),
        (Learn, ("tempi",), "nothing is called 'tempi' (did you mean tempo?)"),
        (Learn, (MODEL.name,), "nothing is called 'model'"),
        (Forget, ("",), "nothing is called ''"),
        (Press, (128, 1), "no key 128 with velocity 1; give 0 to 127"),
        (Press, (60, -1), "no key 60 with velocity -1"),
        (Connect, ("inputs", "x"), "nothing is called 'inputs' (did you mean input?)"),
    ],
)
def test_no_command_is_made_that_cannot_be(kind: type, given: tuple[Value, ...], why: str) -> None:
    with pytest.raises(UsageError) as refused:
        kind(*given)
    assert str(refused.value).startswith(why)


def test_a_virtual_port_has_no_name() -> None:
    assert [Connect("input", name).name for name in ("", " Virtual ", "Keystation")] == ["", "", "Keystation"]


def test_what_can_be_learned_can_be_forgotten() -> None:
    assert Learn("").target == ""
    assert [Learn(target).target for target in TARGETS] == [Forget(target).target for target in TARGETS]


@pytest.mark.parametrize("command", [Set("tempo", 90), Nudge("key", 1), Tap(1.5), Press(60, 0), *TRIGGERS.values()])
def test_a_command_comes_back_from_json_and_a_false_one_does_not(command: Command) -> None:
    assert from_json(type(command), to_json(command)) == command
    with pytest.raises(ValueError, match="tempo 9 is out of range"):
        from_json(Set, {"control": "tempo", "value": 9})
