"""Tests of the processes of a jam."""
