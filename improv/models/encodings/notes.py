"""The encoding of a line that is told note by note, without rhythm (Xu, Xu & Tang 2018, section III; KTH's poster).

A network moves once for each note or chord that begins. Its rhythm is not the network's: an answer takes that of its
call; a line of its own begins a note with each eighth.
"""

from improv.models.contract import HeadSpec, Shape, Tensors
from improv.models.encodings.base import Choice, Decoder, Steer, StepInput, digest, one_hot, struck_cells
from improv.models.encodings.biases import keeping_clear
from improv.models.encodings.symbols import Units, pitches_of
from improv.music.grid import EIGHTHS
from improv.music.notes import Cell, Onset, Release
from improv.music.rhythm import HALF, Rhythm, rhythm_of
from improv.music.theory import Chord

NOTE_HEAD = "next_note"

_BUSY = 0.5
"""From this density on a line of its own begins sixteenths; from as far below 0 on, quarters."""


class Notes:
    """One unit a note, or a chord of notes that begin together, as the file's symbols say."""

    def __init__(self, symbols: tuple[str, ...]) -> None:
        """Take the symbol of each unit; ValueError where one is no note, or stands there twice."""
        pitches = [pitches_of(symbol) for symbol in symbols]
        if not all(pitches):
            raise ValueError("one of its symbols is no note, and a line of notes has nothing else")
        self._symbols, self._units = symbols, Units(pitches)
        self._pitches = tuple(sorted({pitch for each in pitches for pitch in each}))

    @property
    def fingerprint(self) -> str:
        """A digest of the symbols."""
        return digest({"line": "notes", "symbols": self._symbols})

    @property
    def features(self) -> dict[str, Shape]:
        """The shape of `note` (1, units), one-hot."""
        return {"note": (1, len(self._symbols))}

    @property
    def heads(self) -> dict[str, HeadSpec]:
        """The head `next_note`: logits of the note or chord that follows, shape (1, units)."""
        return {NOTE_HEAD: HeadSpec((1, len(self._symbols)), "categorical")}

    @property
    def hears(self) -> str:
        """Which notes begin, and not when."""
        return "each note or chord, without its rhythm"

    @property
    def finest_ticks(self) -> int:
        """One tick: the player's rhythm is kept."""
        return 1

    @property
    def unsupported_controls(self) -> tuple[str, ...]:
        """`rests`, `breath`, `build`, as its rhythm is the player's, or even; `motifs`, as it counts none."""
        return "rests", "breath", "build", "motifs"

    def melody_pitches(self) -> tuple[int, ...]:
        """Return the MIDI pitches of its notes and chords."""
        return self._pitches

    def unit(self, pitches: tuple[int, ...]) -> int:
        """Return the unit of MIDI pitches that begin together: see `Units`."""
        return self._units.unit(pitches)

    def moves(self, step_input: StepInput) -> tuple[Tensors, ...]:
        """Return a move for each note or chord that begins in a step."""
        begun: dict[int, list[int]] = {}
        for onset in step_input.frame.melody.onsets:
            begun.setdefault(onset.tick, []).append(onset.pitch)
        return tuple(self._move(self._units.unit(begun[tick])) for tick in sorted(begun))

    def _move(self, unit: int) -> Tensors:
        return {"note": one_hot(unit, len(self._symbols))}

    def decode(self, steer: Steer, chord: Chord | None, before: Cell, heard: StepInput) -> Decoder:
        """Yield the choice of a note for each onset of the rhythm, and return the cell.

        A phrase ends on chord tones.
        """
        sounding = tuple(sorted(before.sounding_after))
        rhythm = _rhythm(steer, heard, sounds=bool(sounding))
        bias = self._units.over(chord, steer.leaning)
        if steer.steps_left is not None and chord is not None:
            bias = self._units.over(chord, 1)
        if steer.beside:
            bias = bias + keeping_clear(self._units.highest, steer, chord)
        chosen: list[tuple[int, ...]] = []
        moves: tuple[Tensors, ...] = ()
        for _ in rhythm.ticks:
            unit = yield Choice(NOTE_HEAD, bias, self._units.highest, moves=moves)
            moves = (self._move(unit),)
            chosen.append(self._units.pitches[unit])
        return chordal_cell(rhythm, chosen, sounding)

    def melody(self, pitches: tuple[int, ...]) -> tuple[Cell, ...]:
        """Return a melody of one pitch a step as cells, each note struck."""
        return struck_cells(pitches)


def _rhythm(steer: Steer, heard: StepInput, *, sounds: bool) -> Rhythm:
    """Return the rhythm of the step after the one that was heard."""
    held = Rhythm(held=sounds, ended=sounds and steer.lets_go)
    if steer.steps_left == 1:
        return held
    if heard.call_cell is not None:
        rhythm = rhythm_of(heard.call_cell)
        if not rhythm.ticks and rhythm.held and not sounds:
            rhythm = Rhythm()
    elif steer.density >= _BUSY:
        rhythm = Rhythm((0, HALF))
    elif steer.density <= -_BUSY and (heard.place + 1) % EIGHTHS.steps_per_beat:
        rhythm = held
    else:
        rhythm = Rhythm((0,))
    if steer.strikes and not rhythm.ticks:
        return Rhythm((0,))
    return held if steer.lets_go and not rhythm.ticks else rhythm


def chordal_cell(rhythm: Rhythm, chosen: list[tuple[int, ...]], sounding: tuple[int, ...]) -> Cell:
    """Return the cell of a rhythm with notes that begin together at each onset; each ends what sounded before.

    `sounding` are the pitches that sound into it. ValueError unless there is one chord or note for each onset.
    """
    lasts = rhythm.held or (bool(rhythm.ticks) and rhythm.ticks[0] > 0)
    held = sounding if lasts else ()
    onsets = [
        Onset(pitch, tick) for tick, pitches in zip(rhythm.ticks, chosen, strict=True) for pitch in pitches
    ]  # fmt: skip
    groups = [held, *chosen] if held else chosen
    ends = list(rhythm.ticks if held else rhythm.ticks[1:])
    releases = [Release(pitch, end) for pitches, end in zip(groups, ends, strict=False) for pitch in pitches]
    if groups and rhythm.ended:
        releases += [Release(pitch, HALF) for pitch in groups[-1]]
    return Cell(tuple(onsets), held, tuple(releases))
