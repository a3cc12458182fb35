"""What clients see of a performance: one value a step."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Annotated

from improv.dataclass import dataclass
from improv.music.grid import Grid
from improv.music.notes import SILENCE, Cell
from improv.music.parts import Part
from improv.music.theory import Chord, Place
from improv.music.turns import Turn
from improv.protocol.control import OFF, Value
from improv.protocol.controls import AUTO, MODEL, SWING, TEMPO, THRU, Settings, control_named
from improv.protocol.json_codec import Inlined, JsonName
from improv.protocol.port_status import PortStatus


class How(StrEnum):
    """The way a step was decided."""

    NETWORK = "network"
    """The network chose it."""
    FALLBACK = "fallback"
    """The network failed or was late: a simple line over the form was played instead."""
    SKIPPED = "skipped"
    """Its time had passed: nothing was played."""
    IDLE = "idle"
    """Playing is stopped; something was asked for meanwhile."""


@dataclass(frozen=True, slots=True)
class ByRule:
    """A part that was played by rule in a step, though it has a network, and why."""

    part: Part
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MidiStatus:
    """The MIDI system and the ports a jam is played through, as measured."""

    api: str = ""
    """The MIDI system: alsa, jack, coremidi, windows, or none."""
    input: str = ""
    """The name of the input; empty where there is none."""
    output: str = ""
    """The name of the output; empty where there is none."""
    ports: tuple[PortStatus, ...] = ()
    """Each open port."""
    keys: tuple[int, ...] = ()
    """MIDI pitches of the keys that the player holds at this moment."""
    thru: str = OFF
    """On where what the player plays is passed on: the control of this name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkStatus:
    """The network that plays, and the one to come."""

    model: str = ""
    """Its name; empty while none is loaded."""
    next_model: Annotated[str, JsonName("model_coming")] = ""
    """The one that is being loaded to take its place; empty if none is."""
    unsupported_controls: Annotated[tuple[str, ...], JsonName("deaf_to")] = ()
    """Names of the controls that it cannot obey."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingStatus:
    """The take and the MIDI file that the jam is kept in."""

    take: str = ""
    """The name of the recording; empty where nothing is recorded."""
    fault: Annotated[str, JsonName("recording_fault")] = ""
    """Why the recording is not whole: what was lost or cannot be written; empty as long as nothing is."""
    saves_to: str = ""
    """The MIDI file that the jam is written to at its end; empty if none is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OnsetTiming:
    """The punctuality of the onsets that are sent."""

    onsets: int = 0
    """Onsets sent so far."""
    dropped_onsets: int = 0
    """Onsets that came too late to be sent."""
    lateness_p50_us: float = 0.0
    """Median of the last onsets, at the moment they were sent."""
    lateness_p99_us: float = 0.0
    """99th percentile of the last onsets, at the moment they were sent."""


AUDIO_AUTO, AUDIO_OFF, AUDIO_NULL, AUDIO_JACK = AUDIO_WORDS = ("auto", "off", "null", "jack")
"""What `--audio` may be beside the name of a device: the system's default one, none, one that is silent, JACK."""

SILENT_DEVICE = "a silent device"
"""What the device of `--audio null` is called."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SoundStatus:
    """What improv sounds with by itself."""

    engine: str = ""
    """What makes the sound; empty while nothing sounds."""
    device: str = ""
    """The audio device it is heard on; empty while there is none."""
    latency_ms: float = 0.0
    """How much later than it is due everything is heard, MIDI too; 0 while nothing sounds."""
    gaps: int = 0
    """How often the device had to wait for sound."""
    cpu: float = 0.0
    """The share of a processor that the synth takes, lately."""
    fault: str = ""
    """Why nothing sounds; empty while it does, and where it is not to."""
    deaths: int = 0
    """Synth processes that died and were replaced."""

    @property
    def text(self) -> str:
        """What sounds, on what and how late, or why nothing does; empty where nothing is to."""
        if self.fault or not self.device:
            return self.fault
        how = f"({self.engine}), {self.latency_ms:.0f} ms after the beat"
        return f"it sounds on {self.device} {how}" if self.is_heard else f"its sound goes to {self.device} {how}"

    @property
    def is_heard(self) -> bool:
        """True if it sounds on a device, and that is none that is silent (`--audio null`)."""
        return self.device not in ("", SILENT_DEVICE)


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemStatus:
    """The state of the system that plays: ports, network, recording, timing, processes, as its daemon measures it."""

    description: Annotated[str, JsonName("says")] = ""
    """The ports, in a sentence."""
    midi: Inlined[MidiStatus] = MidiStatus()
    network: Inlined[NetworkStatus] = NetworkStatus()
    recording: Inlined[RecordingStatus] = RecordingStatus()
    timing: Inlined[OnsetTiming] = OnsetTiming()
    sound: SoundStatus = SoundStatus()
    learning: str = ""
    """The control or command that the next moved knob, key or pedal is bound to; empty if none is."""
    engine_deaths: int = 0
    """Engine processes that died and were replaced."""
    player_deaths: int = 0
    """Player processes that died and were replaced."""
    remark: str = ""
    """The last event besides the music, in a sentence."""


@dataclass(frozen=True, slots=True)
class PitchProbability:
    """The probability of a pitch as the melody's next, 0 to 1."""

    pitch: int
    """MIDI pitch, as it would sound."""
    trained: float
    """As the network says."""
    steered: Annotated[float, JsonName("bent")]
    """After temperature, top-p and the other controls."""


