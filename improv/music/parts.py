"""Who plays: the player and the parts of improv."""

from enum import StrEnum


class Part(StrEnum):
    """Who a note belongs to; each part has its own channel."""

    YOU = "you"
    MELODY = "melody"
    CHORDS = "chords"
    DRUMS = "drums"
