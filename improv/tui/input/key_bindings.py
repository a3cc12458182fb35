"""THE table of keys: what each does, where it does it, and the words by which help, palette and footer tell it.

Pure: a key as it arrives in, a row of the table or a key of the piano out. Nothing else in the terminal UI
may give a key a meaning of its own.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType


class Letters(StrEnum):
    """What letters and digits are."""

    PIANO = "piano"
    """They are played."""
    COMMANDS = "commands"
    """They ask for something."""

    @property
    def other(self) -> "Letters":
        """The other of the two."""
        return Letters.COMMANDS if self is Letters.PIANO else Letters.PIANO


class Where(StrEnum):
    """What is on the screen, as far as keys are concerned."""

    JAM = "jam"
    LIST = "list"
    """A list, which has the arrows and the digits."""
    PAGE = "page"
    """Something to read, which has the arrows."""
    HELP = "help"
    """The same, and it is the help."""
    TEXT = "text"
    """Text is typed: it has nearly everything."""

    @property
    def moves(self) -> bool:
        """Whether the arrows move something there, and turn no control."""
        return self in (Where.LIST, Where.PAGE, Where.HELP)


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """A row of the table: an action of the app, its words, and the keys that ask for it.

    Keys are named as Textual names them. An action that is given the key as well asks for one of many.
    """

    action: str
    title: str
    """A few words, for the palette and the footer."""
    help: str
    group: str
    keys: tuple[str, ...] = ()
    """In both modes, wherever no text is typed."""
    letters: tuple[str, ...] = ()
    """Where letters are commands."""
    everywhere: tuple[str, ...] = ()
    """Even while text is typed."""
    in_lists: tuple[str, ...] = ()
    """Only where a list is."""
    when_gone: tuple[str, ...] = ()
    """Only while there is no improv to talk to, whatever letters are otherwise."""
    not_in_lists: bool = False
    """Whether a list keeps these keys for itself."""
    takes_key: bool = False

    @property
    def all_keys(self) -> tuple[str, ...]:
        """Every key of the row."""
        return (*self.keys, *self.everywhere, *self.letters, *self.in_lists, *self.when_gone)

    def hint(self, where: Where, letters: Letters) -> str:
        """The shortest key that asks for it here, as the footer says it; empty if none does."""
        keys = () if where.moves and self.not_in_lists else self.keys
        keys = (*self.in_lists, *keys) if where is Where.LIST else keys
        keys = (*(self.letters if letters is Letters.COMMANDS else ()), *keys, *self.everywhere)
        if (where, self.action) in ((Where.JAM, "close"), (Where.HELP, "help")):  # it is there already
            return ""
        if self.takes_key and len(keys) > 2:
            return f"{keys[0]}-{keys[-1]}"
        return shown(keys[0]) if keys else ""

    @property
    def shown(self) -> str:
        """The keys as a help text says them."""
        return " ".join(key for key, _ in self.told)

    @property
    def told(self) -> tuple[tuple[str, bool], ...]:
        """The same one by one, and of each whether it asks for this only where letters are commands."""
        if self.takes_key and len(self.all_keys) > 2:
            return ((f"{self.all_keys[0]}-{self.all_keys[-1]}", bool(self.letters)),)
        return tuple((shown(key), key in self.letters) for key in self.all_keys)


_DIGITS = tuple("123456789")

PLAY, TURN, SEE, KEEP, LEAVE, PIANO = "play", "turn", "see", "keep", "leave", "piano"

TABLE: tuple[Key, ...] = (
    Key(action="start_stop", title="start/stop", help="Start playing, or stop.", group=PLAY, keys=("space",)),
    Key(
        action="panic",
        title="PANIC",
        help="Silence everything at once; the jam goes on.",
        group=PLAY,
        keys=("backspace",),
        everywhere=("f12",),
    ),
    Key(
        action="hand_over",
        title="hand over",
        help="Give the turn to the other one.",
        group=PLAY,
        keys=("f9",),
        letters=("h",),
    ),
    Key(action="restart", title="restart", help="Back to the top of the form, counted in.", group=PLAY, letters=("r",)),
    Key(action="tap", title="tap", help="Tap the tempo, a tap a beat.", group=PLAY, keys=("f8",), letters=("t",)),
    Key(action="next_mode", title="mode", help="The next way of sharing the time.", group=PLAY, letters=("m",)),
    Key(action="fewer_bars", title="fewer bars", help="Fewer bars in a turn.", group=PLAY, letters=("b",)),
    Key(action="more_bars", title="more bars", help="More bars in a turn.", group=PLAY, letters=("B",)),
    Key(
        action="previous_control",
        title="control above",
        help="Choose the control above.",
        group=TURN,
        keys=("up",),
        not_in_lists=True,
    ),
    Key(
        action="next_control",
        title="control below",
        help="Choose the control below.",
        group=TURN,
        keys=("down",),
        not_in_lists=True,
    ),
    Key(action="less", title="less", help="Turn it down.", group=TURN, keys=("left",), not_in_lists=True),
    Key(action="more", title="more", help="Turn it up.", group=TURN, keys=("right",), not_in_lists=True),
    Key(
        action="much_less",
        title="much less",
        help="Turn it down ten times as far.",
        group=TURN,
        keys=("shift+left",),
        not_in_lists=True,
    ),
    Key(
        action="much_more",
        title="much more",
        help="Turn it up ten times as far.",
        group=TURN,
        keys=("shift+right",),
        not_in_lists=True,
    ),
    Key(action="edit", title="value", help="Type its value.", group=TURN, keys=("enter",), not_in_lists=True),
    Key(action="default", title="default", help="Back to its default.", group=TURN, keys=("home",), not_in_lists=True),
    Key(
        action="learn",
        title="learn",
        help="Have the next knob, key or pedal that is moved turn it.",
        group=TURN,
        keys=("f5",),
        letters=("l",),
    ),
    Key(action="forget", title="forget", help="Have no knob turn it any more.", group=TURN, letters=("f",)),
    Key(action="help", title="help", help="What every key does.", group=SEE, keys=("question_mark", "f1")),
    Key(action="palette", title="palette", help="Everything, found by typing.", group=SEE, keys=("ctrl+p",)),
    Key(
        action="letters",
        title="piano/commands",
        help="Letters are a piano, or commands.",
        group=SEE,
        keys=("tab",),
    ),
    Key(action="ports", title="ports", help="Choose the MIDI ports.", group=SEE, keys=("f2",), letters=("o",)),
    Key(action="models", title="networks", help="Choose the network.", group=SEE, keys=("f3",), letters=("n",)),
    Key(action="presets", title="presets", help="Recall a preset.", group=KEEP, keys=("f4",), letters=("p",)),
    Key(
        action="recall",
        title="recall preset",
        help="Recall one of the first nine presets.",
        group=KEEP,
        letters=_DIGITS,
        takes_key=True,
    ),
    Key(
        action="save_preset",
        title="save preset",
        help="Keep how everything stands.",
        group=KEEP,
        letters=("s",),
    ),
    Key(
        action="remove",
        title="remove preset",
        help="Remove the preset that is chosen in the list.",
        group=KEEP,
        in_lists=("delete",),
    ),
    Key(
        action="put_back",
        title="put preset back",
        help="Put back the preset that was removed or replaced.",
        group=KEEP,
        in_lists=("insert",),
    ),
    Key(
        action="export",
        title="export",
        help="Write the take of this jam as a MIDI file.",
        group=KEEP,
        keys=("f6",),
        letters=("e",),
    ),
    Key(action="log", title="log", help="What has happened.", group=SEE, keys=("f7",), letters=("g",)),
    Key(action="theme", title="dark/light", help="The dark theme, or the light one.", group=SEE, letters=("d",)),
    Key(
        action="pick",
        title="pick a row",
        help="Pick a row of a list.",
        group=SEE,
        in_lists=_DIGITS,
        takes_key=True,
    ),
    Key(action="close", title="back", help="Back to the jam; there, learn nothing.", group=SEE, everywhere=("escape",)),
    Key(
        action="octave_down",
        title="octave down",
        help="The piano an octave down.",
        group=PIANO,
        keys=("pagedown",),
        not_in_lists=True,
    ),
    Key(
        action="octave_up",
        title="octave up",
        help="The piano an octave up.",
        group=PIANO,
        keys=("pageup",),
        not_in_lists=True,
    ),
    Key(
        action="softer",
        title="softer",
        help="Strike the piano's keys softer.",
        group=PIANO,
        keys=("minus", "right_parenthesis"),
    ),
    Key(
        action="louder",
        title="louder",
        help="Strike the piano's keys harder; shift and a letter is an accent.",
        group=PIANO,
        keys=("equals_sign", "plus"),
    ),
    Key(
        action="start_again",
        title="start again",
        help="Start improv again after it has stopped.",
        group=LEAVE,
        when_gone=("s",),
    ),
    Key(
        action="quit",
        title="leave",
        help="Leave; the jam plays on.",
        group=LEAVE,
        everywhere=("ctrl+q", "ctrl+c"),
        letters=("q",),
    ),
    Key(
        action="suspend",
        title="suspend",
        help="Back to the shell; the jam plays on, fg comes back.",
        group=LEAVE,
        everywhere=("ctrl+z",),
    ),
    Key(
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
"""What the footer tells, the most important first."""

BY_ACTION: Mapping[str, Key] = MappingProxyType({key.action: key for key in TABLE})

_SHOWN = MappingProxyType(
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


def shown(key: str) -> str:
    """A key as a help text says it."""
    return _SHOWN.get(key, key.upper() if key[0] == "f" and key[1:].isdigit() else key)


# --- the piano ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Layout:
    """Where the piano's keys lie on a computer keyboard: two rows, upwards from C, the upper an octave higher.

    `accents` are the characters that shift makes of those that are no letters.
    """

    name: str
    lower: str
    upper: str
    accents: Mapping[str, str]

    @property
    def semitones(self) -> Mapping[str, int]:
        """How far above the lowest C each character lies; the upper row comes last."""
        return {character: n + start for row, start in ((self.lower, 0), (self.upper, 12)) for n, character in _on(row)}

    def struck(self, character: str) -> "Struck | None":
        """The key of the piano that a character is, if it is one."""
        plain = self.accents.get(character, character.lower())
        semitone = self.semitones.get(plain)
        return None if semitone is None else Struck(plain, semitone, accent=plain != character)

    def labels(self, lowest: int) -> dict[int, str]:
        """The letter to print on each pitch, for a lowest C at some pitch: letters before signs."""
        labels: dict[int, str] = {}
        for character, semitone in self.semitones.items():
            if lowest + semitone not in labels or not labels[lowest + semitone].isalnum():
                labels[lowest + semitone] = character
        return labels


@dataclass(frozen=True, slots=True)
class Struck:
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
class Asked:
    """A row of the table, by one of its keys."""

    row: Key
    key: str


def meaning(
    key: str, character: str | None, where: Where, letters: Letters, layout: Layout, *, gone: bool = False
) -> Asked | Struck | None:
    """What a key means; None if it is for whatever has the focus.

    A character that is no letter may lie elsewhere on other keyboards: the row is found by what is printed on the key.
    """
    for row in TABLE:
        if key in row.everywhere:
            return Asked(row, key)
    if where is Where.TEXT:
        return None
    for row in TABLE:
        if gone and key in row.when_gone:
            return Asked(row, key)
        if where is Where.LIST and key in row.in_lists:
            return Asked(row, key)
    if letters is Letters.PIANO and character and (struck := layout.struck(character)):
        return struck
    for row in TABLE:
        if key in row.keys and not (where.moves and row.not_in_lists):
            return Asked(row, key)
        if letters is Letters.COMMANDS and key in row.letters:
            return Asked(row, key)
    return None
