"""A line over the same band as every other line, as sound, so that nothing but the notes differs.

FluidSynth and a soundfont make the sound where they are found; else a few lines of our own do. Either gives the same
samples for the same line on the same machine. Nothing here may depend on whose line it is.
"""

import io
import shutil
import subprocess
import wave
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory

import mido
import numpy as np
from numpy.typing import NDArray

from improv.errors import ImprovError, InputNotFound, UsageError
from improv.music.grid import BEATS_PER_BAR, TICKS_PER_BEAT
from improv.music.theory import STEPS_PER_BEAT, TICKS_PER_STEP, Form
from improv.music.transport import Transport
from training.metrics.melody import TICKS_PER_BAR, Melody

try:
    import soundfile
except (ImportError, OSError):  # without it, or the library under it, the sound is not compressed
    soundfile = None

RATE = 44_100
"""Samples a second."""

TAIL_S = 1.5
"""What goes on sounding after the last bar, fading."""

LOUDNESS = -21.0
"""Of every clip, in LUFS."""

CEILING = 0.9
"""No sample of any clip is larger."""

FOLDERS = tuple(
    Path(folder).expanduser()
    for folder in (
        "~/.local/share/soundfonts",
        "~/Library/Audio/Sounds/Banks",
        "/usr/local/share/soundfonts",
        "/usr/share/soundfonts",
        "/usr/share/sounds/sf2",
        "/usr/share/sounds/sf3",
        "/opt/homebrew/share/soundfonts",
        "/opt/homebrew/share/fluid-synth/sf2",
    )
)
"""Where soundfonts are looked for; of those in the first folder that has one, the largest."""

MELODY, CHORDS, BASS, DRUMS = 0, 1, 2, 9
"""Channels of MIDI."""
PROGRAMS = {MELODY: 0, CHORDS: 4, BASS: 32}
"""General MIDI: piano, electric piano, double bass."""
VELOCITIES = {MELODY: 96, CHORDS: 48, BASS: 60, DRUMS: 56}
ACCENT = 8
"""How much louder a note on a bar's first beat is, and how much softer one off the beat."""

CHORDS_LOW, BASS_LOW = 52, 31
HI_HAT, RIDE = 44, 51
STABS = ((0, 8), (18, 22))
"""Where in a bar's half a chord begins and ends, in ticks: on the beat, and before the next but one."""

_TICKS_A_BEAT = 480
_MAX_VELOCITY = 127

Sound = NDArray[np.float64]
"""Samples, -1 to 1, (samples,)."""


@dataclass(frozen=True, slots=True)
class Hit:
    """A note of the band or of the line: onset and end in ticks."""

    channel: int
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
    """None: FluidSynth is not used."""

    @property
    def seconds(self) -> float:
        """Length of a clip, in seconds."""
        return self.form.bars * BEATS_PER_BAR * 60 / self.bpm + TAIL_S


def soundfont(named: Path | None = None) -> Path | None:
    """Return the soundfont to use; None without FluidSynth or a soundfont. InputNotFound or UsageError for `named`."""
    if named is not None and not named.is_file():
        raise InputNotFound(f"{named}: no such soundfont")
    if shutil.which("fluidsynth") is None:
        if named is not None:
            raise UsageError("--soundfont needs FluidSynth, which is not installed")
        return None
    for folder in FOLDERS if named is None else ():
        found = [path for path in folder.glob("*.sf[23]") if path.is_file()] if folder.is_dir() else []
        if found:
            return max(found, key=lambda path: (path.stat().st_size, path.name)).resolve()
    return named


# --- what is played ---------------------------------------------------------------------------


