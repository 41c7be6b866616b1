"""What a door says of itself: its name, and no version that would tell which holes it may have."""

import asyncio

import pytest
from aiohttp import web

from relay.listener import EVERYBODY, listen


async def answer(request: web.Request) -> web.Response:
    return web.Response(text="ok")


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        (b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", 200),
        (b"GET /nowhere HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", 404),
        (b"PUT / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", 405),
        (b"no request at all\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: x\r\n\r\n", 400),
    ],
)
async def test_no_answer_names_a_version(asked: bytes, status: int, unused_tcp_port: int) -> None:
    app = web.Application()
    app.router.add_get("/", answer)
    address = f"127.0.0.1:{unused_tcp_port}"
    async with listen(web.AppRunner(app, access_log=None), address, mode=EVERYBODY):
        reader, writer = await asyncio.open_connection("127.0.0.1", unused_tcp_port)
        writer.write(asked)
        said = (await reader.read()).decode("latin-1")
        writer.close()
    assert said.startswith(f"HTTP/1.1 {status} ") or said.startswith(f"HTTP/1.0 {status} ")
    assert "\r\nServer: relay\r\n" in said
    assert "aiohttp" not in said.lower()
    assert "python" not in said.lower()
