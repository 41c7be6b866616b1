"""A Matrix sink against a real homeserver."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any
from urllib.parse import quote

import aiohttp
import pytest

from relay.outcome import Cause, Closed, Failed, Outcome, RateLimited, Rejected, Sent
from relay.sinks.http import open_session
from relay.sinks.matrix.client import NO_KEYS
from relay.sinks.matrix.settings import MatrixSettings
from relay.text.message import Field, Image, Message, plain_form
from relay.text.tree import Text
from tests import chats
from tests.fakes.records import without_id
from tests.fakes.synapse import Synapse

pytestmark = pytest.mark.synapse

HELLO = Message(title=(Text("hello"),))


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with open_session() as session:
        yield session


def sink_of(synapse: Synapse, room: str, **settings: Any) -> MatrixSettings:
    account = {"homeserver": synapse.base_url, "token": synapse.bot.token}
    return MatrixSettings.model_validate({"type": "matrix", "room": room} | account | settings)


async def send(
    sink: MatrixSettings, session: aiohttp.ClientSession, message: Message = HELLO, key: str = "1"
) -> Outcome:
    return without_id(await chats.send(sink, [message], key=key, session=session))


async def act(synapse: Synapse, room: str, what: str) -> None:
    """Let the reader, whose room it is, do something to the bot: kick, ban, invite."""
    path = f"/_matrix/client/v3/rooms/{quote(room, safe='')}/{what}"
    body = {"user_id": synapse.bot.user}
    await synapse.acall("POST", path, token=synapse.reader.token, body=body)


async def set_state(synapse: Synapse, room: str, kind: str, content: dict[str, Any]) -> None:
    path = f"/_matrix/client/v3/rooms/{quote(room, safe='')}/state/{kind}/"
    await synapse.acall("PUT", path, token=synapse.reader.token, body=content)


async def test_one_key_is_one_event(synapse: Synapse, session: aiohttp.ClientSession) -> None:
    room = await synapse.create_room()
    sink = sink_of(synapse, room)
    for title, key in [("one", "k/1 %"), ("changed", "k/1 %"), ("two", "k2")]:
        assert await send(sink, session, Message(title=(Text(title),)), key) == Sent()
    again = sink_of(synapse, room)  # another process, with the same token
    assert await send(again, session, Message(title=(Text("again"),)), "k2") == Sent()
    bodies = [event["content"]["body"] for event in await synapse.messages(room)]
    assert bodies == ["one", "two"]


async def test_a_key_under_which_something_was_refused_serves_what_goes_instead(
    synapse: Synapse, session: aiohttp.ClientSession
) -> None:
    room = await synapse.create_room()
    sink = sink_of(synapse, room)
    huge = [Message(body=(Text("x" * 50_000),))] * 2
    assert isinstance(await chats.send(sink, huge, key="1", session=session), Rejected)
    assert await send(sink, session, key="1") == Sent()
    assert [event["content"]["body"] for event in await synapse.messages(room)] == ["hello"]


async def test_a_room_is_found_by_its_alias_or_an_id_without_a_server(
    synapse: Synapse, session: aiohttp.ClientSession
) -> None:
    room = await synapse.create_room(alias="sink-alias")
    assert ":" not in room
    for name in (room, "#sink-alias:localhost.test"):
        sink = sink_of(synapse, name, homeserver=f"{synapse.base_url}/")
        assert await chats.opened(sink, session).check() is None
        assert await send(sink, session, key=name) == Sent()
    assert len(await synapse.messages(room)) == 2


@pytest.mark.parametrize(
    ("room", "code"),
    [
        ("#nobody-has-this:localhost.test", "404 M_NOT_FOUND"),
        ("!nothing:localhost.test", "403 M_FORBIDDEN"),
        ("!", "403 M_FORBIDDEN"),
    ],
)
async def test_a_room_that_is_not_there_closes(
    synapse: Synapse, session: aiohttp.ClientSession, room: str, code: str
) -> None:
    sink = sink_of(synapse, room)
    outcome = await send(sink, session)
    assert isinstance(outcome, Closed)
    assert outcome.reason.startswith(code)
    assert str(await chats.opened(sink, session).check()).startswith("refuses us: ")


async def test_an_encrypted_room_closes_and_is_sent_nothing(
    synapse: Synapse, session: aiohttp.ClientSession
) -> None:
    room = await synapse.create_room(encrypted=True)
    sink = sink_of(synapse, room)
    assert await send(sink, session) == Closed(NO_KEYS)
    assert await chats.opened(sink, session).check() == f"refuses us: {NO_KEYS}"
    assert await synapse.messages(room) == []
    later = await synapse.create_room()
    sink = sink_of(synapse, later)
    assert await send(sink, session) == Sent()
    await set_state(synapse, later, "m.room.encryption", {"algorithm": "m.megolm.v1.aes-sha2"})
    assert await send(sink, session, key="2") == Closed(NO_KEYS)
    assert len(await synapse.messages(later)) == 1


async def test_an_invited_account_enters_by_itself_and_others_stay_out(
    synapse: Synapse, session: aiohttp.ClientSession
) -> None:
    invited = await synapse.create_room(invite=(synapse.bot.user,), joined=False)
    assert await send(sink_of(synapse, invited), session) == Sent()
    other = await synapse.create_room(joined=False)
    outcome = await send(sink_of(synapse, other), session)
    assert isinstance(outcome, Closed)
    assert "M_FORBIDDEN" in outcome.reason


async def test_an_invited_account_enters_a_room_that_it_could_read_from_outside(
    synapse: Synapse, session: aiohttp.ClientSession
) -> None:
    room = await synapse.create_room(invite=(synapse.bot.user,), joined=False)
    history = {"history_visibility": "world_readable"}
    await set_state(synapse, room, "m.room.history_visibility", history)
    sink = sink_of(synapse, room)
    assert await chats.opened(sink, session).check() == (
        f"refuses us: {synapse.bot.user} is not in {room}: invite it, and relay enters"
    )
    assert await send(sink, session) == Sent()
    assert await chats.opened(sink, session).check() is None


async def test_who_is_put_out_is_closed_until_invited_again(
    synapse: Synapse, session: aiohttp.ClientSession
) -> None:
    room = await synapse.create_room()
    sink = sink_of(synapse, room)
    assert await send(sink, session, key="1") == Sent()
    for what, key in (("kick", "2"), ("ban", "3")):
        await act(synapse, room, what)
        outcome = await send(sink, session, key=key)
        assert isinstance(outcome, Closed)
        assert "403 M_FORBIDDEN" in outcome.reason
        assert await chats.opened(sink, session).check() is not None
    await act(synapse, room, "unban")
    await act(synapse, room, "invite")
    assert await send(sink, session, key="3") == Sent()


async def test_who_may_not_speak_is_closed(
    synapse: Synapse, session: aiohttp.ClientSession
) -> None:
    room = await synapse.create_room()
    await set_state(synapse, room, "m.room.power_levels", {"events_default": 50})
    outcome = await send(sink_of(synapse, room), session)
    assert isinstance(outcome, Closed)
    assert "403 M_FORBIDDEN" in outcome.reason


async def test_a_wrong_token_or_address_closes(
    synapse: Synapse, session: aiohttp.ClientSession
) -> None:
    room = await synapse.create_room()
    wrong = sink_of(synapse, room, token="syt_the_wrong_token")
    outcome = await send(wrong, session)
    assert isinstance(outcome, Closed)
    assert outcome.reason.startswith("401 M_UNKNOWN_TOKEN")
    assert "syt_the" not in outcome.reason
    elsewhere = sink_of(synapse, room, homeserver=f"{synapse.base_url}/nothing")
    outcome = await send(elsewhere, session)
    assert isinstance(outcome, Failed)  # the page of whoever stands there: no homeserver's word
    assert "404" in outcome.reason


# --- rooms that change while relay runs


async def upgrade(synapse: Synapse, room: str, *, level: int = 0) -> str:
    """Let the reader, whose room it is, go on in another; the bot has ``level`` in the old one."""
    users = {synapse.bot.user: level}
    await set_state(synapse, room, "m.room.power_levels", {"users": users})
    path = f"/_matrix/client/v3/rooms/{quote(room, safe='')}/upgrade"
    body = {"new_version": "11"}
    answer = await synapse.acall("POST", path, token=synapse.reader.token, body=body)
    return str(answer["replacement_room"])


async def texts(synapse: Synapse, room: str) -> list[str]:
    return [event["content"]["body"] for event in await synapse.messages(room)]


@pytest.mark.parametrize("level", [0, 100])
async def test_an_upgraded_room_closes_and_names_the_new_one_also_where_the_bot_may_still_write(
    synapse: Synapse, session: aiohttp.ClientSession, level: int
) -> None:
    room = await synapse.create_room()
    sink = sink_of(synapse, room)
    assert await send(sink, session, key="1") == Sent()
    new = await upgrade(synapse, room, level=level)
    outcome = await send(sink, session, key="2")
    assert isinstance(outcome, Closed)
    assert new in outcome.reason
    assert new in str(await chats.opened(sink, session).check())
    assert isinstance(await chats.opened(sink, session).probe(), Closed)
    assert await texts(synapse, room) == ["hello"]


async def test_an_alias_leads_to_the_new_room_of_an_upgrade(
    synapse: Synapse, session: aiohttp.ClientSession
) -> None:
    room = await synapse.create_room(alias="upgraded")
    sink = sink_of(synapse, "#upgraded:localhost.test")
    assert await send(sink, session, key="1") == Sent()
    new = await upgrade(synapse, room)
    await act(synapse, new, "invite")
    assert await send(sink, session, key="2") == Sent()
    assert await chats.opened(sink, session).check() is None
    assert (len(await texts(synapse, room)), len(await texts(synapse, new))) == (1, 1)


async def test_an_alias_that_stays_at_an_upgraded_room_closes(
    synapse: Synapse, session: aiohttp.ClientSession
) -> None:
    room = await synapse.create_room(alias="stays")
    new = await upgrade(synapse, room)
    await point(synapse, "#stays:localhost.test", room)
    sink = sink_of(synapse, "#stays:localhost.test")
    outcome = await send(sink, session)
    assert isinstance(outcome, Closed)
    assert new in outcome.reason
    assert "alias" in outcome.reason


async def point(synapse: Synapse, alias: str, room: str) -> None:
    """Let an alias of the reader's lead to a room."""
    path = f"/_matrix/client/v3/directory/room/{quote(alias, safe='')}"
    await synapse.acall("DELETE", path, token=synapse.reader.token)
    await synapse.acall("PUT", path, token=synapse.reader.token, body={"room_id": room})


