"""The player as the engine sees it: at the other end of a link."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from improv.ipc.link import Join, Link
from improv.music.clock import Clock
from improv.music.notes import NoteOff, NoteOn, Timed
from improv.music.parts import Part
from improv.music.plan import Plan
from improv.protocol.commands import Panic, Quit
from improv.protocol.heard import Heard
from improv.runtime.ipc_messages import Begin, HeldKeys, Prepare, Restate
from improv.runtime.system_clock import SystemClock
from improv.session.state import Session

SOON_S = 0.01
"""How long waiting for the daemon takes at a time, in seconds."""


class RemotePlayer:
    """The player in its own process: plans are sent to it, what was heard comes from it, commands from the daemon.

    While there is no player, plans are lost and nothing is heard.
    """

    independent = True

    def __init__(self, daemon: Link) -> None:
        self.clock: Clock = SystemClock(self._links)
        self.prepare: Prepare | None = None
        self.begin: Begin | None = None
        self.restate = False
        """Whether the daemon has asked for the whole session, for the take."""
        self._daemon = daemon
        self._player: Link | None = None
        self._unplayed = 0  # plans that earlier players did not take
        self._stopped = False
        self._playing = self._met = False
        self._down: set[int] = set()
        self._heard = Heard()

    def wait(self, until: Callable[[], bool]) -> bool:
        """Wait until `until()` is true, and keep what arrives; return False once told to quit."""
        while self._received():
            if until():
                return True
            self.clock.wait_until(self.clock.now() + SOON_S, exactly=False)
        return False

    def take_over(self, session: Session, *, sounds: bool) -> None:
        """Go on from another engine's session: its held keys that are up by now get a note-off.

        If the notes of that session do not sound any more (`sounds` False), a panic comes first, so that they are
        struck anew.
        """
        if not sounds:
            self._heard = Heard(commands=(Panic(),)) + self._heard
        held = {key.pitch for key in session.listener.keys if key.release is None}
        if self._met:
            up = sorted(held - self._down)
            self._heard = self._ended(up) + self._heard
        else:  # the player will say
            self._down |= held

    @property
    def unplayed(self) -> int:
        """Number of plans that were dropped because the player did not read them."""
        return self._unplayed + (self._player.dropped if self._player is not None else 0)

    def play(self, plan: Plan) -> None:
        """Send a plan to the player; it replaces earlier plans for the same steps. Lost without a player."""
        self._playing = True
        if self._player is not None:
            self._player.send(plan)

    def listen_until(self, deadline_s: float, *, at_once: bool = True) -> Heard | None:
        """Return what arrives until a time, or with `at_once` as soon as anything does; None to quit."""
        while self._received():
            if self.clock.now() >= deadline_s or (at_once and self._heard):
                heard, self._heard = self._heard, Heard()
                return heard
            self.clock.wait_until(deadline_s, exactly=False)
        return None

    def _links(self) -> Sequence[Link]:
        return [self._daemon] if self._player is None else [self._daemon, self._player]

    def _received(self) -> bool:
        """Take in what has come; False once the daemon has sent `Quit` or is gone."""
        for message in self._daemon.receive():
            self._take_from_daemon(message)
        for message in self._player.receive() if self._player else ():
            self._take_from_player(message)
        if self._player is not None and self._player.closed:
            self._leave_player()
        return not (self._stopped or self._daemon.closed)

    def _take_from_daemon(self, message: Any) -> None:
        match message:
            case Join():
                self._leave_player()
                if self._playing and message.since_s is None:  # a new player, at which nothing sounds
                    self._heard += Heard(commands=(Panic(),))
                self._player = self._daemon.joined_link(message)
            case Quit():
                self._stopped = True
            case Prepare():
                self.prepare = message
            case Begin():
                self.begin = message
            case Restate():
                self.restate = True
            case _:
                self._heard += Heard(commands=(message,))

    def _leave_player(self) -> None:
        if self._player is not None:
            self._unplayed += self._player.dropped
            self._player.close()
            self._player = None

    def _take_from_player(self, message: Any) -> None:
        match message:
            case Heard(notes):
                self._heard += message
                for note in notes:
                    if isinstance(note.event, NoteOn):
                        self._down.add(note.event.pitch)
                    else:
                        self._down.discard(note.event.pitch)
            case HeldKeys(pitches):
                self._heard += self._ended(sorted(self._down - pitches))
                self._down, self._met = set(pitches), True

    def _ended(self, pitches: Iterable[int]) -> Heard:
        """Return note-offs, now, for keys that were released while no engine heard it."""
        return Heard(tuple(Timed(self.clock.now(), NoteOff(Part.YOU, pitch)) for pitch in pitches))
