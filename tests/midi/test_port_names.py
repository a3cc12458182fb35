"""Whom a port's name means: names as systems really write them, and what must hold for any names.

The names come from reports of thestk/rtmidi, mido, a2jmidid, PipeWire, SuperCollider, SendMIDI and others.
"""

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from improv.errors import InputNotFound, UsageError
from improv.midi.port_names import match_port, same_port, without_numbers

THROUGH = "Midi Through:Midi Through Port-0 14:0"
ALSA = [THROUGH, "KeyLab 49:KeyLab 49 MIDI 1 24:0", "KeyLab 49:KeyLab 49 MIDI 2 24:1"]
MOVED = [THROUGH, "KeyLab 49:KeyLab 49 MIDI 1 28:0", "KeyLab 49:KeyLab 49 MIDI 2 28:1"]
TWINS = [THROUGH, "nanoPAD2:nanoPAD2 MIDI 1 28:0", "nanoPAD2:nanoPAD2 MIDI 1 36:0"]
GRAPHITE = [
    "SAMSON Graphite 49:SAMSON Graphite 49 MIDI-Out 20:0",
    "SAMSON Graphite 49:SAMSON Graphite 49 Controller 20:1",
    "SAMSON Graphite 49:SAMSON Graphite 49 Controller 20:4",
    "UMA25S:UMA25S MIDI 1 24:0",
]
JACK = ["a2j:KeyLab 49 [24] (capture): KeyLab 49 MIDI 1", "synth:midi_00", "system:midi_capture_1"]
A2J = ["a2j:USB Axiom 49 [28] (capture): USB Axiom 49 MIDI 1", "a2j:USB Axiom 49 [32] (capture): USB Axiom 49 MIDI 1"]
BRIDGE = "Midi-Bridge:"
UM_ONE = "Roland UM-ONE at usb-0000:33:00-3-{} full speed:(capture_0) UM-ONE MIDI 1"
IAC = ["IAC Driver Bus 1", "IAC Driver Bus 2"]
WINDOWS = ["UM-ONE 0", "KeyLab mkII 61 1", "MIDIIN2 (KeyLab mkII 61) 2"]
XMIDI = ["E-MU Xmidi 2x2 Midi In 1 0", "E-MU Xmidi 2x2 Midi In 2 1"]
LONG = "Focusrite Scarlett 18i20 USB MI"  # 31 characters
AMBIGUOUS = "ambiguous"

unhurried = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # a busy machine is no failure

