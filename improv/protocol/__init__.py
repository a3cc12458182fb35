"""Controls, commands, what was heard, and the snapshot, as values and as JSON. Pure."""
