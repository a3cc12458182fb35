"""What the knobs, keys and pedals of a MIDI controller mean: maps, learning, soft take-over, lights.

Pure: messages and where the controls stand in, commands and messages for lights out. It must never
open a port or look at a clock, and never let a control jump because a knob stood elsewhere.
"""

import math
import tomllib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from improv.config import MAP, Map, needs_a_knob, reserved, unfit
from improv.errors import DataError, UsageError
from improv.messages import (
    CONTROLS,
    DENSITY,
    LEANING,
    REGISTER,
    SWING,
    TARGETS,
    TEMPERATURE,
    TEMPO,
    TOP_P,
    TRIGGERS,
    Command,
    Control,
    Nudge,
    Set,
    Tap,
    Value,
    nothing_to_learn,
)
from improv.midi.channels import CONTROL, NOTE_ON, PROGRAM
from improv.midi.player import Wanted
from improv.text_file import decoded

DEFAULT_MAPS = tuple(
    Map(kind="cc", number=20 + index, target=control.name)
    for index, control in enumerate((TEMPERATURE, DENSITY, LEANING, REGISTER, SWING, TOP_P))
)
"""What turns what where nobody has said otherwise: what shapes the answer, and never the tempo by accident.

MIDI leaves CC 20 to 25 undefined, so no keyboard sends them but from a knob that was set to.
"""

Stands = Callable[[str], Value]
"""Where a control stands, by its name."""

_Source = tuple[int, int, int]
"""A knob, a key or a pedal: the status of its messages, its number, its channel 0..15 or -1 for any."""

_STATUS = {"cc": CONTROL, "note": NOTE_ON, "program": PROGRAM}
_KINDS = {status: kind for kind, status in _STATUS.items()}

_MOST, _HALF = 127, 64
_FINE = range(32, 64)
"""CC n + 32 is the fine half of CC n, where a knob has 14 bits."""

_AT_REST_S = 0.3
"""A knob that was moved so lately is not told where it is: it would be moved against the hand."""

_UNDER_WAY_S = 60 / TEMPO.low * SWING.high + 0.5
"""What a knob has asked for has been done by then: the slowest eighth, and some more."""


@dataclass(slots=True)
class _Bound:
    """A map, and what is known of the knob it binds."""

    map: Map
    at: int | None = None
    """Where the knob is, if it has been moved."""
    moved_s: float = -math.inf
    lit: int | None = None
    """What the controller shows."""
    put: Value | None = None
    """Where the knob has put the control; None while it has not picked it up."""
    under_way: dict[Value, float] = field(default_factory=dict)
    """Where the control may be seen to stand on its way there, and since when."""

    def follow(self, stand: Value, now_s: float) -> None:
        """Lose the control if another door has moved it."""
        self.under_way = {value: since_s for value, since_s in self.under_way.items() if now_s - since_s < _UNDER_WAY_S}
        if stand != self.put and stand not in self.under_way:
            self.put = None
            self.under_way.clear()

    def take(self, stand: Value, put: Value, now_s: float) -> None:
        """Have the knob put the control somewhere."""
        self.put = put
        self.under_way |= {stand: now_s, put: now_s}


