"""A jam as `improv render` plays it: a call played to the engine on simulated time, and what improv played.

All controls that are not given are at their defaults. The band's networks are left out: they change nothing of the
melody.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from improv.config.values import Tune
from improv.models.onnx_runtime import OnnxModel
from improv.music.grid import TICKS_PER_BEAT
from improv.music.notes import Frame, NoteOff, NoteOn, Timed
from improv.music.parts import Part
from improv.music.turns import Mode
from improv.protocol.control import Value
from improv.runtime.opening import begin_tune
from improv.runtime.render import play_notes
from improv.session.answer_table import cost
from improv.session.drafts import Cost
from improv.session.state import Moment
from training.rendering.playing import LEAST_BEATS, VELOCITY


@dataclass(frozen=True, slots=True)
class Struck:
    """A note that is played to improv: when it begins and ends, in beats from the top of the tune."""

    pitch: int
    begins: float
    ends: float
    tick: int | None = None
    """Where it is notated, in ticks from the top, and `end_tick` where it ends; None where improv has to hear it."""
    end_tick: int | None = None


def jam(
    model: OnnxModel,
    notes: Sequence[Struck],
    steps: int,
    mode: Mode,
    controls: Mapping[str, Value],
    cost: Cost = cost,
) -> tuple[tuple[Frame, ...], tuple[Frame, ...]]:
    """Return the frames that improv plays in `steps` steps from the top of a tune, and what the network was fed lately.

    Notes are played to it meanwhile. `controls` are their values by name, `cost` is how drafts are compared.
    """
    tune = Tune(given=tuple({"count-in": 0, **controls}.items()))
    session = begin_tune(tune, model, mode, tune.seed or 0)
    transport = session.position.transport
    first_s, beat_s = transport.time_of(0), 60 / transport.bpm
    timed = []
    for note in notes:
        ends = max(note.ends, note.begins + LEAST_BEATS)
        timed.append(Timed(first_s + note.begins * beat_s, NoteOn(Part.YOU, note.pitch, VELOCITY), note.tick))
        timed.append(Timed(first_s + ends * beat_s, NoteOff(Part.YOU, note.pitch), note.end_tick))
    timed.sort(key=lambda each: (each.time_s, isinstance(each.event, NoteOn)))
    moments: list[Moment] = []
    ended = play_notes(session, model, timed, moments.append, steps - 1, cost=cost)
    played = tuple(moment.session.band.frame for moment in moments[:steps])
    fed = tuple(each.frame for each in ended.network.recent_inputs)
    return played, fed


def notated(pitch: int, onset: int, end: int) -> Struck:
    """Return a note that is read from a file that was written, its onset and end in ticks from the top."""
    return Struck(pitch, onset / TICKS_PER_BEAT, end / TICKS_PER_BEAT, onset, end)
