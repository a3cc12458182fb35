"""The themes that can be worn, and the one that is kept for the next time in a file beside the presets."""

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from textual.app import App

DARK, LIGHT = "textual-dark", "textual-light"


class Themes:
    """The themes of an app; `path` is the file that keeps the last one's name."""

    def __init__(self, app: "App[Any]", path: Path) -> None:
        self._app = app
        self._path = path

    @property
    def available(self) -> Mapping[str, bool]:
        """The themes by name, and whether each is dark.

        Those made of the terminal's own colours are left out: without colours they come out black on black.
        """
        return {name: theme.dark for name, theme in self._app.available_themes.items() if not theme.ansi}

    def apply(self, name: str) -> None:
        """Switch the screen to a theme, by name."""
        self._app.theme = name

    def apply_first(self, wanted: str) -> None:
        """Apply the theme asked for, else the stored one, else the dark one."""
        if not wanted:
            with suppress(OSError, ValueError):
                wanted = self._path.read_text(encoding="utf-8").strip()
        self.apply(wanted if wanted in self.available else DARK)

    def toggle(self) -> None:
        """Switch between the light theme and the dark one."""
        self.apply(LIGHT if self._app.current_theme.dark else DARK)

    def keep(self, name: str) -> None:
        """Store a theme's name for the next start, if the file can be written."""
        with suppress(OSError):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._path.write_text(f"{name}\n", encoding="utf-8")
