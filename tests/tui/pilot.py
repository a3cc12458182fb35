"""A pilot that waits for what is on its way and for nothing else: Textual's own waits until the machine is idle.

That makes a key of sixty milliseconds one of three, on a machine however busy. It must never let a test go
on before every message has been taken in and what came of it is on the screen.
"""

import asyncio
from collections.abc import Callable
from typing import Any

from textual.app import App
from textual.events import Key
from textual.keys import REPLACED_KEYS, _character_to_key, _get_unicode_name_from_key
from textual.message_pump import MessagePump
from textual.pilot import Pilot
from textual.screen import Screen

UNSPARING = 100.0
"""A share of a core that nothing uses up: every step is drawn, on a machine however slow."""

_QUIET = 2
"""How often in a row nothing may be found on its way: what is taken in last may send something itself."""

_MANY = 1000
"""Rounds after which something is taken to keep itself busy."""

_LOOK_S = 0.002


class QuickPilot(Pilot[Any]):
    """Textual's pilot, but for how it waits."""

    async def pause(self, delay: float | None = None) -> None:
        """Wait until nothing is on its way, or so many seconds."""
        if delay is not None:
            await super().pause(delay)
            return
        quiet = rounds = 0
        while quiet < _QUIET and not self.app._exit and await self._wait_for_screen():
            await asyncio.sleep(0)
            if self.app._resize_event is not None:
                self.app._check_resize()  # a timer would, in its time
            screen = self.app.screen
            screen._on_timer_update()
            busy = [each for each in _all_pumps(self.app) if _is_busy(each)]
            quiet = 0 if busy or screen._callbacks else quiet + 1
            rounds += 1
            assert rounds < _MANY, f"{busy} never rest"

    async def press(self, *keys: str) -> None:
        """Strike keys, each when all that came of the one before has."""
        for key in keys:
            driver = self.app._driver
            assert driver is not None
            driver.send_message(key_event(key, self.app))
            await self.pause()

    async def until(self, seen: Callable[[], object], what: str, within_s: float = 180.0) -> None:
        """Wait for something that a thread brings to be seen."""
        loop = asyncio.get_running_loop()
        deadline_s = loop.time() + within_s
        await self.pause()
        while not seen():
            assert loop.time() < deadline_s, f"waited {within_s:g} s in vain for {what}"
            await asyncio.sleep(_LOOK_S)
            await self.pause()


def key_event(key: str, app: App[Any]) -> Key:
    """A key as a terminal sends it, by Textual's name or by its character."""
    import unicodedata

    if len(key) == 1 and not key.isalnum():
        key = _character_to_key(key)
    try:
        character: str | None = unicodedata.lookup(_get_unicode_name_from_key(REPLACED_KEYS.get(key, key)))
    except KeyError:
        character = key if len(key) == 1 else None
    event = Key(key, character)
    event.set_sender(app)
    return event


def _all_pumps(app: App[Any]) -> list[MessagePump]:
    return [app, *(each for screen in app.screen_stack for each in screen.walk_children(with_self=True))]


def _is_busy(pump: MessagePump) -> bool:
    if isinstance(pump, Screen) and pump.is_active and (pump._dirty_widgets or pump._layout_required):
        return True
    return bool(pump._next_callbacks) or not pump._message_queue.empty()
