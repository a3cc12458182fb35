"""What arrives is passed on at once, byte for byte, and ended where its sender is gone.

It must never change a message. Where improv plays on the same output, it keeps off the channels of an MPE keyboard.
"""

from collections.abc import Callable

from improv.midi.controller_filter import ControllerFilter
from improv.midi.mpe_zones import Zones
from improv.midi.note_ledger import Ledger, Mark
from improv.midi.sources import Sink


class Passthrough:
    """The way from the keyboard to a sink, and the ledger of what was begun on it.

    `output` is where improv plays, `to` where messages are passed on to (None: nowhere), unless it is turned off.
    `heard_on` is called with each of them too: where improv sounds by itself.
    """

    def __init__(
        self,
        output: Sink,
        to: Sink | None,
        mark: Mark | None = None,
        *,
        on: bool = True,
        heard_on: Callable[[bytes], None] = lambda _message: None,
    ) -> None:
        self.ledger = Ledger(mark)
        """What was begun by messages that were passed on."""
        self.sink = to if on else None
        """Where messages are passed on to now; None if they are not."""
        self._to = to
        self._output = output
        self._heard_on = heard_on
        self._zones = Zones()

    def turn(self, *, on: bool) -> None:
        """Turn MIDI thru on or off; turning it off ends the notes that were passed on."""
        if not on:
            self.release()
        self.sink = self._to if on else None

    def move_to(self, to: Sink | None) -> None:
        """Pass messages on to another sink from now on; None if there is none."""
        self.sink = to if self.sink is not None else None
        self._to = to

    def claims_channels(self, message: bytes) -> bool:
        """Take in a message to be passed on; return whether it gives channels of our output to an MPE zone."""
        return self._zones.enter(message) and self.sink is self._output

    def send(self, message: bytes) -> None:
        """Pass a message on, if MIDI thru is on."""
        if self.sink is not None:
            self.ledger.enter(message)
            self.sink.send(message)
            self._heard_on(message)

    def move_off_zones(self, message: bytes) -> bytes | None:
        """Return a message of ours on a channel outside all MPE zones; None if there is no such channel."""
        if self.sink is not self._output:
            return message
        channel = self._zones.free(message[0] & 0x0F)
        return None if channel is None else bytes((message[0] & 0xF0 | channel, *message[1:]))

    def release(self) -> None:
        """End all notes that were passed on and have not ended."""
        if self.sink is not None:
            for message in self.ledger.ends():
                self.sink.send(message)
                self._heard_on(message)
        self.ledger.clear()

    def release_filtered(self, wanted: ControllerFilter) -> None:
        """Lift pedals that are down and whose messages the daemon takes from now on."""
        for message in self.ledger.ends():
            if wanted.takes(message):
                self.send(message)
