"""Ardour reads the file that a take is written as, and records a jam: the same notes as others see.

Ardour imports files only with a window. So the session is made by Ardour itself, without one; the
file is entered in it as a source, in a region on a MIDI track; and Ardour opens it and tells what
notes the region has. It tells the same of what it has recorded over JACK.
"""

import os
import shutil
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from xml.etree import ElementTree

import mido
import pytest

from improv.export.collector import performance_of
from improv.export.formats import write_file
from improv.music.parts import MIXED_PARTS, Part
from tests.export.test_take_as_midi import by_mido, performance
from tests.ports.clients import Event
from tests.ports.jack import IMPROV_OUT, Server, conclusive, missing
from tests.ports.patience import ATTEMPTS, Inconclusive, eventually

ARDOUR = "ardour7-lua"
TICKS_A_BEAT = 1920
"""Ardour's own resolution: four of its ticks are one of ours."""

DONE = "nothing is left to do"
"""What a script says before it closes its session: Ardour's memory is corrupt then now and then, and it aborts."""

NEW = """
AudioEngine:set_backend("None (Dummy)", "", "")
local session = create_session([[{folder}]], "session", 48000)
local midi = ARDOUR.ChanCount(ARDOUR.DataType("midi"), 1)
session:new_midi_track(midi, midi, true, ARDOUR.PluginInfo(), nil, nil, 1, "take",
                       ARDOUR.PresentationInfo.max_order, ARDOUR.TrackMode.Normal, false)
session:save_state("")
print("{done}")
close_session()
quit()
"""

READ = """
AudioEngine:set_backend("None (Dummy)", "", "")
local session = load_session([[{folder}]], "session")
for region in session:route_by_name("take"):to_track():playlist():region_list():iter() do
  for note in ARDOUR.LuaAPI.note_list(region:to_midiregion():model()):iter() do
    print("note", note:channel(), note:time():str(), note:length():str(), note:note(), note:velocity())
  end
end
print("{done}")
close_session()
quit()
"""

RECORD = """
AudioEngine:set_backend("JACK", "", "")
local session = create_session([[{folder}]], "session", 48000)
local midi = ARDOUR.ChanCount(ARDOUR.DataType("midi"), 1)
local function track(name, channels)
  session:new_midi_track(midi, midi, true, ARDOUR.PluginInfo(), nil, nil, 1, name,
                         ARDOUR.PresentationInfo.max_order, ARDOUR.TrackMode.Normal, false)
  local made = session:route_by_name(name):to_track():to_midi_track()
  made:set_capture_channel_mode(ARDOUR.ChannelMode.FilterChannels, channels)
  made:input():nth(0):connect("{port}")
  made:rec_enable_control():set_value(1, PBD.GroupControlDisposition.NoGroup)
end
local function wait_until(condition)
  for _ = 1, 400 do
    if condition() then return end
    ARDOUR.LuaAPI.usleep(50000)
  end
end
track("all", 0xffff)
{tracks}
session:maybe_enable_record(false)
session:request_roll(ARDOUR.TransportRequestSource.TRS_UI)
wait_until(function() return session:transport_sample() > {seconds} * 48000 end)
session:request_stop(false, false, ARDOUR.TransportRequestSource.TRS_UI)
wait_until(function() return not session:transport_rolling() end)
wait_until(function() return not session:route_by_name("drums"):to_track():playlist():region_list():empty() end)
for _, name in ipairs{"all", {names}} do
  for region in session:route_by_name(name):to_track():playlist():region_list():iter() do
    for note in ARDOUR.LuaAPI.note_list(region:to_midiregion():model()):iter() do
      print("note", name, note:channel(), note:time():str(), note:note())
    end
  end
end
close_session()
quit()
"""

Note = tuple[int, float, float, int, int]
"""Its channel, start and end in beats, pitch and velocity."""


def ardour(script: str, folder: Path) -> str:
    """What a script says that Ardour runs, at a home of its own."""
    home = folder.parent / "home"
    home.mkdir(exist_ok=True)
    path = home / "script.lua"
    path.write_text(script.replace("{folder}", str(folder)).replace("{done}", DONE))
    places = {name: str(home) for name in ("HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME")}
    command = [ARDOUR, str(path)]
    ran = subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=180, env=os.environ | places, cwd=home
    )
    if DONE not in ran.stdout.splitlines():
        raise Inconclusive(f"Ardour: {ran.returncode}\n{ran.stdout}{ran.stderr}")
    return ran.stdout


def put_in(session: Path, file: Path, beats: int) -> None:
    """Enter a MIDI file in a saved session: as it is, from the session's start on."""
    tree = ElementTree.parse(session)  # noqa: S314 Ardour wrote it
    sources, playlist = tree.find("Sources"), tree.find("Playlists/Playlist[@name='take']")
    assert sources is not None
    assert playlist is not None
    identity = {"id": "90000", "name": file.name, "type": "midi", "flags": ""}
    ElementTree.SubElement(sources, "Source", identity)
    place = {"position": "b0", "start": "b0", "length": f"b{beats * TICKS_A_BEAT}@b0"}
    source = {"source-0": "90000", "master-source-0": "90000"}
    ElementTree.SubElement(playlist, "Region", {"id": "90001", "name": "take", "type": "midi"} | place | source)
    tree.write(session, encoding="utf-8", xml_declaration=True)


def ticks(written: str) -> int:
    """Ardour's ticks from how it writes them: beats, a colon and the rest."""
    beats, rest = written.split(":")
    return int(beats) * TICKS_A_BEAT + int(rest)


