"""What the operating system offers, made safe: files, programs, memory, services."""
