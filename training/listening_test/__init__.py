"""A blind listening test and its ratings."""
