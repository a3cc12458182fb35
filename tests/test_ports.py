"""What ports normalise and whom a name means; the ports themselves are tested in test_real_ports."""

import pytest

from improv.errors import InputNotFound, UsageError
from improv.midi.channels import bytes_of
from improv.midi.identity import match_port
from improv.music import NoteOff, NoteOn, Part

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
