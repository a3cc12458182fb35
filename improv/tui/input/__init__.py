"""What comes in through keyboard and mouse."""
