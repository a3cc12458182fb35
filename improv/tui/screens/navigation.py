"""From screen to screen: beside the jam there is at most one other, and the command palette above both."""

from collections.abc import Callable
from typing import Any, TypeVar

from textual.app import App
from textual.command import CommandPalette
from textual.screen import Screen

from improv.tui.input.key_bindings import KeyContext

ScreenOf = TypeVar("ScreenOf", bound=Screen[Any])


class Navigation:
    """Opens and closes the screens of an app."""

    def __init__(self, app: "App[Any]") -> None:
        self._app = app

    @property
    def key_context(self) -> KeyContext:
        """The key context of the visible screen."""
        return key_context_of(self._app.screen)

    @property
    def is_palette_open(self) -> bool:
        """True while the command palette is open."""
        return isinstance(self._app.screen, CommandPalette)

    def open(self, screen: Screen[Any], then: Callable[[Any], object] | None = None) -> None:
        """Open a screen beside the jam, in the place of another; close it if it is open already.

        `then` is called with the screen's result, if it has one.
        """
        app = self._app
        if self.is_palette_open:
            app.call_later(self.open, screen, then)
            return
        if len(app.screen_stack) > 1:
            is_open = type(app.screen) is type(screen)
            app.pop_screen()
            if is_open:
                return

        def done(result: Any) -> None:
            if then is not None and result is not None:
                then(result)

        app.push_screen(screen, done)

    def open_palette(self, palette: CommandPalette) -> None:
        """Open the command palette above any other screen, unless it is open."""
        if not self.is_palette_open:
            self._app.push_screen(palette)

    def close(self) -> bool:
        """Close the screen or palette above the jam; return whether there was one."""
        if len(self._app.screen_stack) <= 1:
            return False
        self._app.pop_screen()
        return True

    def current(self, kind: type[ScreenOf]) -> ScreenOf | None:
        """Return the visible screen if it is of type `kind`, else None."""
        screen = self._app.screen
        return screen if isinstance(screen, kind) else None


def key_context_of(screen: Screen[Any]) -> KeyContext:
    """Return the key context of a screen; for Textual's own screens, that of typing text."""
    found = getattr(screen, "key_context", KeyContext.TEXT)
    return found if isinstance(found, KeyContext) else KeyContext.TEXT
