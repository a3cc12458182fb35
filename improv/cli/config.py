"""`improv config`: the configuration of a jam, where each value came from, and a file to begin from.

It prints and writes that one file; it must never change one that is there unless it is told to.
"""

import json
from collections.abc import Iterator
from typing import Annotated

import typer

from improv.cli.groups import Commands
from improv.cli.output import say, say_json, say_lines
from improv.config.controller_maps import AUTO, MAP, Map
from improv.config.load import config_path, load
from improv.config.values import TABLES, UNSET, Config, variable
from improv.errors import NotWritten, UsageError
from improv.protocol.control import ON, Control, Value

app = typer.Typer(
    help="The configuration of a jam: show it, find its file, or write one to begin from.",
    cls=Commands,
    rich_markup_mode=None,
)


@app.command()
def show(
    profile: Annotated[str | None, typer.Option(help="With a profile of config.toml.")] = None,
    origin: Annotated[bool, typer.Option("--origin", help="Say where each value came from.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Print the configuration that holds now, as a config.toml that would give the same."""
    config = load(profile=profile)
    if as_json:
        say_json(_json(config, origin=origin))
    else:
        say_lines(toml(config, origin=origin))


@app.command()
def path() -> None:
    """Print the path of config.toml, whether the file exists or not."""
    say(config_path())


@app.command()
def init(force: Annotated[bool, typer.Option("--force", help="Overwrite a config.toml that exists.")] = False) -> None:
    """Write a config.toml to begin from: it explains every key, and sets none."""
    target = config_path()
    if target.exists() and not force:
        raise UsageError(f"{target} is there already; --force overwrites it")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(beginning(), encoding="utf-8")
    except OSError as error:
        raise NotWritten(f"{target}: {error.strerror}; name another file by $IMPROV_CONFIG") from error
    say(f"wrote {target}")


def toml(config: Config, *, origin: bool = False) -> str:
    """Return a configuration as TOML that loads to the same values; `origin` adds where each came from as a comment."""
    return "\n".join(
        f"{line}  # {config.origins[key]}" if origin and key else line for line, key in _lines(config)
    ).strip()


def _lines(config: Config) -> Iterator[tuple[str, str]]:
    """Each line, and the key whose value it holds."""
    for table, controls in TABLES.items():
        yield f"\n[{table}]", ""
        for name, control in controls.items():
            value = config.value(f"{table}.{name}")
            line = f"# {name} is not set" if value is None else f"{name} = {_written(control, value)}"
            yield line, f"{table}.{name}"
    for index, mapped in enumerate(config.maps):
        yield "\n[[map]]", ""
        for name, value in _map(mapped).items():
            yield f"{name} = {_written(MAP[name], value)}", f"map.{index}"


def _map(mapped: Map) -> dict[str, Value]:
    """What is given of a map, by key."""
    return {name: value for name in MAP if (value := getattr(mapped, name)) not in (None, AUTO)}


def _written(control: Control, value: Value) -> str:
    """A value as TOML has it."""
    if control.is_switch:
        return "true" if value in (ON, True) else "false"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)  # what has no control characters is the same in both
    return str(int(value)) if value == int(value) else repr(value)


def _json(config: Config, *, origin: bool) -> dict[str, object]:
    tables: dict[str, object] = {
        table: {name: config.value(f"{table}.{name}") for name in controls} for table, controls in TABLES.items()
    }
    tables["map"] = [_map(mapped) for mapped in config.maps]
    return tables | ({"origins": dict(config.origins)} if origin else {})


def beginning() -> str:
    """Return a config.toml that sets nothing: each key is a comment, with its help, range, and default or example."""
    lines = [
        "# What improv begins a jam with. Take the # away in front of what you want to be otherwise.",
        "# The command line goes over the environment, the environment over a profile, a profile over the rest.",
    ]
    for table, controls in TABLES.items():
        lines += ["", f"[{table}]"]
        for name, control in controls.items():
            lines += _explained(control, f"{table}.{name}")
    lines += ["", "# A knob, key or pedal of a controller; as many of these as you like.", "#[[map]]"]
    for control in MAP.values():
        lines += _explained(control)
    lines += [
        "",
        "# A profile is another rig: improv jam --profile stage. Every table above may stand in it;",
        "# its maps, [[profile.stage.map]], take the place of the others.",
        "#[profile.stage.controls]",
        "#temperature = 0.8",
    ]
    return "\n".join(lines) + "\n"


def _explained(control: Control, key: str = "") -> tuple[str, str]:
    """A key as a comment, under another that says what it is."""
    choices = "true, false" if control.is_switch else control.range
    notes = [choices, *(["not set by default"] if key in UNSET else []), *([variable(key)] if key else [])]
    return f"# {control.help} [{'; '.join(notes)}]", f"#{control.name} = {_written(control, control.default)}"
