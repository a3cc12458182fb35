"""What ports normalise and whom a name means; the ports themselves are tested in test_real_ports."""

import pytest

from improv.errors import InputNotFound, UsageError
from improv.midi.messages import bytes_of
from improv.midi.port_names import is_ours, match_port, one_of_each
from improv.music.notes import NoteOff, NoteOn
from improv.music.parts import Part

ALSA = ["Midi Through:Midi Through Port-0 14:0", "KeyLab 49:KeyLab 49 MIDI 1 24:0", "KeyLab 49:KeyLab 49 MIDI 2 24:1"]
JACK = ["a2j:KeyLab 49 [24] (capture): KeyLab 49 MIDI 1", "synth:midi_00"]


@pytest.mark.parametrize(
    ("wanted", "names", "index"),
    [
        ("synth:midi_00", JACK, 1),
        ("synth", JACK, 1),
        ("SYNTH", JACK, 1),
        ("KeyLab 49:KeyLab 49 MIDI 1 28:0", ALSA, 1),  # replugged: other numbers
        ("keylab 49:keylab 49 midi 2", ALSA, 2),
        ("through", ALSA, 0),
        ("MIDI 2", ALSA, 2),
        ("Port 1", ["Port 10", "Port 1"], 1),
        ("port 1", ["Port 10", "Port 1", "Port 12"], 1),
        ("Launchkey  [20]", ["Launchkey [24]"], 0),
    ],
)
def test_a_name_means_a_port(wanted: str, names: list[str], index: int) -> None:
    assert match_port(wanted, names, "input") == index


def test_an_ambiguous_name_lists_the_candidates() -> None:
    with pytest.raises(UsageError, match=r"'keylab' is ambiguous.*MIDI 1 24:0; KeyLab 49:KeyLab 49 MIDI 2 24:1$"):
        match_port("keylab", ALSA, "input")


def test_an_unknown_name_lists_the_ports() -> None:
    with pytest.raises(InputNotFound, match=r"no MIDI output 'moog'.*a2j:KeyLab.*; synth:midi_00$"):
        match_port("moog", JACK, "output")
    with pytest.raises(InputNotFound, match=r"are: none$"):
        match_port("moog", [], "output")


def test_each_part_has_its_channel() -> None:
    assert bytes_of(NoteOn(Part.MELODY, 60, 90)) == bytes((0x90, 60, 90))
    assert bytes_of(NoteOff(Part.CHORDS, 48)) == bytes((0x81, 48, 64))
    assert bytes_of(NoteOn(Part.DRUMS, 37, 90)) == bytes((0x99, 37, 90))


@pytest.mark.parametrize(
    ("name", "ours"),
    [
        ("improv-out:improv out", True),
        ("improv-in-01:improv in", True),
        ("improv-thru:improv thru 129:0", True),
        ("improv out", True),  # CoreMIDI
        ("a2j:improv-out [129] (capture): [0] improv out", True),
        ("Midi-Bridge:improv-out:(capture_0) improv out", True),
        ("improv-doctor-in:improv-doctor", True),
        ("improv-synth:midi_in", False),
        ("improv-out:midi_in", False),
        ("improv-in:improv out", False),
        ("improv outboard:in", False),
        ("my improv-out:improv out", False),
    ],
)
def test_only_what_is_really_ours_is_ours(name: str, ours: bool) -> None:
    assert is_ours(name) is ours


THROUGH = "Midi Through:Midi Through Port-0 14:0"
KEYS, FLUID = "KeyLab:KeyLab MIDI 1 24:0", "FLUID Synth (12):Synth input port (12:0) 128:0"


@pytest.mark.parametrize(
    ("inputs", "outputs", "pair"),
    [
        (["keys:out"], ["synth:in"], ("keys:out", "synth:in")),
        ([THROUGH, KEYS], [THROUGH, KEYS, FLUID], (KEYS, FLUID)),  # a keyboard has lights
        (
            ["a2j:KeyLab [24] (capture): [0] KeyLab MIDI 1"],
            ["a2j:KeyLab [24] (playback): [0] KeyLab MIDI 1", "fluidsynth:midi"],
            ("a2j:KeyLab [24] (capture): [0] KeyLab MIDI 1", "fluidsynth:midi"),
        ),
        (["KeyLab 0"], ["Microsoft GS Wavetable Synth 0", "KeyLab 1"], ("KeyLab 0", "Microsoft GS Wavetable Synth 0")),
        (["keys:out"], [], None),
        ([], ["synth:in"], None),
        ([KEYS], [KEYS], None),
        (["keys:out", "more:out"], ["synth:in"], None),
        (["keys:out"], ["synth:in", "tape:in"], None),
        (["keys:out"], ["IAC Driver Bus 1"], None),
        ([THROUGH], [THROUGH], None),
    ],
)
def test_one_keyboard_and_one_synth_and_nothing_else(
    inputs: list[str], outputs: list[str], pair: tuple[str, str] | None
) -> None:
    assert one_of_each(inputs, outputs) == pair
