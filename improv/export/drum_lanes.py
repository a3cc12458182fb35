"""The lanes of a drum grid: which percussion of General MIDI each stands for, cymbals on top, bass drum below."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType

LANES: Mapping[str, tuple[int, ...]] = MappingProxyType(
    {
        "crash": (49, 57, 52, 55),
        "ride": (51, 59),
        "bell": (53,),
        "open hat": (46,),
        "hi-hat": (42,),
        "foot hat": (44,),
        "tambourine": (54,),
        "cowbell": (56,),
        "block": (75, 76, 77),
        "high tom": (48, 50),
        "mid tom": (45, 47),
        "low tom": (41, 43),
        "clap": (39,),
        "side stick": (37,),
        "snare": (38, 40),
        "kick": (35, 36),
    }
)
"""The pitches of each lane, from the top."""

_LANE_OF = MappingProxyType({pitch: name for name, pitches in LANES.items() for pitch in pitches})
_ORDER = MappingProxyType({name: number for number, name in enumerate(LANES)})


def lane_of(pitch: int) -> str:
    """Return the lane of a pitch; one named by its number where there is none."""
    return _LANE_OF.get(pitch, f"key {pitch}")


def lanes_for(pitches: Iterable[int]) -> list[str]:
    """Return the lanes that pitches need, from the top."""
    return sorted({lane_of(pitch) for pitch in pitches}, key=lambda name: (_ORDER.get(name, len(_ORDER)), name))
