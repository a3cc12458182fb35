"""THE table of General MIDI's program names, and of the drum kits that most synths have.

General MIDI Level 1 counts programs from 1; here, as in MIDI's bytes, they count from 0. The kits are those of Roland's
GS, which General MIDI Level 2 took over; General MIDI Level 1 has the first one alone.
"""

from collections.abc import Mapping
from types import MappingProxyType

FAMILIES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "Piano": (
            "Acoustic Grand Piano", "Bright Acoustic Piano", "Electric Grand Piano", "Honky-tonk Piano",
            "Electric Piano 1", "Electric Piano 2", "Harpsichord", "Clavinet",
        ),
        "Chromatic percussion": (
            "Celesta", "Glockenspiel", "Music Box", "Vibraphone",
            "Marimba", "Xylophone", "Tubular Bells", "Dulcimer",
        ),
        "Organ": (
            "Drawbar Organ", "Percussive Organ", "Rock Organ", "Church Organ",
            "Reed Organ", "Accordion", "Harmonica", "Tango Accordion",
        ),
        "Guitar": (
            "Nylon Guitar", "Steel Guitar", "Jazz Guitar", "Clean Guitar",
            "Muted Guitar", "Overdriven Guitar", "Distortion Guitar", "Guitar Harmonics",
        ),
        "Bass": (
            "Acoustic Bass", "Finger Bass", "Pick Bass", "Fretless Bass",
            "Slap Bass 1", "Slap Bass 2", "Synth Bass 1", "Synth Bass 2",
        ),
        "Strings": (
            "Violin", "Viola", "Cello", "Contrabass",
            "Tremolo Strings", "Pizzicato Strings", "Orchestral Harp", "Timpani",
        ),
        "Ensemble": (
            "String Ensemble 1", "String Ensemble 2", "Synth Strings 1", "Synth Strings 2",
            "Choir Aahs", "Voice Oohs", "Synth Voice", "Orchestra Hit",
        ),
        "Brass": (
            "Trumpet", "Trombone", "Tuba", "Muted Trumpet",
            "French Horn", "Brass Section", "Synth Brass 1", "Synth Brass 2",
        ),
        "Reed": (
            "Soprano Sax", "Alto Sax", "Tenor Sax", "Baritone Sax",
            "Oboe", "English Horn", "Bassoon", "Clarinet",
        ),
        "Pipe": (
            "Piccolo", "Flute", "Recorder", "Pan Flute",
            "Blown Bottle", "Shakuhachi", "Whistle", "Ocarina",
        ),
        "Synth lead": (
            "Square Lead", "Saw Lead", "Calliope Lead", "Chiff Lead",
            "Charang Lead", "Voice Lead", "Fifths Lead", "Bass and Lead",
        ),
        "Synth pad": (
            "New Age Pad", "Warm Pad", "Polysynth Pad", "Choir Pad",
            "Bowed Pad", "Metallic Pad", "Halo Pad", "Sweep Pad",
        ),
        "Synth effects": (
            "Rain", "Soundtrack", "Crystal", "Atmosphere",
            "Brightness", "Goblins", "Echoes", "Sci-fi",
        ),
        "Ethnic": (
            "Sitar", "Banjo", "Shamisen", "Koto",
            "Kalimba", "Bagpipe", "Fiddle", "Shanai",
        ),
        "Percussive": (
            "Tinkle Bell", "Agogo", "Steel Drums", "Woodblock",
            "Taiko Drum", "Melodic Tom", "Synth Drum", "Reverse Cymbal",
        ),
        "Sound effects": (
            "Guitar Fret Noise", "Breath Noise", "Seashore", "Bird Tweet",
            "Telephone Ring", "Helicopter", "Applause", "Gunshot",
        ),
    }
)  # fmt: skip
"""The sixteen families of General MIDI, each with the names of its eight programs."""

PROGRAM_NAMES = tuple(name for family in FAMILIES.values() for name in family)
"""The name of each program, from 0 to 127."""

KITS: Mapping[int, str] = MappingProxyType(
    {
        0: "Standard Kit", 8: "Room Kit", 16: "Power Kit", 24: "Electronic Kit", 25: "808 Kit",
        32: "Jazz Kit", 40: "Brush Kit", 48: "Orchestra Kit", 56: "Effects Kit",
    }
)  # fmt: skip
"""The drum kits by the program number that chooses them on the channel of percussion."""

KIT_NAMES = tuple(KITS.get(number, "") for number in range(128))
"""The name of the kit of each program number, from 0 to 127; empty where there is none."""
