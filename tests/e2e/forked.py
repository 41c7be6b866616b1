"""
``relay serve`` in a process that was forked, not begun anew: the same code from ``main`` on.

Whoever kills two hundred of them would wait longer for Python's imports than for relay.
"""

import multiprocessing
import os
import sys
from multiprocessing.process import BaseProcess
from pathlib import Path

CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(["relay.cli.main"])


def start(folder: Path) -> BaseProcess:
    """Serve the ``config.yaml`` of a folder; its output goes to ``relay.log`` there."""
    process = CONTEXT.Process(target=_serve, args=(folder,), daemon=True)
    process.start()
    return process


def kill(process: BaseProcess) -> None:
    process.kill()
    process.join()


def _serve(folder: Path) -> None:
    from relay.cli import main as cli

    os.chdir(folder)
    log = os.open(folder / "relay.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for stream in (1, 2):
        os.dup2(log, stream)
    sys.exit(cli.main(["serve"]))
