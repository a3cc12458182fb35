"""What a jam begins with: the tune, the wiring, and what else can be set."""

from collections.abc import Mapping
from dataclasses import field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from improv.config.controller_maps import Map
from improv.dataclass import dataclass
from improv.errors import InputNotFound, NotWritten, UsageError
from improv.music.styles import Style, auto_swing
from improv.music.turns import Mode
from improv.protocol.control import OFF, ON, Control, Value
from improv.protocol.controls import AUTO, CONTROLS, MODE, SEED, STYLE, SWING, TEMPO, Settings, control_named
from improv.protocol.snapshot import AUDIO_AUTO, AUDIO_OFF


@dataclass(frozen=True, slots=True, kw_only=True)
class Tune:
    """What to play: the values of the controls at first, for a jam and a render alike.

    Controls that are not given have their defaults, but for the mode and the seed, which improv chooses.
    """

    given: tuple[tuple[str, Value], ...] = ()
    """Names of controls, and their values."""
    choruses: int | None = None
    """How many choruses to play; None is without end."""
    provider: str | None = None

    @classmethod
    def of(cls, *, choruses: int | None = None, provider: str | None = None, **controls: Value | None) -> "Tune":
        """Return a tune from values by control field; None leaves a control at its default.

        UsageError for a value that may not be.
        """
        given = {}
        for name, value in controls.items():
            if value is not None:
                control = control_named(name.replace("_", "-"))
                given[control.name] = control.checked(value)
        if choruses is not None and choruses < 1:
            raise UsageError(f"choruses {choruses} is out of range; give 1 or more")
        return cls(given=tuple(given.items()), choruses=choruses, provider=provider)

    def value(self, control: Control) -> Value:
        """Return the value of a control at the start of the tune."""
        return dict(self.given).get(control.name, control.default)

    @property
    def model(self) -> str:
        """The network's name, or its file."""
        return str(self.value(CONTROLS["model"]))

    @property
    def mode(self) -> Mode | None:
        """The mode that was given; None if improv is to choose one."""
        mode = dict(self.given).get(MODE.name)
        return None if mode is None else Mode(str(mode))

    @property
    def seed(self) -> int | None:
        """The seed that was given; None if improv is to choose one."""
        seed = dict(self.given).get(SEED.name)
        return None if seed is None else int(seed)

    @property
    def thru(self) -> bool:
        """True if what the player plays is passed on from the start."""
        return self.value(CONTROLS["thru"]) == ON

    @property
    def tempo(self) -> float:
        """The tempo at first, in beats per minute."""
        return float(self.value(TEMPO))

    @property
    def swing(self) -> float:
        """The share of a beat its first eighth takes at first, 0.5 to 0.75."""
        value = self.value(SWING)
        return auto_swing(Style(str(self.value(STYLE))), self.tempo) if value == AUTO else float(value)

    @property
    def count_in(self) -> int:
        """The length of the count-in, in bars."""
        return int(self.value(CONTROLS["count-in"]))

    def settings(self, mode: Mode, seed: int) -> Settings:
        """Return the settings that the tune starts with, in a mode and with a seed."""
        given: dict[str, Any] = {
            CONTROLS[name].field: value for name, value in self.given if Settings.have(CONTROLS[name])
        }
        return Settings.of(**{**given, "mode": mode, "seed": seed, "auto_swing": self.value(SWING) == AUTO})


