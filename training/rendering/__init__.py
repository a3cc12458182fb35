"""Models played and their music drawn and heard."""