async def test_an_alias_that_moves_takes_the_messages_along(
    synapse: Synapse, session: aiohttp.ClientSession
) -> None:
    room, other = await synapse.create_room(alias="moves"), await synapse.create_room()
    sink = sink_of(synapse, "#moves:localhost.test")
    sent = await chats.send(sink, [HELLO], key="1", session=session)
    assert isinstance(sent, Sent)
    await point(synapse, "#moves:localhost.test", other)
    assert await send(sink, session, key="2") == Sent()
    assert (len(await texts(synapse, room)), len(await texts(synapse, other))) == (1, 1)
    changed = await chats.edit(sink, sent.message, [HELLO], key="3", session=session)
    assert changed == Rejected("it was sent to another room")


async def test_no_plain_text_goes_into_a_room_after_its_encryption_was_switched_on(
    synapse: Synapse, session: aiohttp.ClientSession
) -> None:
    room = await synapse.create_room()
    sink = sink_of(synapse, room)
    sent = await chats.send(sink, [HELLO], key="1", session=session)
    assert isinstance(sent, Sent)
    await set_state(synapse, room, "m.room.encryption", {"algorithm": "m.megolm.v1.aes-sha2"})
    assert await send(sink, session, key="2") == Closed(NO_KEYS)
    assert await chats.edit(sink, sent.message, [HELLO], key="3", session=session) == Closed(
        NO_KEYS
    )
    assert await chats.opened(sink, session).probe() == Closed(NO_KEYS)
    await set_state(synapse, room, "m.room.encryption", {})  # nobody can switch it off
    assert await send(sink, session, key="4") == Closed(NO_KEYS)
    assert len(await synapse.messages(room)) == 1


