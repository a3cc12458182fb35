"""Which port a name means, and whether a port is one we knew, under the name it has now.

Every system writes into a port's name where it is plugged in, and those numbers change when it is
plugged in again. Others are part of the name: `MIDI 1` and `MIDI 2` are two ports of one keyboard.
Telling them apart is all this room does. It must never open a port, never depend on the order of
the list, and never choose between ports that fit equally well: an input that hears nothing is a fault one
sees, one that hears the wrong instrument is not.

| form | address, may change | name, may not |
| --- | --- | --- |
| ALSA `KeyLab:KeyLab MIDI 1 24:0` | client `24` | port `:0`, `MIDI 1` |
| a2jmidid `a2j:KeyLab [24] (capture): [0] KeyLab MIDI 1` | client `[24]` | port `[0]` |
| PipeWire `Midi-Bridge:KeyLab 3:(capture_0) KeyLab MIDI 1` | card `3`, `at usb-... full speed` | `capture_0` |
| JACK `synth-01:midi_00` | `-01` of a second client of this name | `midi_00`, `midi_capture_1` |
| Windows `2- KeyLab 1` by RtMidi | instance `2- `, index in the list `1` | the rest, cut at 31 characters |
| CoreMIDI `IAC Driver Bus 1`, `KeyLab #2`, `KeyLab (1)` | | all of it |
"""

import re
import unicodedata
from collections.abc import Sequence
from typing import Literal, Self

from improv.dataclass import dataclass
from improv.errors import InputNotFound, UsageError

Direction = Literal["input", "output"]

_WINDOWS_LENGTH = 31
"""Windows keeps no more of a name."""

_TAIL = re.compile(r"(?: [0-9]+:[0-9]+| ?\[[0-9]+\])+$")
_A2J_CLIENT = re.compile(r"(?: \[[0-9]+\])+(?= \((?:capture|playback)\):(?: |$))")
_INDEX = re.compile(r" (0|[1-9][0-9]{0,2})$")

_ADDRESSES: tuple[tuple[re.Pattern[str], str], ...] = (
    # A nameless ALSA client is called by its number, FluidSynth by its process.
    (re.compile(r"^client-([0-9]+):(.*) \1:(?=[0-9]+$)"), r"client:\2 :"),
    (re.compile(r"^(.*) \(([0-9]+)\):(.*) \(\2:([0-9]+)\)"), r"\1:\3 (\4)"),
    (re.compile(r" [0-9]+:([0-9]+)$"), r" :\1"),
    (re.compile(r" ?\[[0-9]+\]$"), ""),
    (_A2J_CLIENT, ""),
    (re.compile(r" at usb-[^ ]+ (?:low|full|high|super) speed"), ""),
    # PipeWire puts the card's number behind its name; only what the port repeats is a card's name.
    (re.compile(r"^((?:midi-bridge:)?)(.+?) [0-9]+(:\((?:capture|playback)_[0-9]+\) \2(?: |$))"), r"\1\2\3"),
    (re.compile(r"(^|\()[0-9]+- (?=.)"), r"\1"),
)

_MARKS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r" \(?bluetooth(?: midi)?(?: in| out)?\)?(?= :[0-9]+$|$)"), ""),
    # JACK numbers clients of one name; ALSA, whose names end in a port's number, does not.
    (re.compile(r"^([^:]+)-[0-9]{2}:(?!.* :[0-9]+$)"), r"\1:"),
)

_BRIDGES = re.compile(r"^(?:a2j|midi-bridge):| ?\[[0-9]+\]| ?\((?:capture|playback)(?:_[0-9]+)?\)")
_OURS = re.compile(
    r"improv-(?P<role>in|out|thru|lights|standby)(?:-[0-9]+)?(?: [0-9]+)?: ?improv (?P=role)(?: [0-9]+:[0-9]+)?"
    r"|improv (?:in|out|thru|lights|standby)"  # CoreMIDI names no clients
    r"|improv-doctor-(?:in|out)(?:-[0-9]+)?:improv-doctor.*"
)

_THROUGH = re.compile(r"midi through|^system:(?:timer|announce) 0:")
"""Ports of ALSA's own, there without anything being plugged in."""

_NO_INSTRUMENT = re.compile(r"iac driver|virmidi|virtual raw midi|loopmidi|loopbe|network session|rtpmidi")
"""Cables between programs or machines: whether an instrument is at their other end cannot be seen."""

_DIRECTION = re.compile(r" ?\((?:capture|playback)(?:_[0-9]+)?\):? ?.*")


def is_ours(name: str) -> bool:
    """Return whether a port belongs to improv, this one or another, by the exact names of its ports.

    Nothing is ever connected to itself. Another program may be called `improv-synth`.
    """
    return _OURS.fullmatch(_BRIDGES.sub("", _folded(name))) is not None


def one_of_each(inputs: Sequence[str], outputs: Sequence[str]) -> tuple[str, str] | None:
    """Return the only keyboard and the only synth among other programs' ports; None if there are more, or none.

    A keyboard may have an input of its own, for its lights, and a synth an output; a single instrument that has
    both may be either, so that it is None.
    """
    heard, played = ([name for name in names if not _THROUGH.search(_folded(name))] for names in (inputs, outputs))
    if any(_NO_INSTRUMENT.search(_folded(name)) for name in (*heard, *played)):
        return None
    devices = {name: _device(name, _are_indexed(names)) for names in (inputs, outputs) for name in names}
    if len(heard) == 1:
        played = [name for name in played if devices[name] != devices[heard[0]]]
    elif len(played) == 1:
        heard = [name for name in heard if devices[name] != devices[played[0]]]
    return (heard[0], played[0]) if len(heard) == len(played) == 1 else None


