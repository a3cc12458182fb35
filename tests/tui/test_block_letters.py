"""Block letters, to be read from two metres."""

import pytest

from improv.tui.theme.glyphs import UNICODE
from improv.tui.views import block_letters


@pytest.mark.parametrize(
    "word", ["YOU", "IMPROV", "BOTH", "COUNT-IN", "STOPPED", "LISTEN", "SOLO", "0123456789", "2-12.4"]
)
def test_big_letters_have_their_width(word: str) -> None:
    assert {len(row) for row in block_letters.rows(word, UNICODE)} == {block_letters.width_of(word)}
    assert {len(row) for row in block_letters.large_rows(word, "#")} == {2 * block_letters.width_of(word)}
    assert len(block_letters.rows(word, UNICODE)) == block_letters.ROWS


def test_big_letters_look_like_letters() -> None:
    assert [row.rstrip() for row in block_letters.rows("YOU", UNICODE)] == ["█ █ █▀█ █ █", " █  █ █ █ █", " ▀  ▀▀▀ ▀▀▀"]
