"""The core: what a performance is, and how one step leads to the next.

`advance` is a function of values: the session so far, what was heard during its step, and a
model. It decides what sounds at the next step. It reads no clock, opens nothing and keeps
nothing, so an older session can always be taken up again.

Two keys are in play. The network lives in its own key and range (`chosen`); the performance
sounds in the player's (`frame`). What is heard is brought into the network's on the way in, what
is chosen is brought into the performance's on the way out.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from functools import cache
from itertools import count, pairwise
from math import copysign
from statistics import median
from typing import Any, assert_never

import numpy as np
from numpy.typing import NDArray

from improv.models.contract import ModelSpec, StepModel, Tensor, Tensors, no_memory
from improv.models.encodings import CHORD_HEAD, ENCODINGS, Choice, Choosing, Encoding, Fed, Steer
from improv.models.sampling import draw, on_units, one_unit
from improv.music.theory import (
    OWN_VOLUME,
    PITCH_CLASSES,
    SILENCE,
    STEPS_PER_BAR,
    STEPS_PER_BEAT,
    TICKS_PER_BEAT,
    TICKS_PER_STEP,
    Cell,
    Chord,
    Form,
    Frame,
    NoteOff,
    NoteOn,
    Onset,
    Part,
    Place,
    Placed,
    Release,
    Timed,
    Volume,
    in_order,
    pitch_class,
    shortest_way,
)
from improv.music.transport import Transport
from improv.music.turns import (
    NOTHING_YET,
    Answer,
    Call,
    Ear,
    Mode,
    Rules,
    Turn,
    Who,
    first_turn,
    is_stray,
    is_taken,
    owes_a_note,
    turn_after,
)
from improv.protocol.commands import (
    CHORDS_LEVEL,
    CLICK_LEVEL,
    MELODY_CONTROLS,
    MELODY_LEVEL,
    MODE,
    ON,
    OWN,
    SWING,
    TEMPO,
    Chance,
    Command,
    Connect,
    Forget,
    HandOver,
    How,
    Learn,
    Loudness,
    Nudge,
    Panic,
    Press,
    Quit,
    Restart,
    Set,
    Settings,
    Snapshot,
    Start,
    Stop,
    Tap,
    Value,
    control_named,
)

CHORDS_LOW = 48
"""Chords are voiced in the octave above this pitch (C3)."""

CLICK_PITCH = 37
"""Side stick in General MIDI."""

MELODY_VELOCITY = 88
CHORD_VELOCITY = 58
CLICK_VELOCITY = 84
ACCENT = 10
"""How much louder the first beat of a bar is, and how much softer a note off the beat."""

_LEVELS = ((Part.MELODY, MELODY_LEVEL), (Part.CHORDS, CHORDS_LEVEL), (Part.DRUMS, CLICK_LEVEL))

LATE = "the network was late"
"""The fault of a network that has done nothing wrong but was too slow."""

_FAULTS_BEFORE_FORGETTING = 4
"""After so many failed steps in a row the network starts again from an empty memory."""

_USUAL_CHORDS = 0.98
"""A chord is drawn among the likeliest that together are so probable (Holtzman et al. 2020, section 3.1)."""

_CHORD_DRAW, _CHORUS_DRAW = 255, 254
"""The numbers of the chord's draw within a step, and of the chorus's; a melody's count from 0 and are a few."""

_KEPT_CHANGES = 2 / 3
"""The share of choruses that players play over the changes of the one before (`python -m training substitutions`)."""

_REMEMBERED_KEYS = 16
"""How many of the player's notes the answer takes its register and loudness from."""

_MARGIN = 18
"""The semitones that a line should have above and below it, where the network's range has them."""

_BEGINS = (CHORDS_LOW + 12, CHORDS_LOW + 34)
"""The lowest and the highest pitch with which a phrase begins that follows no player's register, C4 to Bb5."""

_SEEN_OF_MEMORY = 48

_TAPS, _TAP_PAUSE_S = 5, 3.0
"""So many taps are averaged, and after such a pause they begin anew."""

_OF_THE_RIG = frozenset({"model", "thru"})
"""Controls that the daemon and the player obey."""


@dataclass(frozen=True, slots=True)
class Key:
    """A key the player pressed: onset and release in ticks of the performance, both on the grid."""

    pitch: int
    velocity: int
    onset: int
    release: int | None = None


@dataclass(frozen=True, slots=True)
class Odds:
    """What a network has said of its melody's units: logits, and what was added to their logarithms, (units,)."""

    logits: Tensor
    distribution: str
    bias: NDArray[np.float64]
    pitches: tuple[int, ...]
    octaves: int
    """How far above the network's range they are played."""


