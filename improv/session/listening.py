"""The player's notes as keys on the grid, as the cell of a step, and as the call that a turn answers.

Keys lie on the ticks that were meant: see `improv.session.decoding`. The last of them may still be read otherwise, as
long as the step that they are in can be revised.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from math import copysign, floor

from improv.models.encodings import Encoding
from improv.music.grid import TICKS_PER_BEAT, Grid
from improv.music.notes import SILENCE, Cell, NoteOn, Onset, Release, Timed
from improv.music.turns import Call, Mode, Turn, Who, is_stray, is_taken
from improv.protocol.controls import MEANT
from improv.session.decoding import Readings, settled, with_onset
from improv.session.state import Key, Listener, PlayingStyle, Session, Strike
from improv.session.timing import PEOPLE, observed, ticks_at, timing_at

_REMEMBERED_KEYS = 16
"""How many of the player's notes the answer takes its register and loudness from."""

_TOGETHER_S = 0.03
"""Keys struck within this time of the first are a chord."""

REVISED_STEPS = 2
"""How many steps before this one may be read otherwise at most: a beat of eighths."""

_MARGIN = 18
"""The semitones that a line should have above and below it, where the network's range has them."""


def hear(session: Session, notes: tuple[Timed, ...], finest_ticks: int) -> Session:
    """Return the session with the player's notes as keys, on ticks that are multiples of `finest_ticks`.

    A note that knows its tick is put there; others where they were meant, or as `Settings.hearing` has it on the
    nearest tick. A key that is struck twice at one place is struck once: there are only so many, however much arrives.
    """
    if not notes:
        return session
    if session.settings.hearing == MEANT and all(note.tick is None for note in notes):
        return _decoded(session, notes, finest_ticks)
    if session.listener.strikes:
        session = replace(session, listener=replace(session.listener, strikes=(), readings=Readings()))
    return _rounded(session, notes, finest_ticks)


def _rounded(session: Session, notes: tuple[Timed, ...], finest_ticks: int) -> Session:
    """Return the session with notes as keys on their own ticks, or else on the nearest."""
    keys = {(key.pitch, key.onset): key for key in session.listener.keys}
    down = {key.pitch: key for key in session.listener.keys if key.release is None}
    recent, call = list(session.listener.recent_keys), session.listener.call
    earliest = session.tick
    for note in notes:
        pitch = note.event.pitch
        if note.tick is None:
            nearest = session.position.transport.nearest_tick(note.time_s, finest_ticks)
        else:
            nearest = _on_grid(note.tick, finest_ticks)
        tick = max(nearest, earliest)
        if key := down.pop(pitch, None):
            key = keys[pitch, key.onset] = replace(key, release=max(tick, key.onset + finest_ticks))
            call = replace(call, last=max(call.last, key.release or 0)) if call else None
        if isinstance(note.event, NoteOn):
            key = keys[pitch, tick] = down[pitch] = Key(pitch, note.event.velocity, tick)
            recent.append(key)
            call = Call(call.first if call else tick, tick, call.onsets + 1 if call else 1)
    heard = replace(
        session.listener, keys=tuple(keys.values()), recent_keys=tuple(recent[-_REMEMBERED_KEYS:]), call=call
    )
    return replace(session, listener=heard)


def _on_grid(tick: float, finest_ticks: int) -> int:
    """Return the nearest multiple of `finest_ticks`, the later one if half-way."""
    return floor(tick / finest_ticks + 0.5) * finest_ticks


