"""How a line comes back to what was played before: the control `motifs`, for networks that remember the solo.

What foretells people best is not what plays best. A network that hears itself comes back to what it has drawn by
chance, and to that again, until it plays one riff. So what it remembers counts less where notes are drawn coldly and
while the line repeats itself more than people's do, and where it counts notes are drawn nearly as the network was
trained.
"""

from collections.abc import Sequence
from itertools import pairwise
from math import sqrt

from improv.models.encodings import Encoding, StepInput
from improv.music.rhythm import top_line
from improv.protocol.controls import MOTIFS, TEMPERATURE, Settings
from improv.session.duet import hears_apart
from improv.session.state import Session

_LATEST_NOTES = 32
"""How many of the latest notes tell whether a line repeats itself."""

_VARIED = (0.7, 0.4)
"""What share of the pairs of successive notes among those has to be different for all of the wanted motifs to count,
and with what share none does. Of such stretches of people's blues 16 % have less than the former, 3 % less than the
latter."""


def wanted_motifs(settings: Settings) -> float:
    """Return how much of what was played is to count, 0 to 1: what the control `motifs` says.

    The colder notes are drawn, the more comes back by itself, so that below the default temperature less is wanted;
    else a line would soon be one riff.
    """
    warmth = min(1.0, settings.temperature / float(TEMPERATURE.default))
    return settings.motifs * warmth**4


def counted_motifs(session: Session) -> float:
    """Return how much of what was played counts for the choices of the step after a session, 0 to 1.

    It is as much as is wanted. While no note has begun for a bar nothing is counted; else a long note or rest would
    last for ever. While the line repeats itself more than people's do less is counted, or nothing: else it would soon
    do nothing else. And nothing is counted in a duet, in which improv listens. The latter two are so since version 3 of
    `SOLOIST_RULES`.
    """
    recent = session.network.recent_inputs
    if not any(each.frame.melody.onsets for each in recent[-session.grid.steps_per_bar :]):
        return 0.0
    wanted = wanted_motifs(session.settings)
    if not wanted or session.settings.soloist_rules < 3:
        return wanted
    return 0.0 if hears_apart(session) else wanted * _room_for_motifs(recent)


def _room_for_motifs(recent: Sequence[StepInput]) -> float:
    """Return what share of the wanted motifs counts, 0 to 1, after what has sounded lately."""
    pitches: list[int] = []
    for each in reversed(recent):
        pitches += reversed(top_line(each.frame.melody))
        if len(pitches) >= _LATEST_NOTES:
            break
    if len(pitches) < _LATEST_NOTES // 2:
        return 1.0
    pairs = list(pairwise(pitches[:_LATEST_NOTES]))
    most, least = _VARIED
    return min(1.0, max(0.0, (len(set(pairs)) / len(pairs) - least) / (most - least)))


def drawing_temperature(session: Session, encoding: Encoding, *, answers: bool) -> float:
    """Return the temperature at which the notes of a session's step are drawn; `answers` where it answers a call.

    Below 1 it is that of the control, but the more of what was played is to count, the nearer to 1: at 1 of `motifs`
    notes are drawn as the network was trained, at the defaults nearly so (0.98). Answers and duets, for which
    nothing of that counts, are drawn at the control's.
    """
    settings = session.settings
    listens = answers or hears_apart(session)
    if listens or settings.soloist_rules < 3 or MOTIFS.name in encoding.unsupported_controls:
        return settings.temperature
    return settings.temperature + sqrt(wanted_motifs(settings)) * max(0.0, 1.0 - settings.temperature)
