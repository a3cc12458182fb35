"""Whose turn it is and how long yet, to be read from two metres."""

from math import ceil

from improv.music.theory import STEPS_PER_BAR, Place
from improv.music.turns import Mode, Who, taken_says
from improv.protocol.snapshot import Snapshot
from improv.tui.input.key_bindings import BY_ACTION
from improv.tui.theme.glyphs import Glyphs
from improv.tui.views import block_letters as big
from improv.tui.views.base import NOBODY, Row, Span, View, role_of, width_of, word_of

_EDGED = 60
"""Cells from which on what stands beside the music leaves the last one free."""

_LEAST_MIDDLE = 16
"""Cells below which the words beside the big ones are left out."""

_LEAST_GAUGE = 8
"""Cells that are left for the gauge before the place is told in words."""


class TurnBand(View):
    """The word, the beats that are left (of a count-in those counted), the gauge that runs down, and the place."""

    DEFAULT_CSS = "TurnBand { height: 3; }"

    def picture(self, seen: Snapshot, width: int, height: int) -> list[Row]:
        """The band: big if there is room for it; wide, it ends where the values below it do."""
        return band(seen, self.glyphs, width if width < _EDGED else width - 1, height)


def band(seen: Snapshot, glyphs: Glyphs, width: int, height: int) -> list[Row]:
    """The band in one row, in two, in big letters of three or in huge ones of five."""
    if height >= big.PIXEL_ROWS and (rows := _huge(seen, glyphs, width)):
        return rows
    if height >= big.PIXEL_ROWS:
        return [(), *band(seen, glyphs, width, big.ROWS)]
    if height >= big.ROWS:
        return _big(seen, glyphs, width) if glyphs.pixels else _spaced(seen, glyphs, width)
    if height == 2:
        role = role_of(seen)
        return [_line(seen, glyphs, width, with_gauge=False), (Span(gauge(seen, glyphs, width), role),)]
    return [_line(seen, glyphs, width, with_gauge=True)]


def gauge(seen: Snapshot, glyphs: Glyphs, width: int) -> str:
    """What is left of the turn, in the pattern of whose it is; of one that has no end, nothing."""
    left, total = seen.beats_left, _beats(seen)
    if not seen.playing or left is None or total is None or width <= 0:
        return glyphs.gauge.rest * max(0, width)
    filled = min(width, ceil(width * left / total))
    return _pattern(seen, glyphs, filled) + glyphs.gauge.rest * (width - filled)


def _beats(seen: Snapshot) -> float | None:
    """How long the turn is, in beats."""
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
    """The beats that are left as a number, empty where nobody knows; of a count-in the one that is counted."""
    if _is_counted(seen):
        return str(seen.place.beat)
    return str(ceil(seen.beats_left)) if seen.playing and seen.beats_left is not None else ""


def _steady(seen: Snapshot) -> str:
    """The same as wide as it was when the turn began, so that what stands beside it rests."""
    return _left(seen).ljust(len(str(ceil(_beats(seen) or 0)))) if _left(seen) else ""


def _is_counted(seen: Snapshot) -> bool:
    """Whether it is counted in: there is no place in the form yet."""
    return seen.playing and seen.turn.who is Who.NOBODY


def _places(seen: Snapshot) -> tuple[tuple[str, str], ...]:
    """The place in figures and what they are, the longest first; nothing while it is counted in."""
    if _is_counted(seen):
        return (("", ""),)
    place = seen.place if seen.playing else Place(1, 1, 1)  # where it starts
    short = f"{place.bar}.{place.beat}"
    chorus = f"chorus {place.chorus}, bar.beat"
    return (f"{place.chorus}-{short}", "chorus-bar.beat"), (short, chorus), (short, "bar.beat")


def _told_places(seen: Snapshot) -> tuple[str, ...]:
    """The place in words, the longest first."""
    if _is_counted(seen):
        return ("",)
    place = seen.place if seen.playing else Place(1, 1, 1)
    bar = f"bar {place.bar} beat {place.beat}"
    return f"chorus {place.chorus} {bar}", bar, f"bar {place.bar}.{place.beat}"


