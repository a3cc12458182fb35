"""A performance on simulated time: the engine of a jam, which hears a script, into a file.

Nothing in here knows that it is not live. It must never wait.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from math import ceil
from pathlib import Path

from improv.config.values import Tune
from improv.dataclass import dataclass
from improv.errors import ImprovError, UsageError
from improv.export.collector import Collector
from improv.export.formats import Options, Progress, open_writer
from improv.midi.call_file import CallNote, is_notated, read_call
from improv.midi.scripted_player import ScriptedPlayer
from improv.midi.sources import Script
from improv.models.contract import ModelSpec, StepModel
from improv.models.onnx_runtime import OnnxModel
from improv.music.clock import SimulatedClock
from improv.music.grid import BEATS_PER_BAR, TICKS_PER_BEAT
from improv.music.notes import NoteOff, NoteOn, Timed
from improv.music.parts import Part
from improv.music.turns import Mode
from improv.protocol.controls import MEANT
from improv.recording.replay import entry_of
from improv.runtime.engine import Lead, Observer, perform
from improv.runtime.opening import Band, begin_tune, head_of, last_step, open_band, open_network
from improv.session.answer_table import cost
from improv.session.band.learned import NO_NETWORKS, Networks
from improv.session.drafts import Cost
from improv.session.state import Moment, Session

_EARLY_S = 1.0
"""How long before the first step the clock begins, so that it can be planned in time."""

_PLAYED = 0.3
"""How much of the work is done when all is played, and has to be written."""

_MOST_CHORUSES = 64
"""A call does not make a render longer than this by itself: a stray note may lie hours away."""


@dataclass(frozen=True, slots=True)
class Rendered:
    """What came of it: what the network's file says of itself, and what there is to say of the file written."""

    spec: ModelSpec
    said: str


def render(
    tune: Tune,
    out: Path,
    call: Path | None = None,
    say: Callable[[str], object] = len,
    load: Callable[[Tune], OnnxModel] = open_network,
    load_band: Callable[[], Band] = open_band,
    options: Options = Options(),  # noqa: B008
    progress: Progress = float,
) -> Rendered:
    """Write a performance on simulated time to a file of the kind that its ending stands for.

    ImprovError if no such file can be written, before anything is played: see `open_writer`.

    The call is played in each of your turns if all of its notes begin in one, else once from the first bar on. A tune
    without an end is as long as the call takes. `say` is told what of the call is not played, and why; `load` gives the
    tune's network, `load_band` those of the band.
    """
    write = open_writer(out, options)
    notes, remarks = read_call(call) if call else ((), ())
    mode = tune.mode or (Mode.TRADE if call else Mode.SOLO)
    if call and mode == Mode.SOLO:
        raise UsageError("solo hears no player; leave --call out, or choose --mode trade or duet")
    model = load(tune)
    band, unusable = load_band()
    session = begin_tune(tune, model, mode, tune.seed or 0)
    if tune.choruses is None and notes:
        tune = replace(tune, choruses=_choruses_for(notes, session))
        session = replace(session, tune=replace(session.tune, choruses=tune.choruses))
        if tune.choruses != 1:
            remarks += (f"{tune.choruses} choruses, for the call goes on to bar {_bar_of(_end_of(notes))}",)
    last = last_step(tune, session)
    if last is None:
        raise UsageError("a render needs an end; give --choruses")
    for remark in (*unusable, *remarks, *_unplayed(notes, session, last)):
        say(remark)
    collector = Collector(head_of(tune, model, session, band))
    first, steps = session.step, last - session.step + 1

    def observe(moment: Moment) -> None:
        """Collect a step for the file, and tell how far the render is."""
        collector.observe(entry_of(moment))
        progress(_PLAYED * (moment.session.step - first) / steps)

    ended = play_notes(session, model, _laid_out(notes, session, last), observe, last, band=band)
    if ended.health.faults:
        raise ImprovError(f"the model failed while rendering: {ended.health.last_fault}")
    said = write(collector.performance(), lambda share: progress(_PLAYED + (1 - _PLAYED) * share))
    return Rendered(model.spec, said)


