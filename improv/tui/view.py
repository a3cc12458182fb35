"""What every view of the music shares: it is a picture of rows, and only the rows that have changed are painted.

A view says what it draws as text and roles; this room turns roles into colours and rows into what Textual paints. It
must never draw anything by itself, and nothing moves unless a snapshot, a resize or a meter asks for it.
"""

from collections.abc import Iterable, Sequence
from typing import ClassVar, NamedTuple

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

from improv.messages import Snapshot
from improv.tui.glyphs import Glyphs
from improv.turns import Mode, Who


class Span(NamedTuple):
    """Some text and what it means."""

    text: str
    role: str = "text"


Row = tuple[Span, ...]

ROLES = (
    "text", "strong", "quiet", "faint", "you", "improv", "both", "planned", "here", "next", "you-here", "improv-here",
    "both-here", "loud", "positive", "negative", "white", "white-label", "black", "you-white", "improv-white", "you-label",
    "improv-label",
)  # fmt: skip
"""What a piece of text may mean; the style sheet below gives each its colour. The keys of a piano are ivory by any."""

WORDS = {Who.NOBODY: "COUNT-IN", Who.YOU: "YOU", Who.IMPROV: "IMPROV", Who.BOTH: "BOTH"}


class View(Widget):
    """A picture of the newest snapshot; whoever inherits it says its rows."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {f"view--{role}" for role in ROLES}

    DEFAULT_CSS = """
    View {
        height: 1fr;
        width: 1fr;
        .view--text { color: $foreground; }
        .view--strong { color: $foreground; text-style: bold; }
        .view--quiet { color: $foreground 60%; }
        .view--faint { color: $foreground 28%; }
        .view--you { color: $text-warning; }
        .view--improv { color: $text-primary; }
        .view--both { color: $text-success; }
        .view--planned { color: $text-primary 50%; }
        .view--here { color: $foreground; text-style: bold reverse; }
        .view--next { color: $foreground; text-style: bold; }
        .view--you-here { color: $text-warning; text-style: bold reverse; }
        .view--improv-here { color: $text-primary; text-style: bold reverse; }
        .view--both-here { color: $text-success; text-style: bold reverse; }
        .view--loud { color: $text-error; text-style: bold; }
        .view--white { color: #777268; background: #c9c4b8; }
        .view--white-label { color: #1c1b19; background: #c9c4b8; }
        .view--black { color: #c9c4b8; background: #26241f; }
        .view--you-white { color: #b85a00; background: #c9c4b8; text-style: bold; }
        .view--improv-white { color: #0a5bb0; background: #c9c4b8; text-style: bold; }
        .view--you-label { color: #fffaf0; background: #b85a00; text-style: bold; }
        .view--improv-label { color: #f0f8ff; background: #0a5bb0; text-style: bold; }
        .view--positive { color: $text-primary; }
        .view--negative { color: $foreground 60%; }
    }
    """

    def __init__(self, glyphs: Glyphs, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self.glyphs = glyphs
        self.seen: Snapshot | None = None
        self._drawn: list[Row] = []
        self._drawn_width = 0
        self._role_styles: dict[str, Style] = {}

    def show(self, seen: Snapshot) -> None:
        """Take in the newest snapshot, and paint what it changes."""
        self.seen = seen
        self.redraw()

    def picture(self, seen: Snapshot, width: int, height: int) -> Sequence[Row]:
        """The rows of a snapshot: none wider, and no more of them, than there is room for."""
        raise NotImplementedError

    def redraw(self) -> None:
        """Paint the rows that are not what they were."""
        width, height = self.size
        if not (width and height):
            return
        rows = self._rows(width, height)
        if width == self._drawn_width and len(rows) == len(self._drawn):
            changed = [y for y, (row, was) in enumerate(zip(rows, self._drawn, strict=True)) if row != was]
        else:
            changed = list(range(height))
        self._drawn, self._drawn_width = rows, width
        if changed:
            self.refresh(*_regions(changed, width))

    def render_line(self, y: int) -> Strip:
        """A line as Textual paints it."""
        width, height = self.size
        if width != self._drawn_width or height != len(self._drawn):
            self._drawn, self._drawn_width = self._rows(width, height), width
        row = self._drawn[y] if y < len(self._drawn) else ()
        return Strip([Segment(span.text, self._style(span.role)) for span in row], width)

    def on_resize(self) -> None:
        """Draw it anew for its new size."""
        self.redraw()

    def notify_style_update(self) -> None:
        """Forget the colours of the theme before."""
        self._role_styles.clear()
        super().notify_style_update()

    def _rows(self, width: int, height: int) -> list[Row]:
        rows = list(self.picture(self.seen, width, height))[:height] if self.seen else []
        blank = (Span(" " * width),)
        return [fitted(row, width) for row in rows] + [blank] * (height - len(rows))

    def _style(self, role: str) -> Style:
        style = self._role_styles.get(role)
        if style is None:
            style = self._role_styles[role] = self.get_component_rich_style(f"view--{role}")
        return style


def _regions(lines: Sequence[int], width: int) -> Iterable[Region]:
    """As few rectangles as hold these lines and no others."""
    start = last = lines[0]
    for y in (*lines[1:], -1):
        if y != last + 1:
            yield Region(0, start, width, last - start + 1)
            start = y
        last = y


def width_of(row: Row) -> int:
    """How many cells a row takes."""
    return sum(cell_len(span.text) for span in row)


def fitted(row: Row, width: int) -> Row:
    """The row, cut or filled up to just this width."""
    room, spans = width, []
    for span in row:
        if room <= 0:
            break
        length = cell_len(span.text)
        if length:
            spans.append(span if length <= room else Span(set_cell_size(span.text, room), span.role))
        room -= length
    if room > 0:
        spans.append(Span(" " * room))
    return tuple(spans)


def runs(cells: Sequence[str], roles: Sequence[str]) -> Row:
    """Single characters and what each means, as a row."""
    spans: list[Span] = []
    start = 0
    for end in range(1, len(cells) + 1):
        if end == len(cells) or roles[end] != roles[start]:
            spans.append(Span("".join(cells[start:end]), roles[start]))
            start = end
    return tuple(spans)


def word_of(seen: Snapshot) -> str:
    """Whose time it is, in a word."""
    match seen.playing, seen.turn.who, seen.settings.mode:
        case False, _, _:
            return "STOPPED"
        case True, Who.YOU, Mode.LISTEN:
            return "LISTEN"
        case True, Who.IMPROV, Mode.SOLO:
            return "SOLO"
        case _:
            return WORDS[seen.turn.who]


def role_of(seen: Snapshot) -> str:
    """The colour of whose time it is."""
    if not seen.playing:
        return "quiet"
    return {Who.NOBODY: "text", Who.YOU: "you", Who.IMPROV: "improv", Who.BOTH: "both"}[seen.turn.who]