MATCHES = {
    # what was asked for, the ports there are, the one that is meant (None: none)
    "exact": ("synth:midi_00", JACK, "synth:midi_00"),
    "part": ("synth", JACK, "synth:midi_00"),
    "part in capitals": ("SYNTH", JACK, "synth:midi_00"),
    "part of an a2j name": ("keylab", JACK, JACK[0]),
    "port of a client": ("MIDI 2", ALSA, ALSA[2]),
    "whole client": ("KeyLab 49", ALSA, AMBIGUOUS),
    "ALSA full name, replugged": (ALSA[1], MOVED, MOVED[1]),
    "ALSA full name without numbers": ("KeyLab 49:KeyLab 49 MIDI 2", ALSA, ALSA[2]),
    "ALSA old RtMidi form": (
        "nanoPAD2 28:0",
        [THROUGH, "nanoPAD2:nanoPAD2 MIDI 1 20:0"],
        "nanoPAD2:nanoPAD2 MIDI 1 20:0",
    ),
    "ALSA through": ("through", ALSA, THROUGH),
    "ALSA twins by full name": (TWINS[2], TWINS, TWINS[2]),
    "ALSA twins by name": ("nanoPAD2", TWINS, AMBIGUOUS),
    "ALSA twins by an address that is gone": ("nanoPAD2:nanoPAD2 MIDI 1 20:0", TWINS, AMBIGUOUS),
    "bracketed number": ("Launchkey  [20]", ["Launchkey [24]"], "Launchkey [24]"),
    "a2j full name, replugged": ("a2j:KeyLab 49 [20] (capture): KeyLab 49 MIDI 1", JACK, JACK[0]),
    "a2j without numbers (-u)": ("a2j:KeyLab 49 (capture): KeyLab 49 MIDI 1", JACK, JACK[0]),
    "a2j twins": ("Axiom", A2J, AMBIGUOUS),
    "a2j one of twins": (A2J[1], A2J, A2J[1]),
    "JACK system port": ("midi_capture_1", JACK, "system:midi_capture_1"),
    "JACK system port 1 of many": (
        "midi_capture_1",
        ["system:midi_capture_10", "system:midi_capture_1"],
        "system:midi_capture_1",
    ),
    "JACK second client": ("fluidsynth-01", ["fluidsynth:midi_00", "fluidsynth-01:midi_00"], "fluidsynth-01:midi_00"),
    "PipeWire part": ("um-one", [BRIDGE + UM_ONE.format("1-")], BRIDGE + UM_ONE.format("1-")),
    "CoreMIDI exact": ("IAC Driver Bus 1", IAC, "IAC Driver Bus 1"),
    "CoreMIDI part": ("bus 2", IAC, "IAC Driver Bus 2"),
    "CoreMIDI both": ("IAC", IAC, AMBIGUOUS),
    "CoreMIDI duplicates": ("Launchpad", ["Launchpad", "Launchpad"], AMBIGUOUS),
    "CoreMIDI numbered duplicate": ("Launchpad #2", ["Launchpad #1", "Launchpad #2"], "Launchpad #2"),
    "numbered duplicate in brackets": (
        "sooperlooper (2)",
        ["sooperlooper (1)", "sooperlooper (2)"],
        "sooperlooper (2)",
    ),
    "exact beats a duplicate's number": ("Launchpad", ["Launchpad", "Launchpad #2"], "Launchpad"),
    "Port 1 beside Port 10": ("Port 1", ["Port 10", "Port 1"], "Port 1"),
    "port 1 beside Port 10": ("port 1", ["Port 10", "Port 1", "Port 12"], "Port 1"),
    "loopMIDI Port 1 beside 10": ("port 1", ["loopMIDI Port 10", "loopMIDI Port 1"], "loopMIDI Port 1"),
    "Port 1 where only Port 10 is": ("Port 1", ["loopMIDI Port 10"], None),
    "49 is not in 149": ("49", ["Keys 149", "Keys 249"], None),
    "Windows part": ("keylab mkii 61 1", WINDOWS, "KeyLab mkII 61 1"),
    "Windows port of a device": ("MIDIIN2", WINDOWS, WINDOWS[2]),
    "Windows first or second port": ("KeyLab mkII 61", WINDOWS, AMBIGUOUS),
    "Windows instance": ("2- UM-ONE", ["UM-ONE 0", "2- UM-ONE 1"], "2- UM-ONE 1"),
    "padding": ("Impact LX61 MIDI1", ["Impact LX61   MIDI1 "], "Impact LX61   MIDI1 "),
    "combining marks": ("Cle\u0301mentine", ["Cl\u00e9mentine 24:0"], "Cl\u00e9mentine 24:0"),
    "full width": ("\uff2b\uff45\uff59\uff4c\uff41\uff42", ["KeyLab 24:0"], "KeyLab 24:0"),
    "sharp s": ("STRASSE", ["Stra\u00dfe"], "Stra\u00dfe"),
    "Japanese": ("\u30d4\u30a2\u30ce", ["\uff8b\uff9f\uff71\uff89 1"], "\uff8b\uff9f\uff71\uff89 1"),
    "padded with NUL": ("KeyLab", ["KeyLab\0\0", "Keystation"], "KeyLab\0\0"),
    "a name of a number alone": ("[20]", ["KeyLab 24:0", "Moog 28:0"], None),
    "signs of a pattern": ("(a+)+$", ["Synth (a+)+$", "Synth aa"], "Synth (a+)+$"),
    "unknown": ("moog", JACK, None),
    "no ports": ("moog", [], None),
}

