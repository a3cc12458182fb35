"""A performance on simulated time: the engine and the player of a jam in one process, into a file.

Nothing in here knows that it is not live. It must never wait.
"""

from collections.abc import Sequence
from pathlib import Path

from improv.config import Tune
from improv.engine import Lead, perform
from improv.errors import ImprovError, UsageError
from improv.midi.files import CallNote, Take, read_call
from improv.midi.player import NullSink, Player, Script
from improv.model import ModelSpec
from improv.music import BEATS_PER_BAR, NoteOff, NoteOn, Part, Timed
from improv.performer import begun, head_of, last_step, opened
from improv.replay import entry_of
from improv.session import Session
from improv.transport import SimulatedClock
from improv.turns import Mode

_EARLY_S = 1.0
"""How long before the first step the clock begins, so that it can be planned in time."""


def render(tune: Tune, out: Path, call: Path | None = None) -> ModelSpec:
    """Write a performance to a MIDI file on simulated time: identical bytes for identical arguments. What has played.

    The call is played in each of your turns if it fits into one, else once from the first bar on.
    """
    notes = read_call(call) if call else ()
    mode = tune.mode or (Mode.TRADE if call else Mode.SOLO)
    if call and mode == Mode.SOLO:
        raise UsageError("solo hears nobody; leave --call out, or choose --mode trade or duet")
    model = opened(tune)
    session = begun(tune, model, mode, tune.seed or 0)
    last = last_step(tune, session)
    if last is None:
        raise UsageError("a render needs an end; give --choruses")
    script = Script(_laid_out(notes, session, last))
    take = Take(head_of(tune, model, session), f"improv: {model.spec.name}, seed {tune.seed or 0}")
    with Player(SimulatedClock(-_EARLY_S), NullSink(), [script]) as player:
        ended = perform(
            session, model, player, lambda moment: take.observe(entry_of(moment)), lead=Lead(), last_step=last
        )
    if ended.faults:
        raise ImprovError(f"the model failed while rendering: {ended.fault}")
    take.write(out)
    return model.spec


def _laid_out(notes: Sequence[CallNote], session: Session, last_step: int) -> list[Timed]:
    """The call's notes at the times they are played."""
    if not notes:
        return []
    turn_beats = session.settings.bars * BEATS_PER_BAR
    fits = session.settings.mode == Mode.TRADE and max(note.end_beats for note in notes) <= turn_beats
    every = 2 * turn_beats if fits else last_step + 1
    starts = range(0, last_step // 2 + 1, every)
    transport = session.transport
    first_s, beat_s = transport.time_of(0), 60 / transport.bpm
    timed: list[Timed] = []
    for start in starts:
        for note in notes:
            on_s, off_s = (first_s + (start + b) * beat_s for b in (note.start_beats, note.end_beats))
            timed.append(Timed(on_s, NoteOn(Part.YOU, note.pitch, note.velocity)))
            timed.append(Timed(off_s, NoteOff(Part.YOU, note.pitch)))
    return timed
