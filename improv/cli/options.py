"""The options that commands share: one for each control, and everything else a jam is begun with.

They are made from what `improv.protocol.commands` and `improv.config.load` say, so that no range, default or help
stands here a second time.
"""

import inspect
import os
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import wraps
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Literal

import typer

from improv.config.load import load
from improv.config.values import TABLES, UNSET, Config, absolute
from improv.dataclass import dataclass
from improv.errors import UsageError
from improv.music.parts import MIXED_PARTS, Part
from improv.protocol.control import OFF, ON, Control, Value, nearest
from improv.protocol.controls import CONTROLS, MODEL
from improv.protocol.mixer import PROGRAMS
from improv.synth.soundfonts import is_bare
from improv.system.printable import printable


def model_names(incomplete: str) -> list[str]:
    """Return the names of networks that begin with `incomplete`, for shell completion; none if listing fails."""
    with suppress(Exception):  # a shell has no use for a reason
        from improv.models.catalog import model_paths

        return [name for name in model_paths() if name.startswith(incomplete) and name.isprintable()]
    return []


def _port_names(direction: Literal["input", "output"]) -> Callable[[str], list[str]]:
    """The ports there are now that begin so, for a shell to complete."""

    def names(incomplete: str) -> list[str]:
        with suppress(Exception):
            from improv.midi.systems import PortLists, reachable_api

            with PortLists(reachable_api()) as lists:
                listed = [printable(name) for name in lists.names(direction)]
            found = [name for name in listed if name.startswith(incomplete)]
            return _in_bash(found, incomplete) if os.environ.get("_IMPROV_COMPLETE") == "complete_bash" else found
        return []

    return names


def _in_bash(names: list[str], typed: str) -> list[str]:
    """The names as bash puts them into a line: it quotes nothing, and breaks words at colons too.

    What has been typed has to stand as it is, so nothing is offered once there is a space in it.
    """
    escaped = (typed + re.sub(r"[^\w@%+=.,/-]", r"\\\g<0>", name.removeprefix(typed)) for name in names)
    return [] if re.search(r"[^\w@%+=.,/:-]", typed) else list(escaped)


input_names, output_names = _port_names("input"), _port_names("output")

