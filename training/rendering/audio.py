"""A line over the same band as every other line, as sound, so that nothing but the notes differs.

The sound is that of improv's own synth, which gives the same samples for the same line on the same machine. Nothing
here may depend on whose line it is.
"""

import io
import wave
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from improv.export.performance import Key, Performance, Tempo
from improv.export.sound import timed_messages
from improv.music.grid import BEATS_PER_BAR, TICKS_PER_BEAT
from improv.music.notes import Event, NoteOff, NoteOn, Program
from improv.music.parts import Part
from improv.music.theory import STEPS_PER_BEAT, TICKS_PER_STEP, Form
from improv.music.transport import Transport
from improv.music.turns import Mode
from improv.protocol.controls import Settings
from improv.synth.choice import open_synth
from improv.synth.engine import RATE_HZ as RATE
from improv.synth.loudness import lufs
from improv.synth.offline import rendered
from training.metrics.melody import TICKS_PER_BAR, Melody

TAIL_S = 1.5
"""What goes on sounding after the last bar, fading."""

LOUDNESS = -21.0
"""Of every clip, in LUFS."""

CEILING = 0.9
"""No sample of any clip is larger."""

PIANO = 0
"""The General MIDI program that every line is played with."""
VELOCITIES = {Part.MELODY: 96, Part.CHORDS: 48, Part.BASS: 60, Part.DRUMS: 56}
ACCENT = 8
"""How much louder a note on a bar's first beat is, and how much softer one off the beat."""

CHORDS_LOW, BASS_LOW = 52, 31
HI_HAT, RIDE = 44, 51
STABS = ((0, 8), (18, 22))
"""Where in a bar's half a chord begins and ends, in ticks: on the beat, and before the next but one."""

_MAX_VELOCITY = 127

Sound = NDArray[np.float64]
"""Samples, -1 to 1, (samples,)."""


@dataclass(frozen=True, slots=True)
class Hit:
    """A note of the band or of the line: onset and end in ticks."""

    part: Part
    onset: int
    end: int
    pitch: int
    velocity: int


@dataclass(frozen=True, slots=True)
class Stage:
    """What every line is played with."""

    form: Form
    bpm: float
    swing: float
    soundfont: Path | None
    """None: the best engine here, with what it finds."""

    @property
    def seconds(self) -> float:
        """Length of a clip, in seconds."""
        return self.form.bars * BEATS_PER_BAR * 60 / self.bpm + TAIL_S


# --- what is played ---------------------------------------------------------------------------


def hits(line: Melody) -> list[Hit]:
    """Return a melody's notes, each with a velocity for its place in the bar."""
    found = []
    for onset, end, pitch in zip(line.onsets.tolist(), line.ends.tolist(), line.pitches.tolist(), strict=True):
        stress = ACCENT if onset % TICKS_PER_BAR == 0 else -ACCENT if onset % TICKS_PER_BEAT else 0
        found.append(Hit(Part.MELODY, onset, end, pitch, VELOCITIES[Part.MELODY] + stress))
    return found


