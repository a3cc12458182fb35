"""`improv daemon`: a jam in the background, which outlives every window; and `improv panic`.

What is started here is `improv daemon run`, the same program with the same options; a service manager
runs that itself. It must never leave a daemon behind without saying so.
"""

import os
import re
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

import typer

from improv.cli.groups import Commands
from improv.cli.options import Api, Given, Json, Name, Output, Profile, with_jam
from improv.cli.output import say, say_json, say_lines
from improv.config.instance import DEFAULT, Instance
from improv.config.load import load
from improv.config.picks import Picks
from improv.config.values import absolute
from improv.errors import AlreadyRunning, ImprovError, Unavailable, UsageError
from improv.protocol.commands import Command, Panic, Quit
from improv.protocol.json_codec import to_json
from improv.protocol.snapshot import Snapshot, SystemStatus
from improv.system import programs as program
from improv.system.private_files import make_folder, make_private, open_private
from improv.system.whole_file import is_being_written

app = typer.Typer(help="Play in the background.", cls=Commands, rich_markup_mode=None)

_STARTING_S, _LOOK_S = 45.0, 0.05
"""Longer than the daemon itself waits for its ports and its network."""

_STOPPING = (("", 20.0), ("SIGTERM", 10.0), ("SIGKILL", 1.0))
"""What ends it, each when what is before has not, and how long that may take: a long jam is a long file to write."""

_PANIC_S = 5
_SERVICE = Path(__file__).parents[1] / "runtime" / "improv.service"


@app.command()
@with_jam
def start(given: Given, instance: Name = DEFAULT) -> None:
    """Start improv in the background. Returns once it plays."""
    start_in_background(Instance(instance), given.arguments())


@app.command()
def stop(instance: Name = DEFAULT) -> None:
    """Stop the improv that plays in the background."""
    at = Instance(instance)
    if _by_systemd(at, "stop"):
        say("improv has stopped")
    else:
        seen = _seen(at) if at.running() is not None else None
        if not _ended(at):
            say("nothing to stop: no improv is playing")
        elif seen is not None:
            say_lines(saved_files(seen.system))
    with suppress(OSError):
        at.options.unlink(missing_ok=True)


@app.command()
@with_jam
def restart(given: Given, instance: Name = DEFAULT) -> None:
    """Stop improv and start it again, with the options given, or else with those it was started with.

    An improv that systemd started is restarted by systemd, with the options of its unit.
    """
    at = Instance(instance)
    given.config()  # what is wrong is said before the music ends
    origin = at.origin()
    if origin is not None and origin.unit and given.arguments():
        edit = systemctl("edit", "--full", *origin.unit)
        raise UsageError(f"systemd keeps this improv, with the options of its unit; change them there: {edit}")
    if _by_systemd(at, "restart"):
        say(f"improv is playing (PID {at.running()})")
        return
    arguments = given.arguments() or (Picks(at.picked).arguments(origin.arguments) if origin else ())
    _ended(at)
    start_in_background(at, arguments)


@app.command()
def status(instance: Name = DEFAULT, as_json: Json = False) -> None:
    """Say whether improv plays, what, and through which ports; the exit status is 69 if it does not."""
    at = Instance(instance)
    pid = at.running()
    if as_json:
        found = _found(at, pid)
        say_json(found)
        if pid is None:
            raise typer.Exit(Unavailable.exit_status)
        return
    if pid is None:
        raise Unavailable(f"no improv is playing as {at.name}; start one with: {at.command('daemon start')}")
    seen = _seen(at)
    say(f"improv is playing (PID {pid})" + (f": {seen.system.description}" if seen and seen.system.description else ""))
    if seen is None:
        say(f"it does not answer; see {at.log}, or start it again ({at.command('daemon restart')})")
    else:
        say_lines(_told(seen))
    say(f"log: {at.log}")


