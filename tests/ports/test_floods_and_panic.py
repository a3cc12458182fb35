"""Loops, floods, panic, and being stopped: what a jam over real ports has to bear.

Seen by others over real ports. Counts and places in the music are asserted; times are printed and never asserted.
`-m full` plays the big tiers.
"""

import signal
import time
from pathlib import Path

import numpy as np
import pytest

from improv.music.notes import NoteOn
from improv.music.parts import Part
from tests.ports.clients import sounding, unended
from tests.ports.jack import IMPROV_IN, IMPROV_OUT, IMPROV_THRU, Server, conclusive
from tests.ports.jackd import RATE_HZ
from tests.ports.patience import eventually
from tests.ports.test_jam import LOUD, QUIET
from tests.ports.witnessed import (
    FAST,
    JAM,
    MELODY,
    MOMENT,
    SOLO,
    ended,
    hung,
    in_place,
    pedals,
    plays,
    say,
    struck,
    take,
    told,
)

pytestmark = [pytest.mark.ports, pytest.mark.usefixtures("programs")]


@pytest.mark.parametrize("thru", [True, False], ids=["thru", "no thru"])
def test_our_own_output_in_our_own_input_is_told_and_no_storm(thru: bool, tmp_path: Path, takes: Path) -> None:
    def looped(server: Server) -> None:
        for old in takes.glob("*.take"):
            old.unlink()
        witness = server.witness()
        improv = server.improv_in_terminal(
            *JAM, "--mode", "duet", "--tempo", str(FAST), "--output", "witness", *(["--thru"] if thru else [])
        )
        plays(witness)
        server.connect(IMPROV_OUT, IMPROV_IN)
        eventually(lambda: "comes back" in improv.out, "the loop to be told")
        heard = len(witness.onsets)
        eventually(lambda: len(witness.onsets) > heard + 40, "more music")
        improv.strike(b"q")
        took_s = ended(improv)
        eventually(lambda: not hung(witness.heard()), "silence")
        entries = take(takes).entries
        planned = sum(isinstance(placed.event, NoteOn) for entry in entries for placed in entry.events)
        taken_for_yours = sum(isinstance(note.event, NoteOn) for entry in entries for note in entry.heard.notes)
        say(f"stray notes: {len(witness.onsets) - planned} sent, {taken_for_yours} heard")
        told("shutdown", [took_s])
        assert len(witness.onsets) - planned <= 32
        assert taken_for_yours <= 32

    conclusive(looped, tmp_path)


def test_what_is_passed_on_is_the_same_bytes_in_the_same_order(tmp_path: Path) -> None:
    messages = mixed(3000)

    def passed(server: Server) -> None:
        witness, keyboard = server.witness(), server.keyboard()
        improv = server.improv_in_terminal(*JAM, "--mode", "trade", "--thru", "--output", "virtual")
        eventually(lambda: "passes on to" in improv.out, "the ports")
        server.connect(IMPROV_THRU, witness.port)
        server.connect(keyboard.port, IMPROV_IN)
        keyboard.play(messages, per_s=1000)
        eventually(lambda: len(witness.heard()) >= len(messages), "all of it")
        assert [event.message for event in witness.heard()] == messages
        improv.strike(b"q")
        told("shutdown", [ended(improv)])

    conclusive(passed, tmp_path)


def mixed(count: int) -> list[tuple[int, ...]]:
    """Messages of every kind a player sends: 14-bit and numbered controllers, programs, MPE, exclusive."""
    rng = np.random.default_rng(1)
    messages: list[tuple[int, ...]] = []
    while len(messages) < count:
        channel, (first, second) = int(rng.integers(16)), (int(value) for value in rng.integers(128, size=2))
        kinds: list[list[tuple[int, ...]]] = [
            [(0x90 | channel, first, second), (0x80 | channel, first, 64)],
            [(0xB0 | channel, first % 32, second), (0xB0 | channel, first % 32 + 32, first)],
            [(0xB0 | channel, 99, first), (0xB0 | channel, 98, second), (0xB0 | channel, 6, first)],
            [(0xB0 | channel, 0, first), (0xB0 | channel, 32, second), (0xC0 | channel, first)],
            [(0xE0 | channel, first, second)],
            [(0xA0 | channel, first, second), (0xD0 | channel, second)],
            [(0xB0 | channel, 74, first), (0x90 | channel, second, 100), (0xE0 | channel, 0, 64)],
            [(0xF0, 0x7D, *(int(value) for value in rng.integers(128, size=first % 90)), 0xF7)],
        ]
        messages += kinds[int(rng.integers(8))]
    return messages


