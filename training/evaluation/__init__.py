"""Models judged beside people."""
