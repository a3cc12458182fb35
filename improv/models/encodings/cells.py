"""The encoding of a line as it is played: a rhythm for each step, then a pitch for each of its onsets.

Pitches and chords are counted from the key, so that twelve keys are one.
"""

from bisect import bisect
from collections.abc import Sequence
from dataclasses import asdict, replace
from functools import cache, lru_cache
from math import inf
from typing import Any

import numpy as np
from numpy.typing import NDArray

from improv.dataclass import dataclass
from improv.models.contract import HeadSpec, Shape, Tensor, Tensors
from improv.models.encodings.base import (
    CHORD_HEAD,
    Bias,
    Choice,
    Decoder,
    Steer,
    StepInput,
    fingerprint_of,
    one_hot,
    struck_cells,
)
from improv.models.encodings.biases import ONSETS, chord_leaning, keeping_clear, outside, rhythm_bias, rising
from improv.models.encodings.story import MEANING, STORY_FEATURES, story
from improv.music.grid import EIGHTHS, Grid
from improv.music.notes import Cell
from improv.music.rhythm import NUMBERS, RHYTHMS, cell_of, rhythm_of, top_line
from improv.music.theory import BLUES_BARS, PITCH_CLASSES, QUALITIES, Chord, Form

GRID = EIGHTHS

RHYTHM_HEAD, PITCH_HEAD = "next_rhythm", "next_pitch"

PILLARS = {0: 0, 4 * GRID.steps_per_bar: 5}
"""The roots, in semitones above the key, that make a blues one at the places they have in it."""

_KINDS = tuple(QUALITIES.values())
_CHORDS = len(PITCH_CLASSES) * len(_KINDS) + 1
"""A unit for each kind on each root, and the last for no chord."""

_TEMPI_BPM = (80, 110, 150, 200, 260)
"""Where one kind of tempo ends and the next begins: the faster, the fewer sixteenths."""

_CHORD, _CHORD_AHEAD = 1, 1 + GRID.steps_per_beat
"""How many steps after the one it is fed lie those whose chords a network is told."""

_FARTHEST = 12
"""An answer that is farther from its call, in semitones, is told as so far."""

_RHYTHM_TEMPERATURE, _RHYTHM_TOP_P = 1.0, 1.0
"""Rhythms are drawn at least so freely: what is likeliest after silence is silence, and it would last long."""

_ECHO_NATS = 1.2
"""How much less likely an answer plays the very note of its call at its very place: it is no echo."""

_FOLLOWS_NATS = 4.0
"""How much likelier the pitch is on which a phrase begins, or by which it goes on, as one before did."""


