"""THE key table: what each key does, where it does it, and the words for help, palette and footer.

Pure: a key as it arrives in, a row of the table or a key of the piano out. No key has a meaning besides.
"""

from collections.abc import Iterator, Mapping
from enum import StrEnum
from types import MappingProxyType

from improv.dataclass import dataclass


class Letters(StrEnum):
    """What letters and digits are: a piano, or commands."""

    PIANO = "piano"
    """They play notes."""
    COMMANDS = "commands"
    """They ask for something."""

    @property
    def other(self) -> "Letters":
        """The other use of the letters: commands for piano, piano for commands."""
        return Letters.COMMANDS if self is Letters.PIANO else Letters.PIANO


class KeyContext(StrEnum):
    """What keys are for on a screen."""

    JAM = "jam"
    LIST = "list"
    """A list: arrows and digits pick rows."""
    PAGE = "page"
    """A text: arrows scroll."""
    HELP = "help"
    """The help, a text as well."""
    TEXT = "text"
    """A line to type into: nearly all keys are typed."""

    @property
    def moves(self) -> bool:
        """True if the arrows move through a list or a text in this context, instead of turning controls."""
        return self in (KeyContext.LIST, KeyContext.PAGE, KeyContext.HELP)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyBinding:
    """A row of the table: an action, its words, and the keys that ask for it, named as Textual names them."""

    action: str
    title: str
    """A few words, for the palette and the footer."""
    help: str
    group: str
    keys: tuple[str, ...] = ()
    """Keys that work wherever no text is typed."""
    letters: tuple[str, ...] = ()
    """Keys that work where letters are commands."""
    everywhere: tuple[str, ...] = ()
    """Keys that work even while text is typed."""
    in_lists: tuple[str, ...] = ()
    """Keys that work in lists only."""
    when_gone: tuple[str, ...] = ()
    """Keys that work while there is no daemon, whatever letters are otherwise."""
    not_in_lists: bool = False
    """Whether lists and texts keep `keys` for themselves."""
    takes_key: bool = False
    """Whether the action is given the digit that was struck."""

    @property
    def all_keys(self) -> tuple[str, ...]:
        """Every key of the binding, by Textual's names."""
        return (*self.keys, *self.everywhere, *self.letters, *self.in_lists, *self.when_gone)

    def hint(self, key_context: KeyContext, letters: Letters) -> str:
        """Return the key to show in the footer for this context; empty if none works here."""
        keys = () if key_context.moves and self.not_in_lists else self.keys
        keys = (*self.in_lists, *keys) if key_context is KeyContext.LIST else keys
        keys = (*(self.letters if letters is Letters.COMMANDS else ()), *keys, *self.everywhere)
        if (key_context, self.action) in ((KeyContext.JAM, "close"), (KeyContext.HELP, "help")):  # it is there already
            return ""
        if self.takes_key and len(keys) > 2:
            return f"{keys[0]}-{keys[-1]}"
        return key_label(keys[0]) if keys else ""

    @property
    def label(self) -> str:
        """All keys as one text, as the help shows them."""
        return " ".join(key for key, _ in self.labels)

    @property
    def labels(self) -> tuple[tuple[str, bool], ...]:
        """Each key as the help shows it, and whether it works only where letters are commands."""
        if self.takes_key and len(self.all_keys) > 2:
            return ((f"{self.all_keys[0]}-{self.all_keys[-1]}", bool(self.letters)),)
        return tuple((key_label(key), key in self.letters) for key in self.all_keys)


_DIGITS = tuple("123456789")

PLAY, TURN, SEE, KEEP, LEAVE, PIANO = "play", "turn", "see", "keep", "leave", "piano"

