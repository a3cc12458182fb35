"""A session before its first step, while it is stopped, after choruses that were missed, and at its end."""

from dataclasses import replace

from improv.dataclass import dataclass
from improv.models.contract import StepModel, Tensors, no_memory
from improv.models.encodings import encoding_of
from improv.music.notes import SILENCE, Frame, Placed, Program, Volume, in_order
from improv.music.parts import DEFAULT_VOLUME, MIXED_PARTS
from improv.music.theory import Form, shortest_way
from improv.music.transport import Transport
from improv.music.turns import first_turn
from improv.protocol.controls import OWN, Settings
from improv.protocol.heard import Heard
from improv.session.band.accompaniment import silenced
from improv.session.band.arrange import note_offs
from improv.session.band.ending import after_ending, struck_at_end
from improv.session.band.hearing import NOTHING_HEARD
from improv.session.beat_rhythms import beat_rhythms
from improv.session.commands import apply_commands
from improv.session.decoding import Readings
from improv.session.network import Persona, fed, form_lookahead, persona_of, silent_steps
from improv.session.state import (
    OWN_PROGRAMS,
    BandState,
    Listener,
    ModelTune,
    NetworkState,
    Played,
    Position,
    Session,
    rules_of,
)


@dataclass(frozen=True, slots=True)
class Primed:
    """A network that is ready for the top of its form."""

    primer: tuple[int, ...]
    """The melody that it has heard, MIDI pitches."""
    bpm: float
    persona: Persona
    memory: Tensors
    output: Frame
    """What it is fed next: the last step before the top."""


def prime(model: StepModel, settings: Settings, bpm: float, earlier: Primed | None = None) -> Primed:
    """Run a network through one silent chorus of the form that ends with one of the model's primers.

    A primer is a melody of up to 24 notes (Eck & Schmidhuber 2002, section 4.2). The seed of the settings
    chooses it. `earlier` is returned if it has the same primer, player and tempo (`bpm`, quarter notes a minute).
    """
    primers = model.spec.primers
    primer = primers[settings.seed % len(primers)] if primers else ()
    semitones = 0 if settings.key == OWN else shortest_way(model.spec.key, settings.key)
    persona = persona_of(settings, semitones)
    if earlier is not None and (earlier.primer, earlier.bpm, earlier.persona) == (primer, bpm, persona):
        return earlier
    encoding = encoding_of(model.spec)
    form = Form.parse(model.spec.form, encoding.grid)
    melody = (SILENCE,) * (form.steps - len(primer)) + encoding.melody(primer)
    frames = [Frame(cell, form.chord_at(step)) for step, cell in enumerate(melody)]
    memory = no_memory(model.spec)
    silent = silent_steps(form, range(form.steps - 1), encoding, bpm, persona)
    for step_input, frame in zip(silent, frames, strict=False):  # the last one is stepped on the way to step 0
        _, _, memory = fed(model, encoding, replace(step_input, frame=frame), memory)
    return Primed(primer, bpm, persona, memory, frames[-1])


def begin(
    model: StepModel,
    settings: Settings,
    transport: Transport,
    *,
    count_in_bars: int = 0,
    choruses: int | None = None,
    primed: Primed | None = None,
) -> Session:
    """Return a session one step before its first, its network primed and ready for the top of the form.

    `choruses` is how many there are to be, None where that is not known.
    """
    encoding = encoding_of(model.spec)
    form = Form.parse(model.spec.form, encoding.grid)
    primed = prime(model, settings, transport.bpm, primed)
    beat_rhythms()  # made once, and not while the first note waits
    first = -count_in_bars * encoding.grid.steps_per_bar
    return Session(
        position=Position(step=first - 1, transport=transport),
        settings=settings,
        tune=ModelTune(form, model.spec.key, choruses),
        turn=first_turn(first, rules_of(settings, 0, encoding.grid)),
        network=NetworkState(
            memory=primed.memory, output=primed.output, chord_lookahead=form_lookahead(form, -1, encoding)
        ),
        band=BandState(frame=Frame(SILENCE, None)),
    )


def idled(session: Session, heard: Heard, start_s: float) -> Session:
    """Return a stopped session after commands. If it starts, its next step begins at `start_s` seconds."""
    session = apply_commands(session, heard.commands)
    session = replace(session, listener=_nothing_heard(session.listener))
    if session.position.playing:
        first = session.step + 1
        session = replace(
            session,
            turn=first_turn(first, session.rules),
            listener=replace(session.listener, took_turn=False),
            position=replace(session.position, transport=session.position.transport.starting(first, start_s)),
        )
    return session


def skip_choruses(session: Session, choruses: int) -> Session:
    """Return the session `choruses` later, at the same place of the form; nothing was heard or played meanwhile."""
    steps = choruses * session.tune.form.steps
    return replace(
        session,
        position=replace(session.position, step=session.step + steps),
        turn=first_turn(session.step + steps, session.rules),
        listener=replace(_nothing_heard(session.listener), took_turn=False),
        network=replace(session.network, output=Frame(SILENCE, session.network.output.chord)),
        band=replace(
            session.band,
            frame=Frame(SILENCE, session.band.frame.chord),
            parts=silenced(session.band.parts, held=False),
            hearing=NOTHING_HEARD,
            events=(),
        ),
        health=replace(session.health, missed_steps=session.health.missed_steps + steps),
    )


def _nothing_heard(listener: Listener) -> Listener:
    """Return the listener that has forgotten what is down, and what was played."""
    return replace(
        listener,
        keys=(),
        recent_keys=(),
        call=None,
        call_start_step=None,
        strikes=(),
        readings=Readings(),
        revisable_steps=0,
    )


def finish(session: Session, *, by_itself: bool = False) -> Played:
    """Return the events that end a performance after the session's step: note-offs, levels and programs as before.

    One that ends `by_itself` has an ending, where its style has one and a part of it is heard: the tonic is struck,
    rings and ends, and only then levels and programs are as before.
    """
    end = session.tick + session.grid.ticks_per_step
    levels = zip(MIXED_PARTS, session.band.levels, strict=True)
    events = [Placed(end, off) for off in note_offs(session)]
    if by_itself and (struck := struck_at_end(session)):
        events += struck
        end += after_ending(session)
    events += [Placed(end, Volume(part, DEFAULT_VOLUME)) for part, level in levels if level != DEFAULT_VOLUME]
    programs = zip(MIXED_PARTS, session.band.programs, OWN_PROGRAMS, strict=True)
    events += [Placed(end, Program(part, own)) for part, program, own in programs if program != own]
    return Played(Frame(SILENCE, None), in_order(events))
