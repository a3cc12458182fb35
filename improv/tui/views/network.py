"""The network view: how probable the network finds each next note, as the controls steer it and as it was trained.

It shows two or three octaves around what is probable, from a C on, and moves them as rarely as it can. While a note
goes on the network is not asked; its last answer stays, dimmed.
"""

from collections.abc import Sequence
from typing import Self

from improv.dataclass import dataclass
from improv.music.parts import Part
from improv.music.theory import PITCH_CLASSES, pitch_name
from improv.music.turns import Who
from improv.protocol.mixer import LEVELS
from improv.protocol.snapshot import PitchProbability, Snapshot
from improv.tui.theme.glyphs import Glyphs
from improv.tui.views.base import NO_DAEMON, Row, Span, View, runs, width_of

_TITLE = "next note"
_OCTAVE, _OCTAVES = 12, (3, 2, 1)
_WIDEST = 4
"""Cells of a pitch where there is room."""

_INSIDE = 0.75
"""The keys move only when they hold less than this share of what is probable."""

_WHITE_KEYS = ("C", "D", "E", "F", "G", "A", "B")


@dataclass(frozen=True, slots=True)
class ChartKeys:
    """The pitches that the view shows, each in its column: whole octaves from a C to a C."""

    low: int
    octaves: int

    @property
    def pitches(self) -> range:
        """The range of MIDI pitches on these keys."""
        return range(self.low, self.low + _OCTAVE * self.octaves + 1)

    @classmethod
    def around(cls, probabilities: Sequence[PitchProbability], octaves: int) -> Self:
        """Return the octaves that hold most of the probability, centred if possible."""
        total = sum(each.steered for each in probabilities) or 1.0
        middle = sum(each.pitch * each.steered for each in probabilities) / total if probabilities else 60 + _OCTAVE / 2
        lows = range(0, 128 - _OCTAVE * octaves, _OCTAVE)
        places = [cls(low, octaves) for low in lows]
        return max(places, key=lambda keys: (round(keys.share(probabilities), 1), -abs(keys.middle - middle)))

    @property
    def middle(self) -> float:
        """The pitch in the middle of the keys."""
        return self.low + _OCTAVE * self.octaves / 2

    def share(self, probabilities: Sequence[PitchProbability]) -> float:
        """Return the share of the probability on these keys, 0 to 1; 1 if there is none."""
        total = sum(each.steered for each in probabilities)
        return sum(each.steered for each in probabilities if each.pitch in self.pitches) / total if total else 1.0


def chart_keys(probabilities: Sequence[PitchProbability], before: ChartKeys | None, width: int) -> ChartKeys:
    """Return the keys for these probabilities in `width` cells: the ones before while they suffice."""
    octaves = next((count for count in _OCTAVES if _OCTAVE * count + 2 <= width), 1)
    if before is not None and before.octaves == octaves and before.share(probabilities) >= _INSIDE:
        return before
    return ChartKeys.around(probabilities, octaves)


class NetworkChart(View):
    """A column for each pitch that the melody may go to."""

    def __init__(self, glyphs: Glyphs, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(glyphs, id=id, classes=classes)
        self._probabilities: tuple[PitchProbability, ...] = ()
        """The network's last answer in this turn."""
        self._keys: ChartKeys | None = None

    def take(self, seen: Snapshot) -> None:
        """Take in a snapshot, and keep the network's last answer until the turn ends."""
        if seen.network.probabilities or not (seen.playing and seen.turn.who.plays):
            self._probabilities = seen.network.probabilities
        super().take(seen)

    def picture(self, seen: Snapshot, width: int, height: int) -> list[Row]:
        """Return a title, the bars and the names of the keys; in few rows, the bars only."""
        if self._keys is None or self._probabilities:
            self._keys = chart_keys(self._probabilities, self._keys, width)
        elif self._keys != (resized := chart_keys((), self._keys, width)):
            self._keys = resized
        return network_rows(seen, self._probabilities, self._keys, self.glyphs, width, height)


def network_rows(
    seen: Snapshot, probabilities: Sequence[PitchProbability], keys: ChartKeys, glyphs: Glyphs, width: int, height: int
) -> list[Row]:
    """Return the rows of the chart for the network's last answer."""
    named, titled = height >= 2, height >= 3
    is_new = bool(seen.network.probabilities)
    rows = [title_row(seen, glyphs, width, is_new=is_new)] if titled else []
    rows += probability_bars(
        probabilities, keys, glyphs, width, height - named - titled, chosen=seen.planned.pitches, is_new=is_new
    )
    return [*rows, *([key_names(keys, width, seen.planned.pitches)] if named else [])]


def title_row(seen: Snapshot, glyphs: Glyphs, width: int, *, is_new: bool) -> Row:
    """Return the title: what the columns show, or what the network does instead if they are not new."""
    name, said = (Span(f"{_TITLE}  ", "quiet"),), (Span(_instead(seen), "quiet"),)
    bent, trained = glyphs.gauge.levels[-1], glyphs.gauge.thin[-1]
    key = (Span(bent, "improv"), Span(" as set ", "quiet"), Span(trained, "quiet"), Span(" as trained", "quiet"))
    rows: tuple[Row, ...] = ((*name, *key), (Span(_TITLE, "quiet"),)) if is_new else ((*name, *said), said)
    return next((row for row in rows if width_of(row) <= width), ())


def _instead(seen: Snapshot) -> str:
    """What happens where the network is not asked for a note."""
    match seen.turn.who:
        case _ if seen.system is NO_DAEMON:
            return "no improv is there"
        case _ if LEVELS[Part.MELODY].name in seen.system.network.unsupported_controls:
            return "it has no melody"
        case _ if not seen.playing:
            return "none: stopped"
        case Who.NEITHER:
            return "it waits"
        case Who.YOU:
            return "it listens"
        case _:
            return "it holds this one" if seen.planned.pitches else "it rests"


def _cells(keys: ChartKeys, width: int) -> int:
    """The cells each pitch takes."""
    return min(_WIDEST, max(1, width // len(keys.pitches)))


def probability_bars(
    probabilities: Sequence[PitchProbability],
    keys: ChartKeys,
    glyphs: Glyphs,
    width: int,
    height: int,
    *,
    chosen: frozenset[int] = frozenset(),
    is_new: bool = True,
) -> list[Row]:
    """Return a bar for each pitch's probability under the controls, and a thin one for that as trained."""
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
    """The characters of a bar that reaches so far (0 to 1), from its top to its bottom."""
    top = len(levels) - 1
    filled = round(share * rows * top)
    whole, part = divmod(filled, top)
    bar = levels[-1] * whole + (levels[part] if part else "")
    return bar.ljust(rows, levels[0])[::-1]


def key_names(keys: ChartKeys, width: int, chosen: frozenset[int]) -> Row:
    """Return a row of key names: each C with its octave, and other white keys where there is room."""
    cells = _cells(keys, width)
    named = _WHITE_KEYS if cells > 1 else ("C", "E", "G")
    spans: list[Span] = []
    room = width
    for pitch in keys.pitches:
        name = PITCH_CLASSES[pitch % _OCTAVE]
        text = pitch_name(pitch) if name == "C" else name if name in named else ""
        if cells == 1 and pitch % _OCTAVE == 1:
            continue  # the octave of the C before it stands there
        text = text.ljust(2 if cells == 1 and name == "C" else cells)[:room]
        spans.append(Span(text, "strong" if pitch in chosen else "quiet"))
        room -= len(text)
    return tuple(spans)
