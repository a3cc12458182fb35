"""A melody as it was played over its changes: the one value that every corpus of melodies is read into.

Readers make solos; `frames` makes of a solo what a network is fed, `notes_in` is the way back.
Nothing here knows where a solo came from, and nothing knows a tensor.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from improv.music.grid import BEATS_PER_BAR
from improv.music.notes import Cell, Frame, Onset, Release
from improv.music.theory import STEPS_PER_BEAT, TICKS_PER_STEP, Chord


@dataclass(frozen=True, slots=True)
class Note:
    """A note: onset and end in ticks from the solo's first bar line, MIDI pitch, the number of its phrase from 0 on.

    `velocity` is MIDI's 1..127, None where it is not known.
    """

    onset: int
    end: int
    pitch: int
    phrase: int = 0
    velocity: int | None = None
    played_beats: tuple[float, float] | None = field(default=None, compare=False)
    """When it was played: its onset and its end in beats of the band from the solo's first bar line, None where it is
    not known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Solo:
    """One monophonic solo in 4/4, from the bar line before its first beat to the one after its last.

    Bar lines lie at whole multiples of a bar; a pickup is in a bar of its own, so no tick is negative. No note
    begins before the one before it has ended.
    """

    name: str
    """Its name in its corpus, which never changes, so that a split can be written down."""
    title: str
    composer: str
    performer: str
    tonic: int | None
    """The pitch class of the key, None where it has none."""
    mode: str
    """`maj`, `min` or what else the corpus says; empty where it says nothing."""
    is_blues: bool
    feel: str
    """The rhythmic feel as the corpus says it, `SWING` for one; empty where it says nothing."""
    tempo_bpm: float
    notes: tuple[Note, ...]
    """In order of onset."""
    chords: tuple[Chord | None, ...]
    """One for each beat of whole bars, None where there is no chord or it is not known."""
    choruses: tuple[int, ...] = ()
    """The bars, from 0 on, at which a blues chorus of exactly twelve bars begins."""
    bass: tuple[int | None, ...] = ()
    """What the bass plays on each beat, estimated, in MIDI pitches; None where that is not known. Empty: nowhere."""
    voice: str = ""
    """The instrument, one of `improv.music.voices.VOICES`; empty where it is none of them or not known."""

    @property
    def bars(self) -> int:
        """Number of bars in the solo."""
        return len(self.chords) // BEATS_PER_BAR

    @property
    def steps(self) -> int:
        """Number of steps in the solo, one frame each."""
        return len(self.chords) * STEPS_PER_BEAT

    @property
    def phrases(self) -> tuple[int, ...]:
        """Ticks at which the phrases begin."""
        before = (None, *(note.phrase for note in self.notes))
        return tuple(note.onset for note, last in zip(self.notes, before, strict=False) if note.phrase != last)


def frames(solo: Solo) -> tuple[Frame, ...]:
    """Return a solo as frames, with every onset and end on its tick."""
    onsets: list[list[Onset]] = [[] for _ in range(solo.steps)]
    held: list[list[int]] = [[] for _ in range(solo.steps)]
    releases: list[list[Release]] = [[] for _ in range(solo.steps)]
    for note in solo.notes:
        first, last = note.onset // TICKS_PER_STEP, (note.end - 1) // TICKS_PER_STEP
        onsets[first].append(Onset(note.pitch, note.onset % TICKS_PER_STEP))
        for step in range(first + 1, last + 1):
            held[step].append(note.pitch)
        if note.end % TICKS_PER_STEP:  # what ends with a step is just not held into the next
            releases[last].append(Release(note.pitch, note.end % TICKS_PER_STEP))
    return tuple(
        Frame(Cell(tuple(onsets[step]), tuple(held[step]), tuple(releases[step])), solo.chords[step // STEPS_PER_BEAT])
        for step in range(solo.steps)
    )


def notes_in(melody: Sequence[Frame]) -> tuple[Note, ...]:
    """Return the notes of frames in order of onset; a note that sounds into the first frame begins with it.

    Phrases and velocities are not in frames.
    """
    notes: list[Note] = []
    begun: dict[int, int] = {}

    def end(pitch: int, tick: int) -> None:
        if pitch in begun:
            notes.append(Note(begun.pop(pitch), tick, pitch))

    for step, frame in enumerate(melody):
        cell, start = frame.melody, step * TICKS_PER_STEP
        for pitch in [pitch for pitch in begun if pitch not in cell.held]:
            end(pitch, start)
        for pitch in cell.held:
            begun.setdefault(pitch, start)
        turns = [(release.tick, False, release.pitch) for release in cell.releases]
        turns += [(onset.tick, True, onset.pitch) for onset in cell.onsets]
        for tick, begins, pitch in sorted(turns):  # at one tick what ends before what begins
            end(pitch, start + tick)
            if begins:
                begun[pitch] = start + tick
    for pitch in list(begun):
        end(pitch, len(melody) * TICKS_PER_STEP)
    return tuple(sorted(notes, key=lambda note: (note.onset, note.pitch)))
