"""
``relay serve`` in a process that was forked, not begun anew: the same code from ``main`` on.

Whoever kills two hundred of them would wait longer for Python's imports than for relay.
"""

import asyncio
import multiprocessing
import os
import sys
from multiprocessing.process import BaseProcess
from pathlib import Path

CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(["relay.cli.main"])


def start(folder: Path, *, routes_after: float = 0.0) -> BaseProcess:
    """
    Serve the ``config.yaml`` of a folder; its output goes to ``relay.log`` there.

    The router rests so many seconds before each batch: who kills it then hits what is stored, but
    not routed.
    """
    process = CONTEXT.Process(target=_serve, args=(folder, routes_after), daemon=True)
    process.start()
    return process


def terminate(process: BaseProcess) -> int | None:
    """End it as a service manager does; its exit code."""
    process.terminate()
    process.join()
    return process.exitcode


def kill(process: BaseProcess) -> None:
    process.kill()
    process.join()


def _serve(folder: Path, routes_after: float) -> None:
    from relay.cli import main as cli
    from relay.intake.router import Router

    route = Router.route

    async def route_late(router: Router) -> bool:
        await asyncio.sleep(routes_after)
        return await route(router)

    if routes_after:
        Router.route = route_late  # type: ignore[method-assign]

    os.chdir(folder)
    log = os.open(folder / "relay.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for stream in (1, 2):
        os.dup2(log, stream)
    sys.exit(cli.main(["serve"]))
