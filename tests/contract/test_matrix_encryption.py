"""Encrypted rooms on a real homeserver, read by the library of Element Web."""

import itertools
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import quote

import aiohttp
import pytest

from relay import misskey
from relay.config import parse
from relay.i18n import Language
from relay.misskey import samples as sample
from relay.model import Display
from relay.outcome import Cause, Closed, Outcome, Rejected, Sent
from relay.secret import Secret
from relay.sinks.http import open_session
from relay.sinks.matrix.crypto.identity import Identity
from relay.sinks.matrix.crypto.login import Credentials, Login, LoginError, log_in
from relay.sinks.matrix.settings import MatrixSettings
from relay.text.message import Message
from relay.text.tree import Emoji, Text
from tests import chats, payloads
from tests.fakes.synapse import Account, Synapse
from tests.readers.element import Element, Seen, element

pytestmark = pytest.mark.synapse

RULES = {"algorithm": "m.megolm.v1.aes-sha2"}
numbers = itertools.count()


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with open_session() as session:
        yield session


def account(synapse: Synapse, name: str) -> Account:
    """A new account, whose name begins with this one."""
    return synapse.register(f"{name}{next(numbers)}")


def name_of(account: Account) -> str:
    return account.user.partition(":")[0][1:]


async def login(
    synapse: Synapse, bot: Account, session: aiohttp.ClientSession, **options: Any
) -> Login:
    credentials = Credentials(name_of(bot), Secret("password"))
    return await log_in(synapse.base_url, credentials, session, **options)


def sink_of(synapse: Synapse, room: str, login: Login, **settings: Any) -> MatrixSettings:
    keys = {"token": login.token.reveal(), "keys": login.keys.reveal()}
    place = {"type": "matrix", "homeserver": synapse.base_url, "room": room}
    return MatrixSettings.model_validate(place | keys | settings)


def samples() -> Iterator[Message]:
    """A message of each sample of a webhook."""
    config = parse(payloads.CONFIG, file="samples", base=payloads.ROOT, environ={})
    templates = config.templates_in()
    for kind in sample.kinds():
        event = misskey.parse(sample.raw(kind), hook="bench")
        yield templates.render(event, display=Display(), language=Language())


def saying(text: str, **parts: Any) -> Message:
    return Message(title=(Text(text),), **parts)


async def send(
    sink: MatrixSettings, session: aiohttp.ClientSession, text: str, **parts: Any
) -> str:
    """Send a message under a key of its text; returns what relay keeps of it."""
    outcome = await chats.send(sink, [saying(text, **parts)], key=f"k-{text}", session=session)
    assert isinstance(outcome, Sent), outcome
    return outcome.message


async def act(synapse: Synapse, member: Account, room: str, action: str, **body: str) -> None:
    path = f"/_matrix/client/v3/rooms/{quote(room, safe='')}/{action}"
    await synapse.acall("POST", path, token=member.token, body=body)


async def set_encryption(synapse: Synapse, room: str, **rules: Any) -> None:
    path = f"/_matrix/client/v3/rooms/{quote(room, safe='')}/state/m.room.encryption/"
    await synapse.acall("PUT", path, token=synapse.reader.token, body=RULES | rules)


async def room_of(synapse: Synapse, bot: Account, *members: Account, encrypted: bool = True) -> str:
    """A room of the reader's with more members, to which the bot is invited."""
    users = tuple(member.user for member in (bot, *members))
    room = await synapse.create_room(encrypted=encrypted, joined=False, invite=users)
    for member in members:
        await synapse.join(room, by=member)
    return room


@asynccontextmanager
async def talk(
    synapse: Synapse, *, mode: str = "signed", encrypted: bool = True
) -> AsyncIterator[tuple[Account, Account, Element, str]]:
    """A bot that is invited into a room, a member of that, the member's client, and the room."""
    bot, alice = account(synapse, "bot"), account(synapse, "alice")
    async with element(synapse, name_of(alice), mode=mode) as client:
        yield bot, alice, client, await room_of(synapse, bot, alice, encrypted=encrypted)


def are_sound(number: int) -> Any:
    def check(events: Sequence[Seen]) -> bool:
        return len(events) == number and all(event.is_sound for event in events)

    return check


def closed(outcome: Outcome | str | None, cause: Cause, words: str) -> None:
    assert isinstance(outcome, Closed), outcome
    assert outcome.cause is cause
    assert words in outcome.reason


