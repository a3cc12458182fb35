"""The snapshot: its names in JSON are a promise to every client."""

from improv.protocol.json_codec import json_fields
from improv.protocol.snapshot import PitchProbability, Snapshot, SystemStatus

SNAPSHOT = """step place turn beats_left took_turn playing chord next_chord heard played planned form chords loudness
    chances memory step_p50_us step_p99_us tempo swing settings missed_steps faults fault rig"""
SYSTEM = """says api input output ports keys model model_coming deaf_to thru take recording_fault saves_to learning
    onsets dropped_onsets lateness_p50_us lateness_p99_us engine_deaths player_deaths remark"""


def test_the_names_in_json_are_those_that_clients_know() -> None:
    assert json_fields(Snapshot)[0].keys() >= set(SNAPSHOT.split())
    assert json_fields(SystemStatus)[0].keys() >= set(SYSTEM.split())
    assert json_fields(PitchProbability)[0].keys() == {"pitch", "trained", "bent"}
