"""Figures of melodies."""
