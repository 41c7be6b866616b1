"""Asks the vendors and the Misskey servers, and sends no message."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Any, TypeVar
from urllib.parse import quote

import aiohttp
from yarl import URL

from relay import misskey
from relay.config import Config
from relay.doctor.facts import Account, Server
from relay.outcome import Failed, Outcome
from relay.secret import Secret
from relay.sinks.errors import Answer, one_line
from relay.sinks.http import exchange
from relay.sinks.matrix.settings import MatrixSettings

NO_SECRET = Secret("")
"""For requests without a secret."""

CONCURRENCY = 10  # vendors mind more requests at once, and sockets are few

Q = TypeVar("Q")
A = TypeVar("A")


async def sink_outcomes(config: Config, session: aiohttp.ClientSession) -> Mapping[str, Outcome]:
    """The outcome of a probe of each sink."""
    return await _each(config.sinks, lambda sink: sink.open(session).probe())


async def accounts(config: Config, session: aiohttp.ClientSession) -> Mapping[str, Account]:
    """The accounts of the Matrix sinks."""
    sinks = {name: sink for name, sink in config.sinks.items() if isinstance(sink, MatrixSettings)}
    return await _each(sinks, lambda sink: _account(sink, session))


async def servers(config: Config, session: aiohttp.ClientSession) -> tuple[Server, ...]:
    """The Misskey servers whose events hooks accept."""
    origins = {hook.server: hook.server for hook in config.hooks.values() if hook.server}
    return tuple((await _each(origins, lambda origin: _server(origin, session))).values())


async def clocks(
    config: Config, session: aiohttp.ClientSession, *, clock: Callable[[], float]
) -> Mapping[str, float]:
    """The seconds by which each host's clock is ahead of ``clock``, which gives Unix seconds."""
    origins = {URL(address).host or "": URL(address).origin() for address in _addresses(config)}
    seconds = await _each(origins, lambda origin: _ahead(origin, session, clock))
    return {host: ahead for host, ahead in seconds.items() if ahead is not None}


async def _each(questions: Mapping[str, Q], ask: Callable[[Q], Awaitable[A]]) -> Mapping[str, A]:
    """The answers, by the keys of the questions."""
    turn = asyncio.Semaphore(CONCURRENCY)

    async def in_turn(question: Q) -> A:
        async with turn:
            return await ask(question)

    answers = await asyncio.gather(*map(in_turn, questions.values()))
    return dict(zip(questions, answers, strict=True))


async def _account(sink: MatrixSettings, session: aiohttp.ClientSession) -> Account:
    base = sink.homeserver.rstrip("/")

    async def ask(path: str) -> Mapping[str, Any]:
        headers = {"Authorization": f"Bearer {sink.token.reveal()}"}
        url = URL(f"{base}{path}", encoded=True)
        answer = await exchange(session, "GET", url, secret=sink.token, headers=headers)
        return answer.json if isinstance(answer, Answer) else {}

    me = await ask("/_matrix/client/v3/account/whoami")
    if "user_id" not in me:
        return Account()
    user, device = (quote(str(me.get(key, "")), safe="") for key in ("user_id", "device_id"))
    login = await ask(f"/_matrix/client/v3/devices/{device}")
    # https://element-hq.github.io/synapse/latest/admin_api/user_admin_api.html#get-status-of-ratelimit
    limit = await ask(f"/_synapse/admin/v1/users/{user}/override_ratelimit")
    version = await ask("/_matrix/federation/v1/version")
    return Account(
        session=one_line(str(login.get("display_name") or "")),
        is_limited=_is_limited(limit, version.get("server")),
    )


def _is_limited(limit: Mapping[str, Any], server: object) -> bool | None:
    """Only Synapse has this endpoint, and it shows the limit to administrators only."""
    if "messages_per_second" in limit:
        return False
    is_synapse = isinstance(server, dict) and server.get("name") == "Synapse"
    return True if is_synapse or limit.get("errcode") == "M_FORBIDDEN" else None


async def _server(origin: str, session: aiohttp.ClientSession) -> Server:
    """https://misskey-hub.net/en/docs/for-developers/api/, https://nodeinfo.diaspora.software"""
    node = await exchange(session, "GET", f"{origin}/nodeinfo/2.1", secret=NO_SECRET)
    if isinstance(node, Failed):
        return Server(origin=origin, problem=node.reason)
    if 300 <= node.status < 400:
        return Server(origin=origin, calls_itself=_origin_of(node.headers.get("Location", "")))
    software = node.json.get("software")
    if not isinstance(software, dict):
        return Server(origin=origin, problem=node.reason)
    meta = await exchange(
        session, "POST", f"{origin}/api/meta", secret=NO_SECRET, body={"detail": False}
    )
    uri = meta.json.get("uri") if isinstance(meta, Answer) else None
    return Server(
        origin=origin,
        software=one_line(str(software.get("name", "")).lower()),
        version=one_line(str(software.get("version", ""))),
        calls_itself=misskey.origin(uri),
    )


def _origin_of(address: str) -> str:
    """The origin of an absolute address; empty if it is relative."""
    try:
        return misskey.origin(str(URL(address).origin()))
    except ValueError:
        return ""


async def _ahead(
    origin: URL, session: aiohttp.ClientSession, clock: Callable[[], float]
) -> float | None:
    before = clock()
    answer = await exchange(session, "HEAD", origin, secret=NO_SECRET)
    after = clock()
    if isinstance(answer, Failed):
        return None
    try:
        date = parsedate_to_datetime(answer.headers.get("Date", ""))
    except ValueError:
        return None
    # A date without a zone is in UTC, the only zone of HTTP.
    return date.replace(tzinfo=date.tzinfo or UTC).timestamp() + 0.5 - (before + after) / 2


def _addresses(config: Config) -> Iterator[str]:
    """The addresses of all servers that this installation connects to."""
    yield from (hook.server for hook in config.hooks.values() if hook.server)
    yield from filter(None, (sink.address for sink in config.sinks.values()))
