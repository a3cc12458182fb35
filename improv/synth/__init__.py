"""The built-in sound: engines that turn MIDI messages into samples, and the device that plays them."""
