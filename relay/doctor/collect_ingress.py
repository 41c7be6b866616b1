"""Posts probes as Misskey posts webhooks: to the public address, and to the listener itself."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import aiohttp
from yarl import URL

from relay.config import Config
from relay.doctor.check_config import is_sendable
from relay.doctor.check_ingress import is_plain
from relay.doctor.facts import Ingress, ProbeResult
from relay.misskey import probe
from relay.outcome import Failed
from relay.secret import Secret
from relay.sinks.http import exchange, open_session

SMALL = 1_000  # bytes, as most webhooks have
LARGE = 2**20  # five times the largest webhook seen
ANY = {"0.0.0.0": "127.0.0.1", "[::]": "[::1]"}  # noqa: S104


async def ingress(config: Config, address: str, session: aiohttp.ClientSession) -> Ingress:
    """Probe every hook; ``address`` is the part before ``/hooks/``."""
    ingress = Ingress(address=address, ips=await _ips(URL(address).host or ""))
    if is_plain(ingress):
        return ingress
    large = min(LARGE, config.max_body - SMALL)
    async with open_session() as past_proxies:
        direct = await _probe_all(config, _local_address(config.listen), SMALL, past_proxies)
    return replace(
        ingress,
        direct=direct,
        small=await _probe_all(config, address, SMALL, session),
        large=await _probe_all(config, address, large, session),
    )


async def _ips(host: str) -> Sequence[str]:
    """The IP addresses of a host, as this machine resolves it."""
    try:
        rows = await asyncio.get_running_loop().getaddrinfo(host, None)
    except OSError:
        return ()
    # A link-local address ends in the name of an interface.
    return tuple(dict.fromkeys(str(row[4][0]).partition("%")[0] for row in rows))


def _local_address(listen: str) -> str | None:
    """The address by which this machine reaches the listener; None if that is a socket file."""
    host, _, port = listen.rpartition(":")
    if listen.startswith("unix:") or port == "0":
        return None
    return f"http://{ANY.get(host, host)}:{port}"


async def _probe_all(
    config: Config, address: str | None, size: int, session: aiohttp.ClientSession
) -> Sequence[ProbeResult]:
    """Post a probe to each hook, one after the other, so that none slows another down."""
    if address is None:
        return ()
    return [
        await _probe(f"{address}/hooks/{name}", name, hook.secret[0], size, session)
        for name, hook in config.hooks.items()
        if hook.secret and is_sendable(hook.secret[0].reveal())
    ]


async def _probe(
    url: str, hook: str, secret: Secret, size: int, session: aiohttp.ClientSession
) -> ProbeResult:
    loop, body = asyncio.get_running_loop(), probe.body(size)
    headers = {**probe.HEADERS, "X-Misskey-Hook-Secret": secret.reveal().strip()}
    began = loop.time()
    answer = await exchange(session, "POST", url, secret=secret, body=body, headers=headers)
    result = ProbeResult(
        hook=hook, sent=probe.seen(probe.HEADERS, body), seconds=loop.time() - began
    )
    if isinstance(answer, Failed):
        return replace(result, reason=answer.reason)
    return replace(result, status=answer.status, reason=answer.reason, seen=probe.read(answer.json))
