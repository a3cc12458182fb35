"""The jam on one screen: whose turn it is, the music, the controls, the network and the meters.

It puts the views together and hands each snapshot to all of them; what keys do is not decided here.
"""

from collections.abc import Callable

from textual.app import ComposeResult
from textual.screen import Screen

from improv.protocol.snapshot import Snapshot
from improv.tui.input.key_bindings import KeyContext
from improv.tui.screens.too_small import TooSmall
from improv.tui.theme.glyphs import Glyphs
from improv.tui.views.base import View
from improv.tui.views.cached_strip import PlainContainer
from improv.tui.views.controls import Controls
from improv.tui.views.footer import Banner, Footer
from improv.tui.views.keyboard import Keyboard
from improv.tui.views.lead_sheet import LeadSheet
from improv.tui.views.meters import Meters
from improv.tui.views.network import NetworkChart
from improv.tui.views.piano_roll import PianoRoll
from improv.tui.views.status import StatusLine
from improv.tui.views.turn_banner import TurnBanner


class JamScreen(Screen[None]):
    """The screen of the jam."""

    key_context = KeyContext.JAM

    def __init__(self, glyphs: Glyphs, clock: Callable[[], float]) -> None:
        super().__init__()
        self.turn = TurnBanner(glyphs)
        self.banner = Banner()
        self.music = (LeadSheet(glyphs), PianoRoll(glyphs))
        self.keyboard = Keyboard(glyphs)
        self.controls = Controls(glyphs)
        self.insides = (NetworkChart(glyphs), Meters(glyphs))
        self.status = StatusLine(glyphs, clock)
        self.footer = Footer(glyphs)

    def compose(self) -> ComposeResult:
        """Compose the music on the left, the controls on the right."""
        yield self.turn
        yield self.banner
        with PlainContainer(id="body"):
            yield PlainContainer(*self.music, self.keyboard, id="music")
            yield PlainContainer(self.controls, *self.insides, id="turned")
        yield self.status
        yield self.footer
        yield TooSmall()

    @property
    def views(self) -> tuple[View, ...]:
        """All views that show snapshots."""
        return (self.turn, *self.music, self.keyboard, *self.insides, self.status)

    def take(self, seen: Snapshot) -> None:
        """Take in the newest snapshot; the controls are drawn at once."""
        for view in self.views:
            view.take(seen)
        self.controls.show(seen)

    def take_last(self, seen: Snapshot) -> None:
        """Take in the last snapshot of a daemon that has gone; the controls keep their values."""
        for view in self.views:
            view.take(seen)

    def redraw(self) -> None:
        """Draw the newest snapshot."""
        for view in self.views:
            view.redraw()
