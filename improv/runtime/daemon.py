"""The composition root: opens, wires, plays, closes. It decides nothing about music or time.

A jam is two processes that are supervised, and an audience that shows and records what they tell.
"""

import io
import os
import random
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from improv.config.instance import Instance
from improv.config.load import Config, Map, Tune, Wiring, check_writable
from improv.config.picks import Picks
from improv.control.midi_controllers import DEFAULT_MAPS, Controllers, from_file, to_text
from improv.control.osc import OscServer
from improv.control.socket_server import ControlServer
from improv.control.terminal import KEYS_HELP, Keys, Lines
from improv.errors import ImprovError, InputNotFound, Unavailable, UsageError
from improv.music.turns import Mode
from improv.protocol.commands import (
    CONTROLS,
    MODEL,
    Command,
    Connect,
    Forget,
    Learn,
    Nudge,
    Panic,
    Set,
    Snapshot,
    Value,
    checked,
    control_named,
)
from improv.recording import read_take, takes_directory
from improv.runtime.ipc_messages import Begin, Opened
from improv.runtime.observers import Audience, Remarks, Shows
from improv.runtime.signals import Signals, Suspension
from improv.runtime.supervisor import Door, Outcome, Supervisor
from improv.system.private_files import make_folder
from improv.system.quantiles import quantile
from improv.system.safe_files import read_file
from improv.system.systemd import READY, STOPPING, WATCHDOG, notify, status, unit, watchdog_s

_MOST_LEARNED_BYTES = 1 << 20
_LOOK_S = 1.0
"""So often it is looked whether improv can still be found."""

# --- live -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Figures:
    """What was measured in a jam; lateness is of onsets at the moment they were sent."""

    onsets: int
    lateness_p50_us: float
    lateness_p99_us: float
    lateness_p999_us: float
    lateness_max_us: float
    dropped_onsets: int
    missed_steps: int
    faults: int
    lead_ms: float | None
    """How long before a step its last plan was begun, at the end; None if the engine could not say."""
    first_onset_s: float | None
    """Of the monotonic clock."""
    peak_memory_mib: float | None
    """Of the engine; None where the system does not tell."""
    realtime: bool
    """Whether the system has granted the player real-time scheduling."""
    engine_deaths: int
    player_deaths: int
    """How often another one had to take its place."""

    def text(self) -> str:
        """One line for the end of a jam."""
        return (
            f"{self.onsets} onsets, late by p50 {self.lateness_p50_us:.0f} us, p99 {self.lateness_p99_us:.0f} us, "
            f"max {self.lateness_max_us:.0f} us; {self.missed_steps} missed steps, "
            f"{self.dropped_onsets} dropped onsets, {self.faults} faults"
        )


