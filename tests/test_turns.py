import pytest

from improv.turns import Mode, Turn, Who, turn_at


@pytest.mark.parametrize(
    ("step", "turn"),
    [
        (-1, Turn(Who.NOBODY, -1, 0)),
        (0, Turn(Who.YOU, 0, 32)),
        (31, Turn(Who.YOU, 0, 32)),
        (32, Turn(Who.IMPROV, 32, 64)),
        (64, Turn(Who.YOU, 64, 96)),
        (96, Turn(Who.IMPROV, 96, 128)),
    ],
)
def test_trading_fours(step: int, turn: Turn) -> None:
    assert turn_at(step, Mode.TRADE, 4) == turn


@pytest.mark.parametrize("bars", [1, 2, 3, 5, 12])
def test_turns_of_any_length_alternate_from_you(bars: int) -> None:
    starts = [turn_at(index * bars * 8, Mode.TRADE, bars) for index in range(6)]
    assert [turn.who for turn in starts] == [Who.YOU, Who.IMPROV] * 3
    assert [turn.start for turn in starts] == [index * bars * 8 for index in range(6)]


def test_who_hears_and_who_plays() -> None:
    solo, duet = turn_at(5, Mode.SOLO, 4).who, turn_at(5, Mode.DUET, 4).who
    assert (solo.hears_you, solo.plays) == (False, True)
    assert (duet.hears_you, duet.plays) == (True, True)


def test_beats_left() -> None:
    assert turn_at(1, Mode.TRADE, 4).beats_left(1) == 15.5
    assert turn_at(1, Mode.SOLO, 4).beats_left(1) is None
