"""How much is going on in the band: an arc over the choruses, and what it hears."""

from improv.music.theory import Form

_ARC = (0.05, 0.4, 0.6, 0.8, 0.5, 0.7, 1.0, 0.35)
"""The energy at the top of each of eight choruses, after which it begins anew: built up twice, and let down."""

_PLAIN = 0.4
"""The energy of a band that only keeps time."""

_LOUD, _LINES = 0.35, 0.1
"""How much a player as loud as can be adds, and lines as busy as can be."""


def arc(place: int, form: Form) -> float:
    """Return the energy at a place of a performance, 0 to 1: from the top of one chorus to that of the next."""
    chorus, inside = divmod(place, form.steps)
    begins, ends = _ARC[chorus % len(_ARC)], _ARC[(chorus + 1) % len(_ARC)]
    return begins + (ends - begins) * inside / form.steps


_STAYS = 0.06
"""How far the energy must be past the edge of a level before a player leaves it within a phrase."""


def level(energy_now: float, levels: int, before: int | None, *, anew: bool) -> int:
    """Return which of so many levels an energy is, from 0. It is found anew where a phrase begins.

    Elsewhere the level `before` is left only where the energy is well past its edge: a player does not change their
    way of playing for a trifle.
    """
    found = min(levels - 1, max(0, int(energy_now * levels)))
    if anew or before is None or found == before:
        return found
    edge = (before + (found > before)) / levels
    return found if abs(energy_now - edge) > _STAYS else before


def energy(arc_now: float, loudness: float, busy: float, lively: float) -> float:
    """Return the band's energy, 0 to 1: a plain band (`lively` 0) always has the same."""
    moved = _PLAIN + lively * (arc_now - _PLAIN) * 1.4
    return min(1.0, max(0.0, moved + lively * (_LOUD * loudness + _LINES * busy)))
