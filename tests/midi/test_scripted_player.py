"""A player with a script on simulated time hears what a player without ports hears, at the same times."""

from hypothesis import given
from hypothesis import strategies as st

from improv.midi.player import Player
from improv.midi.scripted_player import ScriptedPlayer
from improv.midi.sources import NullSink, Script
from improv.music.clock import SimulatedClock
from improv.music.notes import NoteOff, NoteOn, Timed
from improv.music.parts import Part
from improv.music.plan import Plan
from improv.music.transport import Transport
from improv.protocol.heard import Heard

events = st.one_of(
    st.builds(NoteOn, st.just(Part.YOU), st.integers(60, 62), st.integers(1, 127)),
    st.builds(NoteOff, st.just(Part.YOU), st.integers(60, 62)),
)
notes = st.lists(st.builds(Timed, st.integers(-4, 16).map(lambda at: at / 4), events, st.none() | st.integers(0, 9)))
waits = st.lists(st.tuples(st.integers(-5, 18).map(lambda at: at / 4), st.booleans()), min_size=1)


def heard_by(player: Player | ScriptedPlayer, waits: list[tuple[float, bool]]) -> list[tuple[Heard | None, float]]:
    """What is heard in turn until each time, at once or not, and what time it is then."""
    found = []
    for until_s, at_once in waits:
        found.append((player.listen_until(until_s, at_once=at_once), player.clock.now()))
    return found


@given(notes, waits)
def test_it_hears_what_a_player_without_ports_hears(notes: list[Timed], waits: list[tuple[float, bool]]) -> None:
    with Player(SimulatedClock(-1.0), NullSink(), [Script(notes)]) as player:
        wanted = heard_by(player, waits)
    assert heard_by(ScriptedPlayer(SimulatedClock(-1.0), Script(notes)), waits) == wanted


def test_it_sends_nothing() -> None:
    player = ScriptedPlayer(SimulatedClock(), Script([]))
    player.play(Plan(0, (), Transport(0, 0.0, 120)))
    assert player.listen_until(1.0) == Heard()
    assert player.clock.now() == 1.0
