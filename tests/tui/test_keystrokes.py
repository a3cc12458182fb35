"""What a terminal sends, byte by byte, and what becomes of it: keys, their ends, and nothing of what means nothing."""

import random
from collections.abc import Sequence

import pytest
from textual import events
from textual.keys import Keys

from improv.tui.input import keystrokes
from improv.tui.input.keystrokes import KeyboardFlags, KeyReleased, Keystroke, KeystrokeParser

A, DOWN = "97u", "1B"


def told(*texts: str) -> list[object]:
    """What is told of some text, read in these pieces: keys as (key, character), releases as their codes."""
    parser = KeystrokeParser()
    return [_short(event) for text in texts for event in parser.feed(text)]


def _short(event: object) -> object:
    match event:
        case KeyReleased():
            return event.code
        case Keystroke():
            return (event.key, event.character, event.code, event.is_repeat)
        case KeyboardFlags():
            return event.tells_releases
        case events.Key():
            return (event.key, event.character)
        case events.Paste():
            return event.text
        case _:
            return type(event).__name__


@pytest.mark.parametrize(
    ("text", "means"),
    [
        ("\x1b[97;;97u", [("a", "a", A, False)]),
        ("\x1b[97;1:1;97u", [("a", "a", A, False)]),
        ("\x1b[97;1:2;97u", [("a", "a", A, True)]),
        ("\x1b[97;1:3u", [A]),
        ("\x1b[97;2;65u", [("A", "A", A, False)]),
        ("\x1b[97:65;2:2;65u", [("A", "A", A, True)]),
        ("\x1b[97;2:3u", [A]),
        ("\x1b[97;129;97u", [("a", "a", A, False)]),
        ("\x1b[246;;246u\x1b[246;1:3u", [("ö", "ö", "246u", False), "246u"]),
        ("\x1b[97;5u\x1b[97;5:3u", [("ctrl+a", None, A, False), A]),
        ("\x1b[B", [("down", None, DOWN, False)]),
        ("\x1b[1;1:2B", [("down", None, DOWN, True)]),
        ("\x1b[1;2:1D", [("shift+left", None, "1D", False)]),
        ("\x1b[1;1:3B", [DOWN]),
        ("\x1b[13u\x1b[13;1:2u", [("enter", "\r", "13u", False), ("enter", "\r", "13u", True)]),
        ("\x1b[127;1:2u", [("backspace", "\x7f", "127u", True)]),
        ("\x1b[18~\x1b[18;1:3~", [("f7", None, "18~", False), "18~"]),
        ("\x1b[27u", [("escape", None, "27u", False)]),
        ("\x1b[57441;2u\x1b[57441;1:3u", [("left_shift", None, "57441u", False), "57441u"]),
        ("\x1b[?27u", [True]),
        ("\x1b[?25u", [False]),
        ("\x1b[?0u", [False]),
    ],
)
def test_event_types_are_told_apart(text: str, means: Sequence[object]) -> None:
    assert told(text) == means
    assert told(*text) == means  # however it is cut


@pytest.mark.parametrize(
    ("text", "means"),
    [
        ("a", [("a", "a")]),
        ("\x1b[I", ["AppFocus"]),
        ("\x1b[O", ["AppBlur"]),
        ("\x1b[<0;3;4M", ["MouseDown"]),
        ("\x1b[<0;3;4m", ["MouseUp"]),
        ("\x1bOP", [("f1", None)]),
        ("\x1b[[A", [("f1", None)]),
        ("\x1b[Z", [("shift+tab", None)]),
        ("\x1b[?2026;2$y", ["TerminalSupportsSynchronizedOutput"]),
        ("\x1b[48;24;80;384;640t", ["Resize"]),
        ("\x1b[200~two\nlines\x1b[201~", ["two\nlines"]),
    ],
)
def test_what_has_been_read_is_read_as_before(text: str, means: Sequence[object]) -> None:
    assert told(text) == means
    assert told(*text) == means


