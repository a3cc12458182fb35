"""The encoding of a line that is told in sixteenths: a note begins, what is goes on, or a rest begins.

As melodies are told to the attention network of the 2018 report (section VIII, future steps: rests and holds) and to
the networks of Golla's report (figure 4). A network moves once a sixteenth, twice in a step.
"""

from math import inf

import numpy as np

from improv.models.contract import HeadSpec, Shape, Tensors
from improv.models.encodings.base import (
    Bias,
    Choice,
    Decoder,
    Steer,
    StepInput,
    digest,
    one_hot,
    struck_cells,
)
from improv.models.encodings.biases import keeping_clear
from improv.models.encodings.symbols import END, HOLD, REST, Units, pitches_of
from improv.music.notes import Cell, Onset, Release
from improv.music.rhythm import HALF
from improv.music.theory import Chord

EVENT_HEAD = "next_event"

STARTS = (0, HALF)
"""The ticks at which the sixteenths of a step begin."""

_DENSITY_NATS, _RESTS_NATS, _LETS_GO_NATS = 1.5, 1.5, 4.0
"""How strongly density and the tendency to rest bend a logarithm at their ends; how much less a note goes on that has
to be let go."""


class Events:
    """One unit an event, as the file's symbols say: notes, `_` (it goes on), `r` (a rest), and maybe `/` (the end)."""

    def __init__(self, symbols: tuple[str, ...]) -> None:
        """Take the symbol of each unit; ValueError where one is a chord, or hold and rest are not there."""
        pitches = [pitches_of(symbol) for symbol in symbols]
        if any(len(each) > 1 for each in pitches):
            raise ValueError("one of its symbols is a chord, and a line of events has one voice")
        if missing := [word for word in (HOLD, REST) if word not in symbols]:
            raise ValueError(f"{missing[0]} is none of its symbols, and a line of events holds and rests")
        self._symbols, self._units = symbols, Units(pitches)
        self._hold, self._rest = symbols.index(HOLD), symbols.index(REST)
        self._pitches = tuple(sorted(pitch for each in pitches for pitch in each))
        self._notes = np.array([bool(each) for each in pitches])
        self._resting = np.array([symbol == REST for symbol in symbols])
        self._ends = np.where([symbol == END for symbol in symbols], -inf, 0.0)

    @property
    def fingerprint(self) -> str:
        """A digest of the symbols."""
        return digest({"line": "events", "symbols": self._symbols})

    @property
    def features(self) -> dict[str, Shape]:
        """The shape of `event` (1, units), one-hot."""
        return {"event": (1, len(self._symbols))}

    @property
    def heads(self) -> dict[str, HeadSpec]:
        """The head `next_event`: logits of what happens in the sixteenth that follows, shape (1, units)."""
        return {EVENT_HEAD: HeadSpec((1, len(self._symbols)), "categorical")}

    @property
    def hears(self) -> str:
        """What happens in each sixteenth, of one voice."""
        return "each sixteenth: a note, a hold or a rest"

    @property
    def finest_ticks(self) -> int:
        """How many ticks the finest notes are apart that it tells: three, a sixteenth."""
        return HALF

    @property
    def unsupported_controls(self) -> tuple[str, ...]:
        """`breath`, `build` and `motifs`, for networks that learned from solos; else none but those no line obeys."""
        return "breath", "build", "motifs"

    def melody_pitches(self) -> tuple[int, ...]:
        """Return the MIDI pitches of its notes."""
        return self._pitches

    def heard(self, cell: Cell, previous: Cell | None) -> tuple[int, ...]:
        """Return the units of both sixteenths of a cell that follows another, None where that is not known.

        Of several notes in one sixteenth it is the highest of those that begin first.
        """
        sounds = bool(cell.held) if previous is None else bool(previous.sounding_after)
        found: list[int] = []
        for start in STARTS:
            begun = [onset for onset in cell.onsets if start <= onset.tick < start + HALF]
            if begun:
                first = min(onset.tick for onset in begun)
                found.append(self._units.unit([onset.pitch for onset in begun if onset.tick == first]))
                sounds = True
                continue
            lasts = sounds and (bool(cell.held) or start > 0) and not _ended(cell, start)
            found.append(self._rest if sounds and not lasts else self._hold)
            sounds = lasts
        return tuple(found)

    def moves(self, step_input: StepInput) -> tuple[Tensors, ...]:
        """Return a move for each sixteenth of a step."""
        return tuple(self._move(unit) for unit in self.heard(step_input.frame.melody, step_input.previous))

    def _move(self, unit: int) -> Tensors:
        return {"event": one_hot(unit, len(self._symbols))}

    def decode(self, steer: Steer, chord: Chord | None, before: Cell, heard: StepInput) -> Decoder:
        """Yield the choice of an event for each sixteenth, and return the cell. A phrase ends on chord tones."""
        sounding = max(before.sounding_after, default=None)
        onsets: list[Onset] = []
        releases: list[Release] = []
        held: tuple[int, ...] = ()
        moves: tuple[Tensors, ...] = ()
        for start in STARTS:
            bias = self._bias(steer, chord, sounds=sounding is not None, begun=bool(onsets), last=start == STARTS[-1])
            unit = yield Choice(EVENT_HEAD, bias, self._units.highest, moves=moves)
            moves = (self._move(unit),)
            pitches = self._units.pitches[unit]
            if (pitches or unit == self._rest) and sounding is not None:
                releases += [Release(sounding, start)] if start else []
                sounding = None
            elif start == 0 and sounding is not None:
                held = (sounding,)
            if pitches:
                sounding = pitches[0]
                onsets.append(Onset(sounding, start))
        return Cell(tuple(onsets), held, tuple(releases))

    def _bias(self, steer: Steer, chord: Chord | None, *, sounds: bool, begun: bool, last: bool) -> Bias:
        bias = self._ends + self._units.over(chord, steer.leaning)
        bias = bias + _DENSITY_NATS * steer.density * self._notes + _RESTS_NATS * steer.rests * self._resting
        if steer.beside:
            bias = bias + keeping_clear(self._units.highest, steer, chord) * self._notes
        if steer.lets_go and sounds:
            bias = bias - _LETS_GO_NATS * (np.arange(len(bias)) == self._hold)
        if steer.steps_left is not None:
            last_ones = steer.steps_left == 1
            ending = np.where(self._notes, self._units.over(chord, 1), 0.0)
            bias = np.where(self._notes & (last_ones | ~np.isfinite(ending)), -inf, bias)
        if steer.strikes and last and not begun:
            bias = np.where(self._notes, bias, -inf)
        return bias

    def melody(self, pitches: tuple[int, ...]) -> tuple[Cell, ...]:
        """Return a melody of one pitch a step as cells, each note struck."""
        return struck_cells(pitches)


def _ended(cell: Cell, tick: int) -> bool:
    """Return whether all that sounds in a cell has ended by a tick."""
    sounding = set(cell.held) | {onset.pitch for onset in cell.onsets if onset.tick < tick}
    ended = {release.pitch for release in cell.releases if release.tick <= tick}
    return not sounding - ended
