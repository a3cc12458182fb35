"""Tests of doctor, soak and bench."""
