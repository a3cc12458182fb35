"""Tests of links between processes."""
