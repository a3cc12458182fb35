"""The synth as the player sees it, at the other end of a link that is never waited for."""

from collections.abc import Sequence

from improv.ipc.link import Link
from improv.midi.sound import ChannelStates
from improv.runtime.ipc_messages import CutSound, Sound

UNREAD_BYTES = 1 << 14
"""How much a synth may leave unread: some hundred notes; what comes then is lost to it."""


class SynthLink:
    """The link to the synth of the moment: what is to be heard goes to it, or nowhere while there is none.

    What it does not take at once is lost, as MIDI must not wait. See `SoundSink`.
    """

    def __init__(self) -> None:
        self.delay_s = 0.0
        """How much later than it is due everything is heard, in seconds: as the daemon says."""
        self._link: Link | None = None
        self._states = ChannelStates()

    def switch_to(self, link: Link) -> None:
        """Sound through another synth from now on, which is told what the one before was set to."""
        if self._link is not None:
            self._link.close()
        self._link = link
        if self._states.messages:
            link.send(Sound(self._states.messages))

    def sound(self, messages: Sequence[bytes], due_s: float | None) -> None:
        """See `SoundSink`."""
        self._states.enter(messages)
        self._send(Sound(tuple(messages), due_s))

    def cut(self) -> None:
        """See `SoundSink`."""
        self._send(CutSound())

    def _send(self, message: object) -> None:
        if self._link is not None:
            self._link.send(message)
            if self._link.closed:
                self._link.close()
                self._link = None
