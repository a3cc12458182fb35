"""The melody that is decided: one choice of the network after another, under the player's controls."""

from collections.abc import Callable
from dataclasses import replace
from itertools import count

from improv.models.contract import ModelSpec, Tensor
from improv.models.encodings import Choice, Decoder, Encoding, Steer
from improv.models.sampling import bits_of, draw, on_units, unit_weights
from improv.music.notes import SILENCE, Cell, Onset
from improv.music.parts import Part
from improv.music.theory import Chord
from improv.music.turns import NOTHING_YET, Answer, Mode, owes_a_note
from improv.protocol.controls import BUILD, Settings
from improv.session.band.draws import chance
from improv.session.band.pads import CHORDS_LOW
from improv.session.build import built
from improv.session.duet import hears_apart, steering_beside
from improv.session.motifs import drawing_temperature
from improv.session.network import AskedNetwork, compass_of, has_melody, has_voice
from improv.session.phrases import NEW_IDEA, NO_PHRASES, Intervals, Phrases, Plan, after, begins, planned, taken_up
from improv.session.state import PitchLogits, PlayingStyle, Session

_BEGINS = (CHORDS_LOW + 12, CHORDS_LOW + 34)
"""The lowest and the highest pitch with which a phrase begins that follows no player's register, C4 to Bb5."""


def decide_melody(
    asked: AskedNetwork, chord: Chord | None, before: Session, session: Session
) -> tuple[Cell, PitchLogits | None]:
    """Return improv's cell for a step over its chord, and the logits of its first pitch if there is one."""
    if not has_melody(asked.model.spec):
        return SILENCE, None
    steer = steering(session, before, asked.encoding)
    decoder = asked.encoding.decode_cell(steer, chord, before.network.output.melody, asked.step_input)
    answers = asked.step_input.call_cell is not None
    temperature = drawing_temperature(session, asked.encoding, answers=answers)
    return improvise(decoder, asked.answers(), session, asked.model.spec, temperature)


def improvise(
    decoder: Decoder, logits_of: Callable[[Choice], Tensor], session: Session, spec: ModelSpec, temperature: float
) -> tuple[Cell, PitchLogits | None]:
    """Draw the choices of a step one by one; return the cell and the logits of its first pitch, if any.

    `logits_of` gives the logits of a choice once those before it have been made. Where it is not improv's turn
    nothing is drawn.
    """
    octaves = session.band.style.octaves + session.settings.register
    pitch_logits: PitchLogits | None = None
    try:
        choice = next(decoder)
    except StopIteration as done:  # a step may have nothing to choose
        return (done.value if session.turn.who.plays else SILENCE), None
    for number in count():
        logits = logits_of(choice)
        distribution = spec.heads[choice.head].distribution
        if pitch_logits is None and choice.pitches:
            pitch_logits = PitchLogits(logits.ravel(), distribution, choice.bias, choice.pitches, octaves)
        if not session.turn.who.plays:
            break
        try:
            choice = decoder.send(_drawn(logits, choice, distribution, session, number, temperature))
        except StopIteration as done:
            return done.value, pitch_logits
    return SILENCE, pitch_logits


def _drawn(logits: Tensor, choice: Choice, distribution: str, session: Session, number: int, temperature: float) -> int:
    """Return what is drawn of a choice, the `number`th of the session's step: a unit, or the bits of those that are on.

    Of a `bernoulli` head nothing is drawn: each unit is on that is likelier on than off.
    """
    if distribution == "bernoulli":
        return bits_of(on_units(logits.ravel(), choice.bias))
    settings = session.settings
    weights = unit_weights(
        logits,
        max(temperature, choice.least_temperature),
        distribution=distribution,
        bias=choice.bias,
        top_p=min(max(settings.top_p, choice.least_top_p), choice.most_top_p),
    )
    return draw(weights, settings.seed, session.step, number, session.network.stream)


def plain_line(place: int, chord: Chord | None, encoding: Encoding) -> Cell:
    """Return the cell of a plain line at a place: chord tones up and down the range, one on each beat."""
    beat, inside = divmod(place, encoding.grid.steps_per_beat)
    if inside or chord is None:
        return SILENCE
    classes = chord.pitch_classes
    tones = [pitch for pitch in encoding.melody_pitches() if pitch % 12 in classes]
    if not tones:
        return SILENCE
    turn = max(1, 2 * (len(tones) - 1))
    turned = beat % turn
    return Cell(onsets=(Onset(tones[min(turned, turn - turned)]),))


