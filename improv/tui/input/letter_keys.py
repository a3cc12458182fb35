"""The letters of the computer keyboard: a piano, or commands; and the drawn piano under the mouse.

Where the terminal reports releases a note is as long as its key is held; elsewhere its end is guessed.
"""

from collections.abc import Mapping

from textual.events import Key

from improv.music.theory import pitch_name
from improv.tui.input.key_bindings import Layout, Letters, PianoKey
from improv.tui.input.keystrokes import Keystroke
from improv.tui.input.note_timers import NoteTimers

_MOUSE = "mouse"
"""What holds a key of the drawn piano."""


class LetterKeys:
    """What the letters are at the moment, and the notes that they hold."""

    def __init__(self, notes: NoteTimers, layout: Layout) -> None:
        self.notes = notes
        self._layout = layout
        self.letters = Letters.PIANO  # what is struck too early does nothing; a command might leave, or end the jam
        self.is_chosen = False
        """Whether the player has chosen what letters are."""
        self.reports_releases = False
        """Whether the terminal reports when keys come up."""

    # --- piano or commands ---

    def suggest(self, *, has_keyboard: bool) -> None:
        """Use letters as commands if a MIDI keyboard is connected, else as a piano, unless the user has chosen."""
        if not self.is_chosen:
            self.letters = Letters.COMMANDS if has_keyboard else Letters.PIANO

    def toggle(self) -> None:
        """Switch letters between piano and commands, and end every note."""
        self.notes.lift_all()
        self.is_chosen = True
        self.letters = self.letters.other

    def label(self, *, is_known: bool) -> str:
        """Return the use of the letters for the footer; dots until it is known."""
        if not (is_known or self.is_chosen):
            return "..."
        if self.letters is Letters.COMMANDS:
            return self.letters.upper()
        piano = self.notes.piano
        return f"{self.letters.upper()} {pitch_name(piano.lowest)} v{piano.velocity}"

    @property
    def labels(self) -> Mapping[int, str]:
        """The letter to print on each pitch; none where letters are commands."""
        return self.notes.piano.labels(self._layout) if self.letters is Letters.PIANO else {}

    # --- notes ---

    def strike(self, struck: PianoKey, event: Key) -> None:
        """Play a piano key, for as long as it is held where the terminal reports releases."""
        if not (self.reports_releases and isinstance(event, Keystroke)):
            self.notes.strike(struck)
        elif not event.is_repeat:
            self.notes.hold(struck, event.code)

    def press_with_mouse(self, pitch: int) -> None:
        """Play a key of the drawn piano until the mouse button is released."""
        self.notes.hold_pitch(pitch, _MOUSE)

    def lift_mouse(self) -> None:
        """End the note that the mouse holds."""
        self.notes.lift(_MOUSE)

    def shift_octave(self, by: int) -> None:
        """Move the piano up by octaves; sounding notes go on."""
        self.notes.piano = self.notes.piano.transposed(by)

    def change_velocity(self, by: int) -> None:
        """Raise the piano's velocity by notches."""
        self.notes.piano = self.notes.piano.louder(by)
