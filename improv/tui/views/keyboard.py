"""The drawn piano: what sounds now, yours and improv's, which letters play it, and keys to click on."""

from collections.abc import Mapping

from textual import events
from textual.message import Message

from improv.music.theory import pitch_name
from improv.protocol.snapshot import Snapshot
from improv.tui.theme.glyphs import Glyphs
from improv.tui.views.base import Row, Span, View, runs

_WHITES = (0, 2, 4, 5, 7, 9, 11)
_MIDDLE = 67
"""The pitch in the middle where nothing sounds and no letters are shown."""

_LOWEST, _HIGHEST = 21, 108
"""A piano's range; what lies outside is shown only if it sounds."""


class Keyboard(View):
    """As many octaves as there is room for; it moves only when what sounds would lie outside."""

    DEFAULT_CSS = "Keyboard { height: 3; }"

    class Pressed(Message):
        """The mouse presses another key than before; its pitch is None if it presses none."""

        def __init__(self, pitch: int | None) -> None:
            super().__init__()
            self.pitch = pitch

    def __init__(self, glyphs: Glyphs, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(glyphs, id=id, classes=classes)
        self._labels: Mapping[int, str] = {}
        self._low = 0
        self._is_down = False
        """Whether a button of the mouse is down."""
        self._pressed: int | None = None
        """The pitch that the mouse presses."""

    def show_labels(self, labels: Mapping[int, str]) -> None:
        """Print a character on each of these pitches."""
        if labels != self._labels:
            self._labels = dict(labels)
            self.redraw()

    def picture(self, seen: Snapshot, width: int, height: int) -> list[Row]:
        """Return two rows of keys, black ones above, and a third with the octaves' names."""
        cells = key_cells(width)
        whites = (width - 1) // cells
        yours, its = sounding_keys(seen)
        self._low = first_white_key(yours | its, frozenset(self._labels), whites, self._low)
        return keyboard_rows(seen, self.glyphs, self._labels, self._low, whites, cells, height)

    # --- the mouse ---

    def on_mouse_down(self, event: events.MouseDown) -> None:
        """Press the key under the mouse; while the button is down, moving slides from key to key."""
        if event.button == 1:
            self._is_down = True
            self.capture_mouse()
            self._press(event)

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """Slide to the key under the mouse, while its button is down."""
        if self._is_down:
            self._press(event)

    def on_mouse_up(self, event: events.MouseUp) -> None:
        """Release the key that the mouse presses."""
        self.let_go()

    def on_mouse_release(self, event: events.MouseRelease) -> None:
        """Release the key: another widget has captured the mouse."""
        self.let_go()

    def let_go(self) -> None:
        """Release the key that the mouse presses, if it presses one."""
        if self._is_down:
            self._is_down = False
            self.release_mouse()
        self._become(None)

    def _press(self, event: events.MouseEvent) -> None:
        width, height = self.size
        cells = key_cells(width)
        inside = 0 <= event.x < width and 0 <= event.y < height
        self._become(pitch_at(event.x, event.y, self._low, (width - 1) // cells, cells, height) if inside else None)

    def _become(self, pitch: int | None) -> None:
        if pitch != self._pressed:
            self._pressed = pitch
            self.post_message(self.Pressed(pitch))


def key_cells(width: int) -> int:
    """Return the width of a white key with its border, in cells: three if three octaves fit, else two."""
    return 3 if width > 3 * 7 * 3 else 2


def sounding_keys(seen: Snapshot) -> tuple[frozenset[int], frozenset[int]]:
    """Return the pitches that you hold, and those that improv plays."""
    return frozenset(seen.system.midi.keys), seen.played.pitches if seen.playing else frozenset()


def white_index(pitch: int) -> int:
    """Return the index of a white key from MIDI's lowest; a black key has that of the white one below."""
    return pitch // 12 * 7 + sum(1 for white in _WHITES if white <= pitch % 12) - 1


def white_pitch(index: int) -> int:
    """Return the pitch of a white key, by its index."""
    return index // 7 * 12 + _WHITES[index % 7]


def first_white_key(sounding: frozenset[int], labelled: frozenset[int], whites: int, low: int) -> int:
    """Return the index of the leftmost white key to draw: the present one while it will do.

    What sounds is seen before all, then as many of the labelled keys as there is room for.
    """
    if whites <= 0 or (low and low == _held(low, sounding, labelled, whites)):
        return low
    wanted = sounding | labelled or {_MIDDLE}
    middle = (white_index(min(wanted)) + _last_white(max(wanted)) + 1) // 2
    at = round((middle - whites // 2) / 7) * 7  # from a C on
    at = max(white_index(_LOWEST), min(at, white_index(_HIGHEST) + 1 - whites))
    return _held(at, sounding, labelled, whites)


def _held(low: int, sounding: frozenset[int], labelled: frozenset[int], whites: int) -> int:
    """The beginning nearest to `low` that holds the labelled keys, and then the nearest that holds what sounds."""
    for pitches in (labelled, sounding):
        if pitches:
            ends = white_index(min(pitches)), _last_white(max(pitches)) + 1 - whites
            low = max(min(ends), min(low, max(ends)))
    return low


def _last_white(pitch: int) -> int:
    """The white key up to which a pitch is drawn: a black one takes the next, too."""
    return white_index(pitch) + (pitch % 12 not in _WHITES)


def keyboard_rows(
    seen: Snapshot, glyphs: Glyphs, labels: Mapping[int, str], low: int, whites: int, cells: int, height: int
) -> list[Row]:
    """Return two rows of keys, and a third with the octaves' names where there is room."""
    yours, its = sounding_keys(seen)
    pitches = [white_pitch(index) for index in range(low, low + whites) if white_pitch(index) <= 127]
    above, above_roles = [" "] * (len(pitches) * cells + 1), ["white"] * (len(pitches) * cells + 1)
    below, below_roles = above.copy(), above_roles.copy()
    names = above.copy()
    for at, pitch in enumerate(pitches):
        x = at * cells
        black = pitch - 1
        has_black = (pitch % 12) not in (0, 5) and at > 0
        above[x], above_roles[x] = (
            (_black(black, yours, its, glyphs, labels)) if has_black else (glyphs.divider, "white")
        )
        below[x] = glyphs.divider
        mark, role = _mark(pitch, yours, its, glyphs)
        for inner in range(x + 1, x + cells):
            above[inner], above_roles[inner] = mark or " ", role
            below[inner], below_roles[inner] = mark or " ", role
        if pitch in labels:
            below[x + 1] = labels[pitch]
            below_roles[x + 1] = role.replace("white", "label") if mark else "white-label"
        if pitch % 12 == 0:
            for offset, char in enumerate(pitch_name(pitch)):
                if x + 1 + offset < len(names):
                    names[x + 1 + offset] = char
    above[-1] = below[-1] = glyphs.divider
    rows = [runs(above, above_roles), runs(below, below_roles)]
    if height >= 3:
        rows.append((Span("".join(names), "quiet"),))
    return rows[:height] if height > 1 else [rows[1]]


def pitch_at(x: int, y: int, low: int, whites: int, cells: int, height: int) -> int | None:
    """Return the pitch of the key drawn at a cell; `low` is the index of the first white key.

    None if there is no key.
    """
    at = min(x // cells, whites - 1)
    pitch = white_pitch(low + at)
    is_upper = height > 1 and y == 0
    if is_upper and x % cells == 0 and 0 < x < whites * cells and pitch % 12 not in (0, 5):
        pitch -= 1  # the black key stands on the line before the white one
    return pitch if whites > 0 and pitch <= 127 else None


def _mark(pitch: int, yours: frozenset[int], its: frozenset[int], glyphs: Glyphs) -> tuple[str, str]:
    if pitch in yours:
        return glyphs.you.body, "you-white"
    if pitch in its:
        return glyphs.improv.body, "improv-white"
    return "", "white"


def _black(
    pitch: int, yours: frozenset[int], its: frozenset[int], glyphs: Glyphs, labels: Mapping[int, str]
) -> tuple[str, str]:
    mark, role = _mark(pitch, yours, its, glyphs)
    if mark:
        return mark, role
    return labels.get(pitch, glyphs.black), "black"
