"""What is wrong, what to do now, and how one hears it: two lines that tell nothing but what is known."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from rich.cells import cell_len, set_cell_size

from improv.protocol.snapshot import Snapshot
from improv.tui.theme.glyphs import Glyphs
from improv.tui.views.base import NOBODY, Row, Span, View
from improv.tui.views.hearing import hearing, keyboard, lost_keyboard, saved
from improv.tui.views.now import now

_NEWS_S = 10.0
"""How long what has gone wrong is news."""


class StatusLine(View):
    """Two rows of fields, which are shortened, then dropped, where there is not enough room."""

    DEFAULT_CSS = "StatusLine { height: 2; }"

    def __init__(self, glyphs: Glyphs, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(glyphs)
        self._clock = clock
        self._counts: tuple[int, ...] = ()
        self._news_until_s = 0.0

    def take(self, seen: Snapshot) -> None:
        """Take in the newest snapshot, and note when something went wrong: it is loud as long as it is news."""
        super().take(seen)
        if (counts := _counts(seen)) != self._counts:
            self._counts, self._news_until_s = counts, self._clock() + _NEWS_S

    def picture(self, seen: Snapshot, width: int, height: int) -> list[Row]:
        """As many rows as there are."""
        return status(seen, self.glyphs, width, height, is_news=self._clock() < self._news_until_s)


@dataclass(frozen=True, slots=True)
class Field:
    """Something to tell: its forms from the longest to the shortest."""

    forms: tuple[str, ...]
    role: str = "text"
    mark: str = ""
    """A loud character before any of them."""
    is_needed: bool = False
    """Whether others that come after it make room for a longer form."""


def rows_of(seen: Snapshot, glyphs: Glyphs, *, is_news: bool = True) -> tuple[list[Field], list[Field]]:
    """All there is to tell, in two rows, the most important first: what is wrong and what to do; how one hears it."""
    if seen.system is NOBODY:
        return [_field(glyphs, seen.system.description)], []
    return _first(seen, glyphs, is_news=is_news), _second(seen, glyphs, is_news=is_news)


def _first(seen: Snapshot, glyphs: Glyphs, *, is_news: bool) -> list[Field]:
    system = seen.system
    told = []
    if system.recording.fault:
        told.append(_loud(glyphs, f"not recorded: {system.recording.fault}", "not recorded"))
    if is_news:
        told += [_loud(glyphs, text) for count, text in zip(_counts(seen), _wrongs(seen), strict=True) if count]
        if seen.health.faults and seen.health.fault:
            at = 1 if system.recording.fault else 0
            short = _wrongs(seen)[0]
            told[at] = _loud(glyphs, f"{short}: {seen.health.fault}", short)
    return [*told, _field(glyphs, *now(seen), role="strong")]


def _second(seen: Snapshot, glyphs: Glyphs, *, is_news: bool) -> list[Field]:
    system = seen.system
    heard = hearing(system)
    told = [_loud(glyphs, *heard.forms) if heard.heard is False else _field(glyphs, *heard.forms)]
    if system.recording.take and not system.recording.fault:
        told.insert(0, replace(_field(glyphs, " rec"), mark=glyphs.recording, is_needed=True))
    if heard.heard is False and (kept := saved(system)):
        told.append(replace(_field(glyphs, *kept), is_needed=True))
    if name := lost_keyboard(system):
        told.append(_loud(glyphs, f"{name} is not connected", "no keyboard"))
    elif name := keyboard(system):
        told.append(_field(glyphs, f"it hears {name}", f"it hears {name.partition(':')[0]}"))
    if system.network.model:
        coming = f" {glyphs.arrow.to} {system.network.next_model}" if system.network.next_model else ""
        told.append(
            _field(
                glyphs,
                system.network.model + coming,
                *((f"{glyphs.arrow.to} {system.network.next_model}",) if coming else ()),
            )
        )
    told.append(_field(glyphs, f"{seen.tempo:.4g} bpm"))
    if system.remark:
        told.append(_field(glyphs, system.remark))
    if not is_news:
        told += [
            _field(glyphs, text, role="quiet")
            for count, text in zip(_counts(seen), _wrongs(seen), strict=True)
            if count
        ]
    return told


def _field(glyphs: Glyphs, *forms: str, role: str = "text") -> Field:
    return Field(tuple(_clean(form, glyphs) for form in forms), role)


def _loud(glyphs: Glyphs, *forms: str) -> Field:
    return replace(_field(glyphs, *(f"{glyphs.alarm} {form}" for form in forms), role="loud"), is_needed=True)


def _counts(seen: Snapshot) -> tuple[int, ...]:
    """How often each kind of thing has gone wrong."""
    system = seen.system
    return (
        seen.health.faults,
        seen.health.missed_steps,
        system.timing.dropped_onsets,
        system.engine_deaths + system.player_deaths,
    )


def _wrongs(seen: Snapshot) -> tuple[str, ...]:
    """The same in words."""
    faults, missed, dropped, deaths = _counts(seen)
    return (
        f"{faults} fault{'s' if faults > 1 else ''}",
        f"{missed} missed",
        f"{dropped} dropped",
        f"restarted {deaths}x",
    )


def _clean(text: str, glyphs: Glyphs) -> str:
    """A text of somebody else's without what would upset a terminal, or what this one can't show."""
    text = "".join(char if char.isprintable() else " " for char in text)
    return text.encode("ascii", "replace").decode() if glyphs.plain else text


def status(seen: Snapshot, glyphs: Glyphs, width: int, height: int, *, is_news: bool = True) -> list[Row]:
    """The fields in two rows, or as many of them in one as there is room for."""
    first, second = rows_of(seen, glyphs, is_news=is_news)
    parts = [[*first, *second]] if height == 1 or not second else [first, second]
    return [_row(_taken(fields, width, len(glyphs.divider) + 2), glyphs) for fields in parts[:height]]


def _row(taken: Sequence[Field], glyphs: Glyphs) -> Row:
    spans: list[Span] = []
    for field in taken:
        if spans:
            spans.append(Span(f" {glyphs.divider} ", "faint"))
        if field.mark:
            spans.append(Span(field.mark, "loud"))
        spans.append(Span(field.forms[0], field.role))
    return tuple(spans)


def _taken(fields: Sequence[Field], width: int, apart: int) -> Sequence[Field]:
    """The fields that fit into a row, in their order, each with the one form that is told.

    Each is told as shortly as it can be at first; then those that are needed grow while there is room beside each
    other, then whatever else fits comes in, and grows.
    """
    forms: dict[int, int] = {}
    room = width + apart
    for is_needed in (True, False):
        group = [at for at, field in enumerate(fields) if field.is_needed == is_needed]
        for at in group:
            needed = _cells(fields[at], -1) + apart
            if needed <= room:
                forms[at] = len(fields[at].forms) - 1
                room -= needed
        for at in filter(forms.__contains__, group):
            shortest = _cells(fields[at], -1)
            grown = ((form, _cells(fields[at], form) - shortest) for form in range(forms[at]))
            form, more = next(((form, more) for form, more in grown if more <= room), (forms[at], 0))
            forms[at] = form
            room -= more
    if not forms and fields:
        first = fields[0]
        return [replace(first, forms=(set_cell_size(first.forms[-1], max(0, width - cell_len(first.mark))).rstrip(),))]
    return [replace(fields[at], forms=(fields[at].forms[form],)) for at, form in sorted(forms.items())]


def _cells(field: Field, form: int) -> int:
    return cell_len(field.mark + field.forms[form])
