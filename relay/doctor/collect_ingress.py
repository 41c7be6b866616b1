"""Tries the way in: posts probes as Misskey posts webhooks, and to the door itself."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import aiohttp
from yarl import URL

from relay.config import Config
from relay.doctor.check_config import is_sendable
from relay.doctor.check_ingress import is_plain
from relay.doctor.facts import Try, Way
from relay.misskey import probe
from relay.outcome import Failed
from relay.secret import Secret
from relay.sinks.http import exchange, open_session

SMALL = 1_000  # bytes, as most webhooks have
LARGE = 2**20  # five times the largest that was seen
ANY = {"0.0.0.0": "127.0.0.1", "[::]": "[::1]"}  # noqa: S104


async def way(config: Config, address: str, session: aiohttp.ClientSession) -> Way:
    """``address`` is the part before ``/hooks/``."""
    found = Way(address=address, places=await _places(URL(address).host or ""))
    if is_plain(found):
        return found
    large = min(LARGE, config.max_body - SMALL)
    async with open_session() as past_proxies:
        direct = await _tries(config, _door(config.listen), SMALL, past_proxies)
    return replace(
        found,
        direct=direct,
        small=await _tries(config, address, SMALL, session),
        large=await _tries(config, address, large, session),
    )


async def _places(host: str) -> Sequence[str]:
    """The IP addresses of a host, as they are seen from here."""
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, None)
    except OSError:
        return ()
    # Link-local addresses have the name of an interface behind them.
    return tuple(dict.fromkeys(str(one[4][0]).partition("%")[0] for one in found))


def _door(listen: str) -> str | None:
    """Where this machine reaches the door; None if it has no address."""
    host, _, port = listen.rpartition(":")
    if listen.startswith("unix:") or port == "0":
        return None
    return f"http://{ANY.get(host, host)}:{port}"


async def _tries(
    config: Config, address: str | None, size: int, session: aiohttp.ClientSession
) -> Sequence[Try]:
    """A probe to each hook, one after the other: they are not to slow each other down."""
    if address is None:
        return ()
    return [
        await _try(f"{address}/hooks/{name}", name, hook.secret[0], size, session)
        for name, hook in config.hooks.items()
        if is_sendable(hook.secret[0].reveal())
    ]


async def _try(
    url: str, hook: str, secret: Secret, size: int, session: aiohttp.ClientSession
) -> Try:
    loop, body = asyncio.get_running_loop(), probe.body(size)
    headers = {**probe.HEADERS, "X-Misskey-Hook-Secret": secret.reveal().strip()}
    began = loop.time()
    answer = await exchange(session, "POST", url, secret=secret, body=body, headers=headers)
    found = Try(hook=hook, sent=probe.seen(probe.HEADERS, body), seconds=loop.time() - began)
    if isinstance(answer, Failed):
        return replace(found, reason=answer.reason)
    return replace(found, status=answer.status, reason=answer.reason, seen=probe.read(answer.json))
