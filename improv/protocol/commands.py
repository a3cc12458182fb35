"""What can be asked of a performance and what can be seen of it: controls, commands, snapshot.

One closed vocabulary. Every door (command line, control socket, OSC, MIDI controllers, the keys of a
terminal, the terminal UI) speaks it, and the name, the help, the range and the default of a control
stand here once.
"""

import difflib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from improv.errors import UsageError
from improv.music.theory import OWN_VOLUME, PITCH_CLASSES, SILENCE, Cell, Chord, Place, pitch_class
from improv.music.turns import Mode, Turn

Value = float | str
"""What a control is set to: a number, or a word."""

OFF, ON = "off", "on"
OWN = "own"
"""The key a network was trained in."""


@dataclass(frozen=True, slots=True)
class Control:
    """Something a player turns: its name, default and one line of help, and the values it may have.

    A number lies from `low` to `high`; a word is one of `choices`, or any where there are none and
    the default is a word.
    """

    name: str
    help: str
    default: Value
    low: float = 0.0
    high: float = 0.0
    unit: str = ""
    nudge: float = 0.0
    """How far one press of a key moves it."""
    whole: bool = False
    choices: tuple[str, ...] = ()

    @property
    def field(self) -> str:
        """The name of the field in `Settings`."""
        return self.name.replace("-", "_")

    @property
    def is_number(self) -> bool:
        """Whether its values are numbers."""
        return not isinstance(self.default, str)

    @property
    def is_switch(self) -> bool:
        """Whether it is off or on, and nothing else."""
        return self.choices == (OFF, ON)

    @property
    def range(self) -> str:
        """Its values as a help text says them."""
        if not self.is_number:
            return ", ".join(self.choices) or "a name"
        return f"{number(self.low)} to {number(self.high)}" + (f" {self.unit}" if self.unit else "")

    def checked(self, value: Value) -> Value:
        """The value as the control keeps it; UsageError if it may not have it, NaN neither."""
        if not self.is_number:
            return self._word(value)
        if isinstance(value, str):
            try:
                value = float(value)
            except ValueError:
                raise UsageError(f"{self.name} {value!r} is no number; give {self.range}") from None
        if not self.low <= value <= self.high:
            raise UsageError(f"{self.name} {number(value)} is out of range; give {self.range}")
        if self.whole and value != int(value):
            raise UsageError(f"{self.name} {value:g} is not a whole number; give {self.range}")
        return int(value) if self.whole else float(value)

    def nudged(self, value: Value, by: float) -> Value:
        """The value moved by an amount, stopping at the ends of the range; a word moves by so many choices."""
        if isinstance(value, str):
            if value not in self.choices:
                return value
            return self.choices[(self.choices.index(value) + round(by)) % len(self.choices)]
        moved = min(self.high, max(self.low, round(value + by, 3)))
        return round(moved) if self.whole else moved

    def scaled(self, share: float) -> Value:
        """The value at a share (0 to 1) of the range, as a knob turns it."""
        share = min(1.0, max(0.0, share))
        if not self.is_number:
            return self.choices[min(len(self.choices) - 1, int(share * len(self.choices)))]
        value = self.low + share * (self.high - self.low)
        return round(value) if self.whole else round(value, 3)

    def share(self, value: Value) -> float:
        """Where a value lies in the range, 0 to 1: the other way round."""
        if isinstance(value, str):
            return self.choices.index(value) / max(1, len(self.choices) - 1) if value in self.choices else 0.0
        return (value - self.low) / (self.high - self.low)

    def about(self, choice: Value) -> str:
        """What one of its words means, where its help goes through them: `word: meaning; word: meaning`."""
        told = (part.partition(": ") for part in self.help.removesuffix(".").split("; "))
        return next((meaning for word, _, meaning in told if word == choice), "")

    def _word(self, value: Value) -> str:
        word = f"{value:g}" if not isinstance(value, str) else value
        if self.name == "key" and word != OWN:
            try:
                return PITCH_CLASSES[pitch_class(word)]
            except ValueError as error:
                raise UsageError(f"{error}; give a key such as C, F# or Bb, or {OWN} for the model's") from error
        if self.choices and word not in self.choices:
            raise UsageError(f"{self.name} {word!r} is unknown{nearest(word, self.choices)}; choose from {self.range}")
        if not word:
            raise UsageError(f"{self.name} needs a name")
        return word


def number(value: float) -> str:
    """A number as people write it: 120, 0.67, 2147483647."""
    return f"{value:.0f}" if value == value // 1 and abs(value) < 1e12 else f"{value:g}"


def nearest(word: str, names: tuple[str, ...]) -> str:
    """A hint at the name that was meant, to put behind what is wrong; empty if none is like it."""
    close = difflib.get_close_matches(word, names, n=1)
    return f" (did you mean {close[0]}?)" if close else ""