COMES_BACK = {
    # the name it had, the ports there are now, the one it is (None: not there, or it cannot be told)
    "ALSA still there": (ALSA[1], ALSA, ALSA[1]),
    "ALSA gone": (ALSA[1], [THROUGH], None),
    "ALSA nothing there": (ALSA[1], [], None),
    "ALSA renumbered": (ALSA[1], MOVED, MOVED[1]),
    "ALSA renumbered, second port": (ALSA[2], MOVED, MOVED[2]),
    "ALSA through": (THROUGH, MOVED, THROUGH),
    "ALSA through, two of its ports": ("Midi Through:Midi Through Port-1 14:1", [THROUGH], None),
    "ALSA number now another's": (ALSA[1], [THROUGH, "Launchkey 49:Launchkey 49 MIDI 1 24:0"], None),
    "ALSA second port not there yet": (ALSA[2], MOVED[:2], None),
    "ALSA KeyLab 49 is not KeyLab 61": (ALSA[1], ["KeyLab 61:KeyLab 61 MIDI 1 24:0"], None),
    "ALSA MIDI 1 is not MIDI 10": (ALSA[1], ["KeyLab 49:KeyLab 49 MIDI 10 24:0"], None),
    "ALSA twins, one known still there": (TWINS[1], TWINS, TWINS[1]),
    "ALSA twins, both renumbered": ("nanoPAD2:nanoPAD2 MIDI 1 20:0", TWINS, None),
    "ALSA twins, the other only": (TWINS[1], [TWINS[2]], TWINS[2]),
    "ALSA ports of one name, told by number": (GRAPHITE[2].replace("20:", "16:"), GRAPHITE, GRAPHITE[2]),
    "ALSA ports of one name, first": (GRAPHITE[1].replace("20:", "16:"), GRAPHITE, GRAPHITE[1]),
    "ALSA ports of one name, other not there yet": (GRAPHITE[2].replace("20:", "16:"), GRAPHITE[:2], None),
    "ALSA client named by number": (
        "Client-128:qjackctl 128:0",
        ["Client-130:qjackctl 130:0"],
        "Client-130:qjackctl 130:0",
    ),
    "ALSA client with a number in its name": ("Client-7:out 128:0", ["Client-8:out 129:0"], None),
    "ALSA soft synth with process id": (
        "FLUID Synth (1234):Synth input port (1234:0) 128:0",
        [THROUGH, "FLUID Synth (99871):Synth input port (99871:0) 129:0"],
        "FLUID Synth (99871):Synth input port (99871:0) 129:0",
    ),
    "ALSA two soft synths": (
        "FLUID Synth (1):Synth input port (1:0) 128:0",
        ["FLUID Synth (2):Synth input port (2:0) 129:0", "FLUID Synth (3):Synth input port (3:0) 130:0"],
        None,
    ),
    "ALSA virtual cards": ("Virtual Raw MIDI 4-1:VirMIDI 4-1 32:0", ["Virtual Raw MIDI 4-2:VirMIDI 4-2 33:0"], None),
    "ALSA numbered clients are no JACK ones": ("synth-10:out 128:0", ["synth-11:out 129:0"], None),
    "ALSA name padded": (
        "Impact LX61 :Impact LX61  MIDI1 20:0",
        ["Impact LX61 :Impact LX61 MIDI1 24:0"],
        "Impact LX61 :Impact LX61 MIDI1 24:0",
    ),
    "ALSA name with a colon": (
        "XONE:K2:XONE:K2 MIDI 1 20:0",
        ["XONE:K2:XONE:K2 MIDI 1 24:0"],
        "XONE:K2:XONE:K2 MIDI 1 24:0",
    ),
    "bracketed number": ("Launchkey [20]", ["Launchkey [24]"], "Launchkey [24]"),
    "bracketed number, twins": ("Launchkey [20]", ["Launchkey [24]", "Launchkey [28]"], None),
    "a2j renumbered": ("a2j:KeyLab 49 [20] (capture): KeyLab 49 MIDI 1", JACK, JACK[0]),
    "a2j without client numbers (-u)": (
        "a2j:MC6 (capture): MC6 MIDI 1",
        ["a2j:MC6 [20] (capture): MC6 MIDI 1"],
        "a2j:MC6 [20] (capture): MC6 MIDI 1",
    ),
    "a2j twins": ("a2j:USB Axiom 49 [20] (capture): USB Axiom 49 MIDI 1", A2J, None),
    "a2j twin still there": (A2J[0], A2J, A2J[0]),
    "a2j port number stays": (
        "a2j:Impact LX61  [24] (capture): [1] Impact LX61  MIDI",
        [
            "a2j:Impact LX61  [28] (capture): [0] Impact LX61  MIDI",
            "a2j:Impact LX61  [28] (capture): [1] Impact LX61  MIDI",
        ],
        "a2j:Impact LX61  [28] (capture): [1] Impact LX61  MIDI",
    ),
    "a2j other port only": ("a2j:X [24] (capture): [1] MIDI", ["a2j:X [28] (capture): [0] MIDI"], None),
    "a2j playback is not capture": ("a2j:X [24] (capture): X", ["a2j:X [28] (playback): X"], None),
    "a2j port without a name": (
        "a2j:Arturia MicroLab [32] (capture): Arturia MicroLab ",
        ["a2j:Arturia MicroLab [36] (capture): Arturia MicroLab "],
        "a2j:Arturia MicroLab [36] (capture): Arturia MicroLab ",
    ),
    "JACK 1 in and out": ("alsa_midi:Keystation 88 MIDI 1 (out)", ["alsa_midi:Keystation 88 MIDI 2 (out)"], None),
    "JACK system port has no other name": ("system:midi_capture_1", ["system:midi_capture_2"], None),
    "JACK system port 1 and 10": ("system:midi_capture_1", ["system:midi_capture_10"], None),
    "JACK second client": ("fluidsynth:midi_00", ["fluidsynth-01:midi_00"], "fluidsynth-01:midi_00"),
    "JACK second client is first again": ("fluidsynth-01:midi_00", ["fluidsynth:midi_00"], "fluidsynth:midi_00"),
    "JACK first client still there": (
        "fluidsynth:midi_00",
        ["fluidsynth-01:midi_00", "fluidsynth:midi_00"],
        "fluidsynth:midi_00",
    ),
    "JACK which of two clients": ("fluidsynth-03:midi_00", ["fluidsynth-01:midi_00", "fluidsynth:midi_00"], None),
    "JACK other port of a second client": ("fluidsynth:midi_00", ["fluidsynth-01:midi_01"], None),
    "JACK ports counted from 0": ("synth:out 1", ["synth:out 0"], None),
    "PipeWire card renumbered": (
        BRIDGE + "KeyLab mkII 61 1:(capture_0) KeyLab mkII 61 MIDI 1",
        [
            BRIDGE + "Midi Through:(capture_0) Midi Through Port-0",
            BRIDGE + "KeyLab mkII 61 3:(capture_0) KeyLab mkII 61 MIDI 1",
        ],
        BRIDGE + "KeyLab mkII 61 3:(capture_0) KeyLab mkII 61 MIDI 1",
    ),
    "PipeWire card renumbered, no bridge": (
        "Novation SL MkIII 1:(capture_1) Novation SL MkIII MIDI 2",
        ["Novation SL MkIII 4:(capture_1) Novation SL MkIII MIDI 2"],
        "Novation SL MkIII 4:(capture_1) Novation SL MkIII MIDI 2",
    ),
    "PipeWire name with a colon": (
        BRIDGE + "XONE:K2 3:(capture_0) XONE:K2 MIDI 1",
        [BRIDGE + "XONE:K2 2:(capture_0) XONE:K2 MIDI 1"],
        BRIDGE + "XONE:K2 2:(capture_0) XONE:K2 MIDI 1",
    ),
    "PipeWire other USB socket": (
        BRIDGE + UM_ONE.format("1-"),
        [BRIDGE + UM_ONE.format("2.4-")],
        BRIDGE + UM_ONE.format("2.4-"),
    ),
    "PipeWire twins by USB socket": (
        BRIDGE + UM_ONE.format("1-"),
        [BRIDGE + UM_ONE.format("1-"), BRIDGE + UM_ONE.format("2-")],
        BRIDGE + UM_ONE.format("1-"),
    ),
    "PipeWire twins moved": (
        BRIDGE + UM_ONE.format("1-"),
        [BRIDGE + UM_ONE.format("3-"), BRIDGE + UM_ONE.format("2-")],
        None,
    ),
    "PipeWire other port": (
        BRIDGE + "CQ18T 3:(capture_0) CQ18T CQ18T - MIDI",
        [BRIDGE + "CQ18T 3:(capture_1) CQ18T CQ18T - MIDI"],
        None,
    ),
    "PipeWire program with a number": (BRIDGE + "Synth 1:(capture_0) out", [BRIDGE + "Synth 2:(capture_0) out"], None),
    "PipeWire KeyLab 49 is not 61": (
        BRIDGE + "KeyLab 49:(capture_0) KeyLab 49 MIDI 1",
        [BRIDGE + "KeyLab 61:(capture_0) KeyLab 61 MIDI 1"],
        None,
    ),
    "CoreMIDI same": ("IAC Driver Bus 1", IAC, "IAC Driver Bus 1"),
    "CoreMIDI other bus": ("IAC Driver Bus 1", ["IAC Driver Bus 2"], None),
    "CoreMIDI Port 1 and 10": ("Port 1", ["Port 10"], None),
    "CoreMIDI Port 10 and 1": ("Port 10", ["Port 1", "Port 100"], None),
    "CoreMIDI devices 49 and 61": ("KeyLab mkII 61", ["KeyLab mkII 49"], None),
    "CoreMIDI duplicates": ("Launchpad", ["Launchpad", "Launchpad"], None),
    "CoreMIDI one of two duplicates": ("Launchpad #2", ["Launchpad #1"], None),
    "CoreMIDI duplicate by itself": ("Launchpad #2", ["Launchpad"], None),
    "CoreMIDI duplicates in brackets": ("sooperlooper (1)", ["sooperlooper (2)"], None),
    "CoreMIDI Launchpad's other port": (
        "Launchpad Mini MK3 LPMiniMK3 MIDI Out",
        ["Launchpad Mini MK3 LPMiniMK3 DAW Out"],
        None,
    ),
    "Windows index moved down": ("KeyLab mkII 61 1", ["KeyLab mkII 61 0"], "KeyLab mkII 61 0"),
    "Windows index moved up": ("KeyLab mkII 61 0", WINDOWS, "KeyLab mkII 61 1"),
    "Windows second port": ("MIDIIN2 (KeyLab mkII 61) 1", WINDOWS, "MIDIIN2 (KeyLab mkII 61) 2"),
    "Windows second port gone": ("MIDIIN2 (KeyLab mkII 61) 1", ["KeyLab mkII 61 0"], None),
    "Windows third is not second port": (
        "MIDIIN3 (LPProMK3 MIDI) 2",
        ["LPProMK3 MIDI 0", "MIDIIN2 (LPProMK3 MIDI) 1"],
        None,
    ),
    "Windows ports 1 and 10 with index": ("loopMIDI Port 1 0", ["loopMIDI Port 10 0"], None),
    "Windows ports 1 and 2 with index": ("loopMIDI Port 2 1", ["loopMIDI Port 1 0"], None),
    "Windows port 1 among ten": ("loopMIDI Port 1 4", ["loopMIDI Port 10 0", "loopMIDI Port 1 1"], "loopMIDI Port 1 1"),
    "Windows multiport driver": ("E-MU Xmidi 2x2 Midi In 2 3", XMIDI, XMIDI[1]),
    "Windows two multiport drivers": (
        "E-MU Xmidi 2x2 Midi In 2 5",
        [*XMIDI, "E-MU Xmidi 2x2 Midi In 1 2", "E-MU Xmidi 2x2 Midi In 2 3"],
        None,
    ),
    "Windows index is no part where others have none": ("Port 1", ["Port 0", "KeyLab"], None),
    "Windows other USB socket": ("KeyLab mkII 61", ["2- KeyLab mkII 61"], "2- KeyLab mkII 61"),
    "Windows other USB socket, indexed": ("KeyLab mkII 61 1", ["2- KeyLab mkII 61 0"], "2- KeyLab mkII 61 0"),
    "Windows instance counts up": ("2- UM-ONE 1", ["3- UM-ONE 0"], "3- UM-ONE 0"),
    "Windows twins": ("2- UM-ONE 1", ["UM-ONE 0", "3- UM-ONE 1"], None),
    "Windows twin keeps its instance": ("2- UM-ONE 1", ["2- UM-ONE 0", "UM-ONE 1"], "2- UM-ONE 0"),
    "Windows instance of a second port": (
        "MIDIIN2 (2- KeyLab) 2",
        ["KeyLab 0", "MIDIIN2 (KeyLab) 1"],
        "MIDIIN2 (KeyLab) 1",
    ),
    "Windows cut": (LONG, ["2- " + LONG[:-3]], "2- " + LONG[:-3]),
    "Windows cut, indexed": (f"2- {LONG[:-3]} 1", [f"{LONG} 0"], f"{LONG} 0"),
    "Windows cut, another device": (LONG, ["2- Focusrite Scarlett 4i4"], None),
    "Windows cut, two of them": (LONG, ["2- " + LONG[:-3], "3- " + LONG[:-3]], None),
    "Windows cut before a number's end": (
        "A rather long interface, Port 12",
        ["A rather long interface, Port 1"],
        None,
    ),
    "not cut, only shorter": ("KeyLab mkII 61 DAW", ["KeyLab mkII 61"], None),
    "WinRT number": ("M4U eX 7 [1]", ["M4U eX 7 [2]"], "M4U eX 7 [2]"),
    "WinRT port 7 is not 6": ("M4U eX 7 [1]", ["M4U eX 6 [1]"], None),
    "Bluetooth now": ("WIDI Master", ["WIDI Master Bluetooth"], "WIDI Master Bluetooth"),
    "Bluetooth no more": ("WIDI Master Bluetooth", ["IAC Driver Bus 1", "WIDI Master"], "WIDI Master"),
    "Bluetooth beside the cable": ("Seaboard 20:0", ["Seaboard 24:0", "Seaboard Bluetooth 128:0"], "Seaboard 24:0"),
    "Bluetooth on Windows": ("CME WIDI 0", ["CME WIDI (Bluetooth MIDI IN) 0"], "CME WIDI (Bluetooth MIDI IN) 0"),
    "Bluetooth and nothing else": ("Bluetooth", ["WIDI Master Bluetooth"], None),
    "case, one of twins": (TWINS[1].upper(), TWINS, TWINS[1]),
    "case": ("KEYLAB MKII", ["KeyLab mkII"], "KeyLab mkII"),
    "padding and doubled spaces": ("Impact LX61  MIDI1 ", ["Impact LX61 MIDI1"], "Impact LX61 MIDI1"),
    "two that differ in spaces": ("Impact  LX61", ["Impact LX61", "impact LX61"], None),
    "spelt exactly before alike": ("Impact LX61", ["impact LX61", "Impact LX61"], "Impact LX61"),
    "combining marks": ("Cle\u0301mentine 20:0", ["Cl\u00e9mentine 24:0"], "Cl\u00e9mentine 24:0"),
    "full width digits": ("Keys \uff11", ["Keys 1", "Keys 2"], "Keys 1"),
    "control characters": ("KeyLab\x00\x1b 20:0", ["KeyLab 24:0"], "KeyLab 24:0"),
    "zero width": ("\ufeffKeyLab\u200b", ["KeyLab"], "KeyLab"),
    "number alone": ("[20]", ["[24]"], None),
    "no name": ("", ["KeyLab", "Moog"], None),
}


