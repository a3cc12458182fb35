"""The doors and tools beside the music over real MIDI ports: lights, monitor, doctor, panic, completion.

As in test_real_ports, waiting is for something to be seen, and a failure where JACK was late is inconclusive.
"""

import json
import signal
from pathlib import Path
from typing import Any

import pytest

from tests.ports.clients import Witness, sounding
from tests.ports.jack import IMPROV_IN, IMPROV_OUT, Server, conclusive
from tests.ports.patience import eventually

pytestmark = [pytest.mark.ports, pytest.mark.usefixtures("programs")]

JAM = (
    "jam",
    "--model",
    "eck2002-blues",
    "--api",
    "jack",
    "--provider",
    "cpu",
    "--count-in",
    "0",
    "--seed",
    "1",
    "--mode",
    "solo",
)
KNOBS = {20, 21, 22, 23, 24, 25}
"""The controllers that turn something unless the user has bound others."""

PHRASE = [(0x90, 60, 90), (0x80, 60, 0), (0xB0, 64, 127), (0xE3, 0, 64)]
SHOWN = [
    {"kind": "note on", "channel": 1, "note": "C4", "velocity": 90},
    {"kind": "note off", "channel": 1, "note": "C4", "velocity": 0},
    {"kind": "controller", "channel": 1, "controller": 64, "name": "sustain pedal", "value": 127},
    {"kind": "bend", "channel": 4, "value": 0},
]


def test_a_controller_that_is_plugged_in_again_has_its_lights_told_again(tmp_path: Path) -> None:
    def replugged(server: Server) -> None:
        pads, synth = server.witness("pads"), server.witness("synth")
        improv = server.improv(*JAM, "--output", "synth", "--lights", "pads", "--tempo", "240")
        eventually(lambda: lit(pads) == KNOBS, "the lights")
        pads.program.kill()
        eventually(lambda: "pads:input is gone" in improv.out, "the controller to be missed")
        pads = server.witness("pads")
        eventually(lambda: lit(pads) == KNOBS, "the lights again")
        assert synth.onsets
        improv.signal(signal.SIGTERM)
        assert improv.ended() == 0, improv.err

    conclusive(replugged, tmp_path, synchronous=False)


def test_a_controller_that_is_plugged_in_late_has_its_lights_told(tmp_path: Path) -> None:
    def plugged(server: Server) -> None:
        synth = server.witness("synth")
        improv = server.improv(*JAM, "--output", "synth", "--lights", "pads", "--tempo", "240")
        eventually(lambda: synth.onsets, "the music")
        eventually(lambda: "lights: no MIDI output 'pads'; the outputs are: synth:input" in improv.out, "it to be told")
        pads = server.witness("pads")
        eventually(lambda: lit(pads) == KNOBS, "the lights")
        assert "pads:input is back" in improv.out

    conclusive(plugged, tmp_path)


def lit(pads: Witness) -> set[int]:
    """The knobs whose lights were told where they stand."""
    return {event.message[1] for event in pads.heard() if event.message[0] == 0xB0} & KNOBS


@pytest.mark.parametrize("named", [True, False], ids=["a port by name", "a port of its own"])
def test_monitor_shows_what_arrives(named: bool, tmp_path: Path) -> None:
    def monitored(server: Server) -> None:
        keyboard = server.keyboard()
        monitor = server.improv("monitor", "--api", "jack", "--json", *(["--input", "KEYB"] if named else []))
        eventually(lambda: "until Ctrl-C" in monitor.err or not monitor.running, "the monitor")
        if not named:
            server.connect(keyboard.port, IMPROV_IN)
        keyboard.play(PHRASE)
        eventually(lambda: len(monitor.out.splitlines()) >= len(PHRASE), "the phrase")
        monitor.signal(signal.SIGINT)
        assert monitor.ended() == 0, monitor.err
        lines: list[dict[str, Any]] = [json.loads(line) for line in monitor.out.splitlines()]
        times_s = [line.pop("time_s") for line in lines]
        assert lines == SHOWN
        assert times_s == sorted(times_s)

    conclusive(monitored, tmp_path)