def hits(line: Melody) -> list[Hit]:
    """Return a melody's notes, each with a velocity for its place in the bar."""
    found = []
    for onset, end, pitch in zip(line.onsets.tolist(), line.ends.tolist(), line.pitches.tolist(), strict=True):
        stress = ACCENT if onset % TICKS_PER_BAR == 0 else -ACCENT if onset % TICKS_PER_BEAT else 0
        found.append(Hit(MELODY, onset, end, pitch, VELOCITIES[MELODY] + stress))
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
        found.append(Hit(BASS, start, start + TICKS_PER_BEAT - 1, pitch, VELOCITIES[BASS]))
        found.append(Hit(DRUMS, start, start + TICKS_PER_STEP, RIDE, VELOCITIES[DRUMS]))
        if in_bar % 2:
            found.append(Hit(DRUMS, start, start + TICKS_PER_STEP, HI_HAT, VELOCITIES[DRUMS] + 2 * ACCENT))
    for half in range(beats // 2):
        for on, off in STABS:
            start, end = (half * 2 * TICKS_PER_BEAT + tick for tick in (on, off))
            chord = form.chord_at(start // TICKS_PER_STEP)
            upper = [_low(chord.root + interval, CHORDS_LOW) for interval in chord.intervals[1:]]
            found += [Hit(CHORDS, start, end, pitch, VELOCITIES[CHORDS]) for pitch in upper]
    return found


def _low(pitch_class: int, low: int) -> int:
    """Return the pitch of a class in the octave from `low` on."""
    return low + (pitch_class - low) % 12


def midi_file(notes: Sequence[Hit], stage: Stage) -> mido.MidiFile:
    """Return notes as a MIDI file of the length of a clip."""
    transport = Transport(0, 0.0, stage.bpm, stage.swing)
    events = []
    for note in notes:
        for tick, kind in ((note.onset, "note_on"), (note.end, "note_off")):
            at = round(transport.beats_of_tick(tick) * _TICKS_A_BEAT)
            velocity = min(note.velocity, _MAX_VELOCITY) if kind == "note_on" else 0
            message = mido.Message(kind, channel=note.channel, note=note.pitch, velocity=velocity)
            events.append((at, kind == "note_on", note.channel, note.pitch, message))
    events.sort(key=lambda event: event[:4])
    track = mido.MidiTrack([mido.MetaMessage("set_tempo", tempo=mido.bpm2tempo(stage.bpm))])
    track += [mido.Message("program_change", channel=channel, program=program) for channel, program in PROGRAMS.items()]
    now = 0
    for at, *_, message in events:
        track.append(message.copy(time=at - now))
        now = at
    end = round(stage.seconds * stage.bpm / 60 * _TICKS_A_BEAT)
    track.append(mido.MetaMessage("end_of_track", time=max(0, end - now)))
    return mido.MidiFile(type=0, ticks_per_beat=_TICKS_A_BEAT, tracks=[track])


# --- how it sounds ----------------------------------------------------------------------------


def clip(line: Melody, stage: Stage) -> Sound:
    """Return the sound of a melody over the band, at the same length and loudness as all clips."""
    notes = [*band(stage.form), *hits(line)]
    made = _by_fluidsynth(notes, stage, stage.soundfont) if stage.soundfont else _by_ourselves(notes, stage)
    samples = round(stage.seconds * RATE)
    sound = np.zeros(samples)
    sound[: min(samples, len(made))] = made[:samples]
    fading = round(TAIL_S * RATE)
    sound[-fading:] *= np.linspace(1, 0, fading) ** 2
    return sound * 10 ** ((LOUDNESS - loudness(sound)) / 20)


def limit_together(sounds: Sequence[Sound]) -> list[Sound]:
    """Return all sounds turned down equally, if the largest sample of any is above `CEILING`."""
    peak = max((float(np.abs(sound).max()) for sound in sounds), default=0.0)
    return [sound * min(1.0, CEILING / peak) if peak else sound for sound in sounds]


def loudness(sound: Sound) -> float:
    """Return the loudness of one channel in LUFS: -0.691 + 10 log10(mean square after K weighting) (BS.1770-4).

    Without its gates: the band plays all the time.
    """
    filtered = np.fft.irfft(np.fft.rfft(sound) * _k_filter(len(sound)), len(sound))
    return float(-0.691 + 10 * np.log10(max(float(np.mean(filtered**2)), 1e-12)))


@lru_cache(maxsize=4)
def _k_filter(samples: int) -> NDArray[np.complex128]:
    """Return the K filter's response at each frequency of so many samples: two biquads, given in BS.1770 for 48 kHz.

    Its shelf and its high pass by frequency, gain and quality, as libebur128 has them for any rate.
    """
    z = np.exp(-2j * np.pi * np.fft.rfftfreq(samples))
    k, quality = np.tan(np.pi * 1681.974450955533 / RATE), 0.7071752369554196
    high = 10 ** (3.999843853973347 / 20)
    middle = high**0.4996667741545416
    below = 1 + k / quality + k * k
    shelf = [high + middle * k / quality + k * k, 2 * (k * k - high), high - middle * k / quality + k * k]
    response = np.polynomial.polynomial.polyval(z, shelf)
    response = response / np.polynomial.polynomial.polyval(z, [below, 2 * (k * k - 1), 1 - k / quality + k * k])
    k, quality = np.tan(np.pi * 38.13547087602444 / RATE), 0.5003270373238773
    below = 1 + k / quality + k * k
    response = response * (1 - z) ** 2 * below
    return np.asarray(response / np.polynomial.polynomial.polyval(z, [below, 2 * (k * k - 1), 1 - k / quality + k * k]))


def _by_fluidsynth(notes: Sequence[Hit], stage: Stage, font: Path) -> Sound:
    with TemporaryDirectory() as folder:
        score, out = Path(folder, "line.mid"), Path(folder, "line.wav")
        midi_file(notes, stage).save(score)
        command = ["fluidsynth", "-ni", "-q", "-g", "1.2", "-r", str(RATE), "-O", "s16", "-T", "wav", "-F", str(out)]
        done = subprocess.run([*command, str(font), str(score)], capture_output=True, text=True, check=False)  # noqa: S603
        if done.returncode or not out.is_file():
            raise ImprovError(f"fluidsynth made no sound of {font}: {' '.join(done.stderr.split())[:200]}")
        return read_wav(out.read_bytes())


def read_wav(content: bytes) -> Sound:
    """Return the mean of the channels of a 16-bit WAV file, -1 to 1, shape (samples,)."""
    with wave.open(io.BytesIO(content)) as file:
        frames = np.frombuffer(file.readframes(file.getnframes()), "<i2")
        return np.asarray(frames.reshape(-1, file.getnchannels()).mean(axis=1) / 2**15)


def _by_ourselves(notes: Sequence[Hit], stage: Stage) -> Sound:
    """Return struck strings as sums of partials that die away, the higher the sooner, and cymbals as noise."""
    transport = Transport(0, 0.0, stage.bpm, stage.swing)
    sound = np.zeros(round((stage.seconds + 1) * RATE))
    for note in notes:
        start, end = (transport.beats_of_tick(tick) * 60 / stage.bpm for tick in (note.onset, note.end))
        struck = _struck(note.channel, note.pitch, round((end - start) * RATE)) * (note.velocity / _MAX_VELOCITY) ** 2
        at = round(start * RATE)
        room = sound[at : at + len(struck)]
        room += struck[: len(room)]
    return sound / 8


_PARTIALS = {
    MELODY: (1, 0.55, 0.3, 0.22, 0.12, 0.08, 0.05, 0.03),
    CHORDS: (0.7, 0.1, 0, 0.12),
    BASS: (1.4, 0.7, 0.3, 0.1),
}
_LASTS_S = {MELODY: 1.1, CHORDS: 0.9, BASS: 0.7}
_RELEASE_S = 0.06


@lru_cache(maxsize=4096)
def _struck(channel: int, pitch: int, samples: int) -> Sound:
    """Return one note of our own synthesis, at velocity 127."""
    if channel == DRUMS:
        seconds = np.arange(round(0.2 * RATE)) / RATE
        noise = np.diff(np.random.default_rng(pitch).uniform(-1, 1, len(seconds) + 1))
        return np.asarray(0.5 * noise * np.exp(-seconds / (0.02 if pitch == HI_HAT else 0.07)))
    seconds = np.arange(samples + round(_RELEASE_S * RATE)) / RATE
    hertz = 440 * 2 ** ((pitch - 69) / 12)
    sound = np.zeros(len(seconds))
    for number, strength in enumerate(_PARTIALS[channel], start=1):
        if number * hertz < 0.45 * RATE:
            lasts = _LASTS_S[channel] * (261.6 / hertz) ** 0.4 / number**0.6
            sound += strength * np.sin(2 * np.pi * number * hertz * seconds) * np.exp(-seconds / lasts)
    sound *= np.minimum(1, seconds / 0.003)
    sound[samples:] *= np.linspace(1, 0, len(sound) - samples)
    return sound


# --- as a file --------------------------------------------------------------------------------


def encode_audio(sound: Sound) -> tuple[str, bytes]:
    """Return media type and content of an audio file for browsers: MP3 if `soundfile` can write it, else WAV."""
    out = io.BytesIO()
    if soundfile is not None and "MP3" in soundfile.available_formats():
        soundfile.write(
            out, sound.astype(np.float32), RATE, format="MP3", bitrate_mode="VARIABLE", compression_level=0.6
        )
        return "audio/mpeg", out.getvalue()
    with wave.open(out, "wb") as file:
        file.setparams((1, 2, RATE, len(sound), "NONE", ""))
        file.writeframes((np.clip(sound, -1, 1) * (2**15 - 1)).round().astype("<i2").tobytes())
    return "audio/wav", out.getvalue()