def shuffled(names: list[str]) -> list[list[str]]:
    return [names, names[::-1], names[1:] + names[:1]]


@pytest.mark.parametrize(("wanted", "names", "meant"), MATCHES.values(), ids=MATCHES.keys())
def test_a_name_means_a_port(wanted: str, names: list[str], meant: str | None) -> None:
    for order in shuffled(names):
        if meant is None:
            with pytest.raises(InputNotFound):
                match_port(wanted, order, "input")
        elif meant == AMBIGUOUS:
            with pytest.raises(UsageError, match="ambiguous"):
                match_port(wanted, order, "input")
        else:
            assert order[match_port(wanted, order, "input")] == meant


@pytest.mark.parametrize(("known", "names", "now"), COMES_BACK.values(), ids=COMES_BACK.keys())
def test_a_port_is_known_again(known: str, names: list[str], now: str | None) -> None:
    for order in shuffled(names):
        found = same_port(known, order)
        assert (None if found is None else order[found]) == now


def test_an_ambiguous_name_lists_the_candidates() -> None:
    with pytest.raises(UsageError, match=r"'keylab' is ambiguous.*MIDI 1 24:0; KeyLab 49:KeyLab 49 MIDI 2 24:1$"):
        match_port("keylab", ALSA, "input")


def test_an_unknown_name_lists_the_ports() -> None:
    with pytest.raises(InputNotFound, match=r"no MIDI output 'moog'.*a2j:KeyLab.*; synth:midi_00; system:midi_c.*$"):
        match_port("moog", JACK, "output")
    with pytest.raises(InputNotFound, match=r"are: none$"):
        match_port("moog", [], "output")


