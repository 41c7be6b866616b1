"""``check``: validate the configuration and the templates, and report every problem."""

import os
import sys
from argparse import Namespace
from collections.abc import Iterator, Mapping
from pathlib import Path

from relay.cli.context import config_path, configuration, samples
from relay.cli.output import colour_for, counted, echo
from relay.cli.parser import Commands, add
from relay.config import Config
from relay.doctor import check_config, check_host, collect_local, collect_remote
from relay.doctor.findings import Finding
from relay.outbox import check_driver
from relay.sinks.errors import trouble
from relay.sinks.http import open_session
from relay.sinks.proxy import proxies


async def check(args: Namespace) -> int:
    config = configuration(args.config, samples=samples)
    check_driver(config.outbox)
    colour = colour_for(sys.stdout)
    for warning in warnings(config, config_path(args.config)):
        echo(f"{colour.doubtful('warning')}: {warning}")
    problems = await _sink_problems(config) if args.online else {}
    for name, problem in problems.items():
        echo(f"{name}: {colour.good('ok') if problem is None else colour.bad(problem)}")
    if any(problem is not None for problem in problems.values()):
        return 1
    parts = (
        counted(len(config.hooks), "hook"),
        counted(len(config.routes), "route"),
        counted(len(config.sinks), "sink"),
    )
    rendered = "" if config.templates is None else "; every template renders"
    ways = proxies(config.proxy, os.environ).places
    proxy = f"; requests go through the proxy {' or '.join(ways)}" if ways else ""
    echo(f"{colour.good('ok')}: {', '.join(parts)}{rendered}{proxy}")
    return 0


def warnings(config: Config, path: Path) -> Iterator[str]:
    """Doubtful settings, and files that others on this machine could read or change."""
    yield from config.warnings
    for file in collect_local.files(config, path):
        yield from map(_sentence, check_host.about_file(file))


def weak_secrets(config: Config) -> Iterator[str]:
    """Warnings about secrets that could be guessed, or that reach relay changed."""
    for name, hook in config.hooks.items():
        for secret in hook.secret:
            yield from map(_sentence, check_config.about_secret(f"hook {name}", secret))
    if config.web is not None and config.web.password is not None:
        yield from map(_sentence, check_config.about_password(config.web.password))


def _sentence(finding: Finding) -> str:
    return f"{finding.where}: {finding.problem}: {finding.remedy}"


async def _sink_problems(config: Config) -> Mapping[str, str | None]:
    async with open_session(proxies(config.proxy, os.environ)) as session:
        outcomes = await collect_remote.sink_outcomes(config, session)
    return {name: trouble(outcome) for name, outcome in outcomes.items()}


def add_command(commands: Commands) -> None:
    parser = add(
        commands,
        "check",
        check,
        about="check configuration and templates, and report every problem",
        example="relay check --online",
    )
    parser.add_argument("--online", action="store_true", help="ask the sinks' vendors, too")