@pytest.mark.parametrize("mode", ["signed", "all"])
async def test_messages_edits_pings_and_redactions_arrive_without_a_warning(
    synapse: Synapse, session: aiohttp.ClientSession, mode: str
) -> None:
    async with talk(synapse, mode=mode) as (bot, alice, client, room):
        keys = await login(synapse, bot, session)
        sink = sink_of(synapse, room, keys, mentions={"users": [alice.user]})
        assert await chats.opened(sink, session).check() is None
        first = await send(sink, session, "one")
        last = await send(sink, session, "two", ping=frozenset({"all"}))
        changed = await chats.edit(sink, first, [saying("new")], key="3", session=session)
        assert changed == Sent(message=first)
        one, two, edit = await client.events(room, are_sound(3))
        assert one.body == "new"  # as the edit has it
        assert (one.content["msgtype"], two.content["msgtype"]) == ("m.notice", "m.text")
        assert two.content["m.mentions"] == {"user_ids": [alice.user]}
        assert edit.content["m.new_content"]["body"] == "new"
        for event in (one, two, edit):
            assert event.wire.keys() <= {
                "algorithm", "ciphertext", "session_id", "sender_key", "device_id", "m.relates_to"
            }  # fmt: skip
        assert await synapse.messages(room) == []  # nothing lies open
        event = f"/_matrix/client/v3/rooms/{quote(room, safe='')}/redact/{quote(two.id, safe='')}/r"
        await synapse.acall("PUT", event, token=synapse.reader.token, body={})
        await client.events(room, lambda events: [event.redacted for event in events][1])
        outcome = await chats.edit(sink, last, [saying("x")], key="4", session=session)
        assert isinstance(outcome, Rejected)
        assert outcome.is_removed