def _decoded(session: Session, notes: tuple[Timed, ...], finest_ticks: int) -> Session:
    """Return the session with notes as keys on the ticks that were meant; earlier ones may move as well."""
    listener, transport = session.listener, session.position.transport
    tempo = timing_at(transport.bpm, transport.swing)
    earliest = session.tick - listener.revisable_steps * session.grid.ticks_per_step
    open_keys = {(key.pitch, key.onset) for strike in listener.strikes for key in strike.keys}
    fixed = [key for key in listener.keys if (key.pitch, key.onset) not in open_keys]
    recent = [key for key in listener.recent_keys if (key.pitch, key.onset) not in open_keys]
    forgotten = _forgotten(listener)
    readings, strikes, call = listener.readings, list(listener.strikes), listener.call
    timings = [listener.timing, *(listener.exact_timings if session.settings.soloist_rules else ())]
    struck = 0
    for note in notes:
        beats, pitch = transport.beats_at(note.time_s), note.event.pitch
        released = _on_grid(ticks_at(timings[readings.manner], beats, tempo), finest_ticks)
        ended = _Ended(pitch, max(released, session.tick), finest_ticks)
        fixed, strikes = ended.of(fixed), [Strike(strike.beats, tuple(ended.of(strike.keys))) for strike in strikes]
        if call and ended.release is not None:
            call = Call(call.first, max(call.last, ended.release), call.onsets)
        if not isinstance(note.event, NoteOn):
            continue
        struck += 1
        key = Key(pitch, note.event.velocity, 0)
        if strikes and beats - strikes[-1].beats <= _TOGETHER_S * transport.bpm / 60:
            others = tuple(other for other in strikes[-1].keys if other.pitch != pitch)
            strikes[-1] = Strike(strikes[-1].beats, (*others, key))
            continue
        beats = max(beats, strikes[-1].beats) if strikes else beats
        timings = [observed(timing, beats, tempo, manner) for manner, timing in enumerate(timings)]
        readings = with_onset(readings, beats, earliest, timings, tempo)
        strikes.append(Strike(beats, (key,)))
    placed = _placed(strikes, readings, finest_ticks, lambda beats: ticks_at(timings[readings.manner], beats, tempo))
    moved = [key for strike in placed for key in strike.keys]
    if struck:
        first = call.first if call else moved[-1].onset
        if call is None or (listener.strikes and first == listener.strikes[0].keys[0].onset):
            first = min(key.onset for key in (moved if call else moved[-struck:]))
        last = max(key.release or key.onset for key in moved[-struck:])
        call = Call(first, max(last, call.last if call else 0), (call.onsets if call else 0) + struck)
    keys = {(key.pitch, key.onset): key for key in (*fixed, *moved)}
    heard = replace(
        listener,
        keys=tuple(keys.values()),
        recent_keys=tuple([*recent, *moved[forgotten:]][-_REMEMBERED_KEYS:]),
        call=call,
        timing=timings[PEOPLE],
        exact_timings=tuple(timings[1:]),
        strikes=tuple(placed),
        readings=readings,
    )
    return replace(session, listener=heard)


def _forgotten(listener: Listener) -> int:
    """Return how many of the first keys that may still move are not among the recent ones: of an earlier turn."""
    remembered = {(key.pitch, key.onset) for key in listener.recent_keys}
    of_strikes = [key for strike in listener.strikes for key in strike.keys]
    return next((n for n, key in enumerate(of_strikes) if (key.pitch, key.onset) in remembered), len(of_strikes))


class _Ended:
    """Ends the key of a pitch that is down, wherever it is; `release` is where it ended, None while it has not."""

    def __init__(self, pitch: int, tick: int, finest_ticks: int) -> None:
        self.release: int | None = None
        self._pitch, self._tick, self._finest_ticks = pitch, tick, finest_ticks

    def of(self, keys: Iterable[Key]) -> list[Key]:
        """Return keys, the one that is down and has the pitch ended."""
        return [self._end(key) if key.release is None and key.pitch == self._pitch else key for key in keys]

    def _end(self, key: Key) -> Key:
        self.release = max(self._tick, key.onset + self._finest_ticks)
        return replace(key, release=self.release)


def _placed(
    strikes: Sequence[Strike], readings: Readings, finest_ticks: int, own_ticks: Callable[[float], float]
) -> list[Strike]:
    """Return strikes with their keys where the likeliest reading has them; an ornament is where its note is.

    `own_ticks` gives the place in the player's own time of a position in beats.
    """
    placed: list[Strike] = []
    onset = 0
    for strike, tick in zip(reversed(strikes), reversed(readings.now[0].ticks if strikes else ()), strict=True):
        if tick is not None:
            half_way = tick % finest_ticks * 2 == finest_ticks  # of a grid that is too coarse for it
            onset = _on_grid(own_ticks(strike.beats) if half_way else tick, finest_ticks)
        keys = [
            Key(
                pitch=key.pitch,
                velocity=key.velocity,
                onset=onset,
                release=None if key.release is None else max(key.release, onset + finest_ticks),
                ornament=tick is None,
            )
            for key in strike.keys
        ]
        placed.append(Strike(strike.beats, tuple(keys)))
    return placed[::-1]


