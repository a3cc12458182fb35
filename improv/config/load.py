"""What to play and how to reach the world, as values that have been checked, and where each of them came from.

The command line goes over the environment, the environment over a profile, a profile over the rest of
`config.toml`, and all of it over the defaults; None means that improv chooses. What is wrong is told with its
file and line before anything is opened. Reading never runs, expands or fetches anything: a configuration may
be somebody else's.
"""

import errno
import math
import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, Literal, NoReturn

from platformdirs import user_config_path

from improv.config.endless_knobs import DECODERS, Relative
from improv.errors import DataError, InputNotFound, UsageError
from improv.music.turns import Mode
from improv.protocol.commands import (
    CONTROLS,
    ENDS,
    MODE,
    OFF,
    ON,
    SEED,
    SWING,
    TARGETS,
    TEMPO,
    Control,
    Settings,
    Value,
    control_named,
    is_virtual,
    nearest,
)
from improv.system.safe_files import read_file
from improv.system.text_file import NoText, decoded


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
        """The other controls."""
        fields = {CONTROLS[name].field: value for name, value in self.given}
        kept = {name: fields[name] for name in Settings.__slots__ if name in fields}
        return Settings(**{**kept, "mode": mode, "seed": seed})  # type: ignore[arg-type]  # checked as they were given


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


# --- the configuration ------------------------------------------------------------------------------


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


Kind = Literal["cc", "note", "program"]
Takeover = Literal["pickup", "jump"]
AUTO: Final = "auto"

