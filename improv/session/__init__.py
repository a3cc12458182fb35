"""The core: one step of a performance after the other, as values. Pure."""
