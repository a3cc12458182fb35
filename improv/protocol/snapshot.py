"""What clients see of a performance: one value a step."""

from dataclasses import dataclass, field
from enum import StrEnum

from improv.music.notes import SILENCE, Cell
from improv.music.theory import Chord, Place
from improv.music.turns import Turn
from improv.protocol.controls import MODEL, OFF, SWING, TEMPO, THRU, Settings, Value, control_named
from improv.protocol.json_codec import json_name


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
    unsupported_controls: tuple[str, ...] = field(default=(), metadata=json_name("deaf_to"))
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
class PitchProbability:
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
    those to come as they will be, as far as they are decided. They may be other ones than the form's."""
    loudness: Loudness = Loudness()
    """Of this step; yours of the one that has just ended."""
    probabilities: tuple[PitchProbability, ...] = field(default=(), metadata=json_name("chances"))
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
