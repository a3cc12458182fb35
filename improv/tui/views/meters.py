"""Meters: how loud each part is. The only view that moves between two steps, and only while a meter falls."""

import time
from collections.abc import Mapping

from textual.timer import Timer

from improv.music.parts import MIXED_PARTS, Part
from improv.protocol.control import ON
from improv.protocol.mixer import Mixer
from improv.protocol.snapshot import Snapshot
from improv.tui.theme.glyphs import Glyphs
from improv.tui.views.base import Row, Span, View
from improv.tui.views.history import MeterLevel

_ROLES = {Part.YOU: "you", Part.MELODY: "improv", Part.CHORDS: "both"}
"""The colours of the parts that have their own."""

HEIGHTS = {"meters": str(len(Part)), "meter-half": str(-(-len(Part) // 2))}
"""Variables of the style sheet: the rows of the meters, one for each part or one for two."""

_FALL_S = 0.3
"""How soon a falling meter is drawn again where no step comes first: each drawing costs a look at the screen."""

_MIDDLE = 64.0
"""How loud a key is shown until its velocity is known, a step later."""


class Meters(View):
    """A bar for each part, which falls until its next onset."""

    DEFAULT_CSS = f"Meters {{ height: {len(Part)}; }}"

    def __init__(self, glyphs: Glyphs, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(glyphs, id=id, classes=classes)
        self._meters = dict.fromkeys(Part, MeterLevel())
        self._falling: Timer | None = None
        self._step: int | None = None
        self._keys: frozenset[int] | None = None
        """The keys held in the last snapshot; None before there was one."""

    def on_mount(self) -> None:
        """Start the timer that lets the meters fall."""
        self._falling = self.set_interval(_FALL_S, self._fall, pause=True)

    def take(self, seen: Snapshot) -> None:
        """Raise the meters of parts with an onset in a new step, and yours with each key that goes down."""
        now_s, keys = time.monotonic(), frozenset(seen.system.midi.keys)
        if self._keys is not None and keys - self._keys:
            self._meters[Part.YOU] = self._meters[Part.YOU].struck(_MIDDLE, now_s)
        self._keys = keys
        if seen.step != self._step:
            self._step = seen.step
            for part in Part:
                self._meters[part] = self._meters[part].struck(seen.loudness[part], now_s)
        super().take(seen)
        if self._falling is not None and any(meter.level for meter in self._meters.values()):
            self._falling.reset()
            self._falling.resume()

    def picture(self, seen: Snapshot, width: int, height: int) -> list[Row]:
        """Return a row for each part; with less room, two parts a row or all in one."""
        now_s = time.monotonic()
        return meter_rows(
            {part: meter.at(now_s) for part, meter in self._meters.items()}, seen, self.glyphs, width, height
        )

    def _fall(self) -> None:
        now_s = time.monotonic()
        if self._falling is not None and not any(meter.at(now_s) for meter in self._meters.values()):
            self._falling.pause()
        self.redraw()


def meter_rows(levels: Mapping[Part, float], seen: Snapshot, glyphs: Glyphs, width: int, height: int) -> list[Row]:
    """Return the levels (0 to 127) as bars beside the names of the parts."""
    parts = tuple(Part)
    a_row = 1 if height >= len(parts) else 2 if height >= len(parts) / 2 and width >= 24 else len(parts)
    cell = width // a_row
    rows: list[Row] = []
    for first in range(0, len(parts), a_row):
        spans: list[Span] = []
        for part in parts[first : first + a_row]:
            spans += _meter(part, levels[part], seen, glyphs, cell - (a_row > 1))
            if a_row > 1:
                spans.append(Span(" "))
        rows.append(tuple(spans))
    return rows[:height]


def _why_silent(part: Part, mixer: Mixer) -> str:
    """Return why a part that is silenced is not heard, in a word or two; empty if it is not silenced."""
    if mixer.is_audible(part):
        return ""
    row = mixer[part]
    return "muted" if row.mute == ON else "level 0" if row.level == 0 else "not solo"


def _meter(part: Part, level: float, seen: Snapshot, glyphs: Glyphs, width: int) -> list[Span]:
    label = part.label
    name = label.ljust(7) if width >= 14 else label[:2].ljust(3) if width >= 6 else label[: min(1, width)]
    room = width - len(name)
    if part in MIXED_PARTS and (silent := _why_silent(part, seen.settings.mixer)):
        return [Span(name, "quiet"), Span(silent[:room].ljust(room), "quiet")]
    filled = min(room, round(room * level / 127))
    glyph = glyphs.improv.body if part is Part.MELODY else glyphs.you.body
    return [
        Span(name, "quiet"),
        Span(glyph * filled, _ROLES.get(part, "text")),
        Span(glyphs.gauge.rest * (room - filled), "faint"),
    ]
