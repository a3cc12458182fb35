"""`improv ctl`: steers an improv that plays, and shows what it does.

A command for each control, made from what `improv.protocol.commands` says of it. It must never send what is out
of range, nor need more than the control socket.
"""

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from improv.cli.groups import Commands
from improv.cli.options import Json, Name, complete_program, input_names, model_names, output_names, program_of
from improv.cli.output import say, say_json, say_lines
from improv.config.instance import DEFAULT, Instance
from improv.config.values import absolute
from improv.errors import Unavailable
from improv.music.notes import Cell, notes_text
from improv.music.turns import Who
from improv.protocol.commands import ENDS, TARGETS, TRIGGERS, Command, Connect, Forget, Learn, Nudge, Set, Tap
from improv.protocol.control import Control
from improv.protocol.controls import BARS, CONTROLS, GAP, MODE, MODEL, WAIT, control_named
from improv.protocol.json_codec import json_text, to_json
from improv.protocol.snapshot import Snapshot, SystemStatus

if TYPE_CHECKING:
    from improv.control.socket_client import ControlClient

app = typer.Typer(help="Steer an improv that plays, and see what it does.", cls=Commands, rich_markup_mode=None)

_CONNECTING_S, _LOOK_S = 8.0, 0.05
"""How long a port may take to be exchanged, and how often it is looked at."""

_NEGATIVE = {"ignore_unknown_options": True}
"""A number below zero is no option."""


def _help(control: Control) -> str:
    return f"{control.help} [{control.range}]"


def _complete_control(incomplete: str) -> list[str]:
    return [name for name in CONTROLS if name.startswith(incomplete)]


def _complete_target(incomplete: str) -> list[str]:
    return [name for name in TARGETS if name.startswith(incomplete)]


def _complete_end(incomplete: str) -> list[str]:
    return [name for name in ENDS if name.startswith(incomplete)]


def _complete_port(context: typer.Context, incomplete: str) -> list[str]:
    names = input_names if context.params.get("end") == "input" else output_names
    return names(incomplete)


Which = Annotated[
    str, typer.Argument(metavar="CONTROL", help="See improv ctl controls.", autocompletion=_complete_control)
]
Target = Annotated[
    str,
    typer.Argument(metavar="TARGET", help="A control, or a command such as panic.", autocompletion=_complete_target),
]


# --- controls -------------------------------------------------------------------------------------


@app.command("set", context_settings=_NEGATIVE)
def set_control(
    control: Which, value: Annotated[str, typer.Argument(help="See improv ctl controls.")], instance: Name = DEFAULT
) -> None:
    """Set a control to a value."""
    _ask(instance, _turned(control_named(control), value))


@app.command(context_settings=_NEGATIVE)
def nudge(
    control: Which,
    by: Annotated[float, typer.Argument(help="The amount; for a list of choices, how many to move on.")],
    instance: Name = DEFAULT,
) -> None:
    """Change a control by an amount."""
    _ask(instance, Nudge(control, by))


def _choices_of(control: Control) -> Callable[[str], list[str]]:
    """Return what completes the words of a control's values for a shell."""
    return lambda incomplete: [word for word in control.words_of_values if word.startswith(incomplete)]


def _turns(control: Control) -> Callable[..., None]:
    """Return the command that turns a control."""
    completion = model_names if control is MODEL else _choices_of(control)
    argument = typer.Argument(metavar="VALUE", help=control.range, autocompletion=completion)

    def turn(value: Any, instance: Name = DEFAULT) -> None:
        _ask(instance, _turned(control, value))

    turn.__doc__ = _help(control)
    turn.__annotations__["value"] = Annotated[str, argument]
    return turn


def _mode(
    value: Annotated[str, typer.Argument(metavar="VALUE", help=MODE.range, autocompletion=_choices_of(MODE))],
    bars: Annotated[str | None, typer.Option(metavar="NUMBER", help=_help(BARS))] = None,
    gap: Annotated[str | None, typer.Option(metavar="NUMBER", help=_help(GAP))] = None,
    wait: Annotated[str | None, typer.Option(metavar="NUMBER", help=_help(WAIT))] = None,
    instance: Name = DEFAULT,
) -> None:
    given = ((BARS, bars), (GAP, gap), (WAIT, wait), (MODE, value))
    _ask(instance, *(_turned(control, turned) for control, turned in given if turned is not None))


