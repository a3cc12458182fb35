"""Piano rolls at sixteen frames a second (Docevski et al., section III-A), in two encodings of polyphonic music.

`Roll` is the paper's: which pitches sound in a frame, all at once. `Piano` tells the same frames as single events, one
after another, as the paper proposes (section VI, univariate predictions). A network moves once a frame or event.
"""

from collections.abc import Iterable, Sequence
from functools import cache
from math import floor, inf

import numpy as np
from numpy.typing import NDArray

from improv.dataclass import dataclass
from improv.models.contract import HeadSpec, Shape, Tensor, Tensors
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
from improv.models.encodings.symbols import Units
from improv.music.grid import EIGHTHS
from improv.music.notes import Cell, Onset, Release
from improv.music.theory import Chord

FRAMES_PER_S = 16

LOWEST, PITCHES = 32, 67
"""The lowest MIDI pitch of a roll, and how many there are: up to 98 (section III-A)."""

FRAME_HEAD, EVENT_HEAD = "next_frame", "next_event"

ENDS, OVER, EVENTS = PITCHES, 2 * PITCHES, 2 * PITCHES + 1
"""Events are the beginnings of pitches, from `ENDS` on their ends, and `OVER`, after which the next frame begins."""

_DENSITY_NATS = 2.5
"""How strongly density at its end bends the logarithm of the odds that a note sounds or begins."""

_NEVER_NATS = 1e4
"""So much less likely is as good as never."""

_TEMPERATURE, _TOP_P = 1.15, 0.95
"""Events are drawn at least at this temperature, among those that make up this probability.

What is likeliest is that nothing changes: drawn less freely, a chord would last long. Both were chosen by how
`docevski2018-goal` goes on with pieces that it has not heard: see its card.
"""

_MOST_ENDS, _MOST_BEGIN = 12, 8
"""So many notes end or begin in a frame at most."""

_TICKS = EIGHTHS.ticks_per_step

_MIDI = tuple(range(LOWEST, LOWEST + PITCHES))
_UNITS = Units([(pitch,) for pitch in _MIDI])


def frames_in(place: int, bpm: float) -> int:
    """Return how many frames begin in the eighth at a place of the form, at a tempo in quarter notes a minute."""
    per_step = FRAMES_PER_S * 60 / bpm / EIGHTHS.steps_per_beat
    return floor((place + 1) * per_step) - floor(place * per_step)


