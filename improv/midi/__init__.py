"""The hands of improv: the player that keeps deadlines, MIDI ports, and Standard MIDI Files."""