def play_notes(
    session: Session,
    model: StepModel,
    notes: Sequence[Timed],
    observe: Observer,
    last_step: int,
    band: Networks = NO_NETWORKS,
    cost: Cost = cost,
) -> Session:
    """Play from a session to a step of the form on simulated time, notes being played to it; return the last session.

    See `perform`.
    """
    player = ScriptedPlayer(SimulatedClock(-_EARLY_S), Script(notes))
    return perform(
        session, model, player, observe, lead=Lead(), band=band, last_step=last_step, time_waits=True, cost=cost
    )


def _choruses_for(notes: Sequence[CallNote], session: Session) -> int:
    """Return as many choruses as a call takes, and an answer to its end where it needs more than one."""
    end, steps = ceil(_end_of(notes) * session.grid.steps_per_beat), session.tune.form.steps
    if end > steps and session.settings.mode == Mode.TRADE:
        block = session.settings.bars * session.grid.steps_per_bar
        end = 2 * block * ceil(end / (2 * block))
    choruses = max(1, ceil(end / steps))
    if choruses > _MOST_CHORUSES:
        last = _bar_of(_end_of(notes))
        raise UsageError(f"the call goes on to bar {last}, {choruses} choruses; say how many to play: give --choruses")
    return choruses


def _end_of(notes: Sequence[CallNote]) -> float:
    """Return where the last note ends, in beats."""
    return max(note.end_beats for note in notes)


def _bar_of(beats: float) -> int:
    """Return the bar that what ends at a beat ends in, counted from 1."""
    return max(1, ceil(beats / BEATS_PER_BAR))


def _unplayed(notes: Sequence[CallNote], session: Session, last_step: int) -> list[str]:
    """Return what of a call comes too late to be played."""
    late = [note for note in notes if note.start_beats * session.grid.steps_per_beat >= last_step + 1]
    if not late:
        return []
    first, last = int(late[0].start_beats // BEATS_PER_BAR) + 1, _bar_of(_end_of(late))
    bars = f"bars {first} to {last}" if last > first else f"bar {first}"
    needed = ceil(_end_of(notes) * session.grid.steps_per_beat / session.tune.form.steps)
    return [
        f"{bars} of the call come{'s' * (last <= first)} after the last chorus: {len(late)} of its {len(notes)} notes "
        f"are not played; leave --choruses out, or give {needed}"
    ]


def _fits(notes: Sequence[CallNote], turn_beats: int) -> bool:
    """Return whether a call fits into a turn: its notes begin in it; as hands do, it may hold them a bar longer."""
    begins, ends = max(note.start_beats for note in notes), max(note.end_beats for note in notes)
    return begins < turn_beats and ends <= turn_beats + BEATS_PER_BAR


def _laid_out(notes: Sequence[CallNote], session: Session, last_step: int) -> list[Timed]:
    """Return the call's notes at the times they are played; those of a notated call know their ticks."""
    if not notes:
        return []
    turn_beats = session.settings.bars * BEATS_PER_BAR
    every = 2 * turn_beats if session.settings.mode == Mode.TRADE and _fits(notes, turn_beats) else last_step + 1
    starts = range(0, last_step // 2 + 1, every)
    transport, end = session.position.transport, (last_step + 1) / session.grid.steps_per_beat
    first_s, beat_s = transport.time_of(0), 60 / transport.bpm
    known = session.settings.hearing == MEANT and is_notated(notes)
    timed: list[Timed] = []
    for start in starts:
        for note in (each for each in notes if start + each.start_beats < end):  # nothing is played over the ending
            for beats, event in (
                (start + note.start_beats, NoteOn(Part.YOU, note.pitch, note.velocity)),
                (min(end, start + note.end_beats), NoteOff(Part.YOU, note.pitch)),
            ):
                tick = round(beats * TICKS_PER_BEAT) if known else None
                timed.append(Timed(first_s + beats * beat_s, event, tick))
    return timed
