"""What the doctor looks at: a function for each check, which returns what it finds."""
