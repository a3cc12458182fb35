"""The network made visible: how probable it finds each next note, as the controls bend that and as it was trained.

Two or three octaves around what it plays, from a C on, which stay where they are: a picture that jumps is none. Where
the network has not been asked, because a note goes on, what it found last stands there dimmed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from improv.music.parts import Part
from improv.music.theory import PITCH_CLASSES, pitch_name
from improv.music.turns import Who
from improv.protocol.controls import LEVELS
from improv.protocol.snapshot import PitchProbability, Snapshot
from improv.tui.theme.glyphs import Glyphs
from improv.tui.views.base import NOBODY, Row, Span, View, runs, width_of

_TITLE = "next note"
_OCTAVE, _OCTAVES = 12, (3, 2, 1)
_WIDEST = 4
"""Cells of a pitch where there is room."""

_INSIDE = 0.75
"""The axis moves only when less than this share of what is probable lies on it."""

_WHITE_KEYS = ("C", "D", "E", "F", "G", "A", "B")


@dataclass(frozen=True, slots=True)
class Keys:
    """The pitches a picture shows, each in its column: whole octaves from a C to a C."""

    low: int
    octaves: int

    @property
    def pitches(self) -> range:
        """All of them."""
        return range(self.low, self.low + _OCTAVE * self.octaves + 1)

    @classmethod
    def around(cls, probabilities: Sequence[PitchProbability], octaves: int) -> Self:
        """Those that hold most of what is probable, in the middle as far as octaves allow."""
        total = sum(each.steered for each in probabilities) or 1.0
        middle = sum(each.pitch * each.steered for each in probabilities) / total if probabilities else 60 + _OCTAVE / 2
        lows = range(0, 128 - _OCTAVE * octaves, _OCTAVE)
        places = [cls(low, octaves) for low in lows]
        return max(places, key=lambda keys: (round(keys.share(probabilities), 1), -abs(keys.middle - middle)))

    @property
    def middle(self) -> float:
        """The pitch in its middle."""
        return self.low + _OCTAVE * self.octaves / 2

    def share(self, probabilities: Sequence[PitchProbability]) -> float:
        """How much of what is probable lies here, 0 to 1; all of nothing."""
        total = sum(each.steered for each in probabilities)
        return sum(each.steered for each in probabilities if each.pitch in self.pitches) / total if total else 1.0


def keys_for(probabilities: Sequence[PitchProbability], before: Keys | None, width: int) -> Keys:
    """The axis for these probabilities in so many cells: the one before as long as it will do."""
    octaves = next((count for count in _OCTAVES if _OCTAVE * count + 2 <= width), 1)
    if before is not None and before.octaves == octaves and before.share(probabilities) >= _INSIDE:
        return before
    return Keys.around(probabilities, octaves)


class Mind(View):
    """A column for each pitch the melody may go to."""

    def __init__(self, glyphs: Glyphs, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(glyphs, id=id, classes=classes)
        self._probabilities: tuple[PitchProbability, ...] = ()
        """What the network has found last in this turn."""
        self._keys: Keys | None = None

    def take(self, seen: Snapshot) -> None:
        """Keep what the network finds for as long as its turn lasts."""
        if seen.network.probabilities or not (seen.playing and seen.turn.who.plays):
            self._probabilities = seen.network.probabilities
        super().take(seen)

    def picture(self, seen: Snapshot, width: int, height: int) -> list[Row]:
        """What it shows, the bars, and the names of the keys below them; in few rows fewer of these."""
        if self._keys is None or self._probabilities:
            self._keys = keys_for(self._probabilities, self._keys, width)
        elif self._keys != (resized := keys_for((), self._keys, width)):
            self._keys = resized
        return mind(seen, self._probabilities, self._keys, self.glyphs, width, height)


def mind(
    seen: Snapshot, probabilities: Sequence[PitchProbability], keys: Keys, glyphs: Glyphs, width: int, height: int
) -> list[Row]:
    """The rows of the picture: of what is found now, or was last."""
    named, titled = height >= 2, height >= 3
    is_new = bool(seen.network.probabilities)
    rows = [title(seen, glyphs, width, is_new=is_new)] if titled else []
    rows += bars(
        probabilities, keys, glyphs, width, height - named - titled, chosen=seen.planned.pitches, is_new=is_new
    )
    return [*rows, *([names(keys, width, seen.planned.pitches)] if named else [])]


def title(seen: Snapshot, glyphs: Glyphs, width: int, *, is_new: bool) -> Row:
    """What the columns are; where there is nothing new in them, what the network does instead."""
    name, said = (Span(f"{_TITLE}  ", "quiet"),), (Span(_instead(seen), "quiet"),)
    bent, trained = glyphs.gauge.levels[-1], glyphs.gauge.thin[-1]
    key = (Span(bent, "improv"), Span(" as set ", "quiet"), Span(trained, "quiet"), Span(" as trained", "quiet"))
    rows: tuple[Row, ...] = ((*name, *key), (Span(_TITLE, "quiet"),)) if is_new else ((*name, *said), said)
    return next((row for row in rows if width_of(row) <= width), ())


def _instead(seen: Snapshot) -> str:
    """What the network does that is not asked for a note."""
    match seen.turn.who:
        case _ if seen.system is NOBODY:
            return "no improv is there"
        case _ if LEVELS[Part.MELODY].name in seen.system.network.unsupported_controls:
            return "it has no melody"
        case _ if not seen.playing:
            return "none: stopped"
        case Who.NOBODY:
            return "it waits"
        case Who.YOU:
            return "it listens"
        case _:
            return "it holds this one" if seen.planned.pitches else "it rests"


def _cells(keys: Keys, width: int) -> int:
    """The cells each pitch takes."""
    return min(_WIDEST, max(1, width // len(keys.pitches)))


def bars(
    probabilities: Sequence[PitchProbability],
    keys: Keys,
    glyphs: Glyphs,
    width: int,
    height: int,
    *,
    chosen: frozenset[int] = frozenset(),
    is_new: bool = True,
) -> list[Row]:
    """How probable each pitch is as it is bent, and as a thin line beside it, or above it, as it was trained."""
    found = {each.pitch: each for each in probabilities}
    shown = [found.get(pitch, PitchProbability(pitch, 0.0, 0.0)) for pitch in keys.pitches][:width]
    full = max((max(each.steered, each.trained) for each in shown), default=1.0) or 1.0
    cells = _cells(keys, width)
    body, gap = (1, 0) if cells == 1 else (max(1, cells - 2), max(0, cells - 2 if cells == 3 else cells - 3))
    text: list[list[str]] = [[] for _ in range(height)]
    roles: list[list[str]] = [[] for _ in range(height)]
    for each in shown:
        bent = _levels(each.steered / full, glyphs.gauge.levels, height)
        trained = _levels(each.trained / full, glyphs.gauge.thin, height)
        role = "strong" if each.pitch in chosen else "improv" if is_new else "quiet"
        for row in range(height):
            thin = trained[row]
            if cells == 1:
                is_thin = bent[row].isspace()
                text[row] += [thin if is_thin else bent[row]]
                roles[row] += ["quiet" if is_thin else role]
                continue
            text[row] += [bent[row]] * body + [thin] + [" "] * gap
            roles[row] += [role] * body + ["quiet"] + ["text"] * gap
    lines = zip(text, roles, strict=True)
    return [(Span("".join(line)),) if not "".join(line).strip() else runs(line, its) for line, its in lines]


def _levels(share: float, levels: str, rows: int) -> str:
    """A bar that reaches so far (0 to 1), from its top to its bottom."""
    top = len(levels) - 1
    filled = round(share * rows * top)
    whole, part = divmod(filled, top)
    bar = levels[-1] * whole + (levels[part] if part else "")
    return bar.ljust(rows, levels[0])[::-1]


def names(keys: Keys, width: int, chosen: frozenset[int]) -> Row:
    """Below each C its name and octave; the other white keys too where columns are wide, else E and G."""
    cells = _cells(keys, width)
    told = _WHITE_KEYS if cells > 1 else ("C", "E", "G")
    spans: list[Span] = []
    room = width
    for pitch in keys.pitches:
        name = PITCH_CLASSES[pitch % _OCTAVE]
        text = pitch_name(pitch) if name == "C" else name if name in told else ""
        if cells == 1 and pitch % _OCTAVE == 1:
            continue  # the octave of the C before it stands there
        text = text.ljust(2 if cells == 1 and name == "C" else cells)[:room]
        spans.append(Span(text, "strong" if pitch in chosen else "quiet"))
        room -= len(text)
    return tuple(spans)
