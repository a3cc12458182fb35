"""Whose turn it is and how long yet, to be read from two metres."""

from math import ceil

from improv.messages import Snapshot
from improv.music import Place
from improv.tui import big
from improv.tui.glyphs import Glyphs
from improv.tui.keys import BY_ACTION
from improv.tui.view import NOBODY, Row, Span, View, role_of, width_of, word_of
from improv.turns import Mode, Who

_PLACE = "chorus-bar.beat"
"""What the numbers of the place are, where there is room to say it."""

_EDGED = 60
"""Cells from which on what stands beside the music leaves the last one free."""

_LEAST_MIDDLE = 16
"""Cells below which the words beside the big ones are left out."""


class TurnBand(View):
    """The word, the beats that are left, the gauge that runs down, and the place in the music."""

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
        return glyphs.rest * max(0, width)
    filled = min(width, ceil(width * left / total))
    return _pattern(seen, glyphs, filled) + glyphs.rest * (width - filled)


def _beats(seen: Snapshot) -> float | None:
    """How long the turn is, in beats."""
    return None if seen.turn.end is None else max(0.5, (seen.turn.end - seen.turn.start) / 2)


def _pattern(seen: Snapshot, glyphs: Glyphs, width: int) -> str:
    match seen.turn.who:
        case _ if not seen.playing:
            return glyphs.rest * width
        case Who.YOU:
            return glyphs.you * width
        case Who.IMPROV:
            return glyphs.improv * width
        case Who.BOTH:
            return (glyphs.you + glyphs.improv) * (width // 2) + glyphs.you * (width % 2)
        case _:
            return glyphs.rule * width


def _left(seen: Snapshot) -> str:
    """The beats that are left as a number, empty where nobody knows."""
    return str(ceil(seen.beats_left)) if seen.playing and seen.beats_left is not None else ""


def _steady(seen: Snapshot) -> str:
    """The same as wide as it was when the turn began, so that what stands beside it rests."""
    return _left(seen).ljust(len(str(ceil(_beats(seen) or 0)))) if _left(seen) else ""


def _place(seen: Snapshot) -> str:
    place = seen.place if seen.playing else Place(1, 1, 1)  # where it starts
    return f"{place.chorus}-{place.bar}.{place.beat}"


def _says(seen: Snapshot) -> str:
    """What happens next, in a few words."""
    beats = "beat" if _left(seen) == "1" else "beats"
    match seen.turn.who, seen.settings.mode:
        case _ if seen.rig is NOBODY:
            return f"{BY_ACTION['start_again'].shown} starts it again"
        case _ if not seen.playing:
            return f"{BY_ACTION['start_stop'].shown} starts"
        case Who.NOBODY, Mode.SOLO:
            return f"{beats}, then improv"
        case Who.NOBODY, Mode.DUET:
            return f"{beats}, then both"
        case Who.NOBODY, _:
            return f"{beats}, then you"
        case Who.YOU, Mode.LISTEN:
            return "improv listens"
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
    place = _place(seen)
    edge = _pattern(seen, glyphs, 2)
    head = 4 + big.width_of(word) + (2 + big.width_of(left) if left else 0)
    room = width - head - 2 - big.width_of(place) - 1
    if room < 0:  # without the chorus
        place = place.partition("-")[2]
        room = width - head - 2 - big.width_of(place) - 1
    if room < 0:
        return _spaced(seen, glyphs, width)
    middle = _middle(seen, glyphs, room, place)
    rows: list[Row] = []
    letters = zip(big.drawn(word, glyphs), big.drawn(left, glyphs), big.drawn(place, glyphs), middle, strict=True)
    for word_row, left_row, place_row, between in letters:
        row = [Span(edge, role), Span("  "), Span(word_row, role)]
        if left:
            row += [Span("  "), Span(left_row, "text")]
        rows.append((*row, Span("  "), between, Span(" "), Span(place_row, "text")))
    return rows


def _middle(seen: Snapshot, glyphs: Glyphs, width: int, place: str) -> tuple[Span, Span, Span]:
    """What happens next, the gauge and the game, each of just this width; beside the game what the place is made of."""
    if width < _LEAST_MIDDLE:
        blank = Span(" " * width)
        bar = Span(gauge(seen, glyphs, width - 1) + " ", role_of(seen)) if width > 4 else blank
        return blank, bar, blank
    inner = width - 1
    texts = [_says(seen), f"{_game(seen)} {glyphs.dot} {seen.tempo:.4g} bpm"]
    if len(texts[1]) > inner:
        texts[1] = _game(seen)
    label = _PLACE if "-" in place else _PLACE.partition("-")[2]
    if len(texts[1]) + len(label) + 2 <= inner:
        texts[1] = texts[1].ljust(inner - len(label)) + label
    says, game = (text[:inner].ljust(width) for text in texts)
    return Span(says, "strong"), Span(gauge(seen, glyphs, inner).ljust(width), role_of(seen)), Span(game, "quiet")


def _huge(seen: Snapshot, glyphs: Glyphs, width: int) -> list[Row]:
    """Five rows: the same, twice as large; none if they are too wide."""
    word, left, place, role = word_of(seen), _steady(seen), _place(seen), role_of(seen)
    edge = _pattern(seen, glyphs, 2)
    ink = glyphs.pixels[-1] if glyphs.pixels else glyphs.you
    head = 5 + 2 * big.width_of(word) + (4 + 2 * big.width_of(left) if left else 0)
    room = width - head - 3 - 2 * big.width_of(place) - 1
    if room < _LEAST_MIDDLE:
        place = place.partition("-")[2]
        room = width - head - 3 - 2 * big.width_of(place) - 1
    if room < _LEAST_MIDDLE:
        return []
    says, bar, game = _middle(seen, glyphs, room, place)
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
    beats = f"  {_left(seen)} {'beat' if _left(seen) == '1' else 'beats'}" if _left(seen) else ""
    place = " ".join(_place(seen)) if width >= 60 else _place(seen)
    word = " ".join(word_of(seen))
    if len(word + beats + place) + 1 > inner:
        word, place = word_of(seen), _place(seen)
    if len(word + beats + place) + 1 > inner:
        return [_line(seen, glyphs, width, with_gauge=False), (Span(gauge(seen, glyphs, width), role),)]
    says = _says(seen).removeprefix("beats, ").removeprefix("beat, ")[:inner]
    game = f"{_game(seen)} {glyphs.dot} {seen.tempo:.4g} bpm"
    gap = inner - len(says) - len(game)
    last: Row = (Span(" " * gap), Span(game, "quiet")) if gap >= 2 else ()
    start = (Span(edge, role), Span(" "))
    room = inner - len(word + beats + place)
    blank = Span(f"{_PLACE}  ".rjust(room) if room >= len(_PLACE) + 4 else " " * room, "quiet")
    return [
        (*start, Span(word, role), Span(beats, "strong"), blank, Span(place, "strong")),
        (*start, Span(gauge(seen, glyphs, inner), role)),
        (*start, Span(says, "strong"), *last),
    ]


def _line(seen: Snapshot, glyphs: Glyphs, width: int, *, with_gauge: bool) -> Row:
    """One row: the word, the beats left, the gauge or what comes next, and the place, as far as there is room."""
    role, place = role_of(seen), f" {_place(seen)}"
    lit = f"{role}-here" if role in {"you", "improv", "both"} else "here"
    head = (Span(_pattern(seen, glyphs, 2), role), Span(f" {word_of(seen)} ", lit))
    short = f" {_left(seen)} " if _left(seen) else " "
    long = f" {_left(seen)} {_says(seen)} " if _left(seen) and not with_gauge else short
    for left in (long, short):
        room = width - width_of(head) - len(left) - len(place)
        if room >= 0:
            between = Span(gauge(seen, glyphs, room), role) if with_gauge else Span(" " * room)
            return (*head, Span(left, "strong"), between, Span(place, "strong"))
    if width >= len(word_of(seen) + short):
        return (Span(word_of(seen), lit), Span(short.rstrip(), "strong"))
    return (Span(word_of(seen)[:width], lit),)
