"""The interfaces through which others turn the controls: the socket, OSC, MIDI controllers, the keys of a terminal."""
