"""What arrives is passed on byte for byte, at once, wherever improv plays."""

import random
from collections.abc import Iterator

import pytest

from improv.midi.controller_filter import ControllerFilter, PassOn
from improv.midi.parser import Incoming
from improv.midi.player import Player
from improv.music.clock import SimulatedClock
from improv.music.notes import in_order
from improv.music.parts import Part
from improv.music.plan import Plan
from improv.music.transport import Transport
from tests.midi.listeners import QUICK, Inbox, Listener, control, is_off, is_on, notes


def player_at(
    clock: SimulatedClock, inbox: Inbox, thru: str = "none", *, counts: bool = False
) -> tuple[Player, Listener, Listener]:
    """A player, what its output hears, and what is heard where messages are passed on to."""
    out = Listener(clock, counts=counts)
    on = {"none": None, "same": out, "separate": Listener(clock)}[thru]
    return Player(clock, out, [inbox], thru=on), out, on or Listener(clock)


def phrases(chance: random.Random) -> Iterator[bytes]:
    """What controllers send: notes, wheels in 14 bits, parameters, patches, MPE zones and fingers, dumps, transport."""

    def value() -> int:
        return chance.randrange(128)

    while True:
        channel = chance.randrange(16)
        match chance.randrange(12):
            case 0 | 1 | 2:
                pitch = value()
                yield bytes((0x90 | channel, pitch, chance.randrange(1, 128)))
                yield from (bytes((0xA0 | channel, pitch, value())) for _ in range(chance.randrange(4)))
                yield chance.choice((bytes((0x80 | channel, pitch, value())), bytes((0x90 | channel, pitch, 0))))
            case 3:  # a wheel in 14 bits: coarse on 0..31, fine on 32..63
                wheel = chance.choice((1, 2, 7, 10, 11))
                yield from (control(channel, wheel, value()), control(channel, wheel + 32, value()))
            case 4 | 5:  # a parameter, registered or not, its value, and the null that ends it
                coarse, fine = chance.choice(((101, 100), (99, 98)))
                yield from (control(channel, coarse, value()), control(channel, fine, chance.randrange(6)))
                yield from (control(channel, 6, value()), control(channel, 38, value()))
                yield from (control(channel, coarse, 127), control(channel, fine, 127))
            case 6:  # bank and program
                yield from (control(channel, 0, value()), control(channel, 32, value()))
                yield bytes((0xC0 | channel, value()))
            case 7:
                yield from (bytes((0xE0 | channel, value(), value())) for _ in range(chance.randrange(1, 9)))
            case 8:
                yield from (bytes((0xD0 | channel, value())) for _ in range(chance.randrange(1, 9)))
            case 9:  # an MPE zone, and a finger on one of its members
                manager = chance.choice((0, 15))
                yield from (control(manager, 101, 0), control(manager, 100, 6), control(manager, 6, value() % 16))
                pitch = value()
                yield bytes((0xE0 | channel, value(), value()))
                yield from (control(channel, 74, value()), bytes((0x90 | channel, pitch, 1 + value() % 127)))
                yield from (bytes((0xD0 | channel, value())), bytes((0x80 | channel, pitch, value())))
            case 10:
                yield b"\xf0" + bytes(value() for _ in range(chance.randrange(20))) + b"\xf7"
            case 11:
                yield chance.choice((b"\xfa", b"\xfb", b"\xfc", b"\xff", b"\xf6", bytes((0xF2, value(), value()))))


