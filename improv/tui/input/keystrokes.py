"""Keystrokes: what a terminal sends of its keyboard, as events: a key goes down, is held, comes up.

Terminals with kitty's protocol report all three where they are asked to (flag 2, event types), which Textual neither
asks for nor can read (Textualize/textual#6417). Here event types become events, and Textual reads the rest of each
sequence. Bytes without a meaning end nothing, and become no keys that were not struck.

Source: https://sw.kovidgoyal.net/kitty/keyboard-protocol/
"""

import re
from collections.abc import Generator, Iterable, Iterator
from functools import cache
from typing import ClassVar

from textual import events
from textual._ansi_sequences import ANSI_SEQUENCES_KEYS
from textual._time import get_time
from textual._xterm_parser import BRACKETED_PASTE_END, BRACKETED_PASTE_START, XTermParser
from textual.keys import Keys
from textual.message import Message

ASKS_FOR_RELEASES = "\x1b[=2;2u"
"""Asks for event types, beside the flags that are set."""

ASKS_FOR_FLAGS = "\x1b[?u"
"""Asks which flags are set; a terminal that knows nothing of them does not answer."""

_EVENT_TYPES = 2
_REPEAT, _RELEASE = "2", "3"
_NO_MODIFIERS = "1"

_KEY = re.compile(
    r"\x1b\[(?P<code>\d*)(?::[\d:]*)?(?:;(?P<modifiers>\d*)(?::(?P<type>\d+))?)?(?P<text>;[\d:]*)?(?P<end>[u~A-FHPQRS])"
)
"""A key of kitty's protocol: its code, what else it may stand for, modifiers, event type, text."""

_FLAGS = re.compile(r"\x1b\[\?(\d+)u")
_WHOLE = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]")
_BEGUN = re.compile(r"\x1b\[[0-?]+[ -/]*")
_READ_LATER = re.compile(r"\x1b\[(?:<?[-\d;]+[mM]|M.{0,3}|\?\d+;\d\$y)")
"""What Textual reads though it is no key: the mouse, and answers to its questions."""

_SURROGATES = range(0xD800, 0xE000)

_LOST_S = 1.0
"""A key or a paste that is not continued for so long has lost its rest."""

_MOST_PASTED = 4096
"""Characters of a paste that are kept: only a line can be pasted into."""


class Keystroke(events.Key):
    """A key that goes down or is held, with the code of the key besides its name."""

    __slots__ = ["code", "is_repeat"]
    handler_name: ClassVar[str]

    def __init__(self, key: str, character: str | None, code: str, is_repeat: bool) -> None:
        super().__init__(key, character)
        self.code = code
        """Which key it is, whatever it types with the modifiers that are down."""
        self.is_repeat = is_repeat

    def copy(self) -> "Keystroke":
        """Return a copy of the event."""
        return Keystroke(self.key, self.character, self.code, self.is_repeat)


Keystroke.handler_name = events.Key.handler_name  # handlers of keys take this one, too


class KeyReleased(events.Event, bubble=False):
    """A key comes up."""

    key = ""
    """Textual asks every event of a key for its name."""

    def __init__(self, code: str) -> None:
        super().__init__()
        self.code = code


class KeyboardFlags(events.Event, bubble=False):
    """A terminal's answer whether it reports releases."""

    key = ""

    def __init__(self, flags: int) -> None:
        super().__init__()
        self.tells_releases = bool(flags & _EVENT_TYPES)


