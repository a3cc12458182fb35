"""A player that hears notes known beforehand on simulated time, and sends nothing: what is planned is kept elsewhere.

It hears what a `Player` without ports would hear. It must never wait.
"""

from improv.midi.sources import Script
from improv.midi.your_notes import YourNotes
from improv.music.clock import SimulatedClock
from improv.music.notes import Timed
from improv.music.plan import Plan
from improv.protocol.heard import Heard


class ScriptedPlayer:
    """Hears a script at its times; see `PlayerInterface`."""

    independent = False

    def __init__(self, clock: SimulatedClock, script: Script) -> None:
        self.clock = clock
        self._script = script
        self._yours = YourNotes()

    def play(self, plan: Plan) -> None:
        """Ignore a plan: there is no port to send it to."""

    def listen_until(self, deadline_s: float, *, at_once: bool = True) -> Heard:
        """Return what is heard until a time in seconds, or with `at_once` as soon as anything is."""
        heard: list[Timed] = []
        while True:
            now_s = self.clock.now()
            for note in self._script.poll(now_s):
                changes = self._yours.scripted(note.event, note.time_s)
                heard += [Timed(change.time_s, change.event, note.tick) for change in changes]
            if now_s >= deadline_s or (at_once and heard):
                return Heard(tuple(heard))
            self.clock.wait_until(min(deadline_s, self._script.next_s))
