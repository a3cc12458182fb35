"""The composition root: opens, wires, plays, closes. It decides nothing about music or time.

A jam is processes that are supervised, interfaces through which commands come, and an audience that shows and records.
"""

import io
import os
import random
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from improv.config.instance import Instance
from improv.config.picks import Picks
from improv.config.values import Config, OscSettings, SoundSettings, Tune, Wiring, check_writable
from improv.control.midi_controllers import DEFAULT_MAPS, Controllers
from improv.control.socket_server import ControlServer
from improv.control.terminal import KEYS_HELP, Keys, Lines
from improv.errors import InputNotFound, NotWritten, Unavailable
from improv.export.formats import check_file
from improv.music.turns import Mode
from improv.recording import read_take, takes_directory
from improv.runtime.figures import Figures, figures_of
from improv.runtime.interfaces import Interfaces
from improv.runtime.ipc_messages import Begin, Opened
from improv.runtime.live_controllers import learned_maps
from improv.runtime.observers import Audience, Display, Remarks
from improv.runtime.router import CommandRouter
from improv.runtime.signals import Signals, Suspension
from improv.runtime.supervisor import Supervisor
from improv.synth.soundfonts import checked_soundfont
from improv.system.systemd import READY, STOPPING, WATCHDOG, notify, status, unit, watchdog_s

if TYPE_CHECKING:
    from improv.control.osc import OscServer

_SILENT = ("off", "null")
"""Values of `audio` with which improv is not to be heard."""

_LOOK_S = 1.0
"""How often it is checked that clients can still find improv, in seconds."""


def jam(
    config: Config,
    instance: Instance,
    say: Callable[[str], None],
    *,
    arguments: Sequence[str] = (),
    in_background: bool = False,
) -> Figures:
    """Play live until a command to quit, through MIDI ports, or into a file where there is no MIDI system.

    Commands come through the control socket of the instance, OSC, controllers, and keys in a terminal.
    Ctrl-C, SIGTERM and SIGHUP end it in order. The arguments it was started with are kept for a restart.

    Returns what was measured. ImprovError if it cannot be started or its processes keep dying,
    AlreadyRunning where the instance plays already.
    """
    picks, tune = Picks(instance.picked), config.tune
    if config.wiring.save is not None:
        config = replace(config, wiring=replace(config.wiring, save=check_file(config.wiring.save)))
    if config.sound.soundfont is not None:
        checked_soundfont(config.sound.soundfont)
    seed = random.SystemRandom().randrange(1 << 31) if tune.seed is None else tune.seed
    shows: Display = Remarks(say) if in_background else Lines(sys.stdout or io.StringIO())
    audience = Audience(shows, say, config.recording)
    with ExitStack() as stack:
        claim = stack.enter_context(instance.claimed(arguments, unit()))
        signals = stack.enter_context(Signals())  # the last to go: writing what was played is not interrupted
        stack.enter_context(audience)
        wiring, audience.picks = picks.wiring(config), picks
        supervisor = stack.enter_context(Supervisor(tune, wiring, audience, sound=config.sound))
        maps = Controllers(config.maps or DEFAULT_MAPS, learned_maps(instance, say))
        router = CommandRouter(supervisor, maps, instance.learned)
        audience.controllers, audience.watched_by = router.controllers, [router.controllers]
        interfaces = Interfaces(router.submit, audience.remark)
        interfaces.add(signals)
        server = stack.enter_context(ControlServer(instance.socket, instance.name, router.submit))
        interfaces.add(server)
        audience.watched_by.append(server)
        if (osc := _osc(config.osc, router, stack, say)) is not None:
            interfaces.add(osc)
            audience.watched_by.append(osc)
        ports = _ready(supervisor, interfaces, say)
        router.controllers.watch_bound()
        audience.save_asked_for, silent = wiring.save is not None, config.sound.audio in _SILENT
        heard = ports.plays or supervisor.status.now.sound.is_heard
        audience.save = _save(wiring, heard=heard, ending=".mid" if in_background or silent else ".wav")
        mode = tune.mode or _mode_for(ports, letters=wiring.letters)
        say(f"{tune.model}, {mode}, seed {seed}" + (f", into {audience.save}" if audience.save else ""))
        if (keys := None if in_background else _keys(stack, say)) is not None:
            interfaces.add(keys)
            audience.watched_by.append(keys)
        suspension = Suspension(signals, keys, router.submit, audience.remark)
        audience.watched_by.append(suspension)
        notify(READY, status(supervisor.status.now.description))
        interfaces.add_tasks(
            suspension.tend, audience.tend, _Reachable(claim.restore, server.restore, audience.remark), _Watchdog()
        )
        outcome = supervisor.play(Begin(mode, seed), interfaces)
        notify(STOPPING)
    return figures_of(outcome, audience)


