"""The command line. It parses, asks the room concerned, and prints; rooms are imported when they are needed."""

from pathlib import Path
from typing import Annotated

import typer

from improv.cli import config as configuration
from improv.cli import ctl
from improv.cli import daemon as background
from improv.cli import doctor as checkup
from improv.cli import jam as playing
from improv.cli import models as listing
from improv.cli import monitor as listening
from improv.cli import play as interface
from improv.cli import takes as recordings
from improv.cli.files import FILE, Bits, SoundFont, file_options, wrote
from improv.cli.options import Api, LiveApi, Model, Provider, with_controls
from improv.cli.output import say, say_json, say_lines
from improv.cli.programs import programs
from improv.cli.progress import ProgressBar
from improv.cli.root import new_root
from improv.cli.root import run as run_root
from improv.config.values import Tune
from improv.errors import Unavailable
from improv.protocol.control import Value
from improv.protocol.controls import MODEL

app = new_root()

app.add_typer(ctl.app, name="ctl")
app.add_typer(background.app, name="daemon")
app.add_typer(configuration.app, name="config")
app.add_typer(recordings.app, name="takes")
app.command("play")(interface.play)
app.command("export")(recordings.export)
app.command("replay")(recordings.replay)
app.command("programs")(programs)
app.command("models")(listing.models)
app.command("panic")(background.panic)
app.command("doctor")(checkup.doctor)
app.command("monitor")(listening.monitor)
app.command("jam")(playing.jam)


@app.command()
@with_controls
def render(
    controls: dict[str, Value | None],
    out: Annotated[Path, typer.Argument(help=FILE)],
    choruses: Annotated[
        int | None, typer.Option(help="How many choruses to play: 1, or as many as the call takes.", show_default=False)
    ] = None,
    call: Annotated[
        Path | None,
        typer.Option(help="A MIDI file played as your part: in each of your turns if all of it begins in one."),
    ] = None,
    provider: Provider = None,
    bits: Bits = None,
    soundfont: SoundFont = None,
) -> None:
    """Play a performance into a file at once: MIDI, sound or a picture. The same arguments give the same file."""
    from improv.runtime.render import render as rendered
    from improv.session.network import unsupported_controls

    asked_for = {name.replace("_", "-") for name, value in controls.items() if value is not None}
    controls["count_in"] = controls["count_in"] or 0
    if choruses is None and call is None:
        choruses = 1
    tune = Tune.of(choruses=choruses, provider=provider, **controls)
    options = file_options(out, bits, soundfont)
    with ProgressBar(f"render {out.name}") as bar:
        done = rendered(tune, out, call, bar.say, options=options, progress=bar)
    for name in unsupported_controls(done.spec):
        if name in asked_for:
            say(f"{done.spec.name} cannot obey {name}", err=True)
    say(wrote(out, done.said))


@app.command()
def ports(api: Api = None, as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """List the MIDI ports that --input and --output can name, and the audio devices that --audio can."""
    from improv.midi.systems import PortLists, reachable_api
    from improv.protocol.snapshot import AUDIO_WORDS
    from improv.synth.device import devices, missing
    from improv.system.quiet import quiet

    with quiet():
        audio = [device.name for device in devices()]
    system, inputs, outputs, without_midi = None, list[str](), list[str](), None
    try:
        system = reachable_api(api)
        with PortLists(system) as lists:
            inputs, outputs = lists.names("input"), lists.names("output")
    except Unavailable as error:
        if api is not None:
            raise
        without_midi = error
    if as_json:
        say_json({"api": system, "inputs": inputs, "outputs": outputs, "audio": audio, "audio_words": AUDIO_WORDS})
    else:
        lists_of = [] if system is None else [(f"{system} inputs", inputs, ""), (f"{system} outputs", outputs, "")]
        for title, names, why in (*lists_of, ("audio devices", audio, missing())):
            say(f"{title}:")
            for name in names or [f"({why or 'none'})"]:
                say(f"  {name}")
        say(f"--audio also takes: {', '.join(AUDIO_WORDS)}")
    if without_midi is not None:
        raise without_midi


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


def run() -> None:
    """Run the command line, and exit with its status."""
    run_root(app)
