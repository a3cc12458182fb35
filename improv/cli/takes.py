"""`improv takes`, `export` and `replay`: what was recorded, as a list, as a MIDI file, and played again.

What a take lacks is said each time. It must never delete one that was not asked for, nor one that is being recorded.
"""

import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from improv.cli.files import FILE, Bits, SoundFont, file_options, wrote
from improv.cli.groups import Commands
from improv.cli.options import LiveApi, Output
from improv.cli.output import Beside, say, say_json
from improv.cli.progress import ProgressBar
from improv.config.instance import Instance
from improv.config.values import Wiring, absolute
from improv.errors import ImprovError, UsageError
from improv.protocol.snapshot import Snapshot
from improv.recording import Listed, clear, is_written

app = typer.Typer(
    help="List the takes, and delete old ones.", cls=Commands, rich_markup_mode=None, invoke_without_command=True
)

_ANSWERS_S = 1.0
"""So soon an improv that plays answers."""

_MB = 10**6
_AGE = re.compile(r"(\d+(?:\.\d+)?)\s*([hdw])")
_UNITS = {"h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}

Take = Annotated[str, typer.Argument(help="A take's name or the beginning of it (see improv takes), a file, or last.")]


@app.callback()
def takes(context: typer.Context, as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """List the takes, the recordings of your jams: each is kept from its first step, also through a crash."""
    if context.invoked_subcommand is not None:
        return
    from improv.recording import takes as listed
    from improv.recording import takes_directory

    found = listed(takes_directory())
    if as_json:
        say_json([asdict(take) | {"path": str(take.path)} for take in found])
        return
    playing = {seen.system.recording.take for seen in _playing()}
    for take in found:
        say(_line(take, playing=take.name in playing or is_written(take.path)))
    if not found:
        say(f"no takes yet in {takes_directory()}")


@app.command("clear")
def clear_takes(
    older_than: Annotated[str | None, typer.Option(help="Delete takes older than this: 12h, 30d, 8w.")] = None,
    keep: Annotated[int | None, typer.Option(min=0, help="Keep this many of the newest.")] = None,
    every: Annotated[bool, typer.Option("--all", help="Delete every take.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Delete takes for good; never one that is being recorded.

    With both --older-than and --keep, only takes that are old and not among those kept.
    """
    from improv.recording import takes as listed
    from improv.recording import takes_directory

    if every == (older_than is not None or keep is not None):
        raise UsageError("say which takes to delete: --older-than 30d, --keep 20, both, or --all")
    found = listed(takes_directory())
    unwanted = found if keep is None else found[keep:]
    if older_than is not None:
        before = datetime.now(UTC) - _age(older_than)
        unwanted = [take for take in unwanted if _began(take) < before]
    playing = {seen.system.recording.take for seen in _playing()}
    unwanted = [take for take in unwanted if take.name not in playing and not is_written(take.path)]
    if not unwanted:
        say("no takes to delete")
        return
    what = f"{len(unwanted)} take{'s' * (len(unwanted) > 1)}, {sum(take.size_bytes for take in unwanted) / _MB:.1f} MB"
    if not yes:
        _confirm(unwanted, what)
    gone, kept = clear([take.path for take in unwanted])
    say(f"deleted {what}" if not kept else f"deleted {len(gone)} of {len(unwanted)} takes")
    for why in kept:
        say(f"not deleted: {why}", err=True)
    if kept:
        raise typer.Exit(1)


def export(
    take: Take,
    out: Annotated[
        Path | None, typer.Argument(help=f"{FILE} If not given, a MIDI file that is named like the take.")
    ] = None,
    continued: Annotated[
        list[str] | None, typer.Option(help="Another take that continues it; may be given more than once.")
    ] = None,
    bits: Bits = None,
    soundfont: SoundFont = None,
) -> None:
    """Write a take as a file: MIDI with a track for you and one for each part of improv, sound, or a picture."""
    from improv.export.collector import performance_of
    from improv.export.formats import open_writer
    from improv.recording import find_take, join_takes, read_take, takes_directory

    paths = [find_take(name, takes_directory()) for name in (take, *(continued or ()))]
    target = absolute(out or Path(f"{paths[0].stem}.mid"))
    write = open_writer(target, file_options(target, bits, soundfont))
    recording = join_takes([read_take(path) for path in paths])
    with ProgressBar(f"export {target.name}") as bar:
        for text in recording.missing:
            bar.say(text)
        said = write(performance_of(recording), bar)
    say(wrote(target, said))


def replay(
    take: Take,
    check: Annotated[
        bool, typer.Option("--check", help="Play nothing; only check that every step comes out the same.")
    ] = False,
    output: Output = None,
    api: LiveApi = None,
) -> None:
    """Play a take again, or check it: the same network gives the same music for the same notes, bit for bit."""
    from improv.recording import find_take, takes_directory

    path = find_take(take, takes_directory())
    if check:
        from improv.recording.replay import OTHER_RULES
        from improv.recording.replay import check as decided_again

        checked = decided_again(path)
        for text in checked.recording.missing:
            say(text, err=True)
        if checked.other_rules:
            say(OTHER_RULES, err=True)
        same = len(checked.recording.entries) - checked.unchecked
        left = f"; {checked.unchecked} could not be checked: steps before them are missing" if checked.unchecked else ""
        say(f"{path.stem}: {same} steps{': its soloist is' if checked.other_rules else ','} bit for bit the same{left}")
        return
    from improv.config.load import load
    from improv.runtime import daemon

    sound = load().sound
    with Beside() as beside:
        beside.say(daemon.play_again(path, Wiring(api=api, output=output), sound, say=beside.say).text())


def _line(take: Listed, *, playing: bool) -> str:
    if take.wrong:
        return f"{take.name:<36} {take.wrong}"
    minutes, seconds = divmod(round(take.length_s), 60)
    how = take.ended or ("playing" if playing else "recovered")
    lacks = f", {take.lost} step{'s' * (take.lost != 1)} missing" if take.lost else ""
    stopped = f", {take.stopped}" if take.stopped else ""
    chorus = "chorus" if take.choruses == 1 else "choruses"
    return f"{take.name:<36} {minutes:>3}:{seconds:02} {take.choruses:>4} {chorus:<8}  {how}{lacks}{stopped}"


def _playing() -> Iterator[Snapshot]:
    """What is seen at this moment of each improv that plays and answers."""
    from improv.control.socket_client import ControlClient

    for socket in Instance().runtime.glob("*.sock"):
        with suppress(ImprovError, OSError), ControlClient(socket, _ANSWERS_S, instance=socket.stem) as client:
            yield client.status()


def _age(text: str) -> timedelta:
    found = _AGE.fullmatch(text.strip())
    if found is None:
        raise UsageError(f"--older-than {text!r} is no age; give hours, days or weeks: 12h, 30d, 8w")
    try:
        return float(found[1]) * _UNITS[found[2]]
    except OverflowError:
        raise UsageError(f"--older-than {text} is longer than a calendar reaches back") from None


def _began(take: Listed) -> datetime:
    """When a take was begun, by the clock of that time; of one that does not say, when its file was changed."""
    if take.began:
        began = datetime.fromisoformat(take.began)
        return began if began.tzinfo else began.replace(tzinfo=UTC)
    try:
        return datetime.fromtimestamp(take.path.stat().st_mtime, UTC)
    except OSError:
        return datetime.now(UTC)


def _confirm(unwanted: Sequence[Listed], what: str) -> None:
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise UsageError(f"{what} would be deleted for good; add --yes if that is wanted")
    for take in unwanted:
        say(_line(take, playing=False))
    typer.confirm(f"Delete {what} for good?", abort=True)