TABLE: tuple[KeyBinding, ...] = (
    KeyBinding(action="start_stop", title="start/stop", help="Start playing, or stop.", group=PLAY, keys=("space",)),
    KeyBinding(
        action="panic",
        title="PANIC",
        help="Silence everything at once; the jam goes on.",
        group=PLAY,
        keys=("backspace",),
        everywhere=("f12",),
    ),
    KeyBinding(
        action="hand_over",
        title="hand over",
        help="Give the turn to the other one.",
        group=PLAY,
        keys=("f9",),
        letters=("h",),
    ),
    KeyBinding(
        action="restart", title="restart", help="Back to the top of the form, counted in.", group=PLAY, letters=("r",)
    ),
    KeyBinding(
        action="tap", title="tap", help="Tap the tempo, a tap a beat.", group=PLAY, keys=("f8",), letters=("t",)
    ),
    KeyBinding(action="next_mode", title="mode", help="The next way of sharing the time.", group=PLAY, letters=("m",)),
    KeyBinding(action="fewer_bars", title="fewer bars", help="Fewer bars in a turn.", group=PLAY, letters=("b",)),
    KeyBinding(action="more_bars", title="more bars", help="More bars in a turn.", group=PLAY, letters=("B",)),
    KeyBinding(
        action="previous_control",
        title="control above",
        help="Choose the control above.",
        group=TURN,
        keys=("up",),
        not_in_lists=True,
    ),
    KeyBinding(
        action="next_control",
        title="control below",
        help="Choose the control below.",
        group=TURN,
        keys=("down",),
        not_in_lists=True,
    ),
    KeyBinding(action="less", title="less", help="Turn it down.", group=TURN, keys=("left",), not_in_lists=True),
    KeyBinding(action="more", title="more", help="Turn it up.", group=TURN, keys=("right",), not_in_lists=True),
    KeyBinding(
        action="much_less",
        title="much less",
        help="Turn it down ten times as far.",
        group=TURN,
        keys=("shift+left",),
        not_in_lists=True,
    ),
    KeyBinding(
        action="much_more",
        title="much more",
        help="Turn it up ten times as far.",
        group=TURN,
        keys=("shift+right",),
        not_in_lists=True,
    ),
    KeyBinding(
        action="edit",
        title="value",
        help="Type its value; of a part, choose its program.",
        group=TURN,
        keys=("enter",),
        not_in_lists=True,
    ),
    KeyBinding(
        action="default", title="default", help="Back to its default.", group=TURN, keys=("home",), not_in_lists=True
    ),
    KeyBinding(
        action="mute",
        title="mute",
        help="Mute the chosen part, or unmute it.",
        group=TURN,
        keys=("f10",),
        letters=("M",),
    ),
    KeyBinding(
        action="solo", title="solo", help="Hear the chosen part alone.", group=TURN, keys=("f11",), letters=("S",)
    ),
    KeyBinding(
        action="learn",
        title="learn",
        help="Have the next knob, key or pedal that is moved turn it.",
        group=TURN,
        keys=("f5",),
        letters=("l",),
    ),
    KeyBinding(action="forget", title="forget", help="Have no knob turn it any more.", group=TURN, letters=("f",)),
    KeyBinding(action="help", title="help", help="What every key does.", group=SEE, keys=("question_mark", "f1")),
    KeyBinding(action="palette", title="palette", help="Everything, found by typing.", group=SEE, keys=("ctrl+p",)),
    KeyBinding(
        action="letters",
        title="piano/commands",
        help="Letters are a piano, or commands.",
        group=SEE,
        keys=("tab",),
    ),
    KeyBinding(action="ports", title="ports", help="Choose the MIDI ports.", group=SEE, keys=("f2",), letters=("o",)),
    KeyBinding(action="models", title="networks", help="Choose the network.", group=SEE, keys=("f3",), letters=("n",)),
    KeyBinding(action="presets", title="presets", help="Recall a preset.", group=KEEP, keys=("f4",), letters=("p",)),
    KeyBinding(
        action="recall",
        title="recall preset",
        help="Recall one of the first nine presets.",
        group=KEEP,
        letters=_DIGITS,
        takes_key=True,
    ),
    KeyBinding(
        action="save_preset", title="save preset", help="Keep how everything stands.", group=KEEP, letters=("s",)
    ),
    KeyBinding(
        action="remove",
        title="remove preset",
        help="Remove the preset that is chosen in the list.",
        group=KEEP,
        in_lists=("delete",),
    ),
    KeyBinding(
        action="put_back",
        title="put preset back",
        help="Put back the preset that was removed or replaced.",
        group=KEEP,
        in_lists=("insert",),
    ),
    KeyBinding(
        action="export",
        title="export",
        help="Write the take of this jam as a MIDI file.",
        group=KEEP,
        keys=("f6",),
        letters=("e",),
    ),
    KeyBinding(action="log", title="log", help="What has happened.", group=SEE, keys=("f7",), letters=("g",)),
    KeyBinding(action="theme", title="dark/light", help="The dark theme, or the light one.", group=SEE, letters=("d",)),
    KeyBinding(
        action="pick", title="pick a row", help="Pick a row of a list.", group=SEE, in_lists=_DIGITS, takes_key=True
    ),
    KeyBinding(
        action="close", title="back", help="Back to the jam; there, learn nothing.", group=SEE, everywhere=("escape",)
    ),
    KeyBinding(
        action="octave_down",
        title="octave down",
        help="The piano an octave down.",
        group=PIANO,
        keys=("pagedown",),
        not_in_lists=True,
    ),
    KeyBinding(
        action="octave_up",
        title="octave up",
        help="The piano an octave up.",
        group=PIANO,
        keys=("pageup",),
        not_in_lists=True,
    ),
    KeyBinding(
        action="softer",
        title="softer",
        help="Strike the piano's keys softer.",
        group=PIANO,
        keys=("minus", "right_parenthesis"),
    ),
    KeyBinding(
        action="louder",
        title="louder",
        help="Strike the piano's keys harder; shift and a letter is an accent.",
        group=PIANO,
        keys=("equals_sign", "plus"),
    ),
    KeyBinding(
        action="start_again",
        title="start again",
        help="Start improv again after it has stopped.",
        group=LEAVE,
        when_gone=("s",),
    ),
    KeyBinding(
        action="quit",
        title="leave",
        help="Leave; the jam plays on.",
        group=LEAVE,
        everywhere=("ctrl+q", "ctrl+c"),
        letters=("q",),
    ),
    KeyBinding(
        action="suspend",
        title="suspend",
        help="Back to the shell; the jam plays on, fg comes back.",
        group=LEAVE,
        everywhere=("ctrl+z",),
    ),
    KeyBinding(
        action="quit_and_stop",
        title="end the jam",
        help="Leave, and end the jam; it asks once.",
        group=LEAVE,
        keys=("ctrl+e",),
        letters=("Q",),
    ),
)
"""Every key there is."""

