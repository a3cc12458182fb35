"""What a performance is: the session at a step, what was heard during it, and what it plays. Values only."""

from dataclasses import field

import numpy as np
from numpy.typing import NDArray

from improv.dataclass import dataclass
from improv.models.contract import Tensor, Tensors
from improv.models.encodings import StepInput
from improv.music.grid import Grid
from improv.music.notes import SILENCE, Cell, Frame, Placed
from improv.music.parts import DEFAULT_VOLUME, MIXED_PARTS
from improv.music.theory import Chord, Form, shortest_way
from improv.music.transport import Transport
from improv.music.turns import NOTHING_YET, Answer, Call, Rules, Turn
from improv.protocol.controls import OWN, Settings
from improv.protocol.heard import Heard
from improv.protocol.snapshot import ByRule, How
from improv.session.band.hearing import NOTHING_HEARD, Hearing
from improv.session.band.part_state import ALL_REST, PartStates
from improv.session.decoding import Readings
from improv.session.expression_state import AS_NOTATED, ExpressionState
from improv.session.phrases import NO_PHRASES, Phrases
from improv.session.timing import MANNERS, Timing

MELODY_VELOCITY = 88


@dataclass(frozen=True, slots=True)
class Key:
    """A key the player pressed: onset and release in ticks of the performance, both on the grid."""

    pitch: int
    velocity: int
    onset: int
    release: int | None = None
    ornament: bool = False
    """Whether it is one of the note that begins at its onset, and has no place in the rhythm of its own."""


@dataclass(frozen=True, slots=True)
class Strike:
    """Keys that were struck together, as a chord is, while it is not settled which tick was meant."""

    beats: float
    """When, in beats of the performance."""
    keys: tuple[Key, ...]
    """As they are read so far."""


@dataclass(frozen=True, slots=True)
class PitchLogits:
    """What a network has said of its melody's pitches: logits, and what was added to their logarithms, (units,)."""

    logits: Tensor
    distribution: str
    bias: NDArray[np.float64]
    pitches: tuple[int, ...]
    """MIDI pitches of the first units; those behind them stand for none."""
    octaves: int
    """How far above the network's range they are played."""