_SWITCH = (OFF, ON)

TEMPO = Control("tempo", "Quarter notes a minute.", 120, 20, 400, "bpm", nudge=4)
SWING = Control(
    "swing", "Share of a beat its first eighth takes: 0.5 straight, 0.67 triplets.", 0.6, 0.5, 0.75, nudge=0.01
)
MODE = Control(
    "mode",
    "trade: turns of some bars; phrase: it answers when you pause; duet: both at once; solo: improv alone; "
    "listen: you alone.",
    str(Mode.TRADE),
    choices=tuple(map(str, Mode)),
)
BARS = Control("bars", "Bars in a turn when trading.", 4, 1, 96, "bars", nudge=1, whole=True)
GAP = Control("gap", "Beats of silence that end your phrase, in phrase mode.", 1.5, 0.5, 8, "beats", nudge=0.5)
TEMPERATURE = Control(
    "temperature", "How freely notes are drawn: 0 the likeliest, 1 as trained, above 1 wilder.", 0.8, 0, 3, nudge=0.1
)
TOP_P = Control(
    "top-p", "Leave out the unlikeliest notes: only those that make up this probability are drawn.", 1, 0, 1, nudge=0.05
)
DENSITY = Control(
    "density", "How busy the answer is: below 0 it holds more, above 0 it strikes more.", 0, -1, 1, nudge=0.1
)
RESTS = Control(
    "rests", "How much the answer pauses: below 0 it plays on, above 0 it rests more often and longer.",
    0, -1, 1, nudge=0.1,
)  # fmt: skip
REGISTER = Control("register", "Octaves the answer lies above yours.", 0, -2, 2, "octaves", nudge=1, whole=True)
LEANING = Control(
    "leaning", "How much the answer leans on chord tones: 0 as it likes, 1 nothing else.", 0, 0, 1, nudge=0.1
)
CHANGES = Control(
    "changes", "How freely chords are drawn: 0 keeps to the form, 1 changes it as players do, above 1 wilder.",
    0, 0, 1.5, nudge=0.1,
)  # fmt: skip
KEY = Control("key", f"The key to play in; {OWN} is the model's.", OWN, choices=(OWN, *PITCH_CLASSES))
SEED = Control(
    "seed", "Another seed, other notes; the same one makes a jam repeatable.", 0, 0, 2**31 - 1, whole=True, nudge=1
)
COUNT_IN = Control("count-in", "Bars of clicks before the top of the form.", 1, 0, 4, "bars", nudge=1, whole=True)
MELODY_LEVEL = Control(
    "melody-level", "MIDI volume of the melody; 0 is silent.", OWN_VOLUME, 0, 127, nudge=5, whole=True
)
CHORDS_LEVEL = Control(
    "chords-level", "MIDI volume of the chords; 0 is silent.", OWN_VOLUME, 0, 127, nudge=5, whole=True
)
CLICK_LEVEL = Control(
    "click-level", "MIDI volume of the count-in; 0 is silent.", OWN_VOLUME, 0, 127, nudge=5, whole=True
)
MELODY_MUTE = Control("melody-mute", "Silence the melody.", OFF, choices=_SWITCH, nudge=1)
CHORDS_MUTE = Control("chords-mute", "Silence the chords.", OFF, choices=_SWITCH, nudge=1)
CLICK_MUTE = Control("click-mute", "Silence the count-in.", OFF, choices=_SWITCH, nudge=1)
THRU = Control("thru", "Pass what you play on, as it is.", OFF, choices=_SWITCH, nudge=1)
MODEL = Control("model", "The network that plays: a name (improv models) or an .onnx file.", "partner")

CONTROLS: Mapping[str, Control] = MappingProxyType(
    {
        control.name: control
        for control in (
            TEMPO, SWING, MODE, BARS, GAP, TEMPERATURE, TOP_P, DENSITY, RESTS, REGISTER, LEANING, CHANGES, KEY, MODEL,
            SEED, COUNT_IN, MELODY_LEVEL, CHORDS_LEVEL, CLICK_LEVEL, MELODY_MUTE, CHORDS_MUTE, CLICK_MUTE, THRU,
        )
    }
)  # fmt: skip
"""Everything that can be turned while it plays."""


MELODY_CONTROLS = tuple(
    control.name for control in (TEMPERATURE, TOP_P, DENSITY, RESTS, REGISTER, LEANING, SEED, MELODY_LEVEL, MELODY_MUTE)
)
"""What only a network with a melody can obey."""


