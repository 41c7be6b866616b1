"""``serve``: take webhooks and deliver messages until a signal ends it."""

import asyncio
import ctypes
import gc
import logging
import os
import resource
import signal
import sys
from argparse import Namespace
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from relay.app import run as app
from relay.cli.check import warnings, weak_secrets
from relay.cli.context import check_misplaced_outbox, config_path, configuration, samples
from relay.cli.output import colour_for, echo, warn
from relay.cli.parser import Commands, add
from relay.config import Config
from relay.doctor import collect_local, examine
from relay.doctor.facts import Facts
from relay.doctor.findings import Finding
from relay.errors import BrokenError
from relay.log.setup import LogFormat, format_for, log_to
from relay.monitoring.systemd import Notifier

PR_SET_NO_NEW_PRIVS = 38  # https://man7.org/linux/man-pages/man2/PR_SET_NO_NEW_PRIVS.2const.html


def confine() -> None:
    """Keep files private, memory out of core dumps, and rights of setuid programs away."""
    os.umask(0o077)
    with suppress(OSError, ValueError):  # a filter of system calls may forbid it
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    prctl = getattr(ctypes.CDLL(None), "prctl", None)
    if prctl is not None:  # only Linux has it
        prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)


STOPPING = "stopping after the requests in flight; a second signal stops at once"

logger = logging.getLogger(__name__)


async def serve(args: Namespace) -> int:
    path: Path | None = args.config
    stop, reload = asyncio.Event(), asyncio.Event()
    # Before anything slow: a reload during the start must not end the process.
    asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, reload.set)
    confine()
    config = configuration(path, samples=samples)
    log_to(
        sys.stderr,
        log_format=LogFormat(args.log_format or format_for(sys.stderr)),
        colour=colour_for(sys.stderr).on,
    )
    check_misplaced_outbox(config, config_path(path))
    _log_warnings(config, path)
    stop_on_signals(stop)

    def load() -> Config:
        read = configuration(path, samples=samples)
        _log_warnings(read, path)
        return read

    def ready(address: str) -> None:
        names = ", ".join(f"/hooks/{name}" for name in config.hooks) or "no hooks"
        echo(f"relay listens on {address} ({names}), delivers to {', '.join(config.sinks) or '-'}")

    # Exclude the objects of the start from each full collection, which blocks the event loop.
    gc.collect()
    gc.freeze()
    try:
        await app.run(
            config,
            stop=stop,
            ready=ready,
            notifier=Notifier(),
            examine=lambda config: _examine(config, config_path(path)),
            load=load,
            reload=reload,
        )
    except BrokenError as error:  # systemd restarts relay after this exit code
        warn(f"{error}; the broken outbox was set aside: restart relay")
        return 1
    logger.info("stopped", extra={"action": "stop"})
    return 0


async def _examine(config: Config, path: Path) -> Sequence[Finding]:
    """The findings of doctor on this machine; the page shows the state of the outbox itself."""
    facts = Facts(
        config=config, files=collect_local.files(config, path), disk=collect_local.disk(config)
    )
    return [finding for findings in examine(facts).values() for finding in findings]


def _log_warnings(config: Config, path: Path | None) -> None:
    for warning in (*warnings(config, config_path(path)), *weak_secrets(config)):
        logger.warning("doubtful configuration", extra={"action": "check", "reason": warning})


def stop_on_signals(stop: asyncio.Event) -> None:
    """Stop gracefully at the first signal, and at once at the second."""
    loop = asyncio.get_running_loop()

    def end(number: int) -> None:
        if stop.is_set():
            os._exit(128 + number)
        stop.set()
        logger.info(STOPPING, extra={"action": "stop"})

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, end, number)


def add_command(commands: Commands) -> None:
    parser = add(
        commands,
        "serve",
        serve,
        about="take webhooks and deliver messages until a signal ends it",
        example="relay serve --config /etc/relay/config.yaml",
    )
    parser.add_argument(
        "--log-format",
        choices=[*LogFormat],
        help="default: journald under systemd, else console",
    )