@dataclass(frozen=True, slots=True)
class Touch:
    """How improv plays its melody: the mean velocity and the octaves above the network's own range."""

    velocity: int = MELODY_VELOCITY
    octaves: int = 0
    follows: bool = False
    """Whether it is the player's; else each phrase begins over the chords."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A performance at the start of `step`: where it is, what it remembers, what sounds."""

    step: int
    transport: Transport
    settings: Settings
    form: Form
    """The form in the network's key."""
    own_key: str
    """The network's key."""
    turn: Turn
    top: int = 0
    """The step of the top of the form, from which choruses and bars are counted."""
    playing: bool = True
    """Whether it goes on from step to step; while it does not, everything stays as it is."""
    chosen: Frame
    """What the network chose for `step`, in its own key and range; before step 0 the end of its primer."""
    frame: Frame
    """What improv plays in `step`."""
    memory: Tensors = field(compare=False)
    odds: "Odds | None" = field(default=None, compare=False)
    """What the network has said of the melody in `step`; None where it was not asked."""
    voicing: tuple[int, ...] = ()
    """The pitches of the chord that sound."""
    levels: tuple[int, ...] = (OWN_VOLUME,) * len(_LEVELS)
    """How loud the parts are, as far as their synth was told."""
    ahead: tuple[Chord | None, ...] = ()
    """The chords of the steps to come, as far as they are settled, in the network's key."""
    unfed: tuple[Fed, ...] = ()
    """What sounded in steps the network failed at, still to be fed to it."""
    behind: int = 0
    """Steps since the network last decided one."""
    touch: Touch = Touch()
    heard: Cell = SILENCE
    """What the player played in the step before."""
    keys: tuple[Key, ...] = ()
    """Keys that are down, or that belong to a step still to come."""
    recent: tuple[Key, ...] = ()
    """The player's last notes in this turn."""
    answer: Answer = NOTHING_YET
    """What improv has played in this turn."""
    call: Call | None = None
    """What the player has played since improv last did."""
    took_turn: bool = False
    """Whether the player has the turn because they took it from improv."""
    answering: int | None = None
    """The step at which the player's turn began that improv answers; None where it answers none."""
    past: tuple[Fed, ...] = ()
    """What the network was fed in the last chorus: another network begins with it."""
    swing: float | None = None
    """The swing to come with the next beat."""
    taps: tuple[float, ...] = ()
    """When the tempo was tapped, in seconds of the clock."""
    missed_steps: int = 0
    """Steps whose time had passed before they could be played."""
    faults: int = 0
    """Steps the network failed at or was late for."""
    faults_in_a_row: int = 0
    """Steps that the network has failed at, other than by being late, since it last decided one."""
    fault: str = ""

    @property
    def place(self) -> int:
        """The step counted from the top of the form; below zero it is counted in."""
        return self.step - self.top

    @property
    def rules(self) -> Rules:
        """The game that is played."""
        return Rules(self.settings.mode, self.settings.bars, self.settings.gap, self.top)

    @property
    def semitones(self) -> int:
        """How far the performance lies above the network's key, the shortest way: -5 to 6."""
        return 0 if self.settings.key == OWN else shortest_way(self.own_key, self.settings.key)


@dataclass(frozen=True, slots=True)
class Heard:
    """What arrived during a step: notes with their time of arrival, and commands in their order."""

    notes: tuple[Timed, ...] = ()
    commands: tuple[Command, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.notes or self.commands)

    def __add__(self, later: "Heard") -> "Heard":
        return Heard(self.notes + later.notes, self.commands + later.commands)

    def since(self, earlier: "Heard") -> "Heard":
        """What has come after an earlier state of it."""
        return Heard(self.notes[len(earlier.notes) :], self.commands[len(earlier.commands) :])


@dataclass(frozen=True, slots=True)
class Played:
    """What leaves at the next step: its frame, and the events by their place in the music."""

    frame: Frame
    events: tuple[Placed, ...]


@dataclass(frozen=True, slots=True)
class Moment:
    """What happened at a step, for whoever shows or records it."""

    session: Session
    heard: Heard
    """What arrived during the step before."""
    played: Played
    planned: Session
    """The next step, as it will be if nothing more is heard; the session itself where there is none."""
    how: How = How.NETWORK
    leapt: int = 0
    """Whole choruses that were leapt over before it."""


def begin(model: StepModel, settings: Settings, transport: Transport, *, count_in_bars: int = 0) -> Session:
    """A session one step before its first, the network primed and ready for the top of the form.

    The network first hears one silent chorus of the form, at its end one of the model's primers,
    up to 24 notes (Eck & Schmidhuber 2002, section 4.2), so that it starts as it will go on.
    """
    encoding = ENCODINGS[model.spec.encoding]
    form = Form.parse(model.spec.form)
    primers = model.spec.primers
    primer = primers[settings.seed % len(primers)] if primers else ()
    melody = (SILENCE,) * (form.steps - len(primer)) + encoding.melody(primer)
    frames = [Frame(cell, form.chord_at(step)) for step, cell in enumerate(melody)]
    memory = no_memory(model.spec)
    for place, frame in enumerate(frames[:-1]):  # the last one is stepped on the way to step 0
        fed = Fed(frame, place, _settled(form, place, encoding), form.steps, bpm=transport.bpm)
        _, memory = model.step(_features(fed, encoding, model), memory)
    first = -count_in_bars * STEPS_PER_BAR
    return Session(
        step=first - 1,
        transport=transport,
        settings=settings,
        form=form,
        own_key=model.spec.key,
        turn=first_turn(first, Rules(settings.mode, settings.bars, settings.gap)),
        chosen=frames[-1],
        frame=Frame(SILENCE, None),
        ahead=_settled(form, -1, encoding),
        memory=memory,
    )