@app.command()
@with_jam
def run(given: Given, instance: Name = DEFAULT) -> None:
    """Play in the foreground without keys and lines, for a service manager; improv daemon start runs this."""
    from improv.runtime import daemon
    from improv.runtime.log import Log

    at = Instance(instance)
    with Log(at.log, to_stderr="JOURNAL_STREAM" in os.environ) as log:
        try:
            daemon.run(given.config(), at, log.say, given.arguments())
        except AlreadyRunning:
            raise  # the log is that one's
        except Exception as error:
            log.fail(str(error) or type(error).__name__, error=type(error).__name__)
            raise


@app.command()
@with_jam
def unit(given: Given, instance: Name = DEFAULT) -> None:
    """Print a systemd user unit that plays with these options, and make the folders it may write to.

    Put it into ~/.config/systemd/user/improv.service and run: systemctl --user enable --now improv
    """
    say_lines(_unit(given, Instance(instance)).removesuffix("\n"))


def panic(
    output: Output = None,
    api: Api = None,
    profile: Profile = None,
    instance: Name = DEFAULT,
) -> None:
    """End every note at once: by the improv that plays, or else on the --output given or configured."""
    at = Instance(instance)
    if at.running() is not None and _asked(at, Panic()):
        say("silenced")
        return
    wiring = load(profile=profile, given={"ports.output": output, "ports.api": api}).wiring
    if wiring.output is None:
        raise UsageError("no improv is playing; name the --output to silence (improv ports lists them)")
    from improv.midi.ports import OutputPort
    from improv.midi.systems import reachable_api

    if hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_REAL, _PANIC_S)  # a dead MIDI server may hold us for ever
    with OutputPort(wiring.output, reachable_api(wiring.api)) as port:
        port.silence()
        say(f"silenced {port.name}")
    if hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_REAL, 0)


# --- beginning ------------------------------------------------------------------------------------


class NotStarted(ImprovError):
    """A daemon has ended as soon as it was started; the exit status is its own."""

    def __init__(self, reason: str, status: int) -> None:
        super().__init__(reason)
        self.status = status


def start_in_background(at: Instance, arguments: Sequence[str]) -> None:
    """Start a daemon and print what it plays through, for `daemon start` and `jam --detach`; typer.Exit if it fails."""
    try:
        say_lines(launch(at, arguments))
    except NotStarted as error:
        say(f"improv: {error}", err=True)
        raise typer.Exit(error.status) from None


class CalledOff(ImprovError):
    """A daemon was ended again before it played, as was wanted."""


def launch(at: Instance, arguments: Sequence[str], called_off: Callable[[], bool] = lambda: False) -> str:
    """Start a daemon with arguments of `improv daemon run`, wait until it plays, and return the lines to print.

    AlreadyRunning if the instance plays already, NotStarted if the daemon ends instead, CalledOff as soon as
    `called_off()` is true.
    """
    if at.running() is not None:
        raise at.already_running()
    with suppress(OSError):
        make_private(at.log.parent)
    errors = at.log.with_suffix(".err")
    with _written(errors) as stderr:
        child = _spawned(["daemon", "run", f"--instance={at.name}", *arguments], stderr)
    try:
        system = _answer(child, at, called_off)
    except BaseException:
        child.terminate()
        with suppress(subprocess.TimeoutExpired):
            child.wait(_STOPPING[0][1])
        raise
    if system is None and child.returncode == AlreadyRunning.exit_status:
        raise at.already_running()  # another was started at the same time
    if system is None:
        status = child.returncode if child.returncode > 0 else 1
        raise NotStarted(_reason(errors) or "it has ended as soon as it was started", status)
    return "\n".join(
        [
            f"improv is playing (PID {child.pid})" + (f": {system.description}" if system.description else ""),
            *saving_note(system),
        ]
    )


def _spawned(arguments: Sequence[str], stderr: IO[Any]) -> "subprocess.Popen[bytes]":
    """An improv of its own that outlives us, our terminal and our session."""
    flags = getattr(subprocess, "DETACHED_PROCESS", 0) | getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0)
    return subprocess.Popen(  # noqa: S603 our own program
        program.improv(*arguments),
        env=program.environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=stderr,
        start_new_session=True,
        creationflags=flags,
    )


def _written(errors: Path) -> IO[Any]:
    """Where what it cannot log goes: its last words, and what libraries print."""
    try:
        return os.fdopen(open_private(errors, append=False), "wb")
    except OSError:
        return open(os.devnull, "wb")  # noqa: PTH123 the Path of it is no shorter


