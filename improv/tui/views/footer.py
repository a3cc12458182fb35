"""The footer of every screen: what letters are, and the most important keys, which can be clicked on.

Also the banner that says why nothing moves. Neither names a key that the key table does not have.
"""

from typing import ClassVar

from rich.segment import Segment
from textual import events
from textual.content import Content
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget
from textual.widgets import Static

from improv.dataclass import dataclass
from improv.tui.input.key_bindings import BY_ACTION, FOOTER, KeyContext, Letters
from improv.tui.theme.glyphs import Glyphs


@dataclass(frozen=True, slots=True)
class _Hint:
    start: int
    end: int
    action: str


class Footer(Widget):
    """What letters are, and the most important keys, as far as there is room."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"footer--panic", "footer--mode", "footer--key", "footer--text"}
    DEFAULT_CSS = """
    Footer {
        height: 1;
        background: $panel;
        & > .footer--panic { color: auto; background: $error; text-style: bold; }
        & > .footer--mode { color: $foreground; text-style: bold reverse; }
        & > .footer--key { color: $text-accent; background: $panel; text-style: bold; }
        & > .footer--text { color: $foreground 80%; background: $panel; }
    }
    """

    class Clicked(Message):
        """A key's action was clicked on."""

        def __init__(self, action: str) -> None:
            super().__init__()
            self.action = action

    def __init__(self, glyphs: Glyphs) -> None:
        super().__init__()
        self._glyphs = glyphs
        self._letters = Letters.PIANO
        self._mode = ""
        self._key_context = KeyContext.JAM
        self._hints: list[_Hint] = []

    def show(self, key_context: KeyContext, letters: Letters, mode: str) -> None:
        """Show the use of the letters, `mode` as text, and the keys that work in this context."""
        if (key_context, letters, mode) != (self._key_context, self._letters, self._mode):
            self._key_context, self._letters, self._mode = key_context, letters, mode
            self.refresh()

    def render_line(self, y: int) -> Strip:
        """Return the line, and note the position of each key for clicks."""
        width = self.size.width
        panic, mode, key, text = (
            self.get_component_rich_style(f"footer--{part}") for part in ("panic", "mode", "key", "text")
        )
        segments: list[Segment] = []
        hints: list[_Hint] = []
        x = 0
        for action in FOOTER:
            row = BY_ACTION[action]
            keys = row.hint(self._key_context, self._letters)
            words = self._mode if action == "letters" else row.title
            room = len(keys) + len(words) + 3
            if not keys or x + room > width:
                continue
            body = panic if action == "panic" else mode if action == "letters" else text
            segments += [
                Segment(f" {keys} ", body if action == "panic" else key),
                Segment(words, body),
                Segment(" ", text),
            ]
            hints.append(_Hint(x, x + room, action))
            x += room
        self._hints = hints
        return Strip(segments).adjust_cell_length(width, text)

    def on_click(self, event: events.Click) -> None:
        """Post the action under the mouse."""
        for hint in self._hints:
            if hint.start <= event.x < hint.end:
                self.post_message(self.Clicked(hint.action))


class Banner(Static):
    """Why nothing moves; calm where nothing is wrong, hidden while all is well."""

    DEFAULT_CSS = """
    Banner { display: none; height: auto; background: $error; color: auto; text-style: bold; padding: 0 1; }
    Banner.-shown { display: block; }
    Banner.-calm { background: $panel; color: $foreground; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._said = ("", False)

    def say(self, text: str, *, calm: bool = False) -> None:
        """Show a text in the banner; hide the banner for an empty one."""
        if (text, calm) == self._said:
            return
        self._said = (text, calm)
        self.update(Content(text))
        self.set_class(bool(text), "-shown")
        self.set_class(calm, "-calm")
