"""What was heard: the one value in which notes and commands go from the player to the session and into the take.

The player makes it once, of what its sources bring. From then on every stage passes it on as it is: the connection to
the engine, the remote player, the engine, `improv.session.step.advance`, and the take. The way is drawn in
docs/explanation/one-step.md.
"""

from improv.dataclass import dataclass
from improv.music.notes import Timed
from improv.protocol.commands import Command


@dataclass(frozen=True, slots=True)
class Heard:
    """Your notes and the commands that have arrived, each kind in the order of its arrival.

    A note's time is when its MIDI message was taken from the driver, in seconds of the player's clock: the monotonic
    clock of the machine, or simulated time. The transport of the performance is anchored to the same clock, so that
    `Transport.ticks_at(time_s)` is the note's place in the music. Its part is always `Part.YOU`.
    """

    notes: tuple[Timed, ...] = ()
    commands: tuple[Command, ...] = ()

    def __len__(self) -> int:
        return len(self.notes) + len(self.commands)

    def __add__(self, later: "Heard") -> "Heard":
        return Heard(self.notes + later.notes, self.commands + later.commands)

    def since(self, earlier: "Heard") -> "Heard":
        """Return what has arrived after `earlier`, an earlier state of the same container."""
        return Heard(self.notes[len(earlier.notes) :], self.commands[len(earlier.commands) :])

    def latest(self, count: int) -> "Heard":
        """Return the last `count` notes and the last `count` commands (at least one)."""
        return Heard(self.notes[-count:], self.commands[-count:])