def jam(
    config: Config,
    instance: Instance,
    say: Callable[[str], None],
    *,
    arguments: Sequence[str] = (),
    in_background: bool = False,
) -> Figures:
    """Play live until it is told to quit, by ports, or into a file where there is no MIDI system.

    Everything that can be turned is turned by its doors: the control socket of the instance, OSC,
    controllers, and keys in a terminal. Ctrl-C, SIGTERM and SIGHUP end it in order. The arguments it
    was started with are kept for whoever starts it again. Returns what was
    measured; what cannot be started, or keeps dying, raises ImprovError, and AlreadyRunning where
    the instance plays already.
    """
    picks = Picks(instance.picked)
    tune = config.tune
    if config.wiring.save is not None:
        config = replace(config, wiring=replace(config.wiring, save=check_writable(config.wiring.save)))
    seed = random.SystemRandom().randrange(1 << 31) if tune.seed is None else tune.seed
    shows: Shows = Remarks(say) if in_background else Lines(sys.stdout or io.StringIO())
    audience = Audience(shows, say, config.recording)
    with ExitStack() as stack:
        claim = stack.enter_context(instance.held(arguments, unit()))
        signals = stack.enter_context(Signals())  # the last to go: writing what was played is not interrupted
        stack.enter_context(audience)
        wiring, audience.picks = picks.wiring(config), picks
        supervisor = stack.enter_context(Supervisor(tune, wiring, audience))
        desk = _Desk(supervisor, Controllers(config.maps or DEFAULT_MAPS, learned_maps(instance, say)), instance)
        doors: list[Door] = [signals]
        audience.desk, audience.watched_by = desk, [desk]
        server = stack.enter_context(ControlServer(instance.socket, instance.name, desk.ask))
        doors.append(server)
        audience.watched_by.append(server)
        if config.osc.enabled:
            try:
                osc = stack.enter_context(OscServer(config.osc.host, config.osc.port, desk.ask))
            except Unavailable as error:  # of another instance, say: there are other doors
                say(str(error))
            else:
                if osc.open_to_others:
                    say(f"OSC on {config.osc.host}:{osc.port} is open to whoever reaches it; it knows no password")
                doors.append(osc)
                audience.watched_by.append(osc)
        ports = _ready(supervisor, doors, say)
        desk.begin()
        audience.save = _save(wiring, plays=ports.plays)
        mode = tune.mode or _mode_for(ports, letters=wiring.letters)
        say(f"{tune.model}, {mode}, seed {seed}" + (f", into {audience.save}" if audience.save else ""))
        keys = None
        if not in_background and _has_a_terminal():
            keys = stack.enter_context(Keys())
            if keys.in_front:
                say(KEYS_HELP)
            doors.append(_AtTheDesk(keys, desk, audience.remark))
            audience.watched_by.append(keys)
        suspension = Suspension(signals, keys, desk.ask, audience.remark)
        audience.watched_by.append(suspension)
        notify(READY, status(supervisor.rig.says))
        doors += [suspension, audience, _Reachable(claim.tend, server.tend, audience.remark)]
        guarded = [_Guarded(door, audience.remark) for door in doors]
        outcome = supervisor.play(Begin(mode, seed), [*guarded, _ServiceManager()])
        notify(STOPPING)
    return _figures(outcome, audience)


def run(config: Config, instance: Instance, say: Callable[[str], None], arguments: Sequence[str]) -> None:
    """Play in the background, as `jam` does but without a terminal: `say` is told what happens besides the music."""
    figures = jam(config, instance, say, arguments=arguments, in_background=True)
    say(figures.text())


class _Reachable:
    """A door nobody asks at: it sees to it that improv can be found, whatever becomes of its directory."""

    def __init__(self, claim: Callable[[], str], server: Callable[[], str], say: Callable[[str], None]) -> None:
        self._tend = (claim, server)
        self._say = say
        self._said: list[str] = []
        self._next_s = 0.0

    def poll(self) -> Sequence[Command]:
        """Have made again what was taken away, when it is time to look."""
        now_s = time.monotonic()
        if now_s >= self._next_s:
            self._next_s = now_s + _LOOK_S
            said, self._said = self._said, [text for tend in self._tend if (text := tend())]
            for text in self._said:
                if text not in said:  # once
                    self._say(text)
        return ()

    def wakers(self) -> Sequence[Any]:
        """Nothing."""
        return ()


class _ServiceManager:
    """A door nobody asks at: it tells the service manager, if there is one, that we play and live."""

    def __init__(self) -> None:
        self._every_s = watchdog_s()
        self._next_s = 0.0

    def poll(self) -> Sequence[Command]:
        """Say that it lives, when it is time."""
        now_s = time.monotonic()
        if self._every_s is not None and now_s >= self._next_s:
            self._next_s = now_s + self._every_s
            notify(WATCHDOG)
        return ()

    def wakers(self) -> Sequence[Any]:
        """Nothing."""
        return ()


def _mode_for(ports: Opened, *, letters: bool) -> Mode:
    """What is played where nobody has chosen: whoever plays on letters is answered when they pause, not by the bar."""
    inputs = [port for port in ports.ports if port.role == "input"]
    has_keyboard = any(not port.virtual if port.connected is None else port.connected for port in inputs)
    if letters and not has_keyboard:
        return Mode.PHRASE
    return Mode.TRADE if ports.hears else Mode.SOLO


def play_again(path: Path, wiring: Wiring, say: Callable[[str], None]) -> Figures:
    """Play a take again, your notes too, until its end or until stopped; it is not recorded once more.

    Each step is decided again before it sounds; DataError at the first that is not what was recorded.
    """
    head, wiring = read_take(path).head, replace(wiring, listens=False)
    tune = Tune.of(model=head.model, tempo=head.transport.bpm)
    audience = Audience(Lines(sys.stdout or io.StringIO()), say)
    with audience, Signals() as signals, Supervisor(tune, wiring, audience, take=path) as supervisor:
        _ready(supervisor, [signals], say)
        suspension = Suspension(
            signals, None, supervisor.ask, say, goes_on="from there", silence=lambda: supervisor.ask(Panic())
        )
        audience.watched_by.append(suspension)
        outcome = supervisor.play(Begin(head.settings.mode, head.settings.seed), [signals, suspension])
    return _figures(outcome, audience)