async def test_no_plain_text_goes_into_a_room_that_was_encrypted_while_the_account_was_out(
    synapse: Synapse, session: aiohttp.ClientSession
) -> None:
    room = await synapse.create_room()
    sink = sink_of(synapse, room)
    assert await send(sink, session, key="1") == Sent()
    await act(synapse, room, "kick")
    await set_state(synapse, room, "m.room.encryption", {"algorithm": "m.megolm.v1.aes-sha2"})
    await act(synapse, room, "invite")
    assert await send(sink, session, key="2") == Closed(NO_KEYS)
    assert len(await synapse.messages(room)) == 1


async def test_who_is_put_out_and_invited_again_goes_on_by_itself(
    synapse: Synapse, session: aiohttp.ClientSession
) -> None:
    room = await synapse.create_room()
    sink = sink_of(synapse, room)
    assert await send(sink, session, key="1") == Sent()
    await act(synapse, room, "kick")
    outcome = await send(sink, session, key="2")
    assert isinstance(outcome, Closed)
    assert "invite it" in outcome.reason
    assert isinstance(await chats.opened(sink, session).probe(), Closed)
    await act(synapse, room, "invite")
    assert await chats.opened(sink, session).probe() == Sent()
    assert await send(sink, session, key="2") == Sent()
    assert len(await texts(synapse, room)) == 2


