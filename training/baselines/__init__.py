"""Simple models to beat."""
