"""How well improv hears what a player meant: solos of people who are no part of its training, played to it in time.

A solo is played as its player did, by the seconds of the database against the seconds of its band's beats; or as an
invented player would, who is late by so much, swings their eighths so far and is not exact. It is fed to the session as
the live engine does it: step by step, with what has arrived a little before each step is due. What counts are the notes
that the network was told of on the tick where they are notated, once no step can be read otherwise any more.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

import numpy as np

from improv.models.contract import StepModel, Tensor, Tensors
from improv.models.encodings import encoding_of
from improv.music.grid import TICKS_PER_BEAT
from improv.music.notes import Cell, NoteOff, NoteOn, Timed
from improv.music.parts import Part
from improv.music.styles import Style, auto_swing
from improv.music.theory import PITCH_CLASSES, TICKS_PER_STEP
from improv.music.transport import Transport
from improv.music.turns import Mode
from improv.protocol.controls import MEANT, NEAREST, TEMPO, Settings
from improv.protocol.heard import Heard
from improv.session.beat_rhythms import kind_of
from improv.session.lifecycle import begin
from improv.session.listening import REVISED_STEPS
from improv.session.step import advance
from improv.session.timing import EIGHTHS
from training.corpora.solos import Note, Solo
from training.metrics.bootstrap import SAMPLES, Figure, grouped_mean, ratios, resamples
from training.metrics.melody import Melody
from training.rendering.playing import LEAD_S, LEAST_BEATS, VELOCITY

JITTERS_MS, LAGS_MS, SWINGS = (10, 20, 30), (-30, 0, 30, 60), (0.5, 0.55, 0.6, 0.67)
"""What invented players are like."""

RARE_TICKS = (1, 5, 7, 11)
"""The ticks of a beat on which hardly a note begins: on none of its halves, thirds, quarters and sixths."""

_LEAST_LENGTH_BEATS = 0.1


def is_told_ticks(model: StepModel) -> bool:
    """Return whether a network is told of every tick."""
    return encoding_of(model.spec).finest_ticks == 1


@dataclass(frozen=True, slots=True)
class Performance:
    """A solo's notes with the times, in beats, at which a player plays them to improv."""

    solo: str
    bpm: float
    notes: tuple[Note, ...]
    """What is notated, in ticks from a bar line."""
    played: tuple[tuple[float, float], ...]
    """When each of them begins and ends, in beats of the band."""
    band_swing: float
    """The swing of improv's band: by default what it is at the tempo."""


def as_played(solo: Solo) -> Performance | None:
    """Return a solo as its player played it; None where that is not known, or the tempo is none of improv's."""
    if not TEMPO.low <= solo.tempo_bpm <= TEMPO.high or any(note.played_beats is None for note in solo.notes):
        return None
    onsets = accumulate((note.played_beats[0] for note in solo.notes if note.played_beats), max)
    ends = (note.played_beats[1] for note in solo.notes if note.played_beats)
    played = tuple(zip(onsets, ends, strict=True))
    return Performance(solo.name, solo.tempo_bpm, solo.notes, played, auto_swing(Style.SWING, solo.tempo_bpm))


