"""The terminal interface: it puts screens, actions and the connection together, and gives each key its meaning.

It draws what the connection has seen and asks it for what is wanted. Leaving it, crashing it or resizing it changes
nothing but the screen: it never makes the music wait.
"""

from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any, ClassVar

from textual.app import SystemCommand
from textual.events import Event, Key
from textual.filter import LineFilter
from textual.message import Message
from textual.screen import Screen

from improv.errors import ImprovError
from improv.protocol.commands import Set
from improv.protocol.controls import CONTROLS
from improv.protocol.snapshot import Snapshot
from improv.tui.actions.controls import ControlActions
from improv.tui.actions.leave import LeaveActions
from improv.tui.actions.play import PlayActions
from improv.tui.actions.presets import PresetActions
from improv.tui.actions.registry import ActionGroups, Actions
from improv.tui.actions.screens import ScreenActions
from improv.tui.actions.takes import TakeActions
from improv.tui.client import Link, NotStarted
from improv.tui.connection import Connection, Inbox
from improv.tui.control_characters import ControlCharacterFilter
from improv.tui.input.key_bindings import BY_ACTION, BoundAction, PianoKey, interpret
from improv.tui.input.keystrokes import KeyboardFlags, KeyReleased
from improv.tui.input.letter_keys import LetterKeys
from improv.tui.input.note_timers import NoteTimers
from improv.tui.notices import Notices
from improv.tui.options import ScreenOptions
from improv.tui.orderly_app import OrderlyApp
from improv.tui.palette import PaletteProvider
from improv.tui.presenter import Presenter
from improv.tui.redraw import Redraw
from improv.tui.redraw_budget import DrawingBudget
from improv.tui.screens.jam import JamScreen
from improv.tui.screens.lists import ListScreen, PresetsScreen
from improv.tui.screens.navigation import Navigation
from improv.tui.theme.contrast import legible_variables
from improv.tui.theme.themes import Themes
from improv.tui.views.base import ROLE_CLASSES, ROLE_CSS
from improv.tui.views.controls import Controls
from improv.tui.views.footer import Footer
from improv.tui.views.keyboard import Keyboard
from improv.tui.views.meters import HEIGHTS

_FILTER = ControlCharacterFilter()


