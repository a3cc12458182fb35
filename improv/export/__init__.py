"""A finished performance as files: MIDI, sound and pictures, each by the ending of the file's name."""
