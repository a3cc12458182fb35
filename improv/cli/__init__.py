"""The commands that have a room of their own; each is a typer app that `improv.__main__` hangs up."""