def _says(seen: Snapshot) -> str:
    """What happens next, in a few words."""
    beats = "beat" if _left(seen) == "1" else "beats"
    match seen.turn.who, seen.settings.mode:
        case _ if seen.system is NOBODY:
            return f"{BY_ACTION['start_again'].shown} starts it again"
        case _ if not seen.playing:
            return f"{BY_ACTION['start_stop'].shown} starts"
        case Who.NOBODY, Mode.SOLO:
            return "then improv"
        case Who.NOBODY, Mode.DUET:
            return "then both"
        case Who.NOBODY, _:
            return "then you"
        case Who.YOU, Mode.LISTEN:
            return "improv listens"
        case Who.YOU, _ if seen.took_turn and seen.step - seen.turn.start < STEPS_PER_BAR:
            return taken_says(seen.turn)
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


def _game(seen: Snapshot) -> str:
    settings = seen.settings
    match settings.mode:
        case Mode.TRADE:
            bars = "bar" if settings.bars == 1 else "bars"
            return f"trade {settings.bars} {bars}"
        case Mode.PHRASE:
            return f"phrase, gap {settings.gap:g}"
        case _:
            return str(settings.mode)


def _big(seen: Snapshot, glyphs: Glyphs, width: int) -> list[Row]:
    """Three rows: the word and the beats left, a middle of words with the gauge, the place."""
    word, left, role = word_of(seen), _steady(seen), role_of(seen)
    edge = _pattern(seen, glyphs, 2)
    head = 4 + big.width_of(word) + (2 + big.width_of(left) if left else 0)
    place, label, room = _fitting(seen, width - head - 3, 1)
    if room <= len(label):
        return _spaced(seen, glyphs, width)
    middle = _middle(seen, glyphs, room, label)
    rows: list[Row] = []
    letters = zip(big.drawn(word, glyphs), big.drawn(left, glyphs), big.drawn(place, glyphs), middle, strict=True)
    for word_row, left_row, place_row, between in letters:
        row = [Span(edge, role), Span("  "), Span(word_row, role)]
        if left:
            row += [Span("  "), Span(left_row, "text")]
        rows.append((*row, Span("  "), between, Span(" "), Span(place_row, "text")))
    return rows


def _fitting(seen: Snapshot, width: int, times: int) -> tuple[str, str, int]:
    """The place in letters so many times as large, what its figures are, and what is left of a width beside it.

    With the chorus only where there is room for all the words beside it, too.
    """
    found = "", "", -1
    for place, label in _places(seen):
        found = place, label, width - times * big.width_of(place)
        if found[2] - 1 >= len(_game(seen)) + 2 + len(label):
            break
    return found


def _middle(seen: Snapshot, glyphs: Glyphs, width: int, label: str) -> tuple[Span, Span, Span]:
    """What happens next, the gauge and the game, each of just this width; beside the game what the place is made of."""
    inner = max(0, width - 1)
    label = label if len(label) <= inner else ""
    if width < _LEAST_MIDDLE:
        blank, words = Span(" " * width), Span(label.rjust(inner).ljust(width), "quiet")
        bar = Span(gauge(seen, glyphs, inner) + " ", role_of(seen)) if width > 4 else blank
        return blank, bar, words
    room = inner - len(label) - (2 if label else 0)
    games = (f"{_game(seen)} {glyphs.dot} {seen.tempo:.4g} bpm", _game(seen), "")
    game = next(game for game in games if len(game) <= room or not game)
    third = game.ljust(inner - len(label)) + label
    says = _says(seen) if len(_says(seen)) <= inner else ""
    return (
        Span(says.ljust(width), "strong"),
        Span(gauge(seen, glyphs, inner).ljust(width), role_of(seen)),
        Span(third.ljust(width), "quiet"),
    )


