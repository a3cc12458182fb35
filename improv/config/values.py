"""What a jam begins with: the tune, the wiring, and what else can be set."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from improv.config.controller_maps import Map
from improv.errors import InputNotFound, UsageError
from improv.music.turns import Mode
from improv.protocol.controls import (
    CONTROLS,
    MODE,
    OFF,
    ON,
    SEED,
    SWING,
    TEMPO,
    Control,
    Settings,
    Value,
    control_named,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tune:
    """What to play: where the controls stand at first, for a jam and a render alike.

    What is not given has its default, but for the mode and the seed, which improv chooses.
    """

    given: tuple[tuple[str, Value], ...] = ()
    """Names of controls, and their values."""
    choruses: int | None = None
    """End after so many; None is never."""
    provider: str | None = None

    @classmethod
    def of(cls, *, choruses: int | None = None, provider: str | None = None, **controls: Value | None) -> "Tune":
        """A tune by the fields of its controls, None where nothing is given; UsageError for what cannot be."""
        given = {}
        for name, value in controls.items():
            if value is not None:
                control = control_named(name.replace("_", "-"))
                given[control.name] = control.checked(value)
        if choruses is not None and choruses < 1:
            raise UsageError(f"choruses {choruses} is out of range; give 1 or more")
        return cls(given=tuple(given.items()), choruses=choruses, provider=provider)

    def value(self, control: Control) -> Value:
        """Where a control stands at first."""
        return dict(self.given).get(control.name, control.default)

    @property
    def model(self) -> str:
        """The network's name, or its file."""
        return str(self.value(CONTROLS["model"]))

    @property
    def mode(self) -> Mode | None:
        """The mode that was chosen, if one was."""
        mode = dict(self.given).get(MODE.name)
        return None if mode is None else Mode(str(mode))

    @property
    def seed(self) -> int | None:
        """The seed that was chosen, if one was."""
        seed = dict(self.given).get(SEED.name)
        return None if seed is None else int(seed)

    @property
    def thru(self) -> bool:
        """Whether what you play is passed on from the start."""
        return self.value(CONTROLS["thru"]) == ON

    @property
    def tempo(self) -> float:
        """In beats per minute."""
        return float(self.value(TEMPO))

    @property
    def swing(self) -> float:
        """The share of a beat its first eighth takes."""
        return float(self.value(SWING))

    @property
    def count_in(self) -> int:
        """Bars."""
        return int(self.value(CONTROLS["count-in"]))

    def settings(self, mode: Mode, seed: int) -> Settings:
        """Return the settings: the other controls where they stand, but for mode and seed."""
        given = {CONTROLS[name].field: value for name, value in self.given if Settings.have(CONTROLS[name])}
        return Settings.of(**{**given, "mode": mode, "seed": seed})


COMMAND_LINE = "command line"
"""The origin of what was given there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wiring:
    """How a jam reaches the world; None is a virtual port of our own, or the first system that answers."""

    api: str | None = None
    input: str | None = None
    output: str | None = None
    lights: str | None = None
    """The MIDI output that the lights of controllers are on."""
    thru: bool = False
    """Whether what you play is passed on to the output as it arrives."""
    save: Path | None = None
    listens: bool = True
    """Whether there is an input at all."""
    letters: bool = False
    """Whether somebody sits before a screen on which the letters of the computer are an instrument."""
    patient: bool = False
    """Whether a port that is not there is waited for, as when a lost MIDI server has come back."""
    picked: tuple[str, ...] = ()
    """Which of `ENDS` were picked while it played before, and are waited for if they are not there."""
    picked_api: str = ""
    """The MIDI system whose ports these are: in another one their names mean nothing."""
    finds: bool = False
    """Whether the one keyboard and the one synth there are may be connected to unasked."""


def check_writable(path: Path) -> Path:
    """The same path, whole; InputNotFound if no file can be written there: better said before a performance than after.

    What is whole means the same file whatever becomes of the current folder.
    """
    path = absolute(path)
    try:
        there = path.exists()
        path.open("ab").close()
        if not there:
            path.unlink()
    except OSError as error:
        raise InputNotFound(f"{path}: {error.strerror}; choose another file to write to") from error
    return path


def absolute(path: Path) -> Path:
    """The path with the current folder before it; InputNotFound if it needs one that is not there any more."""
    try:
        return path.absolute()
    except OSError as error:
        raise InputNotFound(
            f"{path}: the current folder has been deleted; go to another, or give a whole path"
        ) from error


@dataclass(frozen=True, slots=True, kw_only=True)
class OscSettings:
    """Whether and where improv listens for OSC."""

    enabled: bool = False
    host: str = "localhost"
    port: int = 9000


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingSettings:
    """How much is kept of what is recorded, in megabytes of 10**6 bytes."""

    keep_mb: int | None = None
    """At a start the oldest takes are deleted until the others are no larger in all; None keeps every one."""
    take_mb: int = 200
    """Past it a take ends, and the recording goes on in another: some hundred hours."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """Everything that can be configured, and where each value came from."""

    tune: Tune
    """Where all controls stand, the mode and the seed only if they were given."""
    wiring: Wiring
    osc: OscSettings
    recording: RecordingSettings
    maps: tuple[Map, ...]
    origins: Mapping[str, str] = field(compare=False)
    """By key, such as `controls.tempo`, `ports.output`, `map.0`."""

    def chooses(self, key: str) -> bool:
        """Whether a value was chosen for this start: on the command line, in the environment or by a profile."""
        origin = self.origins[key]
        return origin in (COMMAND_LINE, variable(key)) or origin.endswith("]")

    def value(self, key: str) -> Value | None:
        """What stands at a key of `TABLES`, such as `controls.tempo`; None where it is not set."""
        table, _, name = key.partition(".")
        if table == "controls":
            return dict(self.tune.given).get(name)
        room = {"ports": self.wiring, "jam": self.tune, "recording": self.recording, "osc": self.osc}[table]
        value: Value | None = getattr(room, name.replace("-", "_"))
        return value


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
        *(f"ports.{name}" for name in TABLES["ports"]),
        *(f"jam.{name}" for name in TABLES["jam"]),
    }
)
"""The keys that are not set by default: improv chooses, and what stands in their defaults is an example."""


def variable(key: str) -> str:
    """The environment variable of a key of `TABLES`."""
    table, _, name = key.partition(".")
    prefix = "IMPROV_OSC_" if table == "osc" else "IMPROV_"
    return prefix + name.upper().replace("-", "_")


PREFIX = "IMPROV_"