def _ready(supervisor: Supervisor, doors: Sequence[Door], say: Callable[[str], None]) -> Opened:
    """Wait until both processes can begin, and say what is open; KeyboardInterrupt if a signal stops it before."""
    ports = supervisor.ready(doors)
    if ports is None:
        raise KeyboardInterrupt
    if says := supervisor.rig.says:
        say(says)
    return ports


def _save(wiring: Wiring, *, plays: bool) -> Path | None:
    """The file a jam is written to at its end: the one asked for, or one where nothing else can be heard of it."""
    if wiring.save is not None or plays:
        return wiring.save
    name = Path(f"jam-{datetime.now():%Y%m%d-%H%M%S}.mid")
    try:
        return check_writable(name)
    except InputNotFound:  # nobody has asked for it to be in the current folder, which is not theirs, or not there
        return takes_directory() / name


class _Desk:
    """Where every door asks: it knows who obeys what, where the controls stand, and what a knob means."""

    def __init__(self, supervisor: Supervisor, controllers: Controllers, instance: Instance) -> None:
        self._supervisor = supervisor
        self._controllers = controllers
        self._instance = instance
        self._stands: dict[str, Value] = {}
        self._said = ""
        self._seen: Snapshot | None = None

    @property
    def learning(self) -> str:
        """What the next knob that is moved is going to turn."""
        return self._controllers.learning

    def begin(self) -> None:
        """Have the player tell of the knobs that are bound."""
        self._supervisor.want(self._controllers.wanted)

    def ask(self, command: Command) -> str:
        """Have a command done: a note for whoever asked, or nothing; ImprovError for what cannot be, whatever it is.

        No request ends a jam: what nobody has foreseen is told as a remark besides.
        """
        try:
            return self._done(command)
        except ImprovError:
            raise
        except Exception as error:
            raise ImprovError(self._unforeseen(f"{type(command).__name__} could not be done", error)) from error

    def _unforeseen(self, what: str, error: Exception) -> str:
        text = f"{what}: {_reason(error)}"
        self._supervisor.remark(text)
        return text

    def _done(self, command: Command) -> str:
        command = checked(command)
        match command:
            case Learn() if self._supervisor.rig.api in ("", "none"):
                raise UsageError("there is no MIDI system here, and so no knob to learn from")
            case Learn(target):
                note = self._controllers.learn(target)
                self.begin()
                return note
            case Forget(target):
                note = self._controllers.forget(target)
                self._keep_learned()
                return note
            case Connect() if self._supervisor.rig.api in ("", "none"):
                raise UsageError("there is no MIDI system here, and so no port")
            case Set(name, value) if name != MODEL.name:
                self._stands[name] = value
            case Nudge(name, by) if name in self._stands:
                self._stands[name] = control_named(name).nudged(self._stands[name], by)
        self._supervisor.ask(command)
        name = command.control if isinstance(command, Set | Nudge) else ""
        rig = self._supervisor.rig
        return f"{rig.model} cannot obey {name}" if name in rig.deaf_to else ""

    def stands(self, name: str) -> Value:
        """Where a control stands, as far as is known here: what was asked for last, until it is seen elsewhere."""
        return self._stands.get(name, control_named(name).default)

    def show(self, seen: Snapshot) -> None:
        """Take in where the controls stand now, and light the knobs."""
        before, self._seen = self._seen, seen
        for name in CONTROLS:
            if before is None or seen.value(name) != before.value(name):
                self._stands[name] = seen.value(name)
        self._light()

    def darkened(self) -> None:
        """Tell the lights all of it again."""
        self._controllers.forget_lights()
        if self._seen is not None:
            self._light()

    def _light(self) -> None:
        self._supervisor.light(self._controllers.lights(self.stands, time.monotonic()))

    def turned(self, time_s: float, message: bytes) -> str:
        """A knob, a key or a pedal was moved: what there is to say of it."""
        learned, learning, notes = self._controllers.learned, self._controllers.learning, list[str]()
        try:
            for command in self._controllers.turned(message, self.stands, time_s):
                with _noted(notes):
                    notes.append(self.ask(command))
            if self._controllers.learned != learned or (learning and not self._controllers.learning):
                self._keep_learned()
        except Exception as error:
            return self._unforeseen("a controller could not be obeyed", error)
        said, self._said = self._said, self._controllers.remark or next(filter(None, notes), "")
        return self._said if self._said != said else ""  # a knob says a thing once

    def _keep_learned(self) -> None:
        self.begin()
        with suppress(OSError):
            make_folder(self._instance.learned.parent)
            self._instance.learned.write_text(to_text(self._controllers.learned), encoding="utf-8")