@pytest.mark.parametrize(
    "levels",
    [
        pytest.param({"events_default": 50}, id="nobody may speak"),
        pytest.param({"users_default": -1}, id="nobody new may speak"),
        pytest.param({"events": {"m.room.message": 10}}, id="messages are for some"),
        pytest.param({"users": {"the bot": -1}}, id="the bot is muted"),
    ],
)
async def test_who_is_muted_is_told_so_by_a_check_and_by_the_reason(
    synapse: Synapse, session: aiohttp.ClientSession, levels: dict[str, Any]
) -> None:
    room = await synapse.create_room()
    sink = sink_of(synapse, room)
    assert await chats.opened(sink, session).check() is None
    users = dict.fromkeys([synapse.bot.user] if "users" in levels else [], -1)
    await set_state(synapse, room, "m.room.power_levels", {**levels, "users": users})
    outcome = await send(sink, session)
    assert isinstance(outcome, Closed)
    assert outcome.cause is Cause.MUTED
    for told in (outcome.reason, str(await chats.opened(sink, session).check())):
        assert "is muted: its power level is" in told
    assert await synapse.messages(room) == []


async def test_who_made_a_room_may_speak_in_it_whatever_its_levels_say(
    synapse: Synapse, session: aiohttp.ClientSession
) -> None:
    room = await synapse.create_room(by=synapse.bot)
    path = f"/_matrix/client/v3/rooms/{quote(room, safe='')}/state/m.room.power_levels/"
    levels = {"events_default": 50}
    await synapse.acall("PUT", path, token=synapse.bot.token, body=levels)
    sink = sink_of(synapse, room)
    assert await chats.opened(sink, session).check() is None
    assert await send(sink, session) == Sent()


async def test_what_somebody_removed_is_not_changed(
    synapse: Synapse, session: aiohttp.ClientSession
) -> None:
    room = await synapse.create_room()
    sink = sink_of(synapse, room)
    sent = await chats.send(sink, [HELLO], key="1", session=session)
    assert isinstance(sent, Sent)
    event = sent.message.split(" ")[1]
    path = f"/_matrix/client/v3/rooms/{quote(room, safe='')}/redact/{quote(event, safe='')}/r1"
    await synapse.acall("PUT", path, token=synapse.reader.token, body={})
    outcome = await chats.edit(sink, sent.message, [HELLO], key="2", session=session)
    assert isinstance(outcome, Rejected)
    assert outcome.is_removed
    assert len(await synapse.messages(room)) == 1


LONG = Message(
    title=(Text("title \ud800"),),
    url="https://a.example/n",
    body=(Text("\udc00" + '"<&\n' * 25_000),),
    fields=(Field(name=(Text("n"),), value=(Text("value \udfff"),)),),
    images=(Image(url="https://a.example/1", alt="alt \ud83d"),),
    footer=(Text("the footer"),),
)


