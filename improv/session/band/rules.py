"""Which rules the band plays by: a take says which, for under others it cannot be decided again note for note."""

BAND_RULES = "c390b75e3185"
"""A fingerprint of what the band plays in its styles under the same line, with and without networks of its own.

`tests/session/band/test_rules.py` computes it, and says the new one where the band has come to play otherwise.
"""