def control_named(name: str) -> Control:
    """The control of a name; UsageError that names the nearest one."""
    if name not in CONTROLS:
        raise UsageError(f"no control {name!r}{nearest(name, tuple(CONTROLS))}; choose from {', '.join(CONTROLS)}")
    return CONTROLS[name]


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What the player has chosen: a field for each control but tempo and swing, which are the transport's.

    `model` and `thru` are the daemon's and the player's to obey.
    """

    mode: Mode
    bars: int = 4
    gap: float = 1.5
    temperature: float = 0.8
    top_p: float = 1.0
    density: float = 0.0
    rests: float = 0.0
    register: int = 0
    leaning: float = 0.0
    changes: float = 0.0
    key: str = OWN
    seed: int = 0
    count_in: int = 1
    melody_level: int = OWN_VOLUME
    chords_level: int = OWN_VOLUME
    click_level: int = OWN_VOLUME
    melody_mute: str = OFF
    chords_mute: str = OFF
    click_mute: str = OFF


class How(StrEnum):
    """How a step came about."""

    NETWORK = "network"
    """The network chose it."""
    FALLBACK = "fallback"
    """The network failed or was late: a simple line over the form was played instead."""
    SKIPPED = "skipped"
    """Its time had passed: nothing was played."""
    IDLE = "idle"
    """Playing is stopped; something was asked for meanwhile."""


# --- commands -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Set:
    """Turn a control to a value, from the next step on."""

    control: str
    value: Value


@dataclass(frozen=True, slots=True)
class Nudge:
    """Turn a control by an amount from where it is."""

    control: str
    by: float


@dataclass(frozen=True, slots=True)
class Tap:
    """A beat of the tempo that is wanted, in seconds of the clock."""

    time_s: float


@dataclass(frozen=True, slots=True)
class Start:
    """Play from the top of the form, counted in, if playing is stopped."""


@dataclass(frozen=True, slots=True)
class Stop:
    """Stop playing at the next step; everything stays ready."""


@dataclass(frozen=True, slots=True)
class Restart:
    """Go back to the top of the form, counted in; start, if playing is stopped."""


@dataclass(frozen=True, slots=True)
class HandOver:
    """Give the turn to the other one: to improv in yours, to you in its."""


@dataclass(frozen=True, slots=True)
class Panic:
    """Silence everything at once and play on."""


@dataclass(frozen=True, slots=True)
class Learn:
    """Have the next knob, key or pedal that is moved turn a control, or ask for one of `TRIGGERS`."""

    target: str
    """Nothing: wait for none any more."""


@dataclass(frozen=True, slots=True)
class Forget:
    """Have no knob, key or pedal turn this any more."""

    target: str


@dataclass(frozen=True, slots=True)
class Press:
    """Press a key of an instrument that has no MIDI, heard and sounding as your own; velocity 0 lets it go."""

    pitch: int
    velocity: int


@dataclass(frozen=True, slots=True)
class Connect:
    """Hear or play through another port from now on: part of its name, or `virtual` or nothing for one of our own."""

    end: str
    """One of `ENDS`."""
    name: str


@dataclass(frozen=True, slots=True)
class Quit:
    """End the performance at once."""


Command = Set | Nudge | Tap | Start | Stop | Restart | HandOver | Panic | Learn | Forget | Press | Connect | Quit

ENDS = ("input", "output")

_VIRTUAL = "virtual"


def is_virtual(name: str) -> bool:
    """Whether what stands in the place of a port's name asks for a virtual port of our own."""
    return name.strip().casefold() in ("", _VIRTUAL)


TRIGGERS: Mapping[str, Command] = MappingProxyType(
    {
        "start": Start(),
        "stop": Stop(),
        "restart": Restart(),
        "hand-over": HandOver(),
        "panic": Panic(),
        "quit": Quit(),
    }
)
"""The commands that are asked for by their name alone, and tap, which is stamped when it is asked for."""

TARGETS = (*(name for name, control in CONTROLS.items() if control.is_number or control.choices), *TRIGGERS, "tap")
"""Everything that a knob, a key or a pedal can be bound to."""


def nothing_to_learn(target: str) -> str:
    """What is said of a target that nothing is called: the nearest one, and all that there are."""
    return f"nothing is called {target!r}{nearest(target, TARGETS)}; choose from {', '.join(TARGETS)}"


def checked(command: Command) -> Command:  # noqa: PLR0912 a case for each kind that can be wrong
    """The command, if its control is there and may have its value; UsageError otherwise."""
    match command:
        case Set(name, value):
            return Set(name, control_named(name).checked(value))
        case Nudge(name, by):
            control = control_named(name)
            if not math.isfinite(by):
                raise UsageError(f"{name} can't be moved by {by:g}; give a number")
            if not control.is_number and not control.choices:
                raise UsageError(f"{name} can't be nudged; set it")
            return command
        case Learn(""):
            return command
        case Learn(target) | Forget(target):
            if target not in TARGETS:
                raise UsageError(nothing_to_learn(target))
            return command
        case Tap(time_s):
            if not math.isfinite(time_s):
                raise UsageError("a tap needs a time in seconds")
            return command
        case Press(pitch, velocity):
            if not (0 <= pitch <= 127 and 0 <= velocity <= 127):
                raise UsageError(f"no key {pitch} with velocity {velocity}; give 0 to 127")
            return command
        case Connect(end, name):
            if end not in ENDS:
                raise UsageError(f"nothing is called {end!r}{nearest(end, ENDS)}; choose from {', '.join(ENDS)}")
            return Connect(end, "") if is_virtual(name) else command
        case _:
            return command


