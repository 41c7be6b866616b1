"""Requests to addresses that strangers name, with a name server that changes its answers."""

import asyncio
import errno
import socket
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from pytest_aiohttp import AiohttpServer

from relay.sinks.public_address import public_only

PUBLIC = "192.0.9.1"


class NameServer:
    """Answers each question about a name with the next of ``answers``; the last one stays."""

    def __init__(self, *answers: str) -> None:
        self.answers = list(answers)

    async def resolve(self, host: str, port: int, **_: Any) -> list[Any]:
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        place = (answer, port, 0, 0) if ":" in answer else (answer, port)
        family = socket.AF_INET6 if ":" in answer else socket.AF_INET
        return [(family, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", place)]


class Inside:
    """A service on this machine that nobody outside may reach."""

    def __init__(self) -> None:
        self.requests = 0
        self.app = web.Application()
        self.app.router.add_route("*", "/{path:.*}", self._answer)

    async def _answer(self, request: web.Request) -> web.Response:
        self.requests += 1
        return web.Response()


@pytest.mark.parametrize("inside", ["127.0.0.1", "::ffff:127.0.0.1"])
async def test_a_name_that_means_this_machine_the_second_time_reaches_nothing(
    inside: str, aiohttp_server: AiohttpServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = Inside()
    port = (await aiohttp_server(service.app)).port
    connected = list[str]()

    async def connect(sock: socket.socket, place: tuple[Any, ...]) -> None:
        connected.append(place[0])
        raise ConnectionRefusedError(errno.ECONNREFUSED, "there is no way outside from a test")

    loop = asyncio.get_running_loop()
    monkeypatch.setattr(loop, "getaddrinfo", NameServer(PUBLIC, inside).resolve)
    monkeypatch.setattr(loop, "sock_connect", connect)
    for number in (errno.ECONNREFUSED, errno.EACCES):
        async with aiohttp.ClientSession(connector=public_only()) as session:
            with pytest.raises(aiohttp.ClientConnectorError) as refused:
                await session.get(f"http://rebinding.example:{port}/admin")
        assert refused.value.errno == number
    assert connected == [PUBLIC]
    assert service.requests == 0


async def test_the_name_would_reach_it_by_an_ordinary_connector(
    aiohttp_server: AiohttpServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = Inside()
    port = (await aiohttp_server(service.app)).port
    loop = asyncio.get_running_loop()
    monkeypatch.setattr(loop, "getaddrinfo", NameServer("127.0.0.1").resolve)
    async with aiohttp.ClientSession() as session:
        await session.get(f"http://rebinding.example:{port}/admin")
    assert service.requests == 1
