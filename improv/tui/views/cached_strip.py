"""Cached strips: lines of a widget that has not changed, kept as the terminal gets them.

Textual paints a whole line where anything on it has changed, and asks every widget on that line for its part. Here that
costs a widget nothing that has not changed. Nothing here decides what anything looks like.
"""

from rich.style import Style
from textual.containers import Container
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget


class PaintContext:
    """What a cached strip depends on besides its widget's content: background, line filters, size."""

    def __init__(self) -> None:
        self._seen: object = None

    def has_changed(self, widget: Widget) -> bool:
        """Return whether styles or filters changed since the last call, so that cached strips are stale."""
        seen = (widget.background_colors[1], tuple(widget.app.get_line_filters()), widget.size)
        self._seen, before = seen, self._seen
        return seen != before

    @staticmethod
    def filtered(strip: Strip, widget: Widget) -> Strip:
        """Return a strip after the app's line filters, ready for the terminal."""
        for line_filter in widget.app.get_line_filters():
            strip = strip.apply_filter(line_filter, widget.background_colors[1])
        return strip


class PlainContainer(Container):
    """A container that draws nothing but its background."""

    def __init__(self, *children: Widget, id: str | None = None) -> None:
        super().__init__(*children, id=id)
        self._paint_context = PaintContext()
        self._blank = Strip.blank(0)

    def render_lines(self, crop: Region) -> list[Strip]:
        """Return the same cached blank line for every line of the region."""
        if self._paint_context.has_changed(self) or self._blank.cell_length != crop.width:
            style = Style(bgcolor=self.background_colors[1].rich_color)
            self._blank = PaintContext.filtered(Strip.blank(crop.width, style), self)
        return [self._blank] * crop.height
