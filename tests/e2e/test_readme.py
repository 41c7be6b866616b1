"""
Every block of commands in the README does what it says, run as it stands.

But for the installation itself, which would need a network: ``python3 -m venv`` and ``pip`` are
stand-ins here, that make a `relay` of this checkout. .ci/run really installs, by the README's own
line. And what belongs to root is put into a scratch folder.
"""

import asyncio
import os
import re
import stat
import sys
from pathlib import Path

import pytest
from aiohttp import ClientSession
from pytest_aiohttp import AiohttpServer

from tests.e2e.person import person_at
from tests.fakes.discord import FakeDiscord
from tests.fakes.misskey import a_note_event, post
from tests.unit.test_docs import ROOT, blocks

BLOCKS = blocks(ROOT / "README.md", "sh")
NOT_RUN = {
    "pip install -q -e '.[test]'": "it is what runs this test: see .ci/run",
}
BASH = ("bash", "-euo", "pipefail", "-c")
RELAY = f'#!/bin/sh\nexec "{sys.executable}" -m relay "$@"\n'
PIP = '#!/bin/sh\n[ "$1 $2 $3" = "install -q ." ]\n'
PYTHON = """#!/bin/sh
set -e
[ "$1 $2" = "-m venv" ]
mkdir -p "$3/bin"
cp "$STAND_INS/relay" "$STAND_INS/pip" "$3/bin"
echo 'PATH="'$PWD/$3'/bin:$PATH"' > "$3/bin/activate"
"""
SYSTEMCTL = '#!/bin/sh\necho "$@" >> "$STAND_INS/systemctl.log"\n'
# What a person does with `relay serve`: sees that it listens, and ends it.
SERVE_ONCE = f"""#!{sys.executable}
import signal, subprocess, sys
command = [sys.executable, "-m", "relay", *sys.argv[1:]]
if sys.argv[1] != "serve":
    sys.exit(subprocess.call(command))
process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
print(process.stdout.readline())
process.send_signal(signal.SIGINT)
sys.exit(process.wait())
"""


# relay's own port may be taken on the machine of the tests.
INIT_ELSEWHERE = f"""#!/bin/sh
exec "{sys.executable}" -m relay "$@" --listen 127.0.0.1:PORT
"""


def block_with(words: str) -> str:
    (found,) = [block for block in BLOCKS if words in block]
    return found


class Scratch:
    """A folder in which a block runs, with stand-ins for what belongs to the machine."""

    def __init__(self, folder: Path) -> None:
        self.clone, self.bin, self.machine = (folder / it for it in ("clone", "bin", "machine"))
        for made in (self.clone, self.bin, self.machine / "etc/systemd/system"):
            made.mkdir(parents=True)
        self.stand_in("pip", PIP)
        self.stand_in("python3", PYTHON)
        self.stand_in("systemctl", SYSTEMCTL)
        self.stand_in("relay", RELAY)

    def stand_in(self, name: str, text: str) -> None:
        file = self.bin / name
        file.write_text(text, encoding="utf-8")
        file.chmod(file.stat().st_mode | stat.S_IXUSR)

    @property
    def environ(self) -> dict[str, str]:
        return os.environ | {"PATH": f"{self.bin}:/usr/bin:/bin", "STAND_INS": str(self.bin)}

    async def run(self, block: str) -> str:
        block = re.sub(r"(?m)(^| )(/(?:opt|etc)/)", rf"\1{self.machine}\2", block)
        process = await asyncio.create_subprocess_exec(
            *BASH, block,
            cwd=self.clone,
            env=self.environ,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        out, err = (found.decode() for found in await process.communicate())
        assert process.returncode == 0, f"{out}\n{err}"
        return out


@pytest.fixture
def scratch(tmp_path: Path) -> Scratch:
    return Scratch(tmp_path)


@pytest.fixture
async def discord(aiohttp_server: AiohttpServer) -> FakeDiscord:
    fake = FakeDiscord()
    fake.base_url = str((await aiohttp_server(fake.app)).make_url("")).rstrip("/")
    return fake


@pytest.fixture
async def configured(scratch: Scratch, discord: FakeDiscord) -> Scratch:
    """With what `relay init` writes for a Discord channel."""
    (scratch.clone / "url").write_text(discord.url, encoding="utf-8")
    await scratch.run(
        "relay init --use mentions --server https://misskey.example --no-wait "
        "--address https://relay.example --listen 127.0.0.1:0 --url-file url"
    )
    return scratch


def test_every_block_is_run_here_or_it_is_said_why_not() -> None:
    run = ["relay demo", "relay init", "relay serve ", "relay install-service"]
    for block in BLOCKS:
        assert len([words for words in (*run, *NOT_RUN) if words in block]) == 1, block
    assert len(BLOCKS) == len(run) + len(NOT_RUN)


async def test_the_demo_runs_after_the_installation(scratch: Scratch) -> None:
    assert "4 events came in" in await scratch.run(block_with("relay demo"))


async def test_init_asks_and_waits_for_the_first_event(
    scratch: Scratch, discord: FakeDiscord, unused_tcp_port: int
) -> None:
    scratch.stand_in("relay", INIT_ELSEWHERE.replace("PORT", str(unused_tcp_port)))
    await scratch.run(block_with("relay demo").replace("&& .venv/bin/relay demo", ""))
    address = f"http://127.0.0.1:{unused_tcp_port}"
    async with person_at(
        *BASH, block_with("relay init"), folder=scratch.clone, environ=scratch.environ
    ) as person:
        await person.answers("What should relay do first? [1-3]", "7")
        await person.answers("What should relay do first? [1-3]", "1")
        await person.answers("Your Misskey server", "misskey.example")
        await person.reads("it should be an address like https://misskey.example")
        await person.answers("Your Misskey server", "https://misskey.example")
        await person.answers_hidden("The webhook's URL (hidden)", discord.url)
        await person.answers("The address at which Misskey reaches relay", address)
        await person.reads(f"URL      {address}/hooks/mentions")
        await person.reads("press Test")
        secret = (scratch.clone / "secrets/mentions").read_text(encoding="utf-8").strip()
        async with ClientSession() as session:
            event = a_note_event(1, kind="mention")
            answer = await post(session, address, "mentions", event, secret=secret)
            assert answer.status == 204
        await person.reads("It works")
        assert await person.process.wait() == 0
        assert f"Secret   {secret}" in person.seen
        assert discord.url not in person.seen
    assert len(discord.posts()) == 1


async def test_a_configuration_is_checked_and_served(configured: Scratch) -> None:
    configured.stand_in("relay", SERVE_ONCE)
    out = await configured.run(block_with("relay serve "))
    assert "discord: ok" in out
    assert "relay listens on http://127.0.0.1:" in out


async def test_the_service_is_put_where_systemd_looks(configured: Scratch) -> None:
    await configured.run(block_with("relay install-service"))
    etc = configured.machine / "etc"
    unit = (etc / "systemd/system/relay.service").read_text(encoding="utf-8")
    assert f"--config {etc}/relay/config.yaml\n" in unit
    assert f"LoadCredential=secrets:{etc}/relay/secrets\n" in unit
    assert stat.S_IMODE((etc / "relay/secrets/mentions").stat().st_mode) == 0o600
    log = (configured.bin / "systemctl.log").read_text(encoding="utf-8")
    assert log.splitlines() == ["daemon-reload", "enable --now relay"]
