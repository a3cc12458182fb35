"""The list of MIDI ports: what improv hears, what it plays through, and what to do where it is not heard.

The ports are listed by another process, again and again while the list is open; the screen never waits for a MIDI
system.
"""

import asyncio
import json
import re
from collections.abc import Callable, Iterator
from typing import Any

from improv.errors import ImprovError
from improv.protocol.commands import ENDS, Connect
from improv.protocol.snapshot import Snapshot, SystemStatus
from improv.synth.advice import Advice
from improv.system.printable import printable
from improv.tui.screens.lists import Choice, Heading, ListScreen, Rows, RunCommand
from improv.tui.theme.glyphs import Glyphs
from improv.tui.views.output_status import PORTS_KEY, output_status, saving_texts

Advise = Callable[[str, str], Advice]
"""Returns how to make an improv sound: given its MIDI system, and the one that answers now."""

VIRTUAL = "virtual port"
"""How the name of a virtual port of improv begins."""

_PORTS_S = 2.0

_WITHOUT = "none"
"""The MIDI system of an improv that was started without one."""

_ADDRESS = re.compile(r" \d+:\d+$")

_APART = Heading("")


class PortsScreen(ListScreen):
    """The MIDI ports that are there now, to hear and to play through."""

    def __init__(self, glyphs: Glyphs, run_command: RunCommand, system: SystemStatus, advise: Advise) -> None:
        super().__init__(glyphs, "ports: what improv hears, and what it plays through")
        self._run_command = run_command
        self._advise = advise
        self._list.stays_at_top = True  # what to do stands above the ports
        self._advice: Advice | None = None
        self._there = ""
        """The MIDI system that answers now."""
        self._found: dict[str, list[str]] | None = None
        self._wrong = "looking..."
        self._system = system

    def on_mount(self) -> None:
        """List the ports, now and every two seconds while the screen is open."""
        super().on_mount()
        self.run_worker(self._follow, exclusive=True)  # type: ignore[arg-type]

    def show(self, seen: Snapshot) -> None:
        """Take in the newest snapshot, and mark the connected ports."""
        self._system = seen.system
        super().show(seen)

    def rows(self) -> Rows:
        """Return advice where nothing is heard, then the inputs and outputs; no ports before they are known."""
        sound = self._system.sound
        rows: list[Choice | Heading] = [*self._silence()]
        if sound.device:
            rows.append(Heading(f"its own sound: {printable(sound.text)}"))
        elif sound.fault and not rows:
            rows.append(Heading(f"its own sound: {printable(sound.fault)}"))
        if self._system.midi.api == _WITHOUT:
            return [*rows, Heading("It has no ports: --api none, or no MIDI system was there when it was started.")]
        for end, title in zip(ENDS, ("hears", "plays through"), strict=True):
            now: str = getattr(self._system.midi, end)
            rows += [*([_APART] if rows else []), Heading(f"{title}: {printable(now) or 'nothing'}{self._peers(end)}")]
            if self._found is None:
                continue
            names = self._found.get(end, [])
            alike = [name == now if now in names else _without_address(name) == _without_address(now) for name in names]
            rows += [Choice(name, Connect(end, name), is_on) for name, is_on in zip(names, alike, strict=True)]
            rows.append(Choice("a virtual port of its own", Connect(end, ""), now.startswith(VIRTUAL)))
        return [*rows, *([_APART, Heading(self._wrong, is_wrong=self._found is not None)] if self._wrong else [])]

    def _silence(self) -> Iterator[Heading]:
        """Where improv is not heard: that, how to mend it on this system, and where the jam is kept meanwhile."""
        output = output_status(self._system)
        if output.is_heard is not False:
            return
        yield Heading(output.forms[0].removesuffix(f" {PORTS_KEY}"), is_wrong=True)
        if fault := self._system.sound.fault:
            yield Heading(f"Its own sound: {printable(fault)}.")
        if self._advice is not None:
            yield Heading(f"{self._advice.says}{':' if self._advice.command else '.'}")
            if self._advice.command:
                yield Heading(self._advice.command, is_command=True)
                if self._system.midi.api != _WITHOUT:
                    yield Heading("and pick it here as soon as it is listed.")
        yield from (Heading(f"Meanwhile {line}.") for line in saving_texts(self._system, full=True)[:1])

    def _peers(self, end: str) -> str:
        """What an input or output is connected to, where its name does not say so."""
        ports = [port for port in self._system.midi.ports if port.role == end]
        if not ports or ports[0].peers is None:
            return ""
        peers = [printable(peer) for port in ports for peer in port.peers or ()]
        if not peers:
            return ", connected to nothing"
        return f", connected to {', '.join(peers)}" if ports[0].virtual else ""

    def picked(self, what: Any) -> None:
        """Ask the daemon to connect to the picked port."""
        self.post_command(what)

    async def _follow(self) -> None:
        known = None
        while True:
            await self._ask()
            about = self._system.midi.api, self._there
            if about != known:
                known = about
                self._advice = await asyncio.to_thread(self._advise, *about)
            self.refresh_rows()
            await asyncio.sleep(_PORTS_S)

    async def _ask(self) -> None:
        api = ["--api", self._system.midi.api] if self._system.midi.api not in ("", _WITHOUT) else []
        self._there = ""
        try:
            answer = json.loads(await self._run_command(["ports", "--json", *api]))
            self._found = {end: [str(name) for name in answer[f"{end}s"]] for end in ENDS}
            self._wrong, self._there = "", str(answer["api"])
        except ImprovError as error:
            self._found, self._wrong = self._found or {}, str(error)
        except (ValueError, KeyError, TypeError):
            self._found, self._wrong = self._found or {}, "improv ports says nothing that can be read"


def _without_address(name: str) -> str:
    """A port's name without the address, which differs from one start of a MIDI system to the next."""
    return _ADDRESS.sub("", " ".join(name.casefold().split()))