def test_monitor_says_that_an_input_has_gone_and_is_back(tmp_path: Path) -> None:
    def replugged(server: Server) -> None:
        keyboard = server.keyboard()
        monitor = server.improv("monitor", "--input", "keyboard", "--count", "1")
        eventually(lambda: "until Ctrl-C" in monitor.err or not monitor.running, "the monitor")
        keyboard.program.close()
        eventually(lambda: "input keyboard:out is gone" in monitor.out, "the keyboard to be missed")
        keyboard = server.keyboard()
        eventually(lambda: "input keyboard:out is back" in monitor.out, "the keyboard to be back")
        keyboard.play(PHRASE[:1])
        assert monitor.ended() == 0, monitor.err
        assert monitor.out.endswith("note on        ch 1   C4  90\n")

    conclusive(replugged, tmp_path)


def test_doctor_finds_ports_and_sends_notes_round(tmp_path: Path) -> None:
    """To ports of its own: no other program hears them."""

    def looked(server: Server) -> None:
        keyboard, witness = server.keyboard(), server.witness()
        doctor = server.improv("doctor", "--json")
        doctor.ended()  # what is wrong with this machine besides is no matter here
        found = {finding["what"]: finding for finding in json.loads(doctor.out)}
        assert found["MIDI system"]["says"].startswith("jack is used")
        assert found["inputs"]["says"] == keyboard.port
        assert found["outputs"]["says"] == witness.port
        assert found["round trip"]["ok"]
        assert found["round trip"]["says"].startswith("20 of 20 notes came back")
        assert not witness.heard()

    conclusive(looked, tmp_path)


def silenced(witness: Witness) -> set[int]:
    """The channels that were told to end all notes."""
    return {
        event.channel for event in witness.heard() if event.message[0] & 0xF0 == 0xB0 and event.message[1:] == (123, 0)
    }


def test_panic_without_improv_silences_every_channel_of_the_output_it_is_given(tmp_path: Path) -> None:
    def panicked(server: Server) -> None:
        oboe, bassoon = server.witness("oboe"), server.witness("bassoon")
        panic = server.improv("panic", "--output", "OBOE")
        assert (panic.ended(), panic.out) == (0, "silenced oboe:input\n"), panic.err
        eventually(lambda: silenced(oboe) == set(range(1, 17)), "all channels")
        assert not bassoon.heard()

    conclusive(panicked, tmp_path)


def test_panic_is_done_by_the_jam_that_plays(tmp_path: Path) -> None:
    def panicked(server: Server) -> None:
        witness = server.witness()
        improv = server.improv(*JAM, "--instance", "stage")
        eventually(lambda: "plays to" in improv.out or not improv.running, "its ports")
        server.connect(IMPROV_OUT, witness.port)
        eventually(lambda: sounding(witness.heard()), "the music")
        panic = server.improv("panic", "--instance", "stage")
        assert (panic.ended(), panic.out) == (0, "silenced\n"), panic.err
        eventually(lambda: silenced(witness) >= {1, 2}, "silence")
        onsets = len(witness.onsets)
        eventually(lambda: len(witness.onsets) > onsets, "the music that goes on")

    conclusive(panicked, tmp_path)


COMPLETIONS: dict[str, list[str]] = {
    "improv jam --input ": [r"keyboard\:out"],
    "improv monitor --input key": [r"keyboard\:out"],
    "improv jam --output o": [r"oboe\:input", r"oval\:input"],
    "improv jam --output oboe\\:": ["oboe:input"],
    "improv panic -o tw": [r"two\ words\:input"],
    "improv jam --output two\\ w": [],
    "improv jam --lights ob": [r"oboe\:input"],
    "improv daemon start --input ob": [],
}


def test_a_shell_completes_the_names_of_ports(tmp_path: Path) -> None:
    """As bash has to be given them: a space or a colon would end the word."""

    def asked(server: Server) -> None:
        server.keyboard()
        for name in ("oboe", "oval", "two words"):
            server.witness(name)
        assert {line: server.completed(line) for line in COMPLETIONS} == COMPLETIONS

    conclusive(asked, tmp_path)
