"""The live system: the daemon and the processes it looks after."""
