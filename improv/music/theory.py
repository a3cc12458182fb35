"""Theory: pitches, chords, the form of a tune, and places in it."""

from collections.abc import Iterable, Sequence
from reprlib import repr as shortly
from types import MappingProxyType

from improv.dataclass import dataclass
from improv.music.grid import EIGHTHS, Grid

STEPS_PER_BEAT = EIGHTHS.steps_per_beat

STEPS_PER_BAR = EIGHTHS.steps_per_bar

BLUES_BARS = 12
"""The bars of a blues."""

MAX_BARS = 256
"""Of a form: longer than any tune that is played over and over."""

TICKS_PER_STEP = EIGHTHS.ticks_per_step
"""Of the grid of eighths; what plays with any network asks the grid of its session, form or transport."""

PITCH_CLASSES = ("C", "Db", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")

_LETTERS = MappingProxyType({"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11})

_ACCIDENTALS = MappingProxyType({"": 0, "#": 1, "b": -1})

QUALITIES = MappingProxyType(
    {
        "7": (0, 4, 7, 10),
        "m7": (0, 3, 7, 10),
        "dim7": (0, 3, 6, 9),
        "maj7": (0, 4, 7, 11),
        "m7b5": (0, 3, 6, 10),
        "6": (0, 4, 7, 9),
        "m6": (0, 3, 7, 9),
        "7sus": (0, 5, 7, 10),
        "m": (0, 3, 7),
        "": (0, 4, 7),
    }
)


def pitch_class(name: str) -> int:
    """Return the pitch class (0 to 11) of a note name such as `C`, `F#` or `Bb`; ValueError for any other text."""
    if name[:1] not in _LETTERS or name[1:] not in _ACCIDENTALS:
        raise ValueError(f"{name!r} is no note name")
    return (_LETTERS[name[0]] + _ACCIDENTALS[name[1:]]) % 12


def shortest_way(one: str, other: str) -> int:
    """Return the interval from one key to another in semitones, -5 to 6."""
    return (pitch_class(other) - pitch_class(one) + 5) % 12 - 5


def pitch_name(pitch: int) -> str:
    """Return the name of a MIDI pitch: 60 is `C4`."""
    return f"{PITCH_CLASSES[pitch % 12]}{pitch // 12 - 1}"


@dataclass(frozen=True, slots=True)
class Chord:
    """A root (pitch class 0..11) and the intervals above it in semitones, the root's 0 among them."""

    root: int
    intervals: tuple[int, ...]

    @classmethod
    def parse(cls, symbol: str) -> "Chord":
        """Return the chord a symbol such as `F#dim7` names; ValueError if it names none."""
        length = 2 if symbol[1:2] in ("#", "b") else 1
        quality = symbol[length:]
        if quality not in QUALITIES:
            raise ValueError(f"{shortly(symbol)} is no chord symbol")
        return cls(pitch_class(symbol[:length]), QUALITIES[quality])

    @classmethod
    def of(cls, pitch_classes: Iterable[int], known: Iterable["Chord"] = ()) -> "Chord | None":
        """Return the chord with exactly these pitch classes, a known or named one if possible.

        None for no pitch classes.

        A diminished seventh has four possible roots; `known` says which one is meant here.
        """
        wanted = frozenset(pitch_classes)
        if not wanted:
            return None
        for chord in known:
            if chord.pitch_classes == wanted:
                return chord
        by_root = [cls(root, tuple(sorted((p - root) % 12 for p in wanted))) for root in sorted(wanted)]
        return next((chord for chord in by_root if chord.intervals in QUALITIES.values()), by_root[0])

    @property
    def pitch_classes(self) -> frozenset[int]:
        """The pitch classes of the chord, 0 to 11."""
        return frozenset((self.root + interval) % 12 for interval in self.intervals)

    @property
    def symbol(self) -> str:
        """The chord's name, `Dm7`; intervals that have no name are listed: `C(0,1,5)`."""
        name = PITCH_CLASSES[self.root]
        for quality, intervals in QUALITIES.items():
            if intervals == self.intervals:
                return name + quality
        return f"{name}({','.join(map(str, self.intervals))})"

    def transposed(self, semitones: int) -> "Chord":
        """Return the chord with its root moved by semitones."""
        if not semitones:
            return self
        return Chord((self.root + semitones) % 12, self.intervals)

    def voiced(self, low: int) -> tuple[int, ...]:
        """Return the chord's pitches within the octave that starts at MIDI pitch `low`, ascending."""
        return tuple(sorted(low + (pc - low) % 12 for pc in self.pitch_classes))


@dataclass(frozen=True, slots=True)
class Form:
    """The cycle of chords, a chord for each step of one chorus."""

    chords: tuple[Chord, ...]
    grid: Grid = EIGHTHS

    @classmethod
    def parse(cls, text: str, grid: Grid = EIGHTHS) -> "Form":
        """Return a form from bars such as `C7 | C7 A7`: a bar's chords share it evenly; ValueError if they can't."""
        chords: list[Chord] = []
        steps = grid.steps_per_bar
        if text.count("|") >= MAX_BARS:
            raise ValueError(f"it has more than {MAX_BARS} bars")
        for bar in text.split("|"):
            symbols = bar.split()
            if not symbols or steps % len(symbols):
                raise ValueError(f"the bar {shortly(bar.strip())} does not divide into {steps} steps")
            for symbol in symbols:
                chords += [Chord.parse(symbol)] * (steps // len(symbols))
        return cls(tuple(chords), grid)

    @property
    def steps(self) -> int:
        """Number of steps in one chorus."""
        return len(self.chords)

    @property
    def bars(self) -> int:
        """Number of bars in one chorus."""
        return self.steps // self.grid.steps_per_bar

    def transposed(self, semitones: int) -> "Form":
        """Return the form moved by semitones."""
        return Form(tuple(chord.transposed(semitones) for chord in self.chords), self.grid)

    @property
    def text(self) -> str:
        """The form as text that `parse` reads, without repeated chords inside a bar."""
        length = self.grid.steps_per_bar
        bars = [self.chords[start : start + length] for start in range(0, self.steps, length)]
        return " | ".join(" ".join(chord.symbol for chord in _shares(bar)) for bar in bars)

    def chord_at(self, step: int) -> Chord:
        """Return the chord at a step, choruses repeating in both directions."""
        return self.chords[step % self.steps]


def _shares(bar: Sequence[Chord]) -> Sequence[Chord]:
    """Return the chords that share a bar evenly."""
    for every in (each for each in range(len(bar), 1, -1) if len(bar) % each == 0):
        if all(bar[step] == bar[step - step % every] for step in range(len(bar))):
            return bar[::every]
    return bar


@dataclass(frozen=True, slots=True)
class Place:
    """Where a step lies for a musician, all counted from one; chorus 0 is the count-in."""

    chorus: int
    bar: int
    beat: int

    @classmethod
    def of(cls, step: int, form: Form) -> "Place":
        """Return the chorus, bar and beat of a step in a form."""
        within = step % form.steps
        bar, inside = divmod(within, form.grid.steps_per_bar)
        return cls(step // form.steps + 1, bar + 1, inside // form.grid.steps_per_beat + 1)