@cache
def starts_of(frames: int) -> tuple[int, ...]:
    """Return the tick of a step at which each of its frames begins; several begin at one where it has few ticks."""
    return tuple(frame * _TICKS // frames for frame in range(frames))


def unit_of(pitch: int) -> int:
    """Return the unit of a MIDI pitch; one outside the roll comes into it by octaves."""
    above = pitch - LOWEST
    return above if 0 <= above < PITCHES else (above % 12 if above < 0 else PITCHES - 12 + (above - PITCHES) % 12)


def sounding_frames(cell: Cell, frames: int) -> list[frozenset[int]]:
    """Return the MIDI pitches that sound in each frame of a cell; one that begins in a frame sounds in it."""
    starts = starts_of(frames)
    found: list[frozenset[int]] = []
    for start, end in zip(starts, (*starts[1:], _TICKS), strict=True):
        begun = {onset.pitch for onset in cell.onsets if start <= onset.tick < max(end, start + 1)}
        found.append(frozenset(_sounding_at(cell, start) | begun))
    return found


def _sounding_at(cell: Cell, tick: int) -> set[int]:
    """Return the pitches that have begun before a tick, and not ended by it."""
    sounding = set(cell.held)
    moments: list[tuple[int, bool, int]] = [(each.tick, True, each.pitch) for each in cell.onsets if each.tick < tick]
    moments += [(each.tick, False, each.pitch) for each in cell.releases if each.tick <= tick]
    for _, begins, pitch in sorted(moments):
        (sounding.add if begins else sounding.discard)(pitch)
    return sounding


def _multi_hot(pitches: Iterable[int]) -> Tensor:
    row = np.zeros((1, PITCHES), np.float32)
    row[0, [unit_of(pitch) for pitch in pitches]] = 1
    return row


class _Builder:
    """A cell in the making: what begins and ends at a tick, in order.

    What another network has left sounding outside the roll ends at once: no unit of this one could end it.
    """

    def __init__(self, before: Cell) -> None:
        self.sounding = set(before.sounding_after.intersection(_MIDI))
        self.held = set(self.sounding)
        self.onsets: list[Onset] = []
        self.releases: list[Release] = []

    def end(self, pitch: int, tick: int) -> None:
        """End a pitch; one that begins and ends at a tick was never there."""
        if pitch not in self.sounding:
            return
        self.sounding.discard(pitch)
        if Onset(pitch, tick) in self.onsets:
            self.onsets.remove(Onset(pitch, tick))
        elif tick == 0:
            self.held.discard(pitch)
        else:
            self.releases.append(Release(pitch, tick))

    def begin(self, pitch: int, tick: int) -> None:
        """Begin a pitch, which ends one that sounds."""
        self.end(pitch, tick)
        self.sounding.add(pitch)
        self.onsets.append(Onset(pitch, tick))

    def cell(self) -> Cell:
        """Return the cell: its onsets from the highest down where several begin at a tick."""
        onsets = sorted(set(self.onsets), key=lambda onset: (onset.tick, -onset.pitch))
        return Cell(tuple(onsets), tuple(sorted(self.held)), tuple(sorted(self.releases, key=lambda r: r.tick)))


@dataclass(slots=True)
class _Last:
    """What has ended and begun in a frame so far: the last unit of each, and how many."""

    ended: int = -1
    begun: int = -1
    ends: int = 0
    begins: int = 0


class _PianoRoll:
    """What both encodings of rolls have in common."""

    @property
    def hears(self) -> str:
        """What sounds in each frame of a sixteenth of a second."""
        return "every note that sounds, sixteen times a second"

    @property
    def finest_ticks(self) -> int:
        """The finest division of a beat at which notes are told apart, in ticks: each one."""
        return 1

    def melody_pitches(self) -> tuple[int, ...]:
        """Return the MIDI pitches 32 to 98."""
        return _MIDI

    def melody(self, pitches: tuple[int, ...]) -> tuple[Cell, ...]:
        """Return a melody of one pitch a step as cells, each note struck."""
        return struck_cells(pitches)


class Roll(_PianoRoll):
    """Which pitches sound in a frame: one unit a pitch, on where it is likelier on than off (section IV).

    A roll says which notes sound and not which begin: one that sounds on is held.
    """

    @property
    def fingerprint(self) -> str:
        """A digest of range and rate."""
        return digest({"line": "roll", "low": LOWEST, "pitches": PITCHES, "frames a second": FRAMES_PER_S})

    @property
    def features(self) -> dict[str, Shape]:
        """The shape of `frame` (1, 67), a unit for each pitch."""
        return {"frame": (1, PITCHES)}

    @property
    def heads(self) -> dict[str, HeadSpec]:
        """The frame that follows, each pitch by itself."""
        return {FRAME_HEAD: HeadSpec((1, PITCHES), "bernoulli")}

    @property
    def unsupported_controls(self) -> tuple[str, ...]:
        """`temperature` and `top-p`, as nothing is drawn; `rests` and the controls of solos: it has `density`."""
        return "temperature", "top-p", "rests", "breath", "build", "motifs", "seed", "drafts"

    def moves(self, step_input: StepInput) -> tuple[Tensors, ...]:
        """Return a move for each frame of a step."""
        frames = frames_in(step_input.place, step_input.bpm)
        return tuple({"frame": _multi_hot(sounding)} for sounding in sounding_frames(step_input.frame.melody, frames))

    def decode(self, steer: Steer, chord: Chord | None, before: Cell, heard: StepInput) -> Decoder:
        """Yield the choice of the pitches of each frame, and return the cell. The denser, the more of them are on."""
        frames = frames_in(heard.place + 1, heard.bpm)
        builder = _Builder(before)
        bias = _UNITS.over(chord, steer.leaning) + _DENSITY_NATS * steer.density
        if steer.beside:
            bias = bias + keeping_clear(_MIDI, steer, chord)
        if steer.steps_left == 1 or steer.lets_go:
            bias = np.where([pitch in builder.sounding for pitch in _MIDI], bias, -_NEVER_NATS)
        moves: tuple[Tensors, ...] = ()
        for tick in starts_of(frames):
            drawn = yield Choice(FRAME_HEAD, bias, _MIDI, moves=moves)
            on = {pitch for unit, pitch in enumerate(_MIDI) if drawn >> unit & 1}
            moves = ({"frame": _multi_hot(on)},)
            for pitch in sorted(builder.sounding - on):
                builder.end(pitch, tick)
            for pitch in sorted(on - builder.sounding):
                builder.begin(pitch, tick)
        return builder.cell()


class Piano(_PianoRoll):
    """Frames as events: pitches end, then pitches begin, each ascending, then the frame is over.

    A note that is struck again ends and begins in one frame. Beside an event a network is told what sounds before it.
    """

    @property
    def fingerprint(self) -> str:
        """A digest of range, rate and the order of events."""
        order = "ends, begins, over"
        return digest(
            {"line": "piano", "low": LOWEST, "pitches": PITCHES, "frames a second": FRAMES_PER_S, "order": order}
        )

    @property
    def features(self) -> dict[str, Shape]:
        """The shapes of `event` (1, 135), one-hot, and `sounding` (1, 67), a unit for each pitch."""
        return {"event": (1, EVENTS), "sounding": (1, PITCHES)}

    @property
    def heads(self) -> dict[str, HeadSpec]:
        """The event that follows: `next_event`, shape (1, 135), categorical."""
        return {EVENT_HEAD: HeadSpec((1, EVENTS), "categorical")}

    @property
    def unsupported_controls(self) -> tuple[str, ...]:
        """`top-p`, which it has one of its own of; `rests` and the controls of solos: it has `density`."""
        return "top-p", "rests", "breath", "build", "motifs"

    def events(self, frames: Sequence[tuple[frozenset[int], frozenset[int]]], sounding: frozenset[int]) -> list[int]:
        """Return the events of frames, each told as the units that begin in it and those that sound in it.

        `sounding` are the units that sound before the first.
        """
        found: list[int] = []
        for begun, sounds in frames:
            found += [ENDS + unit for unit in sorted((sounding - sounds) | (begun & sounding))]
            found += [*sorted(begun | (sounds - sounding)), OVER]
            sounding = sounds
        return found

    def moves(self, step_input: StepInput) -> tuple[Tensors, ...]:
        """Return a move for each event of a step."""
        cell, previous = step_input.frame.melody, step_input.previous
        before = frozenset(unit_of(pitch) for pitch in (previous.sounding_after if previous else cell.held))
        frames = frames_in(step_input.place, step_input.bpm)
        starts = starts_of(frames)
        told: list[tuple[frozenset[int], frozenset[int]]] = []
        for start, end, sounds in zip(starts, (*starts[1:], _TICKS), sounding_frames(cell, frames), strict=True):
            begun = frozenset(unit_of(onset.pitch) for onset in cell.onsets if start <= onset.tick < end)
            told.append((begun, frozenset(unit_of(pitch) for pitch in sounds)))
        return self.told(self.events(told, before), before)

    def told(self, events: Iterable[int], sounding: Iterable[int]) -> tuple[Tensors, ...]:
        """Return the moves of events, with what sounds before each: units."""
        now, found = set(sounding), []
        for event in events:
            found.append(_event_move(event, now))
            if event < ENDS:
                now.add(event)
            elif event < OVER:
                now.discard(event - ENDS)
        return tuple(found)

    def decode(self, steer: Steer, chord: Chord | None, before: Cell, heard: StepInput) -> Decoder:
        """Yield the choice of one event after another until the step's frames are over, and return the cell."""
        builder = _Builder(before)
        ours = {unit_of(pitch) for pitch in builder.sounding}
        others = {unit_of(pitch) for pitch in heard.frame.melody.sounding_after} - ours
        moves = self.told((ENDS + unit for unit in sorted(others)), ours | others)  # the player's notes are not held
        frames = frames_in(heard.place + 1, heard.bpm)
        usual = self._bias(steer, chord)
        for frame, tick in enumerate(starts_of(frames)):
            owed = steer.strikes and frame == frames - 1 and not builder.onsets
            last = _Last()
            while True:
                allowed = _allowed(ours, last, owes=owed and not last.begins)
                bias = np.where(allowed, usual, -inf)
                event = yield Choice(
                    EVENT_HEAD,
                    bias,
                    _MIDI,
                    least_temperature=_TEMPERATURE,
                    least_top_p=_TOP_P,
                    most_top_p=_TOP_P,
                    moves=moves,
                )
                moves = (_event_move(event, ours),)
                if event == OVER:
                    break
                if event < ENDS:
                    last.begun, last.begins = event, last.begins + 1
                    ours.add(event)
                    builder.begin(_MIDI[event], tick)
                else:
                    last.ended, last.ends = event - ENDS, last.ends + 1
                    ours.discard(event - ENDS)
                    builder.end(_MIDI[event - ENDS], tick)
        return builder.cell()

    def _bias(self, steer: Steer, chord: Chord | None) -> Bias:
        """Return what is added to the logarithm of each event's probability, shape (135,)."""
        bias = np.zeros(EVENTS)
        bias[:ENDS] = _UNITS.over(chord, steer.leaning) + _DENSITY_NATS * steer.density
        if steer.beside:
            bias[:ENDS] += keeping_clear(_MIDI, steer, chord)
        if steer.steps_left == 1 or steer.lets_go:
            bias[:ENDS] = -inf
        return bias


def _event_move(event: int, sounding: Iterable[int]) -> Tensors:
    row = np.zeros((1, PITCHES), np.float32)
    row[0, list(sounding)] = 1
    return {"event": one_hot(event, EVENTS), "sounding": row}


def _allowed(sounding: set[int], last: "_Last", *, owes: bool) -> NDArray[np.bool_]:
    """Return which events may follow the last ones of a frame, shape (135,)."""
    allowed = np.zeros(EVENTS, bool)
    if last.begins < _MOST_BEGIN:
        allowed[last.begun + 1 : ENDS] = True
        allowed[list(sounding)] = False
    if not last.begins and last.ends < _MOST_ENDS:
        allowed[[ENDS + unit for unit in sounding if unit > last.ended]] = True
    allowed[OVER] = not (owes and allowed[:ENDS].any())
    return allowed
