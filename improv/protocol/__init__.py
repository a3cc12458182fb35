"""What can be asked for and what is told: controls, commands, the snapshot, and their JSON. Pure."""
