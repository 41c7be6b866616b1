"""What the figures were taken on: without it they mean nothing."""

import os
import platform
import subprocess
import tempfile
import time
from importlib.metadata import version
from pathlib import Path

import psutil

from bench import ROOT
from bench.load import tool

WRITES = 300


def machine(folder: Path) -> dict[str, str]:
    """In words, by what they are about."""
    return {
        "taken": time.strftime("%Y-%m-%d", time.gmtime()),
        "relay": f"{version('relay')} ({_commit()})",
        "processor": f"{_processor()}, {os.cpu_count()} cores",
        "memory": f"{psutil.virtual_memory().total / 2**30:.1f} GiB",
        "system": f"{platform.system()} {platform.release()}",
        "python": f"{platform.python_version()}, aiohttp {version('aiohttp')}",
        "disk": f"{_writes(folder):.0f} durable writes of 4 KiB in a second",
        "load by": tool(),
        "busy before": f"{os.getloadavg()[0]:.1f} processes on average in the last minute",
    }


def _commit() -> str:
    ended = subprocess.run(
        ["git", "describe", "--always", "--dirty"], cwd=ROOT, capture_output=True, text=True
    )
    return ended.stdout.strip() or "no checkout"


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())


def _writes(folder: Path) -> float:
    """What no durable accept can be faster than, one at a time."""
    with tempfile.TemporaryFile(dir=folder) as file:
        began = time.perf_counter()
        for _ in range(WRITES):
            file.write(bytes(4096))
            file.flush()
            os.fdatasync(file.fileno())
        return WRITES / (time.perf_counter() - began)
