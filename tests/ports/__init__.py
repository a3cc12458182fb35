"""Tests of real MIDI ports."""