Model = Annotated[str, typer.Option("--model", "-m", help=CONTROLS["model"].help, autocompletion=model_names)]
Provider = Annotated[
    str | None,
    typer.Option(
        help="What runs the network: cpu, cuda or coreml. If not given, the fastest that improv bench has found."
    ),
]
Api = Annotated[
    str | None,
    typer.Option(help="The MIDI system: alsa, jack, coremidi or windows. If not given, the first that answers."),
]
LiveApi = Annotated[
    str | None,
    typer.Option("--api", help="The MIDI system: alsa, jack, coremidi or windows; none plays into a MIDI file only."),
]
Input = Annotated[
    str | None,
    typer.Option(
        "--input",
        "-i",
        help="The MIDI input, or part of its name. If not given, a virtual port.",
        autocompletion=input_names,
    ),
]
Output = Annotated[
    str | None,
    typer.Option(
        "--output",
        "-o",
        help="The MIDI output, or part of its name. If not given, a virtual port.",
        autocompletion=output_names,
    ),
]
Profile = Annotated[
    str | None, typer.Option(envvar="IMPROV_PROFILE", help="A profile of config.toml, laid over the rest of it.")
]
Name = Annotated[
    str,
    typer.Option(
        "--instance", envvar="IMPROV_INSTANCE", help="The name of this improv, where several play side by side."
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]

_SHORT = MappingProxyType({"model": "-m", "tempo": "-t", "input": "-i", "output": "-o"})


def _option(key: str, control: Control) -> tuple[Any, Any]:
    """How a key of the configuration is given on the command line: its type and its option."""
    if control.is_switch:
        return bool, typer.Option(f"--{control.name}/--no-{control.name}", help=control.help)
    kind = str if not control.is_number or control.words or control.names else int if control.whole else float
    default = f"; {_shown(control.default)} if not given" if control.is_number and key not in UNSET else ""
    text = f"{control.help} [{control.range}{default}]" if control.is_number or control.choices else control.help
    names = [f"--{control.name}", *([_SHORT[control.name]] if control.name in _SHORT else [])]
    return kind, typer.Option(*names, help=text, autocompletion=_completion(key, control))


def _shown(value: Value) -> str:
    return value if isinstance(value, str) else f"{value:g}"


def _former_option(control: Control, name: str) -> tuple[Any, Any]:
    """How a control is given by a former name: as it was, and shown in no help."""
    kind, option = _option("", control)
    names = (f"--{name}/--no-{name}",) if control.is_switch else (f"--{name}",)
    return kind, typer.Option(*names, help=option.help, hidden=True)


def _parameters(controls: Mapping[str, Control]) -> list[inspect.Parameter]:
    """The options of controls by their keys, and hidden ones by their former names."""
    options = [_parameter(control.field, *_option(key, control)) for key, control in controls.items()]
    return options + [
        _parameter(former.replace("-", "_"), *_former_option(control, former))
        for control in controls.values()
        for former in control.former
    ]


def _program_option() -> inspect.Parameter:
    """The option that says the programs of several parts."""
    parts = ", ".join(map(_label, MIXED_PARTS))
    option = typer.Option(
        "--program",
        metavar="PART=PROGRAM",
        help=f"The sound of a part ({parts}) by number or name, as improv programs lists them: melody=tenor-sax. "
        "Give it once for each part.",
        autocompletion=complete_program,
    )
    return _parameter("program", list[str], option)


def _label(part: Part) -> str:
    return part.label


def complete_program(incomplete: str) -> list[str]:
    """Return each PART=PROGRAM that begins with `incomplete`, for shell completion."""
    words = (f"{part.label}={word}" for part, control in PROGRAMS.items() for word in control.words_of_values)
    return [word for word in words if word.startswith(incomplete)]


def program_of(word: str, what: str) -> tuple[Control, str]:
    """Return the control and its value that PART=PROGRAM stands for.

    UsageError for a word that is none: `what` is what asked for it, such as `--program`.
    """
    label, _, program = (side.strip() for side in word.partition("="))
    part = next((part for part in MIXED_PARTS if label in (part.label, part.row.former)), None)
    if part is None or not program:
        parts = tuple(map(_label, MIXED_PARTS))
        hint = nearest(label, parts) if part is None else ""
        raise UsageError(
            f"{what} {word!r} is no PART=PROGRAM{hint}; give such as melody=tenor-sax, "
            f"with a part of {', '.join(parts)}"
        )
    return PROGRAMS[part], program


def _with_programs(given: dict[str, Any]) -> dict[str, Any]:
    """What was given, with `program` (several PART=PROGRAM) taken apart; UsageError for one that is none."""
    programs = {}
    for word in given.pop("program") or ():
        control, program = program_of(word, "--program")
        programs[control.field] = program
    return given | {field: program for field, program in programs.items() if given[field] is None}


def _given_value(control: Control, given: Mapping[str, Any]) -> Any:
    """What was given of a control, by its present name or else by a former one; None if nothing was."""
    values = (given.get(name.replace("-", "_")) for name in (control.name, *control.former))
    return _switched(next((value for value in values if value is not None), None))


def _completion(key: str, control: Control) -> Callable[[str], list[str]] | None:
    live = {"controls.model": model_names, "ports.input": input_names}
    live |= {"ports.output": output_names, "ports.lights": output_names}
    if key in live:
        return live[key]
    if not (words := control.words_of_values):
        return None
    return lambda incomplete: [word for word in words if word.startswith(incomplete)]


def _parameter(name: str, kind: Any, option: Any) -> inspect.Parameter:
    hint: Any = Annotated[kind | None, option]
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=hint)


def _instead_of(
    placeholder: str,
    command: Callable[..., None],
    options: list[inspect.Parameter],
    gathered: Callable[[dict[str, Any]], Any],
) -> Callable[..., None]:
    """A command that has options in the place of one parameter, which gets what is gathered of them."""
    own = [parameter for name, parameter in inspect.signature(command).parameters.items() if name != placeholder]
    names = [option.name for option in options]

    @wraps(command)
    def call(**given: Any) -> None:
        command(**{placeholder: gathered({name: given.pop(name) for name in names})}, **given)

    parameters = [*own, *options]
    call.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    call.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return call


