"""The players of the band that have learned: who asks a network, when, and what is played where that fails.

A network that raises, or is refused for being late, costs its part nothing: the step is played by rule, and the
band's state says so.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType

from improv.dataclass import dataclass
from improv.models.contract import StepModel
from improv.music.parts import Part
from improv.protocol.snapshot import ByRule
from improv.session.band.context import BandContext
from improv.session.band.learned_bass import learned_bass, walks
from improv.session.band.learned_drums import keeps_time, learned_drums, remembered
from improv.session.band.notes import Struck
from improv.session.band.part_state import PartState

Networks = Mapping[Part, StepModel]
"""The networks of the band, by the part that each plays."""

NO_NETWORKS: Networks = MappingProxyType({})

Decided = tuple[PartState, list[Struck]]
"""A player's state after a step, and the notes that begin in it."""

Rule = Callable[[PartState, BandContext], Decided]

_LONGEST = 160
"""Characters of a reason."""


class Refused(Exception):
    """A network is not asked in a step; its message is why, as it is told and recorded."""


@dataclass(frozen=True, slots=True)
class LearnedPlayer:
    """How a network plays a part, and in which steps it does."""

    play: Callable[[PartState, BandContext, StepModel], Decided]
    plays: Callable[[BandContext], bool]


LEARNED: Mapping[Part, LearnedPlayer] = MappingProxyType(
    {
        Part.BASS: LearnedPlayer(learned_bass, walks),
        Part.DRUMS: LearnedPlayer(learned_drums, keeps_time),
    }
)


def decided(
    part: Part, rule: Rule, state: PartState, context: BandContext, networks: Networks
) -> tuple[Decided, ByRule | None]:
    """Return what a part's network decides in a step, or its rule where it has none or that fails; and why it failed.

    What a network remembers is kept over steps that are played by rule.
    """
    model, learned = networks.get(part), LEARNED.get(part)
    if model is None or learned is None:
        return _kept(part, state, rule(state, context), context), None
    failed, plays = None, learned.plays(context)
    found = rule(state, context) if not plays else None
    if found is None:
        try:
            found = learned.play(state, context, model)
        except Exception as error:  # nothing may raise into the music
            why = " ".join(str(error).split())
            failed = ByRule(part, (why if isinstance(error, Refused) else f"{type(error).__name__}: {why}")[:_LONGEST])
            found = rule(state, context)
    if failed is not None or not plays:
        return _kept(part, state, found, context, always=True), failed
    after, struck = found
    return _remembering(part, after, struck, state, context), None


def _kept(part: Part, state: PartState, found: Decided, context: BandContext, *, always: bool = False) -> Decided:
    """Return what a rule decides, with what the part's network remembers, if there is any."""
    after, struck = found
    if not (always or state.memory or state.strokes):
        return found
    return _remembering(part, replace(after, memory=state.memory), struck, state, context)


def _remembering(
    part: Part, after: PartState, struck: list[Struck], before: PartState, context: BandContext
) -> Decided:
    strokes = remembered(before.strokes, struck, context.tick) if part is Part.DRUMS else ()
    return replace(after, strokes=strokes), struck
