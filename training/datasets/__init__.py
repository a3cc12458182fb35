"""From corpora to what networks learn from."""
