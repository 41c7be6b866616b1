"""The real process in an encrypted room: logged in by its command, and killed at random."""

import asyncio
import random
import stat
from collections.abc import Sequence
from pathlib import Path

import aiohttp
import pytest

from tests.contract.test_matrix_encryption import room_of
from tests.e2e import forked
from tests.e2e.process import Relay
from tests.e2e.test_kill import free_port
from tests.e2e.test_kill_often import SECRET, live_and_die, numbers, post_on
from tests.fakes.synapse import Synapse
from tests.readers.element import Seen, element

pytestmark = pytest.mark.synapse

KILLS = 50


def config(synapse: Synapse, room: str, port: int) -> str:
    return f"""
listen: 127.0.0.1:{port}
hold: 0
retry: [10ms, 20ms, 20ms, 20ms, 20ms, 20ms, 20ms, 20ms, 20ms, 20ms, 20ms, 20ms, 20ms, 20ms, 20ms]
hooks: {{alice: {{secret: {SECRET}}}}}
sinks:
  mods: {{type: matrix, homeserver: "{synapse.base_url}", room: "{room}", rate: unlimited,
         token_file: secrets/matrix, keys_file: secrets/matrix-keys, encryption: required}}
routes: [{{to: mods}}]
"""


async def logged_in(relay: Relay, synapse: Synapse, user: str) -> tuple[int, str, str]:
    options = ("--homeserver", synapse.base_url, "--user", user)
    return await relay.command("matrix", "login", *options, stdin=b"password\n")


async def test_a_session_is_made_by_the_command_and_checked_and_used_by_the_others(
    synapse: Synapse, tmp_path: Path
) -> None:
    bot, alice = synapse.register("commanded"), synapse.register("watcher")
    async with element(synapse, "watcher") as client:
        room = await room_of(synapse, bot, alice)
        relay = Relay(tmp_path, config(synapse, room, free_port()), {})
        code, out, err = await logged_in(relay, synapse, "commanded")
        assert (code, err) == (0, "")
        token, keys = (tmp_path / "secrets" / name for name in ("matrix", "matrix-keys"))
        for file in (token, keys):
            assert stat.S_IMODE(file.stat().st_mode) == 0o600
            assert file.read_text(encoding="utf-8").strip() not in out
        assert "    token_file: secrets/matrix\n    keys_file: secrets/matrix-keys" in out
        code, _, err = await logged_in(relay, synapse, "commanded")
        assert (code, err) == (2, "secrets/matrix exists, and matrix login overwrites nothing\n")
        code, out, err = await relay.command("check", "--online", "--config", "config.yaml")
        assert (code, err) == (0, "")
        code, out, err = await relay.command("send-test", "--sink", "mods")
        assert (code, out, err) == (0, "mods: Sent\n", "")
        (event,) = await client.events(room, lambda events: len(events) == 1)
        assert event.is_sound


async def test_init_logs_the_account_in_and_writes_what_an_encrypted_room_needs(
    synapse: Synapse, tmp_path: Path
) -> None:
    bot, alice = synapse.register("asked"), synapse.register("asking")
    async with element(synapse, "asking") as client:
        room = await room_of(synapse, bot, alice)
        relay = Relay(tmp_path, "", {})
        relay.file.unlink()
        answers = ("--server", "https://misskey.example", "--address", "https://relay.example")
        place = ("--homeserver", synapse.base_url, "--room", room)
        account = ("--user", "asked", "--password-file", "-")
        options = ("--use", "reports", "--no-wait", *answers, *place, *account)
        code, out, err = await relay.command("init", *options, stdin=b"password\n")
        assert (code, err) == (0, "")
        code, out, err = await relay.command("send-test", "--sink", "matrix")
        assert (code, out, err) == (0, "matrix: Sent\n", "")
        (event,) = await client.events(room, lambda events: len(events) == 1)
        assert event.is_sound


async def test_fifty_deaths_leave_nothing_unreadable_and_nothing_twice(
    synapse: Synapse, tmp_path: Path
) -> None:
    bot, alice = synapse.register("dying"), synapse.register("reading")
    async with element(synapse, "reading") as client:
        room = await room_of(synapse, bot, alice)
        port = free_port()
        relay = Relay(tmp_path, config(synapse, room, port), {})
        code, _, err = await logged_in(relay, synapse, "dying")
        assert code == 0, err
        expected: list[int] = []
        async with aiohttp.ClientSession() as session:
            lives = live_and_die(tmp_path, expected, random.Random(18), kills=KILLS)
            dying = asyncio.create_task(lives)
            address = f"http://127.0.0.1:{port}"
            posting = asyncio.create_task(post_on(session, address, expected, dying))
            await dying
            last = await asyncio.to_thread(forked.start, tmp_path)
            await posting

        def are_there(events: Sequence[Seen]) -> bool:
            is_last = bool(events) and expected[-1] in numbers(events[-1].content)
            return is_last and all(event.is_sound for event in events)

        events = await client.events(room, are_there)
        await asyncio.to_thread(forked.kill, last)
        assert len(expected) > KILLS / 2
        sent = [numbers(event.content["formatted_body"]) for event in events]
        assert [number for message in sent for number in message] == expected
        assert await synapse.messages(room) == []
