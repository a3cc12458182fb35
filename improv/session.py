"""The core: what a performance is, and how one step leads to the next.

`advance` is a function of values: the session so far, what was heard during its step, and a
model. It decides what sounds at the next step. It reads no clock, opens nothing and keeps
nothing, so an older session can always be taken up again.

Two keys are in play. The network lives in its own key and range (`chosen`); the performance
sounds in the player's (`frame`). What is heard is brought into the network's on the way in, what
is chosen is brought into the performance's on the way out.
"""

from dataclasses import dataclass, field, replace
from typing import assert_never

from improv.encoding import ENCODINGS, Encoding
from improv.messages import Command, How, Panic, SetTemperature, SetTempo, Settings, Snapshot, Stop
from improv.model import StepModel, Tensors, no_memory
from improv.music import (
    SILENCE,
    STEPS_PER_BAR,
    STEPS_PER_BEAT,
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
    in_order,
)
from improv.sampling import draw, on_units, one_unit
from improv.transport import Transport
from improv.turns import Turn, turn_at

CHORD_HEAD = "next_chord"
MELODY_HEAD = "next_melody"

CHORDS_LOW = 48
"""Chords are voiced in the octave above this pitch (C3)."""

CLICK_PITCH = 37
"""Side stick in General MIDI."""

MELODY_VELOCITY = 88
CHORD_VELOCITY = 58
CLICK_VELOCITY = 84
ACCENT = 10
"""How much louder the first beat of a bar is, and how much softer a note off the beat."""

LATE = "the network was late"
"""The fault of a network that has done nothing wrong but was too slow."""

_FAULTS_BEFORE_FORGETTING = 4
"""After so many failed steps in a row the network starts again from an empty memory."""

_REMEMBERED_KEYS = 16
"""How many of the player's notes the answer takes its register and loudness from."""


@dataclass(frozen=True, slots=True)
class Key:
    """A key the player pressed: onset and release in ticks of the performance, both on the grid."""

    pitch: int
    velocity: int
    onset: int
    release: int | None = None


@dataclass(frozen=True, slots=True)
class Touch:
    """How improv plays its melody: the mean velocity and the octaves above the network's own range."""

    velocity: int = MELODY_VELOCITY
    octaves: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A performance at the start of `step`: where it is, what it remembers, what sounds."""

    step: int
    transport: Transport
    settings: Settings
    form: Form
    """The form in the network's key."""
    seed: int
    chosen: Frame
    """What the network chose for `step`, in its own key and range; before step 0 the end of its primer."""
    frame: Frame
    """What improv plays in `step`."""
    memory: Tensors = field(compare=False)
    unfed: tuple[Frame, ...] = ()
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
    missed_steps: int = 0
    """Steps whose time had passed before they could be played."""
    faults: int = 0
    """Steps the network failed at or was late for."""
    faults_in_a_row: int = 0
    """Steps that the network has failed at, other than by being late, since it last decided one."""
    fault: str = ""

    @property
    def turn(self) -> Turn:
        """Whose turn it is."""
        return turn_at(self.step, self.settings.mode, self.settings.turn_bars)


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
    planned: Frame
    """What the next step will hold if nothing more is heard."""
    how: How = How.NETWORK
    leapt: int = 0
    """Whole choruses that were leapt over before it."""


def begin(model: StepModel, settings: Settings, transport: Transport, *, seed: int, count_in_bars: int = 0) -> Session:
    """A session one step before its first, the network primed and ready for the top of the form.

    The network first hears one silent chorus of the form, at its end one of the model's primers,
    up to 24 notes (Eck & Schmidhuber 2002, section 4.2), so that it starts as it will go on.
    """
    encoding = ENCODINGS[model.spec.encoding]
    form = Form.parse(model.spec.form)
    primers = model.spec.primers
    primer = primers[seed % len(primers)] if primers else ()
    melody = (SILENCE,) * (form.steps - len(primer)) + encoding.melody(primer)
    frames = [Frame(cell, form.chord_at(step)) for step, cell in enumerate(melody)]
    memory = no_memory(model.spec)
    for frame in frames[:-1]:  # the last one is stepped on the way to step 0
        _, memory = model.step(_features(frame, encoding, model), memory)
    return Session(
        step=-count_in_bars * STEPS_PER_BAR - 1,
        transport=transport,
        settings=settings,
        form=form,
        seed=seed,
        chosen=frames[-1],
        frame=Frame(SILENCE, None),
        memory=memory,
    )