# --- what is seen ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class PortStatus:
    """One MIDI port of improv as the MIDI system itself has it: measured, never concluded from a call that returned."""

    role: str
    """input, output, thru or lights."""
    name: str
    """The port that was asked for; of a virtual port, our own name for it."""
    virtual: bool = False
    """Whether it waits for others to connect to it."""
    peers: tuple[str, ...] | None = None
    """The ports it is connected to at this moment; None where the MIDI system cannot be asked."""
    fault: str = ""
    """What it could not do last, to connect or to send; empty if it could."""

    @property
    def connected(self) -> bool | None:
        """Whether it is connected to anything; None where the MIDI system cannot be asked."""
        return None if self.peers is None else bool(self.peers)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rig:
    """What a performance is played with, as its daemon knows it."""

    says: str = ""
    """The ports, in a sentence."""
    api: str = ""
    input: str = ""
    output: str = ""
    """The names of the ports, empty where there is none."""
    ports: tuple[PortStatus, ...] = ()
    """Each open port and what it is connected to, as measured."""
    keys: tuple[int, ...] = ()
    """The pitches of the keys that you hold at this moment."""
    model: str = ""
    model_coming: str = ""
    """The one that is being loaded to take its place."""
    deaf_to: tuple[str, ...] = ()
    """The controls this network cannot obey."""
    thru: str = OFF
    take: str = ""
    """The name of the recording."""
    recording_fault: str = ""
    """Why the recording is not whole: what was lost or cannot be written; empty as long as nothing is."""
    saves_to: str = ""
    """The MIDI file that the jam is written to at its end; empty if none is."""
    learning: str = ""
    """What the next knob, key or pedal that is moved is going to turn."""
    onsets: int = 0
    dropped_onsets: int = 0
    lateness_p50_us: float = 0.0
    lateness_p99_us: float = 0.0
    """Of the last onsets, at the moment they were sent."""
    engine_deaths: int = 0
    player_deaths: int = 0
    remark: str = ""
    """The last thing that has happened besides the music."""


@dataclass(frozen=True, slots=True)
class Chance:
    """One pitch the melody may go to, and how probable it is: as trained, and as the controls bend it."""

    pitch: int
    trained: float
    bent: float


@dataclass(frozen=True, slots=True)
class Loudness:
    """The loudest onset of each part in a step, 0..127 at the part's level; 0 where there was none."""

    you: int = 0
    melody: int = 0
    chords: int = 0
    click: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """What a client sees of a performance at the start of a step."""

    step: int
    place: Place
    turn: Turn
    beats_left: float | None
    """Beats until the turn ends, if that is known."""
    took_turn: bool = False
    """Whether this turn is yours because you took it from improv: by playing into its turn, or by a hand-over."""
    playing: bool
    chord: Chord | None
    next_chord: Chord | None
    """What the network will play at the next step, as far as is known now."""
    heard: Cell
    """What you played in the step that has just ended."""
    played: Cell
    """What improv plays in this step."""
    planned: Cell = SILENCE
    """What it will play in the next step, as far as is known now."""
    form: str = ""
    """The chords of a chorus, its bars divided by `|`, in the key that sounds."""
    chords: tuple[Chord | None, ...] = ()
    """Step by step from the bar line on, in the key that sounds: those of this bar so far as they were played, and
    those to come as they will be, as far as they are settled. They may be other ones than the form's."""
    loudness: Loudness = Loudness()
    """Of this step; yours of the one that has just ended."""
    chances: tuple[Chance, ...] = ()
    """Of the melody at the next step, in the pitches that would sound; empty where no network has been asked."""
    memory: tuple[float, ...] = ()
    """At most 48 numbers of the network's memory, evenly chosen and squeezed to -1..1."""
    step_p50_us: float = 0.0
    step_p99_us: float = 0.0
    """How long deciding a step has taken lately."""
    tempo: float
    swing: float
    settings: Settings
    missed_steps: int
    faults: int
    fault: str
    """The last failure while playing, empty if there was none."""
    rig: Rig = Rig()

    def value(self, control: str) -> Value:
        """What a control stands at."""
        match control:
            case TEMPO.name:
                return self.tempo
            case SWING.name:
                return self.swing
            case MODEL.name:
                return self.rig.model
            case THRU.name:
                return self.rig.thru
            case _:
                value: Value = getattr(self.settings, control_named(control).field)
                return value
