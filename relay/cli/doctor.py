"""``doctor``: find what is wrong with an installation, and say how to fix it."""

import asyncio
import os
import sys
import time
from argparse import ArgumentTypeError, Namespace
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path

import aiohttp
from yarl import URL

from relay.cli.context import config_path, configuration, outbox_to_read, samples
from relay.cli.output import colour_for, counted, echo, echo_json
from relay.cli.parser import Commands, add, add_json
from relay.config import Config
from relay.doctor import collect_ingress, collect_local, collect_remote, examine
from relay.doctor.facts import Facts, OutboxContents
from relay.doctor.findings import Finding, Level
from relay.errors import OutboxError
from relay.sinks.http import open_session
from relay.sinks.proxy import proxies
from relay.terminal import Colour

REMOTE = ("sinks", "servers", "clock")
"""The topics that only ``--online`` examines."""


async def doctor(args: Namespace) -> int:
    config = configuration(args.config, samples=samples)
    facts = await _local_facts(config, config_path(args.config))
    async with open_session(proxies(config.proxy, os.environ)) as session:
        if args.online:
            facts = await _with_remote_facts(facts, session)
        if args.url is not None:
            ingress = await collect_ingress.ingress(config, args.url, session)
            facts = replace(facts, ingress=ingress)
    report = examine(facts)
    findings = [(topic, finding) for topic, several in report.items() for finding in several]
    if args.json:
        echo_json([{"topic": topic, **asdict(finding)} for topic, finding in findings])
    else:
        skipped = [*(() if args.online else REMOTE), *(("ingress",) if args.url is None else ())]
        _print(report, colour_for(sys.stdout), skipped=skipped)
    return 1 if any(finding.level == Level.ERROR for _, finding in findings) else 0


async def _local_facts(config: Config, path: Path) -> Facts:
    facts = Facts(config=config, files=collect_local.files(config, path))
    try:
        # The disk first: opening the outbox changes its journal.
        disk = collect_local.disk(config)
        facts = replace(facts, disk=disk)
        if disk is None or disk.outbox is not None:
            async with outbox_to_read(config) as outbox:
                counts, closed = await outbox.counts(), await outbox.closed_sinks()
            facts = replace(facts, contents=OutboxContents(counts=counts, closed=closed))
    except OutboxError as error:
        return replace(facts, contents=OutboxContents(problem=str(error)))
    return facts


async def _with_remote_facts(facts: Facts, session: aiohttp.ClientSession) -> Facts:
    outcomes, accounts, servers, clocks = await asyncio.gather(
        collect_remote.sink_outcomes(facts.config, session),
        collect_remote.accounts(facts.config, session),
        collect_remote.servers(facts.config, session),
        collect_remote.clocks(facts.config, session, clock=time.time),
    )
    return replace(facts, sinks=outcomes, accounts=accounts, servers=servers, clocks=clocks)


def _print(
    report: Mapping[str, Sequence[Finding]], colour: Colour, *, skipped: Sequence[str]
) -> None:
    for topic, findings in report.items():
        state = colour.dim("not asked") if topic in skipped else colour.good("ok")
        echo(colour.bold(topic) + ("" if findings else f": {state}"))
        for finding in findings:
            paint = colour.bad if finding.level == Level.ERROR else colour.doubtful
            echo(f"  {paint(finding.level)}: {finding.where}: {finding.problem}")
            echo(colour.dim(f"    {finding.remedy}"))
    levels = [finding.level for findings in report.values() for finding in findings]
    echo(", ".join(counted(levels.count(level), level) for level in Level))
    if skipped:
        echo(f"not asked: {', '.join(skipped)}; see relay doctor --help")


def add_command(commands: Commands) -> None:
    parser = add(
        commands,
        "doctor",
        doctor,
        about="find what is wrong with an installation, and say how to fix it",
        example="relay doctor --config /etc/relay/config.yaml",
    )
    parser.add_argument(
        "--online", action="store_true", help="ask the vendors and the Misskey servers, too"
    )
    parser.add_argument(
        "--url",
        type=_address,
        metavar="ADDRESS",
        help="probe the ingress: the address in Misskey's form, like https://relay.example",
    )
    add_json(parser)


def _address(text: str) -> str:
    """The part before ``/hooks/`` of the address that Misskey calls."""
    try:
        url = URL(text.partition("/hooks/")[0].rstrip("/"))
        is_whole = url.scheme in {"http", "https"} and bool(url.host) and url.port is not None
    except ValueError:
        is_whole = False
    if not is_whole:
        raise ArgumentTypeError("should be an address like https://relay.example")
    if url.user is not None or url.password is not None:
        raise ArgumentTypeError("has a user name or a password in it, which Misskey cannot call")
    return str(url.with_query(None).with_fragment(None)).rstrip("/")