async def test_the_longest_and_strangest_messages_are_taken(
    synapse: Synapse, session: aiohttp.ClientSession
) -> None:
    room = await synapse.create_room()
    names = [f"@{n}{'x' * 230}:b.example" for n in range(40)]
    sink = sink_of(synapse, room, mentions={"users": names, "room": True})
    japanese = Message(body=(Text("あ" * 100_000),), ping=frozenset({"all"}))
    sent = [LONG, japanese, Message(), plain_form(LONG), plain_form(japanese)]
    for number, message in enumerate(sent):
        assert await send(sink, session, message, key=str(number)) == Sent()
    contents = [event["content"] for event in await synapse.messages(room)]
    assert len(contents) == len(sent)
    assert contents[0]["body"].startswith("title")
    assert contents[0]["formatted_body"].endswith("the footer")
    assert [content["msgtype"] == "m.text" for content in contents] == [
        bool(message.ping) for message in sent
    ]
    assert [content["m.mentions"] for content in contents] == [
        {}, {"user_ids": names, "room": True}, {}, {}, {"user_ids": names, "room": True}
    ]  # fmt: skip


async def test_a_limit_is_waited_for_as_long_as_the_homeserver_says(
    synapse: Synapse, session: aiohttp.ClientSession
) -> None:
    room = await synapse.create_room()
    sink = sink_of(synapse, room)
    await asyncio.to_thread(synapse.stop)
    outcome = await send(sink, session)
    assert isinstance(outcome, Failed)
    assert not outcome.ambiguous
    await asyncio.to_thread(synapse.start, rc_message=(0.1, 1))
    try:
        outcomes = [await send(sink, session, key=str(n)) for n in range(3)]
    finally:
        await asyncio.to_thread(synapse.restart)
    limited = outcomes[-1]
    assert outcomes[0] == Sent()
    assert isinstance(limited, RateLimited)
    assert 5 < limited.pause < 20
    assert limited.pause != round(limited.pause)  # retry_after_ms, not the rounded Retry-After
    assert await send(sink, session, key="2") == Sent()


# --- changes


async def test_a_homeserver_shows_what_was_changed(
    synapse: Synapse, session: aiohttp.ClientSession
) -> None:
    room = await synapse.create_room()
    sink = sink_of(synapse, room, mentions={"room": True})
    asked = Message(title=(Text("first"),), ping=frozenset({"all"}))
    sent = await chats.send(sink, [asked, HELLO], key="1", session=session)
    assert isinstance(sent, Sent)
    for key in ("2", "2", "3"):
        changed = Message(title=(Text(f"changed {key}"),), ping=frozenset({"all"}))
        assert (
            await chats.edit(sink, sent.message, [changed, HELLO], key=key, session=session) == sent
        )
    first, *changes = await synapse.messages(room)
    assert [event["content"]["body"] for event in changes] == [
        "* changed 2\n\nhello", "* changed 3\n\nhello"
    ]  # fmt: skip
    shown = first["unsigned"]["m.relations"]["m.replace"]["content"]
    assert shown["m.new_content"]["formatted_body"] == "changed 3<hr>hello"
    assert shown["m.new_content"]["m.mentions"] == {"room": True}
    assert shown["m.mentions"] == {}


async def test_the_longest_change_is_taken(
    synapse: Synapse, session: aiohttp.ClientSession
) -> None:
    room = await synapse.create_room()
    names = [f"@{n}{'x' * 230}:b.example" for n in range(40)]
    sink = sink_of(synapse, room, mentions={"users": names, "room": True})
    sent = await chats.send(sink, [HELLO], key="1", session=session)
    assert isinstance(sent, Sent)
    long = replace(LONG, ping=frozenset({"all"}))
    assert await chats.edit(sink, sent.message, [long], key="2", session=session) == sent


async def test_what_was_told_in_another_room_is_not_changed(
    synapse: Synapse, session: aiohttp.ClientSession
) -> None:
    here, there = [sink_of(synapse, await synapse.create_room()) for _ in range(2)]
    sent = await chats.send(here, [HELLO], key="1", session=session)
    assert isinstance(sent, Sent)
    outcome = await chats.edit(there, sent.message, [HELLO], key="2", session=session)
    assert outcome == Rejected("it was sent to another room")


# --- pings


PINGING = replace(HELLO, ping=frozenset({"all"}))


