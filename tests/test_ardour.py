"""Ardour reads the file that a take is written as: the same notes at the same beats as mido.

Ardour imports files only with a window. So the session is made by Ardour itself, without one; the
file is entered in it as a source, in a region on a MIDI track; and Ardour opens it and tells what
notes the region has.
"""

import os
import shutil
import subprocess
from pathlib import Path
from xml.etree import ElementTree

import mido
import pytest

from improv.midi.files import export
from tests.test_recording import by_mido, performance

ARDOUR = "ardour7-lua"
TICKS_A_BEAT = 1920
"""Ardour's own resolution: four of its ticks are one of ours."""

NEW = """
AudioEngine:set_backend("None (Dummy)", "", "")
local session = create_session([[{folder}]], "session", 48000)
local midi = ARDOUR.ChanCount(ARDOUR.DataType("midi"), 1)
session:new_midi_track(midi, midi, true, ARDOUR.PluginInfo(), nil, nil, 1, "take",
                       ARDOUR.PresentationInfo.max_order, ARDOUR.TrackMode.Normal, false)
session:save_state("")
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
    path.write_text(script.replace("{folder}", str(folder)))
    places = {name: str(home) for name in ("HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME")}
    command = [ARDOUR, str(path)]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=20, env=os.environ | places, cwd=home
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


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
    """The notes of a MIDI file that lasts so many beats."""
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
    export(performance(), file)
    midi = mido.MidiFile(file)
    channels = {track.name: {message.channel for message in track if not message.is_meta} for track in midi.tracks}
    assert midi.type == 1
    assert [len(found) for found in channels.values()] == [0, 1, 1, 1, 1]
    assert len(set.union(*channels.values())) == 4
    expected = [(*channels[name], *note) for name, *note in by_mido(file).notes]
    assert by_ardour(file, tmp_path, beats=36) == sorted(expected)
