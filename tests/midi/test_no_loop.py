"""What a musician repeats, and what machines repeat, is no loop."""

import random
from collections.abc import Iterator
from math import pi, sin

import pytest

from improv.midi.parser import Incoming
from improv.music.clock import SimulatedClock
from improv.music.plan import Plan
from tests.midi.listeners import QUICK, Inbox, control
from tests.midi.test_loop_detector import LINE
from tests.midi.test_passthrough import player_at


def repeated(per_s: float, length: float, count: int, *, pitch: int = 60, velocity: int = 100) -> list[Incoming]:
    """The same key again and again, down for a part of the time."""
    struck = [Incoming(index / per_s, bytes((0x90, pitch, velocity))) for index in range(count)]
    return struck + [Incoming((index + length) / per_s, bytes((0x80, pitch, 64))) for index in range(count)]


def streams() -> Iterator[tuple[str, list[Incoming]]]:
    """What sounds like a loop and is none: name and messages."""
    for per_s in (6, 8, 10, 12, 16, 20):
        yield f"a key {per_s} times a second", repeated(per_s, 0.5, 5 * per_s)
    roll = repeated(15, 0.1, 75, pitch=38, velocity=127)
    roll += [Incoming(each.time_s + 0.5 / 15, bytes((each.message[0], 40, each.message[2]))) for each in roll]
    yield "a drum roll of two sticks", roll
    yield "a drum roll on one pad", repeated(30, 0.1, 150, pitch=38, velocity=127)
    tremolo = repeated(8, 0.5, 40) + [
        Incoming(each.time_s + 1 / 16, bytes((each.message[0], 67, each.message[2]))) for each in repeated(8, 0.5, 40)
    ]
    yield "a tremolo of two keys", tremolo
    ramp = [Incoming(index / 200, bytes((0xD0, index % 128))) for index in range(1000)]
    yield "channel pressure that rises", ramp
    shaking = [Incoming(index / 100, bytes((0xD0, 64 + index % 2))) for index in range(500)]
    yield "channel pressure that trembles", shaking
    still = [Incoming(index / 100, bytes((0xA0, 60, 64))) for index in range(500)]
    yield "key pressure that stays", still
    fine = [
        Incoming(index / 100 + part / 1000, control(0, controller, value))
        for index in range(500)
        for part, (controller, value) in enumerate(((101, 0), (100, 1), (6, 64), (38, index % 128)))
    ]
    yield "a registered parameter turned slowly", fine
    yield from fingers()
    yield from machines()
    canon = random.Random(5)
    yield (
        "our line a beat later, by hand",
        [
            Incoming(
                on + canon.gauss(0.25, 0.012), bytes((status, pitch, canon.randint(60, 100) if status == 0x90 else 64))
            )
            for on, pitch in ((index * QUICK.step_s, 60 + index * 5 % 13) for index in range(40))
            for status, on in ((0x90, on), (0x80, on + 0.07))
        ],
    )


