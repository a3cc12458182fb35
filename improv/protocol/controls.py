"""What can be turned: controls with range, default and help, and the settings of a performance."""

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Annotated, Any

from improv.dataclass import dataclass
from improv.errors import UsageError
from improv.music.parts import Part
from improv.music.styles import Style
from improv.music.theory import PITCH_CLASSES, pitch_class
from improv.music.turns import Mode
from improv.music.voices import ANY, VOICES
from improv.protocol.control import OFF, SWITCH, Control, Value, nearest
from improv.protocol.json_codec import Inlined, JsonName
from improv.protocol.mixer import COLUMNS, PART_CONTROLS, Mixer, place_of

OWN = "own"
"""The key a network was trained in."""

AUTO = "auto"
"""The swing of players, by style and tempo."""


def key_spelled(word: str) -> str:
    """Return a key as it is spelled among the choices: `Gb` as `F#`; UsageError if it is none."""
    if word == OWN:
        return word
    try:
        return PITCH_CLASSES[pitch_class(word)]
    except ValueError as error:
        raise UsageError(f"{error}; give a key such as C, F# or Bb, or {OWN} for the model's") from error


TEMPO = Control("tempo", "Quarter notes a minute.", 120, 20, 400, "bpm", nudge=4)

SWING = Control(
    "swing",
    f"Share of a beat its first eighth takes: 0.5 straight, 0.67 triplets; {AUTO} by style and tempo, as players do.",
    AUTO, 0.5, 0.75, nudge=0.01, words=(AUTO,),
)  # fmt: skip

STYLE = Control(
    "style",
    "swing: walking bass and ride; shuffle: triplets and backbeat; slow: a slow blues in 12/8; funk: straight eighths; "
    "new-orleans: a street beat; pads: held chords alone.",
    str(Style.SWING),
    choices=tuple(map(str, Style)),
)

BAND = Control("band", "How lively the band plays: 0 plain, 1 lively.", 0.5, 0, 1, nudge=0.1)

MODE = Control(
    "mode",
    "trade: turns of some bars; phrase: it answers when you pause; duet: both at once; solo: improv alone; "
    "listen: you alone.",
    str(Mode.TRADE),
    choices=tuple(map(str, Mode)),
)

BARS = Control("bars", "Bars in a turn when trading.", 4, 1, 96, "bars", nudge=1, whole=True)

GAP = Control("gap", "Beats of silence that end your phrase, in phrase mode.", 1.5, 0.5, 8, "beats", nudge=0.5)

MEANT, NEAREST = "meant", "nearest"

HEARING = Control(
    "hearing", "meant: your notes where you meant them; nearest: each on the nearest tick.", MEANT,
    choices=(MEANT, NEAREST),
)  # fmt: skip

APART, TOGETHER = "apart", "together"

DUET = Control(
    "duet", "apart: improv hears your line as yours, and leaves it room; together: both as one line.", APART,
    choices=(APART, TOGETHER),
)  # fmt: skip

WAIT = Control(
    "wait", "Bars of silence after which improv plays by itself, in phrase mode; 0: it waits for you.",
    2, 0, 32, "bars", nudge=1, whole=True,
)  # fmt: skip

DRAFTS = Control(
    "drafts", "How many times each bar of an answer is drawn, of which the best is played; 0: as it comes.",
    8, 0, 32, "drafts", nudge=1, whole=True,
)  # fmt: skip

TEMPERATURE = Control(
    "temperature", "How freely notes are drawn: 0 the likeliest, 1 as trained, above 1 wilder.", 0.8, 0, 3, nudge=0.1
)

TOP_P = Control(
    "top-p", "Leave out the unlikeliest notes: only those that make up this probability are drawn.", 1, 0, 1, nudge=0.05
)

DENSITY = Control(
    "density", "How busy the answer is: below 0 it holds more, above 0 it strikes more.", 0, -1, 1, nudge=0.1
)

RESTS = Control(
    "rests", "How much the answer pauses: below 0 it plays on, above 0 it rests more often and longer.",
    0, -1, 1, nudge=0.1,
)  # fmt: skip