FOOTER = (
    "panic", "close", "pick", "letters", "start_stop", "help", "quit", "palette", "hand_over", "models", "ports",
    "presets", "learn", "next_mode", "tap", "quit_and_stop", "export", "log", "save_preset", "restart", "theme",
)  # fmt: skip
"""The actions in the footer, the most important first."""

BY_ACTION: Mapping[str, KeyBinding] = MappingProxyType({key.action: key for key in TABLE})

_LABELS = MappingProxyType(
    {
        "question_mark": "?",
        "equals_sign": "=",
        "plus": "+",
        "minus": "-",
        "right_parenthesis": ")",
        "escape": "esc",
        "pageup": "pgup",
        "pagedown": "pgdn",
        "ctrl+q": "^q",
        "ctrl+p": "^p",
        "ctrl+c": "^c",
        "ctrl+e": "^e",
        "ctrl+z": "^z",
        "backspace": "bksp",
    }
)


def key_label(key: str) -> str:
    """Return a key's name as the help shows it."""
    return _LABELS.get(key, key.upper() if key[0] == "f" and key[1:].isdigit() else key)


# --- the piano ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Layout:
    """Where the piano's keys lie on a computer keyboard: two rows, upwards from C, the upper an octave higher.

    `accents` maps the shifted characters of keys that are no letters to the plain ones.
    """

    name: str
    lower: str
    upper: str
    accents: Mapping[str, str]

    @property
    def semitones(self) -> Mapping[str, int]:
        """Semitones above the lowest C by character; the upper row comes last."""
        return {character: n + start for row, start in ((self.lower, 0), (self.upper, 12)) for n, character in _on(row)}

    def piano_key(self, character: str) -> "PianoKey | None":
        """Return the piano key of a character; None if it has none."""
        plain = self.accents.get(character, character.lower())
        semitone = self.semitones.get(plain)
        return None if semitone is None else PianoKey(plain, semitone, accent=plain != character)

    def labels(self, lowest: int) -> dict[int, str]:
        """Return the character to print on each pitch; `lowest` is the MIDI pitch of the lowest C."""
        labels: dict[int, str] = {}
        for character, semitone in self.semitones.items():
            if lowest + semitone not in labels or not labels[lowest + semitone].isalnum():
                labels[lowest + semitone] = character
        return labels


@dataclass(frozen=True, slots=True)
class PianoKey:
    """A key of the piano, by its character and in semitones above the lowest C."""

    character: str
    semitone: int
    accent: bool


def _accents(shifted: str, plain: str) -> Mapping[str, str]:
    return MappingProxyType(dict(zip(shifted, plain, strict=True)))


def _on(row: str) -> Iterator[tuple[int, str]]:
    return ((n, character) for n, character in enumerate(row) if character != " ")


LAYOUTS: Mapping[str, Layout] = MappingProxyType(
    {
        layout.name: layout
        for layout in (
            # A blank is a key that the keyboard lacks, or one that means something else.
            Layout("qwerty", "zsxdcvgbhnjm,l.;/", "q2w3er5t6y7ui9o0p", _accents("<>:@#%^&()", ",.;2356790")),
            Layout("qwertz", "ysxdcvgbhnjm,l.ö ", "q2w3er5t6z7ui9o0p", _accents(';:"§%&/)=', ",.2356790")),
            Layout("azerty", "wsxdcvgbhnj,;l:m!", 'aéz"er(t-yèuiçoàp', _accents("./§2356790", ';:!é"(-èçà')),
        )
    }
)


# --- what a key means -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class BoundAction:
    """A row of the table, and the key that asks for it."""

    row: KeyBinding
    key: str


def interpret(
    key: str, character: str | None, key_context: KeyContext, letters: Letters, layout: Layout, *, gone: bool = False
) -> BoundAction | PianoKey | None:
    """Return the action or piano key of a keystroke; None if it is for the widget with the focus.

    `character` is what the key types, which differs between keyboards; `gone` is whether there is no daemon.
    """
    for row in TABLE:
        if key in row.everywhere:
            return BoundAction(row, key)
    if key_context is KeyContext.TEXT:
        return None
    for row in TABLE:
        if gone and key in row.when_gone:
            return BoundAction(row, key)
        if key_context is KeyContext.LIST and key in row.in_lists:
            return BoundAction(row, key)
    if letters is Letters.PIANO and character and (struck := layout.piano_key(character)):
        return struck
    for row in TABLE:
        if key in row.keys and not (key_context.moves and row.not_in_lists):
            return BoundAction(row, key)
        if letters is Letters.COMMANDS and key in row.letters:
            return BoundAction(row, key)
    return None
