"""A terminal that is too small says so, in as many words as fit.

Below the least size every screen is laid out as at the least size, covered by these words, and cut to what there is, so
that no widget is laid out in fewer cells than it needs.
"""

from collections.abc import Sequence
from textwrap import wrap
from typing import Any, Generic, TypeVar

from rich.console import Console
from rich.control import Control
from textual._compositor import CompositorUpdate
from textual.app import App
from textual.content import Content
from textual.events import Event, MouseEvent, Resize
from textual.geometry import Size
from textual.screen import Screen
from textual.strip import Strip
from textual.widget import Widget

Result = TypeVar("Result")

LEAST = Size(20, 6)
"""The smallest terminal that has room for what is needed, in cells."""

MOST = Size(1000, 500)
"""The largest size that is believed."""


def is_small(size: Size) -> bool:
    """Return whether a terminal is too small for the screens."""
    return size.width < LEAST.width or size.height < LEAST.height


def layout_size(size: Size) -> Size:
    """Return the size to lay screens out in, for the size of a terminal."""
    return Size(
        min(max(size.width, LEAST.width), MOST.width),
        min(max(size.height, LEAST.height), MOST.height),
    )


def too_small_text(size: Size) -> Sequence[str]:
    """Return the lines that say that the terminal is too small, fitted into it."""
    needed = f"{LEAST.width}x{LEAST.height}"
    for text in (
        f"The terminal is too small: {size.width}x{size.height}. It needs {needed}.",
        f"too small: {size.width}x{size.height}, needs {needed}",
        f"too small: needs {needed}",
        "too small",
        "small",
    ):
        lines = wrap(text, max(1, size.width), break_long_words=False)
        if len(lines) <= size.height and all(len(line) <= size.width for line in lines):
            return lines
    return ["too small"[: size.width]]


class TooSmall(Widget):
    """The words, over a whole screen, as long as the terminal is too small."""

    DEFAULT_CSS = """
    TooSmall { display: none; layer: front; dock: top; width: 100%; height: 100%; }
    TooSmall { background: $background; color: $foreground; }
    """

    def render(self) -> Content:
        """Return the text that says the terminal is too small, for its visible corner."""
        return Content("\n".join(too_small_text(self.app.cells))) if isinstance(self.app, MinimumSizeApp) else Content()


class CroppedUpdate(CompositorUpdate):
    """The corner of a screen that a smaller terminal has room for."""

    def __init__(self, strips: Sequence[Strip], size: Size) -> None:
        self._strips = [strip.crop(0, size.width) for strip in strips[: size.height]]

    def render_segments(self, console: Console) -> str:
        """Return the terminal output of every line, cropped at the terminal's edges."""
        lines = ((Control.move_to(0, y).segment.text, strip.render(console)) for y, strip in enumerate(self._strips))
        return "".join(move + text for move, text in lines)


class MinimumSizeApp(App[Result], Generic[Result]):
    """An app whose screens are never laid out in fewer cells than they need; what is hidden cannot be clicked."""

    cells = LEAST
    """The size of the terminal itself."""

    @property
    def size(self) -> Size:
        """The size to lay screens out in."""
        return layout_size(super().size)

    async def on_event(self, event: Event) -> None:
        """Handle an event. A size that is too small is not passed on to screens."""
        if isinstance(event, Resize):
            self._fit(event.size)
            size = layout_size(event.size)
            event = Resize(size, size, size, event.pixel_size)
        elif isinstance(event, MouseEvent) and not event.is_forwarded and is_small(self.cells):
            return
        await super().on_event(event)

    def _fit(self, size: Size) -> None:
        was_small, self.cells = is_small(self.cells), size
        self.set_class(is_small(size), "-too-small")
        for screen in self.screen_stack:
            for small in screen.query(TooSmall):
                small.refresh()
        if was_small and not is_small(size):  # what stood in the corner is not what the screen takes to be there
            self.call_later(self.refresh, layout=True)

    def _display(self, screen: Screen[Any], renderable: Any) -> None:
        """Write a screen to the terminal; where that is smaller, the corner that fits."""
        if is_small(self.cells) and isinstance(renderable, CompositorUpdate):
            renderable = CroppedUpdate(screen._compositor.render_strips(), self.cells)
        super()._display(screen, renderable)