def by_ardour(file: Path, folder: Path, beats: int) -> list[Note]:
    """The notes of a MIDI file that lasts so many beats, at the first attempt that Ardour lives through."""
    for attempt in range(1, ATTEMPTS):
        with suppress(Inconclusive):
            return read_by_ardour(file, folder / str(attempt), beats)
    return read_by_ardour(file, folder / str(ATTEMPTS), beats)


def read_by_ardour(file: Path, folder: Path, beats: int) -> list[Note]:
    """The notes of a MIDI file that lasts so many beats, from a session in a new folder."""
    folder.mkdir()
    session = folder / "session"
    ardour(NEW, session)
    inside = session / "interchange" / "session" / "midifiles" / file.name
    shutil.copy(file, inside)
    put_in(session / "session.ardour", inside, beats)
    said = ardour(READ, session)
    assert inside.read_bytes() == file.read_bytes()  # it was read as it is
    notes = []
    for line in said.splitlines():
        if line.startswith("note"):
            _, channel, start, length, pitch, velocity = line.split()
            end = (ticks(start) + ticks(length)) / TICKS_A_BEAT
            notes.append((int(channel), ticks(start) / TICKS_A_BEAT, end, int(pitch), int(velocity)))
    return sorted(notes)


@pytest.mark.skipif(shutil.which(ARDOUR) is None, reason="there is no Ardour here")
def test_a_take_is_the_same_in_ardour(tmp_path: Path) -> None:
    """A count-in, calls and answers, both together, the tempo turned twice; all tracks of one type 1 file.

    Ardour makes one list of the notes of all tracks, and each track has a channel of its own: by
    that they are told apart. The tempo it leaves to the session, so this is about beats alone.
    """
    file = tmp_path / "take.mid"
    write_file(performance_of(performance()), file)
    midi = mido.MidiFile(file)
    channels = {track.name: {message.channel for message in track if not message.is_meta} for track in midi.tracks}
    assert midi.type == 1
    assert [len(found) for found in channels.values()] == [0, *[1] * len(Part)]
    assert len(set.union(*channels.values())) == len(Part)
    expected = [(*channels[name], *note) for name, *note in by_mido(file).notes]
    assert by_ardour(file, tmp_path, beats=36) == sorted(expected)


# --- recording a jam ------------------------------------------------------------------------------

CHANNELS = {part.label: part.channel + 1 for part in MIXED_PARTS}
"""Of each part that improv plays, from 1."""

RECORD = RECORD.replace("{names}", ", ".join(f'"{name}"' for name in CHANNELS)).replace(
    "{tracks}", "\n".join(f'track("{name}", 1 << {channel - 1})' for name, channel in CHANNELS.items())
)

Struck = tuple[int, frozenset[int]]
"""A channel, from 1, and the pitches that begin on it at once."""


@pytest.mark.ports
@pytest.mark.skipif(shutil.which(ARDOUR) is None, reason="there is no Ardour here")
def test_ardour_records_all_parts_each_on_a_track_of_its_own_by_channel(tmp_path: Path) -> None:
    """What it has recorded of a part is what another has heard of it, note for note.

    Ardour needs JACK's asynchronous mode, and a period that gives it time: see README, Keyboard and DAW.
    """
    if lacking := missing():
        pytest.skip(f"needs {', '.join(lacking)}")

    def recorded(server: Server) -> None:
        witness = server.witness()
        solo = "--model eck2002-blues --provider cpu --mode solo --count-in 0 --seed 1 --tempo 300 --style swing"
        improv = server.improv("jam", "--api", "jack", *solo.split())
        eventually(lambda: "plays to" in improv.out or not improv.running, "its ports")
        server.connect(IMPROV_OUT, witness.port)
        eventually(lambda: witness.onsets, "the music")
        folder = tmp_path / f"session {len(list(tmp_path.iterdir()))}"
        script = RECORD.replace("{folder}", str(folder)).replace("{port}", IMPROV_OUT).replace("{seconds}", "3")
        ardour = server.ardour(script)
        try:
            status: object = ardour.ended(within_s=25)
        except (AssertionError, subprocess.TimeoutExpired) as error:  # JACK throws it out now and then, and it hangs
            status = error
        if status != 0:
            raise Inconclusive(f"Ardour: {status}\n{ardour.out}{ardour.err}")
        assert improv.running
        tracks = by_track(ardour.out)
        for name, channel in CHANNELS.items():
            found, played = tracks[name], by_time(witness.onsets, channel)
            assert len(found) > 1
            assert found in [played[first : first + len(found)] for first in range(len(played))]
            assert [struck for struck in tracks["all"] if struck[0] == channel] == found

    conclusive(recorded, tmp_path, synchronous=False, period=1024)


def by_track(said: str) -> dict[str, list[Struck]]:
    """What begins on each track, in order."""
    tracks: dict[str, dict[tuple[int, int], set[int]]] = {name: {} for name in ("all", *CHANNELS)}
    for line in said.splitlines():
        if line.startswith("note"):
            _, track, channel, start, pitch = line.split()
            tracks[track].setdefault((ticks(start), int(channel) + 1), set()).add(int(pitch))
    return {track: [(at[1], frozenset(found[at])) for at in sorted(found)] for track, found in tracks.items()}


def by_time(events: Sequence[Event], channel: int) -> list[Struck]:
    """What begins on a channel, in order, as a witness saw it."""
    struck: dict[int, set[int]] = {}
    for event in events:
        if event.channel == channel:
            struck.setdefault(event.frame, set()).add(event.pitch)
    return [(channel, frozenset(pitches)) for pitches in struck.values()]
