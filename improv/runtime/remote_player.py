"""The player as the engine sees it: at the other end of a connection."""

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


class RemotePlayer:
    """The player in its process, as the engine plays through it; commands come from the daemon.

    While there is no player, plans are lost and nothing is heard.
    """

    independent = True

    def __init__(self, daemon: Link) -> None:
        self.clock: Clock = SystemClock(self._readables)
        self.prepare: Prepare | None = None
        self.begin: Begin | None = None
        self.restate = False
        """Whether the daemon wants the whole session for the take."""
        self._daemon = daemon
        self._player: Link | None = None
        self._unplayed = 0  # plans that earlier players did not take
        self._stopped = False
        self._playing = self._met = False
        self._down: set[int] = set()
        self._heard = Heard()

    def wait(self, until: Callable[[], bool]) -> bool:
        """Wait for something and keep what arrives meanwhile; False once told to stop."""
        while self._received():
            if until():
                return True
            self.clock.wait_until(self.clock.now() + SOON_S, exactly=False)
        return False

    def takes_over(self, session: Session, *, sounds: bool) -> None:
        """Go on from a session that another engine was in: keys it thinks held may be up, and what `sounds` may not."""
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
        """How many plans were dropped because the player did not read them."""
        return self._unplayed + (self._player.dropped if self._player is not None else 0)

    def play(self, plan: Plan) -> None:
        """Send the plan over."""
        self._playing = True
        if self._player is not None:
            self._player.send(plan)

    def listen_until(self, deadline_s: float, *, at_once: bool = True) -> Heard | None:
        """Return what has arrived; None once the daemon has said stop, or is gone."""
        while self._received():
            if self.clock.now() >= deadline_s or (at_once and self._heard):
                heard, self._heard = self._heard, Heard()
                return heard
            self.clock.wait_until(deadline_s, exactly=False)
        return None

    def _readables(self) -> Sequence[Link]:
        return [self._daemon] if self._player is None else [self._daemon, self._player]

    def _received(self) -> bool:
        """Take in what has come; False once told to stop."""
        for message in self._daemon.receive():
            self._daemon_says(message)
        for message in self._player.receive() if self._player else ():
            self._player_says(message)
        if self._player is not None and self._player.closed:
            self._leave_player()
        return not (self._stopped or self._daemon.closed)

    def _daemon_says(self, message: Any) -> None:
        match message:
            case Join():
                self._leave_player()
                if self._playing and message.since_s is None:  # a new player, at which nothing sounds
                    self._heard += Heard(commands=(Panic(),))
                self._player = self._daemon.joined(message)
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

    def _player_says(self, message: Any) -> None:
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
        """Return the ends, now, of keys that were let go unheard."""
        return Heard(tuple(Timed(self.clock.now(), NoteOff(Part.YOU, pitch)) for pitch in pitches))