def advance(session: Session, heard: Heard, model: StepModel) -> tuple[Session, Played]:
    """The session one step later, and what sounds there.

    `heard` holds what arrived since the session's step was planned; an onset belongs to its
    nearest place on the model's grid. Whatever the model raises is raised.
    """
    encoding = ENCODINGS[model.spec.encoding]
    before, session, fed = _up_to_the_decision(session, heard, encoding)
    if not _sounds(session):
        return _without_music(before, session, fed, audible=True)
    memory = before.memory
    *earlier, last = (*before.unfed, *fed)
    for each in earlier:
        _, memory = model.step(_features(each, encoding, model), memory)
    features = _features(last, encoding, model)
    outputs, after = model.step(features, memory)

    def asked(choice: Choice) -> Tensor:
        return model.ask(choice.head, {**features, **_taken(choice.features, model)}, after)

    newest = encoding.chord(_chord_units(outputs[CHORD_HEAD], last, encoding, session), session.form)
    chord, *ahead = (*last.ahead, newest)
    melody, odds = SILENCE, None
    if has_melody(model.spec):
        choosing = encoding.choosing(_steer(session, before), chord, before.chosen.melody, last.asked)
        melody, odds = _improvised(choosing, outputs, asked, session, model.spec)
    session = replace(session, touch=_over_the_chords(session, melody, before.frame.melody))
    session = _choosing(
        Frame(melody, chord), before, session, ahead=tuple(ahead), memory=after, odds=odds,
        unfed=(), behind=0, faults_in_a_row=0,
    )  # fmt: skip
    return session, Played(session.frame, _events(before, session))


def _chord_units(logits: Tensor, fed: Fed, encoding: Encoding, session: Session) -> Tensor:
    """The units of the chord that is decided: each by itself, or one that keeps the form, the likeliest or drawn.

    Temperature chooses only among those that are likely as the network was trained: where players would hardly ever
    change, nothing does, however freely chords are drawn.
    """
    distribution = encoding.heads[CHORD_HEAD].distribution
    if distribution == "bernoulli":
        return on_units(logits)
    settings, bias = session.settings, encoding.chord_bias(fed)
    if not settings.changes:
        likely = one_unit(logits, 0, distribution=distribution, bias=bias)
        return np.asarray(likely == likely.max(), np.float32)
    usual = one_unit(logits, 1, distribution=distribution, bias=bias, top_p=_USUAL_CHORDS)
    bias = np.where(usual > 0, bias, -np.inf)
    likely = one_unit(logits, settings.changes, distribution=distribution, bias=bias)
    unit = draw(likely, settings.seed, _drawn_as_at(session, encoding), _CHORD_DRAW)
    return np.asarray(np.arange(len(likely)) == unit, np.float32)


def _drawn_as_at(session: Session, encoding: Encoding) -> int:
    """The step as which the chord that is decided is drawn: its own, or that at its place in a chorus before.

    What is drawn again is the same wherever the network thinks the same: so choruses share their changes as players'
    do, and another follows now and then.
    """
    chorus, place = divmod(session.place + encoding.settled, session.form.steps)
    steps, kept = session.form.steps, np.array([_KEPT_CHANGES, 1 - _KEPT_CHANGES])
    while chorus > 0 and draw(kept, session.settings.seed, session.top + chorus * steps, _CHORUS_DRAW) == 0:
        chorus -= 1
    return session.top + chorus * steps + place


def has_melody(spec: ModelSpec) -> bool:
    """Whether a network improvises, or knows the changes alone."""
    return all(head in spec.heads for head in ENCODINGS[spec.encoding].melody_heads)


def deaf_to(spec: ModelSpec) -> tuple[str, ...]:
    """The controls that a network cannot obey: one without a melody none of the melody's."""
    deaf = ENCODINGS[spec.encoding].deaf_to
    return deaf if has_melody(spec) else tuple(dict.fromkeys((*MELODY_CONTROLS, *deaf)))


def _improvised(
    choosing: Choosing, outputs: Tensors, asked: Callable[[Choice], Tensor], session: Session, spec: ModelSpec
) -> tuple[Cell, Odds | None]:
    """What improv plays in the session's step, one choice after another, and what the network said of its first pitch.

    `outputs` are the heads before any choice; `asked` gives a head's logits once some have been made. Where it is
    not improv's turn nothing is drawn.
    """
    settings, octaves = session.settings, session.touch.octaves + session.settings.register
    odds: Odds | None = None
    choice = next(choosing)
    logits = outputs[choice.head]
    for number in count():
        distribution = spec.heads[choice.head].distribution
        if odds is None and choice.pitches:
            odds = Odds(logits.ravel(), distribution, choice.bias, choice.pitches, octaves)
        if not session.turn.who.plays:
            break
        likely = one_unit(
            logits,
            max(settings.temperature, choice.least_temperature),
            distribution=distribution,
            bias=choice.bias,
            top_p=max(settings.top_p, choice.least_top_p),
        )
        try:
            choice = choosing.send(draw(likely, settings.seed, session.step, number))
        except StopIteration as done:
            return done.value, odds
        logits = asked(choice)
    return SILENCE, odds


def silence(model: StepModel) -> Tensors:
    """What a network is fed of a silent step at the top of its form."""
    encoding = ENCODINGS[model.spec.encoding]
    (fed,) = _changes(Form.parse(model.spec.form), range(1), encoding, float(TEMPO.default))
    return _features(fed, encoding, model)


def caught_up(session: Session, model: StepModel) -> Session:
    """The session with the first of what the network has missed fed to it. Whatever the model raises is raised."""
    fed, *unfed = session.unfed
    _, memory = model.step(_features(fed, ENCODINGS[model.spec.encoding], model), session.memory)
    return replace(session, memory=memory, unfed=tuple(unfed))