class Controllers:
    """What is bound to what, and what it asks for when it is moved; UsageError for a map that may not be.

    `learned` goes over `maps`.
    """

    def __init__(self, maps: Sequence[Map], learned: Sequence[Map] = ()) -> None:
        self.remark = ""
        """What there is to say of what was moved last."""
        self._configured = frozenset(mapped.target for mapped in maps)
        self._bound: dict[_Source, _Bound] = {}
        self._learned: dict[str, Map] = {}
        self._target = ""
        """What the next knob that is moved is bound to."""
        self._moved: dict[_Source, int] = {}
        """Where the knobs were when they were first moved since then."""
        for mapped in maps:
            source = _source(_checked(mapped))
            if source in self._bound:
                both = f"{self._bound[source].map.target} and {mapped.target}"
                raise UsageError(f"{mapped.name} is mapped to {both}; take one of them out")
            self._bound[source] = _Bound(mapped)
        for mapped in learned:
            self._bind(_checked(mapped))

    # --- what is bound ----------------------------------------------------------------------------

    @property
    def learning(self) -> str:
        """What the next knob that is moved is going to be bound to; empty if to nothing."""
        return self._target

    @property
    def wanted(self) -> Wanted:
        """The messages that `turned` is to be told of; what nobody has bound on purpose is passed on all the same."""
        shared = frozenset(key for key, bound in self._bound.items() if bound.map in DEFAULT_MAPS)
        return Wanted(frozenset(self._bound) - shared, shared, bool(self.learning))

    def forget_lights(self) -> None:
        """The lights show nothing: tell all of them anew."""
        for bound in self._bound.values():
            bound.lit = None

    @property
    def learned(self) -> tuple[Map, ...]:
        """The maps that were learned: what is worth keeping."""
        return tuple(self._learned.values())

    def learn(self, target: str) -> str:
        """Bind the next knob, key or pedal that is moved, and say what to do; UsageError if nothing can be bound to it.

        To nothing: wait for none any more.
        A knob has to be moved to two places, so that one that only trembles beside it is not meant.
        """
        if not target:
            self._target = ""
            return "nothing is learned"
        _check_target(target)
        self._target, self._moved = target, {}
        return f"move the knob{'' if needs_a_knob(target) else ', key or pedal'} for {target}"

    def forget(self, target: str) -> str:
        """Have nothing turn this any more, nor wait for what may; says what that means."""
        if self._target == target:
            self._target = ""
        self._learned.pop(target, None)
        names = self._unbind(target)
        again = "; the configuration binds it again at the next start" if target in self._configured else ""
        return f"{' and '.join(names)} no longer bound to {target}{again}" if names else f"nothing is bound to {target}"

    def _unbind(self, target: str) -> list[str]:
        """Take out all that is bound to a target: their names."""
        sources = [source for source, bound in self._bound.items() if bound.map.target == target]
        return [self._bound.pop(source).map.name for source in sources]

    def _bind(self, mapped: Map) -> str:
        """Bind what was learned, instead of all that was bound to its target or by its controller: its old target."""
        status, number, channel = _source(mapped)
        self._unbind(mapped.target)
        before = self._bound.pop((status, number, channel), None) or self._bound.pop((status, number, -1), None)
        lost = before.map.target if before is not None else ""
        self._learned = {name: old for name, old in self._learned.items() if name not in (lost, mapped.target)}
        self._learned[mapped.target] = mapped
        self._bound[status, number, channel] = _Bound(mapped)
        return lost

    # --- what is moved ----------------------------------------------------------------------------

    def turned(self, message: bytes, stands: Stands, now_s: float) -> list[Command]:
        """What a message asks for; while learning nothing. What there is to say of it is in `remark`."""
        self.remark = ""
        status, *data = message or b"\0"
        source = (status & 0xF0, data[0] if data else 0, status & 0x0F)
        if len(message) != (2 if source[0] == PROGRAM else 3) or source[0] not in _KINDS:
            return []
        value = _MOST if source[0] == PROGRAM else data[1]
        if source[0] == NOTE_ON and value == 0:  # the end of a note
            return []
        if self.learning:
            self._listen(source, value)
            return []
        bound = self._bound.get(source) or self._bound.get((*source[:2], -1))
        return [] if bound is None else _asked(bound, value, stands, now_s)

    def _listen(self, source: _Source, value: int) -> None:
        """Bind a controller if it is the one that is meant."""
        status, number, channel = source
        if status == CONTROL:
            if why := reserved(number, self._target):
                self.remark = "" if source in self._moved else why
                self._moved[source] = value
                return
            if self._moved.setdefault(source, value) == value:
                return
            if number in _FINE and (status, number - 32, channel) in self._moved:
                number -= 32
        elif needs_a_knob(self._target):
            return
        mapped = Map(kind=_KINDS[status], number=number, channel=channel + 1, target=self._target)  # type: ignore[arg-type]
        lost = self._bind(mapped)
        if status == CONTROL and number == source[1]:
            self._bound[source].at = self._bound[source].lit = value
        self._target = ""
        self.remark = f"{mapped.name} is bound to {mapped.target}" + (f", no longer to {lost}" if lost else "")

    # --- lights -----------------------------------------------------------------------------------

    def lights(self, stands: Stands, now_s: float) -> list[bytes]:
        """The messages that show on each knob where its control stands, where that is news to it.

        A knob that is being moved is left alone.
        """
        messages = []
        for (status, number, channel), bound in self._bound.items():
            control = CONTROLS.get(bound.map.target)
            if status != CONTROL or control is None:
                continue
            stand = stands(control.name)
            bound.follow(stand, now_s)
            if not control.is_switch and (now_s - bound.moved_s < _AT_REST_S or bound.put not in (None, stand)):
                continue
            shown = round(control.share(stand) * _MOST)
            if shown != bound.lit:
                bound.lit = shown
                messages.append(bytes((CONTROL | max(0, channel), number, shown)))
        return messages