@pytest.mark.parametrize(
    "text",
    [
        "\x1b[99999999u",
        "\x1b[55296;;55296u",
        "\x1b[97;;1114112u",
        "\x1b[4294967296;1:3u",
        "\x1b[?62;22c",
        "\x1b[>41;354;0c",
        "\x1b[4;384;640t",
        "\x1b[3;4;5;6;7x",
        "\x1b[1;2 q",
        "\x1b[<99999999999999999999999999m",
    ],
)
def test_what_means_nothing_is_no_key(text: str) -> None:
    assert told(text, "a") == [("a", "a")]
    assert told(*text, "a") == [("a", "a")]


def test_a_window_that_measures_nothing_does_not_stop_the_mouse() -> None:
    assert told("\x1b[48;0;0;0;0t\x1b[<0;3;4Ma") == ["Resize", ("a", "a")]


@pytest.mark.parametrize("cut", range(1, 30))
def test_what_is_pasted_is_pasted_and_struck_is_nothing_of_it(cut: int) -> None:
    text = "\x1b[200~q\x1b[31mred\x1b\x00\x1b[20\x1b[201~z"
    assert told(text[:cut], text[cut:]) == ["q[31mred[20", ("z", "z")]


def test_a_book_that_is_pasted_is_cut() -> None:
    book = "It was a dark and stormy night. " * 40_000
    pasted, after = told("\x1b[200~", *(book[at : at + 4096] for at in range(0, len(book), 4096)), "\x1b[201~", "z")
    assert isinstance(pasted, str)
    assert book.startswith(pasted)
    assert 256 < len(pasted) < 10_000
    assert after == ("z", "z")


@pytest.mark.parametrize(
    ("begun", "becomes"),
    [
        ("\x1b", [("escape", "\x1b")]),
        ("\x1b[1;", []),
        ("\x1b[97;1:", []),
        ("\x1b[200~half a pa", ["half a pa"]),
        ("\x1b[200~half\x1b[20", ["half[20"]),
    ],
)
def test_what_has_lost_its_rest_ends_by_itself(
    begun: str, becomes: Sequence[object], monkeypatch: pytest.MonkeyPatch
) -> None:
    now_s = [100.0]
    monkeypatch.setattr(keystrokes, "get_time", lambda: now_s[0])
    monkeypatch.setattr("textual._parser.get_time", lambda: now_s[0])
    parser = KeystrokeParser()
    before = list(parser.feed(begun))
    now_s[0] += 5
    after = list(parser.tick())
    assert [_short(event) for event in (*before, *after)] == becomes
    assert [_short(event) for event in parser.feed("\x1b[97;;97u")] == [("a", "a", A, False)]


def test_half_a_key_waits_for_a_slow_line(monkeypatch: pytest.MonkeyPatch) -> None:
    now_s = [100.0]
    monkeypatch.setattr(keystrokes, "get_time", lambda: now_s[0])
    monkeypatch.setattr("textual._parser.get_time", lambda: now_s[0])
    parser = KeystrokeParser()
    assert not list(parser.feed("\x1b[1;"))
    now_s[0] += 0.5
    assert not list(parser.tick())
    assert [_short(event) for event in parser.feed("2D")] == [("shift+left", None, "1D", False)]


@pytest.mark.parametrize("seed", range(20))
def test_no_bytes_end_it(seed: int) -> None:
    rng = random.Random(seed)
    alphabet = [chr(n) for n in range(256)] + [
        "\x1b",
        "\x1b[",
        ";",
        ":",
        "u",
        "~",
        "\x1b[48;",
        "\x1b[<",
        "\x1b[?",
        "99",
    ] * 12
    parser = KeystrokeParser()
    for _ in range(200):
        for event in parser.feed("".join(rng.choices(alphabet, k=rng.randint(1, 40)))):
            assert getattr(event, "key", "") != Keys.Ignore
        for _event in parser.tick():
            pass
    list(parser.feed("\x1b[201~"))
