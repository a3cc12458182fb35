"""What the knobs, keys and pedals of a MIDI controller mean: maps, learning, soft take-over, lights.

Pure: messages and where the controls stand in, commands and messages for lights out. It must never
open a port or look at a clock, and never let a control jump because a knob stood elsewhere.
"""

import math
import tomllib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import field, replace
from typing import Any

from improv.config.controller_maps import AUTO, MAP, Map, needs_a_knob, why_reserved, why_unfit
from improv.config.endless_knobs import DECODERS, KnobClassifier, Relative
from improv.dataclass import dataclass
from improv.errors import DataError, UsageError
from improv.midi.controller_filter import ControllerFilter
from improv.midi.messages import CONTROL, NOTE_ON, PROGRAM
from improv.protocol.commands import TRIGGERS, Command, Nudge, Set, Tap, checked_target
from improv.protocol.control import OFF, ON, Control, Value
from improv.protocol.controls import CONTROLS, DENSITY, LEANING, REGISTER, SWING, TEMPERATURE, TEMPO, TOP_P
from improv.system.text_file import decoded

DEFAULT_MAPS = tuple(
    Map(kind="cc", number=20 + index, target=control.name)
    for index, control in enumerate((TEMPERATURE, DENSITY, LEANING, REGISTER, SWING, TOP_P))
)
"""The maps where none are configured: knobs for what shapes the answer, and never the tempo by accident.

MIDI leaves CC 20 to 25 undefined, so no keyboard sends them but from a knob that was set to.
"""

Stands = Callable[[str], Value]
"""Returns the value of a control by its name."""

_Source = tuple[int, int, int]
"""A knob, a key or a pedal: the status of its messages, its number, its channel 0..15 or -1 for any."""

_STATUS = {"cc": CONTROL, "note": NOTE_ON, "program": PROGRAM}
_KINDS = {status: kind for kind, status in _STATUS.items()}

_MOST, _HALF = 127, 64
_FINE = range(32, 64)
"""CC n + 32 is the fine half of CC n, where a knob has 14 bits."""

_ENDLESS = "an endless knob"
_FURTHEST = 0.25
"""A share of a control's range: no message of an endless knob moves it further, however fast it is spun."""

_AT_REST_S = 0.3
"""How long after its last message a knob is not sent where its control stands: a motor would move against the hand."""

_UNDER_WAY_S = 60 / TEMPO.low * SWING.high + 0.5
"""The longest time until a control obeys a knob: the slowest eighth, and some more."""


@dataclass(slots=True)
class _Bound:
    """A map, and what is known of the knob, key or pedal it binds."""

    map: Map
    at: int | None = None
    """Where the knob is, if it has been moved."""
    moved_s: float = -math.inf
    lit: int | None = None
    """What the controller shows."""
    put: Value | None = None
    """Where the knob has put the control; None while it has not picked it up."""
    watch: KnobClassifier = field(default_factory=KnobClassifier)
    """What its messages show it to be, where its map does not say."""
    under_way: dict[Value, float] = field(default_factory=dict)
    """Where the control may be seen to stand on its way there, and since when."""

    def follow(self, stand: Value, now_s: float) -> None:
        """Take in where the control stands: the knob loses it if another interface has moved it."""
        self.under_way = {value: since_s for value, since_s in self.under_way.items() if now_s - since_s < _UNDER_WAY_S}
        if stand != self.put and stand not in self.under_way:
            self.put = None
            self.under_way.clear()

    @property
    def relative(self) -> Relative | None:
        """The encoding of an endless knob's values; None for a knob with an end, and while that is not known."""
        if self.map.relative == AUTO:
            return self.watch.relative
        return None if self.map.relative == "off" else self.map.relative

    @property
    def is_watched(self) -> bool:
        """True while it is not known whether the knob has an end."""
        return self.map.kind == "cc" and self.map.relative == AUTO and self.map.takeover != "jump"

    def take(self, stand: Value, put: Value, now_s: float) -> None:
        """Take in that the knob moves the control from one value to another."""
        self.put = put
        self.under_way |= {stand: now_s, put: now_s}


