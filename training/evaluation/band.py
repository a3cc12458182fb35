"""The band beside people and beside itself by rule: `python -m training evaluate --band` prints a table for each part.

Networks and rules play the same choruses under the same soloist: each style at usual tempos, plain and lively. Bass and
drums are compared with people from whom nothing was learned; chords, for want of people whose licence allows it, with
held ones.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from math import isnan
from pathlib import Path
from types import MappingProxyType
from typing import Any

from rich.console import Console
from rich.table import Table

from improv.config.values import Tune
from improv.models.contract import StepModel
from improv.models.encodings.drum_grids import GRID, SUBSTEP_TICKS, Stroke
from improv.music.grid import TICKS_PER_BEAT
from improv.music.notes import NoteOn, Placed
from improv.music.parts import Part
from improv.music.styles import Style
from improv.music.transport import Transport
from improv.music.turns import Mode
from improv.protocol.controls import Settings
from improv.protocol.heard import Heard
from improv.runtime.opening import open_band, open_network
from improv.session.band.accompaniment import context_of
from improv.session.band.bass_figures import ALWAYS_WALK
from improv.session.band.learned import NO_NETWORKS, Networks
from improv.session.band.learned_drums import SOUND_OF, learned_drums, remembered, substep_at
from improv.session.band.part_state import PartState
from improv.session.lifecycle import begin
from improv.session.state import Session
from improv.session.step import advance
from training.corpora.groove_midi import held_out
from training.corpora.groove_midi import read as read_grooves
from training.corpora.wjazzd_split import Split
from training.datasets.bass_lines import Walk, walks
from training.metrics.band import (
    CHORUSES,
    BassPart,
    CompPart,
    DrumPart,
    bass_figures,
    bass_intervals,
    comp_figures,
    divergence,
    drum_figures,
)

TEMPI: Mapping[Style, tuple[float, ...]] = MappingProxyType(
    {
        Style.SWING: (120, 160, 210),
        Style.SHUFFLE: (110, 130),
        Style.SLOW: (66, 76),
        Style.FUNK: (90, 105),
        Style.NEW_ORLEANS: (90, 105),
    }
)
"""The tempos at which each style is played, in quarter notes a minute."""

LIVELY = (0.5, 0.9)
"""How lively the band is."""

INTERVALS = "intervals, bits from people"

Figures = Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Row:
    """The figures of a part as one player plays it."""

    part: str
    style: str
    player: str
    """`people`, `rule`, `plain rule` or `network`."""
    figures: Figures


@dataclass(frozen=True, slots=True)
class Performance:
    """What a band has played."""

    sessions: Sequence[Session]
    events: Sequence[Placed]
    bpm: float

    @property
    def bass(self) -> BassPart:
        """Its bass."""
        steps = self.sessions[0].grid.steps_per_beat
        chords = tuple(session.band.frame.chord for session in self.sessions[::steps])
        return BassPart(tuple((int(tick), pitch) for tick, pitch, _ in self._onsets(Part.BASS)), chords)

    @property
    def drums(self) -> DrumPart:
        """Its drums, on the grid of the encoding."""
        ms_a_tick = 60_000 / self.bpm / TICKS_PER_BEAT
        steps: list[list[Stroke]] = [[] for _ in self.sessions]
        for tick, pitch, velocity in self._onsets(Part.DRUMS):
            step, inside = divmod(tick, GRID.ticks_per_step)
            if pitch in SOUND_OF and step < len(steps):
                substep = substep_at(inside)
                late_ms = (inside - substep * SUBSTEP_TICKS) * ms_a_tick
                steps[int(step)].append(Stroke(SOUND_OF[pitch], substep, velocity, late_ms))
        return DrumPart(tuple(map(tuple, steps)))

    @property
    def comp(self) -> CompPart:
        """Its chords, and the onsets of the melody."""
        struck: dict[int, list[int]] = {}
        for tick, pitch, _ in self._onsets(Part.CHORDS):
            struck.setdefault(int(tick), []).append(pitch)
        line = frozenset(int(tick) for tick, *_ in self._onsets(Part.MELODY))
        bars = len(self.sessions) // self.sessions[0].grid.steps_per_bar
        return CompPart(tuple((tick, tuple(sorted(pitches))) for tick, pitches in sorted(struck.items())), line, bars)

    def _onsets(self, part: Part) -> list[tuple[float, int, int]]:
        """Return tick, MIDI pitch and velocity of each onset of a part."""
        return [
            (placed.tick, placed.event.pitch, placed.event.velocity)
            for placed in self.events
            if isinstance(placed.event, NoteOn) and placed.event.part is part
        ]


def perform(
    model: StepModel, networks: Networks, style: Style, bpm: float, lively: float, choruses: int = CHORUSES
) -> Performance:
    """Return some choruses of a style under a soloist that plays alone."""
    settings = Settings.of(mode=Mode.SOLO, seed=round(bpm), style=style, band=lively)
    session = begin(model, settings, Transport(0, 0.0, bpm))
    sessions: list[Session] = []
    events: list[Placed] = []
    for _ in range(choruses * session.tune.form.steps):
        session, played = advance(session, Heard(), model, networks)
        sessions.append(session)
        events += played.events
    return Performance(sessions, events, bpm)


def drummed(performance: Performance, model: StepModel) -> Performance:
    """Return a performance with the drums of a network, which plays in every style here, the better one or not."""
    state, events = PartState(), list[Placed]()
    sessions = performance.sessions
    for before, session in pairwise((sessions[0], *sessions)):
        context = context_of(before, session, session.band, session.band.hearing, session.network.chord_lookahead)
        state, struck = learned_drums(state, context, model)
        state = replace(state, strokes=remembered(state.strokes, struck, context.tick))
        events += [Placed(note.tick, NoteOn(Part.DRUMS, note.pitch, note.velocity)) for note in struck]
    return replace(performance, events=events)


def judge(sides: Split, grooves: Path, choruses: int = CHORUSES) -> list[Row]:
    """Return the rows of all parts; InputNotFound or DataError if the drum takes cannot be read."""
    takes = [take for take in held_out(read_grooves(grooves)[0]) if take.side != "training" and not take.is_fill]
    basses = [bass_of(line) for line in walks(sides.test)]
    model, networks = open_network(Tune()), open_band()[0]
    rows = [Row("bass", Style.SWING, "people", _with_intervals(basses, basses))]
    held = [perform(model, NO_NETWORKS, Style.PADS, bpm, 0, choruses) for bpm in TEMPI[Style.SWING]]
    rows.append(Row("comping", Style.PADS, "plain rule", comp_figures([each.comp for each in held])))
    for style, tempi in TEMPI.items():
        like = [DrumPart(take.steps) for take in takes if take.style == style]
        rows.append(Row("drums", style, "people", drum_figures(like, like)))
        by_rule = [perform(model, NO_NETWORKS, style, bpm, lively, choruses) for bpm in tempi for lively in LIVELY]
        rows.append(Row("comping", style, "rule", comp_figures([each.comp for each in by_rule])))
        rows.append(Row("drums", style, "rule", drum_figures([each.drums for each in by_rule], like)))
        if (drummer := networks.get(Part.DRUMS)) is not None:
            drums = [drummed(each, drummer).drums for each in by_rule]
            rows.append(Row("drums", style, "network", drum_figures(drums, like)))
        if style in ALWAYS_WALK:
            learned = [perform(model, networks, style, bpm, lively, choruses) for bpm in tempi for lively in LIVELY]
            for player, played in (("rule", by_rule), ("network", learned)):
                rows.append(Row("bass", style, player, _with_intervals([each.bass for each in played], basses)))
    return sorted(rows, key=lambda row: row.part)


def bass_of(line: Walk) -> BassPart:
    """Return a bass as people played it."""
    return BassPart(
        tuple((beat * TICKS_PER_BEAT, pitch) for beat, pitch in enumerate(line.pitches) if pitch is not None),
        line.chords,
    )


def _with_intervals(parts: Sequence[BassPart], people: Sequence[BassPart]) -> Figures:
    return {**bass_figures(parts), INTERVALS: divergence(bass_intervals(parts), bass_intervals(people))}


def tables(rows: Iterable[Row]) -> list[Table]:
    """Return a table for each part, with a column for each style and player."""
    found: list[Table] = []
    by_part: dict[str, list[Row]] = {}
    for row in rows:
        by_part.setdefault(row.part, []).append(row)
    for part, its in by_part.items():
        table = Table(title=part, title_justify="left")
        table.add_column("", no_wrap=True)
        for row in its:
            table.add_column(f"{row.style}\n{row.player}", justify="right")
        for name in its[0].figures:
            table.add_row(name, *("-" if isnan(row.figures[name]) else f"{row.figures[name]:.3g}" for row in its))
        found.append(table)
    return found


def to_json(rows: Iterable[Row]) -> dict[str, Any]:
    """Return the figures by part, style and player, as JSON data; null for unknown ones."""
    found: dict[str, Any] = {}
    for row in rows:
        figures = {name: None if isnan(value) else round(value, 4) for name, value in row.figures.items()}
        found.setdefault(row.part, {}).setdefault(str(row.style), {})[row.player] = figures
    return found


def report(sides: Split, grooves: Path, out: Path, choruses: int = CHORUSES) -> None:
    """Judge the band, print a table for each part, and write figures to a folder."""
    rows = judge(sides, grooves, choruses)
    out.mkdir(parents=True, exist_ok=True)
    (out / "band.json").write_text(json.dumps(to_json(rows), indent=1) + "\n")
    console = Console(width=max(Console().width, 220), record=True)
    for table in tables(rows):
        console.print(table)
    console.save_text(str(out / "band.txt"))
    print(f"wrote figures of the band to {out}")
