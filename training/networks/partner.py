"""The partner: two networks in one file, the changes a bar ahead and the melody over them."""

from collections.abc import Mapping
from typing import ClassVar

from torch import Tensor

from training.networks import Network
from training.networks.chord_lstm import ChordLstm
from training.networks.solo_memory import SoloMemory


class Partner(Network):
    """A chord network and a melody network, which remembers the solo, that step together.

    The session does not know that they are two.
    """

    FEATURES = ("newest_chord", *SoloMemory.FEATURES)
    HEADS = (*ChordLstm.HEADS, *SoloMemory.HEADS)
    STATE: ClassVar[Mapping[str, int]]

    def __init__(self, chords: ChordLstm, melody: SoloMemory) -> None:
        super().__init__()
        self.chords = chords
        self.melody = melody
        self.STATE = {**chords.STATE, **melody.STATE}  # type: ignore[misc]

    def forward(self, *given: Tensor) -> tuple[Tensor, ...]:
        """Return one step: logits of chord, rhythm and pitch, then the new states of both networks, each (1, width)."""
        features = dict(zip(self.FEATURES, given, strict=False))
        state = dict(zip(self.STATE, given[len(self.FEATURES) :], strict=True))  # a feature may be named as a state is

        def step_of(network: ChordLstm | SoloMemory) -> list[Tensor]:
            inputs = (*(features[name] for name in network.FEATURES), *(state[name] for name in network.STATE))
            return list(network(*inputs))

        chord, *of_chords = step_of(self.chords)
        rhythm, pitch, *of_melody = step_of(self.melody)
        return chord, rhythm, pitch, *of_chords, *of_melody
