"""Text from outside, made safe to print."""

import pytest

from improv.system.printable import printable


@pytest.mark.parametrize(
    ("text", "shown"), [("Keyboard é 鍵", "Keyboard é 鍵"), ("a\x1b]0;b\x07", "a ]0;b "), ("\u202eabc\r\n", " abc  ")]
)
def test_control_characters_become_spaces(text: str, shown: str) -> None:
    assert printable(text) == shown