def cell_at(keys: tuple[Key, ...], step: int, grid: Grid) -> Cell:
    """Return the cell that the player's keys make in a step."""
    if not keys:
        return SILENCE
    start = step * grid.ticks_per_step
    end = start + grid.ticks_per_step
    sounding = [
        key for key in keys if key.onset < end and (key.release is None or key.release > start) and not key.ornament
    ]
    return Cell(
        onsets=tuple(Onset(key.pitch, key.onset - start) for key in sounding if key.onset >= start),
        held=tuple(key.pitch for key in sounding if key.onset < start),
        releases=tuple(
            Release(key.pitch, key.release - start) for key in sounding if key.release and key.release < end
        ),
    )


def next_listener(before: Session, cell: Cell, turn: Turn, *, anew: bool, restarted: bool) -> Listener:
    """Return the listener at the next step, in which `turn` is played; `cell` is what you played in this one.

    `anew`: turns begin anew, since the rules have changed; `restarted`: so does the game.
    """
    listener, step = before.listener, before.step + 1
    heard = listener.keys or listener.recent_keys or listener.call or cell is not listener.previous_cell
    revisable = 0 if restarted else revisable_steps(before)
    if turn is before.turn and not heard and revisable == listener.revisable_steps:
        return listener
    length, begins = before.grid.ticks_per_step, turn.start == step
    start = step * length
    first = start - revisable * length
    ticks, readings = settled(listener.readings, first) if listener.strikes else ((), listener.readings)
    recent, call = listener.recent_keys, listener.call
    if begins and turn.who.hears_you:  # what was struck in the step before has taken the turn
        recent = tuple(key for key in recent if key.onset >= start - length)
    if restarted or (begins and turn.who is Who.IMPROV) or (call and is_stray(call, start)):
        call = None
    call_start, took = listener.call_start_step, listener.took_turn
    if turn != before.turn:
        call_start = None if anew else answered_from(before, turn)
        took = not anew and is_taken(turn, before.turn)
    return Listener(
        keys=tuple(key for key in listener.keys if key.release is None or key.release > first),
        recent_keys=recent,
        previous_cell=cell,
        call=call,
        call_start_step=call_start,
        took_turn=took,
        timing=listener.timing,
        exact_timings=listener.exact_timings,
        strikes=listener.strikes[len(ticks) :],
        readings=readings,
        revisable_steps=revisable,
    )


def revisable_steps(session: Session) -> int:
    """Return how many steps, the session's the last of them, may be read otherwise in the step that follows it."""
    heard = session.place >= 0 and session.position.playing and session.turn.who.hears_you
    if session.settings.hearing != MEANT or not heard:
        return 0
    return min(REVISED_STEPS, session.listener.revisable_steps + 1)


def answered_from(before: Session, turn: Turn) -> int | None:
    """Return the step at which the call that a turn answers began; None if nothing was played.

    That is where the player's turn began if the form decides whose turn it is, else the beat on which the phrase began.
    """
    if turn.who is not Who.IMPROV or not before.turn.who.hears_you or before.listener.call is None:
        return None
    if before.settings.mode is Mode.TRADE:
        return before.turn.start
    return before.listener.call.first // TICKS_PER_BEAT * before.grid.steps_per_beat


def playing_style(keys: tuple[Key, ...], key_semitones: int, encoding: Encoding) -> PlayingStyle:
    """Return the mean velocity of keys, and the octaves between them and the network's range.

    A wide range needs no octaves; `key_semitones` is how far the performance lies above the network's key.
    """
    pitches = encoding.melody_pitches()
    centre, half = (pitches[0] + pitches[-1]) / 2 + key_semitones, (pitches[-1] - pitches[0]) / 2
    above = sum(key.pitch for key in keys) / len(keys) - centre
    too_far = max(0.0, abs(above) - max(0.0, half - _MARGIN))
    octaves = round(copysign(too_far, above) / 12)
    return PlayingStyle(round(sum(key.velocity for key in keys) / len(keys)), octaves, follows=True)
