"""A plan: what to play from a step on."""

from dataclasses import dataclass

from improv.music.notes import Placed
from improv.music.transport import Transport


@dataclass(frozen=True, slots=True)
class Plan:
    """What to play from a step on; whatever was planned for that step or later is withdrawn.

    The transport holds for everything that is pending.
    """

    step: int
    events: tuple[Placed, ...]
    transport: Transport
    steps: int = 1
    """How many steps it covers, those in which nothing begins among them."""