def _device(name: str, indexed: bool) -> str:
    """What a port's name says of the instrument it belongs to: the client, or what a bridge says before the port."""
    unaddressed = _Forms.of(name, indexed).unaddressed
    if (instrument := _DIRECTION.sub("", unaddressed)) != unaddressed:
        return instrument
    return unaddressed.partition(":")[0]


def without_numbers(name: str) -> str:
    """Return a port's name without the client numbers that ALSA and others append."""
    folded = _folded(name)
    return _TAIL.sub("", _A2J_CLIENT.sub("", folded)) or folded


def match_port(wanted: str, names: Sequence[str], direction: Direction) -> int:
    """Return the index of the port a name means: an exact match, else one without numbers, else a part.

    A part does not end within a number: `Port 1` is no part of `Port 10`.
    UsageError if several are meant equally well, InputNotFound if none is; both list the ports.
    """
    part = without_numbers(wanted)
    within = re.compile(rf"(?<![0-9]){re.escape(part)}" if part[:1].isdecimal() else re.escape(part))
    if part[-1:].isdecimal():
        within = re.compile(rf"{within.pattern}(?![0-9])")
    for alike in (
        [name == wanted for name in names],
        [without_numbers(name) == part for name in names],
        [within.search(without_numbers(name)) is not None for name in names],
    ):
        if sum(alike) == 1:
            return alike.index(True)
        if sum(alike) > 1:
            several = _listed([name for name, same in zip(names, alike, strict=True) if same])
            raise UsageError(f"the MIDI {direction} {wanted!r} is ambiguous; it could be: {several}")
    raise InputNotFound(f"no MIDI {direction} {wanted!r}; the {direction}s are: {_listed(names) or 'none'}")


def matches(wanted: str, name: str) -> bool:
    """Return whether a name can mean a port; it may match others too."""
    try:
        return match_port(wanted, [name], "input") == 0
    except InputNotFound:
        return False


def same_port(known: str, names: Sequence[str]) -> int | None:
    """Return the index of a port known by an earlier name, under whatever name it has come back.

    None if it is not among all the ports' `names` of now, or if several are equally likely. Of two
    identical devices of which one is gone, a name cannot tell which one is left: it is taken for
    the one that was known.
    """
    indexed = _are_indexed(names)
    before = _Forms.of(known, indexed)
    now = [_Forms.of(name, indexed) for name in names]
    for alike in (
        [name == known for name in names],
        [forms.folded == before.folded for forms in now],
        [forms.unindexed == before.unindexed for forms in now],
        [forms.unaddressed == before.unaddressed for forms in now],
        [forms.unmarked == before.unmarked for forms in now],
        [_is_cut_from(forms, before) or _is_cut_from(before, forms) for forms in now],
    ):
        if sum(alike) == 1:
            return alike.index(True)
        if sum(alike) > 1:
            return None
    return None


@dataclass(frozen=True, slots=True)
class _Forms:
    """A name with less and less of its address."""

    folded: str
    unindexed: str
    unaddressed: str
    unmarked: str
    cut: bool  # Windows may have left off its end

    @classmethod
    def of(cls, name: str, indexed: bool) -> Self:
        folded = _folded(name)
        is_windows = ":" not in folded
        unindexed = _INDEX.sub("", folded) if indexed and is_windows else folded
        unaddressed = _without(unindexed, _ADDRESSES)
        appended = len(folded) - len(unindexed)
        cut = is_windows and len(_printable(name).rstrip()) - appended == _WINDOWS_LENGTH
        return cls(folded, unindexed, unaddressed, _without(unaddressed, _MARKS), cut)


def _are_indexed(names: Sequence[str]) -> bool:
    """Whether RtMidi has appended each port's index, as on Windows: then the list has 0, 1, 2 and so on, each once."""
    numbers = [int(index[1]) for name in names if (index := _INDEX.search(_folded(name)))]
    return len(names) > 0 and sorted(numbers) == list(range(len(names)))


def _is_cut_from(short: _Forms, long: _Forms) -> bool:
    """Whether a name may be the beginning Windows left of a longer one; a number is not taken to go on."""
    rest = long.unaddressed.removeprefix(short.unaddressed)
    if not short.cut or rest == long.unaddressed:
        return False
    return not (short.unaddressed[-1:].isdecimal() and rest[:1].isdecimal())


def _without(folded: str, patterns: Sequence[tuple[re.Pattern[str], str]]) -> str:
    shorter = folded
    for pattern, left in patterns:
        shorter = pattern.sub(left, shorter, count=1)
    return shorter or folded


def _folded(name: str) -> str:
    """A name as far as spelling goes: case, width, composed or combining marks, padding."""
    return unicodedata.normalize("NFKC", " ".join(unicodedata.normalize("NFKC", _printable(name)).split()).casefold())


def _printable(name: str) -> str:
    """A name without what a terminal would obey and a reader does not see."""
    kinds = ((character, unicodedata.category(character)) for character in name)
    return "".join(" " if kind == "Cc" else character for character, kind in kinds if kind != "Cf")


def _listed(names: Sequence[str]) -> str:
    return "; ".join(sorted(_printable(name) for name in names))
