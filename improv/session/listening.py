"""The player's notes as keys on the grid, as the cell of a step, and as the call that a turn answers."""

from dataclasses import replace
from math import copysign

from improv.models.encodings import Encoding
from improv.music.grid import TICKS_PER_BEAT, Grid
from improv.music.notes import SILENCE, Cell, NoteOn, Onset, Release, Timed
from improv.music.turns import Call, Mode, Turn, Who, is_stray, is_taken
from improv.session.state import Key, Listener, PlayingStyle, Session

_REMEMBERED_KEYS = 16
"""How many of the player's notes the answer takes its register and loudness from."""

_MARGIN = 18
"""The semitones that a line should have above and below it, where the network's range has them."""


def hear(session: Session, notes: tuple[Timed, ...], finest_ticks: int) -> Session:
    """Return the session with the player's notes as keys, at positions rounded to `finest_ticks`.

    A key that is struck twice at one place is struck once: there are only so many, however much arrives.
    """
    keys = {(key.pitch, key.onset): key for key in session.listener.keys}
    down = {key.pitch: key for key in session.listener.keys if key.release is None}
    recent, call = list(session.listener.recent_keys), session.listener.call
    earliest = session.tick
    for note in notes:
        pitch, nearest = note.event.pitch, session.position.transport.nearest_tick(note.time_s, finest_ticks)
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


def cell_at(keys: tuple[Key, ...], step: int, grid: Grid) -> Cell:
    """Return the cell that the player's keys make in a step."""
    if not keys:
        return SILENCE
    start = step * grid.ticks_per_step
    end = start + grid.ticks_per_step
    sounding = [key for key in keys if key.onset < end and (key.release is None or key.release > start)]
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
    if turn is before.turn and not heard:
        return listener
    length, begins = before.grid.ticks_per_step, turn.start == step
    start = step * length
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
        keys=tuple(key for key in listener.keys if key.release is None or key.release > start),
        recent_keys=recent,
        previous_cell=cell,
        call=call,
        call_start_step=call_start,
        took_turn=took,
    )


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
