"""Tests of musical values."""