COMMAND_LINE = "command line"
"""The origin of what was given there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wiring:
    """The ports of a jam; None is a virtual port of our own, or the first MIDI system that answers."""

    api: str | None = None
    input: str | None = None
    output: str | None = None
    lights: str | None = None
    """The MIDI output that the lights of controllers are on."""
    thru: bool = False
    """True if what the player plays is passed on to the output as it arrives."""
    save: Path | None = None
    listens: bool = True
    """True if there is an input at all."""
    letters: bool = False
    """True if there is a screen on which the letters of the computer are an instrument."""
    picked: tuple[str, ...] = ()
    """Those of `ENDS` that were picked while it played before, and are waited for if they are missing."""
    picked_api: str = ""
    """The MIDI system whose ports these are: in another one their names mean nothing."""
    finds: bool = False
    """True if the only keyboard and the only synth may be connected to unasked."""


def check_writable(path: Path) -> Path:
    """Return a path made absolute; NotWritten if no file can be written there. Call it before a performance.

    An absolute path means the same file whatever becomes of the current folder.
    """
    path = absolute(path)
    try:
        there = path.exists()
        path.open("ab").close()
        if not there:
            path.unlink()
    except OSError as error:
        raise NotWritten(f"{path}: {error.strerror}; choose another file to write to") from error
    return path


def absolute(path: Path) -> Path:
    """Return a path, absolute; InputNotFound if it is relative to a current folder that was deleted."""
    try:
        return path.absolute()
    except OSError as error:
        raise InputNotFound(
            f"{path}: the current folder has been deleted; go to another, or give a whole path"
        ) from error


@dataclass(frozen=True, slots=True, kw_only=True)
class SoundSettings:
    """How improv sounds by itself."""

    audio: str = AUDIO_AUTO
    """`auto`: the system's default device unless an output port was named; `off`; `null`: a silent device; `jack`; or
    the name of a device, or a part of it."""
    soundfont: Path | None = None
    """The SoundFont to use; None: the best one here, or none."""
    audio_latency: float | None = None
    """What a device takes to sound a sample, in milliseconds; None: as measured."""


NO_SOUND = SoundSettings(audio=AUDIO_OFF)


@dataclass(frozen=True, slots=True, kw_only=True)
class OscSettings:
    """The address and port that improv listens on for OSC, if it does."""

    enabled: bool = False
    host: str = "localhost"
    port: int = 9000


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingSettings:
    """Limits to the size of the recordings, in megabytes of 10**6 bytes."""

    keep_mb: int | None = None
    """At a start the oldest takes are deleted until the others are no larger in all; None keeps every one."""
    take_mb: int = 200
    """Past it a take ends, and the recording goes on in another: some hundred hours."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """Everything that can be configured, and where each value came from."""

    tune: Tune
    """The values of all controls, the mode and the seed only if they were given."""
    wiring: Wiring
    sound: SoundSettings
    osc: OscSettings
    recording: RecordingSettings
    maps: tuple[Map, ...]
    origins: Mapping[str, str] = field(compare=False)
    """By key, such as `controls.tempo`, `ports.output`, `map.0`."""

    def chooses(self, key: str) -> bool:
        """Return whether this start chose a value: on the command line, in the environment or by a profile."""
        origin = self.origins[key]
        return origin in (COMMAND_LINE, variable(key)) or origin.endswith("]")

    def value(self, key: str) -> Value | None:
        """Return the value at a key of `TABLES`, such as `controls.tempo`; None where it is unset."""
        table, _, name = key.partition(".")
        if table == "controls":
            return dict(self.tune.given).get(name)
        room: dict[str, object] = {"ports": self.wiring, "jam": self.tune, "recording": self.recording, "osc": self.osc}
        room |= {"sound": self.sound}
        value = getattr(room[table], name.replace("-", "_"))
        return str(value) if isinstance(value, Path) else value


_OSC, _RECORDING = OscSettings(), RecordingSettings()

TABLES: Mapping[str, Mapping[str, Control]] = MappingProxyType(
    {
        "controls": CONTROLS,
        "ports": {
            "api": Control("api", "The MIDI system: alsa, jack, coremidi, windows, or none.", "jack"),
            "input": Control("input", "The MIDI input, or part of its name; virtual: one of our own.", "Keystation"),
            "output": Control("output", "The MIDI output, or part of its name; virtual: one of our own.", "FLUID"),
            "lights": Control("lights", "The MIDI output that controllers' lights are on.", "Launchpad"),
        },
        "sound": {
            "audio": Control(
                "audio",
                "Where improv sounds by itself: auto (the default device, unless an output is named), off, null "
                "(a silent device), jack, or part of a device's name (improv ports lists them).",
                SoundSettings().audio,
            ),
            "soundfont": Control("soundfont", "The SoundFont to sound with (.sf2).", "FluidR3_GM.sf2"),
            "audio-latency": Control(
                "audio-latency",
                "What the device takes to sound, where it is not measured right.",
                30.0,
                0.0,
                1000.0,
                "ms",
            ),
        },
        "jam": {
            "choruses": Control("choruses", "End after so many choruses.", 1, 1, 999_999, whole=True),
            "provider": Control("provider", "What runs the network: cpu, cuda, coreml.", "cpu"),
        },
        "recording": {
            "keep-mb": Control(
                "keep-mb",
                "Delete the oldest takes at a start, until these are left.",
                2000,
                1,
                9_999_999,
                "MB",
                whole=True,
            ),
            "take-mb": Control(
                "take-mb", "Go on in another take past this size.", _RECORDING.take_mb, 1, 250, "MB", whole=True
            ),
        },
        "osc": {
            "enabled": Control("enabled", "Listen for OSC.", ON if _OSC.enabled else OFF, choices=(OFF, ON)),
            "host": Control("host", "The address to listen on; localhost is this machine alone.", _OSC.host),
            "port": Control("port", "The UDP port to listen on.", _OSC.port, 1, 65535, whole=True),
        },
    }
)
"""What may stand in `config.toml`, beside maps and profiles; only the controls are turned while it plays."""

UNSET = frozenset(
    {
        "controls.mode",
        "controls.seed",
        "recording.keep-mb",
        "sound.soundfont",
        "sound.audio-latency",
        *(f"ports.{name}" for name in TABLES["ports"]),
        *(f"jam.{name}" for name in TABLES["jam"]),
    }
)
"""The keys that are not set by default: improv chooses, and what stands in their defaults is an example."""


def variable(key: str) -> str:
    """Return the environment variable of a key of `TABLES`: IMPROV_TEMPO for `controls.tempo`."""
    table, _, name = key.partition(".")
    prefix = "IMPROV_OSC_" if table == "osc" else "IMPROV_"
    return prefix + name.upper().replace("-", "_")


PREFIX = "IMPROV_"
