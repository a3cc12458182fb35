"""What the keys do: the actions of the key table, by its groups."""