class ImprovApp(OrderlyApp[ImprovError | bool], inherit_bindings=False):
    """The interface; its result is what kept the daemon from starting, or whether the jam is to end too."""

    CSS_PATH = "improv.tcss"
    DEFAULT_CSS = ROLE_CSS
    COMPONENT_CLASSES = ROLE_CLASSES
    TITLE = "improv"
    COMMANDS: ClassVar = {PaletteProvider}
    ENABLE_COMMAND_PALETTE = False  # Textual's, whose key reaches where text is typed; the key table has ours
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (60, "-medium"), (100, "-wide"), (140, "-huge")]  # noqa: RUF012
    VERTICAL_BREAKPOINTS = [(0, "-short"), (20, "-low"), (30, "-tall"), (44, "-high")]  # noqa: RUF012

    class NewsArrived(Message):
        """The link has brought news."""

    def __init__(self, link: Link, options: ScreenOptions) -> None:
        super().__init__()
        self.animation_level = "none"
        self.options = options
        self.jam = JamScreen(options.glyphs, options.clock)
        self.themes = Themes(self, options.presets.with_name("theme"))
        self.navigation = Navigation(self)
        self.notices = Notices(self.notify)
        self.connection = Connection(link, options, self.notices)
        self._inbox = Inbox(lambda: self.post_message(self.NewsArrived()))
        self.letter_keys = LetterKeys(NoteTimers(self.connection.submit, self.set_timer, options.clock), options.layout)
        self.presenter = Presenter(self.jam, self.connection, self.letter_keys, self.notices, lambda: self.screen_stack)
        self._redraw = Redraw(self.presenter.draw, DrawingBudget(options.drawing_share), self.set_timer)
        self.actions = Actions(self._action_groups(), self.presenter.show_state)

    def _action_groups(self) -> ActionGroups:
        """Return the objects that do what keys ask for."""
        options, notices, connection, keys = self.options, self.notices, self.connection, self.letter_keys
        shared = (connection, self.navigation, notices, options)
        in_background = partial(self.run_worker, exclusive=True, group="export")
        return ActionGroups(
            play=PlayActions(connection, keys.notes, notices),
            controls=ControlActions(self.jam.controls, *shared),
            screens=ScreenActions(keys, *shared),
            presets=PresetActions(self.jam.controls, *shared),
            takes=TakeActions(connection, notices, options.run_command, in_background),
            leave=LeaveActions(self.leave, lambda: self._driver, notices, options.clock, lambda: keys.letters),
            letter_keys=keys,
            themes=self.themes,
            connection=connection,
        )

    # --- beginning and ending ---

    def get_line_filters(self) -> Sequence[LineFilter]:
        """Return the filters that Textual applies to every line before it is drawn."""
        return [*super().get_line_filters(), _FILTER]

    def get_default_screen(self) -> Screen[object]:
        """Return the screen of the jam."""
        return self.jam  # type: ignore[return-value]

    def get_css_variables(self) -> dict[str, str]:
        """Return the theme's colours with enough contrast to be read, and the height of the meters."""
        of_theme = super().get_css_variables()
        return of_theme | legible_variables(of_theme) | HEIGHTS

    def get_system_commands(self, screen: Screen[Any]) -> Iterable[SystemCommand]:
        """Return the commands of the palette."""
        return self.actions.palette_commands(self.call_later)

    def on_mount(self) -> None:
        """Draw the screen, then open the connection to the daemon."""
        self.set_class(self.options.glyphs.plain, "-ascii")
        self.themes.apply_first(self.options.theme)
        self.app_suspend_signal.subscribe(self, self._suspended, immediate=True)
        self.theme_changed_signal.subscribe(self, lambda theme: self.themes.keep(theme.name))
        self.actions.groups.presets.read()
        self.call_after_refresh(self._begin)

    def _begin(self) -> None:
        """Open the connection, as soon as there is a screen to show what it brings."""
        self.presenter.show_state()
        self.connection.open(self._inbox.put)

    def leave(self, end_jam: bool = False) -> None:
        """Leave the screen, and end the jam if `end_jam` is True."""
        self.letter_keys.notes.lift_all()
        self.exit(end_jam)

    def remark(self, text: str) -> None:
        """Keep a remark for the log."""
        self.notices.keep(text)

    def _suspended(self, _app: object) -> None:
        """Let every key go, and wait until the daemon knows: a stopped program sends nothing."""
        self.on_app_blur()
        self.connection.flush()

    # --- news ---

    def on_improv_app_news_arrived(self) -> None:
        """Take in the news from the daemon."""
        news, newest = self._inbox.take()
        for each in news:
            self.connection.take(each)
            if isinstance(each, NotStarted) and self.connection.has_failed_to_start(each.error):
                self.exit(each.error)
            self.presenter.show_news(each)
            self._restore_controls()
        if newest is not None and not self.connection.is_gone:
            self._see(newest)

    def _see(self, seen: Snapshot) -> None:
        """Take in a snapshot, and draw it now or as soon as there is time."""
        before = self.connection.seen
        is_joining = self.connection.see(seen)
        self.presenter.take(seen, before, is_joining=is_joining)
        if before is None or is_joining:
            self._redraw.now()
        else:
            self._redraw.after(before, seen)
        self._restore_controls()

    def _restore_controls(self) -> None:
        """Turn the controls of a daemon that was started again to where they stood before."""
        if (before := self.connection.take_preset_to_restore()) is not None:
            self.actions.groups.presets.recall(before)

    def on_side_screen_ready(self) -> None:
        """Draw a screen that has just opened."""
        self.presenter.show_all()

    # --- keys, clicks and picks ---

    async def on_event(self, event: Event) -> None:
        """Perform the action of a key from the key table; other keys go to the widget with the focus."""
        match event:
            case KeyReleased():
                self.letter_keys.notes.lift(event.code)
            case KeyboardFlags():
                self.letter_keys.reports_releases = event.tells_releases
            case Key() if self.screen_stack and not event.is_forwarded and await self._take_key(event):
                pass
            case _:
                await super().on_event(event)

    async def _take_key(self, event: Key) -> bool:
        """Do what a key means; return whether it means anything here."""
        key_context, letters = self.navigation.key_context, self.letter_keys.letters
        character, gone = event.character if event.is_printable else None, self.connection.is_gone
        match interpret(event.key, character, key_context, letters, self.options.layout, gone=gone):
            case BoundAction(row) if not (row.action == "close" and self.navigation.is_palette_open):
                await self.actions.perform(row.action, event.key if row.takes_key else "")
            case PianoKey() as struck:
                if self.connection.is_ready():
                    self.letter_keys.strike(struck, event)
            case _:
                return False
        return True

    def on_app_blur(self) -> None:
        """Release every key: their releases go to another program."""
        self.jam.keyboard.let_go()
        self.letter_keys.notes.lift_all()

    def on_keyboard_pressed(self, event: Keyboard.Pressed) -> None:
        """Play or end the key of the drawn piano under the mouse."""
        if event.pitch is None:
            self.letter_keys.lift_mouse()
        elif self.connection.is_ready():
            self.letter_keys.press_with_mouse(event.pitch)

    async def on_footer_clicked(self, event: Footer.Clicked) -> None:
        """Perform the action that was clicked."""
        if not BY_ACTION[event.action].takes_key:
            await self.actions.perform(event.action)

    def on_controls_wanted(self, event: Controls.Wanted) -> None:
        """Send the daemon a control's new value."""
        if not self.connection.submit(event.command):
            self.jam.controls.take_back(event.command.control)

    def on_controls_edit(self, event: Controls.Edit) -> None:
        """Ask for a control's value, to be typed or picked."""
        self.actions.groups.controls.edit(event.edited)

    def on_list_screen_picked(self, event: ListScreen.Picked) -> None:
        """Send the command of the picked row; a control shows its new value at once."""
        match event.command:
            case Set(name, value):
                self.jam.controls.turn(CONTROLS[name], value)
            case command:
                self.connection.submit(command)

    def on_presets_screen_recall(self, event: PresetsScreen.Recall) -> None:
        """Recall the preset that was picked."""
        self.actions.groups.presets.recall(event.preset)

    def on_presets_screen_save(self) -> None:
        """Ask for a name, and store all control values as a preset."""
        self.actions.groups.presets.save()