@dataclass(frozen=True, slots=True)
class Loudness:
    """The loudest onset of each part in a step: its velocity at the part's level, 0..127; 0 where there was none."""

    onsets: tuple[int, ...] = (0,) * len(Part)
    """In the order of `Part`."""

    @classmethod
    def of(cls, loudest: Mapping[Part, int]) -> "Loudness":
        """Return the loudness of some parts, 0 for the rest."""
        return cls(tuple(loudest.get(part, 0) for part in Part))

    def __getitem__(self, part: Part) -> int:
        return self.onsets[_PLACES[part]]

    @classmethod
    def json_types(cls) -> Mapping[str, type]:
        """See `improv.protocol.json_codec.JsonTable`."""
        return dict.fromkeys((*_BY_LABEL, *_BY_FORMER), int)

    def json_values(self) -> Mapping[str, int]:
        """See `improv.protocol.json_codec.JsonTable`."""
        return {label: self[part] for label, part in (*_BY_LABEL.items(), *_BY_FORMER.items())}

    @classmethod
    def from_json_values(cls, values: Mapping[str, int]) -> "Loudness":
        """See `improv.protocol.json_codec.JsonTable`."""
        by_former = {part: values[label] for label, part in _BY_FORMER.items() if label in values}
        return cls.of(by_former | {part: values[label] for label, part in _BY_LABEL.items() if label in values})


_PLACES = MappingProxyType({part: place for place, part in enumerate(Part)})

_BY_LABEL = MappingProxyType({part.label: part for part in Part})
_BY_FORMER = MappingProxyType({part.row.former: part for part in Part if part.row.former})
"""The parts by what clients call them, and by what they called some of them before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Harmony:
    """The chords, in the key that sounds."""

    chord: Chord | None = None
    """The chord that sounds in this step."""
    next_chord: Chord | None = None
    """The chord of the next step, as far as it is planned."""
    form: str = ""
    """The chords of a chorus, its bars divided by `|`."""
    chords: tuple[Chord | None, ...] = ()
    """A chord for each step from the bar line on: those played in this bar, then those to come as far as they are
    decided. They may differ from the form's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkView:
    """The network's probabilities and memory, for display."""

    probabilities: Annotated[tuple[PitchProbability, ...], JsonName("chances")] = ()
    """The probabilities of the melody's pitches at the next step; empty where no network was asked."""
    memory: tuple[float, ...] = ()
    """At most 48 numbers of the network's memory, evenly chosen and squeezed to -1..1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StepHealth:
    """Faults in deciding steps, and the time it takes."""

    missed_steps: int = 0
    """Steps whose time had passed before they could be played."""
    faults: int = 0
    """Steps the network failed at or was late for."""
    fault: str = ""
    """The last of these failures; empty if there was none."""
    by_rule: Annotated[tuple[ByRule, ...], JsonName("by_rule", sparse=True)] = ()
    """The parts of the band that play by rule in this step because their networks failed or were late."""
    step_p50_us: float = 0.0
    """Median of the time a step takes to decide, lately."""
    step_p99_us: float = 0.0
    """99th percentile of the time a step takes to decide, lately."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """A performance as a client sees it at the start of a step.

    JSON has the fields of the groups beside the others, as docs/reference/protocol.md lists them.
    """

    step: int
    place: Place
    turn: Turn
    beats_left: float | None
    """Beats until the turn ends; None where that is not known."""
    took_turn: bool = False
    """True if the player took this turn from improv: by playing into its turn, or by a hand-over."""
    playing: bool
    harmony: Inlined[Harmony] = Harmony()
    heard: Cell
    """The player's cell in the step that has just ended."""
    played: Cell
    """improv's cell in this step."""
    planned: Cell = SILENCE
    """improv's cell in the next step, as far as it is planned."""
    loudness: Loudness = Loudness()
    """The loudness of this step; the player's of the one that has just ended."""
    network: Inlined[NetworkView] = NetworkView()
    tempo: float
    """In beats per minute."""
    swing: float
    """The share of a beat its first eighth takes; `settings.auto_swing` says whether style and tempo decide it."""
    settings: Settings
    health: Inlined[StepHealth] = StepHealth()
    system: Annotated[SystemStatus, JsonName("rig")] = SystemStatus()

    @property
    def grid(self) -> Grid:
        """The grid of the network that plays: the steps of a beat, in which all steps here are counted."""
        return self.turn.grid

    @property
    def step_in_chorus(self) -> int:
        """The step counted from the top of the form, from 0; the form's top lies on a beat."""
        return (self.place.bar - 1) * self.grid.steps_per_bar + self.step_in_bar

    @property
    def step_in_bar(self) -> int:
        """The step counted from the bar line, from 0."""
        steps_per_beat = self.grid.steps_per_beat
        return (self.place.beat - 1) * steps_per_beat + self.step % steps_per_beat

    def number(self, control: str) -> Value:
        """Return the value of a control, and the number in force where the value is a word that stands for one."""
        return self.swing if control == SWING.name else self.value(control)

    def value(self, control: str) -> Value:
        """Return the value of a control, by its name."""
        match control:
            case TEMPO.name:
                return self.tempo
            case SWING.name:
                return AUTO if self.settings.auto_swing else self.swing
            case MODEL.name:
                return self.system.network.model
            case THRU.name:
                return self.system.midi.thru
            case _:
                return self.settings.value(control_named(control))
