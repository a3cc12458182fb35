"""`improv play`: the terminal interface, which joins the daemon or starts one.

The interface is loaded only when it is to be shown. Whatever becomes of it, the jam plays on, unless it was
to end.
"""

import gc
import os
import platform
import sys
import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Annotated

import typer

from improv import __version__
from improv.cli import daemon as background
from improv.cli.options import LETTERS, Given, Name, with_jam
from improv.cli.output import say, say_lines
from improv.config.instance import DEFAULT, Instance
from improv.config.picks import Picks
from improv.errors import AlreadyRunning, ImprovError, UsageError
from improv.protocol.commands import Set
from improv.protocol.control import nearest
from improv.protocol.controls import CONTROLS
from improv.protocol.snapshot import SystemStatus
from improv.synth.soundfonts import checked_soundfont
from improv.system.printable import printable
from improv.system.private_files import make_folder, write_private

if TYPE_CHECKING:
    from improv.tui.app import ImprovApp
    from improv.tui.client import DaemonLink

_FRAMES_PER_S = "30"
_WHAT = 160
"""Characters of what a crash says of itself."""

Layout = Annotated[str, typer.Option(help="Where the letters of your keyboard lie: qwerty, qwertz or azerty.")]
Ascii = Annotated[bool, typer.Option("--ascii", help="Draw with ASCII only.")]
Theme = Annotated[str, typer.Option(help="The colours: textual-dark, textual-light, nord, gruvbox and others.")]


@with_jam
def play(
    given: Given,
    instance: Name = DEFAULT,
    layout: Layout = "qwerty",
    ascii: Ascii = False,
    theme: Theme = "",
) -> None:
    """Play with the terminal interface: see the jam, turn everything, and play on the computer's own keys.

    Starts improv in the background, or joins the one that plays there. Leaving it (ctrl+q) does not end the
    music: improv play comes back to it, and improv daemon stop ends it.
    """
    at = Instance(instance)
    in_browser = bool(os.environ.get("TEXTUAL_DRIVER"))  # set by `textual serve`
    if not (in_browser or _has_terminal()):
        raise UsageError("improv play needs a terminal; improv jam plays without one")
    _check(given, at, layout)
    joins = at.running() is not None
    _prepare_textual()
    from improv.tui.client import DaemonLink

    called_off: list[bool] = []  # not empty once the jam is to end: the thread that starts the daemon reads it
    link = DaemonLink(at, _starter(at, _arguments(given, at, joins), lambda: bool(called_off), again=joins))
    app = _app(given, at, link, joins=joins, look=(layout, ascii, theme))
    gc.collect()
    gc.freeze()  # what is loaded stays: it need not be looked through again and again while it plays
    result = _shown(app, link)
    if app.crash is not None:
        with suppress(OSError):  # the terminal may be gone
            _tell_crash(at, app.crash)
    if result is True:
        called_off.append(True)
    elif link.is_starting and not in_browser:
        say("improv is starting...")
    _leave(at, link.wait_until_started() or result)
    if not in_browser:
        with suppress(OSError):
            system = app.connection.system if app.crash is None else SystemStatus()  # a crash is told in three lines
            _part(at, system, ended=result is True)
    if app.crash is not None:  # it has been said why
        raise typer.Exit(1)


def _check(given: Given, at: Instance, layout: str) -> None:
    """Refuse wrong options before the screen is taken."""
    from improv.tui.input.key_bindings import LAYOUTS

    if layout not in LAYOUTS:
        raise UsageError(f"no layout {layout!r}{nearest(layout, tuple(LAYOUTS))}; choose from {', '.join(LAYOUTS)}")
    sound = given.config().sound
    if sound.soundfont is not None:
        checked_soundfont(sound.soundfont)
    at.socket  # noqa: B018 refused where its path is too long


def _prepare_textual() -> None:
    """Set what Textual reads once, when it is loaded."""
    os.environ.setdefault("TEXTUAL_FPS", _FRAMES_PER_S)
    for name in ("COLUMNS", "LINES"):  # where they are exported they are believed, whatever the terminal's size becomes
        os.environ.pop(name, None)


def _arguments(given: Given, at: Instance, joins: bool) -> Sequence[str]:
    """The arguments to start the daemon with: those of the one that plays, else the ones given."""
    if joins and (origin := at.origin()):
        return origin.arguments
    arguments = given.arguments()
    return arguments if LETTERS in arguments else [*arguments, LETTERS]