def _answer(child: "subprocess.Popen[bytes]", at: Instance, called_off: Callable[[], bool]) -> SystemStatus | None:
    """What it plays with as soon as it plays; None if it has ended instead."""
    from improv.control.socket_client import ControlClient

    deadline_s = time.monotonic() + _STARTING_S
    while time.monotonic() < deadline_s:
        if called_off():
            raise CalledOff("improv has not been started")
        with suppress(subprocess.TimeoutExpired):
            child.wait(_LOOK_S)
            return None
        with suppress(ImprovError, OSError), ControlClient(at.socket) as client:
            if client.greeting.pid == child.pid:  # and not another that was started at the same time
                return client.status().system
    raise ImprovError(f"nothing plays after {_STARTING_S:g} s; see {at.log}, or try another --api")


def _reason(errors: Path) -> str:
    """The last thing it has said."""
    with suppress(OSError):
        lines = errors.read_text(errors="replace").split("\n")
        said = [line.strip() for line in lines if line.strip()]
        return said[-1].removeprefix("improv: ") if said else ""
    return ""


# --- ending ---------------------------------------------------------------------------------------


def _ended(at: Instance) -> bool:
    """End the one that plays, by asking and then by force, and say so; False if none does.

    One that cannot be asked, because it is suspended or its socket is gone, is sent a signal at once, and continued.
    """
    pid = at.running()
    if pid is None:
        return False
    asked = False
    for means, within_s in _STOPPING:
        holder = at.running()  # never a number from before, which may be another program's by now
        if holder is not None and means:
            say(f"it does not end; sending {means}" if asked else f"it does not answer; sending {means}")
            with suppress(OSError):
                os.kill(holder, getattr(signal, means, signal.SIGTERM))
                os.kill(holder, getattr(signal, "SIGCONT", 0))
        elif holder is not None and not (asked := _asked(at, Quit())):
            continue
        if _gone(at, within_s):
            say(f"improv has stopped (PID {pid})")
            return True
    raise ImprovError(f"improv (PID {pid}) cannot be ended; end it by hand")


def _gone(at: Instance, within_s: float) -> bool:
    deadline_s = time.monotonic() + within_s
    while at.running() is not None:
        if time.monotonic() > deadline_s:
            return False
        time.sleep(_LOOK_S)
    return True


def _asked(at: Instance, command: Command) -> bool:
    """Whether the one that plays has taken a command."""
    from improv.control.socket_client import ControlClient

    with suppress(ImprovError, OSError), ControlClient(at.socket) as client:
        client.submit(command)
        return True
    return False


# --- systemd --------------------------------------------------------------------------------------


def _by_systemd(at: Instance, word: str) -> bool:
    """Have systemd do it with the unit it keeps; False if it keeps none, ImprovError if it does not do it.

    Ended by us it might be started again, and another one of ours would have it wait in vain.
    """
    origin = at.origin()
    if origin is None or not origin.unit:
        return False
    command = systemctl(word, *origin.unit)
    try:
        subprocess.run(command.split(), check=True)  # noqa: S603 a unit's name has no spaces
    except (OSError, subprocess.CalledProcessError) as error:
        raise ImprovError(f"systemd keeps this improv and does not {word} it ({error}); try: {command}") from error
    return True


def systemctl(*words: str) -> str:
    """Return a systemctl command for the user's services as it is typed in a shell."""
    return " ".join(("systemctl", *words))


# --- telling --------------------------------------------------------------------------------------


def _seen(at: Instance) -> Snapshot | None:
    from improv.control.socket_client import ControlClient

    with suppress(ImprovError, OSError), ControlClient(at.socket) as client:
        return client.status()
    return None