@dataclass(frozen=True, slots=True)
class Cells:
    """Any set of onsets on the six ticks of a step, and pitches chosen one after another.

    Of notes that sound at once the highest is the line. `line` are the last two pitches of a step, the
    latest first, so that a network can keep what it has to know of the intervals.
    """

    pitch_low: int = 31
    """The lowest pitch in the key of C; others are played as far from it as their key is from C, at most a tritone."""
    pitch_count: int = 72
    lookahead_steps: int = GRID.steps_per_bar
    """A bar: the band and the screen know what comes."""
    tells_story: bool = False
    """Whether a network is also told like whom it plays, and where in the tune."""
    tells_notes: bool = False
    """Whether a network is also told all pitches of a step in their order, so that it can count what followed what."""

    @property
    def hears(self) -> str:
        """A line, to the tick."""
        return "each onset of a line, to a twelfth of a beat"

    @property
    def grid(self) -> Grid:
        """The grid of eighths: two steps a beat."""
        return GRID

    @property
    def finest_ticks(self) -> int:
        """One tick, the finest position there is."""
        return 1

    @property
    def fingerprint(self) -> str:
        """A digest of the numbers here, of the rhythms in their order and of the tensors' names."""
        numbers = asdict(self)
        numbers["settled"] = numbers.pop("lookahead_steps")  # as fingerprints have always called it
        if numbers.pop("tells_story"):
            numbers["story"] = MEANING
        numbers.pop("tells_notes")  # their features tell
        numbers |= {
            "rhythms": [asdict(rhythm) for rhythm in RHYTHMS],
            "kinds": _KINDS,
            "tempi": _TEMPI_BPM,
            "chords ahead": (_CHORD, _CHORD_AHEAD),
        }
        return fingerprint_of(self, numbers)

    @property
    def features(self) -> dict[str, Shape]:
        """The shapes of the step played, the chords and turn to come, the place in the form, and the choices so far.

        `newest_chord` is the last one that is decided, `chord` and `chord_ahead` are those of the step that is
        decided and of a beat later; `place` is where it lies in its bar and, in a form of twelve bars, which bar
        that is; `who` says whether the player had the turn, and whether improv plays next.

        Where improv answers, `asked_rhythm` and `asked` are what the player played at the same place of their turn,
        and `answered` how far the last note of the step lies above what it answered, -12 to 12 semitones.

        A story is told in three parts: `voice`, the instrument; `register`, its mean pitch; and `story`, the chorus of
        twelve bars and the quarter of the tune that the decided step is in, and whether the tune's last four bars have
        begun. What is not known of it is zeros.

        `notes` are the units of a step's pitches in their order, counted from 1, and 0 where there are no more;
        `motifs` is how much of what they tell counts, 0 to 1.
        """
        rhythm, pitches, chord = (1, len(RHYTHMS)), (1, self.pitch_count), (1, 2 * len(PITCH_CLASSES))
        played: dict[str, Shape] = {"rhythm": rhythm, "onsets": pitches, "line": (1, 2 * self.pitch_count)}
        known: dict[str, Shape] = {"newest_chord": chord, "chord": chord, "chord_ahead": chord}
        known |= {"place": (1, GRID.steps_per_bar + BLUES_BARS), "who": (1, 2), "tempo": (1, len(_TEMPI_BPM) + 1)}
        known |= {"asked_rhythm": rhythm, "asked": pitches, "answered": (1, 2 * _FARTHEST + 1)}
        if self.tells_story:
            known |= STORY_FEATURES
        if self.tells_notes:
            played |= {"notes": (1, GRID.ticks_per_step), "motifs": (1, 1)}
        return played | known | {name: (1, shape) for name, shape in self._choice_shapes.items()}

    @property
    def _choice_shapes(self) -> dict[str, int]:
        shapes = {
            "chosen_rhythm": len(RHYTHMS),
            "chosen_line": 2 * self.pitch_count,
            "chosen_tick": GRID.ticks_per_step,
            "chosen_asked": self.pitch_count,
        }
        return shapes | {"chosen_notes": GRID.ticks_per_step} if self.tells_notes else shapes

    @property
    def heads(self) -> dict[str, HeadSpec]:
        """A chord of every kind on every root, or none; a rhythm; a pitch, which depends on the choices so far."""
        return _heads(self.pitch_count)

    @property
    def melody_heads(self) -> tuple[str, ...]:
        """A rhythm, and a pitch for each of its onsets."""
        return RHYTHM_HEAD, PITCH_HEAD

    @property
    def unsupported_controls(self) -> tuple[str, ...]:
        """`voice` where a network is told of none, `motifs` where it counts none; every other control is obeyed."""
        of_story = () if self.tells_story else ("voice",)
        return of_story if self.tells_notes else (*of_story, "motifs")

    def encode(self, step_input: StepInput) -> Tensors:
        """Return the input tensors of one step by name; no choice has been made yet."""
        cell = step_input.frame.melody
        top = top_line(cell)
        chords = (step_input.frame.chord, *step_input.chord_lookahead)
        decided, call = step_input.place + 1, step_input.call_cell
        is_blues = step_input.form_steps == BLUES_BARS * GRID.steps_per_bar
        bar = decided // GRID.steps_per_bar % BLUES_BARS if is_blues else None
        told = story(step_input) if self.tells_story else {}
        units = [self.unit(pitch) for pitch in top]
        if self.tells_notes:
            told = {**told, "notes": _notes(units), "motifs": np.full((1, 1), step_input.motifs, np.float32)}
        return {
            **told,
            "rhythm": one_hot(NUMBERS[rhythm_of(cell)], len(RHYTHMS)),
            "onsets": self._units(top),
            "line": self._line(units),
            "newest_chord": chord_notes(chords[-1]),
            "chord": chord_notes(chords[min(_CHORD, len(chords) - 1)]),
            "chord_ahead": chord_notes(chords[min(_CHORD_AHEAD, len(chords) - 1)]),
            "place": _place(decided % GRID.steps_per_bar, bar),
            "who": _who(step_input.players_turn, step_input.improv_plays),
            "tempo": one_hot(bisect(_TEMPI_BPM, step_input.bpm), len(_TEMPI_BPM) + 1),
            "asked_rhythm": one_hot(None if call is None else NUMBERS[rhythm_of(call)], len(RHYTHMS)),
            "asked": self._units(top_line(call) if call else ()),
            "answered": one_hot(self._distance(cell, step_input.previous_call_cell), 2 * _FARTHEST + 1),
            **_no_choices(self),
        }

    def unit(self, pitch: int) -> int:
        """Return the unit of a MIDI pitch in the key of C; a pitch outside the range moves by octaves into it."""
        above = pitch - self.pitch_low
        if above < 0:
            return above % 12
        return above if above < self.pitch_count else self.pitch_count - 12 + (above - self.pitch_count) % 12

    def _units(self, pitches: tuple[int, ...]) -> Tensor:
        if len(pitches) <= 1:
            return one_hot(self.unit(pitches[0]) if pitches else None, self.pitch_count)
        units = np.zeros((1, self.pitch_count), np.float32)
        units[0, [self.unit(pitch) for pitch in pitches]] = 1
        return units

    def _distance(self, cell: Cell, answered: Cell | None) -> int | None:
        """Return how far the last onset lies above the call's pitch there, as a unit; None where there is none."""
        if answered is None or not cell.onsets:
            return None
        called = call_pitch_at(answered, rhythm_of(cell).ticks[-1])
        return None if called is None else min(_FARTHEST, max(-_FARTHEST, top_line(cell)[-1] - called)) + _FARTHEST

    def _line(self, units: list[int]) -> Tensor:
        """Return the last two units of a line, the latest first; zeros where there are none."""
        if not units:
            return one_hot(None, 2 * self.pitch_count)
        line = np.zeros((1, 2 * self.pitch_count), np.float32)
        for number, unit in enumerate(units[:-3:-1]):
            line[0, number * self.pitch_count + unit] = 1
        return line

    @property
    def line_features(self) -> tuple[str, ...]:
        """None: everything moves once a step."""
        return ()

    def moves(self, step_input: StepInput) -> tuple[Tensors, ...]:
        """Return nothing: everything moves once a step."""
        return ()

    def melody_pitches(self) -> tuple[int, ...]:
        """Return the MIDI pitches G1 to F#7."""
        return _range(self.pitch_low, self.pitch_count)

    def chord_units(self, chord: Chord | None) -> Tensor:
        """Return a chord as a one-hot row of root and kind, the last unit for no chord.

        ValueError for an unnamed chord.
        """
        return one_hot(_chord_unit(chord), _CHORDS).ravel()

    def chord_bias(self, step_input: StepInput) -> Bias:
        """Forbid chords that change off the beat, and other roots than the blues has at its pillars.

        A chorus of twelve bars begins on the first degree, its fifth bar on the fourth.
        """
        newest = (step_input.frame.chord, *step_input.chord_lookahead)[-1]
        place = step_input.place + 1 + self.lookahead_steps
        if place % GRID.steps_per_beat:
            return _only_chord(newest)
        is_blues = step_input.form_steps == BLUES_BARS * GRID.steps_per_bar
        return _only_root(PILLARS.get(place % step_input.form_steps) if is_blues else None)

    def chord(self, units: Tensor, form: Form) -> Chord | None:
        """Return the chord of the unit that is on; None for the last unit."""
        return _ALL_CHORDS[int(units.argmax())]

    def decode_cell(self, steer: Steer, chord: Chord | None, before: Cell, heard: StepInput) -> Decoder:
        """Yield the choice of a rhythm, then of a pitch for each onset, and return the cell.

        Each choice knows those before it. A phrase ends on a chord tone: in its last beat any other note is followed by
        one.
        """
        sounding = max(before.sounding_after, default=None)
        ends = chord if steer.steps_left == GRID.steps_per_beat else None
        choice = self.rhythm_choice(steer, sounding is not None)
        if ends and sounding is not None and sounding % len(PITCH_CLASSES) not in ends.pitch_classes:
            choice = replace(choice, bias=np.where(ONSETS > 0, choice.bias, -inf))
        number = yield choice
        rhythm, chosen_rhythm = RHYTHMS[number], one_hot(number, len(RHYTHMS))
        if not rhythm.ticks:
            return cell_of(rhythm, (), sounding)
        pitches, usual, call = self.melody_pitches(), self.pitch_bias(steer, chord), heard.call_cell
        struck = rhythm_of(call).ticks if call else ()
        line: list[int] = []
        follows, last = steer.follows, steer.follows_from
        for tick in rhythm.ticks:
            pitch = None if call is None else call_pitch_at(call, tick)
            features = {
                "chosen_rhythm": chosen_rhythm,
                "chosen_line": self._line(line),
                "chosen_tick": one_hot(tick, GRID.ticks_per_step),
                "chosen_asked": one_hot(None if pitch is None else self.unit(pitch), self.pitch_count),
            }
            if self.tells_notes:
                features["chosen_notes"] = _notes(line)
            bias = usual - _ECHO_NATS * features["chosen_asked"][0] if tick in struck else usual
            if ends and tick == rhythm.ticks[-1]:
                bias = bias + chord_leaning(pitches, ends, 1)
            wanted = None if line else steer.begins_on
            if follows and last is not None:
                wanted = last + follows[0]
            if wanted is not None:
                bias = bias + _FOLLOWS_NATS * one_hot(self.unit(wanted), self.pitch_count)[0]
            unit = yield Choice(PITCH_HEAD, bias, pitches, features)
            line.append(unit)
            if follows and last is not None:
                follows = follows[1:] if pitches[unit] == last + follows[0] else ()
            last = pitches[unit]
        return cell_of(rhythm, tuple([pitches[unit] for unit in line]), sounding)

    def rhythm_choice(self, steer: Steer, sounds: bool) -> Choice:
        """Return the choice of a rhythm; `sounds` says whether a note sounds into its step."""
        bias = rhythm_bias(steer, sounds)
        return Choice(RHYTHM_HEAD, bias, least_temperature=_RHYTHM_TEMPERATURE, least_top_p=_RHYTHM_TOP_P)

    def pitch_bias(self, steer: Steer, chord: Chord | None) -> Bias:
        """Return what is added to the log probability of each pitch.

        Pitches outside the chord have less, and those that grate on what the player plays beside; none are chosen
        outside the compass. Where the line is to rise, higher ones have more.
        """
        pitches = self.melody_pitches()
        bias = chord_leaning(pitches, chord, steer.leaning)
        if steer.beside:
            bias = bias + keeping_clear(pitches, steer, chord)
        if steer.rise:
            bias = bias + rising(len(pitches), steer.rise)
        return bias if steer.compass is None else bias + outside(pitches, *steer.compass)

    def melody(self, pitches: tuple[int, ...]) -> tuple[Cell, ...]:
        """Return a melody of one pitch a step as cells, each note struck."""
        return struck_cells(pitches)