def _app(given: Given, at: Instance, link: "DaemonLink", *, joins: bool, look: tuple[str, bool, str]) -> "ImprovApp":
    """Make the interface with a layout of letters, ASCII or not, and a theme; UsageError for an unknown theme."""
    from improv.config.presets import presets_path
    from improv.synth.advice import advice
    from improv.tui.app import ImprovApp
    from improv.tui.input.key_bindings import LAYOUTS
    from improv.tui.options import ScreenOptions
    from improv.tui.theme.glyphs import glyphs_of

    layout, ascii, theme = look
    asks, says = _joining(given) if joins else ((), ())
    app = ImprovApp(
        link,
        ScreenOptions(
            glyphs=glyphs_of(ascii, _encoding(), os.environ.get("TERM", "")),
            layout=LAYOUTS[layout],
            theme=theme,
            log=at.log,
            advise=lambda api, there: advice(api, there=there, restart=at.command("daemon restart")),
            presets=presets_path(),
            starts_daemon=not joins,
            first_commands=asks,
            first_notices=says,
        ),
    )
    if theme and theme not in (themes := tuple(app.themes.available)):
        raise UsageError(f"no theme {theme!r}{nearest(theme, themes)}; choose from {', '.join(themes)}")
    return app


def _shown(app: "ImprovApp", link: "DaemonLink") -> ImprovError | bool | None:
    """Show the interface until it is left; what has ended it otherwise is its crash."""
    try:
        return app.run()
    except Exception as error:
        app.crash = app.crash or error
        return None
    finally:
        link.close()


def _leave(at: Instance, result: ImprovError | bool | None) -> None:
    """End the jam if that is wanted; raise what has kept it from starting."""
    match result:
        case background.CalledOff():
            say("improv was starting, and has been stopped")
        case True:
            background.stop(at.name)
        case background.NotStarted(status=status) as error:
            say(f"improv: {error}", err=True)
            raise typer.Exit(status)
        case AlreadyRunning():
            pass  # it plays, started by another program
        case ImprovError() as error:
            raise error


def _starter(
    at: Instance, arguments: Sequence[str], called_off: Callable[[], bool], *, again: bool
) -> Callable[[], str]:
    """What starts improv with arguments, and from then on, or at once, starts it again as it was started.

    What systemd has started it keeps, and another of ours would be in its way: UsageError says what to type.
    """
    have_been = again

    def starts() -> str:
        nonlocal have_been
        origin = at.origin() if have_been else None
        if origin is not None and origin.unit:
            raise UsageError(f"systemd keeps this improv; type: {background.systemctl('start', *origin.unit)}")
        have_been = True
        again_with = arguments if origin is None else Picks(at.picked).arguments(origin.arguments)
        return background.launch(at, again_with, called_off)

    return starts


def _has_terminal() -> bool:
    return sys.stdin.isatty() and sys.stdout.isatty()


def _encoding() -> str:
    """What the terminal can show: where the C locale is asked for, Python says UTF-8 all the same."""
    locale = os.environ.get("LC_ALL") or os.environ.get("LANG")
    return "ascii" if sys.flags.utf8_mode and locale in ("C", "POSIX") else sys.stdout.encoding


def _joining(given: Given) -> tuple[tuple[Set, ...], tuple[str, ...]]:
    """What options come to where an improv plays already: what is to be turned, and what there is to say."""
    names = {key.rpartition(".")[2]: value for key, value in given.values.items() if key.startswith("controls.")}
    live = tuple(Set(name, value) for name, value in names.items() if name in CONTROLS)
    idle = [
        key.rpartition(".")[2] for key in given.values if key.rpartition(".")[2] not in {set.control for set in live}
    ]
    idle += ["save"] * (given.save is not None) + ["profile"] * (given.profile is not None)
    said = (
        (f"improv plays already: {', '.join(f'--{name}' for name in idle)} will do when it is started",) if idle else ()
    )
    return live, said


def _tell_crash(at: Instance, crash: BaseException) -> None:
    """Say that the interface has crashed, and write the traceback to a file."""
    from textual import __version__ as textual

    what = printable(" ".join(traceback.format_exception_only(crash)[-1].split()))[:_WHAT]
    say(f"improv: the interface has crashed: {what}", err=True)
    versions = f"improv {__version__}, Textual {textual}, Python {platform.python_version()}, {platform.platform()}"
    try:
        make_folder(at.crash.parent)
        write_private(at.crash, "\n".join([versions, *traceback.format_exception(crash)]))
    except OSError as error:
        say(f"improv: {at.crash}: {error.strerror}; so the details are lost", err=True)
    else:
        say(f"improv: the details are in {at.crash}", err=True)


def _part(at: Instance, system: SystemStatus, *, ended: bool) -> None:
    """Say what plays on, or what is left of what has ended."""
    if ended:
        if take := system.recording.take:
            say(f"it is recorded; improv export {take} writes it as a MIDI file")
        return
    pid = at.running()
    if pid is None:
        say(f"improv has stopped; {at.command('play')} starts it again")
        return
    say(f"improv plays on (PID {pid}): {at.command('play')} comes back, {at.command('daemon stop')} ends it")
    say_lines(background.saving_note(system))
