"""The real process: ``relay serve`` as a user starts it, killed and started again."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

START = 300.0  # seconds: a slow machine is not a defect


class Relay:
    """One installation: a folder with a configuration, and the process that serves it."""

    def __init__(self, folder: Path, config: str, environ: Mapping[str, str]) -> None:
        self.folder = folder
        self.file = folder / "config.yaml"
        self.file.write_text(config, encoding="utf-8")
        self.file.chmod(0o600)
        self.environ = {**os.environ, **environ}
        self.address = ""
        self.process: asyncio.subprocess.Process | None = None
        self.log = folder / "relay.log"

    async def start(self, *arguments: str) -> None:
        with self.log.open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "relay", "serve", "--config", str(self.file), *arguments,
                cwd=self.folder, env=self.environ, stdout=asyncio.subprocess.PIPE, stderr=log,
            )  # fmt: skip
        assert self.process.stdout is not None
        try:
            line = (await asyncio.wait_for(self.process.stdout.readline(), START)).decode()
        except TimeoutError:
            self.process.kill()
            raise
        assert "listens on" in line, self.log.read_text(encoding="utf-8")
        self.address = line.split("listens on ")[1].split()[0]

    async def kill(self) -> None:
        await self._end(signal.SIGKILL)

    async def terminate(self) -> int:
        return await self._end(signal.SIGTERM)

    def signal(self, number: signal.Signals) -> None:
        assert self.process is not None
        self.process.send_signal(number)

    async def _end(self, number: int) -> int:
        assert self.process is not None
        if self.process.returncode is None:
            self.process.send_signal(number)
        await self.process.communicate()
        assert self.process.returncode is not None
        return self.process.returncode

    async def command(self, *arguments: str, stdin: bytes = b"") -> tuple[int, str, str]:
        """Run another command of this installation: its exit code, output and errors."""
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "relay", *arguments,
            cwd=self.folder, env=self.environ, stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        out, err = await process.communicate(stdin)
        assert process.returncode is not None
        return process.returncode, out.decode(), err.decode()


@asynccontextmanager
async def serving(
    folder: Path, config: str, environ: Mapping[str, str] | None = None
) -> AsyncIterator[Relay]:
    """A relay that runs; killed at the end if it still does."""
    relay = Relay(folder, config, environ or {})
    await relay.start()
    try:
        yield relay
    finally:
        if relay.process is not None and relay.process.returncode is None:
            await relay.kill()
