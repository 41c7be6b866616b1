"""``doctor``: what is wrong with an installation, and what to do about it."""

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

from relay.cli.context import configuration, outbox_to_read, place_of, samples
from relay.cli.output import colour_for, echo, echo_json
from relay.cli.parser import Commands, add, add_json
from relay.config import Config
from relay.doctor import collect_ingress as trying
from relay.doctor import collect_local as looking
from relay.doctor import collect_remote as asking
from relay.doctor.examination import examined
from relay.doctor.facts import Facts, Stock
from relay.doctor.findings import Finding, Level
from relay.errors import OutboxError
from relay.sinks import open_session
from relay.sinks.proxy import proxies
from relay.terminal import Colour

OTHERS = ("sinks", "servers", "clock")
"""What only others can tell."""

Findings = Mapping[str, Sequence[Finding]]


async def doctor(args: Namespace) -> int:
    config = configuration(args.config, samples=samples)
    facts = await _local(config, place_of(args.config))
    async with open_session(proxies(config.proxy, os.environ)) as session:
        if args.online:
            facts = await _asked(facts, session)
        if args.url is not None:
            facts = replace(facts, way=await trying.way(config, args.url, session))
    found = examined(facts)
    if args.json:
        echo_json(
            [{"about": about, **asdict(one)} for about, many in found.items() for one in many]
        )
    else:
        unasked = [*(() if args.online else OTHERS), *(("way in",) if args.url is None else ())]
        _show(found, colour_for(sys.stdout), unasked=unasked)
    return 1 if _number(found, Level.WRONG) else 0


async def _local(config: Config, path: Path) -> Facts:
    facts = Facts(config=config, files=looking.files(config, path))
    try:
        # First the disk: to open the outbox changes its journal.
        disk = looking.disk(config)
        facts = replace(facts, disk=disk)
        if disk is None or disk.outbox is not None:
            facts = replace(facts, stock=await _stock(config))
    except OutboxError as error:
        return replace(facts, stock=Stock(problem=str(error)))
    return facts


async def _asked(facts: Facts, session: aiohttp.ClientSession) -> Facts:
    troubles, accounts, servers, clocks = await asyncio.gather(
        asking.troubles(facts.config, session),
        asking.accounts(facts.config, session),
        asking.servers(facts.config, session),
        asking.clocks(facts.config, session, clock=time.time),
    )
    return replace(facts, sinks=troubles, accounts=accounts, servers=servers, clocks=clocks)


async def _stock(config: Config) -> Stock:
    async with outbox_to_read(config) as outbox:
        return Stock(counts=await outbox.counts(), closed=await outbox.closed_sinks())


def _number(found: Findings, level: Level) -> int:
    return sum(one.level == level for many in found.values() for one in many)


def _show(found: Findings, colour: Colour, *, unasked: Sequence[str]) -> None:
    for about, many in found.items():
        state = colour.dim("not asked") if about in unasked else colour.good("ok")
        echo(colour.bold(about) + ("" if many else f": {state}"))
        for one in many:
            paint = colour.bad if one.level == Level.WRONG else colour.doubtful
            echo(f"  {paint(one.level)}: {one.where}: {one.what}")
            echo(colour.dim(f"    {one.remedy}"))
    echo(f"{_number(found, Level.WRONG)} wrong, {_number(found, Level.ADVICE)} to think about")
    if unasked:
        echo(f"not asked: {', '.join(unasked)}; see relay doctor --help")


def add_command(commands: Commands) -> None:
    parser = add(
        commands,
        "doctor",
        doctor,
        about="look for what goes wrong in real set-ups, and tell what to do",
        example="relay doctor --config /etc/relay/config.yaml",
    )
    parser.add_argument(
        "--online", action="store_true", help="ask the vendors and the Misskey servers, too"
    )
    parser.add_argument(
        "--url",
        type=_address,
        metavar="ADDRESS",
        help="try the way in: the address in Misskey's form, like https://relay.example",
    )
    add_json(parser)


def _address(written: str) -> str:
    """The part before ``/hooks/`` of the address that Misskey calls."""
    try:
        url = URL(written.partition("/hooks/")[0].rstrip("/"))
        is_whole = url.scheme in {"http", "https"} and bool(url.host) and url.port is not None
    except ValueError:
        is_whole = False
    if not is_whole:
        raise ArgumentTypeError("should be an address like https://relay.example")
    if url.user is not None or url.password is not None:
        raise ArgumentTypeError("has a name or a password in it: Misskey calls no such address")
    return str(url.with_query(None).with_fragment(None)).rstrip("/")
