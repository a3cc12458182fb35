"""The synth process: it sounds what the player hands it, on an audio device, and nothing waits for it.

When the link to the player closes, whatever the reason, it falls silent; when the link to the daemon closes it does so
and ends. It must never send the player anything.
"""

import os
import select
import sys
import threading
import time
from queue import SimpleQueue

from improv.errors import InputNotFound, Unavailable
from improv.ipc.link import GRACE_S, Join, Link, serve
from improv.midi.stderr_monitor import StderrMonitor
from improv.protocol.commands import Quit
from improv.protocol.snapshot import AUDIO_AUTO
from improv.runtime.ipc_messages import SOUND_PRIORITY, CutSound, OpenSound, Sound, SynthReport
from improv.runtime.scheduling import request_realtime
from improv.synth.live import LiveSynth
from improv.system.garbage import keep_garbage

_REPORT_S = 0.2
_CPU_OVER_S = 1.0
_SWITCH_S = 0.0005
"""How soon a thread that waits for the interpreter is given it: the device's must not wait for long."""


class _Measuring:
    """Measures programs that were chosen while it plays, in a thread of its own."""

    def __init__(self, live: LiveSynth) -> None:
        self._live = live
        self._asked: SimpleQueue[tuple[int, int]] = SimpleQueue()

    def start(self) -> None:
        """Begin to measure what is asked for."""
        threading.Thread(target=self._run, daemon=True).start()

    def ask(self, channel: int, program: int) -> None:
        """Have a channel's program measured, later."""
        self._asked.put((channel, program))

    def _run(self) -> None:
        while True:
            channel, program = self._asked.get()
            if self._live.synth is not None:
                self._live.synth.measure(channel, program)


class _Cpu:
    """The share of a processor that this process has taken lately."""

    def __init__(self) -> None:
        self.share = 0.0
        self._since_s, self._used_s = time.monotonic(), time.process_time()

    def look(self) -> None:
        """Update the share of processor time that was used, at most once a second."""
        now_s, used_s = time.monotonic(), time.process_time()
        if now_s - self._since_s >= _CPU_OVER_S:
            self.share = (used_s - self._used_s) / (now_s - self._since_s)
            self._since_s, self._used_s = now_s, used_s


def main() -> None:
    """Run the synth process, as a child of the daemon."""
    serve(_run)


def _run(link: Link) -> None:
    errors = StderrMonitor()
    sys.setswitchinterval(_SWITCH_S)
    asked = _first(link)
    if asked is None:
        return
    sound = asked.sound
    given_s = None if sound.audio_latency is None else sound.audio_latency / 1000
    live = LiveSynth(sound.audio, given_s, in_thread=_request_realtime)
    try:
        live.open()
    except (Unavailable, InputNotFound) as error:
        if sound.audio != AUDIO_AUTO and not asked.waits:
            raise
        live.fault = f"{error}; improv plays on without its own sound"
    measuring = _Measuring(live)
    try:
        from improv.synth.choice import open_synth

        link.send(SynthReport(fault=live.fault))
        live.synth = open_synth(sound.soundfont, measuring.ask)
        measuring.start()
        keep_garbage()
        _request_realtime()
        _serve(link, live, errors)
    finally:
        live.close()
    link.drain(GRACE_S)
    os._exit(0)  # a device that was lost may keep a thread that never ends


def _request_realtime() -> None:
    request_realtime(SOUND_PRIORITY)


def _first(link: Link) -> OpenSound | None:
    """Wait for the order to sound; None if the daemon is gone."""
    while not link.closed:
        select.select([link], (), ())
        for message in link.receive():
            if isinstance(message, OpenSound):
                return message
    return None


def _serve(link: Link, live: LiveSynth, errors: StderrMonitor) -> None:
    """Sound what the player sends until the daemon ends it."""
    player: Link | None = None
    cpu, report_s = _Cpu(), 0.0
    while not link.closed:
        ends = [end for end in (link, player) if end is not None and not end.closed]
        select.select(ends, (), (), max(0.0, report_s - time.monotonic()))
        for message in player.receive() if player is not None else ():
            _take_in(message, live)
        for message in link.receive():
            if isinstance(message, Join):
                if player is not None:
                    player.close()
                    live.cut()
                player = link.joined_link(message)
            elif isinstance(message, Quit):
                return
        if player is not None and player.closed:
            player.close()
            player = None
            live.cut()
        if live.failure is not None:
            raise live.failure
        if time.monotonic() >= report_s:
            report_s = time.monotonic() + _REPORT_S
            live.tend()
            errors.read()
            cpu.look()
            link.send(_report(live, cpu.share))


def _take_in(message: object, live: LiveSynth) -> None:
    match message:
        case Sound(messages, due_s):
            live.sound(messages, due_s)
        case CutSound():
            live.cut()


def _report(live: LiveSynth, cpu: float) -> SynthReport:
    ready = live.synth is not None and live.settled
    return SynthReport(
        engine=live.synth.description if live.synth is not None else "",
        device=live.device.name if live.device is not None and ready else "",
        delay_s=live.delay_s,
        device_s=live.device_s if ready else 0.0,
        late=live.late,
        cpu=cpu,
        fault=live.fault,
    )