class KeystrokeParser(XTermParser):
    """Textual's parser, which also reads event types, and survives any other bytes."""

    def __init__(self, debug: bool = False) -> None:
        self._begun = ""
        """A sequence that may go on."""
        self._is_lost = False
        """Whether its rest is lost."""
        self._recent = ""
        """The last characters, in which a paste may begin or end."""
        self._pasted: str | None = None
        """What has been pasted so far; None outside a paste."""
        self._fed_s = 0.0
        super().__init__(debug)

    def feed(self, data: str) -> Iterable[Message]:
        """Yield the events in terminal input; an empty text ends an unfinished sequence."""
        self._fed_s = get_time()
        if not data:
            yield from super().feed("")
        while data:
            data = yield from self._keys(data) if self._pasted is None else self._paste(self._pasted, data)

    def tick(self) -> Iterable[Message]:
        """Yield the events of a sequence that has waited too long for its rest."""
        is_lost = get_time() - self._fed_s > _LOST_S
        if self._pasted is not None:
            if is_lost:
                yield from self._paste(self._pasted, BRACKETED_PASTE_END)
            return
        if _BEGUN.fullmatch(self._begun) and not is_lost:
            return
        self._is_lost = bool(_BEGUN.fullmatch(self._begun))  # half a key is none
        yield from (event for event in super().tick() if not self._is_lost)
        self._is_lost, self._begun = False, ""

    def parse_mouse_code(self, code: str) -> Message | None:
        """Return the event of a mouse sequence; None if it is invalid."""
        try:
            return super().parse_mouse_code(code)
        except (ValueError, ArithmeticError):
            return None

    def _keys(self, data: str) -> Generator[Message, None, str]:
        """Yield the events up to the beginning of a paste; return what follows."""
        recent = self._recent + data
        begins = recent.find(BRACKETED_PASTE_START)
        until = len(data) if begins < 0 else begins + len(BRACKETED_PASTE_START) - len(self._recent)
        yield from self._read(data[:until])
        if begins < 0:
            self._recent = recent[1 - len(BRACKETED_PASTE_START) :]
        else:
            yield from self._read(BRACKETED_PASTE_END)  # Textual has begun one, in which it takes escapes for keys
            self._recent, self._pasted = "", ""
        return data[until:]

    def _paste(self, pasted: str, data: str) -> Generator[Message, None, str]:
        """Yield the paste, if it ends here; return what follows."""
        recent = self._recent + data
        ends = recent.find(BRACKETED_PASTE_END)
        until = ends if ends >= 0 else max(0, len(recent) - len(BRACKETED_PASTE_END) + 1)
        self._pasted, self._recent = (pasted + recent[:until])[:_MOST_PASTED], recent[until:]
        if ends < 0:
            return ""
        yield events.Paste("".join(char for char in self._pasted if char.isprintable() or char in "\n\t"))
        self._pasted, self._recent = None, ""
        return recent[ends + len(BRACKETED_PASTE_END) :]

    def _read(self, text: str) -> Iterator[Message]:
        for event in super().feed(text):
            self._begun = ""
            if not isinstance(event, events.Paste):
                yield event

    def _sequence_to_key_events(self, sequence: str, alt: bool = False) -> Iterable[events.Key]:
        """The events of a sequence; none if it is no key, or not whole."""
        ignored = events.Key(Keys.Ignore, sequence)
        try:
            found = list(self._found(sequence, alt))
        except (ValueError, OverflowError):
            found = [ignored]
        if len(sequence) > 1:
            self._begun = "" if found else sequence
        if found or not _WHOLE.fullmatch(sequence) or _READ_LATER.fullmatch(sequence) or sequence in _beginnings():
            return found
        return [ignored]

    def _found(self, sequence: str, alt: bool) -> Iterable[events.Key]:
        if match := _FLAGS.fullmatch(sequence):
            return [KeyboardFlags(int(match[1]))]  # type: ignore[list-item]
        if match := _KEY.fullmatch(sequence):
            return self._keystrokes(match)
        return super()._sequence_to_key_events(sequence, alt)

    def _keystrokes(self, match: re.Match[str]) -> Iterable[events.Key]:
        code, modifiers, text, end = match["code"], match["modifiers"] or "", match["text"] or "", match["end"]
        if any(ord(chr(int(number))) in _SURROGATES for number in (code, *text[1:].split(":")) if number):
            raise ValueError(match[0])
        which = (code or "1") + end
        if match["type"] == _RELEASE:
            return [KeyReleased(which)]  # type: ignore[list-item]
        modifiers = "" if modifiers == _NO_MODIFIERS else modifiers
        plain = f"\x1b[{code};{modifiers}{text}{end}" if modifiers or text else f"\x1b[{code}{end}"
        is_repeat = match["type"] == _REPEAT
        return [
            Keystroke(event.key, event.character, which, is_repeat) for event in super()._sequence_to_key_events(plain)
        ]


@cache
def _beginnings() -> frozenset[str]:
    """Whole sequences with which longer known ones begin."""
    return frozenset(known[:length] for known in ANSI_SEQUENCES_KEYS for length in range(2, len(known)))
