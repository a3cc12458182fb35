"""The turn banner: whose turn it is and how long it lasts, to be read from two metres."""

from math import ceil

from improv.music.theory import Place
from improv.music.turns import Mode, Who, taken_text
from improv.protocol.snapshot import Snapshot
from improv.tui.input.key_bindings import BY_ACTION
from improv.tui.theme.glyphs import Glyphs
from improv.tui.views import block_letters
from improv.tui.views.base import NO_DAEMON, Row, Span, View, turn_role, turn_word, width_of

_EDGED = 60
"""Cells from which on the last one stays free: the values below the banner end there, too."""

_LEAST_MIDDLE = 16
"""Cells below which the words beside the block letters are left out."""

_LEAST_GAUGE = 8
"""Cells that the gauge gets before the place is shown in words."""


class TurnBanner(View):
    """Whose turn it is, the beats left (in a count-in the beat counted), a gauge that runs down, and the place."""

    DEFAULT_CSS = "TurnBanner { height: 3; }"

    def picture(self, seen: Snapshot, width: int, height: int) -> list[Row]:
        """Return the rows of the banner, in block letters where they fit."""
        return turn_rows(seen, self.glyphs, width if width < _EDGED else width - 1, height)


def turn_rows(seen: Snapshot, glyphs: Glyphs, width: int, height: int) -> list[Row]:
    """Return the banner in one row, two rows, or block letters of three or five rows."""
    if height >= block_letters.PIXEL_ROWS and (rows := _large(seen, glyphs, width)):
        return rows
    if height >= block_letters.PIXEL_ROWS:
        return [(), *turn_rows(seen, glyphs, width, block_letters.ROWS)]
    if height >= block_letters.ROWS:
        return _in_block_letters(seen, glyphs, width) if glyphs.pixels else _spaced(seen, glyphs, width)
    if height == 2:
        role = turn_role(seen)
        return [_line(seen, glyphs, width, with_gauge=False), (Span(gauge(seen, glyphs, width), role),)]
    return [_line(seen, glyphs, width, with_gauge=True)]


def gauge(seen: Snapshot, glyphs: Glyphs, width: int) -> str:
    """Return a bar `width` cells wide of the time left in the turn; empty for a turn without an end."""
    left, total = seen.beats_left, _beats(seen)
    if not seen.playing or left is None or total is None or width <= 0:
        return glyphs.gauge.rest * max(0, width)
    filled = min(width, ceil(width * left / total))
    return _pattern(seen, glyphs, filled) + glyphs.gauge.rest * (width - filled)


def _beats(seen: Snapshot) -> float | None:
    """The length of the turn in beats; None for one without an end."""
    return None if seen.turn.end is None else max(0.5, (seen.turn.end - seen.turn.start) / 2)


