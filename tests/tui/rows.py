"""Rows of views as text, for tests."""

from dataclasses import replace

import pytest

from improv.music.theory import Place
from improv.protocol.snapshot import Snapshot
from improv.tui.theme.glyphs import ASCII, UNICODE
from improv.tui.views.base import Row

BOTH = pytest.mark.parametrize("glyphs", [UNICODE, ASCII], ids=["unicode", "ascii"])


def text(rows: list[Row]) -> list[str]:
    return ["".join(span.text for span in row).rstrip() for row in rows]


def of_bar(seen: Snapshot, chorus: int, bar: int, beat: int) -> Snapshot:
    return replace(seen, place=Place(chorus, bar, beat), step=((chorus - 1) * 12 + bar - 1) * 8 + 2 * (beat - 1))


BLUES = "C7 | F7 | C7 | C7 | F7 | F#dim7 | C7 | A7 | Dm7 | G7 | C7 A7 | Dm7 G7"
