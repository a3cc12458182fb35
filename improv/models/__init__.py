"""Networks as files: what they declare, how they are read, checked, run and sampled."""