@dataclass(frozen=True, slots=True)
class PlayingStyle:
    """How improv plays its melody: the mean velocity and the octaves above the network's own range."""

    velocity: int = MELODY_VELOCITY
    octaves: int = 0
    follows: bool = False
    """Whether it is the player's; else each phrase begins over the chords."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """Where a performance is."""

    step: int
    form_start: int = 0
    """The step of the top of the form, from which choruses and bars are counted."""
    playing: bool = True
    """Whether it goes on from step to step; while it does not, everything stays as it is."""
    transport: Transport
    pending_swing: float | None = None
    """The swing to come with the next beat."""
    taps_s: tuple[float, ...] = ()
    """When the tempo was tapped, in seconds of the clock."""

    @property
    def swing(self) -> float:
        """The swing in force, or the one that begins with the next beat."""
        return self.transport.swing if self.pending_swing is None else self.pending_swing


@dataclass(frozen=True, slots=True)
class ModelTune:
    """The tune as the network knows it."""

    form: Form
    """The form in the network's key."""
    key: str
    """The network's key."""
    choruses: int | None = None
    """How many choruses there are to be; None where it goes on until it is stopped."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listener:
    """What was heard of the player."""

    keys: tuple[Key, ...] = ()
    """Keys that are down, or that belong to a step still to come."""
    recent_keys: tuple[Key, ...] = ()
    """The player's last notes in this turn."""
    previous_cell: Cell = SILENCE
    """What the player played in the step before."""
    call: Call | None = None
    """What the player has played since improv last did."""
    call_start_step: int | None = None
    """The step at which the player's turn began that improv answers; None where it answers none."""
    took_turn: bool = False
    """Whether the player has the turn because they took it from improv."""
    timing: Timing = Timing()
    """How late and how far swung the player plays, if as people do."""
    exact_timings: tuple[Timing, ...] = (Timing(),) * (len(MANNERS) - 1)
    """The same for each other manner that they may have; none where a take's rules know of people alone."""
    strikes: tuple[Strike, ...] = ()
    """What may still be read otherwise; its keys are among `keys` as well."""
    readings: Readings = Readings()
    """How the strikes can be read."""
    revisable_steps: int = 0
    """How many steps before this one may still be read otherwise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkState:
    """What the network remembers, and what it is still to be fed; all in its own key and range."""

    memory: Tensors = field(compare=False)
    earlier_memories: tuple[Tensors, ...] = field(default=(), compare=False)
    """The memory before each of the last inputs that it was fed, as many as may be revised."""
    output: Frame
    """What the network chose for the step; before step 0 the end of its primer."""
    logits: PitchLogits | None = field(default=None, compare=False)
    """What the network has said of the melody in the step; None where it was not asked."""
    chord_lookahead: tuple[Chord | None, ...] = ()
    """The chords of the steps to come, as far as they are decided."""
    pending_inputs: tuple[StepInput, ...] = ()
    """What sounded in steps the network failed at, still to be fed to it."""
    recent_inputs: tuple[StepInput, ...] = ()
    """What the network was fed in the last chorus: another network begins with it."""
    steps_behind: int = 0
    """Steps since the network last decided one."""
    stream: int = 0
    """The stream of random numbers that the melody is drawn from: the draft that was chosen; 0 where none was."""

    def hearing(self, recent_inputs: tuple[StepInput, ...], stream: int) -> "NetworkState":
        """Return the state with other recent inputs, and a stream to draw from."""
        return NetworkState(
            memory=self.memory,
            output=self.output,
            logits=self.logits,
            chord_lookahead=self.chord_lookahead,
            pending_inputs=self.pending_inputs,
            recent_inputs=recent_inputs,
            steps_behind=self.steps_behind,
            earlier_memories=self.earlier_memories,
            stream=stream,
        )


DEFAULT_LEVELS = (DEFAULT_VOLUME,) * len(MIXED_PARTS)
"""The MIDI volumes of `MIXED_PARTS` before their synth is told any."""

OWN_PROGRAMS = tuple(part.row.program for part in MIXED_PARTS)
"""The General MIDI programs of `MIXED_PARTS` that no synth is told: it may have been given another sound by hand."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BandState:
    """What improv plays."""

    frame: Frame
    """What improv plays in the step, in the key of the performance."""
    parts: PartStates = ALL_REST
    """What the players of the accompanying parts keep, what sounds of each among it."""
    hearing: Hearing = NOTHING_HEARD
    """What they have heard of player and soloist."""
    events: tuple[Placed, ...] = field(default=(), compare=False)
    """What they play in the step."""
    by_rule: tuple[ByRule, ...] = ()
    """The parts whose networks failed or were late in the step."""
    levels: tuple[int, ...] = DEFAULT_LEVELS
    """How loud `MIXED_PARTS` are, as far as their synth was told: MIDI volumes, 0 to 127."""
    programs: tuple[int, ...] = OWN_PROGRAMS
    """The programs of `MIXED_PARTS`, as far as their synth was told, 0 to 127."""
    style: PlayingStyle = PlayingStyle()
    answer: Answer = NOTHING_YET
    """What improv has played in this turn."""
    expression: ExpressionState = AS_NOTATED
    """How the melody is played."""
    phrases: Phrases = NO_PHRASES
    """How the phrases of a solo have begun."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """What has gone wrong."""

    missed_steps: int = 0
    """Steps whose time had passed before they could be played."""
    faults: int = 0
    """Steps the network failed at or was late for."""
    consecutive_faults: int = 0
    """Steps that the network has failed at, other than by being late, since it last decided one."""
    last_fault: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A performance at the start of a step: where it is, what it remembers, what sounds."""

    position: Position
    settings: Settings
    """What the player has chosen."""
    tune: ModelTune
    turn: Turn
    listener: Listener = Listener()
    network: NetworkState
    band: BandState
    health: Health = Health()

    @property
    def step(self) -> int:
        """The step that begins, counted from the first one of the performance."""
        return self.position.step

    @property
    def grid(self) -> Grid:
        """The grid of the network: how its steps lie in the beat."""
        return self.tune.form.grid

    @property
    def tick(self) -> int:
        """Start of the session's step, in ticks."""
        return self.position.step * self.grid.ticks_per_step

    @property
    def place(self) -> int:
        """The step counted from the top of the form; negative during the count-in."""
        return self.position.step - self.position.form_start

    @property
    def rules(self) -> Rules:
        """The rules of turn taking in force."""
        return rules_of(self.settings, self.position.form_start, self.grid)

    @property
    def semitones(self) -> int:
        """Interval from the network's key to the performance's, the shortest way: -5 to 6 semitones."""
        return 0 if self.settings.key == OWN else shortest_way(self.tune.key, self.settings.key)


def rules_of(settings: Settings, top: int, grid: Grid) -> Rules:
    """Return the rules of turn taking that settings ask for; `top` is the step of the top of the form."""
    return Rules(settings.mode, settings.bars, settings.gap, top, grid, settings.wait)


@dataclass(frozen=True, slots=True)
class Played:
    """What leaves at the next step: its frame, and the events by their place in the music."""

    frame: Frame
    events: tuple[Placed, ...]


@dataclass(frozen=True, slots=True)
class Moment:
    """What happened at a step, for what shows or records it."""

    session: Session
    heard: Heard
    """What arrived during the step before."""
    played: Played
    planned: Session
    """The next step, as it will be if nothing more is heard; the session itself where there is none."""
    how: How = How.NETWORK
    skipped_choruses: int = 0
    """Whole choruses left out before it, after a long gap."""
    draft: int = 0
    """The draft that is played from it on, by number: see `improv.session.drafts`; 0 where none was chosen for it."""
    late_drafts: bool = False
    """Whether drafts were to be played from it on, and were not there in time."""
