"""Tests of OSC."""
