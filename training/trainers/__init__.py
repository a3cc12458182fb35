"""Learning: each network by one command."""
