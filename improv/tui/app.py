"""The terminal interface: the jam on one screen, and everything that can be done to it a key or a click away.

It renders what the link tells and asks the link for what is wanted. It must never make the music wait or
end by mistake: quitting it, crashing it or resizing it changes nothing but the screen.
"""

import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar

from textual.app import SystemCommand
from textual.command import CommandPalette
from textual.events import Event, Key
from textual.filter import LineFilter
from textual.message import Message
from textual.screen import Screen
from textual.timer import Timer

from improv.config.presets import Preset, Shelf, preset_of
from improv.errors import AlreadyRunning, ImprovError
from improv.models.catalog import model_paths
from improv.music.theory import STEPS_PER_BEAT, pitch_name
from improv.protocol.commands import TARGETS, Command, Forget, HandOver, Learn, Panic, Restart, Set, Start, Stop, Tap
from improv.protocol.controls import BARS, CONTROLS, MODE, MODEL, Control, number
from improv.protocol.snapshot import Snapshot, SystemStatus
from improv.system.fluidsynth import advice
from improv.tui.client import Gone, Joined, Link, News, NotStarted, Said, Seen, Started, run_improv
from improv.tui.harmless import Harmless
from improv.tui.input.computer_piano import Piano
from improv.tui.input.key_bindings import BY_ACTION, LAYOUTS, TABLE, Asked, Layout, Letters, Struck, Where, meaning
from improv.tui.input.keystrokes import KeyboardFlags, KeyReleased, Keystroke
from improv.tui.input.note_timers import Fingers
from improv.tui.redraw_budget import SHARE, Budget
from improv.tui.screens.base import Aside, Entry, Everything, HelpScreen, LogScreen, StillPalette
from improv.tui.screens.jam import JamScreen
from improv.tui.screens.lists import (
    VIRTUAL,
    Advises,
    ChoicesScreen,
    ListScreen,
    ModelsScreen,
    PortsScreen,
    PresetsScreen,
    Runs,
)
from improv.tui.sturdy import Sturdy
from improv.tui.theme.contrast import variables
from improv.tui.theme.glyphs import UNICODE, Glyphs
from improv.tui.views.base import ROLE_CLASSES, ROLE_CSS, left_by
from improv.tui.views.controls import Controls
from improv.tui.views.footer import Footer
from improv.tui.views.hearing import hearing, saved
from improv.tui.views.keyboard import Keyboard
from improv.tui.views.now import now

DARK, LIGHT = "textual-dark", "textual-light"

GONE = "improv has stopped; waiting for it (s starts it again, ctrl+q leaves)"
_HANGS = "waiting for it (improv daemon restart begins again, ctrl+q leaves)"
_STARTING, _JOINING = "starting...", "joining..."
_MOUSE = "mouse"
"""What holds a key that is clicked on."""

_NOTED = 200
"""How many remarks are kept for the log."""

_FAR = 10
"""How many nudges go with shift."""

_TWICE_S = 3.0
"""Within so long what ends the jam has to be asked for twice."""

_SAID_S, _WRONG_S = 4.0, 6.0
"""How long a toast is shown: what is wrong takes longer to read."""

_SPARE_S = 0.02
"""The processor time that has to be left for a step off the beat to be drawn: the beats come first."""

_AFTER_S = 0.5
"""How long what was not drawn may stay unseen where nothing follows it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What the interface is begun with."""

    glyphs: Glyphs = UNICODE
    layout: Layout = LAYOUTS["qwerty"]
    theme: str = ""
    """The theme that is wanted; otherwise the one that was used last."""
    log: Path
    presets: Path
    """Where presets are kept; the last theme is kept beside them."""
    starts: bool = False
    """Whether the daemon has to be started first."""
    asks: tuple[Command, ...] = ()
    """What is asked for as soon as it is there."""
    says: tuple[str, ...] = ()
    """What is said as soon as it is there."""
    runs: Runs = field(default=run_improv)
    advises: Advises = lambda api, there: advice(api, there=there)
    """Says how improv is made to sound here."""
    share: float = SHARE
    """The share of one core that may go into drawing what plays."""
    clock: Callable[[], float] = time.monotonic