async def rung(synapse: Synapse, room: str) -> list[tuple[str, bool]]:
    """What the homeserver told the reader's devices of a room: each event, and whether loudly."""
    answer = await synapse.acall(
        "GET", "/_matrix/client/v3/notifications?limit=100", token=synapse.reader.token
    )
    return [
        (one["event"]["event_id"], {"set_tweak": "highlight"} in one["actions"])
        for one in answer["notifications"]
        if one["room_id"] == room
    ]


async def quiet_room(synapse: Synapse) -> str:
    """A room in which only mentions ring: of two people each message does for the other."""
    room = await synapse.create_room()
    account = await asyncio.to_thread(synapse.register, f"third{room[1:6]}".lower())
    invited = {"user_id": account.user}
    path = f"/_matrix/client/v3/rooms/{quote(room, safe='')}/invite"
    await synapse.acall("POST", path, token=synapse.reader.token, body=invited)
    await synapse.join(room, by=account)
    path = f"/_matrix/client/v3/rooms/{quote(room, safe='')}/state/m.room.power_levels/"
    levels = await synapse.acall("GET", path, token=synapse.reader.token)
    anybody = {**levels, "notifications": {"room": 0}}  # else only moderators ring for the room
    await synapse.acall("PUT", path, token=synapse.reader.token, body=anybody)
    return room


@pytest.mark.parametrize("whole_room", [False, True], ids=["a user", "the room"])
async def test_a_ping_rings_and_nothing_else_does(
    synapse: Synapse, session: aiohttp.ClientSession, whole_room: bool
) -> None:
    room = await quiet_room(synapse)
    mentions: dict[str, Any] = {"room": True} if whole_room else {"users": [synapse.reader.user]}
    sink = sink_of(synapse, room, mentions=mentions)
    for number, message in enumerate((HELLO, PINGING, HELLO)):
        assert await send(sink, session, message, key=f"r{number}") == Sent()
    _, pinging, _ = await synapse.messages(room)
    assert await rung(synapse, room) == [(pinging["event_id"], True)]


async def test_of_a_batch_in_which_one_pings_all_ring_once(
    synapse: Synapse, session: aiohttp.ClientSession
) -> None:
    room = await quiet_room(synapse)
    sink = sink_of(synapse, room, mentions={"users": [synapse.reader.user]})
    for _ in range(2):  # the second time is a retry
        outcome = await chats.send(sink, [HELLO, PINGING, HELLO], key="b", session=session)
        assert isinstance(outcome, Sent)
    [event] = await synapse.messages(room)
    assert await rung(synapse, room) == [(event["event_id"], True)]


async def test_an_edit_and_a_withdrawal_ring_nobody_and_stay_what_the_message_was(
    synapse: Synapse, session: aiohttp.ClientSession
) -> None:
    room = await quiet_room(synapse)
    sink = sink_of(synapse, room, mentions={"users": [synapse.reader.user]})
    gone = Message(title=(Text("gone"),))
    for key, first in (("loud", PINGING), ("still", HELLO)):
        outcome = await chats.send(sink, [first], key=key, session=session)
        assert isinstance(outcome, Sent)
        for number, later in enumerate((PINGING, HELLO, gone)):
            edit = chats.edit(sink, outcome.message, [later], key=f"{key}{number}", session=session)
            assert isinstance(await edit, Sent)
    events = [event["content"] for event in await synapse.messages(room)]
    assert [event["msgtype"] for event in events] == ["m.text"] * 4 + ["m.notice"] * 4
    changed = [event["m.new_content"]["msgtype"] for event in events if "m.new_content" in event]
    assert changed == ["m.text"] * 3 + ["m.notice"] * 3
    assert len(await rung(synapse, room)) == 1


async def test_what_was_sent_before_pings_rang_is_still_changed_as_a_notice(
    synapse: Synapse, session: aiohttp.ClientSession
) -> None:
    """Its id in the outbox tells no type."""
    room = await quiet_room(synapse)
    sink = sink_of(synapse, room)
    outcome = await chats.send(sink, [HELLO], key="old", session=session)
    assert isinstance(outcome, Sent)
    old = " ".join(outcome.message.split()[:2])
    assert await chats.edit(sink, old, [HELLO], key="new", session=session) == Sent(message=old)
    assert (await synapse.messages(room))[1]["content"]["msgtype"] == "m.notice"
