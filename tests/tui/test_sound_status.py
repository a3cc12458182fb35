"""What the screen says of improv's own sound."""

from improv.protocol.snapshot import SILENT_DEVICE, MidiStatus, SoundStatus, SystemStatus
from improv.tui.views.output_status import output_status

SOUND = SoundStatus(engine="FluidSynth with FluidR3_GM.sf2", device="Speakers", latency_ms=51.4)


def test_improv_is_heard_by_itself_whatever_its_ports_are_connected_to() -> None:
    for midi in (MidiStatus(), MidiStatus(api="none"), MidiStatus(api="jack", output="improv out")):
        status = output_status(SystemStatus(midi=midi, sound=SOUND))
        assert status.is_heard
        assert status.forms == (
            "it sounds on Speakers (FluidSynth with FluidR3_GM.sf2), 51 ms after the beat",
            "it sounds on Speakers, 51 ms",
            "you hear Speakers",
        )


def test_without_a_device_it_is_not_heard_and_the_reason_is_told() -> None:
    sound = SoundStatus(fault="no audio device here; improv plays on without its own sound")
    assert output_status(SystemStatus(midi=MidiStatus(api="none"), sound=sound)).is_heard is False
    assert sound.text == sound.fault
    assert SoundStatus().text == ""


def test_a_silent_device_is_not_heard_and_is_told_so() -> None:
    sound = SoundStatus(engine="FluidSynth", device=SILENT_DEVICE, latency_ms=51.4)
    assert sound.text == "its sound goes to a silent device (FluidSynth), 51 ms after the beat"
    assert output_status(SystemStatus(midi=MidiStatus(api="none"), sound=sound)).is_heard is False