BREATH = Control(
    "breath", "How long phrases last in a solo: 0 as the network has them, 1 as people's do, above 1 longer.",
    1, 0, 2, nudge=0.1,
)  # fmt: skip

BUILD = Control(
    "build",
    "How far a solo builds up and takes up its own figures: 0 as it comes, 1 as people's, above 1 more.",
    1,
    0,
    2,
    nudge=0.1,
)

MOTIFS = Control(
    "motifs",
    "How much a solo comes back to what was played in it, yours and its own: 0 as it comes, 1 most.",
    0.8,
    0,
    1,
    nudge=0.1,
)

REGISTER = Control("register", "Octaves the answer lies above yours.", 0, -2, 2, "octaves", nudge=1, whole=True)

VOICE = Control(
    "voice", f"The instrument whose range and phrases the melody takes after; {ANY}: none in particular.", "alto",
    choices=(ANY, *VOICES),
)  # fmt: skip

LEANING = Control(
    "leaning", "How much the answer leans on chord tones: 0 as it likes, 1 nothing else.", 0, 0, 1, nudge=0.1
)

DYNAMICS = Control(
    "dynamics", "How much louder and softer notes of the melody are: 0 flat, 1 as people play.", 1, 0, 1, nudge=0.1
)

FEEL = Control(
    "feel", "How freely the melody lies in time, and how short its notes are: 0 on the grid, held; 1 as people play.",
    1, 0, 1, nudge=0.1,
)  # fmt: skip

CHANGES = Control(
    "changes", "How freely chords are drawn: 0 keeps to the form, 1 changes it as players do, above 1 wilder.",
    0, 0, 1.5, nudge=0.1,
)  # fmt: skip

KEY = Control(
    "key", f"The key to play in; {OWN} is the model's.", OWN, choices=(OWN, *PITCH_CLASSES), spelled=key_spelled
)

SEED = Control(
    "seed", "Another seed, other notes; the same one makes a jam repeatable.", 0, 0, 2**31 - 1, whole=True, nudge=1
)

COUNT_IN = Control("count-in", "Bars of clicks before the top of the form.", 1, 0, 4, "bars", nudge=1, whole=True)

THRU = Control("thru", "Pass what you play on, as it is.", OFF, choices=SWITCH, nudge=1)

MODEL = Control("model", "The network that plays: a name (improv models) or an .onnx file.", "partner")

CONTROLS: Mapping[str, Control] = MappingProxyType(
    {
        control.name: control
        for control in (
            TEMPO, SWING, STYLE, BAND, MODE, BARS, GAP, WAIT, TEMPERATURE, TOP_P, DENSITY, RESTS, BREATH, BUILD,
            MOTIFS, REGISTER, VOICE, LEANING, DYNAMICS, FEEL, CHANGES, DRAFTS, KEY, MODEL, SEED, COUNT_IN,
            *PART_CONTROLS, HEARING, DUET, THRU,
        )
    }
)  # fmt: skip
"""Everything that can be turned while it plays."""

SYSTEM_CONTROLS = frozenset({MODEL.name, THRU.name})
"""Controls of the system that plays; all others are a session's."""

MELODY_CONTROLS = tuple(
    control.name
    for control in (
        DUET, DRAFTS, TEMPERATURE, TOP_P, DENSITY, RESTS, BREATH, BUILD, MOTIFS, REGISTER, VOICE, LEANING, DYNAMICS,
        FEEL, SEED,
        *(column[Part.MELODY] for column in COLUMNS.values()),
    )
)  # fmt: skip
"""The controls that only a network with a melody can obey."""

FORMER: Mapping[str, str] = MappingProxyType(
    {former: control.name for control in CONTROLS.values() for former in control.former}
)
"""The name of each control that was called otherwise before, by its former name."""


def current(name: str) -> str:
    """Return what is called `name` by its present name, where that is the former one of a control."""
    return FORMER.get(name, name)


def control_named(name: str) -> Control:
    """Return the control with a name, the present or a former one; UsageError, with the nearest, if there is none."""
    found = CONTROLS.get(current(name))
    if found is None:
        raise UsageError(f"no control {name!r}{nearest(name, tuple(CONTROLS))}; choose from {', '.join(CONTROLS)}")
    return found