def answer_so_far(session: Session, before: Session) -> Answer:
    """Return what improv has played in this turn before the session's step."""
    return before.band.answer if session.turn == before.turn else NOTHING_YET


def melody_muted(settings: Settings) -> bool:
    """Return whether the melody is silenced: muted, at level 0, or not soloed where another part is."""
    return not settings.mixer.is_audible(Part.MELODY)


def steering(session: Session, before: Session, encoding: Encoding) -> Steer:
    """Return what steers the encoding in the session's step: the player's controls, and the needs of the turn."""
    settings, turn = session.settings, session.turn
    ends = None
    if settings.mode is Mode.PHRASE and turn.end is not None:
        left = turn.end - session.step
        ends = left if left <= session.grid.steps_per_beat else None
    strikes = not melody_muted(settings) and owes_a_note(turn, session.step, answer_so_far(session, before))
    compass = compass_of(settings, session.semitones) if has_voice(settings, encoding) else None
    if hears_apart(session):
        return replace(steering_beside(session, before), compass=compass)
    density, rise, breath = settings.density, 0.0, 0.0
    follows: Intervals = ()
    follows_from: int | None = None
    begins_on: int | None = None
    if settings.mode is Mode.SOLO:
        breath = settings.breath
        if settings.build and BUILD.name not in encoding.unsupported_controls:
            chorus = built(session)
            density += settings.build * chorus.density
            rise = settings.build * chorus.rise
            plan = _plan(session, before)
            if plan is None:
                follows, follows_from = before.band.phrases.following, before.band.phrases.last
            else:
                follows, begins_on = plan.intervals, plan.pitch
    return Steer(
        density, settings.rests, settings.leaning, ends, strikes, compass=compass, breath=breath, follows=follows,
        follows_from=_in_network_key(session, follows_from if follows else None),
        begins_on=_in_network_key(session, begins_on), rise=rise,
    )  # fmt: skip


def _in_network_key(session: Session, pitch: int | None) -> int | None:
    """Return a MIDI pitch in the key of the performance as it is in the network's key and range."""
    if pitch is None:
        return None
    return pitch - session.semitones - 12 * (session.band.style.octaves + session.settings.register)


def _plan(session: Session, before: Session) -> Plan | None:
    """Return how a phrase of a solo is to begin that may begin with the session's step; None if none may.

    A phrase that can begin within the step alone, for want of a beat of rest before it, is always a new idea.
    """
    settings = session.settings
    if not begins(before.band.expression.sounded_to, session.tick):
        return None
    plan = planned if settings.soloist_rules > 1 else taken_up
    return plan(
        before.band.phrases, settings.build, lambda number: chance(settings.seed, session.tick, Part.MELODY, number)
    )


def phrases_after(session: Session, before: Session, melody: Cell) -> Phrases:
    """Return how the phrases of a solo have begun after a melody that is played in the session's step."""
    if session.settings.mode is not Mode.SOLO or not session.settings.build:
        return NO_PHRASES
    sounded_to = before.band.expression.sounded_to
    plan = _plan(session, before)
    if plan is None:
        plan = NEW_IDEA if session.settings.soloist_rules > 1 else Plan(intervals=before.band.phrases.following)
    return after(before.band.phrases, melody, session.tick, sounded_to, plan)


def register_over_chords(session: Session, melody: Cell, before: Cell) -> PlayingStyle:
    """Return the playing style of a cell, in an octave above the chords where a phrase begins.

    Where a player is followed their register stays. Else a phrase begins with its first note over the chords and not
    much higher: a network that learned from horns of all registers is at home in each.
    """
    style = session.band.style
    if style.follows or not melody.onsets or before.onsets or before.held:
        return style
    first = melody.onsets[0].tick
    pitch = max([onset.pitch for onset in melody.onsets if onset.tick == first]) + session.semitones
    octaves = style.octaves
    while pitch + 12 * octaves < _BEGINS[0]:
        octaves += 1
    while pitch + 12 * octaves > _BEGINS[1]:
        octaves -= 1
    return replace(style, octaves=octaves)
