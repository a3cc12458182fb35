"""The synth as the supervisor keeps it: started where improv is to sound by itself, and told to the player.

Its death is survived like the others'; it never ends a jam, and it is tried again until it sounds. It must never decide
what or when to play.
"""

import time
from collections.abc import Callable
from dataclasses import replace
from math import inf

from improv.config.values import SoundSettings
from improv.errors import Unavailable, UsageError
from improv.ipc.child import Child, introduce
from improv.ipc.link import Failed
from improv.protocol.commands import Quit
from improv.protocol.snapshot import AUDIO_AUTO, AUDIO_OFF, SoundStatus, SystemStatus
from improv.runtime.ipc_messages import OpenSound, SoundDelay, SynthReport
from improv.runtime.managed_process import STARTING_S, ManagedProcess
from improv.runtime.observers import JamObserver
from improv.runtime.process_table import SYNTH

_NOT_ASKED_S = 2.0

_MOST_IN_A_ROW, _SELDOM_S = 5, 10.0
"""How often it may end before it has sounded at all, and how often it is tried after that, in seconds."""


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
        """Why it is not started at all: nothing here makes sound; empty otherwise."""
        self._failure = ""
        """Why no synth could sound lately; empty once one does."""
        self._met: tuple[Child | None, Child | None] = None, None
        """The player and the synth that are connected to each other."""
        self._told_s: tuple[Child | None, float] = None, 0.0
        """The player that was told a delay last, and the delay in seconds."""
        self._silence_told: set[str] = set()
        """Why nothing sounds, as it was said since it sounded last."""
        self._has_sounded = False
        self._is_news = False
        """Whether it is to be said that it sounds."""
        self._plays = False
        """Whether the jam has begun."""
        observer.status.add(self._status_of_synth)

    @property
    def pending(self) -> bool:
        """True while a start of it is not decided: it neither sounds nor has it said why not."""
        return self._wanted and self.process.running and not (self.report.sounds or self.report.fault)

    @property
    def waited_for_s(self) -> float:
        """How long the first note waits for it, in seconds: one whose device was named has to be there."""
        return _NOT_ASKED_S if self._sound.audio == AUDIO_AUTO else STARTING_S

    def want(self, *, output_named: bool) -> None:
        """Start it, or end it, by whether a MIDI output is named: then `auto` leaves the sound to what is there."""
        wanted = (
            self._sound.audio != AUDIO_OFF
            and not (self._sound.audio == AUDIO_AUTO and output_named)
            and not self._given_up
        )
        if wanted == self._wanted:
            return
        self._wanted = wanted
        if wanted:
            self.process.end()  # one that is fading out
            self._is_news = self._plays
            self.process.start()
        else:
            self.process.send(Quit())  # it fades out, and ends
            self.report, self._failure = SynthReport(), ""
            self._silence_told.clear()

    def connect(self, player: Child | None) -> None:
        """Have the player hand what it plays to the synth, and know by how much all of it is delayed."""
        synth = self.process.child
        if not self._plays:
            self._plays, self._is_news = True, not self.report.sounds
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
                fault="" if report.sounds else self._given_up or report.fault or self._failure,
                deaths=self.process.replaced,
            ),
        )

    def _brief(self) -> None:
        self.process.send(OpenSound(self._sound, waits=self.process.replaced > 0))

    def _said(self, message: object) -> None:
        if not self._wanted:
            return  # it is fading out
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
            self._failure = ""
            if self._is_news:
                self._say(f"{'sound is back' if self._has_sounded else 'it sounds'} on {report.device}")
            self._has_sounded, self._is_news = True, False
            self._silence_told.clear()
        elif report.fault:
            self._tell_silence(report.fault)
        if report.sounds != before.sounds or abs(report.delay_s - before.delay_s) > 1e-3:
            self._observer.changed()

    def _tell_silence(self, why: str) -> None:
        """Say why nothing sounds, once, and that it sounds once it does."""
        self._is_news = True
        if why not in self._silence_told:
            self._silence_told.add(why)
            self._say(why)

    def _failed(self, failure: Failed) -> None:
        """Raise what was asked for and is not there at the start; otherwise play on, and try again."""
        before_it_plays = not (self._plays or self._has_sounded or self.process.replaced)
        asked = (
            self._sound.audio != AUDIO_AUTO or self._sound.soundfont is not None or failure.kind == UsageError.__name__
        )
        if before_it_plays and asked:
            raise failure.error()
        if failure.kind == Unavailable.__name__ and not (self._has_sounded or self.process.replaced):
            self._give_up(f"no sound of its own: {failure.message}")  # a device is waited for: this is the engine
            return
        self._failure = f"no sound of its own: {failure.message}"
        self._tell_silence(self._failure)
        self._try_again()

    def _give_up(self, why: str) -> None:
        self._given_up = why
        self._say(why)
        self._leave()

    def _leave(self) -> None:
        """Have no synth any more, and start none."""
        self.process.end()
        self.process.due_s = inf
        self.report = SynthReport()

    def _lost(self, stuck: bool) -> None:
        if not self._wanted:
            self._leave()
            return
        self._try_again()
        if self.process.deaths_in_a_row < _MOST_IN_A_ROW:
            self._say(f"the synth {'is stuck' if stuck else 'has died'}; another takes its place")
        else:
            self._failure = (
                f"the synth has died {_MOST_IN_A_ROW} times in a row; improv plays on without a sound of its own, and "
                f"tries again every {_SELDOM_S:g} s"
            )
            self._tell_silence(self._failure)

    def _try_again(self) -> None:
        """Have another one follow: soon, or seldom where none sounds."""
        self.process.replaced += 1
        self.process.deaths_in_a_row += 1
        self.report = replace(self.report, engine="", device="", fault="")
        self.process.end()
        if self.process.deaths_in_a_row >= _MOST_IN_A_ROW:
            self.process.due_s = time.monotonic() + _SELDOM_S
            self.report = SynthReport()