def _pattern(seen: Snapshot, glyphs: Glyphs, width: int) -> str:
    match seen.turn.who:
        case _ if not seen.playing:
            return glyphs.gauge.rest * width
        case Who.YOU:
            return glyphs.you.body * width
        case Who.IMPROV:
            return glyphs.improv.body * width
        case Who.BOTH:
            return (glyphs.you.body + glyphs.improv.body) * (width // 2) + glyphs.you.body * (width % 2)
        case _:
            return glyphs.rule * width


def _left(seen: Snapshot) -> str:
    """The beats left as text, empty where that is not known; in a count-in the beat that is counted."""
    if _is_counted(seen):
        return str(seen.place.beat)
    return str(ceil(seen.beats_left)) if seen.playing and seen.beats_left is not None else ""


def _steady(seen: Snapshot) -> str:
    """The beats left, as wide as they were when the turn began, so that what stands beside them does not move."""
    return _left(seen).ljust(len(str(ceil(_beats(seen) or 0)))) if _left(seen) else ""


def _is_counted(seen: Snapshot) -> bool:
    """Whether a count-in plays, so that there is no place in the form yet."""
    return seen.playing and seen.turn.who is Who.NEITHER


def _places(seen: Snapshot) -> tuple[tuple[str, str], ...]:
    """The place in figures and what the figures are, the longest first; empty during a count-in."""
    if _is_counted(seen):
        return (("", ""),)
    place = seen.place if seen.playing else Place(1, 1, 1)  # where it starts
    short = f"{place.bar}.{place.beat}"
    chorus = f"chorus {place.chorus}, bar.beat"
    return (f"{place.chorus}-{short}", "chorus-bar.beat"), (short, chorus), (short, "bar.beat")


def _place_texts(seen: Snapshot) -> tuple[str, ...]:
    """The place in words, the longest first."""
    if _is_counted(seen):
        return ("",)
    place = seen.place if seen.playing else Place(1, 1, 1)
    bar = f"bar {place.bar} beat {place.beat}"
    return f"chorus {place.chorus} {bar}", bar, f"bar {place.bar}.{place.beat}"


def _next(seen: Snapshot) -> str:
    """What happens next, in a few words."""
    beats = "beat" if _left(seen) == "1" else "beats"
    match seen.turn.who, seen.settings.mode:
        case _ if seen.system is NO_DAEMON:
            return f"{BY_ACTION['start_again'].label} starts it again"
        case _ if not seen.playing:
            return f"{BY_ACTION['start_stop'].label} starts"
        case Who.NEITHER, Mode.SOLO:
            return "then improv"
        case Who.NEITHER, Mode.DUET:
            return "then both"
        case Who.NEITHER, _:
            return "then you"
        case Who.YOU, Mode.LISTEN:
            return "improv listens"
        case Who.YOU, _ if seen.took_turn and seen.step - seen.turn.start < seen.grid.steps_per_bar:
            return taken_text(seen.turn)
        case Who.YOU, _ if seen.turn.end is None:
            return "pause, and it answers"
        case Who.YOU, _:
            return f"{beats}, then improv"
        case Who.IMPROV, Mode.SOLO:
            return "improv alone"
        case Who.IMPROV, _:
            return f"{beats}, then you"
        case _:
            return "you and improv"


def _mode(seen: Snapshot) -> str:
    """The mode, with the control that shapes it."""
    settings = seen.settings
    match settings.mode:
        case Mode.TRADE:
            bars = "bar" if settings.bars == 1 else "bars"
            return f"trade {settings.bars} {bars}"
        case Mode.PHRASE:
            return f"phrase, gap {settings.gap:g}"
        case _:
            return str(settings.mode)


def _in_block_letters(seen: Snapshot, glyphs: Glyphs, width: int) -> list[Row]:
    """Three rows in block letters: the word, the beats left and the place, with words and the gauge between them."""
    word, left, role = turn_word(seen), _steady(seen), turn_role(seen)
    edge = _pattern(seen, glyphs, 2)
    head = 4 + block_letters.width_of(word) + (2 + block_letters.width_of(left) if left else 0)
    place, label, room = _fitting(seen, width - head - 3, 1)
    if room <= len(label):
        return _spaced(seen, glyphs, width)
    middle = _middle(seen, glyphs, room, label)
    rows: list[Row] = []
    letters = (block_letters.rows(text, glyphs) for text in (word, left, place))
    for word_row, left_row, place_row, between in zip(*letters, middle, strict=True):
        row = [Span(edge, role), Span("  "), Span(word_row, role)]
        if left:
            row += [Span("  "), Span(left_row, "text")]
        rows.append((*row, Span("  "), between, Span(" "), Span(place_row, "text")))
    return rows


def _fitting(seen: Snapshot, width: int, times: int) -> tuple[str, str, int]:
    """The place, what its figures are, and the cells left beside it in letters so many times as large.

    The chorus is shown only where there is room for all the words beside it, too.
    """
    found = "", "", -1
    for place, label in _places(seen):
        found = place, label, width - times * block_letters.width_of(place)
        if found[2] - 1 >= len(_mode(seen)) + 2 + len(label):
            break
    return found


def _middle(seen: Snapshot, glyphs: Glyphs, width: int, label: str) -> tuple[Span, Span, Span]:
    """What happens next, the gauge, and the mode with what the place's figures are: three spans of just this width."""
    inner = max(0, width - 1)
    label = label if len(label) <= inner else ""
    if width < _LEAST_MIDDLE:
        blank, words = Span(" " * width), Span(label.rjust(inner).ljust(width), "quiet")
        bar = Span(gauge(seen, glyphs, inner) + " ", turn_role(seen)) if width > 4 else blank
        return blank, bar, words
    room = inner - len(label) - (2 if label else 0)
    modes = (f"{_mode(seen)} {glyphs.dot} {seen.tempo:.4g} bpm", _mode(seen), "")
    mode = next(mode for mode in modes if len(mode) <= room or not mode)
    third = mode.ljust(inner - len(label)) + label
    follows = _next(seen) if len(_next(seen)) <= inner else ""
    return (
        Span(follows.ljust(width), "strong"),
        Span(gauge(seen, glyphs, inner).ljust(width), turn_role(seen)),
        Span(third.ljust(width), "quiet"),
    )


def _large(seen: Snapshot, glyphs: Glyphs, width: int) -> list[Row]:
    """Five rows in letters twice as large; none if they are too wide."""
    word, left, role = turn_word(seen), _steady(seen), turn_role(seen)
    edge = _pattern(seen, glyphs, 2)
    ink = glyphs.pixels[-1] if glyphs.pixels else glyphs.you.body
    head = 5 + 2 * block_letters.width_of(word) + (4 + 2 * block_letters.width_of(left) if left else 0)
    place, label, room = _fitting(seen, width - head - 4, 2)
    if room < _LEAST_MIDDLE:
        return []
    follows, bar, mode = _middle(seen, glyphs, room, label)
    middle = (follows, bar, bar, Span(" " * room), mode)
    rows: list[Row] = []
    letters = (block_letters.large_rows(text, ink) for text in (word, left, place))
    for word_row, left_row, place_row, between in zip(*letters, middle, strict=True):
        row = [Span(edge, role), Span("   "), Span(word_row, role)]
        if left:
            row += [Span("    "), Span(left_row, "text")]
        rows.append((*row, Span("   "), between, Span(" "), Span(place_row, "text")))
    return rows


def _spaced(seen: Snapshot, glyphs: Glyphs, width: int) -> list[Row]:
    """Three rows without block letters: the word in spaced capitals, the gauge, then what happens next."""
    role, edge, inner = turn_role(seen), _pattern(seen, glyphs, 2), width - 3
    unit = "" if _is_counted(seen) else " beat" if _left(seen) == "1" else " beats"
    beats = f"  {_left(seen)}{unit}" if _left(seen) else ""
    words = " ".join(turn_word(seen)), turn_word(seen)
    heads = ((word, place) for word in words for place in _place_texts(seen))
    fitting = (head for head in heads if len(head[0] + beats + head[1]) + 1 <= inner)
    word, place = next(fitting, ("", ""))
    if not word:
        return [_line(seen, glyphs, width, with_gauge=False), (Span(gauge(seen, glyphs, width), role),)]
    follows = _next(seen).removeprefix("beats, ").removeprefix("beat, ")
    mode = f"{_mode(seen)} {glyphs.dot} {seen.tempo:.4g} bpm"
    gap = inner - len(follows) - len(mode)
    last: Row = (Span(" " * gap), Span(mode, "quiet")) if gap >= 2 else ()
    start = (Span(edge, role), Span(" "))
    blank = Span(" " * (inner - len(word + beats + place)))
    return [
        (*start, Span(word, role), Span(beats, "strong"), blank, Span(place, "strong")),
        (*start, Span(gauge(seen, glyphs, inner), role)),
        (*start, Span(follows if len(follows) <= inner else "", "strong"), *last),
    ]


def _line(seen: Snapshot, glyphs: Glyphs, width: int, *, with_gauge: bool) -> Row:
    """One row: the word, the beats left, the gauge or what happens next, and the place, as far as there is room."""
    role = turn_role(seen)
    lit = f"{role}-here" if role in {"you", "improv", "both"} else "here"
    head = (Span(_pattern(seen, glyphs, 2), role), Span(f" {turn_word(seen)} ", lit))
    short = f" {_left(seen)} " if _left(seen) else " "
    long = f" {_left(seen)} {_next(seen)} " if _left(seen) and not with_gauge else short
    places = [f" {place}" if place else "" for place in _place_texts(seen)]
    for least, left in ((_LEAST_GAUGE * with_gauge, long), (0, long), (0, short)):
        for place in (*(places if least or not with_gauge else places[-1:]), ""):
            room = width - width_of(head) - len(left) - len(place)
            if room >= (least if place else 0):
                between = Span(gauge(seen, glyphs, room), role) if with_gauge else Span(" " * room)
                return (*head, Span(left, "strong"), between, Span(place, "strong"))
    if width >= len(turn_word(seen) + short):
        return (Span(turn_word(seen), lit), Span(short.rstrip(), "strong"))
    return (Span(turn_word(seen)[:width], lit),)