def advance(session: Session, heard: Heard, model: StepModel) -> tuple[Session, Played]:
    """The session one step later, and what sounds there.

    `heard` holds what arrived since the session's step was planned; an onset belongs to its
    nearest place on the model's grid. Whatever the model raises is raised.
    """
    encoding = ENCODINGS[model.spec.encoding]
    before, session, fed = _up_to_the_decision(session, heard, encoding)
    if session.step < 0:
        return session, Played(session.frame, _clicks(session.step))
    memory = before.memory
    for frame in (*before.unfed, fed):
        outputs, memory = model.step(_features(frame, encoding, model), memory)
    chord = encoding.chord(on_units(outputs[CHORD_HEAD]), session.form)
    melody = SILENCE
    if session.turn.who.plays and MELODY_HEAD in outputs:
        probabilities = one_unit(outputs[MELODY_HEAD], session.settings.temperature)
        pitch = encoding.melody_pitches()[draw(probabilities, session.seed, session.step)]
        melody = encoding.cell(pitch, before.chosen.melody)
    chosen = Frame(melody, chord)
    frame = _performed(chosen, session, before.frame.melody)
    session = replace(session, chosen=chosen, frame=frame, memory=memory, unfed=(), behind=0, faults_in_a_row=0)
    return session, Played(frame, _events(before.frame, session))


def caught_up(session: Session, model: StepModel) -> Session:
    """The session with the first of what the network has missed fed to it. Whatever the model raises is raised."""
    frame, *unfed = session.unfed
    _, memory = model.step(_features(frame, ENCODINGS[model.spec.encoding], model), session.memory)
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
    if session.step < 0:
        return session, Played(session.frame, _clicks(session.step) if audible else ())
    chord = session.form.chord_at(session.step)
    melody = SILENCE
    if audible and session.turn.who.plays and MELODY_HEAD in model.spec.heads:
        melody = _plain_line(session.step, chord, encoding)
    chosen = Frame(melody, chord)
    session = replace(
        session,
        chosen=chosen,
        frame=_performed(chosen, session, before.frame.melody),
        unfed=(*before.unfed, fed),
        behind=before.behind + 1,
    )
    failing = session.faults_in_a_row == _FAULTS_BEFORE_FORGETTING > before.faults_in_a_row
    if failing or session.behind % session.form.steps == 0:
        session = _forgetting(session, model)
    events = _events(before.frame, session)
    if not audible:
        events = tuple(placed for placed in events if isinstance(placed.event, NoteOff))
    return session, Played(session.frame, events)


def leapt(session: Session, choruses: int) -> Session:
    """The session whole choruses later, at the same place of the form: nothing was heard or played in them."""
    return replace(
        session,
        step=session.step + choruses * session.form.steps,
        missed_steps=session.missed_steps + choruses * session.form.steps,
        frame=Frame(SILENCE, session.frame.chord),
        chosen=Frame(SILENCE, session.chosen.chord),
        keys=(),
        recent=(),
    )


def _forgetting(session: Session, model: StepModel) -> Session:
    """The session with an empty memory, and the changes of its chorus to hear, by which the network finds its place.

    It follows from the step alone, however much of what it has missed the network has been fed already.
    """
    last = session.step - 1
    top = last - last % session.form.steps
    changes = tuple(Frame(SILENCE, session.form.chord_at(step)) for step in range(top, last + 1))
    return replace(session, memory=no_memory(model.spec), unfed=changes)


def _plain_line(step: int, chord: Chord, encoding: Encoding) -> Cell:
    """Chord tones up and down the range, one on each beat, the form of it given by the place alone."""
    if step % STEPS_PER_BEAT:
        return SILENCE
    tones = [pitch for pitch in encoding.melody_pitches() if pitch % 12 in chord.pitch_classes]
    if not tones:
        return SILENCE
    turn = max(1, 2 * (len(tones) - 1))
    place = step // STEPS_PER_BEAT % turn
    return Cell(onsets=(Onset(tones[min(place, turn - place)]),))