def _switched(value: Any) -> Any:
    return {True: ON, False: OFF}[value] if isinstance(value, bool) else value


def with_controls(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command an option for each control, in place of its parameter `controls` (values by field name)."""
    controls = {f"controls.{name}": control for name, control in CONTROLS.items()}

    def gathered(given: dict[str, Any]) -> dict[str, Any]:
        given = _with_programs(given)
        return {control.field: _given_value(control, given) for control in controls.values()}

    return _instead_of("controls", command, [*_parameters(controls), _program_option()], gathered)


# --- a jam ----------------------------------------------------------------------------------------

_JAM: Mapping[str, Control] = MappingProxyType(
    {
        f"{table}.{name}": control
        for table in ("ports", "sound", "jam", "recording", "controls")
        for name, control in TABLES[table].items()
    }
)  # fmt: skip
"""What a jam can be given on the command line, by its key in the configuration."""

_SWITCHES = frozenset(
    f"--{name}" for control in _JAM.values() if control.is_switch for name in (control.name, *control.former)
)


def spelled_out(words: Sequence[str]) -> list[str]:
    """Return the words of a command line with `--bass-mute on` as `--bass-mute` and `... off` as `--no-bass-mute`."""
    spelled = list[str]()
    for at, word in enumerate(words):
        if word == "--":
            return [*spelled, *words[at:]]
        if word in (ON, OFF) and spelled and at and words[at - 1] in _SWITCHES:
            spelled[-1] = _switch(words[at - 1], word)
            continue
        name, _, value = word.partition("=")
        spelled.append(_switch(name, value) if name in _SWITCHES and value in (ON, OFF) else word)
    return spelled


def _switch(name: str, value: str) -> str:
    return name if value == ON else f"--no-{name.removeprefix('--')}"


@dataclass(frozen=True, slots=True)
class Given:
    """What the command line has given of a jam: values by key of the configuration, only those given."""

    values: Mapping[str, Value]
    profile: str | None = None
    save: Path | None = None
    """Also write the jam to this file."""
    letters: bool = False
    """The letters of the computer are an instrument, if there is no other."""

    def config(self) -> Config:
        """Load the configuration, with the given options over it; UsageError or InputNotFound for what is wrong."""
        config = load(profile=self.profile, given=self.values)
        return replace(config, wiring=replace(config.wiring, save=self.save, letters=self.letters))

    def arguments(self) -> list[str]:
        """Return the options as arguments of a command line; paths are absolute, so that it works in any folder."""
        words = [_word(_JAM[key], value) for key, value in self.values.items()]
        words += [] if self.profile is None else [f"--profile={self.profile}"]
        words += [LETTERS] if self.letters else []
        return words + ([] if self.save is None else [f"--save={absolute(self.save)}"])


LETTERS = "--letters"
"""What the screen adds to the arguments of what it starts."""


def _word(control: Control, value: Value) -> str:
    if control.is_switch:
        return f"--{control.name}" if value == ON else f"--no-{control.name}"
    is_font = control is TABLES["sound"]["soundfont"] and not is_bare(Path(str(value)))
    if is_font or (control is MODEL and str(value).endswith(".onnx")):
        value = str(absolute(Path(str(value)).expanduser()))
    return f"--{control.name}={value}"


def with_jam(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command all options of a jam, in place of its parameter `given`, which is a `Given`."""
    options = [*_parameters(_JAM), _program_option()]
    options.append(
        _parameter(
            "save",
            Path,
            typer.Option(help="Also write the jam to this file; its ending says what it is, as in improv render."),
        )
    )
    options.append(_parameter("letters", bool, typer.Option(LETTERS, hidden=True)))
    options.append(inspect.Parameter("profile", inspect.Parameter.KEYWORD_ONLY, default=None, annotation=Profile))

    def gathered(given: dict[str, Any]) -> Given:
        given = _with_programs(given)
        values = {key: _given_value(control, given) for key, control in _JAM.items()}
        kept = {key: value for key, value in values.items() if value is not None}
        return Given(kept, given["profile"], given["save"], bool(given["letters"]))

    return _instead_of("given", command, options, gathered)