def test_a_flood_is_survived_and_notes_after_it_are_heard(tmp_path: Path, takes: Path) -> None:
    """10,000 messages a second, exclusive messages as long as JACK takes them, clock and active sensing."""
    flood = [(0x90 if number % 2 else 0x80, number // 2 % 128, 80) for number in range(10_000)]
    exclusive = [(0xF0, *(0,) * 700, 0xF7)] * 200  # as much as a port of this period holds
    storm = [(0xF8,), (0xFE,)] * 2000
    notes = [(status, pitch, 80) for pitch in range(50, 70) for status in (0x90, 0x80)]

    def flooded(server: Server) -> None:
        for old in takes.glob("*.take"):
            old.unlink()
        witness, keyboard = server.witness(), server.keyboard()
        improv = server.improv_in_terminal(*JAM, "--mode", "duet", "--tempo", str(FAST), "--output", "witness")
        plays(witness)
        server.connect(keyboard.port, IMPROV_IN)
        keyboard.play(flood, per_s=10_000)
        keyboard.play(exclusive, per_s=150)
        keyboard.play(storm, per_s=4000)
        keyboard.play([(0x80, pitch, 0) for pitch in range(128)], per_s=200)
        before = len(witness.onsets)
        eventually(lambda: len(witness.onsets) > before + 8, "the music to go on")
        keyboard.play(notes, per_s=100)
        before = len(witness.onsets)
        eventually(lambda: len(witness.onsets) > before + 8, "the music to go on")
        improv.strike(b"q")
        told("shutdown", [ended(improv)])
        eventually(lambda: not unended(witness.heard()), "an end for each onset")
        recorded = take(takes)
        heard = [note.event for entry in recorded.entries for note in entry.heard.notes]
        assert [(isinstance(note, NoteOn), note.pitch) for note in heard[-len(notes) :]] == [
            (status == 0x90, pitch) for status, pitch, _ in notes
        ]
        assert all(note.part is Part.YOU for note in heard)
        assert not [remark.text for remark in recorded.remarks if "stuck" in remark.text or "died" in remark.text]

    conclusive(flooded, tmp_path)


@pytest.mark.parametrize("how", ["SIGUSR1", "the p key"])
def test_panic_ends_all_that_is_held_and_what_a_synthesiser_sounds(how: str, tmp_path: Path) -> None:
    """128 keys and the sustain pedal, held through `--thru`, and the chord of a slow bar."""

    def panicked(server: Server) -> None:
        witness, synth, keyboard = server.witness(), server.synth(), server.keyboard()
        improv = server.improv_in_terminal(*JAM, "--mode", "trade", "--tempo", "30", "--output", "witness", "--thru")
        eventually(lambda: sounding(witness.heard()), "the first chord")
        server.connect(IMPROV_OUT, synth.port)
        server.connect(keyboard.port, IMPROV_IN)
        keyboard.play([(0xB0, 64, 127), *((0x90, pitch, 60) for pitch in range(128))], per_s=1000)
        eventually(lambda: len(sounding(witness.heard())) > 128, "all keys")
        begun = synth.frames
        eventually(lambda: synth.frames > begun + RATE_HZ // 2, "the sound of it")
        asked, asked_s = synth.frames, time.time()
        improv.signal(signal.SIGUSR1) if how == "SIGUSR1" else improv.strike(b"p")
        eventually(lambda: not (sounding(witness.heard()) or pedals(witness.heard())), "silence")
        silent_s = witness.latest_s - asked_s
        assert not unended(witness.heard())
        eventually(lambda: synth.frames > asked + RATE_HZ * 3 // 2, "the silence of it")
        samples = np.fromfile(synth.path, "<i2").astype(np.float64)[: 2 * (asked + RATE_HZ * 3 // 2)] / 2**15
        before, after = samples[2 * (asked - RATE_HZ // 4) : 2 * asked], samples[2 * asked :]
        assert float(np.sqrt(np.mean(before**2))) > LOUD
        moments = after[: after.size // MOMENT * MOMENT].reshape(-1, MOMENT)  # until the jam goes on
        assert float(np.sqrt(np.mean(moments**2, axis=1)).min()) < QUIET
        eventually(lambda: sounding(witness.heard()), "the next chord")
        improv.strike(b"q")
        took_s = ended(improv)
        told(f"{how}: last end", [silent_s])
        told("shutdown", [took_s])

    conclusive(panicked, tmp_path)


def test_after_being_stopped_for_seconds_nothing_is_caught_up(tmp_path: Path, takes: Path) -> None:
    """As when a lid is closed: no burst, and the music is where it would have been."""
    stopped_s = 3

    def resumed(server: Server) -> None:
        for old in takes.glob("*.take"):
            old.unlink()
        witness = server.witness()
        improv = server.improv_in_terminal(*SOLO, "--tempo", "160", "--output", "witness")
        plays(witness)
        chords = len(struck(witness.heard()))
        eventually(lambda: len(struck(witness.heard())) > chords, "another chord")
        improv.signal_all(signal.SIGSTOP)
        since, stopped_at_s = len(witness.heard()), time.monotonic()
        eventually(lambda: time.monotonic() > stopped_at_s + stopped_s, "three seconds")
        improv.signal_all(signal.SIGCONT)
        eventually(lambda: len(struck(witness.heard()[since:])) > 2, "three chords")
        improv.strike(b"q")
        told("shutdown", [ended(improv)])
        eventually(lambda: not hung(witness.heard()), "silence")
        after = [event for event in witness.heard()[since:] if event.is_onset]
        first = [event for event in after if event.frame < after[0].frame + RATE_HZ // 20]
        assert sum(event.channel == MELODY for event in first) <= 1
        assert len(struck(first)) <= 1
        in_place(witness, take(takes))

    conclusive(resumed, tmp_path, synchronous=False)
