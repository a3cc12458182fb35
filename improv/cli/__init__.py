"""The commands that have a room of their own; `commands` has the rest, and hangs them up."""
