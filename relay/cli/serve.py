"""What a process that serves gives up at its start, however it is started."""

import asyncio
import ctypes
import gc
import logging
import os
import resource
import signal
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from relay.app import run as app
from relay.app.plan import policy
from relay.cli.context import (
    check_left_outbox,
    colour_for,
    configuration,
    place_of,
    samples,
    say,
    sink_of,
    warn,
)
from relay.cli.parser import Commands, add
from relay.config import Config
from relay.doctor import check_config as hooks
from relay.doctor import check_config as page
from relay.doctor import check_host as files
from relay.doctor import collect_local as looking
from relay.doctor.findings import Finding
from relay.errors import BrokenError
from relay.log.setup import LogFormat, format_for, log_to
from relay.monitoring.systemd import Notifier
from relay.outbox import check_driver
from relay.outcome import Sent
from relay.sinks import open_session
from relay.sinks.proxy import proxies

PR_SET_NO_NEW_PRIVS = 38  # https://man7.org/linux/man-pages/man2/PR_SET_NO_NEW_PRIVS.2const.html


def confine() -> None:
    """No file for others, no memory in a core dump, no rights from setuid programs."""
    os.umask(0o077)
    with suppress(OSError, ValueError):  # a filter of system calls may have closed that way before
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    prctl = getattr(ctypes.CDLL(None), "prctl", None)
    if prctl is not None:  # Linux alone has it
        prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)


STOPPING = "stopping: what is in flight ends, the rest waits; a second signal stops at once"

logger = logging.getLogger(__name__)


async def serve(path: Path | None, log_format: LogFormat | None) -> int:
    stop, reload = asyncio.Event(), asyncio.Event()
    # Before anything that takes long: who reloads a service that starts must not end it.
    asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, reload.set)
    confine()
    config = configuration(path, samples=samples)
    log_to(
        sys.stderr,
        log_format=log_format or format_for(sys.stderr),
        colour=colour_for(sys.stderr).on,
    )
    check_left_outbox(config, place_of(path))
    _tell_doubts(config, path)
    stop_on_signals(stop)

    def load() -> Config:
        read = configuration(path, samples=samples)
        _tell_doubts(read, path)
        return read

    def ready(address: str) -> None:
        names = ", ".join(f"/hooks/{name}" for name in config.hooks) or "no hooks"
        say(f"relay listens on {address} ({names}), delivers to {', '.join(config.sinks) or '-'}")

    # What is there now stays. Else every full collection goes through it, and all else waits.
    gc.collect()
    gc.freeze()
    try:
        await app.run(
            config,
            stop=stop,
            ready=ready,
            notifier=Notifier(),
            examine=lambda config: _advice(config, place_of(path)),
            load=load,
            reload=reload,
        )
    except BrokenError as error:  # an end with which systemd starts relay again
        warn(f"{error}; it was set aside: start relay again")
        return 1
    logger.info("stopped", extra={"action": "stop"})
    return 0


async def _advice(config: Config, path: Path) -> Sequence[Finding]:
    """What doctor says without asking anybody else; the page has the outbox's state itself."""
    from relay.doctor.examination import examined
    from relay.doctor.facts import Facts

    facts = Facts(config=config, files=looking.files(config, path), disk=looking.disk(config))
    return [one for found in examined(facts).values() for one in found]


def _tell_doubts(config: Config, path: Path | None) -> None:
    for warning in (*_warnings(config, place_of(path)), *_weak_secrets(config)):
        logger.warning("doubtful configuration", extra={"action": "check", "reason": warning})


def stop_on_signals(stop: asyncio.Event) -> None:
    """The first signal asks for an end in order, the second ends at once."""
    loop = asyncio.get_running_loop()

    def end(number: int) -> None:
        if stop.is_set():
            os._exit(128 + number)
        stop.set()
        logger.info(STOPPING, extra={"action": "stop"})

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, end, number)


async def demo() -> int:
    from relay.cli import demo as demonstration

    await demonstration.run(say, colour=colour_for(sys.stdout))
    return 0


async def check(path: Path | None, *, online: bool) -> int:
    config = configuration(path, samples=samples)
    check_driver(config.outbox)
    ways = proxies(config.proxy, os.environ).places
    colour = colour_for(sys.stdout)
    for warning in _warnings(config, place_of(path)):
        say(f"{colour.doubtful('warning')}: {warning}")
    problems = await _sink_problems(config) if online else {}
    for name, problem in problems.items():
        say(f"{name}: {colour.good('ok') if problem is None else colour.bad(problem)}")
    if any(problem is not None for problem in problems.values()):
        return 1
    parts = (
        _count(len(config.hooks), "hook"),
        _count(len(config.routes), "route"),
        _count(len(config.sinks), "sink"),
    )
    rendered = "" if config.templates is None else "; every template renders"
    way = f"; requests go through the proxy {' or '.join(ways)}" if ways else ""
    say(f"{colour.good('ok')}: {', '.join(parts)}{rendered}{way}")
    return 0


def _warnings(config: Config, path: Path) -> Iterator[str]:
    """What the file hardly means, and what others on this machine could do with it."""
    yield from config.warnings
    for file in looking.files(config, path):
        yield from map(_told, files.about_file(file))


def _weak_secrets(config: Config) -> Iterator[str]:
    """Those that could be guessed, or lost on their way."""
    for name, hook in config.hooks.items():
        for secret in hook.secret:
            yield from map(_told, hooks.about_secret(f"hook {name}", secret))
    if config.web is not None and config.web.password is not None:
        yield from map(_told, page.about_password(config.web.password))


def _told(finding: Finding) -> str:
    return f"{finding.where}: {finding.what}: {finding.remedy}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


async def _sink_problems(config: Config) -> Mapping[str, str | None]:
    from relay.doctor import collect_remote as asking

    async with open_session(proxies(config.proxy, os.environ)) as session:
        return await asking.troubles(config, session)


async def send_test(path: Path | None, name: str) -> int:
    config = configuration(path)
    sink = sink_of(config, name)
    async with open_session(proxies(config.proxy, os.environ)) as session:
        language, now = policy(config, sink).language, app.unix_milliseconds()
        outcome = await app.send_trial(sink, session, language=language, now=now)
    colour, reason = colour_for(sys.stdout), getattr(outcome, "reason", None)
    word = type(outcome).__name__
    shown = colour.good(word) if isinstance(outcome, Sent) else colour.bad(word)
    say(f"{name}: {shown}" + (f": {reason}" if reason else ""))
    return 0 if isinstance(outcome, Sent) else 1


def add_serve(commands: Commands) -> None:
    serving = add(
        commands,
        "serve",
        lambda given: serve(given.config, given.log_format and LogFormat(given.log_format)),
        about="take webhooks and deliver messages, until a signal ends it",
        example="relay serve --config /etc/relay/config.yaml",
    )
    serving.add_argument(
        "--log-format",
        choices=[*LogFormat],
        help="default: journald under systemd, else console",
    )
    checking = add(
        commands,
        "check",
        lambda given: check(given.config, online=given.online),
        about="check configuration and templates, and tell all mistakes at once",
        example="relay check --online",
    )
    checking.add_argument("--online", action="store_true", help="ask the vendors of the sinks too")
    add(
        commands,
        "demo",
        lambda given: demo(),
        about="show what relay does: sample events go the real way, to this terminal",
        example="relay demo",
        config=False,
    )
    sending = add(
        commands,
        "send-test",
        lambda given: send_test(given.config, given.sink),
        about="send a test message through a sink, and tell how that ended",
        example="relay send-test --sink team",
    )
    sending.add_argument("--sink", metavar="NAME", required=True)