def finish(session: Session) -> Played:
    """What ends the performance after the session's step: everything that sounds is released."""
    end = (session.step + 1) * TICKS_PER_STEP
    return Played(Frame(SILENCE, None), tuple(Placed(end, off) for off in _offs(session.frame)))


def snapshot(session: Session, planned: Frame) -> Snapshot:
    """What a client sees of a session, and of the plan for its next step."""
    return Snapshot(
        step=session.step,
        place=Place.of(session.step, session.form),
        turn=session.turn,
        chord=session.frame.chord,
        next_chord=planned.chord,
        heard=session.heard,
        played=session.frame.melody,
        tempo_bpm=session.transport.bpm,
        temperature=session.settings.temperature,
        missed_steps=session.missed_steps,
        faults=session.faults,
        fault=session.fault,
    )


def _up_to_the_decision(session: Session, heard: Heard, encoding: Encoding) -> tuple[Session, Session, Frame]:
    """The session with all it has heard, the same at its next step, and what the network is fed for the one between."""
    before = _commanded(_listened(session, heard.notes, encoding.grid), heard.commands)
    cell = _cell(before.keys, before.step)
    return before, _moved_on(before, cell, encoding), _fed(before, cell, encoding)


def _commanded(session: Session, commands: tuple[Command, ...]) -> Session:
    for command in commands:
        match command:
            case SetTempo(bpm):
                transport = session.transport.with_bpm(bpm, from_step=session.step + 1)
                session = replace(session, transport=transport)
            case SetTemperature(temperature):
                settings = replace(session.settings, temperature=temperature)
                session = replace(session, settings=settings)
            case Panic():  # nothing sounds any more: the next step strikes anew
                session = replace(session, frame=Frame(SILENCE, None))
            case Stop():
                pass  # the engine's
            case _:
                assert_never(command)
    return session


def _listened(session: Session, notes: tuple[Timed, ...], grid: int) -> Session:
    """The session with the player's notes as keys, each at its nearest place on the grid.

    A key that is struck twice at one place is struck once: there are only so many, however much arrives.
    """
    if not notes:
        return session
    keys = {(key.pitch, key.onset): key for key in session.keys}
    down = {key.pitch: key for key in session.keys if key.release is None}
    recent = list(session.recent)
    earliest = session.step * TICKS_PER_STEP
    for note in notes:
        pitch, tick = note.event.pitch, max(session.transport.nearest_tick(note.time_s, grid), earliest)
        if key := down.pop(pitch, None):
            keys[pitch, key.onset] = replace(key, release=max(tick, key.onset + grid))
        if isinstance(note.event, NoteOn):
            key = keys[pitch, tick] = down[pitch] = Key(pitch, note.event.velocity, tick)
            recent.append(key)
    return replace(session, keys=tuple(keys.values()), recent=tuple(recent[-_REMEMBERED_KEYS:]))


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


def _moved_on(session: Session, cell: Cell, encoding: Encoding) -> Session:
    """The session at its next step: what is over is forgotten, the touch is renewed at a bar line."""
    step = session.step + 1
    start = step * TICKS_PER_STEP
    keys = tuple(key for key in session.keys if key.release is None or key.release > start)
    recent, touch = session.recent, session.touch
    if recent and step % STEPS_PER_BAR == 0:
        touch = _touch_of(recent, session.settings.key_semitones, encoding)
    session = replace(session, step=step, keys=keys, heard=cell, touch=touch)
    if session.turn.start == step and session.turn.who.hears_you:
        recent = tuple(key for key in recent if key.onset >= start)
    return replace(session, recent=recent)


def _touch_of(keys: tuple[Key, ...], key_semitones: int, encoding: Encoding) -> Touch:
    pitches = encoding.melody_pitches()
    centre = (pitches[0] + pitches[-1]) / 2 + key_semitones
    above = sum(key.pitch for key in keys) / len(keys) - centre
    return Touch(round(sum(key.velocity for key in keys) / len(keys)), round(above / 12))


