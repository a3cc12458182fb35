"""Tests of networks and their files."""
