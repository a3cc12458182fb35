"""Tests of files and programs."""
