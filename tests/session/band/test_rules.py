"""The fingerprint of the band's rules is that of what they play, so that a take can tell others from its own."""

import hashlib
from collections.abc import Sequence

from improv.music.styles import Style
from improv.protocol.json_codec import json_text, to_json
from improv.session.band.learned import NO_NETWORKS, Networks
from improv.session.band.rules import BAND_RULES
from tests.session.band.networks import both
from tests.session.band.test_learned import begun, played

PLAYED: Sequence[tuple[float, Networks]] = ((0.0, NO_NETWORKS), (0.8, NO_NETWORKS), (0.8, both()))
"""How lively, and with which networks."""


def played_by_rules() -> str:
    """Return a fingerprint of what the band plays: every style, plain to lively, by rule and with made-up networks."""
    found = hashlib.sha256()
    for style in Style:
        for lively, networks in PLAYED:
            _, events = played(begun(style, band=lively, dynamics=0.0, feel=0.0), networks, 64)
            placed = [(round(each.tick, 3), *to_json(each.event)) for now in events for each in now]
            found.update(json_text(placed).encode())
    return found.hexdigest()[:12]


def test_the_fingerprint_of_the_rules_is_that_of_what_they_play() -> None:
    assert played_by_rules() == BAND_RULES, (
        f'the band plays otherwise than it did: set BAND_RULES to "{played_by_rules()}", so that takes made by its '
        "earlier rules are played as they were recorded"
    )
