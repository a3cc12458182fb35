"""The synth as the supervisor keeps it: started where improv is to sound by itself, and told to the player.

Its death is survived like the others'; it never ends a jam. It must never decide what or when to play.
"""

from collections.abc import Callable
from dataclasses import replace
from math import inf

from improv.config.values import SoundSettings
from improv.ipc.child import Child, introduce
from improv.ipc.link import Failed
from improv.protocol.commands import Quit
from improv.protocol.snapshot import SoundStatus, SystemStatus
from improv.runtime.ipc_messages import OpenSound, SoundDelay, SynthReport
from improv.runtime.managed_process import STARTING_S, ManagedProcess
from improv.runtime.observers import JamObserver
from improv.runtime.process_table import SYNTH

AUTO, OFF = "auto", "off"

_NOT_ASKED_S = 2.0

_MOST_IN_A_ROW = 5
"""How often it may die before it has sounded at all; after that improv plays on without it."""


class SupervisedSynth:
    """Keeps a synth alive, and the player connected to it."""

    def __init__(self, sound: SoundSettings, observer: JamObserver, *, say: Callable[[str], None]) -> None:
        self.process = ManagedProcess(
            SYNTH, said=self._said, lost=self._lost, brief=self._brief, make=lambda: Child(SYNTH.program)
        )
        self.report = SynthReport()
        """Its last report."""
        self._sound, self._observer, self._say = sound, observer, say
        self._wanted = False
        self._given_up = ""
        """Why it is not started any more; empty as long as it is."""
        self._met: tuple[Child | None, Child | None] = None, None
        """The player and the synth that are connected to each other."""
        self._told_s: tuple[Child | None, float] = None, 0.0
        """The player that was told a delay last, and the delay in seconds."""
        self._fault = ""
        observer.status.add(self._status_of_synth)

    @property
    def pending(self) -> bool:
        """True while a start of it is not decided: it neither sounds nor has it said why not."""
        return self._wanted and self.process.running and not (self.report.sounds or self.report.fault)

    @property
    def waited_for_s(self) -> float:
        """How long the first note waits for it, in seconds: one whose device was named has to be there."""
        return _NOT_ASKED_S if self._sound.audio == AUTO else STARTING_S

    def want(self, *, output_named: bool) -> None:
        """Start it, or end it, by whether a MIDI output is named: then `auto` leaves the sound to what is there."""
        wanted = self._sound.audio != OFF and not (self._sound.audio == AUTO and output_named) and not self._given_up
        if wanted == self._wanted:
            return
        self._wanted = wanted
        if wanted:
            self.process.end()  # one that is fading out
            self.process.start()
        else:
            self.process.send(Quit())  # it fades out, and ends
            self.report = SynthReport()

    def connect(self, player: Child | None) -> None:
        """Have the player hand what it plays to the synth, and know by how much all of it is delayed."""
        synth = self.process.child
        if player is None:
            return
        if synth is not None and self.report.sounds and self._met != (player, synth):
            introduce(player, synth, sounds=True)
            self._met = player, synth
        delay_s = self.report.delay_s if self._wanted else 0.0
        if self._told_s != (player, delay_s):
            player.link.send(SoundDelay(delay_s))
            self._told_s = player, delay_s

    def _status_of_synth(self, status: SystemStatus) -> SystemStatus:
        report = self.report
        return replace(
            status,
            sound=SoundStatus(
                engine=report.engine if report.sounds else "",
                device=report.device,
                latency_ms=round(report.delay_s * 1000, 1),
                gaps=report.late,
                cpu=round(report.cpu, 3),
                fault=self._given_up or report.fault,
                deaths=self.process.replaced,
            ),
        )

    def _brief(self) -> None:
        self.process.send(OpenSound(self._sound))

    def _said(self, message: object) -> None:
        match message:
            case SynthReport():
                self._reported(message)
            case Failed():
                self._failed(message)
            case _:
                raise AssertionError(message)

    def _reported(self, report: SynthReport) -> None:
        before, self.report = self.report, report
        if report.sounds:
            self.process.mark_working()
        if report.fault != self._fault:
            self._fault = report.fault
            self._say(report.fault or f"sound is back on {report.device}")
        if report.sounds != before.sounds or abs(report.delay_s - before.delay_s) > 1e-3:
            self._observer.changed()

    def _failed(self, failure: Failed) -> None:
        """Raise what was asked for and is not there at the start; later, or where nothing was asked for, play on."""
        asked = self._sound.audio != AUTO or self._sound.soundfont is not None
        if asked and not self.process.replaced and not self.report.engine:
            raise failure.error()
        self._give_up(f"no sound of its own: {failure.message}")

    def _give_up(self, why: str) -> None:
        self._given_up = why
        self._say(why)
        self.process.end()
        self.process.due_s = inf
        self.report = SynthReport()

    def _lost(self, stuck: bool) -> None:
        if self._given_up or not self._wanted:
            self.process.end()
            self.process.due_s = inf
            return
        self.process.replaced += 1
        self.process.deaths_in_a_row += 1
        self.report = replace(self.report, engine="", device="")
        self.process.end()
        if self.process.deaths_in_a_row >= _MOST_IN_A_ROW:
            self._give_up(
                f"the synth has died {_MOST_IN_A_ROW} times in a row; improv plays on without a sound of its own"
            )
            return
        self._say(f"the synth {'is stuck' if stuck else 'has died'}; another takes its place")
