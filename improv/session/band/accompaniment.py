"""The players of the band: who plays what in a step, what each keeps, and what leaves.

A player is a function: `play(state, context) -> (state, events)`. THE table of them is `PLAYERS`: another part is a row
here, and its player a module beside this one. What a player decides are notes; how they begin and end is the same for
all, whether a rule or a network decides them: see `improv.session.band.notes`.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType

from improv.dataclass import dataclass
from improv.music.notes import NoteOff, NoteOn, Placed
from improv.music.parts import Part
from improv.music.styles import Style
from improv.music.theory import Chord
from improv.session.band.bass import bass
from improv.session.band.comp import comp
from improv.session.band.context import BandContext, Beside, Changes
from improv.session.band.drums import drums
from improv.session.band.hearing import Hearing, listened, loudness
from improv.session.band.intensity import arc, energy
from improv.session.band.learned import NO_NETWORKS, Networks, Rule, decided
from improv.session.band.notes import Struck, ended, sounded
from improv.session.band.pads import pads
from improv.session.band.part_state import PartState, PartStates, SoundingNote
from improv.session.state import BandState, Session

Play = Callable[[PartState, BandContext], tuple[PartState, list[Placed]]]
"""What a player does in a step: its state after it, and its events, in ticks of the performance."""


@dataclass(frozen=True, slots=True)
class Player:
    """The player of a part in all styles that have rhythm: a rule, and how its notes give way to each other."""

    part: Part
    rule: Rule
    replaces: bool
    """Whether its notes end those that were struck before them: one line, or one chord at a time."""

    def play(self, state: PartState, context: BandContext) -> tuple[PartState, list[Placed]]:
        """Return the player's state after a step that is played by rule, and its events in it."""
        return self.sounding(*self.rule(state, context), context)

    def sounding(self, state: PartState, struck: list[Struck], context: BandContext) -> tuple[PartState, list[Placed]]:
        """Return the state with what sounds after a step in which notes are struck, and the events of the step."""
        if not struck and not state.sounding:
            return state, []
        stop = context.tick + context.length
        sounds, events = sounded(self.part, state.sounding, struck, context.tick, stop, replaces=self.replaces)
        return state if sounds == state.sounding else state.with_sounding(sounds), events


PLAYERS: Mapping[Part, Player] = MappingProxyType(
    {
        player.part: player
        for player in (
            Player(Part.CHORDS, comp, replaces=True),
            Player(Part.BASS, bass, replaces=True),
            Player(Part.DRUMS, drums, replaces=False),
        )
    }
)
"""The player of each part that accompanies the melody."""

ACCOMPANYING_PARTS = tuple(PLAYERS)

_IN_PADS: Mapping[Part, Play] = MappingProxyType({Part.CHORDS: pads})
"""Who plays in the style that has no rhythm."""


def accompanied(
    before: Session,
    session: Session,
    band: BandState,
    ahead: tuple[Chord | None, ...],
    networks: Networks = NO_NETWORKS,
) -> BandState:
    """Return the band of a session's step with what it has heard, what it keeps and what it plays.

    `before` is the session of the step before, with all that was heard in it. Of `band` the frame is decided; `ahead`
    are the chords of the steps to come in the network's key, as far as they are decided. `networks` play their parts,
    and where one fails a rule does, as where there is none.
    """
    hearing = _heard(before, session)
    settings, kept = session.settings, before.band.parts
    silent = frozenset([part for part in ACCOMPANYING_PARTS if not settings.mixer.is_audible(part)])
    context = context_of(before, session, band, hearing, ahead, silent)
    states: dict[Part, PartState] = {}
    events: list[Placed] = []
    by_rule = list(band.by_rule)
    for part, player in PLAYERS.items():
        state, in_pads = kept[part], _IN_PADS.get(part)
        if part in silent or (settings.style is Style.PADS and in_pads is None):
            events += ended(part, state.sounding, context.tick)
            states[part] = state.with_sounding(()) if state.sounding else state
            continue
        state = _of_style(state, context)
        if settings.style is Style.PADS and in_pads is not None:
            states[part], now = in_pads(state, context)
        else:
            (state, struck), failed = decided(part, player.rule, state, context, networks)
            by_rule += [failed] if failed else []
            states[part], now = player.sounding(state, struck, context)
            if part is Part.CHORDS and (comp_low := min(states[part].recent, default=None)) != context.beside.comp_low:
                context = replace(context, beside=replace(context.beside, comp_low=comp_low))
        events += now
    return BandState(
        frame=band.frame,
        parts=PartStates.of(states),
        hearing=hearing,
        events=tuple(events),
        levels=band.levels,
        programs=band.programs,
        style=band.style,
        answer=band.answer,
        by_rule=tuple(by_rule),
        expression=band.expression,
        phrases=band.phrases,
    )


