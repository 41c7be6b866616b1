"""Many requests at once, each with an event of its own; by wrk where it is installed."""

import itertools
import json
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bench import ROOT
from bench.process import python
from bench.workload import MARK, SECRET

SCRIPT = Path(__file__).with_name("wrk.lua")


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """How a server answered a load; times in milliseconds."""

    answered: int
    seconds: float
    failed: int
    p50: float
    p99: float
    longest: float

    @property
    def rate(self) -> float:
        """Answers in a second."""
        return self.answered / self.seconds


class Load:
    """Sends the events of a file. No number comes twice, whatever it is sent to."""

    def __init__(self, events: Path) -> None:
        self.events = events
        self._first: Iterator[int] = itertools.count(0, 10_000_000)

    def on(self, url: str, *, connections: int, seconds: int) -> Answers:
        """Every connection sends its next event as soon as the last one is answered."""
        if tool() == "wrk":
            numbered = [str(self.events), MARK, str(next(self._first)), SECRET]
            command = [
                "wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "10s",
                "-s", str(SCRIPT), url, "--", *numbered,
            ]  # fmt: skip
        else:
            command = python(
                "bench.generator", url, self.events, next(self._first),
                "--connections", connections, "--seconds", seconds,
            )  # fmt: skip
        return Answers(**json.loads(_last_line(command)))

    def paced(self, url: str, *, rate: int, seconds: int) -> dict[int, float]:
        """So many events in every second, answered or not: when each was sent, by its number."""
        command = python(
            "bench.generator", url, self.events, next(self._first),
            "--rate", rate, "--seconds", seconds,
        )  # fmt: skip
        return {int(number): at for number, at in json.loads(_last_line(command)).items()}


def tool() -> str:
    return "wrk" if shutil.which("wrk") else "bench.generator"


def _last_line(command: list[str]) -> str:
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    if ended.returncode:
        raise RuntimeError(f"{command[0]} failed:\n{ended.stdout}{ended.stderr}")
    return ended.stdout.strip().splitlines()[-1]
