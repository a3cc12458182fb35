"""A plan: what to play from a step on."""

from collections.abc import Callable, Sequence
from typing import Any

from improv.dataclass import dataclass
from improv.music.grid import Grid
from improv.music.notes import Event, NoteOff, NoteOn, Placed, Program, Volume
from improv.music.parts import Part
from improv.music.transport import Transport


@dataclass(frozen=True, slots=True)
class Plan:
    """What to play from a step on; whatever was planned for that step or later is withdrawn.

    The transport holds for everything that is pending.
    """

    step: int
    events: tuple[Placed, ...]
    transport: Transport
    steps: int = 1
    """How many steps it covers, those in which nothing begins among them."""

    def numbers(self) -> tuple[Any, ...]:
        """Return the plan as numbers in tuples and lists, which go from process to process in less time than values."""
        by = self.transport
        transport = by.anchor_step, by.anchor_s, by.bpm, by.swing, by.grid.steps_per_beat
        return self.step, [_numbers(placed) for placed in self.events], transport, self.steps

    @classmethod
    def of_numbers(cls, step: int, events: Sequence[tuple[Any, ...]], transport: tuple[Any, ...], steps: int) -> "Plan":
        """Return the plan that some numbers stand for: the inverse of `numbers`."""
        placed = [Placed(tick, _KINDS[kind](_PARTS[part], *rest)) for tick, kind, part, *rest in events]
        anchor_step, anchor_s, bpm, swing, steps_per_beat = transport
        by = Transport(anchor_step, anchor_s, bpm, swing, Grid(steps_per_beat))
        return cls(step, tuple(placed), by, steps)


_KINDS: tuple[Callable[..., Event], ...] = (NoteOn, NoteOff, Volume, Program)
_ON, _OFF, _VOLUME, _PROGRAM = range(4)

_PARTS = tuple(Part)
_NUMBER_OF = {part: number for number, part in enumerate(_PARTS)}


def _numbers(placed: Placed) -> tuple[float, ...]:
    """Return the tick of an event, its kind, its part, and what else it has."""
    match placed.event:
        case NoteOn(part, pitch, velocity):
            return placed.tick, _ON, _NUMBER_OF[part], pitch, velocity
        case NoteOff(part, pitch):
            return placed.tick, _OFF, _NUMBER_OF[part], pitch
        case Volume(part, level):
            return placed.tick, _VOLUME, _NUMBER_OF[part], level
        case Program(part, number):
            return placed.tick, _PROGRAM, _NUMBER_OF[part], number