def fallback(
    session: Session, heard: Heard, model: StepModel, fault: str, *, audible: bool = True
) -> tuple[Session, Played]:
    """The session one step later without the network, which has failed or is late.

    The form's chord and, in improv's turn, a plain line of its chord tones on the beats. Where the
    step's time has passed already, `audible=False` only ends what sounds, and the step counts as missed.
    What the network should have been fed is kept for its next step, so that it loses no place.
    An empty `fault` says that nothing has gone wrong yet.
    """
    encoding = ENCODINGS[model.spec.encoding]
    before, session, fed = _up_to_the_decision(session, heard, encoding)
    if fault:
        in_a_row = before.faults_in_a_row + (fault != LATE)
        session = replace(session, faults=before.faults + 1, faults_in_a_row=in_a_row, fault=fault)
    if not audible:
        session = replace(session, missed_steps=before.missed_steps + 1)
    if not _sounds(session):
        return _without_music(before, session, fed, audible=audible)
    chord, *ahead = (*fed[-1].ahead, session.form.chord_at(session.place + encoding.settled))
    melody = SILENCE
    if audible and session.turn.who.plays and has_melody(model.spec):
        melody = _plain_line(session.place, chord, encoding)
    session = _choosing(
        Frame(melody, chord), before, session, ahead=tuple(ahead), odds=None,
        unfed=(*before.unfed, *fed), behind=before.behind + 1,
    )  # fmt: skip
    failing = session.faults_in_a_row == _FAULTS_BEFORE_FORGETTING > before.faults_in_a_row
    if failing or session.behind % session.form.steps == 0:
        session = _forgetting(session, model)
    events = _events(before, session)
    if not audible:
        events = tuple(placed for placed in events if not isinstance(placed.event, NoteOn))
    return session, Played(session.frame, events)


def idled(session: Session, heard: Heard, start_s: float) -> Session:
    """A session that is stopped, after what was asked for; if it is to start, its next step begins at `start_s`."""
    session = replace(_commanded(session, heard.commands), keys=(), recent=(), call=None, answering=None)
    if session.playing:
        first = session.step + 1
        session = replace(
            session,
            turn=first_turn(first, session.rules),
            took_turn=False,
            transport=session.transport.starting(first, start_s),
        )
    return session


