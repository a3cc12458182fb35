"""A jam partner: it hears a MIDI keyboard over a 12-bar blues and answers in time."""

__version__ = "0.1.0"