_UNTURNED = Mixer()


SOLOIST_RULES = 3
"""The version of the rules by which the soloist hears the player, plays beside them in a duet, and builds a solo.

0: a player has the timing that was measured of soloists. 1: they may also be exact; improv keeps farther from them.
2: the repeats of a solo come in runs, mostly of its latest idea and where that was; before, each by itself.
3: a solo rises until its last chorus but one; the more of what was played counts, the nearer to 1 is the temperature,
and less of it counts while a line repeats itself.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What the player has chosen: the values of the controls that the session obeys.

    Tempo and swing belong to the transport, `model` to the daemon, `thru` to the player process. JSON without a style
    was written before there were styles: then there were held chords alone, and improv waited for a phrase.
    """

    mode: Mode
    style: Annotated[Style, JsonName("style", absent=Style.PADS)] = Style.SWING
    band: Annotated[float, JsonName("band", absent=0.0)] = float(BAND.default)
    auto_swing: bool = False
    """Whether the transport's swing follows style and tempo."""
    bars: int = int(BARS.default)
    gap: float = float(GAP.default)
    wait: Annotated[int, JsonName("wait", absent=0)] = int(WAIT.default)
    hearing: Annotated[str, JsonName("hearing", absent=NEAREST)] = MEANT
    duet: Annotated[str, JsonName("duet", absent=TOGETHER)] = APART
    drafts: Annotated[int, JsonName("drafts", absent=0)] = int(DRAFTS.default)
    temperature: float = float(TEMPERATURE.default)
    top_p: float = float(TOP_P.default)
    density: float = float(DENSITY.default)
    rests: float = float(RESTS.default)
    breath: Annotated[float, JsonName("breath", absent=0.0)] = float(BREATH.default)
    build: Annotated[float, JsonName("build", absent=0.0)] = float(BUILD.default)
    motifs: Annotated[float, JsonName("motifs", absent=0.0)] = float(MOTIFS.default)
    register: int = int(REGISTER.default)
    voice: Annotated[str, JsonName("voice", absent=ANY)] = str(VOICE.default)
    leaning: float = float(LEANING.default)
    dynamics: Annotated[float, JsonName("dynamics", absent=0.0)] = float(DYNAMICS.default)
    feel: Annotated[float, JsonName("feel", absent=0.0)] = float(FEEL.default)
    changes: float = float(CHANGES.default)
    key: str = str(KEY.default)
    seed: int = int(SEED.default)
    count_in: int = int(COUNT_IN.default)
    soloist_rules: Annotated[int, JsonName("soloist_rules", absent=0)] = SOLOIST_RULES
    """`SOLOIST_RULES` as it was when a take was made, so that it is played again by its own. No control."""
    mixer: Inlined[Mixer] = _UNTURNED

    @classmethod
    def of(cls, **fields: Any) -> "Settings":
        """Return settings from values by control field, such as `top_p` or `melody_level`.

        The rest have their defaults.
        """
        mixed = {name: fields.pop(name) for name in Mixer.json_types() if name in fields}
        if "style" in fields:
            fields["style"] = Style(str(fields["style"]))
        return cls(**fields, mixer=Mixer().with_values(mixed))

    @classmethod
    def have(cls, control: Control) -> bool:
        """Return whether a control is a field of the settings."""
        return control.field in cls.__slots__ or place_of(control) is not None

    def value(self, control: Control) -> Value:
        """Return the value of a control that the settings have."""
        if place_of(control) is not None:
            return self.mixer.value(control)
        value: Value = getattr(self, control.field)
        return value

    def with_value(self, control: Control, value: Value) -> "Settings":
        """Return the settings with another, valid value of a control (see `Control.checked`)."""
        if place_of(control) is not None:
            return replace(self, mixer=self.mixer.with_values({control.field: value}))
        kind = {MODE.name: Mode, STYLE.name: Style}.get(control.name)
        chosen: Any = value if kind is None else kind(str(value))
        return replace(self, **{control.field: chosen})
