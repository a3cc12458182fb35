"""A performance as the MIDI messages of each part, for files of MIDI and for the synth that makes sound of it.

Both play the same messages at the same ticks, so that a file of sound lines up with a file of MIDI.
"""

from improv.export.performance import Performance
from improv.midi.messages import bytes_of
from improv.music.notes import Event, NoteOff, NoteOn, Program
from improv.music.parts import MIXED_PARTS, Part
from improv.protocol.controls import Settings

TICKS_A_BEAT = 480
"""The resolution of MIDI files, and of when messages of a file of sound are sent."""


def tick_of(beats: float) -> int:
    """Return the tick of a MIDI file that is nearest to a position in beats."""
    return round(beats * TICKS_A_BEAT)


def messages_of(performance: Performance) -> dict[Part, list[tuple[int, bytes]]]:
    """Return what the channel of each part that plays is sent: messages at ticks, as they are to be sent.

    Each onset is ended, by the end of the performance at the latest.
    """
    last = tick_of(performance.beats)
    return {part: _messages(part, events, last, performance.settings) for part, events in performance.events.items()}


def _messages(
    part: Part, events: tuple[tuple[float, Event], ...], last: int, settings: Settings
) -> list[tuple[int, bytes]]:
    program = settings.mixer[part].program if part in MIXED_PARTS else part.row.program
    messages = []
    if program or not part.is_percussion:  # a kit other than the first
        messages.append((0, bytes_of(Program(part, program))))
    begun: dict[int, int] = {}
    for beats, event in events:
        at = tick_of(beats)
        if not isinstance(event, NoteOn | NoteOff):
            if event != Program(part, program):
                messages.append((at, bytes_of(event)))
            program = event.number if isinstance(event, Program) else program
            continue
        earliest = at
        if event.pitch in begun:  # its end, or the end that a second onset brings; never where it began
            earliest = max(at, begun.pop(event.pitch) + 1)
            messages.append((earliest, bytes_of(NoteOff(part, event.pitch))))
        if isinstance(event, NoteOn):
            begun[event.pitch] = earliest
            messages.append((earliest, bytes_of(event)))
    messages += [(max(last, at + 1), bytes_of(NoteOff(part, pitch))) for pitch, at in sorted(begun.items())]
    return messages