def call_pitch_at(cell: Cell, tick: int) -> int | None:
    """Return the pitch of a player's cell that belongs to a tick; None of silence.

    It is the last one begun by then, else what is held into the cell, else the first.
    """
    line = dict(zip(rhythm_of(cell).ticks, top_line(cell), strict=True))
    begun = [pitch for start, pitch in line.items() if start <= tick]
    return begun[-1] if begun else max(cell.held, default=next(iter(line.values()), None))


@lru_cache(maxsize=256)
def chord_notes(chord: Chord | None) -> Tensor:
    """Return a chord as a network's input: its root and its pitch classes, shape (1, 24); zeros for no chord."""
    notes = np.zeros((1, 2 * len(PITCH_CLASSES)), np.float32)
    if chord is not None:
        notes[0, chord.root] = 1
        notes[0, [len(PITCH_CLASSES) + pitch_class for pitch_class in chord.pitch_classes]] = 1
    notes.flags.writeable = False
    return notes


def _notes(units: Sequence[int]) -> Tensor:
    """Return units in their order, counted from 1, as a network's input; zeros after the last, shape (1, ticks)."""
    notes = np.zeros((1, GRID.ticks_per_step), np.float32)
    notes[0, : len(units)] = units
    notes[0, : len(units)] += 1
    return notes


