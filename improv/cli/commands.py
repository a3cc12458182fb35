"""The command line. It parses, asks the room concerned, and prints; rooms are imported when they are needed."""

import errno
import json
import os
import sys
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from typer.exceptions import Abort, TyperException

from improv import __version__
from improv.cli import config as configuration
from improv.cli import ctl
from improv.cli import daemon as background
from improv.cli import doctor as checkup
from improv.cli import monitor as listening
from improv.cli import play as interface
from improv.cli import takes as recordings
from improv.cli.groups import Commands
from improv.cli.options import Api, Given, LiveApi, Model, Name, Provider, with_controls, with_jam
from improv.cli.output import Beside, say, say_json, say_lines
from improv.config.instance import DEFAULT, Instance
from improv.config.load import unknown_names
from improv.config.values import Tune, check_writable
from improv.errors import ImprovError, UsageError
from improv.protocol.controls import MODEL, Value

app = typer.Typer(
    help="A jam partner for MIDI: you play over a 12-bar blues, a network that has learned it answers.",
    cls=Commands,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

app.add_typer(ctl.app, name="ctl")
app.add_typer(background.app, name="daemon")
app.add_typer(configuration.app, name="config")
app.add_typer(recordings.app, name="takes")
app.command("play")(interface.play)
app.command("export")(recordings.export)
app.command("replay")(recordings.replay)
app.command("panic")(background.panic)
app.command("doctor")(checkup.doctor)
app.command("monitor")(listening.monitor)


@app.command()
@with_jam
def jam(
    given: Given,
    name: Name = DEFAULT,
    detach: Annotated[
        bool, typer.Option("--detach", help="Play in the background, as improv daemon start does.")
    ] = False,
    figures: Annotated[Path | None, typer.Option(help="Write the figures of the jam to this JSON file.")] = None,
) -> None:
    """Play in the foreground: hear a MIDI input, answer on a MIDI output, until Ctrl-C.

    Without --input and --output improv opens virtual ports that any program can connect to. Without a
    MIDI system it plays into a MIDI file. Options that are not given come from the environment or from
    config.toml (improv config show). Most can be changed while it plays (improv ctl controls).
    """
    from improv.runtime import daemon

    if detach and figures is not None:
        raise UsageError("what plays in the background writes no --figures; see improv daemon status")
    if detach:
        background.begin(Instance(name), given.arguments())
        return
    if figures is not None:
        check_writable(figures)
    with Beside() as beside:
        measured = daemon.jam(given.config(), Instance(name), say=beside.say, arguments=given.arguments())
        beside.say(measured.text())
    if figures is not None:
        figures.write_text(json.dumps(asdict(measured), indent=1))


@app.command()
@with_controls
def render(
    controls: dict[str, Value | None],
    out: Annotated[Path, typer.Argument(help="The MIDI file to write.")],
    choruses: Annotated[
        int | None, typer.Option(help="How many choruses to play: 1, or as many as the call takes.", show_default=False)
    ] = None,
    call: Annotated[
        Path | None, typer.Option(help="A MIDI file played as your part: in each of your turns if it fits into one.")
    ] = None,
    provider: Provider = None,
) -> None:
    """Play a performance into a MIDI file at once: the same arguments give the same bytes."""
    from improv.runtime.render import render as rendered
    from improv.session.network import unsupported_controls

    asked_for = {name.replace("_", "-") for name, value in controls.items() if value is not None}
    controls["count_in"] = controls["count_in"] or 0
    if choruses is None and call is None:
        choruses = 1
    tune = Tune.of(choruses=choruses, provider=provider, **controls)
    spec = rendered(tune, out, call, lambda remark: say(remark, err=True))
    for name in unsupported_controls(spec):
        if name in asked_for:
            say(f"{spec.name} cannot obey {name}", err=True)
    say(f"wrote {out}")


@app.command()
def ports(api: Api = None, as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """List the MIDI ports that --input and --output can name."""
    from improv.midi.systems import PortLists, reachable_api

    system = reachable_api(api)
    with PortLists(system) as lists:
        inputs, outputs = lists.names("input"), lists.names("output")
    if as_json:
        say_json({"api": system, "inputs": inputs, "outputs": outputs})
        return
    for title, names in (("inputs", inputs), ("outputs", outputs)):
        say(f"{system} {title}:")
        for name in names or ["(none)"]:
            say(f"  {name}")


@app.command()
def models(as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """List the networks that --model can name, each with a line of what it is."""
    from improv.models.catalog import model_paths, read_model
    from improv.models.onnx_file import ModelFile

    found = {}
    for name, path in model_paths().items():
        try:
            found[name] = ModelFile(read_model(path)).spec.summary
        except ImprovError as error:
            found[name] = f"unusable: {error}"
    if as_json:
        say_json(found)
        return
    for name, summary in found.items():
        say(f"{name:<20} {summary}")


@app.command()
def bench(
    model: Model = str(MODEL.default),
    seconds: Annotated[
        float, typer.Option(help="Seconds of sending for each figure of time; 8 takes four minutes in all.")
    ] = 8,
    api: LiveApi = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Measure improv on this machine, beside other programs: step, time, reaction, safety, start, memory.

    With a JACK server other programs measure it from outside. What cannot be measured here is listed
    as such. Compare figures of one run only: between two runs the machine changes. The provider with
    the fastest step is remembered and used from then on.
    """
    from improv.diagnostics import bench as benchmark

    results = benchmark.measure(model, seconds, api, say=lambda text: say(text, err=True))
    if as_json:
        say_json(results)
    else:
        say_lines(benchmark.table(results))


@app.command()
def soak(
    minutes: Annotated[
        float, typer.Option(help="Minutes to watch; Ctrl-C ends it early, with the figures so far.")
    ] = 10,
    model: Model = str(MODEL.default),
    api: LiveApi = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Watch a jam for a long time: does it leak, hang, die, or fall behind?

    Runs improv jam in processes of its own. Where a MIDI system answers it plays over real ports, and
    a simulated pianist plays to it. Once a second it looks at the memory, threads and descriptors of
    each process. Run it before a concert, and after a change. The exit status is 1 if something
    hung or died, or if memory grew by more than 1 MB an hour over at least ten minutes.
    """
    from improv.diagnostics import soak as soaking

    found = soaking.soak(minutes, model, api, say=lambda text: say(text, err=True))
    if as_json:
        say_json(found)
    else:
        say_lines(soaking.table(found))
    if not found["ok"]:
        raise typer.Exit(1)


def _version(wanted: bool) -> None:
    if wanted:
        say(f"improv {__version__}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def _main(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version of improv.")
    ] = False,
) -> None:
    for said in unknown_names(os.environ):  # left unsaid, what was meant would silently not be done
        say(f"improv: {said}", err=True)
    if context.invoked_subcommand is None:
        say_lines(context.get_help())


def run() -> None:
    """Run the command line, and exit with its status. Every failure is one line on stderr."""
    try:
        status = app(prog_name="improv", standalone_mode=False)
    except (ImprovError, TyperException) as error:
        status = error.exit_status if isinstance(error, ImprovError) else error.exit_code
        message = error.format_message() if isinstance(error, TyperException) else str(error)
        if context := getattr(error, "ctx", None):
            message = f"{message.rstrip('.?')}; see {context.command_path} --help"
        say(f"improv: {' '.join(message.split())}", err=True)
    except (Abort, KeyboardInterrupt):
        status = 130
    except OSError as error:
        status = _not_written(error)
    try:
        sys.stdout.flush()
    except OSError as error:
        status = status or _not_written(error)
        sys.stdout = None  # Python would complain at its end
    except ValueError:  # it is closed
        sys.stdout = None
    try:
        sys.exit(status)
    finally:
        with suppress(OSError, ValueError, AttributeError):
            sys.stderr.flush()


def _not_written(error: OSError) -> int:
    """Say that the system has refused something, in one line; the exit status. Of a reader that has gone nothing."""
    if error.errno in (errno.EPIPE, errno.EIO):
        sys.stdout = None
        return 0 if error.errno == errno.EIO else 1
    with suppress(OSError):
        say(f"improv: {error.filename or 'stdout'}: {error.strerror or error}", err=True)
    return 1
