"""How a solo builds: sparser and lower at first, higher until its last chorus but one."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from improv.models.encodings import ENCODINGS, Cells, Steer
from improv.music.transport import Transport
from improv.music.turns import Mode
from improv.protocol.controls import Settings
from improv.session.build import Built, built
from improv.session.lifecycle import begin
from improv.session.melody import steering
from improv.session.state import Session
from tests.session.steady import drone

MODEL = drone()
CELLS = ENCODINGS["cells"]


def solo(choruses: int | None, mode: Mode = Mode.SOLO, **settings: float) -> Session:
    return begin(MODEL, Settings.of(mode=mode, **settings), Transport(0, 0.0, 120.0), choruses=choruses)


def at(session: Session, chorus: int, step: int = 7) -> Session:
    """The session at a step of a chorus."""
    return replace(session, position=replace(session.position, step=chorus * session.tune.form.steps + step))


@pytest.mark.parametrize("mode", list(Mode))
def test_a_solo_builds_up_and_nothing_else_does(mode: Mode) -> None:
    """In six choruses, and in six more where there is no end to come."""
    for choruses in (6, None):
        session = solo(choruses, mode, density=0.1)
        steers = [steering(there, there, CELLS) for there in [at(session, chorus) for chorus in range(6)]]
        found, rises = [each.density for each in steers], [each.rise for each in steers]
        if mode is Mode.SOLO:
            assert found == sorted(found)
            assert found[0] < 0.1 < found[-1]
            assert rises[:5] == sorted(rises[:5])
            assert rises[0] < rises[-1] == 0 < rises[4]
        else:
            assert len(set(found)) == 1
            assert set(rises) == {0}


@pytest.mark.parametrize("build", [0.0, 0.5, 2.0])
def test_the_control_says_how_far(build: float) -> None:
    session = at(solo(6, build=build), 4)
    steer, whole = steering(session, session, CELLS), built(session)
    assert (steer.density, steer.rise) == pytest.approx((build * whole.density, build * whole.rise))


@pytest.mark.parametrize(("choruses", "share"), [(1, 0.0), (2, 0.5), (3, 1.0), (12, 1.0)])
def test_how_far_a_solo_builds_follows_from_its_length(choruses: int, share: float) -> None:
    session = solo(choruses)
    first, last = built(session), built(at(session, choruses - 1))
    assert last.density - first.density == pytest.approx(share * 0.59)
    assert last.rise - first.rise == pytest.approx(share * 0.018)


@pytest.mark.parametrize("rules", [0, 1, 2])
def test_takes_from_before_build_evenly_and_do_not_rise(rules: int) -> None:
    session = solo(6)
    session = replace(session, settings=replace(session.settings, soloist_rules=rules))
    found = [built(at(session, chorus)) for chorus in range(6)]
    assert [each.rise for each in found] == [0] * 6
    assert np.diff([each.density for each in found]) == pytest.approx([0.79 / 5] * 5)
    assert found[0].density == pytest.approx(-0.37)


def test_a_network_that_learned_from_no_solos_does_not_build() -> None:
    session = solo(None)
    for name, encoding in ENCODINGS.items():
        steer = steering(session, session, encoding)
        assert ((steer.density, steer.rise) == (0, 0)) == ("build" in encoding.unsupported_controls), name


def test_a_solo_without_an_end_begins_anew() -> None:
    session = solo(None)
    early, again, before = (
        built(at(session, 0)),
        built(at(session, 6)),
        built(at(session, 5, session.tune.form.steps - 1)),
    )
    assert early == again != before
    assert early.density < before.density


def test_what_comes_before_the_top_is_as_the_first_chorus() -> None:
    session = solo(6)
    assert built(replace(session, position=replace(session.position, step=-5))) == built(session)
    assert built(solo(1)) == Built()


def test_where_a_line_rises_each_pitch_is_likelier_than_the_one_below() -> None:
    cells = Cells()
    bias = cells.pitch_bias(Steer(rise=0.25), None)
    assert [higher - lower for lower, higher in pairwise(bias)] == pytest.approx([0.25] * (cells.pitch_count - 1))
    falling = cells.pitch_bias(Steer(rise=-0.25, compass=(60, 70)), None)
    inside = falling[np.isfinite(falling)]
    assert len(inside) == 11
    assert np.diff(inside) == pytest.approx([-0.25] * 10)
