"""Another network takes over, and what clients see of what a network says."""

from dataclasses import replace

import pytest

from improv.models.catalog import find_model
from improv.models.onnx_runtime import OnnxModel
from improv.music.notes import SILENCE
from improv.music.parts import Part
from improv.music.theory import Chord, Form
from improv.music.transport import Transport
from improv.music.turns import Mode
from improv.protocol.commands import Command, Restart, Start, Stop
from improv.protocol.controls import OWN, Settings
from improv.protocol.heard import Heard
from improv.session.fallback import fallback
from improv.session.lifecycle import begin, idled
from improv.session.network import swapped
from improv.session.state import Session
from improv.session.step import advance
from improv.session.view import snapshot
from tests.conftest import form_chord
from tests.session.steady import Steady, drone, opened, through
from tests.session.test_sound import velocities


def test_another_network_goes_on_in_the_same_place_and_key() -> None:
    """The changes of the same tune, from a network that knows them in D."""
    model, other = drone(), drone("D7 | G7 | D7 | A7", "D", pitch=66)
    plain = through(opened(model), model, 96)[1]
    sessions, leaving = through(opened(model), model, 33)
    session = swapped(sessions[-1], other)
    assert (session.place, session.step, session.turn, session.position.transport) == (
        sessions[-1].place, sessions[-1].step, sessions[-1].turn, sessions[-1].position.transport,
    )  # fmt: skip
    assert (session.tune.key, session.settings.key) == ("D", "C")
    assert replace(session.settings, key=OWN) == sessions[-1].settings
    later, more = through(session, other, 63)
    assert [*leaving, *more] == plain
    assert {session.settings.key for session in later} == {"C"}


def test_the_changes_are_the_new_networks() -> None:
    model, other = drone(), drone("Am | Dm | E7 | Am | F | F | E7 | E7", "A")
    session = swapped(through(opened(model, key="G"), model, 33)[0][-1], other)
    assert session.semitones == -2
    for _ in range(200):
        session, _ = advance(session, Heard(), other)
        assert session.band.frame.chord == other_chord(other, session)


def other_chord(model: Steady, session: Session) -> Chord:
    """The chord of the network's form at a session's place, in the key that sounds."""
    assert session.tune.form.bars == model.spec.form.count("|") + 1
    return session.tune.form.chord_at(session.place).transposed(session.semitones)


BLUES = "eck2002-blues"


@pytest.fixture(scope="module")
def blues() -> OnnxModel:
    return OnnxModel(find_model(BLUES), "cpu")


def test_a_snapshot_shows_what_the_network_makes_of_it(blues: OnnxModel) -> None:
    session = opened(blues, temperature=0.0, key="D", melody_level=50)
    sessions, leaving = through(session, blues, 12)
    for here, after, leaves in zip(sessions, sessions[1:], leaving, strict=False):
        seen = snapshot(here, after, leaves.events)
        assert seen.harmony.form.split(" | ")[:2] == ["D7", "G7"]
        assert Form.parse(seen.harmony.form).bars == 12
        assert seen.planned == after.band.frame.melody
        bent, trained = (
            [chance.steered for chance in seen.network.probabilities],
            [chance.trained for chance in seen.network.probabilities],
        )
        assert (sum(bent), max(bent)) == (1, 1)  # at temperature 0 the likeliest takes all
        assert sum(trained) == pytest.approx(1, abs=0.001)
        likely = {each.pitch for each in seen.network.probabilities if each.steered}
        assert likely == after.band.frame.melody.pitches
        assert 0 < len(seen.network.memory) <= 48
        assert all(-1 <= number <= 1 for number in seen.network.memory)
        struck_ = velocities([leaves], Part.MELODY)
        assert seen.loudness[Part.MELODY] == (round(struck_[0] / 2) if struck_ else 0)
    assert snapshot(sessions[-1], sessions[-1]).planned == SILENCE


def test_the_odds_are_shown_while_you_play_too_and_not_where_the_network_failed(blues: OnnxModel) -> None:
    session = opened(blues, Mode.LISTEN)
    sessions, _ = through(session, blues, 2)
    assert snapshot(sessions[0], sessions[1]).network.probabilities
    failed, _ = fallback(sessions[1], Heard(), blues, "no")
    assert not snapshot(sessions[1], failed).network.probabilities


@pytest.mark.parametrize("at", [*range(-8, 8), 11, 40, 95, 96, 97, 150, 191])
def test_a_real_network_knows_its_place_wherever_it_comes_in(at: int, blues: OnnxModel) -> None:
    """It hears the last chorus, and so it is at once where the form is; in the count-in as at a beginning."""
    session = begin(blues, Settings(mode=Mode.SOLO), Transport(-8, 0.0, 120), count_in_bars=1)
    while session.step < at:
        session, _ = advance(session, Heard(), blues)
    session = swapped(session, blues)
    lost = 0
    while session.step < max(at, 0) + 192:
        session, _ = advance(session, Heard(), blues)
        lost += session.place >= 0 and session.band.frame.chord != form_chord(session)
    assert lost == 0


@pytest.mark.parametrize("asked", [(Stop(),), (Restart(),)], ids=["stopped", "counted in"])
@pytest.mark.parametrize("step", [5, 50, 95, 130])
def test_so_it_does_where_playing_was_stopped_or_begun_again(
    step: int, asked: tuple[Command, ...], blues: OnnxModel
) -> None:
    session = through(opened(blues), blues, step, {step - 2: asked})[0][-1]
    session = swapped(session, blues)
    if not session.position.playing:
        session = idled(session, Heard((), (Start(),)), 99.0)
    sessions, _ = through(session, blues, 200)
    assert [s.place for s in sessions if s.place >= 0 and s.band.frame.chord != form_chord(s)] == []
