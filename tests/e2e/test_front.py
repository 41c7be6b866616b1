"""The examples of web servers in front of relay do what they say, in the real servers."""

import asyncio
import shutil
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

from tests.e2e.process import serving
from tests.e2e.waiting import until
from tests.fakes.misskey import a_note_event, post

DEPLOY = Path(__file__).parents[2] / "deploy"
CONFIG = "listen: 127.0.0.1:0\nhooks: {alice: {secret: s3cret}}\n"
LARGE = "x" * 3 * 2**20
CERTIFICATE = "/etc/letsencrypt/live/relay.example"
NGINX = """
daemon off;
user root;
pid {folder}/nginx.pid;
error_log stderr;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/relay.conf;
}}
"""


def replaced(name: str, **changes: str) -> str:
    """An example, with the places of this test; each has to be in it."""
    text = (DEPLOY / name).read_text(encoding="utf-8")
    for before, after in changes.items():
        assert before in text
        text = text.replace(before, after)
    return text


async def nginx(folder: Path, address: str, port: int) -> list[str]:
    await certificate(folder)
    changes = {
        "http://127.0.0.1:8095": address,
        "listen 443": f"listen 127.0.0.1:{port}",
        "    listen [::]:443 ssl;\n": "",
        CERTIFICATE: str(folder),
    }
    (folder / "relay.conf").write_text(replaced("nginx.conf", **changes), encoding="utf-8")
    (folder / "nginx.conf").write_text(NGINX.format(folder=folder), encoding="utf-8")
    return ["nginx", "-p", str(folder), "-c", str(folder / "nginx.conf"), "-e", "stderr"]


async def caddy(folder: Path, address: str, port: int) -> list[str]:
    await certificate(folder)
    site = f"https://127.0.0.1:{port} {{\n\ttls fullchain.pem privkey.pem"
    changes = {"relay.example {": site, "127.0.0.1:8095": address.removeprefix("http://")}
    text = "{\n\tadmin off\n\tauto_https disable_redirects\n}\n" + replaced("Caddyfile", **changes)
    (folder / "Caddyfile").write_text(text, encoding="utf-8")
    return ["caddy", "run", "--config", "Caddyfile", "--adapter", "caddyfile"]


async def certificate(folder: Path) -> None:
    made = await asyncio.create_subprocess_exec(
        "openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
        "-subj", "/CN=relay.example", "-addext", "subjectAltName=IP:127.0.0.1",
        "-keyout", "privkey.pem", "-out", "fullchain.pem",
        cwd=folder, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    assert await made.wait() == 0


@asynccontextmanager
async def running(command: list[str], folder: Path, port: int) -> AsyncIterator[str]:
    """The address of a web server, once it answers; it ends with the block."""
    with (folder / "front.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            *command, cwd=folder, env={"HOME": str(folder), "PATH": "/usr/sbin:/usr/bin:/bin"},
            stdout=log, stderr=log,
        )  # fmt: skip
    try:

        def listens() -> bool:
            assert process.returncode is None, (folder / "front.log").read_text(encoding="utf-8")
            with socket.socket() as probe:
                return probe.connect_ex(("127.0.0.1", port)) == 0

        await until(listens)
        yield f"https://127.0.0.1:{port}"
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


@pytest.mark.filterwarnings("ignore:Sending a large body:ResourceWarning")
@pytest.mark.parametrize(
    "server",
    [
        pytest.param(it, id=it.__name__, marks=pytest.mark.skipif(not found, reason="not there"))
        for it in (nginx, caddy)
        for found in [shutil.which(it.__name__, path="/usr/sbin:/usr/bin:/bin")]
    ],
)
async def test_webhooks_pass_whole_and_nothing_else_does(
    server, tmp_path: Path, unused_tcp_port: int
) -> None:
    async with (
        serving(tmp_path, CONFIG) as relay,
        running(await server(tmp_path, relay.address, unused_tcp_port), tmp_path, unused_tcp_port)
        as front,
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=False)) as session,
    ):  # fmt: skip
        for number, text in enumerate(("hello", LARGE)):
            event = a_note_event(number, text=text)
            assert (await post(session, front, "alice", event, secret="s3cret")).status == 204
        event = a_note_event(3)
        assert (await post(session, front, "alice", event, secret="wrong")).status == 401
        async with session.get(f"{front}/healthz") as answer:
            assert answer.status == 404
        async with session.get(f"{relay.address}/healthz") as answer:
            assert answer.status == 200
