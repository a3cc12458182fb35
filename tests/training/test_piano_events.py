"""Pieces as events and rolls, and how they are split."""

import numpy as np
import torch

from improv.models.encodings.rolls import ENDS, EVENTS, OVER
from tests.training.pianos import note, piece
from training.corpora.piano_midi import Piece
from training.corpora.piano_midi_split import split, work
from training.datasets.piano_events import events, moved, notes_of, possible, sounding, spans
from training.datasets.piano_rolls import roll

PIECE = spans(piece(1, 20).notes)


def test_events_hold_every_note() -> None:
    """What events say is what they were made from."""
    assert (notes_of(events(PIECE)) == PIECE).all()


def test_notes_begin_with_the_first_and_last_a_frame_at_least() -> None:
    """A piece begins with its first note; a note that is too short for a frame has one; others are out of range."""
    found = spans([note(32, 1.0, 1.01), note(99, 1.0, 2.0), note(98, 1.5, 2.0)])
    assert found.tolist() == [[0, 0, 1], [66, 8, 16]]


def test_a_key_that_is_struck_again_has_ended_before() -> None:
    """Notes of one pitch never overlap; the frame has its end, then its beginning."""
    found = spans([note(60, 0, 1.0), note(60, 0.5, 1.0)])
    assert found.tolist() == [[28, 0, 8], [28, 8, 16]]
    told = events(found).tolist()
    assert told[:1] == [28]
    assert told[9:12] == [ENDS + 28, 28, OVER]


def test_silences_are_cut() -> None:
    """A silence is as long as is allowed at most, and what follows stays as it is."""
    found = spans([note(60, 0, 1.0), note(61, 5.0, 6.0), note(62, 9.0, 9.5)], longest_silence=8)
    assert found.tolist() == [[28, 0, 16], [29, 24, 40], [30, 48, 56]]


def test_no_notes_are_no_spans() -> None:
    """A piece without notes in range has none."""
    assert spans([note(20, 0, 1)]).shape == (0, 3)


def test_moving_leaves_out_what_leaves_the_range() -> None:
    """Up a fifth the highest notes are gone."""
    found = spans([note(98, 0, 1), note(60, 0, 1)])
    assert moved(found, 7)[:, 0].tolist() == [35]
    assert moved(found, 0).tolist() == found.tolist()


def test_an_excerpt_of_events_ends_with_its_frames() -> None:
    """So many frames have as many ends of frames, whatever still sounds."""
    assert (events(PIECE, 40) == OVER).sum() == 40


def test_what_sounds_before_each_event() -> None:
    """A pitch sounds from after it begins until after it ends."""
    told = events(spans([note(32, 0, 0.125)]))
    assert told.tolist() == [0, OVER, OVER]
    assert sounding(told)[:, 0].tolist() == [False, True, True, True]


def test_all_that_is_told_is_possible() -> None:
    """Whatever follows in a piece could follow."""
    told = events(PIECE)
    can = possible(torch.from_numpy(told[:-1].astype(np.int64)), torch.from_numpy(sounding(told)[1:-1]))
    assert can.shape == (len(told) - 1, EVENTS)
    assert can[torch.arange(len(told) - 1), torch.from_numpy(told[1:].astype(np.int64))].all()


def test_what_is_impossible() -> None:
    """No pitch begins that sounds or lies below one that has begun, and none ends after that."""
    sounds = torch.zeros(67, dtype=torch.bool)
    sounds[[3, 10]] = True
    after_begin = possible(torch.tensor(10), sounds)
    assert not after_begin[:11].any()
    assert after_begin[11:67].all()
    assert not after_begin[ENDS:OVER].any()
    after_end = possible(torch.tensor(ENDS + 5), sounds)
    assert after_end[ENDS:OVER].nonzero().flatten().tolist() == [10]
    assert after_end[5]
    assert not after_end[3]
    assert after_end[OVER]
    assert possible(torch.tensor(OVER), sounds)[ENDS:OVER].nonzero().flatten().tolist() == [3, 10]


def test_a_roll_blends_and_loses_notes_as_in_the_paper() -> None:
    """Notes that meet are one, and one that ends in the frame it begins in disappears."""
    found = roll([note(32, 0, 0.5), note(32, 0.5, 1.0), note(40, 0.01, 0.05), note(99, 0, 1)])
    assert found.shape == (16, 67)
    assert found[:, 0].all()
    assert found.sum() == 16


def test_works_are_on_one_side() -> None:
    """Movements stay together, and a transcription with its original; large works are learned from."""
    names = [f"sonata{n}_{part}" for n in "abcdefgh" for part in (1, 2)] + ["alb_esp2", "god_alb_esp2"]
    names += [f"op10_e{n}" for n in range(5)]
    pieces = [Piece(name=name, composer="Nobody", title="", notes=()) for name in names]
    sides = split(pieces, validation=3, test=4, seed=2)
    assert len(sides.test) >= 4
    assert len(sides.validation) >= 3
    works = [{work(each) for each in side} for side in (sides.training, sides.validation, sides.test)]
    assert not works[0] & works[1] | works[0] & works[2] | works[1] & works[2]
    assert work(pieces[16]) == work(pieces[17]) == "alb_esp"
    assert "op10" in works[0]
    assert sum(map(len, (sides.training, sides.validation, sides.test))) == len(pieces)
    assert split(pieces, validation=3, test=4, seed=2) == sides
