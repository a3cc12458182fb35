"""`improv jam`: a jam in the foreground."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from improv.cli.options import Given, Name, with_jam
from improv.cli.output import Beside
from improv.config.instance import DEFAULT, Instance
from improv.config.values import check_writable
from improv.errors import UsageError


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
    MIDI system and an audio device it leaves a WAV file. Options that are not given come from the environment or from
    config.toml (improv config show). Most can be changed while it plays (improv ctl controls).
    """
    from improv.runtime import daemon

    if detach and figures is not None:
        raise UsageError("what plays in the background writes no --figures; see improv daemon status")
    if detach:
        from improv.cli.daemon import start_in_background

        start_in_background(Instance(name), given.arguments())
        return
    if figures is not None:
        check_writable(figures)
    with Beside() as beside:
        measured = daemon.jam(given.config(), Instance(name), say=beside.say, arguments=given.arguments())
        beside.say(measured.text())
    if figures is not None:
        figures.write_text(json.dumps(asdict(measured), indent=1))
