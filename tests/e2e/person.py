"""Somebody at a terminal, who reads what a process asks and types the answers."""

import asyncio
import fcntl
import os
import pty
import signal
import termios
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from tests.e2e.waiting import until


class Person:
    """``seen`` is all that the terminal has shown, and so what was typed, unless it is hidden."""

    def __init__(self, terminal: int, process: asyncio.subprocess.Process) -> None:
        self.seen = ""
        self.process = process
        self._terminal = terminal
        self._read = 0
        asyncio.get_running_loop().add_reader(terminal, self._look)

    def _look(self) -> None:
        try:
            self.seen += os.read(self._terminal, 65536).decode().replace("\r\n", "\n")
        except OSError:  # nobody holds the other end any more
            asyncio.get_running_loop().remove_reader(self._terminal)

    async def reads(self, words: str) -> None:
        """Wait for words behind those that were read before."""
        await until(lambda: words in self.seen[self._read :])
        self._read = self.seen.index(words, self._read) + len(words)

    async def answers(self, question: str, answer: str) -> None:
        await self.reads(question)
        self.presses(f"{answer}\n")

    async def answers_hidden(self, question: str, answer: str) -> None:
        """Answer a question for which the terminal hides what is typed."""
        await self.reads_hidden(question)
        self.presses(f"{answer}\n")

    async def reads_hidden(self, question: str) -> None:
        """
        Wait until the terminal hides what is typed.

        ``getpass`` discards everything typed before it turns the echo off, Ctrl-C included.
        """
        await self.reads(question)
        await until(lambda: not termios.tcgetattr(self._terminal)[3] & termios.ECHO)

    def presses(self, keys: str) -> None:
        os.write(self._terminal, keys.encode())


@asynccontextmanager
async def person_at(
    *command: str, folder: Path, environ: Mapping[str, str]
) -> AsyncIterator[Person]:
    """Run a command in a terminal of its own; it is ended if it does not end by itself."""
    terminal, other = pty.openpty()

    def take_terminal() -> None:
        os.setsid()
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)  # where passwords are asked for
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # a shell's background jobs ignore Ctrl-C

    process = await asyncio.create_subprocess_exec(
        *command, cwd=folder, env=environ,
        stdin=other, stdout=other, stderr=other, preexec_fn=take_terminal,
    )  # fmt: skip
    os.close(other)
    person = Person(terminal, process)
    try:
        yield person
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
        asyncio.get_running_loop().remove_reader(terminal)
        os.close(terminal)