def passes(messages: int, thru: str, chance: random.Random) -> None:
    """Play so many messages through a player that plays as well, a message each millisecond or so."""
    clock, inbox = SimulatedClock(), Inbox()
    player, out, on = player_at(clock, inbox, thru)
    came = phrases(chance)
    tune = notes(*((beat, beat + 0.5, 60 + beat) for beat in range(8)))
    for _ in range(-(-messages // 1000)):
        arrivals = [Incoming(clock.now() + index / 1000, next(came)) for index in range(1000)]
        for arrival in arrivals:
            inbox.put(arrival.time_s, arrival)
        player.play(Plan(0, tune, Transport(0, clock.now(), 240)))
        player.listen_until(clock.now() + 1, at_once=False)
        theirs = {id(arrival.message) for arrival in arrivals}
        long = [message for message in on.messages if id(message) in theirs and len(message) > 1]
        assert long == [arrival.message for arrival in arrivals if len(arrival.message) > 1]
        if thru == "separate":
            assert on.messages == [arrival.message for arrival in arrivals]
        assert player.onsets.count
        out.sent.clear()
        on.sent.clear()
    assert player.loop_detector.swallowed == 0
    player.silence()
    assert out.synth.at_rest
    assert on.synth.at_rest


@pytest.mark.parametrize("thru", ["separate", "same"])
def test_whatever_is_played_is_passed_on_byte_for_byte_and_in_order(thru: str) -> None:
    passes(20_000, thru, random.Random(20))


@pytest.mark.full
@pytest.mark.parametrize("thru", ["separate", "same"])
def test_a_million_messages_are_passed_on_byte_for_byte_and_in_order(thru: str) -> None:
    passes(1_000_000, thru, random.Random(21))


def test_a_synthesiser_that_counts_is_left_with_no_note_that_both_have_held() -> None:
    clock, inbox = SimulatedClock(), Inbox()
    player, out, _ = player_at(clock, inbox, "same", counts=True)
    player.play(Plan(0, notes((0, 2, 60)), QUICK))
    inbox.put(0.1, Incoming(0.1, b"\x90\x3c\x50"))
    inbox.put(0.9, Incoming(0.9, b"\x80\x3c\x40"))
    player.listen_until(1.0, at_once=False)
    assert out.synth.silent


def test_ours_is_ended_before_it_is_struck_again_also_while_another_holds_the_key() -> None:
    clock, inbox = SimulatedClock(), Inbox()
    player, out, _ = player_at(clock, inbox, "same")
    inbox.put(0.0, Incoming(0.0, b"\x90\x3c\x50"))
    player.listen_until(0.01, at_once=False)
    player.play(Plan(1, notes((1, 2, 60), (2, 3, 60), (3, 4, 60)), QUICK))
    player.listen_until(2.0, at_once=False)
    kinds = ["on" if is_on(message) else "off" for message in out.messages[1:] if is_on(message) or is_off(message)]
    assert "on on" not in " ".join(kinds)


def test_parts_that_a_zone_drives_away_do_not_meet_on_one_channel() -> None:
    clock, inbox = SimulatedClock(), Inbox()
    player, out, _ = player_at(clock, inbox, "same", counts=True)
    for index, (controller, value) in enumerate(((101, 0), (100, 6), (6, 5))):
        inbox.put(index / 1000, Incoming(index / 1000, control(0, controller, value)))
    player.listen_until(0.1, at_once=False)
    player.play(Plan(1, in_order([*notes((1, 4, 60)), *notes((2, 3, 60), part=Part.CHORDS)]), QUICK))
    sounding = []
    for step in (1, 2, 3):
        player.listen_until(step * 0.25 + 0.1, at_once=False)
        sounding.append(out.synth.keys.total())
        assert max(out.synth.keys.values(), default=0) <= 1
    assert sounding == [1, 2, 1]


def test_passing_on_is_turned_off_and_on() -> None:
    clock, inbox = SimulatedClock(), Inbox()
    out, apart = Listener(clock), Listener(clock)
    with Player(clock, out, [inbox], thru=apart, passes_on=False) as player:
        for at, pitch, on in ((0.1, 60, True), (0.3, 64, False), (0.5, 67, True)):
            inbox.put(at, Incoming(at, bytes((0x90, pitch, 80))))
            inbox.put(at + 0.1, PassOn(on))
        player.listen_until(0.7, at_once=False)
        assert [message[1] for message in apart.messages if is_on(message)] == [64]
        assert apart.synth.at_rest  # what was passed on ended when passing on did


def test_a_pedal_that_is_bound_while_it_is_down_comes_up() -> None:
    clock, inbox = SimulatedClock(), Inbox()
    apart = Listener(clock)
    with Player(clock, Listener(clock), [inbox], thru=apart) as player:
        inbox.put(0.1, Incoming(0.1, bytes((0xB0, 64, 127))))
        inbox.put(0.2, ControllerFilter(bound=frozenset({(0xB0, 64, -1)})))
        inbox.put(0.3, Incoming(0.3, bytes((0xB0, 64, 0))))
        player.listen_until(0.4, at_once=False)
        assert apart.messages == [bytes((0xB0, 64, 127)), bytes((0xB0, 64, 0))]
        assert player.passthrough.ledger.empty