def fingers() -> Iterator[tuple[str, list[Incoming]]]:
    """What fingers of an MPE keyboard send: they are never quite still."""

    def gestures(channel: int, at: float, value: int) -> list[Incoming]:
        bend, slide = bytes((0xE0 | channel, value, 64)), control(channel, 74, value)
        return [Incoming(at, each) for each in (bytes((0xD0 | channel, value)), bend, slide)]

    dice = random.Random(3)
    three = [Incoming(index / 500, bytes((0xD1 + index % 3, 64 + index // 3 % 2))) for index in range(1500)]
    yield "three still fingers, pressure trembling by one", three
    placed = [Incoming(0.0, bytes((0x91 + finger, 60 + 4 * finger, 90))) for finger in range(3)]
    yield "three still fingers and their notes", placed + three
    yield (
        "three fingers trembling at random",
        [Incoming(index / 500, bytes((0xD1 + index % 3, 64 + dice.randint(-1, 1)))) for index in range(1500)],
    )
    ten: list[Incoming] = []
    for cycle in range(400):
        for finger in range(min(10, 1 + cycle // 30)):
            at = cycle / 100 + finger / 2000
            if cycle == 30 * finger:
                ten.append(Incoming(at, bytes((0x91 + finger, 60 + finger, 90))))
            ten += gestures(1 + finger, at, 64 + cycle % 2)
    yield "ten fingers, one after the other, pressure, bend and slide", ten
    drifting = [Incoming(index / 500, bytes((0xD1, 40 + index // 50 + index % 2))) for index in range(1500)]
    yield "a finger that presses harder and harder", drifting
    vibrato = [
        Incoming(index / 400, bytes((0xE1, 0, round(64 + 9 * sin(index / 400 * 2 * pi * 6))))) for index in range(1600)
    ]
    yield "vibrato on a wheel", vibrato
    sweep = [Incoming(index / 250, control(0, 1, abs((index * 3) % 254 - 127))) for index in range(1500)]
    yield "a wheel up and down", sweep


HIT = b"\x95\x26\x7f"


def roll_of_hits(begin_s: float) -> list[Incoming]:
    """Sticks on a pad that has one loudness and sends no ends."""
    return [Incoming(begin_s + index / 25, bytes(bytearray(HIT))) for index in range(100)]


def machines() -> Iterator[tuple[str, list[Incoming]]]:
    """What sequencers, arpeggiators and doubled cables send."""
    touching: list[Incoming] = []
    for index in range(64):  # the next note begins before the last one ends
        touching += [Incoming(index / 8, b"\x90\x3c\x64"), *([Incoming(index / 8, b"\x80\x3c\x40")] if index else [])]
    yield "sixteenths that touch, the same key", touching
    arpeggio = [
        Incoming((index + part / 2) / 12, bytes((0x90 - 0x10 * part, 60 + 4 * (index % 3), 100 - 36 * part)))
        for index in range(96)
        for part in (0, 1)
    ]
    yield "an arpeggio", arpeggio
    twice = [each for one in arpeggio for each in (one, Incoming(one.time_s + 0.001, bytes(bytearray(one.message))))]
    yield "a keyboard that is connected twice", twice
    growing: list[Incoming] = []
    for index in range(16 * 8):
        for voice in range(min(6, index // 16)):  # one more sound in each bar
            if index % 4 == voice % 4:
                growing += [
                    Incoming(index / 8 + 0.002 * voice, bytes((0x95, 40 + voice, 100))),
                    Incoming(index / 8 + 0.06 + 0.002 * voice, bytes((0x85, 40 + voice, 64))),
                ]
    yield "a pattern of four steps that is filled", growing
    yield "hits that never end", [Incoming(index / 12, b"\x95\x26\x7f") for index in range(96)]
    yield "and a roll of them", [*(Incoming(index / 4, HIT) for index in range(3)), *roll_of_hits(1.0)]


@pytest.mark.parametrize(
    ("stream", "thru"),
    [
        pytest.param(stream, thru, id=f"{name}, {thru}")
        for name, stream in streams()
        for thru in ("none", "separate", "same")
    ],
)
def test_what_a_musician_repeats_is_no_loop(stream: list[Incoming], thru: str) -> None:
    clock, inbox = SimulatedClock(), Inbox()
    player, _, on = player_at(clock, inbox, thru)
    player.play(Plan(0, LINE, QUICK))
    for incoming in sorted(stream, key=lambda each: each.time_s):
        inbox.put(incoming.time_s, incoming)
    player.listen_until(max(incoming.time_s for incoming in stream) + 1, at_once=False)
    assert (player.loop_detector.found, player.loop_detector.swallowed) == (0, 0)
    theirs = {id(incoming.message) for incoming in stream}
    assert sum(id(message) in theirs for message in on.messages) == (len(stream) if thru != "none" else 0)


def test_a_roll_on_an_unknown_pad_costs_one_stroke_at_most() -> None:
    clock, inbox = SimulatedClock(), Inbox()
    player, _, on = player_at(clock, inbox, "same")
    for incoming in roll_of_hits(1.0):
        inbox.put(incoming.time_s, incoming)
    player.listen_until(6, at_once=False)
    assert player.loop_detector.swallowed <= 1
    assert sum(message == HIT for message in on.messages) >= 99