@contextmanager
def _noted(notes: list[str]) -> Iterator[None]:
    """Have what cannot be done stand among the notes."""
    try:
        yield
    except ImprovError as error:
        notes.append(str(error))


def _reason(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"


class _Guarded:
    """A door that fails alone: it is told, and whoever else asks is heard all the same."""

    def __init__(self, door: Door, say: Callable[[str], None]) -> None:
        self._door = door
        self._say = say
        self._failure = ""

    def poll(self) -> Sequence[Command]:
        """What is asked for at the door; nothing if it has failed, which is told once."""
        try:
            asked = self._door.poll()
        except Exception as error:
            failure, self._failure = self._failure, f"an interface has failed: {_reason(error)}"
            if self._failure != failure:
                self._say(self._failure)
            return ()
        self._failure = ""
        return asked

    def wakers(self) -> Sequence[Any]:
        """Those of the door, unless it has failed: it would be woken for ever."""
        if self._failure:
            return ()
        try:
            return self._door.wakers()
        except Exception as error:
            self._failure = f"an interface has failed: {_reason(error)}"
            self._say(self._failure)
            return ()


class _AtTheDesk:
    """A door whose visitors ask at the desk, and are told what it says."""

    def __init__(self, door: Door, desk: _Desk, say: Callable[[str], None]) -> None:
        self._door = door
        self._desk = desk
        self._say = say

    def poll(self) -> Sequence[Command]:
        """Nothing: what is asked for is done already."""
        for command in self._door.poll():
            notes = list[str]()
            with _noted(notes):
                notes.append(self._desk.ask(command))
            for note in filter(None, notes):
                self._say(note)
        return ()

    def wakers(self) -> Sequence[Any]:
        """Those of the door."""
        return self._door.wakers()


def learned_maps(instance: Instance, say: Callable[[str], None]) -> tuple[Map, ...]:
    """What was learned from controllers before; nothing, where nothing can be read, which is said."""
    try:
        return from_file(read_file(instance.learned, _MOST_LEARNED_BYTES))
    except FileNotFoundError:
        return ()
    except (OSError, ImprovError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        say(f"{instance.learned}: {reason}")
        return ()


def _has_a_terminal() -> bool:
    """Whether somebody may strike keys here, now or once the job is in front."""
    if os.name != "posix" or sys.stdin is None or not sys.stdin.isatty():
        return False
    try:
        os.tcgetpgrp(sys.stdin.fileno())
    except OSError:  # a terminal, but not ours
        return False
    return True


def _figures(outcome: Outcome, audience: Audience) -> Figures:
    latenesses_us = sorted((sent_s - due_s) * 1e6 for due_s, sent_s in outcome.sent) or [0.0]
    seen = audience.last.seen if audience.last else None
    return Figures(
        onsets=outcome.report.onsets,
        lateness_p50_us=quantile(latenesses_us, 0.5),
        lateness_p99_us=quantile(latenesses_us, 0.99),
        lateness_p999_us=quantile(latenesses_us, 0.999),
        lateness_max_us=latenesses_us[-1],
        dropped_onsets=outcome.report.dropped,
        missed_steps=seen.missed_steps if seen else 0,
        faults=seen.faults if seen else 0,
        lead_ms=outcome.ended.lead_s * 1e3 if outcome.ended else None,
        first_onset_s=outcome.report.first_onset_s,
        peak_memory_mib=outcome.ended.peak_memory_mib if outcome.ended else None,
        realtime=outcome.realtime,
        engine_deaths=outcome.engine_deaths,
        player_deaths=outcome.player_deaths,
    )