def _osc(
    settings: OscSettings, router: CommandRouter, stack: ExitStack, say: Callable[[str], None]
) -> "OscServer | None":
    """Open OSC if it is turned on; None if not, or if it cannot be opened, which is said: there are other ways in."""
    if not settings.enabled:
        return None
    from improv.control.osc import OscServer

    try:
        osc = stack.enter_context(OscServer(settings.host, settings.port, router.submit))
    except Unavailable as error:  # another instance has it, say
        say(str(error))
        return None
    if osc.open_to_others:
        where = f"{settings.host}:{osc.port}"
        say(f"OSC on {where} is open to any program that reaches it: it knows no password")
    return osc


def _keys(stack: ExitStack, say: Callable[[str], None]) -> Keys | None:
    """Take over the terminal for single keys; None without one."""
    if not _has_a_terminal():
        return None
    keys = stack.enter_context(Keys())
    if keys.in_front:
        say(KEYS_HELP)
    return keys


def run(config: Config, instance: Instance, say: Callable[[str], None], arguments: Sequence[str]) -> None:
    """Play as `jam` does, without a terminal; `say` is called with each remark."""
    figures = jam(config, instance, say, arguments=arguments, in_background=True)
    say(figures.text())


class _Reachable:
    """Keeps the files by which clients find improv, whatever becomes of their folder."""

    def __init__(self, claim: Callable[[], str], server: Callable[[], str], say: Callable[[str], None]) -> None:
        self._tend = (claim, server)
        self._say = say
        self._said: list[str] = []
        self._next_s = 0.0

    def __call__(self) -> None:
        """Make again what was deleted, when it is time to look."""
        now_s = time.monotonic()
        if now_s >= self._next_s:
            self._next_s = now_s + _LOOK_S
            said, self._said = self._said, [text for tend in self._tend if (text := tend())]
            for text in self._said:
                if text not in said:  # once
                    self._say(text)


class _Watchdog:
    """Reports to the service manager, if there is one, that improv lives."""

    def __init__(self) -> None:
        self._every_s = watchdog_s()
        self._next_s = 0.0

    def __call__(self) -> None:
        """Report, when it is time."""
        now_s = time.monotonic()
        if self._every_s is not None and now_s >= self._next_s:
            self._next_s = now_s + self._every_s
            notify(WATCHDOG)


def _mode_for(ports: Opened, *, letters: bool) -> Mode:
    """Return the mode where none was chosen: letters are answered at a pause, a keyboard by the bar."""
    inputs = [port for port in ports.ports if port.role == "input"]
    has_keyboard = any(not port.virtual if port.connected is None else port.connected for port in inputs)
    if letters and not has_keyboard:
        return Mode.PHRASE
    return Mode.TRADE if ports.hears else Mode.SOLO


def play_again(path: Path, wiring: Wiring, sound: SoundSettings, say: Callable[[str], None]) -> Figures:
    """Play a take again, your notes too, to its end or until stopped; it is not recorded.

    Each step is decided again before it sounds; DataError at the first that is not what was recorded.
    """
    head, wiring = read_take(path).head, replace(wiring, listens=False)
    tune = Tune.of(model=head.model, tempo=head.transport.bpm)
    audience = Audience(Lines(sys.stdout or io.StringIO()), say)
    with audience, Signals() as signals, Supervisor(tune, wiring, audience, sound=sound, take=path) as supervisor:
        router = CommandRouter(supervisor, Controllers(()))
        interfaces = Interfaces(router.submit, audience.remark)
        interfaces.add(signals)
        _ready(supervisor, interfaces, say)
        suspension = Suspension(signals, None, router.submit, say, goes_on="from there", silence=supervisor.panic)
        audience.watched_by.append(suspension)
        interfaces.add_tasks(suspension.tend)
        outcome = supervisor.play(Begin(head.settings.mode, head.settings.seed), interfaces)
    return figures_of(outcome, audience)


def _ready(supervisor: Supervisor, interfaces: Interfaces, say: Callable[[str], None]) -> Opened:
    """Wait until player and engine can begin, and say which ports are open; KeyboardInterrupt after a signal."""
    ports = supervisor.ready(interfaces)
    if ports is None:
        raise KeyboardInterrupt
    system = supervisor.status.now
    for text in (system.description, system.sound.text if system.sound.device else ""):
        if text:
            say(text)
    return ports


def _save(wiring: Wiring, *, heard: bool, ending: str = ".mid") -> Path | None:
    """Return the file to write at the end: the one that was asked for, or a new one where nothing can be heard."""
    if wiring.save is not None or heard:
        return wiring.save
    name = Path(f"jam-{datetime.now():%Y%m%d-%H%M%S}{ending}")
    try:
        return check_writable(name)
    except (NotWritten, InputNotFound):  # the current folder, which was not asked for, cannot be written to
        return takes_directory() / name


def _has_a_terminal() -> bool:
    """Return whether keys can be struck in a terminal, now or once the job is in front."""
    if os.name != "posix" or sys.stdin is None or not sys.stdin.isatty():
        return False
    try:
        os.tcgetpgrp(sys.stdin.fileno())
    except OSError:  # a terminal, but not ours
        return False
    return True
