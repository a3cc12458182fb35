"""The jam on one screen: whose turn it is, the music, what turns it, and what goes on inside.

It puts the views together and hands each snapshot to all of them; it must never know what is done with a key.
"""

from collections.abc import Callable

from textual.app import ComposeResult
from textual.screen import Screen

from improv.protocol.snapshot import Snapshot
from improv.tui.input.key_bindings import Where
from improv.tui.screens.too_small import TooSmall
from improv.tui.theme.glyphs import Glyphs
from improv.tui.views.base import View
from improv.tui.views.cached_strip import Frame
from improv.tui.views.controls import Controls
from improv.tui.views.footer import Banner, Footer
from improv.tui.views.keyboard import Keyboard
from improv.tui.views.lead_sheet import FormGrid
from improv.tui.views.meters import Meters
from improv.tui.views.network import Mind
from improv.tui.views.piano_roll import Roll
from improv.tui.views.status import StatusLine
from improv.tui.views.turn_banner import TurnBand


class JamScreen(Screen[None]):
    """The jam, all of it."""

    where = Where.JAM

    def __init__(self, glyphs: Glyphs, clock: Callable[[], float]) -> None:
        super().__init__()
        self.turn = TurnBand(glyphs)
        self.banner = Banner()
        self.music = (FormGrid(glyphs), Roll(glyphs))
        self.keyboard = Keyboard(glyphs)
        self.controls = Controls(glyphs)
        self.insides = (Mind(glyphs), Meters(glyphs))
        self.status = StatusLine(glyphs, clock)
        self.footer = Footer(glyphs)

    def compose(self) -> ComposeResult:
        """The music on the left, what turns it on the right."""
        yield self.turn
        yield self.banner
        with Frame(id="body"):
            yield Frame(*self.music, self.keyboard, id="music")
            yield Frame(self.controls, *self.insides, id="turned")
        yield self.status
        yield self.footer
        yield TooSmall()

    @property
    def views(self) -> tuple[View, ...]:
        """The pictures of what plays."""
        return (self.turn, *self.music, self.keyboard, *self.insides, self.status)

    def take(self, seen: Snapshot) -> None:
        """Take the newest snapshot in; what it says of the controls shows at once."""
        for view in self.views:
            view.take(seen)
        self.controls.show(seen)

    def leave(self, seen: Snapshot) -> None:
        """Take in what a daemon that has gone has left; the controls stand as they stood."""
        for view in self.views:
            view.take(seen)

    def redraw(self) -> None:
        """Draw what has been taken in."""
        for view in self.views:
            view.redraw()