for _control in CONTROLS.values():
    _turn = _mode if _control is MODE else _turns(_control)
    app.command(_control.name, help=_help(_control), context_settings=_NEGATIVE)(_turn)
    for _former in _control.former:
        app.command(_former, help=_help(_control), context_settings=_NEGATIVE, hidden=True)(_turn)


@app.command()
def program(
    programs: Annotated[
        list[str],
        typer.Argument(
            metavar="PART=PROGRAM...", help="Such as melody=tenor-sax, or bass=33.", autocompletion=complete_program
        ),
    ],
    instance: Name = DEFAULT,
) -> None:
    """Set the sounds of parts, by number or by name as improv programs lists them."""
    chosen = [program_of(word, "improv ctl program") for word in programs]
    _ask(instance, *(_turned(control, value) for control, value in chosen))


# --- commands -------------------------------------------------------------------------------------


def _asks(command: Command) -> Callable[..., None]:
    """Return the command that asks for something by its name alone."""

    def ask(instance: Name = DEFAULT) -> None:
        _ask(instance, command)

    return ask


for _name, _command in TRIGGERS.items():
    app.command(_name, help=type(_command).__doc__)(_asks(_command))


@app.command()
def tap(instance: Name = DEFAULT) -> None:
    """Tap the tempo: run it again and again, on each beat."""
    _ask(instance, Tap(0.0))


@app.command()
def learn(target: Target, instance: Name = DEFAULT) -> None:
    """Bind the next knob, key or pedal that you move to a control or a command."""
    _ask(instance, Learn(target))


@app.command()
def forget(target: Target, instance: Name = DEFAULT) -> None:
    """Unbind every knob, key and pedal from a control or a command."""
    _ask(instance, Forget(target))


@app.command()
def connect(
    end: Annotated[str, typer.Argument(metavar="END", help=" or ".join(ENDS), autocompletion=_complete_end)],
    name: Annotated[
        str,
        typer.Argument(
            metavar="PORT",
            help="Part of the port's name; virtual, or nothing, is a port of improv's own.",
            autocompletion=_complete_port,
        ),
    ] = "",
    instance: Name = DEFAULT,
) -> None:
    """Connect the input or the output to another port, now and at the next start.

    virtual opens a port of improv's own, for other programs to connect to. Returns once the port is
    connected; the exit status is 69 if it is not.
    """
    command = Connect(end, name)
    if not isinstance(command, Connect):
        raise AssertionError(command)
    if command.name:
        _find_port(instance, end, command.name)
    with _client(instance) as client:
        before = _when_open(client)
        if note := client.submit(command):
            say(note, err=True)
        say(_connected(client, command, before))


def _when_open(client: "ControlClient") -> SystemStatus:
    """Return the system status once its ports are open, which they are not while one player replaces another."""
    deadline_s = time.monotonic() + _CONNECTING_S
    while True:
        system = client.status().system
        if system.midi.api == "none":
            raise Unavailable("improv plays without MIDI: it has no ports; improv doctor says why")
        if system.midi.ports:
            return system
        if time.monotonic() > deadline_s:
            raise Unavailable(f"no port can be exchanged now ({system.description}); ask again when they are open")
        time.sleep(_LOOK_S)


def _connected(client: "ControlClient", asked: Connect, before: SystemStatus) -> str:
    """Wait until an end is what was asked for: what it is; Unavailable if it does not become that."""
    from improv.midi.port_names import matches
    from improv.runtime.ipc_messages import describe_port

    deadline_s = time.monotonic() + _CONNECTING_S
    system = before
    while time.monotonic() < deadline_s:
        time.sleep(_LOOK_S)
        system = client.status().system
        for port in system.midi.ports:
            is_it = port.virtual if not asked.name else not port.virtual and matches(asked.name, port.name)
            if port.role == asked.end and is_it and (port.virtual or port.connected is not False):
                return f"{asked.end}: {describe_port(port)}"
    raise Unavailable(system.remark if system.remark != before.remark else f"the {asked.end} is not connected to it")


def _find_port(instance: str, end: str, name: str) -> None:
    """InputNotFound or UsageError if the name means no one port of the MIDI system that is played with."""
    with _client(instance) as client:
        api = client.status().system.midi.api
    if api in ("", "none"):
        return
    from improv.midi.port_names import match_port
    from improv.midi.systems import PortLists

    with PortLists(api) as lists:
        match_port(name, lists.names(end), end)  # type: ignore[arg-type]


