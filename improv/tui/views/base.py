"""What every view of the music shares: it is a picture of rows, and only the rows that have changed are painted.

A view says what it draws as text and roles; this module turns roles into colours and rows into what Textual paints.
Nothing moves unless a snapshot, a resize or a meter asks for it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import groupby
from typing import NamedTuple

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual.color import Color
from textual.filter import LineFilter
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

from improv.music.turns import Mode, Who
from improv.protocol.snapshot import Snapshot, SystemStatus
from improv.tui.theme.glyphs import Glyphs


class Span(NamedTuple):
    """A piece of text, and its role: what it means, and so its colour."""

    text: str
    role: str = "text"


Row = tuple[Span, ...]

ROLES = (
    "text", "strong", "quiet", "faint", "you", "improv", "both", "planned", "here", "next", "you-here", "improv-here",
    "both-here", "loud", "positive", "negative", "white", "white-label", "black", "you-white", "improv-white",
    "you-label", "improv-label",
)  # fmt: skip
"""What a piece of text may mean; the style sheet below gives each its colour. Piano keys are ivory in any theme."""

ROLE_CLASSES = {f"view--{role}" for role in ROLES}
"""What the roles are to the style sheet: parts of the app, whose styles are found once for all views."""

ROLE_CSS = """
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
.view--white { color: #68635a; background: #c9c4b8; }
.view--white-label { color: #1c1b19; background: #c9c4b8; }
.view--black { color: #c9c4b8; background: #26241f; }
.view--you-white { color: #8c4300; background: #c9c4b8; text-style: bold; }
.view--improv-white { color: #084d96; background: #c9c4b8; text-style: bold; }
.view--you-label { color: #fffaf0; background: #a85200; text-style: bold; }
.view--improv-label { color: #f0f8ff; background: #0a5bb0; text-style: bold; }
.view--positive { color: $text-primary; }
.view--negative { color: $foreground 60%; }
"""

WORDS = {Who.NEITHER: "COUNT-IN", Who.YOU: "YOU", Who.IMPROV: "IMPROV", Who.BOTH: "BOTH"}

NO_DAEMON = SystemStatus(description="no improv is there")
"""The system status where there is no daemon."""


class View(Widget):
    """A picture of the newest snapshot; subclasses return its rows from `picture`."""

    ALLOW_SELECT = False  # a picture is no text, and would be painted more slowly

    DEFAULT_CSS = """
    View {
        height: 1fr;
        width: 1fr;
    }
    """

    def __init__(self, glyphs: Glyphs, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self.glyphs = glyphs
        self.seen: Snapshot | None = None
        self._rows: list[Row] = []
        self._drawn: list[Row] = []
        self._drawn_width = 0
        self._role_styles: dict[str, Style] = {}
        self._strips: dict[Row, Strip] = {}
        self._painted: dict[Row, Strip] = {}
        self._light: tuple[Color, tuple[LineFilter, ...]] = (Color(0, 0, 0), ())

    def take(self, seen: Snapshot) -> None:
        """Take in the newest snapshot; nothing is drawn yet."""
        self.seen = seen

    def show(self, seen: Snapshot) -> None:
        """Take in the newest snapshot, and draw what it changes."""
        self.take(seen)
        self.redraw()

    def picture(self, seen: Snapshot, width: int, height: int) -> Sequence[Row]:
        """Return the rows to draw for a snapshot: at most `height`, none wider than `width` cells."""
        raise NotImplementedError

    def redraw(self) -> None:
        """Draw the rows that have changed."""
        width, height = self.size
        if not (width and height):
            return
        changed = self._draw(width, height)
        if changed:
            self.refresh(*_regions(changed, width))

    def render_line(self, y: int) -> Strip:
        """Return line `y` as Textual draws it."""
        width, height = self.size
        if width != self._drawn_width or height != len(self._drawn):
            self._draw(width, height)
        return self._strip(self._drawn[y]) if y < len(self._drawn) else Strip.blank(width)

    def render_lines(self, crop: Region) -> list[Strip]:
        """Return the lines of a region, cached where Textual would add nothing to them."""
        styles = self.styles
        if self.gutter or styles.outline or styles.tint.a or self.opacity < 1:
            return super().render_lines(crop)
        light = (self.background_colors[1], tuple(self.app.get_line_filters()))
        if light != self._light:
            self._light, self._painted = light, {}
        width, height = self.size
        if width != self._drawn_width or height != len(self._drawn):
            self._draw(width, height)
        strips = [self._filtered(row) for row in self._drawn[crop.y : crop.bottom]]
        strips += [Strip.blank(width)] * (crop.height - len(strips))
        first, last = crop.column_span
        return strips if (first, last) == (0, width) else [strip.crop(first, last) for strip in strips]

    def on_resize(self) -> None:
        """Draw the view for its new size."""
        self.redraw()

    def notify_style_update(self) -> None:
        """Forget cached colours, as the theme has changed."""
        self._role_styles.clear()
        self._strips.clear()
        self._painted.clear()
        super().notify_style_update()

    def _draw(self, width: int, height: int) -> list[int]:
        """Draw all rows; return the numbers of those that have changed."""
        rows = list(self.picture(self.seen, width, height))[:height] if self.seen else []
        rows += [()] * (height - len(rows))
        before = self._rows if (width, height) == (self._drawn_width, len(self._drawn)) else []
        changed = [y for y, row in enumerate(rows) if not before or row != before[y]]
        if not before:
            self._drawn = [()] * height
        for y in changed:
            self._drawn[y] = fitted(rows[y], width)
        self._rows, self._drawn_width = rows, width
        self._strips.clear()
        self._painted = {row: strip for row in self._drawn if (strip := self._painted.get(row))} if before else {}
        return changed

    def _strip(self, row: Row) -> Strip:
        """A row with its colours; equal rows share one strip."""
        strip = self._strips.get(row)
        if strip is None:
            segments = [Segment(span.text, self._style(span.role)) for span in row]
            strip = self._strips[row] = Strip(segments, self._drawn_width)
        return strip

    def _filtered(self, row: Row) -> Strip:
        """A row after the line filters, as the terminal gets it."""
        strip = self._painted.get(row)
        if strip is None:
            strip, (background, filters) = self._strip(row), self._light
            for line_filter in filters:
                strip = strip.apply_filter(line_filter, background)
            self._painted[row] = strip
        return strip

    def _style(self, role: str) -> Style:
        style = self._role_styles.get(role)
        if style is None:
            style = self._role_styles[role] = self.app.get_component_styles(f"view--{role}").rich_style
        return style


def _regions(lines: Sequence[int], width: int) -> Iterable[Region]:
    """The fewest rectangles that hold these lines and no others."""
    start = last = lines[0]
    for y in (*lines[1:], -1):
        if y != last + 1:
            yield Region(0, start, width, last - start + 1)
            start = y
        last = y


def width_of(row: Row) -> int:
    """Return the width of a row, in cells."""
    return sum(cell_len(span.text) for span in row)


def fitted(row: Row, width: int) -> Row:
    """Return a row cut or padded to `width` cells."""
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
    """Return characters with a role (a colour) each as a row; blanks without a role join the span before them."""
    text, at = "".join(cells), 0
    spans: list[Span] = []
    for role, group in groupby(roles):
        end = at + len(list(group))
        part = text[at:end]
        at = end
        if spans and (role == spans[-1].role or (role == "text" and part.isspace())):
            part, role = spans[-1].text + part, spans.pop().role  # noqa: PLW2901 - it is the one it joins
        spans.append(Span(part, role))
    return tuple(spans)


def without_daemon(seen: Snapshot) -> Snapshot:
    """Return a snapshot as shown once its daemon has gone: stopped, without a system status."""
    return replace(seen, playing=False, system=NO_DAEMON)


def turn_word(seen: Snapshot) -> str:
    """Return the word for whose turn it is."""
    match seen.playing, seen.turn.who, seen.settings.mode:
        case False, _, _ if seen.system is NO_DAEMON:
            return "GONE"
        case False, _, _:
            return "STOPPED"
        case True, Who.YOU, Mode.LISTEN:
            return "LISTEN"
        case True, Who.IMPROV, Mode.SOLO:
            return "SOLO"
        case _:
            return WORDS[seen.turn.who]


def turn_role(seen: Snapshot) -> str:
    """Return the role (the colour) for whose turn it is."""
    if not seen.playing:
        return "quiet"
    return {Who.NEITHER: "text", Who.YOU: "you", Who.IMPROV: "improv", Who.BOTH: "both"}[seen.turn.who]
