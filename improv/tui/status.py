"""A line that tells the truth about what plays: what matters most first, and what is wrong before all."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from rich.cells import cell_len, set_cell_size

from improv.messages import Snapshot
from improv.tui.glyphs import Glyphs
from improv.tui.view import NOBODY, Row, Span, View

_NEWS_S = 10.0
"""How long what has gone wrong is news."""


class StatusLine(View):
    """One row or two of fields, which are shortened, then dropped, where there is not enough room."""

    DEFAULT_CSS = "StatusLine { height: 1; }"

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


def fields_of(seen: Snapshot, glyphs: Glyphs, *, is_news: bool = True) -> list[Field]:
    """All there is to tell, the most important first: what has gone wrong, as long as it is news."""
    rig = seen.rig
    if rig is NOBODY:
        return [Field((rig.says,))]
    wrong = [told for count, told in zip(_counts(seen), _wrongs(seen), strict=True) if count]
    told: list[Field] = []
    if is_news:
        told += [Field((f"{glyphs.alarm} {text}",), "loud") for text in wrong]
        if seen.faults and seen.fault:
            short = told[0].forms[0]
            told[0] = Field((f"{short}: {_cut(seen.fault, 60, glyphs)}", short), "loud")
    if rig.take:
        told.append(Field((f" {rig.take}", " rec"), mark=glyphs.recording))
    told.append(_ports(seen, glyphs))
    if rig.model:
        coming = f" {glyphs.to} {rig.model_coming}" if rig.model_coming else ""
        told.append(Field((rig.model + coming, *((f"{glyphs.to} {rig.model_coming}",) if coming else ()))))
    told.append(Field((f"{seen.tempo:.4g} bpm, own clock", f"{seen.tempo:.4g} bpm")))
    step = f"{_ms(seen.step_p50_us)}/{_ms(seen.step_p99_us)}"
    late = f"{_ms(rig.lateness_p50_us)}/{_ms(rig.lateness_p99_us)}"
    told.append(Field((f"step {step} ms",), "quiet"))
    told.append(Field((f"late {late} ms",), "quiet"))
    if rig.remark:
        told.append(Field((rig.remark, _cut(rig.remark, 40, glyphs), _cut(rig.remark, 20, glyphs))))
    if not is_news:
        told += [Field((text,), "quiet") for text in wrong]
    if not (seen.missed_steps or rig.dropped_onsets or seen.faults):
        told.append(Field(("nothing missed",), "quiet"))
    return [Field(tuple(_clean(form, glyphs) for form in field.forms), field.role, field.mark) for field in told]


def _counts(seen: Snapshot) -> tuple[int, ...]:
    """How often each kind of thing has gone wrong."""
    rig = seen.rig
    return seen.faults, seen.missed_steps, rig.dropped_onsets, rig.engine_deaths + rig.player_deaths


def _wrongs(seen: Snapshot) -> tuple[str, ...]:
    """The same in words."""
    faults, missed, dropped, deaths = _counts(seen)
    return (
        f"{faults} fault{'s' if faults > 1 else ''}",
        f"{missed} missed",
        f"{dropped} dropped",
        f"restarted {deaths}x",
    )


def _ports(seen: Snapshot, glyphs: Glyphs) -> Field:
    rig = seen.rig
    if not (rig.input or rig.output):
        return Field((rig.says, "no ports") if rig.says else ("no ports",))
    names = [rig.input or "no keys", rig.output or "no synth"]
    short = [_cut(name.partition(":")[0], 12, glyphs) for name in names]
    arrow = f" {glyphs.to} "
    return Field((arrow.join(names), arrow.join(short)))


def _cut(text: str, width: int, glyphs: Glyphs) -> str:
    """A text that may be too long, cut so that it shows."""
    return text if cell_len(text) <= width else set_cell_size(text, width - 1).rstrip() + glyphs.cut


def _ms(us: float) -> str:
    """Microseconds as milliseconds, as short as they can be told."""
    ms = us / 1000
    return f"{ms:.0f}" if ms >= 10 else f"{ms:.1f}" if ms >= 1 else f"{ms:.2f}".lstrip("0") if ms else "0"


def _clean(text: str, glyphs: Glyphs) -> str:
    """A text of somebody else's without what would upset a terminal, or what this one can't show."""
    text = "".join(char if char.isprintable() else " " for char in text)
    return text.encode("ascii", "replace").decode() if glyphs.plain else text


def status(seen: Snapshot, glyphs: Glyphs, width: int, height: int, *, is_news: bool = True) -> list[Row]:
    """The fields in so many rows."""
    rest: Sequence[Field] = fields_of(seen, glyphs, is_news=is_news)
    rows: list[Row] = []
    divider = f" {glyphs.divider} "
    for row in range(height):
        taken = _taken(rest, width, len(divider), short=row == height - 1)
        taken = taken or _taken(rest, width, len(divider), short=True)
        rest = rest[len(taken) :]
        spans: list[Span] = []
        for field in taken:
            if spans:
                spans.append(Span(divider, "faint"))
            if field.mark:
                spans.append(Span(field.mark, "loud"))
            spans.append(Span(field.forms[0], field.role))
        rows.append(tuple(spans))
    return rows


def _taken(fields: Sequence[Field], width: int, apart: int, *, short: bool) -> Sequence[Field]:
    """The fields that fit into one row, in their order, each with the one form that is told.

    If they may be short, each is first told as shortly as it can be, and then longer while there is room.
    """
    chosen: list[int] = []
    room = width + apart
    for field in fields:
        form = len(field.forms) - 1 if short else 0
        needed = cell_len(field.mark + field.forms[form]) + apart
        if needed > room:
            break
        chosen.append(form)
        room -= needed
    for at, form in enumerate(chosen):
        texts = fields[at].forms
        for longer in range(form):
            grown = cell_len(texts[longer]) - cell_len(texts[form])
            if grown <= room:
                room -= grown
                chosen[at] = longer
                break
    if short and not chosen and fields:
        first = fields[0]
        return [replace(first, forms=(set_cell_size(first.forms[-1], max(0, width - cell_len(first.mark))).rstrip(),))]
    return [replace(field, forms=(field.forms[form],)) for field, form in zip(fields, chosen, strict=False)]