def band(form: Form) -> list[Hit]:
    """Return the notes of a backing band over a form: walking bass, rootless chords, hi-hat and ride."""
    beats = form.steps // STEPS_PER_BEAT
    found = []
    for beat in range(beats):
        start = beat * TICKS_PER_BEAT
        chord, following = (form.chord_at((beat + later) * STEPS_PER_BEAT) for later in (0, 1))
        in_bar = beat % BEATS_PER_BAR
        if chord != following:
            pitch = _low(following.root, BASS_LOW) - 1  # a semitone under the root to come
        else:
            pitch = _low(chord.root + chord.intervals[in_bar % len(chord.intervals)], BASS_LOW)
        if beat == 0 or chord != form.chord_at((beat - 1) * STEPS_PER_BEAT):
            pitch = _low(chord.root, BASS_LOW)
        found.append(Hit(Part.BASS, start, start + TICKS_PER_BEAT - 1, pitch, VELOCITIES[Part.BASS]))
        found.append(Hit(Part.DRUMS, start, start + TICKS_PER_STEP, RIDE, VELOCITIES[Part.DRUMS]))
        if in_bar % 2:
            found.append(Hit(Part.DRUMS, start, start + TICKS_PER_STEP, HI_HAT, VELOCITIES[Part.DRUMS] + 2 * ACCENT))
    for half in range(beats // 2):
        for on, off in STABS:
            start, end = (half * 2 * TICKS_PER_BEAT + tick for tick in (on, off))
            chord = form.chord_at(start // TICKS_PER_STEP)
            upper = [_low(chord.root + interval, CHORDS_LOW) for interval in chord.intervals[1:]]
            found += [Hit(Part.CHORDS, start, end, pitch, VELOCITIES[Part.CHORDS]) for pitch in upper]
    return found


def _low(pitch_class: int, low: int) -> int:
    """Return the pitch of a class in the octave from `low` on."""
    return low + (pitch_class - low) % 12


def performance(notes: Sequence[Hit], stage: Stage) -> Performance:
    """Return notes as a performance of the form's length, in the stage's swing."""
    transport = Transport(0, 0.0, stage.bpm, stage.swing)
    placed: list[tuple[float, Event]] = [(0.0, Program(Part.MELODY, PIANO))]
    for note in notes:
        on = NoteOn(note.part, note.pitch, min(note.velocity, _MAX_VELOCITY))
        placed.append((transport.beats_of_tick(note.onset), on))
        placed.append((transport.beats_of_tick(note.end), NoteOff(note.part, note.pitch)))
    placed.sort(key=lambda item: (item[0], isinstance(item[1], NoteOn)))
    beats = stage.form.steps / STEPS_PER_BEAT
    events = {part: tuple(item for item in placed if item[1].part is part) for part in Part}
    return Performance(
        title="",
        made_with="",
        model="",
        settings=Settings(mode=Mode.SOLO),
        transport=transport,
        form_beats=round(beats),
        count_in_beats=0,
        beats=beats,
        events={part: items for part, items in events.items() if items},
        marks=((0.0, Key("C")), (0.0, Tempo(stage.bpm))),
    )


# --- how it sounds ----------------------------------------------------------------------------


def clip(line: Melody, stage: Stage) -> Sound:
    """Return the sound of a melody over the band, at the same length and loudness as all clips.

    Unavailable where there is nothing to make sound with.
    """
    messages = timed_messages(performance([*band(stage.form), *hits(line)], stage))
    made = np.concatenate(list(rendered(messages, font=stage.soundfont, least_s=stage.seconds)))  # (frames, 2)
    sound = made[: round(stage.seconds * RATE)].mean(axis=1, dtype=np.float64)
    fading = round(TAIL_S * RATE)
    sound[-fading:] *= np.linspace(1, 0, fading) ** 2
    return np.asarray(sound * 10 ** ((LOUDNESS - loudness(sound)) / 20))


def sounds_by(stage: Stage) -> str:
    """Return what makes the sound of clips; Unavailable if there is nothing."""
    return open_synth(stage.soundfont).description


def limit_together(sounds: Sequence[Sound]) -> list[Sound]:
    """Return all sounds turned down equally, if the largest sample of any is above `CEILING`."""
    peak = max((float(np.abs(sound).max()) for sound in sounds), default=0.0)
    return [sound * min(1.0, CEILING / peak) if peak else sound for sound in sounds]


def loudness(sound: Sound) -> float:
    """Return the loudness of one channel in LUFS (BS.1770-4), without its gates: the band plays all the time."""
    return lufs(sound[:, None].astype(np.float32))


# --- as a file --------------------------------------------------------------------------------


def encode_audio(sound: Sound) -> tuple[str, bytes]:
    """Return media type and content of an audio file for browsers: MP3 if `soundfile` can write it, else WAV."""
    out = io.BytesIO()
    if "MP3" in soundfile.available_formats():
        soundfile.write(
            out, sound.astype(np.float32), RATE, format="MP3", bitrate_mode="VARIABLE", compression_level=0.6
        )
        return "audio/mpeg", out.getvalue()
    with wave.open(out, "wb") as file:
        file.setparams((1, 2, RATE, len(sound), "NONE", ""))
        file.writeframes((np.clip(sound, -1, 1) * (2**15 - 1)).round().astype("<i2").tobytes())
    return "audio/wav", out.getvalue()