def unsounded(band: BandState) -> BandState:
    """Return the band of a step whose time has passed: nothing begins in it, so that nothing of it is left to end."""
    begun = {(placed.event.part, placed.event.pitch) for placed in band.events if isinstance(placed.event, NoteOn)}
    parts = {
        part: state.with_sounding(
            tuple(note for note in state.sounding if note.end is None or (part, note.pitch) not in begun)
        )
        for part in PLAYERS
        if (state := band.parts[part])
    }
    events = tuple(placed for placed in band.events if not isinstance(placed.event, NoteOn))
    return replace(band, parts=PartStates.of(parts), events=events)


def silenced(parts: PartStates, *, held: bool = True) -> PartStates:
    """Return the states of players none of whose notes sounds; those without an end stay, unless `held`."""
    return PartStates.of(
        {
            part: state.with_sounding(() if held else tuple(note for note in state.sounding if note.end is None))
            for part in PLAYERS
            if (state := parts[part])
        }
    )


def accompaniment_ends(session: Session, *, held: bool = True) -> list[NoteOff]:
    """Return a note-off for every accompanying note that sounds at the end of the session's step.

    Without `held` those that go on until another takes their place are left out.
    """
    return [
        NoteOff(part, note.pitch)
        for part in PLAYERS
        for note in session.band.parts[part].sounding
        if held or note.end is not None
    ]


def context_of(
    before: Session,
    session: Session,
    band: BandState,
    hearing: Hearing,
    ahead: tuple[Chord | None, ...] = (),
    silent: frozenset[Part] = frozenset(),
) -> BandContext:
    """Return what the band's players know of a session's step; `ahead` as in `accompanied`; `silent` parts rest."""
    settings, form, place, grid = session.settings, session.tune.form, session.place, session.grid
    length, turn = grid.ticks_per_step, session.turn
    bar, step_of_bar = divmod(place, grid.steps_per_bar)
    heard_loudness = hearing.loudness
    if heard_loudness is None:
        heard_loudness = loudness(band.style.velocity) if band.style.follows else 0.0
    busy = hearing.busy(session.position.transport.bpm)
    return BandContext(
        tick=session.tick,
        length=length,
        bar_tick=step_of_bar * length,
        bar=bar,
        bars=max(1, form.bars),
        chord=band.frame.chord,
        changes=Changes(decided=ahead, form=form, place=place, semitones=session.semitones),
        style=settings.style,
        lively=settings.band,
        energy=energy(arc(place, form), heard_loudness, busy, settings.band),
        loudness=heard_loudness,
        busy=busy,
        register=hearing.register,
        beside=Beside(
            soloist_low=min((*before.band.frame.melody.pitches, *band.frame.melody.pitches), default=None),
            bass_high=max(before.band.parts[Part.BASS].pitches, default=None),
            comp_low=None if Part.CHORDS in silent else min(before.band.parts[Part.CHORDS].recent, default=None),
        ),
        turn_begins=turn.start == session.step and turn.who is not before.turn.who,
        turn_left=None if turn.end is None else (turn.end - session.step) * length,
        bpm=session.position.transport.bpm,
        swing=session.position.transport.swing,
        seed=settings.seed,
        silent=silent,
    )


def _heard(before: Session, session: Session) -> Hearing:
    """Return what the band has heard up to the end of the step before."""
    grid, listener = before.grid, before.listener
    inside = before.place % grid.steps_per_beat
    velocities: list[int] = []
    for key in reversed(listener.recent_keys):
        if key.onset < before.tick:
            break
        velocities.append(key.velocity)
    return listened(
        before.band.hearing,
        (session.listener.previous_cell, before.band.frame.melody),
        tuple(velocities),
        beat_begins=inside == 0,
        beat_ends=inside == grid.steps_per_beat - 1,
    )


def _of_style(state: PartState, context: BandContext) -> PartState:
    """Return a player's state as the style of the step begins with it: without the figure of another style.

    A chord that was held without an end is let go.
    """
    if state.style is context.style:
        return state
    sounding = state.sounding
    if context.style is not Style.PADS:
        sounding = tuple(SoundingNote(note.pitch, context.tick) if note.end is None else note for note in sounding)
    return replace(state, sounding=sounding, target=None, figure=(), style=context.style)