class Controllers:
    """The maps of MIDI controllers, and what their messages ask for; UsageError for a map that may not be.

    `learned` maps replace those of `maps` that have the same controller or target.
    """

    def __init__(self, maps: Sequence[Map], learned: Sequence[Map] = ()) -> None:
        self.remark = ""
        """What there is to say of what was moved last."""
        known_by = "bound by default" if tuple(maps) == DEFAULT_MAPS else "bound by the configuration"
        maps = [_checked(mapped) for mapped in maps]
        self._again = {mapped.target: f"; {known_by} again at the next start" for mapped in maps}
        self._bound: dict[_Source, _Bound] = {}
        self._learned: dict[str, Map] = {}
        self._target = ""
        """What the next knob that is moved is bound to."""
        self._moved: dict[_Source, int] = {}
        """Where the knobs were when they were first moved since then."""
        self._watches: dict[_Source, KnobClassifier] = {}
        """What those show themselves to be."""
        self._last: _Source | None = None
        """What has sent the message before."""
        for mapped in maps:
            source = _source(mapped)
            if source in self._bound:
                both = f"{self._bound[source].map.target} and {mapped.target}"
                raise UsageError(f"{mapped.name} is mapped to {both}; take one of them out")
            self._bound[source] = _Bound(mapped)
        for mapped in learned:
            self._bind(_checked(mapped))

    # --- what is bound ----------------------------------------------------------------------------

    @property
    def learning(self) -> str:
        """The target that the next moved knob, key or pedal is bound to; empty if none is learned."""
        return self._target

    @property
    def controller_filter(self) -> ControllerFilter:
        """The controller messages that the player process reports to the daemon.

        Those bound by default still pass thru.
        """
        shared = frozenset(key for key, bound in self._bound.items() if bound.map in DEFAULT_MAPS)
        return ControllerFilter(frozenset(self._bound) - shared, shared, bool(self.learning))

    def invalidate_lights(self) -> None:
        """Forget what the lights show, so that all are sent again."""
        for bound in self._bound.values():
            bound.lit = None

    @property
    def learned(self) -> tuple[Map, ...]:
        """The learned maps, to keep for the next start."""
        return tuple(self._learned.values())

    def learn(self, target: str) -> str:
        """Bind a target to the next knob, key or pedal that moves; return a sentence on what the player should do.

        An empty target stops waiting for one. UsageError for a target that nothing can be bound to. A knob is bound
        once it has been at two values, so that one that only trembles is not; an endless knob once it shows that it is
        endless.
        """
        if not target:
            self._target = ""
            return "nothing is learned"
        target = checked_target(target)
        self._target, self._moved, self._watches = target, {}, {}
        return f"move the knob{'' if needs_a_knob(target) else ', key or pedal'} for {target}"

    def forget(self, target: str) -> str:
        """Unbind everything from a target, and stop waiting for it; return a sentence on what was unbound."""
        if self._target == target:
            self._target = ""
        self._learned.pop(target, None)
        names = self._unbind(target)
        again = self._again.get(target, "")
        return f"{' and '.join(names)} no longer bound to {target}{again}" if names else f"nothing is bound to {target}"

    def _unbind(self, target: str) -> list[str]:
        """Unbind everything from a target; return the names of the controllers."""
        sources = [source for source, bound in self._bound.items() if bound.map.target == target]
        return [self._bound.pop(source).map.name for source in sources]

    def _bind(self, mapped: Map, watch: KnobClassifier | None = None) -> str:
        """Bind a learned map in place of all with its target or controller; return the controller's old target."""
        status, number, channel = _source(mapped)
        self._unbind(mapped.target)
        before = self._bound.pop((status, number, channel), None) or self._bound.pop((status, number, -1), None)
        lost = before.map.target if before is not None else ""
        self._learned = {name: old for name, old in self._learned.items() if name not in (lost, mapped.target)}
        self._learned[mapped.target] = mapped
        self._bound[status, number, channel] = _Bound(mapped, watch=watch or KnobClassifier())
        return lost

    # --- what is moved ----------------------------------------------------------------------------

    def commands_for(self, message: bytes, stands: Stands, now_s: float) -> list[Command]:
        """Return the commands that a MIDI message is bound to, none while learning; a remark on it is in `remark`."""
        self.remark = ""
        status, *data = message or b"\0"
        source = (status & 0xF0, data[0] if data else 0, status & 0x0F)
        if len(message) != (2 if source[0] == PROGRAM else 3) or source[0] not in _KINDS:
            return []
        value = _MOST if source[0] == PROGRAM else data[1]
        if source[0] == NOTE_ON and value == 0:  # the end of a note
            return []
        last, self._last = self._last, source
        if self.learning:
            self._listen(source, value, last)
            return []
        if last is not None and _is_fine(source, last) and (coarse := self._bound_by(last)) is not None:
            coarse.watch.mark_absolute()
        bound = self._bound_by(source)
        if bound is None:
            return []
        if bound.is_watched:
            self._watch(bound, value)
        return _asked(bound, value, stands, now_s)

    def _bound_by(self, source: _Source) -> _Bound | None:
        return self._bound.get(source) or self._bound.get((*source[:2], -1))

    def _watch(self, bound: _Bound, value: int) -> None:
        """Take in a value of a knob that may be endless, and remark it once it shows that it is."""
        before = bound.relative
        bound.watch.observe(value)
        if (now := bound.relative) is None:
            return
        if bound.watch.is_settled and self._learned.get(bound.map.target) == bound.map:
            bound.map = self._learned[bound.map.target] = replace(bound.map, relative=now)
        if now == before:
            return
        if bound.map.target not in CONTROLS:
            self.remark = f"{bound.map.name}: {_ENDLESS} cannot ask for {bound.map.target}; learn a key or a button"
            return
        self.remark = f"{bound.map.name} is {_ENDLESS} ({now}) and turns {bound.map.target} by small steps"

    def _listen(self, source: _Source, value: int, last: _Source | None) -> None:
        """Bind a controller to the target that is learned, if it is the one that the player means."""
        status, number, channel = source
        watch = KnobClassifier()
        if status == CONTROL:
            if why := why_reserved(number, self._target):
                self.remark = "" if source in self._moved else why
                self._moved[source] = value
                return
            if last is not None and _is_fine(source, last) and last in self._watches:
                self._watches[last].mark_absolute()
            watch = self._watches.setdefault(source, watch)
            watch.observe(value)
            before = self._moved.setdefault(source, value)
            if not self._shows_itself(source, watch, before, value):
                return
            if _is_fine(source, (status, number - 32, channel)) and (status, number - 32, channel) in self._moved:
                number -= 32
        elif needs_a_knob(self._target):
            return
        relative = watch.relative if needs_a_knob(self._target) else None
        mapped = Map(
            kind=_KINDS[status],  # type: ignore[arg-type]
            number=number,
            channel=channel + 1,
            target=self._target,
            relative=relative if relative is not None and watch.is_settled else AUTO,
        )
        lost = self._bind(mapped, watch)
        if status == CONTROL and number == source[1]:
            self._bound[source].at = self._bound[source].lit = value
        self._target = ""
        endless = f": {_ENDLESS}, by small steps" if relative is not None else ""
        self.remark = f"{mapped.name} is bound to {mapped.target}{endless}" + (f", no longer to {lost}" if lost else "")

    def _shows_itself(self, source: _Source, watch: KnobClassifier, first: int, value: int) -> bool:
        """Return whether a moved controller is the one that the player means; remark what is missing."""
        if not needs_a_knob(self._target):
            return value != first
        if watch.relative is not None:
            return True
        if watch.advice:
            self.remark = f"CC {source[1]} on channel {source[2] + 1}: {watch.advice}"
            return False
        return value != first and not watch.leaps(first, value)

    # --- lights -----------------------------------------------------------------------------------

    def light_messages(self, stands: Stands, now_s: float) -> list[bytes]:
        """Return the MIDI messages that show on each knob where its control stands, for those that changed.

        A knob that is being turned gets none.
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


def _is_fine(source: _Source, coarse: _Source) -> bool:
    """Return whether a controller can be the fine half of another one, of a knob that has 14 bits."""
    return source[0] == CONTROL and source[1] in _FINE and coarse == (CONTROL, source[1] - 32, source[2])


def _stepped(bound: _Bound, relative: Relative, value: int, stand: Value) -> list[Command]:
    """Return what a value of an endless knob asks for: some nudges of the control, never far at once."""
    steps = DECODERS[relative](value)
    control = CONTROLS.get(bound.map.target)
    if control is None or steps == 0:
        return []
    if control.is_switch:
        wanted = ON if steps > 0 else OFF
        return [] if wanted == stand else [Set(control.name, wanted)]
    if not control.is_number:
        return [Nudge(control.name, math.copysign(1, steps))]
    most = max(control.nudge, (control.high - control.low) * _FURTHEST)
    return [Nudge(control.name, round(min(most, max(-most, steps * control.nudge)), 3))]


def _asked(bound: _Bound, value: int, stands: Stands, now_s: float) -> list[Command]:
    """Return the commands that a bound controller asks for by its new value."""
    if (relative := bound.relative) is not None:
        bound.moved_s, bound.put = now_s, None
        stand = stands(bound.map.target) if bound.map.target in CONTROLS else ""
        return _stepped(bound, relative, value, stand)
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
    """Return the commands that a knob with an end asks for, turned from one position to another."""
    bound.follow(stand, now_s)
    aim = stand if bound.put is None else bound.put
    wanted = control.scaled(value / _MOST)
    position = control.share(aim) * _MOST
    if wanted == aim or value == round(position):  # it is there, as far as this knob can tell
        bound.take(stand, aim, now_s)
        return []
    if before is not None and bound.is_watched and bound.watch.leaps(before, value):
        bound.put = None  # it may be endless, and the control would leap with it
        return []
    passed = before is not None and min(before, value) <= round(position) <= max(before, value)
    if bound.put is None and bound.map.takeover == "pickup" and not passed:
        return []
    bound.take(stand, wanted, now_s)
    return [Set(control.name, wanted)]


# --- maps as text ---------------------------------------------------------------------------------


def to_text(maps: Iterable[Map]) -> str:
    """Return maps as `[[map]]` tables in TOML."""
    tables = []
    for mapped in maps:
        channel = "" if mapped.channel is None else f"channel = {mapped.channel}\n"
        relative = "" if mapped.relative == AUTO else f'relative = "{mapped.relative}"\n'
        tables.append(
            f'[[map]]\nkind = "{mapped.kind}"\nnumber = {mapped.number}\n{channel}'
            f'target = "{mapped.target}"\ntakeover = "{mapped.takeover}"\n{relative}'
        )
    return "\n".join(tables)


def from_file(content: bytes) -> tuple[Map, ...]:
    """Return the maps in the content of a file that `to_text` made, in order; DataError if it is invalid."""
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
    """Return a map, its target by its present name; UsageError if it may not be."""
    mapped = replace(mapped, target=checked_target(mapped.target))
    if why := why_unfit(mapped):
        raise UsageError(why)
    return mapped


def _source(mapped: Map) -> _Source:
    return _STATUS[mapped.kind], mapped.number, -1 if mapped.channel is None else mapped.channel - 1
