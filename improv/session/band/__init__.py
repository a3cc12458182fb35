"""The parts that improv plays, from what was chosen to events."""
