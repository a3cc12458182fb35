"""A network is told like whom it plays, where in the tune it is, and what is left of its turn."""

import numpy as np
import pytest

from improv.models.catalog import find_model
from improv.models.encodings import ENCODINGS, Cells, Steer, StepInput
from improv.models.onnx_runtime import OnnxModel
from improv.music.theory import STEPS_PER_BAR, Chord
from improv.music.transport import Transport
from improv.music.turns import Mode
from improv.music.voices import ANY, VOICES
from improv.protocol.commands import Set
from improv.protocol.controls import Settings
from improv.protocol.heard import Heard
from improv.session.lifecycle import begin
from improv.session.melody import steering
from improv.session.network import compass_of, has_voice
from improv.session.state import Session
from improv.session.step import advance, prepare_step
from tests.session.steady import drone

MODEL = drone()
CELLS = ENCODINGS["cells"]


def opened(choruses: int | None = None, **settings: str | int) -> Session:
    return begin(MODEL, Settings.of(**{"mode": Mode.TRADE} | settings), Transport(0, 0.0, 120.0), choruses=choruses)


def told(session: Session, steps: int, heard: Heard = Heard()) -> list[StepInput]:  # noqa: B008 a value
    found = []
    for _ in range(steps):
        found.append(prepare_step(session, heard, CELLS).inputs[-1])
        session, _ = advance(session, heard, MODEL)
        heard = Heard()
    return found


@pytest.mark.parametrize(("key", "semitones"), [("C", 0), ("D", 2), ("A", -3)])
def test_the_voice_and_its_register_in_the_networks_key(key: str, semitones: int) -> None:
    for each in told(opened(voice="alto", key=key), 4):
        assert (each.voice, each.register) == ("alto", VOICES["alto"].mean - semitones)
    for each in told(opened(voice=ANY), 4):
        assert (each.voice, each.register) == ("", None)


def test_the_voice_is_turned_while_it_plays() -> None:
    voices = [each.voice for each in told(opened(), 3, Heard(commands=(Set("voice", "trumpet"),)))]
    assert voices == ["trumpet"] * 3


def test_the_place_in_the_tune_is_that_of_the_step_that_is_decided() -> None:
    steps = told(opened(2), 20)
    length = 2 * begin(MODEL, Settings(mode=Mode.SOLO), Transport(0, 0.0, 120.0)).tune.form.steps
    assert [each.steps_played for each in steps] == list(range(20))
    assert [each.steps_to_play for each in steps] == [length - step for step in range(20)]
    assert {each.steps_to_play for each in told(opened(), 20)} == {None}


def test_what_is_left_of_improvs_turn_is_counted_down() -> None:
    left = [each.turn_left for each in told(opened(bars=1), 2 * STEPS_PER_BAR)]
    assert left == [None] * STEPS_PER_BAR + list(range(STEPS_PER_BAR, 0, -1))
    assert {each.turn_left for each in told(opened(mode=Mode.SOLO), 8)} == {None}


@pytest.mark.parametrize("lowest", [40, 60, 300])
def test_no_pitch_is_chosen_outside_the_compass_if_any_is_inside(lowest: int) -> None:
    soloist = Cells(tells_story=True)
    bias = soloist.pitch_bias(Steer(compass=(lowest, lowest + 12), leaning=0.3), Chord.parse("C7"))
    allowed = {pitch for pitch, each in zip(soloist.melody_pitches(), bias, strict=True) if np.isfinite(each)}
    inside = {pitch for pitch in soloist.melody_pitches() if lowest <= pitch <= lowest + 12}
    assert allowed == (inside or set(soloist.melody_pitches()))


def test_the_compass_is_the_voices_in_the_networks_key_and_only_of_networks_that_have_one() -> None:
    settings = Settings(mode=Mode.SOLO, voice="trombone")
    voice = VOICES["trombone"]
    assert compass_of(settings, 3) == (voice.lowest - 3, voice.highest - 3)
    assert compass_of(Settings(mode=Mode.SOLO, voice=ANY), 3) is None
    heard = {name: has_voice(settings, encoding) for name, encoding in ENCODINGS.items()}
    assert heard == {"local_notes": False, "cells": False, "soloist": True, "soloist_notes": True}
    assert not has_voice(Settings(mode=Mode.SOLO, voice=ANY), ENCODINGS["soloist"])


def test_a_voice_keeps_to_its_instruments_range() -> None:
    """The network itself, alone for four choruses in three keys."""
    model = OnnxModel(find_model("partner"), "cpu")
    for voice, key in (("trumpet", "C"), ("tenor", "E"), ("baritone", "Bb")):
        session = begin(model, Settings(mode=Mode.SOLO, voice=voice, key=key), Transport(0, 0.0, 120.0))
        pitches: set[int] = set()
        for _ in range(4 * session.tune.form.steps):
            session, _ = advance(session, Heard(), model)
            pitches |= {onset.pitch for onset in session.band.frame.melody.onsets}
        assert len(pitches) > 12
        assert VOICES[voice].lowest <= min(pitches) <= max(pitches) <= VOICES[voice].highest


@pytest.mark.parametrize("mode", list(Mode))
def test_breath_is_for_solos(mode: Mode) -> None:
    session = begin(MODEL, Settings(mode=mode, breath=1.5), Transport(0, 0.0, 120.0))
    assert steering(session, session, CELLS).breath == (1.5 if mode is Mode.SOLO else 0)
