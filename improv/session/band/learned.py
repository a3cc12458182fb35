"""The players of the band that have learned: who asks a network, when, and what is played where that fails.

A network that raises, or is refused for being late, costs its part nothing: the step is played by rule, and the
band's state says so.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from improv.dataclass import dataclass
from improv.models.contract import ModelSpec, StepModel, Tensor, Tensors
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
class RefusingNetwork:
    """A network that is not asked: its part is played by rule, and the session says why."""

    why: str

    @property
    def spec(self) -> ModelSpec:
        """See `StepModel`."""
        raise Refused(self.why)

    def step(self, features: Tensors, memory: Tensors) -> tuple[Tensors, Tensors]:
        """See `StepModel`."""
        raise Refused(self.why)

    def head_logits(self, head: str, features: Tensors, memory: Tensors) -> Tensor:
        """See `StepModel`."""
        raise Refused(self.why)

    def move(self, features: Tensors, memory: Tensors) -> Tensors:
        """See `StepModel`."""
        raise Refused(self.why)


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
    model, learned, failed = networks.get(part), LEARNED.get(part), None
    if model is not None and learned is not None and learned.plays(context):
        try:
            return _remembering(part, learned.play(state, context, model), state, context), None
        except Exception as error:  # nothing may raise into the music
            failed = why_by_rule(part, error)
    after, struck = rule(state, context)
    if model is None and not state.memory and not state.strokes:
        return (after, struck), None
    return _remembering(part, (after.remembering(state.memory), struck), state, context), failed


def why_by_rule(part: Part, error: Exception) -> ByRule:
    """Return that a part plays by rule, and in a short line why: its network raised."""
    why = " ".join(str(error).split())
    return ByRule(part, (why if isinstance(error, Refused) else f"{type(error).__name__}: {why}")[:_LONGEST])


def _remembering(part: Part, found: Decided, before: PartState, context: BandContext) -> Decided:
    """Return what was decided, with the strokes of a drummer remembered."""
    after, struck = found
    if part is not Part.DRUMS:
        return found
    return after.remembering(after.memory, remembered(before.strokes, struck, context.tick)), struck
