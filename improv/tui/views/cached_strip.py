"""What stands still while the music moves, kept as the terminal is to have it.

Textual paints every line that anything on it has changed, and asks each widget on that line again. A widget
that has not changed should not have to work for that; nothing here decides what anything looks like.
"""

from rich.style import Style
from textual.containers import Container
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget


class Light:
    """The background and the filters a widget is seen through; what was painted in another light is worth nothing."""

    def __init__(self) -> None:
        self._seen: object = None

    def has_changed(self, widget: Widget) -> bool:
        """Whether it is another one than the last time."""
        seen = (widget.background_colors[1], tuple(widget.app.get_line_filters()), widget.size)
        self._seen, before = seen, self._seen
        return seen != before

    @staticmethod
    def on(strip: Strip, widget: Widget) -> Strip:
        """A strip as it is seen there."""
        for line_filter in widget.app.get_line_filters():
            strip = strip.apply_filter(line_filter, widget.background_colors[1])
        return strip


class Frame(Container):
    """A container that draws nothing of its own but its background."""

    def __init__(self, *children: Widget, id: str | None = None) -> None:
        super().__init__(*children, id=id)
        self._light = Light()
        self._blank = Strip.blank(0)

    def render_lines(self, crop: Region) -> list[Strip]:
        """The background, as many times as there are lines."""
        if self._light.has_changed(self) or self._blank.cell_length != crop.width:
            style = Style(bgcolor=self.background_colors[1].rich_color)
            self._blank = Light.on(Strip.blank(crop.width, style), self)
        return [self._blank] * crop.height
