"""Tests of MIDI."""