def test_a_list_of_ports_cannot_steer_the_terminal() -> None:
    with pytest.raises(InputNotFound) as raised:
        match_port("moog", ["\x1b[2Jsynth\n"], "output")
    assert str(raised.value).isprintable()


@pytest.mark.parametrize(
    ("name", "without"),
    [
        (ALSA[1], "keylab 49:keylab 49 midi 1"),
        ("Launchkey  [20]", "launchkey"),
        ("Launchkey [20] 24:0", "launchkey"),
        ("a2j:KeyLab [24] (capture): [0] KeyLab MIDI 1", "a2j:keylab (capture): [0] keylab midi 1"),
        ("IAC Driver Bus 1", "iac driver bus 1"),
        ("2- UM-ONE 1", "2- um-one 1"),
        ("[20]", "[20]"),
    ],
)
def test_a_name_without_numbers_of_the_system(name: str, without: str) -> None:
    assert without_numbers(name) == without
    assert without_numbers(without) == without


# What must hold for any names: made of the pieces real ones are made of, or of anything.

pieces = st.sampled_from(
    ["KeyLab", "Port", "MIDI", "synth", "a2j:", "Midi-Bridge:", ":", " ", "1", "2", "10", " 0", " 1", " 2", " 24:0",
     " 28:1", " [24]", " [1]", " (capture): ", ":(capture_0) ", "2- ", "-01:", " #2", " (1)", " Bluetooth", "\u00e9",
     "e\u0301", "\x00", "  ", " at usb-0000:00:14-0-2- full speed", "Client-128:", " (12):", LONG]
)  # fmt: skip
names = st.one_of(st.lists(pieces, max_size=6).map("".join), st.text(max_size=40))
lists = st.lists(names, max_size=6, unique=True)


