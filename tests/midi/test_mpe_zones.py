"""MPE zones as controllers announce them, and who has to keep off."""

import pytest

from improv.midi.messages import CONTROL, NOTE_ON
from improv.midi.mpe_zones import Zones
from improv.midi.parser import Incoming
from improv.midi.player import Player
from improv.music.clock import SimulatedClock
from improv.music.notes import NoteOff, NoteOn, Placed
from improv.music.parts import PERCUSSION_CHANNEL, Part
from improv.music.plan import Plan
from improv.music.transport import Transport
from improv.protocol.commands import Panic
from tests.midi.listeners import Inbox, Listener


def announcement(manager: int, members: int) -> list[bytes]:
    """An MPE configuration message."""
    return [bytes((CONTROL | manager, controller, value)) for controller, value in ((101, 0), (100, 6), (6, members))]


@pytest.mark.parametrize(
    ("announced", "channels"),
    [
        pytest.param([], set(), id="none"),
        pytest.param([(0, 5)], set(range(6)), id="lower"),
        pytest.param([(15, 3)], {12, 13, 14, 15}, id="upper"),
        pytest.param([(0, 15)], set(range(16)), id="all"),
        pytest.param([(0, 7), (15, 7)], set(range(16)), id="both"),
        pytest.param([(0, 10), (15, 10)], {0, 1, 2, 3, 4, *range(5, 16)}, id="the newer one takes from the older"),
        pytest.param([(0, 5), (0, 0)], set(), id="and given back"),
        pytest.param([(3, 5)], set(), id="no manager channel"),
    ],
)
def test_zones_take_channels(announced: list[tuple[int, int]], channels: set[int]) -> None:
    zones = Zones()
    for manager, members in announced:
        for message in announcement(manager, members):
            zones.enter(message)
    assert zones.channels == channels


@pytest.mark.parametrize(
    "messages",
    [
        pytest.param([(6, 5)], id="data entry alone"),
        pytest.param([(101, 0), (100, 0), (6, 12)], id="bend range"),
        pytest.param([(101, 0), (100, 6), (99, 1), (98, 6), (6, 5)], id="an NRPN after it"),
    ],
)
def test_other_parameters_are_no_zones(messages: list[tuple[int, int]]) -> None:
    zones = Zones()
    assert not any(zones.enter(bytes((CONTROL, *message))) for message in messages)
    assert not zones.channels


@pytest.mark.parametrize(("members", "channel"), [(0, 0), (5, 14), (13, 14), (15, None)])
def test_improv_keeps_off_the_channels_of_a_zone(members: int, channel: int | None) -> None:
    clock, hand = SimulatedClock(), Inbox()
    wire = Listener(clock)
    hand.put(0.1, *(Incoming(0.1, message) for message in announcement(0, members)))
    with Player(clock, wire, [hand], thru=wire) as player:
        events = (Placed(12, NoteOn(Part.MELODY, 60, 80)), Placed(24, NoteOff(Part.MELODY, 60)))
        player.listen_until(0.5, at_once=False)
        player.play(Plan(2, events, Transport(0, 0.0, 60)))
        player.listen_until(3.0, at_once=False)
    onsets = [message for message in wire.messages if message[0] & 0xF0 == NOTE_ON]
    assert [message[0] & 0x0F for message in onsets] == ([] if channel is None else [channel])
    assert Part.MELODY.channel == 0


def test_what_ends_for_a_zone_is_told_so_that_it_is_struck_anew() -> None:
    clock, hand = SimulatedClock(), Inbox()
    wire = Listener(clock)
    hand.put(0.1, *(Incoming(0.1, message) for message in announcement(0, 5)))
    with Player(clock, wire, [hand], thru=wire) as player:
        player.play(Plan(0, (Placed(0, NoteOn(Part.CHORDS, 60, 80)),), Transport(0, 0.0, 60)))
        heard = player.listen_until(0.2, at_once=False)
        assert heard is not None
        assert heard.commands == (Panic(),)


def test_drums_are_never_moved_to_a_channel_of_notes() -> None:
    zones = Zones()
    for message in announcement(0, 13):
        zones.enter(message)
    assert (zones.free(0), zones.free(Part.DRUMS.channel)) == (14, None)


@pytest.mark.parametrize("lower", range(16))
@pytest.mark.parametrize("upper", range(0, 16, 3))
def test_no_two_parts_are_given_one_channel_whatever_the_zones_are(lower: int, upper: int) -> None:
    zones = Zones()
    for message in (*announcement(0, lower), *announcement(15, upper)):
        zones.enter(message)
    given = [zones.free(part.channel) for part in Part]
    found = [channel for channel in given if channel is not None]
    assert len(set(found)) == len(found)
    assert not zones.channels & set(found)
    assert PERCUSSION_CHANNEL not in found[:-1]
    outside = len(set(range(16)) - zones.channels - {PERCUSSION_CHANNEL})
    assert len([channel for channel in given[:-1] if channel is not None]) <= outside
