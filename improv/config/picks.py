"""The ports that were picked while improv played, kept for its next start.

The command line, the environment and a profile go over them, and they over the rest of `config.toml`: they are
newer than it. It must never keep improv from starting: what cannot be read is as if nothing had been picked.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from improv.config.values import COMMAND_LINE, Config, Wiring
from improv.protocol.commands import ENDS
from improv.protocol.json_codec import json_text, parse_object
from improv.system.private_files import make_folder, write_private
from improv.system.safe_files import read_file

_MOST_BYTES = 1 << 16


class Picks:
    """The ports that were picked for one instance.

    For each end the port's whole name, or nothing for a virtual port.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._api, self._ends = "", dict[str, str]()
        with suppress(OSError, ValueError):  # UnicodeDecodeError too
            kept = parse_object(read_file(path, _MOST_BYTES).decode())
            if isinstance(api := kept.get("api"), str):
                self._api = api
                self._ends = {end: kept[end] for end in ENDS if isinstance(kept.get(end), str)}

    def pick(self, end: str, name: str, api: str) -> str:
        """Keep the port picked for an end ("input" or "output") in a MIDI system.

        Return an error text, empty if it is kept.
        """
        ends = self._ends if api == self._api else {}
        return self._keep(api, {**ends, end: name})

    def wiring(self, config: Config) -> Wiring:
        """Return the ports to start a jam with: the picked ones, unless this start chooses others.

        A port that the command line names makes what was picked for its end forgotten. Where nothing at all was chosen,
        the only keyboard and the only synth may be found.
        """
        given = [end for end in ENDS if config.origins[f"ports.{end}"] == COMMAND_LINE]
        if forgotten := [end for end in given if end in self._ends]:
            self._keep(self._api, {end: name for end, name in self._ends.items() if end not in forgotten})
        wiring, picked = config.wiring, dict[str, str]()
        if wiring.api in (None, self._api):  # the names of one MIDI system mean nothing in another
            picked = {end: name for end, name in self._ends.items() if not config.chooses(f"ports.{end}")}
        unasked = all(config.origins[f"ports.{end}"] == "default" for end in ENDS)
        return replace(
            wiring,
            input=picked.get("input", wiring.input) or None,
            output=picked.get("output", wiring.output) or None,
            picked=tuple(picked),
            picked_api=self._api,
            finds=unasked and not picked,
        )

    def arguments(self, given: Sequence[str]) -> list[str]:
        """Return the command line a jam was started with, less the ports that were replaced while it played."""
        undone = tuple(f"--{end}=" for end in self._ends)
        return [word for word in given if not word.startswith(undone)] if undone else list(given)

    def _keep(self, api: str, ends: dict[str, str]) -> str:
        self._api, self._ends = api, ends
        try:
            make_folder(self._path.parent)
            write_private(self._path, json_text({"api": api, **ends}))
        except OSError as error:
            return f"{self._path}: {error.strerror}; the port is not remembered for the next start"
        return ""