@unhurried
@given(st.data(), names, lists)
def test_an_exact_name_is_always_found(data: st.DataObject, name: str, others: list[str]) -> None:
    ports = data.draw(st.permutations(sorted({name, *others})))
    assert ports[match_port(name, ports, "input")] == name
    found = same_port(name, ports)
    assert found is not None
    assert ports[found] == name


@unhurried
@given(st.data(), names, lists)
def test_the_order_of_the_ports_makes_no_difference(data: st.DataObject, name: str, ports: list[str]) -> None:
    def meant(order: list[str]) -> str:
        try:
            return f"found {order[match_port(name, order, 'input')]}"
        except (UsageError, InputNotFound) as error:
            return str(error)

    def again(order: list[str]) -> str | None:
        found = same_port(name, order)
        return None if found is None else order[found]

    other = data.draw(st.permutations(ports))
    assert meant(other) == meant(ports)
    assert again(other) == again(ports)


@unhurried
@given(st.text(alphabet="abc XYZ-", min_size=1, max_size=30), st.integers(0, 300), st.integers(1, 300))
def test_a_port_is_never_taken_for_one_of_another_number(base: str, known: int, there: int) -> None:
    assume(known != there)
    for form in ("{} Port {}", "{}:{}", "{} #{}", "{} ({})", "{}:{} MIDI {} 24:0", "a2j:{} [24] (capture): MIDI {}"):
        now = form.format(base, there, there)
        assert same_port(form.format(base, known, known), [now]) is None
        assert same_port(form.format(base, known, known), [now, "KeyLab"]) is None


@unhurried
@given(
    st.text(alphabet="abc XYZ", min_size=1, max_size=20), st.integers(0, 200), st.integers(0, 200), st.integers(0, 20)
)
def test_an_alsa_port_comes_back_under_any_client_number(base: str, before: int, now: int, port: int) -> None:
    ports = [THROUGH, f"{base}:{base} MIDI 1 {now}:{port}", f"{base}:{base} MIDI 1 {now}:{port + 1}"]
    assert same_port(f"{base}:{base} MIDI 1 {before}:{port}", ports) == 1


@unhurried
@given(st.text(max_size=400), st.text(max_size=400))
def test_any_text_may_be_a_name(known: str, name: str) -> None:
    assert same_port(known, [name, name]) is None
    same_port(known, [name, name + " 0", name + " 1"])


@unhurried
@given(st.lists(pieces, max_size=8).map("".join))
def test_a_plain_name_is_as_plain_as_can_be(name: str) -> None:
    assert without_numbers(without_numbers(name)) == without_numbers(name)
