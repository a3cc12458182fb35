"""Duets, measured: what is counted of two lines that sound at once."""

from typing import Any

import pytest

from improv.protocol.controls import APART, TOGETHER
from tests.session.test_drafts import partner
from tests.training.test_answers import LICK, call, frames
from training.evaluation.duets import alone, counts, duet, duet_figures, rows, sounding
from training.metrics.melody import melody


def test_a_line_as_what_sounds_at_each_tick() -> None:
    assert sounding(melody(frames(60, 0, None, 62)), 24).tolist() == [60] * 12 + [-1] * 6 + [62] * 6


def test_clashes_unison_and_onsets_are_counted_where_both_sound() -> None:
    theirs = melody(frames(60, 0, 62, 0, None, None, None, None, None, None))
    ours = melody(frames(61, 0, 62, 0, 64, None, None, None, 65, 67))
    found: dict[str, Any] = {**counts(ours, theirs, 60)}
    assert found["semitone clashes, of shared time"] == (12, 24)
    assert found["unison, of shared time"] == (12, 24)
    assert found["time shared, of the player's"] == (24, 24)
    assert found["onsets a beat while the player plays"] == (3, pytest.approx(3))
    assert found["onsets a beat while the player rests"] == (2, pytest.approx(2))
    octave: dict[str, Any] = {**counts(melody(frames(73, 0)), melody(frames(60, 0)), 12)}
    assert octave["semitone clashes, of shared time"] == (12, 12)
    assert octave["unison, of shared time"] == (0, 12)


@pytest.mark.parametrize("exact", [True, False])
def test_a_duet_lasts_as_long_as_the_call_and_the_rest(exact: bool) -> None:
    played = duet(partner(), call(*LICK), 0, APART, 1, exact=exact)
    assert len(played) == 16
    found = duet_figures([call(*LICK)], [played], 1)
    assert 0 <= found["semitone clashes, of shared time"].value <= 1 or not found["time shared, of the player's"].value
    assert len(alone(partner(), call(*LICK), 0)) == 8


def test_there_is_a_row_for_each_way_and_one_of_improv_alone() -> None:
    found = rows(partner(), [call(*LICK)], lambda things, _what: things, 1)
    assert list(found) == [
        f"exact, {TOGETHER}",
        f"exact, {APART}",
        f"as played, {TOGETHER}",
        f"as played, {APART}",
        "alone",
    ]
    assert rows(partner(), [call(*LICK, played=False)], lambda things, _what: things, 1) == {}