def swapped(session: Session, model: StepModel) -> Session:
    """The session with another network, which begins with what was played in the last chorus, or its changes alone."""
    form, spec, encoding = Form.parse(model.spec.form), model.spec, ENCODINGS[model.spec.encoding]
    up = shortest_way(session.own_key, spec.key)
    sounding = PITCH_CLASSES[(pitch_class(session.own_key) + session.semitones) % 12]
    waits = not session.playing or session.place < 0
    end = form.steps - 1 if waits else session.place  # the place that is fed next
    top = (end // form.steps - 1) * form.steps  # from the top of the chorus before: it counts from there
    kept = (session.past[:-1] if waits else session.past)[-form.steps :]
    heard = [
        replace(
            fed, frame=_moved(fed.frame, up), place=place, ahead=_settled(form, place, encoding), form_steps=form.steps
        )
        for place, fed in zip(range(end - len(kept), end), kept, strict=True)
    ]
    past = (*_changes(form, range(top, end - len(heard)), encoding, session.transport.bpm), *heard)
    return replace(
        session,
        settings=replace(session.settings, key=sounding) if up else session.settings,  # the key that sounds stays
        form=form,
        own_key=spec.key,
        chosen=_moved(session.chosen, up),
        ahead=_settled(form, session.place, encoding),
        memory=no_memory(spec),
        unfed=past,
        past=past[-form.steps :],
        behind=0,
        faults_in_a_row=0,
    )


def _moved(frame: Frame, semitones: int) -> Frame:
    chord = frame.chord.transposed(semitones) if frame.chord else None
    return Frame(frame.melody.transposed(semitones), chord)


def leapt(session: Session, choruses: int) -> Session:
    """The session whole choruses later, at the same place of the form: nothing was heard or played in them."""
    return replace(
        session,
        step=session.step + choruses * session.form.steps,
        missed_steps=session.missed_steps + choruses * session.form.steps,
        frame=Frame(SILENCE, session.frame.chord),
        chosen=Frame(SILENCE, session.chosen.chord),
        turn=first_turn(session.step + choruses * session.form.steps, session.rules),
        took_turn=False,
        keys=(),
        recent=(),
        call=None,
        answering=None,
    )


def _forgetting(session: Session, model: StepModel) -> Session:
    """The session with an empty memory, and the changes of its chorus to hear, by which the network finds its place.

    It follows from the step alone, however much of what it has missed the network has been fed already.
    """
    last = session.place - 1
    top = last - last % session.form.steps
    changes = _changes(session.form, range(top, last + 1), ENCODINGS[model.spec.encoding], session.transport.bpm)
    return replace(session, memory=no_memory(model.spec), unfed=changes)


def _changes(form: Form, places: Iterable[int], encoding: Encoding, bpm: float) -> tuple[Fed, ...]:
    """What a network is fed where nothing sounds but the changes of the form."""
    return tuple(
        Fed(Frame(SILENCE, form.chord_at(place)), place, _settled(form, place, encoding), form.steps, bpm=bpm)
        for place in places
    )


def _settled(form: Form, place: int, encoding: Encoding) -> tuple[Chord, ...]:
    """The form's chords that follow a place, as many as are settled."""
    return tuple(form.chord_at(place + after) for after in range(1, encoding.settled + 1))


def _plain_line(step: int, chord: Chord | None, encoding: Encoding) -> Cell:
    """Chord tones up and down the range, one on each beat, the form of it given by the place alone."""
    if step % STEPS_PER_BEAT or chord is None:
        return SILENCE
    tones = [pitch for pitch in encoding.melody_pitches() if pitch % 12 in chord.pitch_classes]
    if not tones:
        return SILENCE
    turn = max(1, 2 * (len(tones) - 1))
    place = step // STEPS_PER_BEAT % turn
    return Cell(onsets=(Onset(tones[min(place, turn - place)]),))


def finish(session: Session) -> Played:
    """What ends the performance after the session's step: what sounds is released, each part as loud as it was."""
    end = (session.step + 1) * TICKS_PER_STEP
    levels = zip(_LEVELS, session.levels, strict=True)
    events = [Placed(end, off) for off in _offs(session)]
    events += [Placed(end, Volume(part, OWN_VOLUME)) for (part, _), level in levels if level != OWN_VOLUME]
    return Played(Frame(SILENCE, None), tuple(events))


def snapshot(session: Session, planned: Session, played: Iterable[Placed] = ()) -> Snapshot:
    """What a client sees of a session, of the plan for its next step, and of the events that are played in it."""
    return Snapshot(
        step=session.step,
        place=Place.of(session.place, session.form),
        turn=session.turn,
        beats_left=session.turn.beats_left(session.step),
        took_turn=session.took_turn,
        playing=session.playing,
        chord=session.frame.chord,
        next_chord=planned.frame.chord,
        heard=session.heard,
        played=session.frame.melody,
        planned=planned.frame.melody if planned.step > session.step else SILENCE,
        form=_form_text(session.form, session.semitones),
        chords=_known_chords(session, planned),
        loudness=_loudness(session, played),
        chances=_chances(planned),
        memory=_squeezed(session.memory),
        tempo=session.transport.bpm,
        swing=session.transport.swing if session.swing is None else session.swing,
        settings=session.settings,
        missed_steps=session.missed_steps,
        faults=session.faults,
        fault=session.fault,
    )


def _known_chords(session: Session, planned: Session) -> tuple[Chord | None, ...]:
    """The chords of the session's bar so far, and those that are settled or planned, in the key that sounds."""
    if not session.playing:
        return ()
    so_far, counted_in = session.place % STEPS_PER_BAR, session.place < 0
    past = [] if counted_in or not so_far else [fed.frame.chord for fed in session.past[-so_far:]]
    chords = [*[None] * (so_far - len(past)), *past, None if counted_in else session.chosen.chord]
    coming: list[Chord | None] = []
    if planned.step > session.step and planned.playing:
        next_ones = [None] * -planned.place if planned.place < 0 else [planned.chosen.chord]
        coming = [*next_ones, *planned.ahead]
    return (*_transposed(chords, session.semitones), *_transposed(coming, planned.semitones))


def _transposed(chords: Iterable[Chord | None], semitones: int) -> tuple[Chord | None, ...]:
    return tuple(chord and chord.transposed(semitones) for chord in chords)


@cache
def _form_text(form: Form, semitones: int) -> str:
    return form.transposed(semitones).text


def _loudness(session: Session, played: Iterable[Placed]) -> Loudness:
    """The loudest onsets: of the player's in the step before the session's, of each part that improv plays in it."""
    step, loudest = session.step - 1, dict.fromkeys(Part, 0)
    for key in (*session.keys, *session.recent):
        if key.onset // TICKS_PER_STEP == step:
            loudest[Part.YOU] = max(loudest[Part.YOU], key.velocity)
    levels = {part: level / OWN_VOLUME for (part, _), level in zip(_LEVELS, session.levels, strict=True)}
    for event in (placed.event for placed in played):
        if isinstance(event, NoteOn):
            loudest[event.part] = max(loudest[event.part], min(127, round(event.velocity * levels[event.part])))
    return Loudness(loudest[Part.YOU], loudest[Part.MELODY], loudest[Part.CHORDS], loudest[Part.DRUMS])


def _chances(session: Session) -> tuple[Chance, ...]:
    """How probable each pitch of the melody was in the session's step, in the pitches that would sound."""
    odds, settings = session.odds, session.settings
    if odds is None:
        return ()
    trained = one_unit(odds.logits, 1.0, distribution=odds.distribution)
    bent = one_unit(
        odds.logits, settings.temperature, distribution=odds.distribution, bias=odds.bias, top_p=settings.top_p
    )
    up = session.semitones + 12 * odds.octaves
    return tuple(
        Chance(pitch + up, round(float(p), 4), round(float(q), 4))
        for pitch, p, q in zip(odds.pitches, trained, bent, strict=True)
    )


def _squeezed(memory: Tensors) -> tuple[float, ...]:
    """At most so many numbers of a memory, of each tensor as many and evenly chosen, squeezed to -1..1."""
    if not memory:
        return ()
    share = -(-_SEEN_OF_MEMORY // len(memory))
    chosen = [tensor.ravel()[:: max(1, -(-tensor.size // share))] for _, tensor in sorted(memory.items())]
    return tuple(round(float(number), 2) for number in np.tanh(np.concatenate(chosen)[:_SEEN_OF_MEMORY]))


def _up_to_the_decision(session: Session, heard: Heard, encoding: Encoding) -> tuple[Session, Session, tuple[Fed, ...]]:
    """The session with all it has heard, the same at its next step, and what the network is fed for the one between.

    That is one step, but where the form is left for its top: then the rest of the chorus too, in silence.
    """
    listened = _listened(session, heard.notes, encoding.grid)
    before = _commanded(listened, heard.commands)
    cell = _cell(before.keys, before.step)
    ear = Ear(
        call=before.call,
        struck=len(cell.onsets),
        so_far=len({key.onset for key in before.recent if key.onset >= before.turn.start * TICKS_PER_STEP}),
        held=any(key.release is None for key in before.keys),
        handed_over=any(isinstance(command, HandOver) for command in heard.commands),
    )
    fed = _left_behind(listened, before, cell, encoding)
    past = before.past if listened.place < 0 else (*before.past, *fed)[-before.form.steps :]
    after = _moved_on(before, listened, cell, ear, past, encoding)
    *earlier, last = fed
    return before, after, (*earlier, replace(last, answers=after.turn.who.plays, asked=_asked(after, after.step)))


def _asked(session: Session, step: int) -> Cell | None:
    """What the player played at the place that a step has in improv's turn; None where nothing was.

    What is farther back than a chorus is forgotten.
    """
    if session.answering is None:
        return None
    wanted = session.answering + step - session.turn.start
    ago = session.step - wanted
    played = wanted < session.turn.start and ago <= len(session.past)
    return session.past[-ago].frame.melody if played else None


def _left_behind(session: Session, before: Session, cell: Cell, encoding: Encoding) -> tuple[Fed, ...]:
    """What the network is fed of a session as it sounded; `before` knows what was asked for."""
    form = session.form
    if session.place < 0:
        waiting = Fed(session.chosen, -1, session.ahead, form.steps, bpm=session.transport.bpm)
        return (waiting,)  # the network waits before the top
    sounded, yours = _sounded(session, cell, encoding), session.turn.who is Who.YOU
    fed = Fed(
        sounded, session.place, session.ahead, form.steps, yours,
        answered=_asked(session, session.step), bpm=session.transport.bpm,
    )  # fmt: skip
    left = session.playing and (not before.playing or before.top != session.top)
    places = range(session.place + 1, form.steps * (session.place // form.steps + 1)) if left else ()
    return (fed, *_changes(form, places, encoding, session.transport.bpm))


def _sounds(session: Session) -> bool:
    """Whether there is music in the session's step: it is neither counted in nor stopped."""
    return session.playing and session.place >= 0


def _without_music(before: Session, session: Session, fed: tuple[Fed, ...], *, audible: bool) -> tuple[Session, Played]:
    """A step that is counted in, or in which playing stops: what sounds ends, and the network waits."""
    *unfed, last = fed
    session = replace(
        session,
        frame=Frame(SILENCE, None),
        voicing=(),
        levels=_levels(session.settings),
        odds=None,
        chosen=last.frame,
        ahead=last.ahead,
        unfed=(*before.unfed, *unfed),
        touch=before.touch,
    )
    start = session.step * TICKS_PER_STEP
    events = [*_volumes(before, session), *(Placed(start, off) for off in _offs(before))]
    if audible and session.playing:
        events += _clicks(session)
    return session, Played(session.frame, in_order(events))


def _choosing(chosen: Frame, before: Session, session: Session, **known: Any) -> Session:
    """The session with what was chosen for its step; what is silenced is not played, and so was not chosen."""
    settings = session.settings
    if _is_muted(settings):
        chosen = Frame(SILENCE, chosen.chord)
    frame = _performed(chosen, session, before.frame.melody)
    sounds = settings.chords_mute != ON and settings.chords_level
    voicing = frame.chord.voiced(CHORDS_LOW) if frame.chord and sounds else ()
    answer, begun = _answer_so_far(session, before), len(frame.melody.onsets)
    if begun:
        answer = Answer(answer.notes + begun, session.step)
    return replace(
        session, chosen=chosen, frame=frame, voicing=voicing, levels=_levels(settings), answer=answer, **known
    )


def _answer_so_far(session: Session, before: Session) -> Answer:
    """What improv has played in the session's turn before its step."""
    return before.answer if session.turn == before.turn else NOTHING_YET


def _is_muted(settings: Settings) -> bool:
    """Whether the player wants no melody."""
    return settings.melody_mute == ON or not settings.melody_level


def _steer(session: Session, before: Session) -> Steer:
    """What the encoding has to be told of the player's wishes for the session's step, and of what its turn needs."""
    settings, turn = session.settings, session.turn
    left = turn.end - session.step if settings.mode is Mode.PHRASE and turn.end is not None else STEPS_PER_BAR
    ends = left if left <= STEPS_PER_BEAT else None
    strikes = not _is_muted(settings) and owes_a_note(turn, session.step, _answer_so_far(session, before))
    return Steer(settings.density, settings.rests, settings.leaning, ends, strikes)


def _commanded(session: Session, commands: tuple[Command, ...]) -> Session:
    for command in commands:
        match command:
            case Set(control, value):
                session = _turned(session, control, value)
            case Nudge(control, by):
                if control not in _OF_THE_RIG:
                    session = _turned(session, control, control_named(control).nudged(_stands(session, control), by))
            case Tap(time_s):
                session = _tapped(session, time_s)
            case Start():
                session = session if session.playing else _from_the_top(session)
            case Stop():
                session = replace(session, playing=False)
            case Restart():
                session = _from_the_top(session)
            case Panic():  # nothing sounds any more: the next step strikes anew
                own = (OWN_VOLUME,) * len(_LEVELS)
                session = replace(session, frame=Frame(SILENCE, None), voicing=(), levels=own)
            case HandOver() | Learn() | Forget() | Press() | Connect() | Quit():
                pass  # for the turn's rules, the daemon and the engine
            case _:
                assert_never(command)
    return session


def _turned(session: Session, control: str, value: Value) -> Session:
    if control == TEMPO.name:
        return replace(session, transport=session.transport.with_bpm(float(value), from_step=session.step + 1))
    if control == SWING.name:
        return replace(session, swing=float(value))
    if control in _OF_THE_RIG:
        return session
    field, kept = control_named(control).field, control_named(control).checked(value)
    chosen: Any = Mode(str(kept)) if control == MODE.name else kept
    return replace(session, settings=replace(session.settings, **{field: chosen}))


def _stands(session: Session, control: str) -> Value:
    """What one of the session's controls stands at."""
    if control == TEMPO.name:
        return session.transport.bpm
    if control == SWING.name:
        return session.transport.swing if session.swing is None else session.swing
    value: Value = getattr(session.settings, control_named(control).field)
    return value


def _tapped(session: Session, time_s: float) -> Session:
    """The tempo of the last taps, from the second on: the middle one of the times between them."""
    taps = (*session.taps, time_s)[-_TAPS:] if session.taps and time_s - session.taps[-1] < _TAP_PAUSE_S else (time_s,)
    session = replace(session, taps=taps)
    beats_s = [later - earlier for earlier, later in pairwise(taps) if later > earlier]
    return _turned(session, TEMPO.name, TEMPO.nudged(round(60 / median(beats_s), 1), 0)) if beats_s else session


def _from_the_top(session: Session) -> Session:
    """On from the top of the form, on a beat, after a count-in."""
    first = session.step + 1
    top = first + first % STEPS_PER_BEAT + session.settings.count_in * STEPS_PER_BAR
    return replace(session, playing=True, top=top)


def _listened(session: Session, notes: tuple[Timed, ...], grid: int) -> Session:
    """The session with the player's notes as keys, each at its nearest place on the grid.

    A key that is struck twice at one place is struck once: there are only so many, however much arrives.
    """
    if not notes:
        return session
    keys = {(key.pitch, key.onset): key for key in session.keys}
    down = {key.pitch: key for key in session.keys if key.release is None}
    recent, call = list(session.recent), session.call
    earliest = session.step * TICKS_PER_STEP
    for note in notes:
        pitch, tick = note.event.pitch, max(session.transport.nearest_tick(note.time_s, grid), earliest)
        if key := down.pop(pitch, None):
            key = keys[pitch, key.onset] = replace(key, release=max(tick, key.onset + grid))
            call = replace(call, last=max(call.last, key.release or 0)) if call else None
        if isinstance(note.event, NoteOn):
            key = keys[pitch, tick] = down[pitch] = Key(pitch, note.event.velocity, tick)
            recent.append(key)
            call = Call(call.first if call else tick, tick, call.onsets + 1 if call else 1)
    return replace(session, keys=tuple(keys.values()), recent=tuple(recent[-_REMEMBERED_KEYS:]), call=call)


def _cell(keys: tuple[Key, ...], step: int) -> Cell:
    """What the player's keys sound like inside a step."""
    start = step * TICKS_PER_STEP
    end = start + TICKS_PER_STEP
    sounding = [key for key in keys if key.onset < end and (key.release is None or key.release > start)]
    return Cell(
        onsets=tuple(Onset(key.pitch, key.onset - start) for key in sounding if key.onset >= start),
        held=tuple(key.pitch for key in sounding if key.onset < start),
        releases=tuple(
            Release(key.pitch, key.release - start) for key in sounding if key.release and key.release < end
        ),
    )


def _moved_on(
    before: Session, was: Session, cell: Cell, ear: Ear, past: tuple[Fed, ...], encoding: Encoding
) -> Session:
    """The session at its next step: what is over is forgotten, whose turn it is decided, the touch renewed.

    `was` is the session before anything was asked for: where the rules have changed, turns begin anew.
    """
    step = before.step + 1
    start = step * TICKS_PER_STEP
    keys = tuple(key for key in before.keys if key.release is None or key.release > start)
    left = (before.settings.mode, before.top, before.playing) != (was.settings.mode, was.top, was.playing)
    anew = left or (before.settings.mode is Mode.TRADE and before.settings.bars != was.settings.bars)
    turn = first_turn(step, before.rules) if anew else turn_after(before.turn, step, before.rules, ear)
    begins = turn.start == step
    answering = before.answering if turn == before.turn else None if anew else _answering(before, turn)
    took = before.took_turn if turn == before.turn else not anew and is_taken(turn, before.turn)
    recent, call, touch, transport, swing = before.recent, before.call, before.touch, before.transport, before.swing
    if recent and (begins or (step - before.top) % STEPS_PER_BAR == 0):
        touch = _touch_of(recent, before.semitones, encoding)
    if begins and turn.who.hears_you:  # what was struck in the step before has taken the turn
        recent = tuple(key for key in recent if key.onset >= start - TICKS_PER_STEP)
    if left or (begins and turn.who is Who.IMPROV) or (call and is_stray(call, step)):
        call = None
    if swing is not None and step % STEPS_PER_BEAT == 0:
        transport, swing = transport.with_swing(swing, step), None
    return replace(
        before, step=step, keys=keys, heard=cell, turn=turn, took_turn=took, recent=recent, call=call,
        answering=answering, touch=touch, past=past, transport=transport, swing=swing,
    )  # fmt: skip


def _answering(before: Session, turn: Turn) -> int | None:
    """The step from which the call is counted that a turn answers: where the player's turn began if the form decides
    whose turn it is, else the beat on which the phrase began. Silence asks nothing.
    """
    if turn.who is not Who.IMPROV or not before.turn.who.hears_you or before.call is None:
        return None
    if before.settings.mode is Mode.TRADE:
        return before.turn.start
    return before.call.first // TICKS_PER_BEAT * STEPS_PER_BEAT


def _touch_of(keys: tuple[Key, ...], key_semitones: int, encoding: Encoding) -> Touch:
    """The loudness of some keys, and the octaves that bring them into the network's range: none where that is wide."""
    pitches = encoding.melody_pitches()
    centre, half = (pitches[0] + pitches[-1]) / 2 + key_semitones, (pitches[-1] - pitches[0]) / 2
    above = sum(key.pitch for key in keys) / len(keys) - centre
    too_far = max(0.0, abs(above) - max(0.0, half - _MARGIN))
    octaves = round(copysign(too_far, above) / 12)
    return Touch(round(sum(key.velocity for key in keys) / len(keys)), octaves, follows=True)


def _over_the_chords(session: Session, melody: Cell, before: Cell) -> Touch:
    """The touch of what was chosen: while no player is followed, a phrase begins where its first note lies over the
    chords, and not much higher, for a network that learned from horns of all registers is at home in each.
    """
    touch = session.touch
    if touch.follows or before.pitches or not melody.onsets:
        return touch
    pitch, octaves = melody.onsets[0].pitch + session.semitones, touch.octaves
    while pitch + 12 * octaves < _BEGINS[0]:
        octaves += 1
    while pitch + 12 * octaves > _BEGINS[1]:
        octaves -= 1
    return replace(touch, octaves=octaves)


def _sounded(session: Session, cell: Cell, encoding: Encoding) -> Frame:
    """What really sounded in the session's step, in the network's key and range."""
    who = session.turn.who
    barged_in = session.settings.mode is not Mode.SOLO and cell.onsets
    if not (who.hears_you or barged_in):
        return session.chosen
    touch = session.touch
    if session.recent:
        touch = _touch_of(session.recent, session.semitones, encoding)
    yours = cell.transposed(-session.semitones - 12 * touch.octaves)
    melody = yours.joined(session.chosen.melody) if who.plays else yours
    return Frame(melody, session.chosen.chord)


def _features(fed: Fed, encoding: Encoding, model: StepModel) -> Tensors:
    return _taken(encoding.encode(fed), model)


def _taken(tensors: Tensors, model: StepModel) -> Tensors:
    """Those that a network takes."""
    return {name: tensor for name, tensor in tensors.items() if name in model.spec.features}


def _performed(chosen: Frame, session: Session, before: Cell) -> Frame:
    """What the network chose as it sounds: in the performance's key, in the player's register.

    A note that is held while the register changes is struck again in the new one.
    """
    semitones = session.semitones
    chord = chosen.chord.transposed(semitones) if chosen.chord else None
    melody = chosen.melody.transposed(semitones + 12 * (session.touch.octaves + session.settings.register))
    moved = tuple(Onset(pitch) for pitch in melody.held if pitch not in before.sounding_after)
    held = tuple(pitch for pitch in melody.held if pitch in before.sounding_after)
    return Frame(Cell(moved + melody.onsets, held, melody.releases), chord)


def _events(before: Session, session: Session) -> tuple[Placed, ...]:
    """What happens from the step before to the session's own, in the ticks of the session's step."""
    frame, start = session.frame, session.step * TICKS_PER_STEP
    stress = ACCENT if session.place % STEPS_PER_BAR == 0 else -ACCENT if session.place % STEPS_PER_BEAT else 0
    velocity = min(127, max(1, session.touch.velocity + stress))
    ended = before.frame.melody.sounding_after - set(frame.melody.held)
    events = _volumes(before, session)
    events += [Placed(start, NoteOff(Part.MELODY, pitch)) for pitch in sorted(ended)]
    events += [Placed(start + onset.tick, NoteOn(Part.MELODY, onset.pitch, velocity)) for onset in frame.melody.onsets]
    events += [Placed(start + release.tick, NoteOff(Part.MELODY, release.pitch)) for release in frame.melody.releases]
    if before.voicing != session.voicing or session.place % STEPS_PER_BAR == 0:
        events += [Placed(start, NoteOff(Part.CHORDS, pitch)) for pitch in before.voicing]
        events += [Placed(start, NoteOn(Part.CHORDS, pitch, CHORD_VELOCITY)) for pitch in session.voicing]
    return in_order(events)


def _volumes(before: Session, session: Session) -> list[Placed]:
    """The levels that have changed; in each bar again those that are not a synth's own, should it be a new one."""
    start, bar_begins = session.step * TICKS_PER_STEP, session.place % STEPS_PER_BAR == 0
    return [
        Placed(start, Volume(part, level))
        for (part, _), old, level in zip(_LEVELS, before.levels, session.levels, strict=True)
        if level != old or (bar_begins and level != OWN_VOLUME)
    ]


def _levels(settings: Settings) -> tuple[int, ...]:
    return tuple(getattr(settings, control.field) for _, control in _LEVELS)


def _offs(session: Session) -> list[NoteOff]:
    """An end for everything that still sounds when the session's step is over."""
    return [NoteOff(Part.MELODY, pitch) for pitch in sorted(session.frame.melody.sounding_after)] + [
        NoteOff(Part.CHORDS, pitch) for pitch in session.voicing
    ]


def _clicks(session: Session) -> list[Placed]:
    """The count-in: a click on each beat, the bar's first louder."""
    settings = session.settings
    if session.place % STEPS_PER_BEAT or settings.click_mute == ON or not settings.click_level:
        return []
    velocity = CLICK_VELOCITY + (ACCENT if session.place % STEPS_PER_BAR == 0 else 0)
    start = session.step * TICKS_PER_STEP
    on, off = NoteOn(Part.DRUMS, CLICK_PITCH, velocity), NoteOff(Part.DRUMS, CLICK_PITCH)
    return [Placed(start, on), Placed(start + TICKS_PER_STEP // 2, off)]