async def test_every_sample_arrives_over_many_changes_of_the_key(
    synapse: Synapse, session: aiohttp.ClientSession
) -> None:
    async with talk(synapse) as (bot, _, client, room):
        await set_encryption(synapse, room, rotation_period_msgs=7)
        sink = sink_of(synapse, room, await login(synapse, bot, session))
        messages = [*samples()]
        for number, message in enumerate(messages):
            outcome = await chats.send(sink, [message], key=str(number), session=session)
            assert isinstance(outcome, Sent), outcome
        events = await client.events(room, are_sound(len(messages)))
        expected = [sink.layout([message]).payload for message in messages]
        assert [event.content for event in events] == expected
        sessions = {event.wire["session_id"] for event in events}
        assert len(sessions) == -(-len(messages) // 7)


async def test_the_longest_messages_and_edits_are_taken(
    synapse: Synapse, session: aiohttp.ClientSession
) -> None:
    async with talk(synapse) as (bot, _, client, room):
        sink = sink_of(synapse, room, await login(synapse, bot, session))
        bodies = ["x" * 100_000, '"<&\\\n' * 30_000, "あ" * 100_000, "\ud800" * 100_000]
        for number, body in enumerate(bodies):
            first = await send(sink, session, str(number), body=(Text(body),))
            long = [saying("new", body=(Text(body),))]
            changed = await chats.edit(sink, first, long, key=f"e{number}", session=session)
            assert isinstance(changed, Sent), changed
        await client.events(room, are_sound(2 * len(bodies)))


async def test_members_read_as_long_as_they_are_there_on_all_their_devices(
    synapse: Synapse, session: aiohttp.ClientSession
) -> None:
    bot, alice, bob = (account(synapse, name) for name in ("bot", "alice", "bob"))
    async with element(synapse, name_of(alice)) as client, element(synapse, name_of(bob)) as other:
        room = await room_of(synapse, bot, alice)
        sink = sink_of(synapse, room, await login(synapse, bot, session))
        await send(sink, session, "before")
        await act(synapse, synapse.reader, room, "invite", user_id=bob.user)
        await synapse.join(room, by=bob)
        await send(sink, session, "together")
        events = await other.events(room, lambda events: any(map(_is_sound, events)))
        assert [event.body for event in events if event.is_sound] == ["together"]
        await act(synapse, bob, room, "leave")
        await send(sink, session, "alone")
        await client.read(room, ["before", "together", "alone"])
        # Back, he sees that there was something, and has no key for it.
        await act(synapse, synapse.reader, room, "invite", user_id=bob.user)
        await synapse.join(room, by=bob)
        await send(sink, session, "again")
        events = await other.events(room, lambda events: "again" in [one.body for one in events])
        assert [event.body for event in events if event.is_sound] == ["together", "again"]
        assert len(await client.read(room, ["before", "together", "alone", "again"])) == 4


def _is_sound(event: Seen) -> bool:
    return event.is_sound


async def test_devices_that_nobody_has_verified_read_only_if_all_may(
    synapse: Synapse, session: aiohttp.ClientSession
) -> None:
    async with talk(synapse, mode="unsigned") as (bot, _, client, room):
        keys = await login(synapse, bot, session)
        sink = sink_of(synapse, room, keys)
        outcome = await chats.send(sink, [saying("one")], key="1", session=session)
        closed(outcome, Cause.READERS, "their owners have verified none")
        closed(await chats.opened(sink, session).probe(), Cause.READERS, "verified none")
        everybody = sink_of(synapse, room, keys, readers="all")
        assert await chats.opened(everybody, session).check() is None
        await send(everybody, session, "two")
        await client.read(room, ["two"])


async def test_a_new_process_goes_on_and_a_repeated_message_comes_once(
    synapse: Synapse, session: aiohttp.ClientSession
) -> None:
    async with talk(synapse) as (bot, _, client, room):
        keys = await login(synapse, bot, session)
        ids = []
        for text in ("one", "one", "two", "two", "three"):
            ids.append(await send(sink_of(synapse, room, keys), session, text))  # each is new
        assert len(set(ids)) == 3
        await client.read(room, ["one", "two", "three"])


async def test_a_phone_that_was_off_reads_what_many_processes_sent(
    synapse: Synapse, session: aiohttp.ClientSession
) -> None:
    async with talk(synapse) as (bot, _, client, room):
        keys = await login(synapse, bot, session)
        client.sleep()
        texts = [f"from process {number}" for number in range(60)]  # it has 50 keys, and a last one
        for text in texts:
            await send(sink_of(synapse, room, keys), session, text)
        client.wake()
        await client.read(room, texts)


async def test_a_room_that_becomes_encrypted_is_followed_at_once_and_for_ever(
    synapse: Synapse, session: aiohttp.ClientSession
) -> None:
    async with talk(synapse, encrypted=False) as (bot, _, client, room):
        keys = await login(synapse, bot, session)
        sink = sink_of(synapse, room, keys)
        strict = sink_of(synapse, room, keys, encryption="required")
        await send(sink, session, "plain")
        outcome = await chats.send(strict, [saying("x")], key="x", session=session)
        closed(outcome, Cause.ENCRYPTED, "encryption is required")
        await set_encryption(synapse, room)
        await send(sink, session, "secret")
        await send(strict, session, "strict")
        path = f"/_matrix/client/v3/rooms/{quote(room, safe='')}/state/m.room.encryption/"
        await synapse.acall("PUT", path, token=synapse.reader.token, body={})
        await send(sink, session, "still")
        off = sink_of(synapse, room, keys, encryption="off")
        outcome = await chats.send(off, [saying("x")], key="y", session=session)
        closed(outcome, Cause.ENCRYPTED, "encryption is off")
        events = await client.events(room, lambda events: len(events) == 4)
        assert [event.body for event in events] == ["plain", "secret", "strict", "still"]
        assert [event.encrypted for event in events] == [False, True, True, True]
        assert [event["content"]["body"] for event in await synapse.messages(room)] == ["plain"]


async def test_a_bot_that_is_put_out_and_invited_again_goes_on(
    synapse: Synapse, session: aiohttp.ClientSession
) -> None:
    async with talk(synapse) as (bot, _, client, room):
        sink = sink_of(synapse, room, await login(synapse, bot, session))
        await send(sink, session, "one")
        await act(synapse, synapse.reader, room, "kick", user_id=bot.user)
        outcome = await chats.send(sink, [saying("two")], key="k-two", session=session)
        closed(outcome, Cause.OUTSIDE, "invite it")
        await act(synapse, synapse.reader, room, "invite", user_id=bot.user)
        await send(sink, session, "two")
        await client.read(room, ["one", "two"])


async def test_emoji_are_not_uploaded_for_an_encrypted_room(
    synapse: Synapse, session: aiohttp.ClientSession
) -> None:
    async with talk(synapse) as (bot, _, client, room):
        sink = sink_of(synapse, room, await login(synapse, bot, session))
        # Where there is nothing to fetch, a picture would be asked for without success.
        emoji = Emoji("blob", f"{synapse.base_url}/blob.png")
        messages = [Message(title=(emoji,))]
        assert await chats.opened(sink, session).prepare(messages) is messages
        assert isinstance(await chats.send(sink, messages, key="1", session=session), Sent)
        assert (await client.read(room, [":blob:"]))[0].content["formatted_body"] == ":blob:"


async def test_an_identity_that_was_reset_elsewhere_closes_the_sink(
    synapse: Synapse, session: aiohttp.ClientSession
) -> None:
    async with talk(synapse) as (bot, _, client, room):
        first = await login(synapse, bot, session)
        with pytest.raises(LoginError, match="logged in elsewhere"):
            await login(synapse, bot, session)
        second = await login(synapse, bot, session, may_replace=True)
        sink = sink_of(synapse, room, first)
        outcome = await chats.send(sink, [saying("x")], key="x", session=session)
        closed(outcome, Cause.DEVICE, "identity was reset elsewhere")
        mixed = sink_of(synapse, room, Login("", first.token, second.keys))
        outcome = await chats.send(mixed, [saying("x")], key="x", session=session)
        closed(outcome, Cause.DEVICE, "two different logins")
        await send(sink_of(synapse, room, second), session, "one")
        await client.read(room, ["one"])


async def test_a_later_login_keeps_the_identity_and_a_failed_one_leaves_no_session(
    synapse: Synapse, session: aiohttp.ClientSession
) -> None:
    async with talk(synapse) as (bot, _, client, room):
        first = await login(synapse, bot, session)
        await send(sink_of(synapse, room, first), session, "one")
        known = Identity.read(first.keys.reveal()).cross_signing
        second = await login(synapse, bot, session, known=known)
        await send(sink_of(synapse, room, second), session, "two")
        await send(sink_of(synapse, room, first), session, "three")
        await client.read(room, ["one", "two", "three"])
        before = await synapse.acall("GET", "/_matrix/client/v3/devices", token=bot.token)
        with pytest.raises(LoginError, match="logged in elsewhere"):
            await login(synapse, bot, session)
        after = await synapse.acall("GET", "/_matrix/client/v3/devices", token=bot.token)
        assert len(after["devices"]) == len(before["devices"]) == 3
        path = "/_matrix/client/v3/logout"
        await synapse.acall("POST", path, token=second.token.reveal(), body={})
        sink = sink_of(synapse, room, second)
        outcome = await chats.send(sink, [saying("x")], key="x", session=session)
        closed(outcome, Cause.TOKEN, "M_UNKNOWN_TOKEN")


async def test_an_account_that_a_person_uses_is_not_taken_over(
    synapse: Synapse, session: aiohttp.ClientSession
) -> None:
    bot = account(synapse, "bot")
    async with element(synapse, name_of(bot)):
        with pytest.raises(LoginError, match="--replace-identity"):
            await login(synapse, bot, session)
        assert await login(synapse, bot, session, may_replace=True)


@pytest.mark.parametrize(
    ("credentials", "words"),
    [
        (Credentials("nobody-of-this-name", Secret("t0psecret")), "403 M_FORBIDDEN"),
        (Credentials("", Secret("t0psecret-token"), is_token=True), "refuses: 4"),
    ],
)
async def test_a_refused_login_is_reported_without_its_secret(
    synapse: Synapse, session: aiohttp.ClientSession, credentials: Credentials, words: str
) -> None:
    with pytest.raises(LoginError, match=words) as error:
        await log_in(synapse.base_url, credentials, session)
    assert "t0psecret" not in str(error.value)


async def test_without_its_library_the_sink_says_how_to_install_it(
    synapse: Synapse, session: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    bot = account(synapse, "bot")
    room = await room_of(synapse, bot, synapse.reader)
    sink = sink_of(synapse, room, await login(synapse, bot, session))
    words = "needs the extra [encryption]: pip install"
    for module in ("client", "settings"):
        monkeypatch.setattr(f"relay.sinks.matrix.{module}.missing_extra", lambda: words)
    outcome = await chats.send(sink, [saying("x")], key="x", session=session)
    closed(outcome, Cause.ENCRYPTED, f"the room is encrypted, which {words}")
    assert words in str(await chats.opened(sink, session).check())
    assert sink.doubts == {"keys": words}


async def test_damaged_keys_close_the_sink(
    synapse: Synapse, session: aiohttp.ClientSession
) -> None:
    bot = account(synapse, "bot")
    room = await room_of(synapse, bot)
    keys = await login(synapse, bot, session)
    damaged = Login(keys.user, keys.token, Secret(keys.keys.reveal()[:-8]))
    sink = sink_of(synapse, room, damaged)
    outcome = await chats.send(sink, [saying("x")], key="x", session=session)
    closed(outcome, Cause.DEVICE, "keys: is damaged")