def invented(
    solo: Solo, bpm: float, *, lag_ms: float = 10, jitter_ms: float = 0, swing: float = 0.5,
    band_swing: float | None = None, moves_all: bool = False,
) -> Performance:  # fmt: skip
    """Return a solo as an invented player plays it: late, swinging where a beat has nothing finer, and not exact.

    With `moves_all` all of a beat moves with its second eighth, as it does in what improv plays itself.
    """
    draws = np.random.default_rng(0)
    by_beat: dict[int, set[int]] = {}
    for note in solo.notes:
        by_beat.setdefault(note.onset // TICKS_PER_BEAT, set()).add(note.onset % TICKS_PER_BEAT)

    def beats(tick: int) -> float:
        """Return when a tick is played, in beats: with this player's swing, without lag and jitter."""
        if moves_all:
            return Transport(0, 0.0, bpm, swing).beats_of_tick(tick)
        beat, inside = divmod(tick, TICKS_PER_BEAT)
        swings = inside == TICKS_PER_BEAT // 2 and kind_of(by_beat.get(beat, ())) == EIGHTHS
        return beat + (swing if swings else inside / TICKS_PER_BEAT)

    def late() -> float:
        """Return how late the next note is, lag and jitter together, in beats; below 0 early."""
        return float(lag_ms + jitter_ms * draws.normal()) / 1000 * bpm / 60

    onsets = list(accumulate((beats(note.onset) + late() for note in solo.notes), max))
    ends = [
        max(onset + _LEAST_LENGTH_BEATS, beats(note.end) + late())
        for onset, note in zip(onsets, solo.notes, strict=True)
    ]
    played = tuple(zip(onsets, ends, strict=True))
    band_swing = auto_swing(Style.SWING, bpm) if band_swing is None else band_swing
    return Performance(solo.name, bpm, solo.notes, played, band_swing)


def messages(performance: Performance) -> list[Timed]:
    """Return the notes of a performance in the order they arrive; its first bar line is at time 0.

    A note is over where the next one of its pitch begins.
    """
    beat_s = 60 / performance.bpm
    timed = []
    for note, (onset, end) in zip(performance.notes, performance.played, strict=True):
        timed.append(Timed(onset * beat_s, NoteOn(Part.YOU, note.pitch, VELOCITY)))
        timed.append(Timed(max(end, onset + LEAST_BEATS) * beat_s, NoteOff(Part.YOU, note.pitch)))
    timed.sort(key=lambda each: (each.time_s, isinstance(each.event, NoteOn)))
    return list(_one_at_a_time(timed))


def _one_at_a_time(timed: Iterable[Timed]) -> Iterator[Timed]:
    """Yield notes as the player process passes them on: a pitch that sounds ends before it begins again."""
    down: dict[int, int] = {}
    for each in timed:
        pitch = each.event.pitch
        if isinstance(each.event, NoteOn):
            if down.get(pitch):
                yield Timed(each.time_s, NoteOff(Part.YOU, pitch))
            down[pitch] = down.get(pitch, 0) + 1
            yield each
        else:
            down[pitch] -= 1
            if not down[pitch]:
                yield each


class Listening:
    """A network that says nothing and costs nothing: improv listens, so that what it is told is the same."""

    def __init__(self, model: StepModel) -> None:
        self.spec = model.spec
        self._outputs = {name: np.zeros(head.shape, np.float32) for name, head in model.spec.heads.items()}

    def step(self, features: Tensors, memory: Tensors) -> tuple[Tensors, Tensors]:
        """Return zeros as the logits of each head, and the memory as it was."""
        return self._outputs, memory

    def head_logits(self, head: str, features: Tensors, memory: Tensors) -> Tensor:
        """Return zeros as the logits of a head."""
        return self._outputs[head]

    def move(self, features: Tensors, memory: Tensors) -> Tensors:
        """Return the memory as it was."""
        return memory


def heard_cells(model: StepModel, performance: Performance, hearing: str = MEANT) -> Mapping[int, Cell]:
    """Return what a network is told of a performance in the end: the player's cell of each step that has one.

    improv listens, all else is at its defaults.
    """
    model = Listening(model)
    transport = Transport(0, 0.0, performance.bpm, performance.band_swing)
    session = begin(model, Settings(mode=Mode.LISTEN, hearing=hearing), transport)
    arriving = messages(performance)
    last = max((note.end for note in performance.notes), default=0) // TICKS_PER_STEP + 2 * REVISED_STEPS
    found: dict[int, Cell] = {}
    taken = 0
    for step in range(last):
        until_s = transport.time_of(step) - LEAD_S
        first = taken
        while taken < len(arriving) and arriving[taken].time_s < until_s:
            taken += 1
        session, _ = advance(session, Heard(tuple(arriving[first:taken])), model)
        for ago, fed in enumerate(reversed(session.network.recent_inputs[-REVISED_STEPS - 1 :]), start=1):
            found[session.step - ago] = fed.frame.melody
    return found


def on_their_ticks(performance: Performance, cells: Mapping[int, Cell]) -> int:
    """Return how many notes of a performance are heard on their notated ticks, in whatever octave."""
    heard = {
        (step * TICKS_PER_STEP + onset.tick, onset.pitch % len(PITCH_CLASSES))
        for step, cell in cells.items()
        for onset in cell.onsets
    }
    key = {(note.onset, note.pitch % len(PITCH_CLASSES)) for note in performance.notes}
    return len(heard & key)


def share(
    model: StepModel, performances: Sequence[Performance], hearing: str = MEANT, samples: int = SAMPLES
) -> Figure:
    """Return the share of notes that are heard on their ticks, with the interval of resampling whole solos."""
    right = np.array([on_their_ticks(each, heard_cells(model, each, hearing)) for each in performances])
    notes = np.array([len(each.notes) for each in performances])
    return Figure.of(ratios(right, notes, resamples(len(performances), samples)))


def players(solos: Sequence[Solo], bpm: float = 120) -> dict[str, list[Performance]]:
    """Return the performances of each kind of player by its name, the real ones first; invented ones play at `bpm`."""
    known = [each for each in map(as_played, solos) if each]
    found = {"as they were played": known} if known else {}
    for jitter_ms in JITTERS_MS:
        found[f"exact to {jitter_ms} ms"] = [invented(solo, bpm, jitter_ms=jitter_ms) for solo in solos]
    found["exact to 20 ms, own tempo"] = [
        invented(solo, min(TEMPO.high, max(TEMPO.low, solo.tempo_bpm)), jitter_ms=20) for solo in solos
    ]
    swung = auto_swing(Style.SWING, bpm)
    for jitter_ms in JITTERS_MS[:2]:
        found[f"as improv's band, exact to {jitter_ms} ms"] = [
            invented(solo, bpm, lag_ms=0, jitter_ms=jitter_ms, swing=swung, moves_all=True) for solo in solos
        ]
    for lag_ms in LAGS_MS:
        found[f"late by {lag_ms} ms"] = [invented(solo, bpm, lag_ms=lag_ms, jitter_ms=10, swing=0.55) for solo in solos]
    for swing in SWINGS:
        for band_swing in (0.5, 0.67):
            found[f"swing {swing:g} over {band_swing:g}"] = [
                invented(solo, bpm, jitter_ms=10, swing=swing, band_swing=band_swing) for solo in solos
            ]
    return found


@dataclass(frozen=True, slots=True)
class Row:
    """How one kind of player is heard: the shares of notes on their ticks, by what was meant and by the nearest."""

    name: str
    meant: Figure
    nearest: Figure


def rows(model: StepModel, solos: Sequence[Solo], tracked: Callable[[Sequence[Any], str], Iterable[Any]]) -> list[Row]:
    """Return a row for each kind of player."""
    kinds = list(players(solos).items())
    return [Row(name, share(model, played), share(model, played, NEAREST)) for name, played in tracked(kinds, "hears")]


def rare_onsets(lines: Sequence[Melody], solos: Sequence[str]) -> Figure:
    """Return the share of onsets on rare ticks, with the interval of resampling whole solos."""
    rare = [np.isin(line.onsets % TICKS_PER_BEAT, RARE_TICKS) for line in lines]
    groups = [solo for solo, each in zip(solos, rare, strict=True) for _ in each]
    return grouped_mean(np.concatenate([*rare, []]).astype(np.float64), groups)