def _huge(seen: Snapshot, glyphs: Glyphs, width: int) -> list[Row]:
    """Five rows: the same, twice as large; none if they are too wide."""
    word, left, role = word_of(seen), _steady(seen), role_of(seen)
    edge = _pattern(seen, glyphs, 2)
    ink = glyphs.pixels[-1] if glyphs.pixels else glyphs.you.body
    head = 5 + 2 * big.width_of(word) + (4 + 2 * big.width_of(left) if left else 0)
    place, label, room = _fitting(seen, width - head - 4, 2)
    if room < _LEAST_MIDDLE:
        return []
    says, bar, game = _middle(seen, glyphs, room, label)
    middle = (says, bar, bar, Span(" " * room), game)
    rows: list[Row] = []
    for word_row, left_row, place_row, between in zip(
        big.huge(word, ink), big.huge(left, ink), big.huge(place, ink), middle, strict=True
    ):
        row = [Span(edge, role), Span("   "), Span(word_row, role)]
        if left:
            row += [Span("    "), Span(left_row, "text")]
        rows.append((*row, Span("   "), between, Span(" "), Span(place_row, "text")))
    return rows


def _spaced(seen: Snapshot, glyphs: Glyphs, width: int) -> list[Row]:
    """Three rows where letters can't be drawn: the word in spaced capitals, the gauge below, then what is next."""
    role, edge, inner = role_of(seen), _pattern(seen, glyphs, 2), width - 3
    unit = "" if _is_counted(seen) else " beat" if _left(seen) == "1" else " beats"
    beats = f"  {_left(seen)}{unit}" if _left(seen) else ""
    words = " ".join(word_of(seen)), word_of(seen)
    heads = ((word, place) for word in words for place in _told_places(seen))
    fitting = (head for head in heads if len(head[0] + beats + head[1]) + 1 <= inner)
    word, place = next(fitting, ("", ""))
    if not word:
        return [_line(seen, glyphs, width, with_gauge=False), (Span(gauge(seen, glyphs, width), role),)]
    says = _says(seen).removeprefix("beats, ").removeprefix("beat, ")
    game = f"{_game(seen)} {glyphs.dot} {seen.tempo:.4g} bpm"
    gap = inner - len(says) - len(game)
    last: Row = (Span(" " * gap), Span(game, "quiet")) if gap >= 2 else ()
    start = (Span(edge, role), Span(" "))
    blank = Span(" " * (inner - len(word + beats + place)))
    return [
        (*start, Span(word, role), Span(beats, "strong"), blank, Span(place, "strong")),
        (*start, Span(gauge(seen, glyphs, inner), role)),
        (*start, Span(says if len(says) <= inner else "", "strong"), *last),
    ]


def _line(seen: Snapshot, glyphs: Glyphs, width: int, *, with_gauge: bool) -> Row:
    """One row: the word, the beats left, the gauge or what comes next, and the place, as far as there is room."""
    role = role_of(seen)
    lit = f"{role}-here" if role in {"you", "improv", "both"} else "here"
    head = (Span(_pattern(seen, glyphs, 2), role), Span(f" {word_of(seen)} ", lit))
    short = f" {_left(seen)} " if _left(seen) else " "
    long = f" {_left(seen)} {_says(seen)} " if _left(seen) and not with_gauge else short
    places = [f" {place}" if place else "" for place in _told_places(seen)]
    for least, left in ((_LEAST_GAUGE * with_gauge, long), (0, long), (0, short)):
        for place in (*(places if least or not with_gauge else places[-1:]), ""):
            room = width - width_of(head) - len(left) - len(place)
            if room >= (least if place else 0):
                between = Span(gauge(seen, glyphs, room), role) if with_gauge else Span(" " * room)
                return (*head, Span(left, "strong"), between, Span(place, "strong"))
    if width >= len(word_of(seen) + short):
        return (Span(word_of(seen), lit), Span(short.rstrip(), "strong"))
    return (Span(word_of(seen)[:width], lit),)
