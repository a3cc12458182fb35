"""The status line: what is wrong, what to do now, and how the jam is heard and recorded."""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from rich.cells import cell_len, set_cell_size

from improv.dataclass import dataclass
from improv.protocol.snapshot import Snapshot
from improv.tui.theme.glyphs import Glyphs
from improv.tui.views.base import NO_DAEMON, Row, Span, View
from improv.tui.views.output_status import keyboard, missing_keyboard, output_status, saving_texts
from improv.tui.views.prompt import prompts

_NEWS_S = 10.0
"""How long something that has gone wrong is shown loudly."""


class StatusLine(View):
    """Two rows of fields, which are shortened, then dropped, where there is too little room."""

    DEFAULT_CSS = "StatusLine { height: 2; }"

    def __init__(self, glyphs: Glyphs, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(glyphs)
        self._clock = clock
        self._counts: tuple[int, ...] = ()
        self._news_until_s = 0.0

    def take(self, seen: Snapshot) -> None:
        """Take in the newest snapshot. A new problem is highlighted for ten seconds."""
        super().take(seen)
        if (counts := _counts(seen)) != self._counts:
            self._counts, self._news_until_s = counts, self._clock() + _NEWS_S

    def picture(self, seen: Snapshot, width: int, height: int) -> list[Row]:
        """Return the rows of the status line."""
        return status_rows(seen, self.glyphs, width, height, is_news=self._clock() < self._news_until_s)


@dataclass(frozen=True, slots=True)
class StatusField:
    """A text of the status line in several forms, from the longest to the shortest."""

    forms: tuple[str, ...]
    role: str = "text"
    mark: str = ""
    """A loud character before each form."""
    is_needed: bool = False
    """Whether the fields after it make room for a longer form of this one."""


def status_fields(
    seen: Snapshot, glyphs: Glyphs, *, is_news: bool = True
) -> tuple[list[StatusField], list[StatusField]]:
    """Return the fields of both rows, the most important first: problems and advice; how the jam is heard."""
    if seen.system is NO_DAEMON:
        return [_field(glyphs, seen.system.description)], []
    return _first(seen, glyphs, is_news=is_news), _second(seen, glyphs, is_news=is_news)


def _first(seen: Snapshot, glyphs: Glyphs, *, is_news: bool) -> list[StatusField]:
    system = seen.system
    fields = []
    if system.recording.fault:
        fields.append(_loud(glyphs, f"not recorded: {system.recording.fault}", "not recorded"))
    if is_news:
        fields += [_loud(glyphs, text) for count, text in zip(_counts(seen), _wrongs(seen), strict=True) if count]
        if seen.health.faults and seen.health.fault:
            at = 1 if system.recording.fault else 0
            short = _wrongs(seen)[0]
            fields[at] = _loud(glyphs, f"{short}: {seen.health.fault}", short)
    return [*fields, _field(glyphs, *prompts(seen), role="strong")]


def _second(seen: Snapshot, glyphs: Glyphs, *, is_news: bool) -> list[StatusField]:
    system = seen.system
    output = output_status(system)
    fields = [_loud(glyphs, *output.forms) if output.is_heard is False else _field(glyphs, *output.forms)]
    if system.recording.take and not system.recording.fault:
        fields.insert(0, replace(_field(glyphs, " rec"), mark=glyphs.recording, is_needed=True))
    if output.is_heard is False and (kept := saving_texts(system)):
        fields.append(replace(_field(glyphs, *kept), is_needed=True))
    if name := missing_keyboard(system):
        fields.append(_loud(glyphs, f"{name} is not connected", "no keyboard"))
    elif name := keyboard(system):
        fields.append(_field(glyphs, f"it hears {name}", f"it hears {name.partition(':')[0]}"))
    if system.network.model:
        coming = f" {glyphs.arrow.to} {system.network.next_model}" if system.network.next_model else ""
        fields.append(
            _field(
                glyphs,
                system.network.model + coming,
                *((f"{glyphs.arrow.to} {system.network.next_model}",) if coming else ()),
            )
        )
    fields.append(_field(glyphs, f"{seen.tempo:.4g} bpm"))
    if system.remark:
        fields.append(_field(glyphs, system.remark))
    if not is_news:
        fields += [
            _field(glyphs, text, role="quiet")
            for count, text in zip(_counts(seen), _wrongs(seen), strict=True)
            if count
        ]
    return fields


def _field(glyphs: Glyphs, *forms: str, role: str = "text") -> StatusField:
    return StatusField(tuple(_clean(form, glyphs) for form in forms), role)


def _loud(glyphs: Glyphs, *forms: str) -> StatusField:
    return replace(_field(glyphs, *(f"{glyphs.alarm} {form}" for form in forms), role="loud"), is_needed=True)


def _counts(seen: Snapshot) -> tuple[int, ...]:
    """How often each has happened: faults, missed steps, dropped notes, restarts."""
    system = seen.system
    return (
        seen.health.faults,
        seen.health.missed_steps,
        system.timing.dropped_onsets,
        system.engine_deaths + system.player_deaths,
    )


def _wrongs(seen: Snapshot) -> tuple[str, ...]:
    """What has gone wrong how often, in words and in the order of `_counts`."""
    faults, missed, dropped, deaths = _counts(seen)
    return (
        f"{faults} fault{'s' if faults > 1 else ''}",
        f"{missed} missed",
        f"{dropped} dropped",
        f"restarted {deaths}x",
    )


def _clean(text: str, glyphs: Glyphs) -> str:
    """A text of another program without control characters, and in ASCII where the terminal shows no more."""
    text = "".join(char if char.isprintable() else " " for char in text)
    return text.encode("ascii", "replace").decode() if glyphs.plain else text


def status_rows(seen: Snapshot, glyphs: Glyphs, width: int, height: int, *, is_news: bool = True) -> list[Row]:
    """Return the fields in two rows, or as many as fit in one."""
    first, second = status_fields(seen, glyphs, is_news=is_news)
    parts = [[*first, *second]] if height == 1 or not second else [first, second]
    return [_row(_taken(fields, width, len(glyphs.divider) + 2), glyphs) for fields in parts[:height]]


def _row(taken: Sequence[StatusField], glyphs: Glyphs) -> Row:
    spans: list[Span] = []
    for field in taken:
        if spans:
            spans.append(Span(f" {glyphs.divider} ", "faint"))
        if field.mark:
            spans.append(Span(field.mark, "loud"))
        spans.append(Span(field.forms[0], field.role))
    return tuple(spans)


def _taken(fields: Sequence[StatusField], width: int, apart: int) -> Sequence[StatusField]:
    """The fields that fit into a row, in their order, each with one form; `apart` cells lie between two.

    Needed fields come first, each in its shortest form, and grow while there is room; then the others that still fit.
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


def _cells(field: StatusField, form: int) -> int:
    return cell_len(field.mark + field.forms[form])
