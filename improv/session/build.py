"""How a solo builds from chorus to chorus: the control `build`, beside the ideas that its phrases repeat.

Counted in the blues solos of three choruses and more in the Weimar Jazz Database (`python -m training arcs`): the
first chorus has a fifth fewer notes than a chorus has on average, and lies a semitone lower; the one before the last
lies a semitone higher; the last comes down again.
"""

import numpy as np

from improv.dataclass import dataclass
from improv.session.state import Session

SOLO_CHORUSES = 6
"""How many choruses a solo has where there is no end to come."""

Arc = tuple[tuple[float, ...], tuple[float, ...], tuple[float, ...]]
"""Places in a solo, from 0 in its first chorus to 1 in its last, and at each density and rise: see `Built`."""

_ARC: Arc = ((0.0, 0.2, 0.8, 1.0), (-0.37, -0.1, 0.14, 0.22), (-0.018, -0.009, 0.018, 0.0))
_EARLIER_ARC: Arc = ((0.0, 1.0), (-0.37, 0.42), (0.0, 0.0))
"""Before version 3 of `SOLOIST_RULES`."""


@dataclass(frozen=True, slots=True)
class Built:
    """How a chorus of a solo is to differ from the others."""

    density: float = 0.0
    """By how much denser it is to be, as values of the control density; below 0 sparser."""
    rise: float = 0.0
    """By how many nats a pitch is to be likelier than the one a semitone below; below 0 less likely."""


def built(session: Session) -> Built:
    """Return how the session's chorus is to differ from the others of its solo, with a `build` of 1.

    A solo without an end begins anew every few choruses; one of two choruses builds half as far, and one of a single
    chorus not at all.
    """
    choruses = session.tune.choruses or SOLO_CHORUSES
    if choruses == 1:
        return Built()
    chorus = max(session.place, 0) // session.tune.form.steps % choruses
    far = 1.0 if choruses > 2 else 0.5
    places, *heights = _ARC if session.settings.soloist_rules > 2 else _EARLIER_ARC
    density, rise = [far * float(np.interp(chorus / (choruses - 1), places, each)) for each in heights]
    return Built(density, rise)
