"""The bass as a network plays it: it chooses targets and the notes on the way; the rhythm is the style's figure."""

from functools import lru_cache

from improv.models.contract import StepModel
from improv.models.encodings.bass_lines import HIGHEST, BassInput, BassLines, in_range
from improv.music.grid import BEATS_PER_BAR, TICKS_PER_BEAT
from improv.music.parts import Part
from improv.music.theory import Chord
from improv.session.band.asking import Freedom, asked, chosen
from improv.session.band.bass import aimed, ceiling, next_target, note, pitch_by_rule, slots, with_figure
from improv.session.band.bass_figures import ALWAYS_WALK, DEAD, WALK, Slot
from improv.session.band.bass_targets import fifth
from improv.session.band.context import BandContext
from improv.session.band.notes import Struck
from improv.session.band.part_state import PartState

_LINES = BassLines()

_PLAIN, _LIVELY = Freedom(0.5, 0.8), Freedom(0.9, 0.95)

_CALM, _BUSY = 1.0, 2.5
"""Onsets a beat of lines that are not busy at all, and what as busy lines as can be have more."""

_SLOT_DRAWS = 64
"""The numbers of the draws of a note; the next note of the step has others."""


def walks(context: BandContext) -> bool:
    """Return whether the network plays in a step: it has learned to walk."""
    return context.style in ALWAYS_WALK


def learned_bass(state: PartState, context: BandContext, model: StepModel) -> tuple[PartState, list[Struck]]:
    """Return the bassist's state after a step, and what it strikes in it. Without a chord it rests.

    Errors of the model are raised.
    """
    state = with_figure(state, context)
    struck: list[Struck] = []
    if context.chord is None:
        return state, struck
    for number, slot in enumerate(slots(state, context)):
        if slot[2] in (WALK, DEAD):
            pitch, state = _pitch(slot, state, context, model, number * _SLOT_DRAWS)
        else:  # a bass in two: the network has learned to walk
            pitch, after = pitch_by_rule(slot, state, context)
            state = after.remembering(state.memory)
        struck.append(note(slot, pitch, context))
    return state, struck


def _pitch(
    slot: Slot, state: PartState, context: BandContext, model: StepModel, first_draw: int
) -> tuple[int, PartState]:
    """Return the MIDI pitch of a note, and the state after it."""
    chord, last = context.chord, state.recent[-1] if state.recent else None
    assert chord is not None  # noqa: S101 the caller has seen to it
    comes_in = chord != state.chord
    if slot[2] == DEAD and last is not None and not comes_in:
        return last, state
    arrives, top = comes_in or slot[0] == 0, min(HIGHEST, ceiling(context))
    target, target_chord, notes = _way(slot, state, context, chord, arrives=arrives)
    if arrives and target is not None and not _fits(target, chord, top, comes_in=comes_in):
        target = aimed(WALK, None, in_range(target), chord, context, comes_in=comes_in)
    given = BassInput(
        pitch=last,
        before=state.recent[-2] if len(state.recent) > 1 else None,
        target=None if target is None else in_range(target),
        beats=notes,
        chord=chord,
        target_chord=target_chord,
        changes=target_chord != (state.chord if arrives else chord),
        place=context.chorus_bar * BEATS_PER_BAR + slot[0] // TICKS_PER_BEAT,
        form_beats=context.bars * BEATS_PER_BAR,
        bpm=context.bpm,
        density=_CALM + _BUSY * context.busy,
    )
    logits, memory = asked(model, _LINES.encode(given), state.memory)
    free = _freedom(context.lively)
    found = chosen(
        _LINES.decode(given, top),
        logits,
        lambda _: free,
        lambda number: context.draw(Part.BASS, first_draw + number),
    )
    recent = (*state.recent[-1:], found.pitch)
    return found.pitch, PartState(state.sounding, recent, found.target, chord, state.figure, state.style, memory)


@lru_cache(maxsize=64)
def _freedom(lively: float) -> Freedom:
    return _PLAIN.towards(_LIVELY, lively)


def _way(
    slot: Slot, state: PartState, context: BandContext, chord: Chord, *, arrives: bool
) -> tuple[int | None, Chord | None, int]:
    """Return the target of a note, its chord, and how many notes are left until it; the note's own where it arrives."""
    if arrives:
        return state.target, chord, 0
    _, notes, target_chord = next_target(slot, state, context)
    return state.target, target_chord, min(notes, BEATS_PER_BAR - 1)


def _fits(target: int, chord: Chord, top: int, *, comes_in: bool) -> bool:
    """Return whether a target still is one: the chord or the player's register may have changed meanwhile."""
    classes = {chord.root, fifth(chord)} if comes_in else chord.pitch_classes
    return target % 12 in classes and target <= top