def _asked(bound: _Bound, value: int, stands: Stands, now_s: float) -> list[Command]:
    """What a bound controller asks for by its new value."""
    before = bound.at
    if bound.map.kind == "cc":
        if value == before:
            return []
        bound.at = bound.lit = value
        bound.moved_s = now_s
    target = bound.map.target
    pressed = bound.map.kind != "cc" or (before or 0) < _HALF <= value
    if target not in CONTROLS:
        return [TRIGGERS.get(target, Tap(now_s))] if pressed else []
    control = CONTROLS[target]
    if bound.map.kind != "cc" or control.is_switch:
        return [Nudge(target, 1)] if pressed else []
    if control.choices and {before or 0, value} == {0, _MOST}:  # a button: no knob passes everything between
        return [Nudge(target, 1)] if pressed else []
    return _turned_to(bound, control, before, value, stands(target), now_s)


def _turned_to(
    bound: _Bound, control: Control, before: int | None, value: int, stand: Value, now_s: float
) -> list[Command]:
    """What a knob asks for that is turned from one position to another."""
    bound.follow(stand, now_s)
    aim = stand if bound.put is None else bound.put
    wanted = control.scaled(value / _MOST)
    position = control.share(aim) * _MOST
    if wanted == aim or value == round(position):  # it is there, as far as this knob can tell
        bound.take(stand, aim, now_s)
        return []
    passed = before is not None and min(before, value) <= round(position) <= max(before, value)
    if bound.put is None and bound.map.takeover == "pickup" and not passed:
        return []
    bound.take(stand, wanted, now_s)
    return [Set(control.name, wanted)]


# --- maps as text ---------------------------------------------------------------------------------


def to_text(maps: Iterable[Map]) -> str:
    """Maps as the `[[map]]` tables of a configuration."""
    tables = []
    for mapped in maps:
        channel = "" if mapped.channel is None else f"channel = {mapped.channel}\n"
        tables.append(
            f'[[map]]\nkind = "{mapped.kind}"\nnumber = {mapped.number}\n{channel}'
            f'target = "{mapped.target}"\ntakeover = "{mapped.takeover}"\n'
        )
    return "\n".join(tables)


def from_file(content: bytes) -> tuple[Map, ...]:
    """The maps of a file that `to_text` wrote and somebody may have edited, in order; DataError if they are none."""
    try:
        document = tomllib.loads(decoded(content))
        if document.keys() - {"map"}:
            raise ValueError("there is more than maps")
        return tuple(_map(table) for table in document.get("map", []))
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError, UsageError) as error:
        reason = " ".join(str(error).split())[:160]
        raise DataError(f"the learned maps are not what they should be ({reason}); learn them again") from error


def _map(table: dict[str, Any]) -> Map:
    return _checked(Map(**{key: MAP[key].checked(value) for key, value in table.items()}))  # type: ignore[arg-type]


# --- what may be bound to what --------------------------------------------------------------------


def _checked(mapped: Map) -> Map:
    """The map, if it may be; UsageError otherwise."""
    _check_target(mapped.target)
    if why := unfit(mapped):
        raise UsageError(why)
    return mapped


def _check_target(target: str) -> None:
    if target not in TARGETS:
        raise UsageError(nothing_to_learn(target))


def _source(mapped: Map) -> _Source:
    return _STATUS[mapped.kind], mapped.number, -1 if mapped.channel is None else mapped.channel - 1
