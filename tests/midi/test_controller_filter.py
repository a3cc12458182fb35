"""Which messages of knobs, keys and pedals reach the daemon."""

import pytest

from improv.midi.controller_filter import ControllerFilter
from improv.midi.parser import Incoming
from improv.midi.player import Player
from improv.music.clock import SimulatedClock
from tests.midi.listeners import Inbox, Listener

KNOB, PAD, PATCH = bytes((0xB3, 20, 99)), bytes((0x99, 36, 80)), bytes((0xC0, 7))


@pytest.mark.parametrize(
    ("chosen", "message", "told", "passed"),
    [
        pytest.param(ControllerFilter(), KNOB, False, True, id="not chosen"),
        pytest.param(ControllerFilter(bound=frozenset({(0xB0, 20, -1)})), KNOB, True, False, id="bound"),
        pytest.param(ControllerFilter(bound=frozenset({(0xB0, 20, 3)})), KNOB, True, False, id="bound on its channel"),
        pytest.param(
            ControllerFilter(bound=frozenset({(0xB0, 20, 4)})), KNOB, False, True, id="bound on another channel"
        ),
        pytest.param(ControllerFilter(shared=frozenset({(0xB0, 20, -1)})), KNOB, True, True, id="shared"),
        pytest.param(ControllerFilter(learning=True), KNOB, True, True, id="learning"),
        pytest.param(ControllerFilter(bound=frozenset({(0x90, 36, 9)})), PAD, True, False, id="a pad"),
        pytest.param(
            ControllerFilter(bound=frozenset({(0x90, 36, 9)})), bytes((0x99, 36, 0)), False, True, id="a pad let go"
        ),
        pytest.param(ControllerFilter(bound=frozenset({(0x90, 36, 9)})), bytes((0x89, 36, 0)), False, True, id="or so"),
        pytest.param(ControllerFilter(bound=frozenset({(0xC0, 7, -1)})), PATCH, True, False, id="a patch"),
        pytest.param(ControllerFilter(learning=True), bytes((0xE0, 0, 64)), False, True, id="a bend is no knob"),
    ],
)
def test_knobs_reach_the_daemon_and_are_passed_on_or_not(
    chosen: ControllerFilter, message: bytes, told: bool, passed: bool
) -> None:
    clock, inbox = SimulatedClock(), Inbox()
    out, apart = Listener(clock), Listener(clock)
    with Player(clock, out, [inbox], thru=apart) as player:
        inbox.put(0.1, chosen)
        inbox.put(0.2, Incoming(0.2, message))
        player.listen_until(0.3, at_once=False)
        assert player.controllers.take() == ([(0.2, message)] if told else [])
        assert (message in apart.messages) is passed
        assert player.controllers.take() == []


def test_a_flood_of_knobs_is_bounded_and_the_last_place_is_kept() -> None:
    clock, inbox = SimulatedClock(), Inbox()
    with Player(clock, Listener(clock), [inbox]) as player:
        inbox.put(0.1, ControllerFilter(bound=frozenset({(0xB0, 20, -1)})))
        inbox.put(0.2, *(Incoming(0.2, bytes((0xB0, 20, value % 128))) for value in range(10_000)))
        player.listen_until(0.3, at_once=False)
        turned = player.controllers.take()
    assert len(turned) < 100
    assert turned[-1][1] == bytes((0xB0, 20, 9_999 % 128))
