"""Standard MIDI Files: a call read from one, a performance written as one.

Positions here are the music's (beats), never seconds, so a tempo change moves nothing. It must
never touch a port.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import mido

from improv.errors import DataError, ImprovError, InputNotFound
from improv.midi.ports import CHANNELS, bytes_of
from improv.music import TICKS_PER_STEP, NoteEvent, NoteOff, NoteOn, Part
from improv.session import Moment, Session
from improv.transport import Transport
from improv.turns import Who

TICKS_A_BEAT = 480
"""The resolution of the files we write."""

_PROGRAMS = {Part.YOU: 0, Part.MELODY: 11, Part.CHORDS: 4}
"""General MIDI: you on a piano, improv on a vibraphone over an electric piano."""

_MAX_CALL_BYTES = 4 * 2**20


@dataclass(frozen=True, slots=True)
class CallNote:
    """A note of a call, its start and end in beats from the start of the file."""

    start_beats: float
    end_beats: float
    pitch: int
    velocity: int


def read_call(path: Path) -> tuple[CallNote, ...]:
    """The notes of a Standard MIDI File in order; InputNotFound or DataError say what is wrong with it."""
    advice = "give a Standard MIDI File (.mid) with a melody"
    try:
        if path.stat().st_size > _MAX_CALL_BYTES:
            raise DataError(f"{path}: it is larger than {_MAX_CALL_BYTES >> 20} MiB; {advice}")
        midi = mido.MidiFile(path, clip=True)
    except OSError as error:
        if error.errno is not None:
            raise InputNotFound(f"{path}: {error.strerror}; {advice}") from error
        raise DataError(f"{path}: it is no MIDI file, or a broken one; {advice}") from error
    except ImprovError:
        raise
    except Exception as error:  # mido raises whatever a broken byte leads it to
        raise DataError(f"{path}: it is no MIDI file, or a broken one; {advice}") from error
    if midi.ticks_per_beat <= 0:  # SMPTE frames have no beats
        raise DataError(f"{path}: it counts in film frames, not in beats; {advice}")
    notes = _paired(midi)
    if not notes:
        raise DataError(f"{path}: it has no notes; {advice}")
    return tuple(sorted(notes, key=lambda note: (note.start_beats, note.pitch)))


def _paired(midi: mido.MidiFile) -> list[CallNote]:
    """Each onset of a file with its end, percussion left out; one that never ends lasts as long as the file."""
    notes: list[CallNote] = []
    open_notes: dict[tuple[int, int], tuple[float, int]] = {}
    ticks = 0

    def end(key: tuple[int, int], beats: float) -> None:
        start_beats, velocity = open_notes.pop(key)
        notes.append(CallNote(start_beats, beats, key[1], velocity))

    for message in mido.merge_tracks(midi.tracks):
        ticks += message.time
        beats = ticks / midi.ticks_per_beat
        if message.type not in ("note_on", "note_off") or message.channel == CHANNELS[Part.DRUMS]:
            continue
        key = (message.channel, message.note)
        if key in open_notes:
            end(key, beats)
        if message.type == "note_on" and message.velocity:
            open_notes[key] = (beats, message.velocity)
    for key in list(open_notes):
        end(key, ticks / midi.ticks_per_beat)
    return notes


class Take:
    """What was played in a performance, gathered step by step, to be written as a file at its end."""

    def __init__(self, session: Session, title: str) -> None:
        self._title = title
        self._transport = session.transport
        self._first_beat = (session.step + 1) // 2  # the count-in has negative beats
        self._form = session.form
        self._key_semitones = session.settings.key_semitones
        self._last = 0
        self._marked = -1
        self._meta: list[tuple[int, mido.MetaMessage]] = []
        self._notes: dict[Part, list[tuple[int, NoteEvent]]] = {part: [] for part in Part}
        self._tempo(session.transport)

    def observe(self, moment: Moment) -> None:
        """Take in what happened at a step."""
        session = moment.session
        for note in moment.heard.notes:
            self._put(note.event, self._transport.beats_at(note.time_s))
        if session.transport != self._transport:
            self._transport = session.transport
            self._tempo(session.transport)
        for placed in moment.played.events:
            self._put(placed.event, self._transport.beats_of_tick(placed.tick))
        if session.step > self._marked:  # the step a performance ends in is told twice
            self._marked = session.step
            self._mark(session)

    def write(self, path: Path) -> None:
        """Write a type 1 file: tempo and markers, then a track for each part that plays."""
        midi = mido.MidiFile(type=1, ticks_per_beat=TICKS_A_BEAT, charset="utf-8")
        midi.tracks.append(_track(self._title, self._meta, self._last))
        for part, events in self._notes.items():
            if events:
                midi.tracks.append(_track(str(part).capitalize(), self._messages(part, events), self._last))
        try:
            midi.save(path)
        except OSError as error:
            raise InputNotFound(f"{path}: {error.strerror}; choose another file to write to") from error

    def _at(self, beats: float) -> int:
        position = max(0, round((beats - self._first_beat) * TICKS_A_BEAT))
        self._last = max(self._last, position)
        return position

    def _put(self, event: NoteEvent, beats: float) -> None:
        self._notes[event.part].append((self._at(beats), event))

    def _tempo(self, transport: Transport) -> None:
        at = self._at(transport.beats_of_tick(transport.anchor_step * TICKS_PER_STEP))
        self._meta.append((at, mido.MetaMessage("set_tempo", tempo=mido.bpm2tempo(transport.bpm))))

    def _mark(self, session: Session) -> None:
        """A marker where a chorus or a turn begins."""
        starts = []
        if session.step % self._form.steps == 0:
            starts.append(f"Chorus {session.step // self._form.steps + 1}")
        if session.turn.start == session.step and session.turn.who != Who.NOBODY:
            starts.append(str(session.turn.who))
        if starts:
            marker = mido.MetaMessage("marker", text=" - ".join(starts))
            self._meta.append((self._at(session.step / 2), marker))

    def _messages(self, part: Part, events: list[tuple[int, NoteEvent]]) -> list[tuple[int, mido.Message]]:
        """The part's notes with every onset ended, by the end of the file at the latest."""
        messages = []
        if part in _PROGRAMS:
            messages.append((0, mido.Message("program_change", channel=CHANNELS[part], program=_PROGRAMS[part])))
        begun: dict[int, int] = {}
        for at, event in events:  # in the order they were sent or arrived
            earliest = at
            if event.pitch in begun:  # its end, or the end that a second onset brings; never where it began
                earliest = max(at, begun.pop(event.pitch) + 1)
                messages.append((earliest, _message(NoteOff(part, event.pitch))))
            if isinstance(event, NoteOn):
                begun[event.pitch] = earliest
                messages.append((earliest, _message(event)))
        messages += [(max(self._last, at + 1), _message(NoteOff(part, pitch))) for pitch, at in sorted(begun.items())]
        return messages


def _message(event: NoteEvent) -> mido.Message:
    return mido.Message.from_bytes(bytes_of(event))


def _track(name: str, messages: Sequence[tuple[int, mido.Message | mido.MetaMessage]], last: int) -> mido.MidiTrack:
    """A named track from messages at absolute positions."""
    track = mido.MidiTrack([mido.MetaMessage("track_name", name=name)])
    now = 0
    for at, message in sorted(messages, key=lambda item: item[0]):
        track.append(message.copy(time=at - now))
        now = at
    track.append(mido.MetaMessage("end_of_track", time=max(0, last - now)))
    return track