def _found(at: Instance, pid: int | None) -> dict[str, Any]:
    seen = _seen(at) if pid is not None else None
    found: dict[str, Any] = {"instance": at.name, "running": pid is not None, "pid": pid}
    found |= {"answers": seen is not None, "socket": str(at.socket), "log": str(at.log)}
    if seen is None:
        return found
    connections = [to_json(port) | {"connected": port.connected} for port in seen.system.midi.ports]
    system = {"ports": seen.system.description, "connections": connections, "model": seen.system.network.model}
    system |= {"sound": to_json(seen.system.sound)}
    system |= {"take": seen.system.recording.take, "remark": seen.system.remark}
    system |= {"recording_fault": seen.system.recording.fault, "saves_to": seen.system.recording.saves_to}
    return found | {"playing": seen.playing, "tempo": seen.tempo, "mode": str(seen.settings.mode)} | system


def _told(seen: Snapshot) -> list[str]:
    playing = "playing" if seen.playing else "stopped"
    take = f", recorded as {seen.system.recording.take}" if seen.system.recording.take else ""
    fault = [seen.system.recording.fault] if seen.system.recording.fault else []
    plays = f"{seen.system.network.model}, {seen.settings.mode}, {seen.tempo:g} bpm, {playing}{take}"
    sound = [seen.system.sound.text] if seen.system.sound.text else []
    return [plays, *fault, *sound, *synth_hint(seen.system), *saving_note(seen.system)]


def synth_hint(system: SystemStatus) -> list[str]:
    """Return a line that says how to connect a synth if the output is known to have none; else no lines."""
    if system.sound.is_heard or not any(port.role == "output" and port.peers == () for port in system.midi.ports):
        return []
    return ["no synth is connected to improv's output: improv ctl connect output NAME (improv ports has the names)"]


def saving_note(system: SystemStatus) -> list[str]:
    """Return a line that says where the jam is saved when it ends; no lines if it is not saved."""
    if not system.recording.saves_to:
        return []
    return [
        f"the jam is saved to {system.recording.saves_to} when it ends"
        + ("" if system.midi.output or system.sound.is_heard else ": nothing sounds here")
    ]


def saved_files(system: SystemStatus) -> list[str]:
    """Return lines that name the take and the file of a jam that has ended."""
    fault = f"; {system.recording.fault}" if system.recording.fault else ""
    lines = [f"recorded as {system.recording.take}{fault}"] if system.recording.take else []
    if system.recording.saves_to and is_being_written(Path(system.recording.saves_to)):
        return [*lines, f"{system.recording.saves_to} is still being written"]
    if system.recording.saves_to and Path(system.recording.saves_to).exists():
        return [*lines, f"saved to {system.recording.saves_to}"]
    return (
        [*lines, f"it could not save to {system.recording.saves_to}; try: improv export last"]
        if system.recording.saves_to
        else lines
    )


# --- the service ----------------------------------------------------------------------------------


def _unit(given: Given, at: Instance) -> str:
    """The unit that is shipped, with the program and the folders of this machine."""
    from improv.recording import takes_directory

    where = [f"--instance={at.name}"]
    silenced = [word for word in given.arguments() if word.startswith(("--output=", "--api=", "--profile="))]
    folders = {takes_directory(), at.log.parent, at.learned.parent}
    for folder in folders:
        _make(folder)
    if given.save is not None:
        folders.add(absolute(given.save).parent)
    lines = {
        "ExecStart": _line(program.improv("daemon", "run", *where, *given.arguments())),
        "ExecStopPost": f"-{_line(program.improv('panic', *where, *silenced))}",
        "WorkingDirectory": f"-{at.learned.parent}".replace("%", "%%"),
        "ReadWritePaths": " ".join(_quoted(f"-{folder}") for folder in sorted(folders)),
    }
    shipped = ((line, line.partition("=")[0]) for line in _SERVICE.read_text().split("\n"))
    return "\n".join(f"{key}={lines[key]}" if key in lines else line for line, key in shipped)


def _make(folder: Path) -> None:
    with suppress(OSError):
        make_folder(folder)


def _line(words: Sequence[str]) -> str:
    return " ".join(_quoted(word.replace("$", "$$")) for word in words)


def _quoted(word: str) -> str:
    """A word as systemd.syntax(7) has it."""
    word = word.replace("%", "%%").replace("\\", "\\\\").replace('"', '\\"')
    return f'"{word}"' if re.search(r"[\s'\";]", word) else word
