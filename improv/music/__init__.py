"""Musical values and their theory: the ground everything stands on. Pure."""
