"""What is told of a machine and of a jam on it: doctor, soak and bench."""