_HARMLESS = Harmless()


class ImprovApp(Sturdy[ImprovError | bool], inherit_bindings=False):
    """The interface; its result is what kept the daemon from starting, or whether the jam is to end too."""

    CSS_PATH = "improv.tcss"
    DEFAULT_CSS = ROLE_CSS
    COMPONENT_CLASSES = ROLE_CLASSES
    TITLE = "improv"
    COMMANDS: ClassVar = {Everything}
    ENABLE_COMMAND_PALETTE = False  # Textual's, whose key reaches where text is typed; the table has ours
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (60, "-medium"), (100, "-wide"), (140, "-huge")]  # noqa: RUF012
    VERTICAL_BREAKPOINTS = [(0, "-short"), (20, "-low"), (30, "-tall"), (44, "-high")]  # noqa: RUF012

    class Hear(Message):
        """There is news."""

    def __init__(self, link: Link, setting: Setting) -> None:
        super().__init__()
        self.animation_level = "none"
        self._link = link
        self._setting = setting
        self.seen: Snapshot | None = None
        self.letters = Letters.PIANO  # what is struck too early does nothing; a command might leave, or end the jam
        self._letters_chosen = False
        self.noted: deque[str] = deque(maxlen=_NOTED)
        self._news: deque[News] = deque()
        self._newest: deque[Snapshot] = deque(maxlen=1)
        self._woken = False
        self._budget = Budget(setting.share)
        self._undrawn: Timer | None = None
        self._banner = _STARTING if setting.starts else _JOINING
        self._is_gone = setting.starts  # nobody is there to be asked before what has to be started first has joined
        self._hangs = False
        """Whether there is one all the same, which does not answer."""
        self._is_starting = setting.starts
        self._before: Preset | None = None
        """How everything stood when what is being started again had gone."""
        self._tells_releases = False
        """Whether the terminal tells when keys come up."""
        self._is_news = True
        """Whether nothing has been seen yet of the daemon that is there."""
        self._asked_first = False
        self._ends_until_s = -1.0
        self._refused_until_s = -1.0
        self._fingers = Fingers(self.ask, self.set_timer, setting.clock)
        self._jam = JamScreen(setting.glyphs, setting.clock)
        self._shelf = Shelf(setting.presets)

    # --- beginning ---

    def get_line_filters(self) -> Sequence[LineFilter]:
        """What every line goes through before it is drawn."""
        return [*super().get_line_filters(), _HARMLESS]

    def get_default_screen(self) -> Screen[object]:
        """The jam."""
        return self._jam  # type: ignore[return-value]

    def on_mount(self) -> None:
        """Show what is known, and listen for more."""
        self.set_class(self._setting.glyphs.plain, "-ascii")
        self.theme = self._first_theme()
        self.app_suspend_signal.subscribe(self, self._suspended, immediate=True)
        self.theme_changed_signal.subscribe(self, lambda theme: self._keep_theme(theme.name))
        self._read_presets()
        self.call_after_refresh(self._begin)

    def _begin(self) -> None:
        """Listen, as soon as there is a screen to show what is heard."""
        self._dress()
        self._link.begin(self._hear)
        if self._setting.starts:
            self._start()

    def _start(self) -> None:
        self._is_starting = True
        self._link.start()

    # --- ending ---

    def leave(self) -> None:
        """Leave; the jam plays on."""
        self._fingers.let_go()
        self.exit(False)

    def remark(self, text: str) -> None:
        """Note what has happened, for the log."""
        self.noted.append(text)

    # --- news ---

    def _hear(self, news: News) -> None:
        """Called from any thread: of snapshots only the newest is kept, and nothing is told twice."""
        if isinstance(news, Seen):
            self._newest.append(news.snapshot)
        else:
            self._news.append(news)
        if not self._woken:
            self._woken = True
            self.post_message(self.Hear())

    def on_improv_app_hear(self) -> None:
        """Take the news in; what comes meanwhile is left for the next time, which is asked for from here on."""
        self._woken = False
        newest = self._newest.pop() if self._newest else None  # before the rest: who has told it, joined before
        while self._news:
            self._take(self._news.popleft())
        if newest is not None and not self._is_gone:
            self._see(newest)

    def _take(self, news: News) -> None:
        match news:
            case Joined():
                self._is_gone = False
                self._banner = _STARTING if self._is_starting else _JOINING  # until something is seen
                self._ask_first()
            case Gone(why, hangs):
                self._hangs = hangs
                self._go_without(f"{why}; " if why else "", _HANGS if hangs else GONE)
            case Said(command, text, wrong):
                if wrong and isinstance(command, Set):
                    self._jam.controls.refused(command.control)
                self._toast(text or "silenced", wrong=wrong)
            case Started():
                self._is_starting = False
                self._turn_back()
            case NotStarted(error):
                self._not_started(error)
            case Seen():
                pass
        self._dress()

    def _go_without(self, why: str, what_next: str) -> None:
        """There is no daemon any more, or none yet."""
        self._is_gone = self._is_news = True
        self._fingers.forget()
        self._jam.controls.all_refused()
        if self._shown is not None:
            self._jam.leave(self._shown)
            self._draw()
        is_first = self.seen is None and not why and self._setting.starts
        self._banner = _STARTING if is_first else why + what_next

    def _not_started(self, error: ImprovError) -> None:
        """What was to be started has ended: because another plays, which will be joined, or it says why."""
        self._is_starting, self._before = False, None
        if isinstance(error, AlreadyRunning):
            return
        if self.seen is None:
            self.exit(error)
            return
        if self._is_gone:
            self._banner = GONE
        self._toast(str(error), wrong=True)

    def _turn_back(self) -> None:
        """Have the daemon that was started again stand as the one before it did."""
        if self._before is None or self._is_starting or self._is_gone or self._is_news:
            return
        before, self._before = self._before, None
        self._recall(before)

    def _ask_first(self) -> None:
        if not self._asked_first:
            self._asked_first = True
            for command in self._setting.asks:
                self._link.ask(command)
            for text in self._setting.says:
                self._toast(text)

    def _see(self, seen: Snapshot) -> None:
        before, self.seen, is_news = self.seen, seen, self._is_news
        if before is None and not self._letters_chosen:
            has_keys = seen.system.midi.input and not seen.system.midi.input.startswith(VIRTUAL)
            self.letters = Letters.COMMANDS if has_keys else Letters.PIANO
        if is_news:
            self._is_news, self._banner = False, ""
        if is_news or before is None or seen.system.learning != before.system.learning:
            self._dress()
        if seen.health.fault and seen.health.fault != (before and before.health.fault):
            self.noted.append(seen.health.fault)
        if seen.system.remark and seen.system.remark != (before and before.system.remark):
            self._remark(seen.system.remark, is_new=before is not None and not is_news)
        self._tell_what_is_kept(seen.system, SystemStatus() if before is None or is_news else before.system)
        self._jam.take(seen)
        if before is None or is_news or self._is_worth_drawing(before, seen):
            self._draw()
        elif self._undrawn is None:
            self._undrawn = self.set_timer(max(_AFTER_S, self._budget.wait_s()), self._draw)
        self._turn_back()

    def _remark(self, text: str, *, is_new: bool) -> None:
        """Say what has happened, if that is not what was answered to somebody here; what had before is only noted."""
        if is_new and text not in list(self.noted)[-2:]:
            self._toast(text)
        else:
            self.noted.append(text)

    def _tell_what_is_kept(self, system: SystemStatus, before: SystemStatus) -> None:
        """Say at once that the recording is not whole, and where nothing sounds which file the jam is saved to."""
        if system.recording.fault and system.recording.fault != before.recording.fault:
            self._toast(f"not recorded: {system.recording.fault}", wrong=True)
        kept = saved(system, full=True)[:1] if hearing(system).heard is False else ()
        if kept and (system.recording.saves_to or system.recording.take) != (
            before.recording.saves_to or before.recording.take
        ):
            self._toast(kept[0])

    def _is_worth_drawing(self, before: Snapshot, seen: Snapshot) -> bool:
        """Whether there is time for it, or it shows what somebody has turned, or what has become of ports and take."""
        if (seen.playing, seen.settings) != (before.playing, before.settings):
            return True
        if _standing(seen.system) != _standing(before.system):
            return True
        is_new_beat = seen.step % STEPS_PER_BEAT == 0 or seen.step == before.step
        return self._budget.left_s() > (0 if is_new_beat else _SPARE_S)

    def _draw(self) -> None:
        """Show what was seen last."""
        if self._undrawn is not None:
            self._undrawn.stop()
            self._undrawn = None
        self._jam.redraw()
        if self._shown is not None and isinstance(self.screen, Aside):
            self.screen.show(self._shown)

    @property
    def _shown(self) -> Snapshot | None:
        """What the screen shows: what was seen last, or what is left of it."""
        return self.seen if self.seen is None or not self._is_gone else left_by(self.seen)

    # --- what the screen says ---

    def _dress(self) -> None:
        """Have the footer, the banner and the keyboard of the screen say how things are."""
        piano, mode = self._fingers.piano, self.letters.upper()
        if self.seen is None and not self._letters_chosen:
            mode = "..."
        elif self.letters is Letters.PIANO:
            mode += f" {pitch_name(piano.lowest)} v{piano.velocity}"
        labels = piano.labels(self._setting.layout) if self.letters is Letters.PIANO else {}
        self._jam.keyboard.show_labels(labels)
        calm = self._banner in ("", _STARTING, _JOINING)
        for screen in self.screen_stack:  # what lies below is seen through, or seen again
            if isinstance(screen, JamScreen | Aside) and screen.is_mounted:  # one that comes is dressed then
                learns = now(self.seen)[0] if self.seen and self._system.learning and isinstance(screen, Aside) else ""
                screen.footer.show(where_on(screen), self.letters, mode)
                screen.banner.say(self._banner or learns, calm=calm)
            if isinstance(screen, HelpScreen):
                screen.are(self.letters)

    def on_aside_ready(self) -> None:
        """Tell a screen that comes up how things are."""
        self._dress()
        if self._shown is not None and isinstance(self.screen, Aside):
            self.screen.show(self._shown)

    def _toast(self, text: str, *, wrong: bool = False) -> None:
        self.noted.append(text)
        self.notify(
            text, severity="error" if wrong else "information", timeout=_WRONG_S if wrong else _SAID_S, markup=False
        )

    # --- keys and clicks ---

    @property
    def _where(self) -> Where:
        return where_on(self.screen)

    async def on_event(self, event: Event) -> None:
        """Give a key the meaning the table has for it; what it has none for goes to whatever has the focus."""
        if isinstance(event, KeyReleased):
            self._fingers.lift(event.code)
            return
        if isinstance(event, Key) and not event.is_forwarded and self._screen_is_there():
            character = event.character if event.is_printable else None
            key = event.key
            match meaning(key, character, self._where, self.letters, self._setting.layout, gone=self._is_gone):
                case Asked(row) if not (row.action == "close" and isinstance(self.screen, CommandPalette)):
                    await self._do(row.action, key if row.takes_key else None)
                    return
                case Struck() as struck:
                    if self._is_gone:
                        self._refuse()
                    elif not self._is_news:
                        self._strike(struck, event)
                    return
        await super().on_event(event)

    def _strike(self, struck: Struck, event: Key) -> None:
        """Press a key of the piano for as long as it is held, where the terminal tells that; else that is guessed."""
        if not (self._tells_releases and isinstance(event, Keystroke)):
            self._fingers.strike(struck)
        elif not event.is_repeat:
            self._fingers.hold(struck, event.code)

    def on_keyboard_flags(self, event: KeyboardFlags) -> None:
        """Know whether the terminal tells when keys come up."""
        self._tells_releases = event.tells_releases

    def on_app_blur(self) -> None:
        """Let every key go: whoever has the keyboard now hears them come up."""
        self._let_go()

    def on_keyboard_pressed(self, event: Keyboard.Pressed) -> None:
        """Press the key of the piano that was clicked on."""
        if event.pitch is None:
            self._fingers.lift(_MOUSE)
        elif self._is_gone:
            self._refuse()
        elif not self._is_news:
            self._fingers.hold_pitch(event.pitch, _MOUSE)

    def _screen_is_there(self) -> bool:
        return bool(self.screen_stack)

    async def _do(self, action: str, key: str | None = None) -> None:
        await self.run_action(action if key is None else f"{action}({key})")

    async def on_footer_clicked(self, event: Footer.Clicked) -> None:
        """Do what was clicked on."""
        if not BY_ACTION[event.action].takes_key:
            await self._do(event.action)

    def on_controls_wanted(self, event: Controls.Wanted) -> None:
        """Turn what was turned with the mouse."""
        self.ask(event.command)

    def on_controls_edit(self, event: Controls.Edit) -> None:
        """Have a value typed or chosen."""
        self._edit(event.turned)

    def on_list_screen_picked(self, event: ListScreen.Picked) -> None:
        """Ask for what was picked; a control that was turned shows it at once."""
        match event.command:
            case Set(name, value):
                self._jam.controls.turn(CONTROLS[name], value)
            case command:
                self.ask(command)

    def on_presets_screen_recall(self, event: PresetsScreen.Recall) -> None:
        """Recall the preset that was picked."""
        self._recall(event.preset)

    def ask(self, command: Command) -> None:
        """Ask the daemon, if there is one."""
        if self._is_gone:
            self._jam.controls.refused(command.control if isinstance(command, Set) else "")
            self._refuse()
            return
        self._link.ask(command)

    def _refuse(self) -> None:
        """Say that nobody is there to be asked, once for as long as that can be read."""
        now_s = self._setting.clock()
        if now_s > self._refused_until_s and not self._is_starting:
            self._refused_until_s = now_s + _WRONG_S
            what_next = "" if self._hangs else f"; {BY_ACTION['start_again'].shown} starts it again"
            self._toast(f"no improv {'answers' if self._hangs else 'is there'}{what_next}", wrong=True)

    # --- actions, each a row of the table, by its groups: play ---

    def action_start_stop(self) -> None:
        """Start, or stop."""
        self.ask(Stop() if self.seen is not None and self.seen.playing else Start())

    def action_panic(self) -> None:
        """Silence everything."""
        self._fingers.let_go()
        if self._is_gone:
            self._toast("nothing was silenced, as no improv answers; try improv panic", wrong=True)
        else:
            self.ask(Panic())

    def action_hand_over(self) -> None:
        """Give the turn to the other one."""
        self.ask(HandOver())

    def action_restart(self) -> None:
        """Go back to the top."""
        self.ask(Restart())

    def action_tap(self) -> None:
        """Tap the tempo; it is stamped where it arrives."""
        self.ask(Tap(0.0))

    def action_next_mode(self) -> None:
        """The next mode."""
        self._controls.nudge(MODE, 1)

    def action_fewer_bars(self) -> None:
        """Fewer bars in a turn."""
        self._controls.nudge(BARS, -1)

    def action_more_bars(self) -> None:
        """More bars in a turn."""
        self._controls.nudge(BARS, 1)

    # --- actions: turn ---

    @property
    def _controls(self) -> Controls:
        return self._jam.controls

    def action_previous_control(self) -> None:
        """Select the control above."""
        self._controls.move(-1)

    def action_next_control(self) -> None:
        """Select the control below."""
        self._controls.move(1)

    def action_less(self) -> None:
        """Turn the selected control down."""
        self._nudge(-1)

    def action_more(self) -> None:
        """Turn it up."""
        self._nudge(1)

    def action_much_less(self) -> None:
        """Turn it far down."""
        self._nudge(-_FAR)

    def action_much_more(self) -> None:
        """Turn it far up."""
        self._nudge(_FAR)

    def _nudge(self, times: int) -> None:
        control = self._controls.selected
        names = tuple(model_paths()) if control is MODEL else ()
        if names:
            now = self._controls.value(MODEL)
            at = names.index(str(now)) if now in names else -1
            self._controls.turn(MODEL, names[(at + (1 if times > 0 else -1)) % len(names)])
        else:
            self._controls.nudge(control, times)

    def action_edit(self) -> None:
        """Type the value of the selected control, or choose it."""
        self._edit(self._controls.selected)

    def _edit(self, control: Control) -> None:
        value = self._controls.value(control)
        if control is MODEL:
            self.action_models()
        elif control.is_switch:
            self._controls.nudge(control, 1)
        elif control.choices:
            self._go(ChoicesScreen(self._setting.glyphs, control, value))
        else:
            offered = value if isinstance(value, str) else number(value)
            about = control.help if isinstance(value, str) else f"{control.help} [{control.range}]"
            self._go(
                Entry(
                    control.name, about, offered, lambda typed: value if typed == offered else control.checked(typed)
                ),
                lambda wanted: self._controls.turn(control, wanted),
            )

    def action_default(self) -> None:
        """Turn the selected control to its default."""
        control = self._controls.selected
        self._controls.turn(control, control.default)

    def action_learn(self) -> None:
        """Learn a knob for the selected control."""
        self._learn(self._controls.selected.name)

    def _learn(self, target: str) -> None:
        if target == self._system.learning:
            self.ask(Learn(""))
        elif target in TARGETS:
            self.ask(Learn(target))  # what to do now is for the daemon to say
        else:
            self._toast(f"{target} can't be turned by a knob", wrong=True)

    def action_forget(self) -> None:
        """Forget the knobs of the selected control."""
        if (target := self._controls.selected.name) in TARGETS:
            self.ask(Forget(target))

    # --- actions: see ---

    def action_help(self) -> None:
        """Say what every key does."""
        self._go(HelpScreen(self._setting.glyphs, self._setting.layout, self.letters))

    def action_palette(self) -> None:
        """Open the command palette."""
        if not isinstance(self.screen, CommandPalette):
            self.push_screen(StillPalette(placeholder="Find anything"))

    def action_letters(self) -> None:
        """Have letters be the other thing."""
        self._fingers.let_go()
        self._letters_chosen = True
        self.letters = self.letters.other
        self._dress()

    def action_ports(self) -> None:
        """Choose the ports."""
        self._go(PortsScreen(self._setting.glyphs, self._setting.runs, self._system, self._setting.advises))

    def action_models(self) -> None:
        """Choose the network."""
        self._go(ModelsScreen(self._setting.glyphs, self._setting.runs, self._system))

    @property
    def _system(self) -> SystemStatus:
        return SystemStatus() if self.seen is None else self.seen.system

    def action_log(self) -> None:
        """Read what has happened."""
        self._go(LogScreen(self._setting.glyphs, self._setting.log, self.noted))

    def action_theme(self) -> None:
        """The dark theme, or the light one."""
        self.theme = LIGHT if self.current_theme.dark else DARK

    def action_pick(self, digit: int) -> None:
        """Pick a row of the list."""
        if isinstance(self.screen, ListScreen):
            self.screen.pick(digit)

    def action_close(self) -> None:
        """Go back to the jam, or learn nothing any more."""
        if len(self.screen_stack) > 1:
            self.pop_screen()
        elif self._system.learning:
            self.ask(Learn(""))

    def _go(self, screen: Screen[Any], then: Callable[[Any], object] | None = None) -> None:
        """Go to a screen, from the jam: one beside it takes the place of another."""
        if isinstance(self.screen, CommandPalette):
            self.call_later(self._go, screen, then)
            return
        if len(self.screen_stack) > 1:
            same = type(self.screen) is type(screen)
            self.pop_screen()
            if same:
                return

        def done(result: Any) -> None:
            if then is not None and result is not None:
                then(result)

        self.push_screen(screen, done)

    # --- actions: keep ---

    def action_presets(self) -> None:
        """Choose a preset; another interface may have kept some."""
        self._read_presets()
        self._go(PresetsScreen(self._setting.glyphs, lambda: self._shelf.presets))

    def _read_presets(self) -> None:
        self._shelf.read()
        if self._shelf.wrong:
            self._toast(self._shelf.wrong, wrong=True)

    def action_recall(self, digit: int) -> None:
        """Recall a preset by its place."""
        if digit <= len(self._shelf.presets):
            self._recall(self._shelf.presets[digit - 1])
        else:
            self._toast(f"there is no preset {digit}; {BY_ACTION['save_preset'].letters[0]} keeps one")

    def _recall(self, preset: Preset) -> None:
        if self.seen is None:
            return
        if self._is_gone:
            self._refuse()
            return
        for wanted in preset.differs(self.seen):
            self._controls.turn(CONTROLS[wanted.control], wanted.value)
        self._toast(preset.name)

    def action_save_preset(self) -> None:
        """Keep how everything stands, by a name."""
        if self._shelf.wrong:
            self._read_presets()
        if self.seen is None or self._shelf.wrong:
            return
        free = f"preset {len(self._shelf.presets) + 1}"
        self._go(
            Entry("preset", "its name; that of another replaces it", free, partial(self._as_it_stands, self.seen)),
            lambda preset: self._change_presets(
                partial(self._shelf.keep, preset),
                "kept",
                f"{preset.name} replaced; {BY_ACTION['put_back'].in_lists[0]} in the list puts back the old one",
            ),
        )

    def _as_it_stands(self, seen: Snapshot, name: str) -> Preset:
        """How the controls stand at this moment: what was asked for last counts already."""
        known = preset_of(name, seen)
        values = {control: self._controls.value(CONTROLS[control]) for control in known.values}
        return replace(known, values=MappingProxyType(values))

    def action_remove(self) -> None:
        """Remove the preset that is highlighted."""
        if isinstance(self.screen, PresetsScreen) and (preset := self.screen.chosen) is not None:
            done = f"{preset.name} removed; {BY_ACTION['put_back'].in_lists[0]} puts it back"
            self._change_presets(partial(self._shelf.remove, preset), done)
            self.screen.look()

    def action_put_back(self) -> None:
        """Put back the preset that was removed."""
        if (preset := self._shelf.removed) is not None and isinstance(self.screen, PresetsScreen):
            self._change_presets(self._shelf.put_back, f"{preset.name} is back")
            self.screen.look()

    def _change_presets(self, change: Callable[[], bool | None], done: str, replaced: str = "") -> None:
        """Change what is kept, and say that it is done or another was replaced, or why not."""
        try:
            is_replaced = change()
        except ImprovError as error:
            self._toast(str(error), wrong=True)
        else:
            self._toast(replaced if is_replaced else done)

    def action_export(self) -> None:
        """Write the take of this jam as a MIDI file, or the last one if it is not recorded."""
        self.run_worker(self._export, exclusive=True, group="export")  # type: ignore[arg-type]

    async def _export(self) -> None:
        try:
            told = await self._setting.runs(["export", self._system.recording.take or "last"])
        except ImprovError as error:
            self._toast(str(error), wrong=True)
        else:
            self._toast(told.strip())

    # --- actions: the piano ---

    def action_octave_down(self) -> None:
        """The piano an octave down."""
        self._retune(self._fingers.piano.octave(-1))

    def action_octave_up(self) -> None:
        """The piano an octave up."""
        self._retune(self._fingers.piano.octave(1))

    def action_softer(self) -> None:
        """The piano softer."""
        self._retune(self._fingers.piano.touch(-1))

    def action_louder(self) -> None:
        """The piano louder."""
        self._retune(self._fingers.piano.touch(1))

    def _retune(self, piano: Piano) -> None:
        self._fingers.piano = piano
        self._dress()

    # --- actions: leave ---

    def action_start_again(self) -> None:
        """Start the daemon that has gone."""
        if self._is_gone and not self._is_starting:
            self._before = None if self.seen is None else preset_of("as it was", self.seen)
            self._banner = _STARTING
            self._dress()
            self._start()

    def action_suspend(self) -> None:
        """Go back to the shell until it says fg; the jam plays on."""
        suspend = getattr(self._driver, "suspend", None)
        if suspend is None:
            self._toast("there is no shell to go back to here", wrong=True)
        else:
            suspend()

    def _suspended(self, _app: object) -> None:
        """Let every key go, and wait until that has been told: whoever is stopped tells nothing."""
        self._let_go()
        self._link.settle()

    def _let_go(self) -> None:
        """Let go what the keyboard and the mouse hold."""
        self._jam.keyboard.let_go()
        self._fingers.let_go()

    async def action_quit(self) -> None:
        """Leave; the jam plays on."""
        self.leave()

    async def action_quit_and_stop(self) -> None:
        """Leave, and end the jam, if it is asked for twice."""
        now_s = self._setting.clock()
        if now_s <= self._ends_until_s:
            self._fingers.let_go()
            self.exit(True)
            return
        self._ends_until_s = now_s + _TWICE_S
        self._toast(f"{BY_ACTION['quit_and_stop'].hint(Where.JAM, self.letters)} again ends the jam")

    # --- the palette ---

    def get_system_commands(self, screen: Screen[Any]) -> Iterable[SystemCommand]:
        """Everything that can be asked for, for the palette: its title, a line about it, and what does it."""
        for row in TABLE:
            if not row.takes_key:
                do = partial(self.call_later, self._do, row.action)
                yield SystemCommand(row.title, rf"{row.help} \[{row.shown}]", do)
        recall, learn, forget = (BY_ACTION[action] for action in ("recall", "learn", "forget"))
        for digit, preset in enumerate(self._shelf.presets[: len(recall.letters)], 1):
            name = preset.name.replace("[", r"\[")  # what the palette is told it takes for markup
            yield SystemCommand(f"{recall.title} {digit}: {name}", recall.help, partial(self._recall, preset))
        for control in CONTROLS.values():
            yield SystemCommand(f"set {control.name}", control.help, partial(self._choose, control))
            for choice in control.choices:
                turn = partial(self._controls.turn, control, choice)
                yield SystemCommand(f"{control.name} {choice}", control.help, turn)
        for target in TARGETS:
            yield SystemCommand(f"{learn.title} {target}", learn.help, partial(self._learn, target))
            yield SystemCommand(f"{forget.title} {target}", forget.help, partial(self.ask, Forget(target)))
        for name in self.themes_here():
            yield SystemCommand(f"theme {name}", "Wear this theme.", partial(self._wear, name))

    def _choose(self, control: Control) -> None:
        self._controls.select(control.name)
        self.call_later(self._edit, control)

    def _wear(self, theme: str) -> None:
        self.theme = theme

    # --- themes ---

    def _first_theme(self) -> str:
        wanted = self._setting.theme
        if not wanted:
            with suppress(OSError, ValueError):
                wanted = self._theme_file.read_text(encoding="utf-8").strip()
        return wanted if wanted in self.themes_here() else DARK

    def get_css_variables(self) -> dict[str, str]:
        """The colours of the theme, such that they can be read."""
        of_theme = super().get_css_variables()
        return of_theme | variables(of_theme)

    def themes_here(self) -> Mapping[str, bool]:
        """The themes that can be seen here, and whether each is dark.

        Those of a terminal's own colours come out black on black where colours are not wanted.
        """
        return {name: theme.dark for name, theme in self.available_themes.items() if not theme.ansi}

    @property
    def _theme_file(self) -> Path:
        return self._setting.presets.with_name("theme")

    def _keep_theme(self, name: str) -> None:
        with suppress(OSError):
            self._theme_file.parent.mkdir(parents=True, exist_ok=True)
            self._theme_file.write_text(f"{name}\n", encoding="utf-8")


def where_on(screen: Screen[Any]) -> Where:
    """What a screen is, as far as keys are concerned."""
    found = getattr(screen, "where", Where.TEXT)
    return found if isinstance(found, Where) else Where.TEXT


def _standing(system: SystemStatus) -> tuple[object, ...]:
    """Return what of a status is news whenever it changes."""
    return (
        system.midi.ports,
        system.midi.output,
        system.recording.take,
        system.recording.fault,
        system.recording.saves_to,
        system.learning,
    )