# --- what is the same at many steps, made once: shared, and so not to be written to ---------------


@cache
def _range(low: int, count: int) -> tuple[int, ...]:
    return tuple(range(low, low + count))


@cache
def _place(step: int, bar: int | None) -> Tensor:
    """Return where a step lies: the units of its place in the bar and, if that is known, of the form's bar."""
    return _shared([one_hot(step, GRID.steps_per_bar), one_hot(bar, BLUES_BARS)], axis=1)


@cache
def _who(players_turn: bool, improv_plays: bool) -> Tensor:
    return _shared([np.array([[players_turn, improv_plays]], np.float32)])


@cache
def _no_choices(cells: Cells) -> dict[str, Tensor]:
    """Return the inputs that tell of a step's choices, before there are any."""
    return {name: one_hot(None, width) for name, width in cells._choice_shapes.items()}


_ALL_CHORDS = (*(Chord(root, kind) for root in range(len(PITCH_CLASSES)) for kind in _KINDS), None)
"""The chord of each unit."""


@cache
def _heads(pitch_count: int) -> dict[str, HeadSpec]:
    return {
        CHORD_HEAD: HeadSpec((1, _CHORDS), "categorical"),
        RHYTHM_HEAD: HeadSpec((1, len(RHYTHMS)), "categorical"),
        PITCH_HEAD: HeadSpec((1, pitch_count), "categorical", after=(RHYTHM_HEAD,)),
    }


@lru_cache(maxsize=256)
def _chord_unit(chord: Chord | None) -> int:
    return _CHORDS - 1 if chord is None else chord.root * len(_KINDS) + _KINDS.index(chord.intervals)


@lru_cache(maxsize=256)
def _only_chord(chord: Chord | None) -> Bias:
    """Forbid all chords but one."""
    return _shared([np.where(np.arange(_CHORDS) == _chord_unit(chord), 0.0, -inf)])


@cache
def _only_root(root: int | None) -> Bias:
    """Forbid all chords but those on a root, given in semitones above the key; None forbids none."""
    return _shared([np.where((root is None) | (np.arange(_CHORDS) // len(_KINDS) == root), 0.0, -inf)])


def _shared(parts: Sequence[NDArray[Any]], axis: int = 0) -> NDArray[Any]:
    """Return arrays as one that cannot be written to."""
    whole = np.concatenate(parts, axis)
    whole.flags.writeable = False
    return whole
