"""Doctor asks the strict fakes, a real homeserver, and servers that say what Misskey says."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from pytest_aiohttp import AiohttpServer

from relay.config import Config
from relay.doctor import collect_remote, examine
from relay.doctor.facts import Facts, Server
from relay.sinks.http import open_session
from tests.fakes.discord import FakeDiscord
from tests.fakes.slack import FakeSlack
from tests.fakes.synapse import Synapse

NOW = 1_795_309_533.0


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with open_session() as session:
        yield session


def sinks(**sinks: dict[str, Any]) -> Config:
    return Config.model_validate({"sinks": sinks, "routes": [{"to": list(sinks)}]})


async def names(config: Config, session: aiohttp.ClientSession) -> set[str]:
    """What doctor finds with the sinks."""
    facts = Facts(
        config=config,
        sinks=await collect_remote.sink_outcomes(config, session),
        accounts=await collect_remote.accounts(config, session),
    )
    return {one.name for one in examine(facts)["sinks"]}


# --- vendors


async def test_a_discord_that_takes_us_is_no_finding(
    fake_discord: FakeDiscord, session: aiohttp.ClientSession
) -> None:
    config = sinks(team={"type": "discord", "url": fake_discord.url})
    assert await names(config, session) == set()
    assert fake_discord.posts() == []


@pytest.mark.parametrize(
    ("path", "name"),
    [
        pytest.param("/api/webhooks/1/gone", "discord-webhook-deleted", id="deleted"),
        pytest.param(None, "discord-webhook-wrong", id="a wrong token"),
    ],
)
async def test_a_discord_webhook_that_is_gone_is_told(
    fake_discord: FakeDiscord, session: aiohttp.ClientSession, path: str | None, name: str
) -> None:
    url = f"{fake_discord.url}x" if path is None else f"{fake_discord.base_url}{path}"
    assert await names(sinks(team={"type": "discord", "url": url}), session) == {name}


@pytest.mark.parametrize(
    ("error", "name"),
    [
        ("not_in_channel", "slack-not-in-channel"),
        ("is_archived", "slack-channel-archived"),
        ("missing_scope", "slack-scope-missing"),
        ("account_inactive", "slack-token-invalid"),
        ("restricted_action", "sink-refuses"),
        ("internal_error", "sink-unreachable"),
        ("ratelimited", "sink-limited"),
    ],
)
async def test_what_slack_says_to_a_bot_is_told(
    fake_slack: FakeSlack, session: aiohttp.ClientSession, error: str, name: str
) -> None:
    fake_slack.error = error
    bot = {
        "type": "slack",
        "token": fake_slack.token,
        "channel": fake_slack.channel,
        "api_base": f"{fake_slack.base_url}/api/",
    }
    assert await names(sinks(team=bot), session) == {name}
    fake_slack.error = None
    assert await names(sinks(team=bot), session) == set()
    assert fake_slack.posts() == []


@pytest.mark.parametrize(
    ("word", "name"),
    [("no_service", "slack-webhook-gone"), ("channel_is_archived", "slack-channel-archived")],
)
async def test_what_slack_says_to_a_webhook_is_told(
    fake_slack: FakeSlack, session: aiohttp.ClientSession, word: str, name: str
) -> None:
    fake_slack.break_webhook(fake_slack.webhook, word)
    assert await names(sinks(team={"type": "slack", "url": fake_slack.url}), session) == {name}


async def test_a_vendor_that_is_not_there_is_told(
    session: aiohttp.ClientSession, unused_tcp_port: int
) -> None:
    nobody = f"http://127.0.0.1:{unused_tcp_port}"
    config = sinks(
        one={"type": "discord", "url": f"{nobody}/x"},
        two={"type": "matrix", "homeserver": nobody, "room": "!a:b", "token": "x"},
    )
    assert await names(config, session) == {"sink-unreachable"}


# --- a real homeserver


def matrix(synapse: Synapse, room: str, **settings: Any) -> Config:
    account = {"homeserver": synapse.base_url, "token": synapse.bot.token}
    return sinks(room={"type": "matrix", "room": room, "rate": "unlimited"} | account | settings)


@pytest.mark.synapse
async def test_a_room_as_it_should_be_is_no_finding(
    synapse: Synapse, session: aiohttp.ClientSession
) -> None:
    room = await synapse.create_room()
    assert await names(matrix(synapse, room), session) == set()
    assert await synapse.messages(room) == []


@pytest.mark.synapse
async def test_rooms_and_tokens_that_do_not_do_are_told(
    synapse: Synapse, session: aiohttp.ClientSession
) -> None:
    encrypted = await synapse.create_room(encrypted=True)
    assert await names(matrix(synapse, encrypted), session) == {"matrix-room-encrypted"}
    elsewhere = await synapse.create_room(joined=False)
    assert await names(matrix(synapse, elsewhere), session) == {"matrix-not-in-room"}
    unknown = matrix(synapse, "#nothing:localhost.test")
    assert await names(unknown, session) == {"matrix-room-unknown"}
    nowhere = matrix(synapse, elsewhere, homeserver=f"{synapse.base_url}/else")
    assert await names(nowhere, session) == {"matrix-homeserver-wrong"}
    wrong = matrix(synapse, elsewhere, token="syt_of_a_session_that_ended")
    assert await names(wrong, session) == {"matrix-token-invalid"}


@pytest.mark.synapse
async def test_a_token_of_a_persons_session_is_told(
    synapse: Synapse, session: aiohttp.ClientSession
) -> None:
    login = {
        "type": "m.login.password",
        "identifier": {"type": "m.id.user", "user": synapse.bot.user},
        "password": "password",
        "initial_device_display_name": "Element Web: Firefox on Linux",
    }
    found = await synapse.acall("POST", "/_matrix/client/v3/login", body=login)
    room = await synapse.create_room()
    config = matrix(synapse, room, token=found["access_token"])
    assert await names(config, session) == {"matrix-session-shared"}


@pytest.mark.synapse
async def test_the_limit_of_synapse_is_told_unless_the_sink_has_a_pace_of_its_own(
    synapse: Synapse, session: aiohttp.ClientSession
) -> None:
    room = await synapse.create_room()
    account = {"homeserver": synapse.base_url, "token": synapse.bot.token}
    config = sinks(room={"type": "matrix", "room": room} | account)
    assert await names(config, session) == {"matrix-rate-limit"}


Serve = Callable[..., Awaitable[str]]


@pytest.fixture
def serve(aiohttp_server: AiohttpServer) -> Serve:
    """A server that answers these paths with JSON; its address."""

    async def start(answers: dict[str, Any], status: int = 200, **headers: str) -> str:
        async def answer(request: web.Request) -> web.Response:
            found = answers.get(request.path, {})
            return web.json_response(found, status=status, headers=headers)

        app = web.Application()
        app.router.add_route("*", "/{path:.*}", answer)
        return str((await aiohttp_server(app)).make_url("")).rstrip("/")

    return start


@pytest.mark.parametrize(
    ("answers", "is_limited"),
    [
        pytest.param({"messages_per_second": 0, "burst_count": 0}, False, id="lifted"),
        pytest.param({}, None, id="another homeserver"),
    ],
)
async def test_an_administrators_token_tells_whether_the_limit_is_lifted(
    serve: Serve, session: aiohttp.ClientSession, answers: dict[str, Any], is_limited: bool | None
) -> None:
    base = await serve(
        {
            "/_matrix/client/v3/account/whoami": {"user_id": "@bot:b", "device_id": "D"},
            "/_synapse/admin/v1/users/@bot:b/override_ratelimit": answers,
        }
    )
    config = sinks(room={"type": "matrix", "homeserver": base, "room": "!a:b", "token": "x"})
    assert (await collect_remote.accounts(config, session))["room"].is_limited is is_limited


async def test_a_synapse_that_hides_its_administration_is_known_by_its_version(
    serve: Serve, session: aiohttp.ClientSession
) -> None:
    base = await serve(
        {
            "/_matrix/client/v3/account/whoami": {"user_id": "@bot:b"},
            "/_matrix/federation/v1/version": {"server": {"name": "Synapse"}},
        }
    )
    config = sinks(room={"type": "matrix", "homeserver": base, "room": "!a:b", "token": "x"})
    assert (await collect_remote.accounts(config, session))["room"].is_limited is True


# --- Misskey


def hooks(*servers: str) -> Config:
    return Config.model_validate(
        {"hooks": {f"h{n}": {"secret": "x", "server": one} for n, one in enumerate(servers)}}
    )


async def server(address: str, session: aiohttp.ClientSession) -> Server:
    (found,) = await collect_remote.servers(hooks(address, address), session)
    return found


async def test_a_misskey_says_what_it_is(serve: Serve, session: aiohttp.ClientSession) -> None:
    base = await serve(
        {
            "/nodeinfo/2.1": {"software": {"name": "Misskey", "version": "2026.6.0\x1b[31m"}},
            "/api/meta": {"uri": "https://Misskey.example/"},
        }
    )
    assert await server(base, session) == Server(
        origin=base,
        software="misskey",
        version="2026.6.0[31m",
        calls_itself="https://misskey.example",
    )


async def test_a_server_that_has_moved_is_not_followed(
    serve: Serve, session: aiohttp.ClientSession
) -> None:
    base = await serve({}, status=301, Location="https://mi.example/nodeinfo/2.1")
    assert await server(base, session) == Server(origin=base, calls_itself="https://mi.example")


@pytest.mark.parametrize("location", ["/nodeinfo", "", "http://[", "javascript:alert(1)"])
async def test_a_redirect_to_nowhere_names_nothing(
    serve: Serve, session: aiohttp.ClientSession, location: str
) -> None:
    base = await serve({}, status=302, Location=location)
    assert await server(base, session) == Server(origin=base)


@pytest.mark.parametrize(
    ("nodeinfo", "status"),
    [({}, 404), ({"software": "misskey"}, 200), ({"software": None}, 200), ([], 200)],
)
async def test_what_is_no_misskey_is_told(
    serve: Serve, session: aiohttp.ClientSession, nodeinfo: Any, status: int
) -> None:
    found = await server(await serve({"/nodeinfo/2.1": nodeinfo}, status=status), session)
    assert str(found.problem).startswith(str(status))


async def test_a_server_that_is_not_there_is_told(
    session: aiohttp.ClientSession, unused_tcp_port: int
) -> None:
    found = await server(f"http://127.0.0.1:{unused_tcp_port}", session)
    assert found.problem == "connection refused"


# --- clocks


async def test_clocks_are_read_from_whoever_answers(
    serve: Serve, session: aiohttp.ClientSession, unused_tcp_port: int
) -> None:
    base = await serve({}, Date="Sun, 22 Nov 2026 00:27:13 GMT")
    config = Config.model_validate(
        {
            "hooks": {
                "there": {"secret": "x", "server": base},
                "silent": {"secret": "x", "server": f"http://localhost:{unused_tcp_port}"},
            }
        }
    )
    found = await collect_remote.clocks(config, session, clock=lambda: 1_795_307_233.0)
    assert found == {"127.0.0.1": 0.5}


@pytest.mark.parametrize("date", ["", "soon", "Sun, 99 Nov 2026 00:27:13 GMT"])
async def test_a_date_that_is_none_tells_nothing(
    serve: Serve, session: aiohttp.ClientSession, date: str
) -> None:
    config = hooks(await serve({}, Date=date))
    assert await collect_remote.clocks(config, session, clock=lambda: NOW) == {}


async def test_every_sink_has_a_clock(
    fake_discord: FakeDiscord, serve: Serve, session: aiohttp.ClientSession
) -> None:
    base = await serve({}, Date="Sun, 22 Nov 2026 00:27:13 GMT")
    for sink in (
        {"type": "discord", "url": f"{base}/x"},
        {"type": "slack", "url": f"{base}/x"},
        {"type": "slack", "token": "x", "channel": "C1", "api_base": f"{base}/api/"},
        {"type": "matrix", "homeserver": base, "room": "!a:b", "token": "x"},
    ):
        config = sinks(one=sink, here={"type": "console"})
        found = await collect_remote.clocks(config, session, clock=lambda: 1_795_307_333.0)
        assert found == {"127.0.0.1": -99.5}
