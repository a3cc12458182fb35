"""The configuration: what to play and through which ports, each value checked, and where it came from.

The command line goes over the environment, the environment over a profile, a profile over the rest of
`config.toml`, and all of it over the defaults; None means that improv chooses. What is wrong is told with its
file and line before anything is opened. Reading never runs, expands or fetches anything: a configuration may
come from another user.
"""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

from platformdirs import user_config_path

from improv.config.controller_maps import Map
from improv.config.toml_file import Entry, TomlFile, check_value, read_config
from improv.config.values import (
    COMMAND_LINE,
    PREFIX,
    TABLES,
    UNSET,
    Config,
    OscSettings,
    RecordingSettings,
    SoundSettings,
    Tune,
    Wiring,
    variable,
)
from improv.errors import UsageError
from improv.protocol.commands import ENDS, is_virtual
from improv.protocol.control import ON, Control, Value, nearest
from improv.protocol.controls import CONTROLS


def config_path(environment: Mapping[str, str] = os.environ) -> Path:
    """Return the path of config.toml: $IMPROV_CONFIG, or the user's directory for configuration."""
    named = environment.get("IMPROV_CONFIG")
    return Path(named) if named else user_config_path("improv", appauthor=False) / "config.toml"


NAMES = frozenset(
    {
        *(
            variable(f"{table}.{name}")
            for table, controls in TABLES.items()
            for control in controls.values()
            for name in (*control.former, control.name)
        ),
        *(
            f"IMPROV_{name}"
            for name in ("CONFIG", "PROFILE", "INSTANCE", "MODELS", "RUNTIME", "STATE", "TAKES", "SYNTH", "SOUNDFONTS")
        ),
        "IMPROV_REQUIRE_PORTS",
        "IMPROV_WRITE_GOLDENS",
        "IMPROV_DATA",
    }
)
"""Every environment variable that improv reads: the keys, where files are, and what tests are told."""


def unknown_names(environment: Mapping[str, str]) -> Iterator[str]:
    """Yield a warning for each environment variable that begins with IMPROV_ and is unknown."""
    ends = tuple(sorted(name.removeprefix(PREFIX) for name in NAMES))
    for name in sorted(environment):
        if name.startswith(PREFIX) and name not in NAMES:
            hint = nearest(name.removeprefix(PREFIX), ends).replace("mean ", f"mean {PREFIX}")
            yield f"{name} means nothing to improv{hint}; it is left out"


def load(
    *,
    profile: str | None = None,
    environment: Mapping[str, str] = os.environ,
    path: Path | None = None,
    given: Mapping[str, Value | None] = MappingProxyType({}),
) -> Config:
    """Return the configuration, merged from file, profile, environment and command line, in rising order.

    `given` holds the values of the command line by key, such as `controls.tempo`; None where none was given.
    InputNotFound for a file that was named and cannot be read, DataError for a value in it that may not be, UsageError
    for one elsewhere.
    """
    named = path is not None or bool(environment.get("IMPROV_CONFIG"))
    path = path or config_path(environment)
    file = TomlFile(path, read_config(path, named=named))

    entries: dict[str, Entry] = {
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


def _config(values: Mapping[str, Value | None], maps: tuple[Map, ...], origins: Mapping[str, str]) -> Config:
    """Return the configuration made of values that have been checked."""

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
        sound=SoundSettings(
            audio=str(values["sound.audio"]),
            soundfont=Path(font) if (font := word("sound.soundfont")) else None,
            audio_latency=None if (late := values["sound.audio-latency"]) is None else float(late),
        ),
        osc=OscSettings(enabled=enabled == ON, host=str(host), port=int(port or 0)),
        maps=maps,
        origins=origins,
    )


def _control(key: str) -> Control:
    table, _, name = key.partition(".")
    return TABLES[table][name]


def _environment(environment: Mapping[str, str]) -> Iterator[tuple[str, Entry]]:
    """Yield each key that the environment sets; a variable that is empty sets nothing."""
    for table, controls in TABLES.items():
        for name, control in controls.items():
            key = f"{table}.{name}"
            for variable_name in _variables(table, control):
                if text := environment.get(variable_name):
                    try:
                        yield key, (_told(control, text), variable_name)
                    except UsageError as error:
                        raise UsageError(f"{variable_name}: {error}") from None


def _variables(table: str, control: Control) -> tuple[str, ...]:
    """Return the environment variables of a control: by its former names, then by the present one, which counts."""
    return tuple(variable(f"{table}.{name}") for name in (*control.former, control.name))


def _told(control: Control, value: Value) -> Value:
    """Return a value that was given as text, as its control keeps it: numbers, true and false too."""
    if control.is_number and isinstance(value, str):
        return control.checked(value)
    return check_value(control, {"true": True, "false": False}.get(str(value), value) if control.is_switch else value)
