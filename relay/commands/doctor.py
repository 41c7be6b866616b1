"""``doctor``: what is wrong with an installation, and what to do about it."""

import sys
from argparse import Namespace
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from relay.colour import Colour
from relay.commands.parser import Commands, add, add_json
from relay.commands.setting import (
    colour_for,
    configuration,
    existing_outbox,
    place_of,
    samples,
    say,
    say_json,
)
from relay.config import Config
from relay.doctor import Facts, Finding, Level, Stock, examined, looking
from relay.errors import OutboxError

Findings = Mapping[str, Sequence[Finding]]


async def doctor(given: Namespace) -> int:
    config = configuration(given.config, samples=samples())
    found = examined(await _facts(config, place_of(given.config)))
    if given.json:
        say_json([{"about": about, **asdict(one)} for about, many in found.items() for one in many])
    else:
        _show(found, colour_for(sys.stdout))
    return 1 if _number(found, Level.WRONG) else 0


async def _facts(config: Config, path: Path) -> Facts:
    # What this machine tells is gathered first: to open the outbox changes its journal.
    files, disk = looking.files(config, path), looking.disk(config)
    return Facts(
        config=config,
        files=files,
        disk=disk,
        stock=None if disk.outbox is None else await _stock(config),
    )


async def _stock(config: Config) -> Stock:
    try:
        async with existing_outbox(config) as outbox:
            return Stock(counts=await outbox.counts(), closed=await outbox.closed_sinks())
    except OutboxError as error:
        return Stock(problem=str(error))


def _number(found: Findings, level: Level) -> int:
    return sum(one.level == level for many in found.values() for one in many)


def _show(found: Findings, colour: Colour) -> None:
    for about, many in found.items():
        say(colour.bold(about) + ("" if many else f": {colour.good('ok')}"))
        for one in many:
            paint = colour.bad if one.level == Level.WRONG else colour.doubtful
            say(f"  {paint(one.level)}: {one.where}: {one.what}")
            say(colour.dim(f"    {one.remedy}"))
    say(f"{_number(found, Level.WRONG)} wrong, {_number(found, Level.ADVICE)} to think about")


def add_doctor(commands: Commands) -> None:
    parser = add(
        commands,
        "doctor",
        doctor,
        about="look for what goes wrong in real set-ups, and tell what to do",
        example="relay doctor --config /etc/relay/config.yaml",
    )
    add_json(parser)