_KINDS: Mapping[Kind, str] = MappingProxyType({"cc": "CC", "note": "key", "program": "program"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Map:
    """What a knob, a key or a pedal of a controller turns or asks for."""

    kind: Kind
    number: int
    """The controller, pitch or program, 0 to 127."""
    channel: int | None = None
    """1 to 16; None is any."""
    target: str
    """A name of `improv.protocol.commands.TARGETS`."""
    takeover: Takeover = "pickup"
    """Whether a knob that stands elsewhere has to pass the control's value first, or moves it at once."""
    relative: Literal["auto", "off"] | Relative = AUTO
    """How an endless knob says how far it was turned; off for a knob that has an end, auto to find out."""

    @property
    def name(self) -> str:
        """What the controller is called."""
        channel = "" if self.channel is None else f" on channel {self.channel}"
        return f"{_KINDS[self.kind]} {self.number}{channel}"


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

MAP: Mapping[str, Control] = MappingProxyType(
    {
        "kind": Control("kind", "What the controller sends.", "cc", choices=("cc", "note", "program")),
        "number": Control("number", "The controller, pitch or program.", 20, 0, 127, whole=True),
        "channel": Control("channel", "Any if not given.", 1, 1, 16, whole=True),
        "target": Control("target", "A control, or what a pedal asks for.", TEMPO.name, choices=TARGETS),
        "takeover": Control(
            "takeover", "Whether a knob picks the value up or jumps.", "pickup", choices=("pickup", "jump")
        ),
        "relative": Control(
            "relative",
            "How an endless knob says how far it was turned; off for one that has an end, auto to find out.",
            AUTO,
            choices=(AUTO, "off", *DECODERS),
        ),
    }
)
"""The keys of a `[[map]]`."""

_OPTIONAL = ("channel", "takeover", "relative")

SUSTAIN = 64
_RESERVED: Mapping[int, str] = MappingProxyType(
    {
        **dict.fromkeys((0, 32), "bank select"),
        **dict.fromkeys((6, 38), "data entry"),
        **dict.fromkeys(range(98, 102), "a parameter number"),
        **dict.fromkeys(range(120, 128), "a channel mode message"),
    }
)


def reserved(controller: int, target: str) -> str:
    """Why a controller may not be mapped to a target, in a sentence; empty if it may."""
    if controller == SUSTAIN and target != "hand-over":
        return f"CC {SUSTAIN} is the sustain pedal; it can be mapped to hand-over alone"
    if controller in _RESERVED:
        return f"CC {controller} is {_RESERVED[controller]}; map another controller"
    return ""


def needs_a_knob(target: str) -> bool:
    """Whether a key or a program change can say nothing about it: a number has to be turned."""
    return target in CONTROLS and CONTROLS[target].is_number


def unfit(mapped: Map) -> str:
    """Why a controller may not be mapped so, in a sentence; empty if it may."""
    if mapped.kind == "cc":
        return reserved(mapped.number, mapped.target) or _unfit_endless(mapped)
    if mapped.relative not in (AUTO, "off"):
        return f"{mapped.name} is no endless knob; leave relative out"
    if needs_a_knob(mapped.target):
        return f"{mapped.name} cannot turn {mapped.target}; map a knob, which sends CC"
    return ""


def _unfit_endless(mapped: Map) -> str:
    if mapped.relative in DECODERS and mapped.target not in CONTROLS:
        return f"an endless knob cannot ask for {mapped.target}; map a key, a pedal or a button"
    return ""


def config_path(environment: Mapping[str, str] = os.environ) -> Path:
    """Where the configuration is: $IMPROV_CONFIG, or the user's own place."""
    named = environment.get("IMPROV_CONFIG")
    return Path(named) if named else user_config_path("improv", appauthor=False) / "config.toml"


def variable(key: str) -> str:
    """The environment variable of a key of `TABLES`."""
    table, _, name = key.partition(".")
    prefix = "IMPROV_OSC_" if table == "osc" else "IMPROV_"
    return prefix + name.upper().replace("-", "_")


_PREFIX = "IMPROV_"
NAMES = frozenset(
    {
        *(variable(f"{table}.{name}") for table, controls in TABLES.items() for name in controls),
        *(f"IMPROV_{name}" for name in ("CONFIG", "PROFILE", "INSTANCE", "MODELS", "RUNTIME", "STATE", "TAKES")),
        "IMPROV_REQUIRE_PORTS",
        "IMPROV_WRITE_GOLDENS",
        "IMPROV_DATA",
    }
)
"""Every name of the environment that means something: the keys, where things are, and what tests are told."""


def unknown_names(environment: Mapping[str, str]) -> Iterator[str]:
    """What to say of each variable that looks like ours and means nothing: a setting that its name has kept away."""
    ends = tuple(sorted(name.removeprefix(_PREFIX) for name in NAMES))
    for name in sorted(environment):
        if name.startswith(_PREFIX) and name not in NAMES:
            hint = nearest(name.removeprefix(_PREFIX), ends).replace("mean ", f"mean {_PREFIX}")
            yield f"{name} means nothing to improv{hint}; it is left out"


def load(
    *,
    profile: str | None = None,
    environment: Mapping[str, str] = os.environ,
    path: Path | None = None,
    given: Mapping[str, Value | None] = MappingProxyType({}),
) -> Config:
    """The configuration, out of all the places it can come from.

    `given` is what the command line gave, by key such as `controls.tempo`, None where nothing was. A file that
    was named and cannot be read raises InputNotFound; what may not be raises DataError in a file, UsageError elsewhere.
    """
    named = path is not None or bool(environment.get("IMPROV_CONFIG"))
    path = path or config_path(environment)
    file = _File(path, _text(path, named=named))

    entries: dict[str, _Entry] = {
        f"{table}.{name}": (None if f"{table}.{name}" in UNSET else control.default, "default")
        for table, controls in TABLES.items()
        for name, control in controls.items()
    }
    entries |= file.entries
    maps = file.maps or []
    by_hand = profile is not None
    chosen = profile if by_hand else environment.get("IMPROV_PROFILE") or None
    if chosen is not None:
        overlay = file.profile(chosen, "" if by_hand else "IMPROV_PROFILE: ")
        entries |= overlay.entries
        maps = maps if overlay.maps is None else overlay.maps
    entries |= _environment(environment)
    entries |= {key: (_told(_control(key), value), COMMAND_LINE) for key, value in given.items() if value is not None}

    origins = {key: origin for key, (_, origin) in entries.items()}
    origins |= {f"map.{index}": origin for index, (_, origin) in enumerate(maps)}
    values = {key: value for key, (value, _) in entries.items()}
    return _config(values, tuple(mapped for mapped, _ in maps), MappingProxyType(origins))


_Entry = tuple[Value | None, str]
"""A value and where it came from."""


def _config(values: Mapping[str, Value | None], maps: tuple[Map, ...], origins: Mapping[str, str]) -> Config:
    """The values, which have been checked, in their rooms."""

    def word(key: str) -> str | None:
        return None if values[key] is None else str(values[key])

    choruses, enabled, host, port = (values[key] for key in ("jam.choruses", "osc.enabled", "osc.host", "osc.port"))
    controls = {control.field: values[f"controls.{name}"] for name, control in CONTROLS.items()}
    tune = Tune.of(choruses=None if choruses is None else int(choruses), provider=word("jam.provider"), **controls)
    ports = {name: word(f"ports.{name}") for name in TABLES["ports"]}
    ports |= {end: None for end in ENDS if is_virtual(ports[end] or "")}
    return Config(
        tune=tune,
        wiring=Wiring(**ports, thru=tune.thru),  # type: ignore[arg-type]  # they are words
        recording=RecordingSettings(
            keep_mb=None if values["recording.keep-mb"] is None else int(values["recording.keep-mb"]),
            take_mb=int(values["recording.take-mb"] or 0),
        ),
        osc=OscSettings(enabled=enabled == ON, host=str(host), port=int(port or 0)),
        maps=maps,
        origins=origins,
    )


def _control(key: str) -> Control:
    table, _, name = key.partition(".")
    return TABLES[table][name]


def _environment(environment: Mapping[str, str]) -> Iterator[tuple[str, _Entry]]:
    """What the environment sets; a variable that is empty sets nothing."""
    for table, controls in TABLES.items():
        for name, control in controls.items():
            key = f"{table}.{name}"
            if text := environment.get(variable(key)):
                try:
                    yield key, (_told(control, text), variable(key))
                except UsageError as error:
                    raise UsageError(f"{variable(key)}: {error}") from None


def _told(control: Control, value: Value) -> Value:
    """A value from where all is text: the numbers, true and false too."""
    if control.is_number and isinstance(value, str):
        return control.checked(value)
    return _checked(control, {"true": True, "false": False}.get(str(value), value) if control.is_switch else value)


_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


def _checked(control: Control, value: object) -> Value:
    """A value of the type its control has, as the control keeps it; UsageError otherwise."""
    match value:
        case bool() if control.is_switch:
            return ON if value else OFF
        case bool():
            pass
        case int() | float() if control.is_number:
            try:
                return control.checked(float(value))
            except OverflowError:
                return control.checked(math.inf if value > 0 else -math.inf)
        case str() if not control.is_number:
            if _UNPRINTABLE.search(value):
                raise UsageError(f"{control.name} {value!r} has characters that cannot be printed; take them out")
            return control.checked(value)
    if control.is_switch:
        raise UsageError(f"{control.name} needs true or false, not {_kind(value)}")
    need = "a number" if control.is_number else "a string"
    raise UsageError(f"{control.name} needs {need}, not {_kind(value)}; give {control.range}")


def _kind(value: object) -> str:
    match value:
        case bool():
            return "true or false"
        case int() | float():
            return "a number"
        case str():
            return "a string"
        case list():
            return "an array"
        case dict():
            return "a table"
        case _:
            return "a date or time"


# --- config.toml ------------------------------------------------------------------------------------

_MOST_BYTES, _LONGEST_LINE = 1 << 16, 1000
"""A parser takes gigabytes for a key of many parts; nobody else's file may do that to a jam."""

_LONGEST_STATEMENT, _DEEPEST = 100, 6
"""Lines, keys: nothing that may stand in a configuration is longer or deeper."""

_Place = tuple[str | int, ...]
"""The keys and indices that lead to a value."""


def _text(path: Path, *, named: bool) -> str:
    """The text of a configuration file; of one that nobody named and that is not there, nothing."""
    if str(path) == os.devnull:  # as programs are told to use no configuration
        return ""
    try:
        content = read_file(path, _MOST_BYTES)
    except OSError as error:
        if isinstance(error, FileNotFoundError) and not named:
            return ""
        if error.errno == errno.EFBIG:
            raise DataError(f"{path.name}: {error.strerror}; no configuration is") from error
        raise InputNotFound(f"{path}: {error.strerror}; give a configuration file that can be read") from error
    try:
        return decoded(content)
    except NoText as error:
        raise DataError(f"{path.name}:{error.line}: {error}") from None


@dataclass(frozen=True, slots=True)
class _Layer:
    """What a file, or a profile in it, sets."""

    entries: dict[str, _Entry]
    maps: list[tuple[Map, str]] | None


class _File:
    """A configuration file that has been read, all of it: a profile that is wrong is found at home, not on stage."""

    def __init__(self, path: Path, text: str) -> None:
        self._path = path
        self._lines: Mapping[_Place, int] = {}
        document = self._parsed(text)
        self._lines = _lines(text)
        profiles = document.pop("profile", {})
        if not isinstance(profiles, dict):
            self._refuse(("profile",), f"profile needs tables such as [profile.stage.controls], not {_kind(profiles)}")
        own = self._layer(document, (), (*TABLES, "map", "profile"))
        self.entries, self.maps = own.entries, own.maps
        self._profiles = {name: self._profile(name, content) for name, content in profiles.items()}

    def profile(self, name: str, chooser: str) -> _Layer:
        """What a profile sets; UsageError, which begins with who has chosen it, if there is no such profile."""
        if name not in self._profiles:
            there = f"; there are {', '.join(map(_shown, self._profiles))}" if self._profiles else "; it has none"
            hint = nearest(name, tuple(self._profiles))
            raise UsageError(f"{chooser}{self._path.name}: no profile {_shown(name)}{hint}{there}")
        return self._profiles[name]

    def _parsed(self, text: str) -> dict[str, Any]:
        for number, written in enumerate(text.split("\n"), 1):
            if len(written) > _LONGEST_LINE:
                text = f"this line is longer than {_LONGEST_LINE} characters; no configuration's is"
                raise DataError(f"{self._path.name}:{number}: {text}")
        try:
            return tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            said = re.fullmatch(r"(.*) \(at (?:line (\d+), column \d+|end of document)\)", str(error), re.DOTALL)
            message, line = said.groups() if said else (str(error), None)
            line = line or text.rstrip("\n").count("\n") + 1
            raise DataError(f"{self._path.name}:{line}: this is no TOML: {message}") from None
        except (ValueError, RecursionError):
            raise DataError(f"{self._path.name}: a value is nested too deep") from None

    def _profile(self, name: str, content: object) -> _Layer:
        if not isinstance(content, dict):
            text = f"profile {_shown(name)} needs tables such as [profile.stage.controls], not {_kind(content)}"
            self._refuse(("profile", name), text)
        return self._layer(content, ("profile", name), (*TABLES, "map"))

    def _layer(self, content: Mapping[str, Any], place: _Place, names: tuple[str, ...]) -> _Layer:
        entries: dict[str, _Entry] = {}
        maps = None
        for name, value in content.items():
            here = (*place, name)
            if name == "map":
                maps = self._maps(value, here)
            elif name not in TABLES:
                what = f"table [{_title(here)}]" if isinstance(value, dict | list) else f"key {_shown(name)}"
                within = f" in [{_title(place)}]" if place and not isinstance(value, dict | list) else ""
                self._refuse(here, f"no {what}{within}{self._hint(name, place, names)}")
            elif not isinstance(value, dict):
                self._refuse(here, f"{name} needs a table, [{_title(here)}], not {_kind(value)}")
            else:
                for key, entry in value.items():
                    entries[f"{name}.{key}"] = self._entry(name, key, entry, here)
        return _Layer(entries, maps)

    def _entry(self, table: str, key: str, value: object, place: _Place) -> _Entry:
        here, controls = (*place, key), TABLES[table]
        if key not in controls:
            hint = self._hint(key, place[:-1], tuple(controls))
            self._refuse(here, f"no key {_shown(key)} in [{_title(place)}]{hint}")
        return self._value(controls[key], value, here), self._origin(here)

    def _maps(self, value: object, place: _Place) -> list[tuple[Map, str]]:
        if not isinstance(value, list):
            self._refuse(place, f"map needs an array of tables: write [[{_title(place)}]] above each")
        maps: dict[tuple[str, int, int | None], tuple[Map, str]] = {}
        for index, entry in enumerate(value):
            mapped = self._map(entry, (*place, index))
            source = mapped.kind, mapped.number, mapped.channel
            if source in maps:
                both = f"{maps[source][0].target} and {mapped.target}"
                self._refuse((*place, index, "number"), f"{mapped.name} is mapped to {both}; take one of them out")
            maps[source] = mapped, self._origin((*place, index))
        return list(maps.values())

    def _map(self, entry: object, place: _Place) -> Map:
        title = f"[[{_title(place[:-1])}]]"
        if not isinstance(entry, dict):
            self._refuse(place, f"each {title} needs a table, not {_kind(entry)}")
        values: dict[str, Any] = {}
        for key, value in entry.items():
            if key not in MAP:
                self._refuse((*place, key), f"no key {_shown(key)} in {title}{_hint_of_map(key)}")
            values[key] = self._value(MAP[key], value, (*place, key))
        for key in MAP:
            if key not in values and key not in _OPTIONAL:
                self._refuse(place, f"this {title} has no {key}; give {MAP[key].range}")
        mapped = Map(**values)
        if why := unfit(mapped):
            self._refuse((*place, "number"), why)
        return mapped

    def _value(self, control: Control, value: object, place: _Place) -> Value:
        try:
            return _checked(control, value)
        except UsageError as error:
            self._refuse(place, str(error))

    def _hint(self, name: str, place: _Place, names: tuple[str, ...]) -> str:
        """The table a key belongs to, or the name that was meant."""
        for table, controls in TABLES.items():
            if name in controls:
                return f" (it belongs in [{_title((*place, table))}])"
        return nearest(name, names)

    def _at(self, place: _Place) -> str:
        line = self._lines.get(place)
        return f"{self._path.name}:{line}" if line else self._path.name

    def _origin(self, place: _Place) -> str:
        return self._at(place) + (f" [{_title(place[:2])}]" if place[0] == "profile" else "")

    def _refuse(self, place: _Place, text: str) -> NoReturn:
        raise DataError(f"{self._at(place)}: {text}")


def _hint_of_map(key: str) -> str:
    """What was meant by a key that no `[[map]]` has."""
    if key in MAP["kind"].choices:
        return f' (write kind = "{key}" and number = ...)'
    return nearest(key, tuple(MAP)) or f"; give {', '.join(MAP)}"


def _shown(name: str | int) -> str:
    """A key as it is written, whatever characters it has."""
    return str(name) if re.fullmatch(r"[A-Za-z0-9_-]+", str(name)) else repr(name)


def _title(place: _Place) -> str:
    return ".".join(map(_shown, place))


def _lines(text: str) -> Mapping[_Place, int]:
    """The line of each key and table of a valid file.

    Each statement is parsed by itself, which spares a second reader of TOML: it ends at the first line with
    which it is valid. Behind one that is too long to be ours nothing is known.
    """
    found: dict[_Place, int] = {}
    arrays: dict[_Place, int] = {}
    table: _Place = ()
    statement, first = "", 1
    for number, line in enumerate(text.split("\n"), 1):
        first = first if statement else number
        statement += line + "\n"
        try:
            parsed = tomllib.loads(statement)
        except (ValueError, RecursionError):
            if number - first == _LONGEST_STATEMENT:
                break
            continue
        if statement.lstrip().startswith("["):
            table = _header(parsed, arrays)
            for depth in range(1, len(table) + 1):
                found.setdefault(table[:depth], first)
        else:
            for place in _places(parsed, table):
                found.setdefault(place, first)
        statement = ""
    return found


def _header(parsed: Any, arrays: dict[_Place, int]) -> _Place:
    """The place of the table that a header begins; `arrays` counts the tables of each array."""
    place: _Place = ()
    while isinstance(parsed, dict) and parsed and len(place) < _DEEPEST:
        ((name, parsed),) = parsed.items()
        place = (*place, name)
        if isinstance(parsed, list):
            arrays[place] = arrays.get(place, 0) + 1
        if place in arrays:
            place = (*place, arrays[place] - 1)
    return place


def _places(value: object, place: _Place) -> Iterator[_Place]:
    """A place and all that are in it."""
    yield place
    if len(place) < _DEEPEST and isinstance(value, dict | list):
        for name, within in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _places(within, (*place, name))
