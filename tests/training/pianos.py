"""Made-up piano pieces: two voices over chords, in seconds."""

from training.corpora.piano_midi import Note, Piece


def piece(number: int, seconds: float = 70.0, name: str | None = None) -> Piece:
    """Return a piece of eighths over a bass that changes every second."""
    notes = []
    for at in range(int(4 * seconds)):
        pitch = 60 + (3 * at * number + at // 5) % 20
        notes.append(note(pitch, at / 4, at / 4 + 0.2))
        if at % 4 == 0:
            notes.append(note(40 + (at * number // 4) % 12, at / 4, at / 4 + 1))
    return Piece(name=name or f"made_{number}", composer="Nobody", title="Made up", notes=tuple(notes))


def note(pitch: int, onset_s: float, end_s: float) -> Note:
    """Return a note at 60 beats a minute."""
    return Note(pitch=pitch, velocity=64, onset=onset_s, end=end_s, onset_s=onset_s, end_s=end_s, hand=0)