def _fed(session: Session, cell: Cell, encoding: Encoding) -> Frame:
    """What the network is fed for the session's step: what really sounded, in its key and range."""
    who = session.turn.who
    if not who.hears_you:
        return session.chosen
    touch = session.touch
    if session.recent:
        touch = _touch_of(session.recent, session.settings.key_semitones, encoding)
    yours = _transposed(cell, -session.settings.key_semitones - 12 * touch.octaves)
    melody = yours.joined(session.chosen.melody) if who.plays else yours
    return Frame(melody, session.chosen.chord)


def _features(frame: Frame, encoding: Encoding, model: StepModel) -> Tensors:
    tensors = encoding.encode(frame)
    return {name: tensors[name] for name in model.spec.features}


def _performed(chosen: Frame, session: Session, before: Cell) -> Frame:
    """What the network chose as it sounds: in the performance's key, in the player's register.

    A note that is held while the register changes is struck again in the new one.
    """
    semitones = session.settings.key_semitones
    chord = chosen.chord.transposed(semitones) if chosen.chord else None
    melody = _transposed(chosen.melody, semitones + 12 * session.touch.octaves)
    moved = tuple(Onset(pitch) for pitch in melody.held if pitch not in before.sounding_after)
    held = tuple(pitch for pitch in melody.held if pitch in before.sounding_after)
    return Frame(Cell(moved + melody.onsets, held, melody.releases), chord)


def _transposed(cell: Cell, semitones: int) -> Cell:
    """The cell higher or lower, what would leave MIDI's range moved back by octaves."""

    def moved(pitch: int) -> int:
        target = pitch + semitones
        return target if 0 <= target <= 127 else target % 12 + (0 if target < 0 else 108)

    return Cell(
        tuple(Onset(moved(onset.pitch), onset.tick) for onset in cell.onsets),
        tuple(moved(pitch) for pitch in cell.held),
        tuple(Release(moved(release.pitch), release.tick) for release in cell.releases),
    )


def _events(before: Frame, session: Session) -> tuple[Placed, ...]:
    """What happens from the frame before to the session's own, in the ticks of the session's step."""
    step, frame = session.step, session.frame
    start = step * TICKS_PER_STEP
    stress = ACCENT if step % STEPS_PER_BAR == 0 else -ACCENT if step % STEPS_PER_BEAT else 0
    velocity = min(127, max(1, session.touch.velocity + stress))
    ended = before.melody.sounding_after - set(frame.melody.held)
    events = [Placed(start, NoteOff(Part.MELODY, pitch)) for pitch in sorted(ended)]
    events += [Placed(start + onset.tick, NoteOn(Part.MELODY, onset.pitch, velocity)) for onset in frame.melody.onsets]
    events += [Placed(start + release.tick, NoteOff(Part.MELODY, release.pitch)) for release in frame.melody.releases]
    if frame.chord != before.chord or step % STEPS_PER_BAR == 0:
        events += [Placed(start, NoteOff(Part.CHORDS, pitch)) for pitch in _chord_pitches(before.chord)]
        events += [Placed(start, NoteOn(Part.CHORDS, pitch, CHORD_VELOCITY)) for pitch in _chord_pitches(frame.chord)]
    return in_order(events)


def _offs(frame: Frame) -> list[NoteOff]:
    """An end for everything that still sounds when a frame is over."""
    return [NoteOff(Part.MELODY, pitch) for pitch in sorted(frame.melody.sounding_after)] + [
        NoteOff(Part.CHORDS, pitch) for pitch in _chord_pitches(frame.chord)
    ]


def _chord_pitches(chord: Chord | None) -> tuple[int, ...]:
    return chord.voiced(CHORDS_LOW) if chord else ()


def _clicks(step: int) -> tuple[Placed, ...]:
    """The count-in: a click on each beat, the bar's first louder."""
    if step % STEPS_PER_BEAT:
        return ()
    start = step * TICKS_PER_STEP
    velocity = CLICK_VELOCITY + (ACCENT if step % STEPS_PER_BAR == 0 else 0)
    on, off = NoteOn(Part.DRUMS, CLICK_PITCH, velocity), NoteOff(Part.DRUMS, CLICK_PITCH)
    return Placed(start, on), Placed(start + TICKS_PER_STEP // 2, off)