# --- seeing ---------------------------------------------------------------------------------------


@app.command()
def status(as_json: Json = False, instance: Name = DEFAULT) -> None:
    """Show what improv plays, and the value of every control."""
    with _client(instance) as client:
        seen = client.status()
    if as_json:
        say_json(to_json(seen))
    else:
        say_lines(_status(seen))


@app.command()
def watch(
    as_json: Json = False,
    per_s: Annotated[float, typer.Option("--per-s", help="Lines a second at most, 1 to 30.")] = 20,
    instance: Name = DEFAULT,
) -> None:
    """Show what improv plays, a line a step, until Ctrl-C or until it ends."""
    with _client(instance) as client:
        try:
            for seen in client.watch(per_s):
                say(json_text(to_json(seen)) if as_json else _line(seen))
        except KeyboardInterrupt:
            return


@app.command()
def controls(as_json: Json = False) -> None:
    """List the controls: name, default, what each does, and its range."""
    if as_json:
        from improv.control.socket_protocol import describe

        say_json([describe(control) for control in CONTROLS.values()])
        return
    for control in CONTROLS.values():
        say(f"{control.name:<14} {_text(control.default):<14} {_help(control)}")


# --- what they share ------------------------------------------------------------------------------


def _turned(control: Control, value: str) -> Set:
    """The command that turns a control to what was typed; a file is named so that the daemon finds it."""
    if control is MODEL and value.endswith(".onnx"):
        value = str(absolute(Path(value)))
    return Set(control.name, value)


def _client(name: str) -> "ControlClient":
    from improv.control.socket_client import ControlClient

    instance = Instance(name)
    return ControlClient(instance.socket, instance=instance.name)


def _ask(name: str, *commands: Command) -> None:
    """Ask for commands in their order; notes go to stderr."""
    with _client(name) as client:
        for command in commands:
            if note := client.submit(command):
                say(note, err=True)


def _line(seen: Snapshot) -> str:
    """A snapshot on one line: place, chord and the next, whose turn, tempo, and the notes of both."""
    place, left = seen.place, "" if seen.beats_left is None else f" {seen.beats_left:g} beats"
    where = "count-in" if seen.turn.who is Who.NEITHER else f"chorus {place.chorus} bar {place.bar}"
    here, there = (chord.symbol if chord else "-" for chord in (seen.harmony.chord, seen.harmony.next_chord))
    whose = f"{seen.turn.who}{left}" if seen.playing else "stopped"
    return (
        f"{where:<16} beat {place.beat}  {here:>6} > {there:<6}  {whose:<18} {seen.tempo:g} bpm  "
        f"you {_notes(seen.heard):<10} improv {_notes(seen.played)}"
    ).rstrip()


def _status(seen: Snapshot) -> list[str]:
    system, health = seen.system, seen.health
    network, timing = system.network, system.timing
    unsupported = ", ".join(network.unsupported_controls)
    lines = [
        _line(seen),
        system.description,
        system.sound.text,
        f"{network.model or 'no network'}"
        + (f", which cannot obey {unsupported}" if unsupported else "")
        + (f"; {network.next_model} is being loaded" if network.next_model else ""),
        f"{timing.onsets} onsets, late by p50 {timing.lateness_p50_us:.0f} us, p99 {timing.lateness_p99_us:.0f} us; "
        f"{health.missed_steps} missed steps, {timing.dropped_onsets} dropped onsets, {health.faults} faults",
        health.fault,
        system.remark,
        *(f"{control.name:<14} {_value(seen, control)}" for control in CONTROLS.values()),
    ]
    return [line.rstrip() for line in lines if line]


def _value(seen: Snapshot, control: Control) -> str:
    """A control's value with its unit or its name, and the number in force beside a word that stands for one."""
    value, now = seen.value(control.name), seen.number(control.name)
    after = control.name_of(value) or (control.unit if value == now else f"({_text(now)} now)")
    return f"{_text(value)} {after}"


def _notes(cell: Cell) -> str:
    if cell.onsets:
        return notes_text(sorted(onset.pitch for onset in cell.onsets))
    return "-" if cell.held else "."


def _text(value: float | str) -> str:
    return value if isinstance(value, str) else f"{value:.10g}"
