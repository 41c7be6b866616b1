"""
Members of encrypted rooms, with the library of Element Web: see ``element.mjs``.

It is installed next to Python's packages, with a Node that it runs on: see ``INSTALL``.
"""

import asyncio
import json
import signal
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.synapse import Synapse

INSTALL = "npm install --no-save --prefix .venv matrix-js-sdk@43.0.0 node@22.23.3"
FOLDER = Path(sys.prefix)
NODE = FOLDER / "node_modules" / ".bin" / "node"
SCRIPT = Path(__file__).with_suffix(".mjs")
WAIT = 300.0  # seconds: a slow machine is not a defect


@dataclass(frozen=True, slots=True)
class Seen:
    """An event as a client has it."""

    id: str
    type: str
    content: dict[str, Any]
    wire: dict[str, Any]
    """The content as the homeserver has it."""
    encrypted: bool
    redacted: bool
    failure: str | None = None
    shield: str | None = None
    """The colour of the warning next to it; none if there is no reason for one."""

    @property
    def is_sound(self) -> bool:
        """Whether it came encrypted, was decrypted, and has no warning."""
        return self.encrypted and self.failure is None and self.shield == "none"

    @property
    def body(self) -> str:
        return str(self.content.get("body"))


class Element:
    """A client that runs, of a user of the homeserver."""

    def __init__(self, process: asyncio.subprocess.Process, device: str) -> None:
        self._process = process
        self.device = device

    def sleep(self) -> None:
        """Do nothing until ``wake``, like a phone that is off."""
        self._process.send_signal(signal.SIGSTOP)

    def wake(self) -> None:
        self._process.send_signal(signal.SIGCONT)

    async def events(
        self, room: str, until: Callable[[Sequence[Seen]], bool] = lambda events: True
    ) -> Sequence[Seen]:
        """The messages of a room, once they are as they should be; asserts that they come so."""
        events: Sequence[Seen] = ()
        try:
            async with asyncio.timeout(WAIT):
                while True:
                    if until(events := await self._events(room)):
                        return events
                    await asyncio.sleep(0.1)
        except TimeoutError:
            raise AssertionError(events) from None

    async def read(self, room: str, bodies: Sequence[str]) -> Sequence[Seen]:
        """The messages of a room, all of which are decrypted without a warning."""

        def are_there(events: Sequence[Seen]) -> bool:
            return len(events) >= len(bodies) and all(event.is_sound for event in events)

        events = await self.events(room, are_there)
        assert [event.body for event in events] == bodies
        return events

    async def _events(self, room: str) -> Sequence[Seen]:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{room}\n".encode())
        return [Seen(**event) for event in await _line(self._process)]


async def _line(process: asyncio.subprocess.Process) -> Any:
    assert process.stdout is not None
    return json.loads(await process.stdout.readline() or "null")


@asynccontextmanager
async def element(synapse: Synapse, name: str, *, mode: str = "signed") -> AsyncIterator[Element]:
    """Sign in as a user; ``mode`` as in ``element.mjs``. Skips without Node's packages."""
    if not NODE.exists():
        pytest.skip(f"no matrix-js-sdk: {INSTALL}")
    process = await asyncio.create_subprocess_exec(
        NODE, SCRIPT, FOLDER, synapse.base_url, name, "password", mode,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, limit=2**26,
    )  # fmt: skip
    try:
        device = await asyncio.wait_for(_line(process), WAIT)
        assert device is not None, "the client did not start"
        yield Element(process, device)
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()
