"""The operator's page over HTTP: who comes in, who does not, and what each page tells."""

import re
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest
from aiohttp import CookieJar
from aiohttp.test_utils import TestClient, TestServer

from relay import app, password
from relay.commands.trying import embedded
from relay.config import Config
from relay.language import Language
from relay.outbox import Outbox
from relay.outcome import Closed, Outcome, Sent, State
from relay.secret import Secret
from relay.vigil import Condition
from relay.web import Bell, Lap, Operation, Tally, door
from relay.web.lock import FREE
from tests.factories import an_event
from tests.fakes.misskey import a_note_event

Open = Callable[..., Awaitable[TestClient]]
PASSWORD = "open, sesame: ✨"


NOW = 1_795_309_600_000


def operation(outbox: Outbox, config: Config, woken: list[str]) -> Operation:
    async def attempt(name: str) -> Outcome:
        return Sent() if name == "slack" else Closed("404 gone")

    return Operation(
        outbox=outbox,
        press=app.press(config),
        sinks=config.sinks,
        manners={name: app.manner(config, sink) for name, sink in config.sinks.items()},
        language=Language("en", "Asia/Tokyo"),
        clock=lambda: NOW,
        tally=Tally(clock=lambda: NOW),
        laps=lambda: {name: Lap(is_sick=name == "matrix") for name in config.sinks},
        wake=woken.append,
        attempt=attempt,
    )


@pytest.fixture
def woken() -> list[str]:
    """The lanes that were told to look."""
    return []


@pytest.fixture
async def opened(outbox: Outbox, aiohttp_client, woken: list[str]):
    """Opens the door, with this password if any."""
    seen = operation(outbox, embedded(), woken)

    async def look() -> Condition:
        return Condition()

    async def scrape() -> tuple[bytes, str]:
        return b"up 1\n", "text/plain"

    async def made(kept: str | None = PASSWORD) -> TestClient:
        made = door(
            password=None if kept is None else Secret(kept),
            hosts={"relay.example"},
            look=look,
            scrape=scrape,
            operation=lambda: seen,
            bell=Bell(),
        )
        return await aiohttp_client(TestServer(made), cookie_jar=CookieJar(unsafe=True))

    return made


async def log_in(client: TestClient, given: str = PASSWORD, **headers: str) -> int:
    form = {"password": given, "next": "/"}
    answer = await client.post("/login", data=form, headers=headers, allow_redirects=False)
    return answer.status


async def accepted(outbox: Outbox, n: int = 1, **changes: str) -> None:
    request = a_note_event(n, kind="mention", **changes)
    event = an_event(n)
    await outbox.accept(event, request.body, {"discord": "all"}, now=1_795_309_533_000 + n)


async def died(outbox: Outbox, n: int, reason: str) -> int:
    """A dead letter's id."""
    await accepted(outbox, n, text=f"number {n}")
    claim = await outbox.claim("discord", now=NOW, lease=1000)
    assert claim is not None
    (one,) = claim.deliveries
    settled = replace(one, state=State.DEAD, reason=reason)
    assert await outbox.save([settled], claimed=[one])
    return one.id


async def press(client: TestClient, path: str, action: str, **fields: str) -> tuple[str, str]:
    """Where a button leads, and what is shown there."""
    form = {"csrf": await word_of(client), "action": action, **fields}
    answer = await client.post(path, data=form)
    return answer.url.path_qs, await answer.text()


async def word_of(client: TestClient, path: str = "/") -> str:
    found = re.search(r'name="csrf" value="([^"]+)"', await (await client.get(path)).text())
    assert found is not None
    return found[1]


async def test_who_has_not_come_in_sees_the_login_and_nothing_else(
    opened: Open, outbox: Outbox
) -> None:
    await accepted(outbox, text="very private")
    client = await opened()
    for path in ("/", "/?sink=discord", "/deliveries/1", "/live", "/anything"):
        answer = await client.get(path, allow_redirects=False)
        assert answer.status == 303
        assert answer.headers["Location"].startswith("/login?next=/")
        assert "private" not in await answer.text()
    assert (await client.post("/logout", allow_redirects=False)).status == 303


@pytest.mark.parametrize("kept", [PASSWORD, password.hashed(PASSWORD)], ids=["plain", "hashed"])
async def test_the_password_opens_a_session_that_lasts_until_it_is_left(
    opened: Open, kept: str
) -> None:
    client = await opened(kept)
    assert await log_in(client, "wrong") == 401
    assert await log_in(client) == 303
    assert (await client.get("/", allow_redirects=False)).status == 200
    form = {"csrf": await word_of(client)}
    await client.post("/logout", data=form, allow_redirects=False)
    assert (await client.get("/", allow_redirects=False)).status == 303


async def test_the_hash_itself_is_no_password(opened: Open) -> None:
    kept = password.hashed(PASSWORD)
    assert await log_in(await opened(kept), kept) == 401


@pytest.mark.parametrize(
    ("headers", "name", "is_secure"),
    [({}, "relay", False), ({"X-Forwarded-Proto": "https"}, "__Host-relay", True)],
)
async def test_the_cookie_is_for_this_site_alone(
    opened: Open, headers: dict[str, str], name: str, is_secure: bool
) -> None:
    client = await opened()
    form = {"password": PASSWORD}
    answer = await client.post("/login", data=form, headers=headers, allow_redirects=False)
    cookie = answer.cookies[name]
    assert (cookie["httponly"], cookie["samesite"], cookie["path"]) == (True, "Strict", "/")
    assert bool(cookie["secure"]) is is_secure
    assert cookie["domain"] == ""


@pytest.mark.parametrize(
    ("wanted", "goes_to"),
    [
        ("/deliveries/3", "/deliveries/3"),
        ("//evil.example", "/"),
        ("/\\evil.example", "/"),
        ("https://evil.example", "/"),
        ("/x\r\nSet-Cookie: a=b", "/"),
        ("", "/"),
    ],
)
async def test_a_login_leads_to_our_own_pages_only(opened: Open, wanted: str, goes_to: str) -> None:
    client = await opened()
    form = {"password": PASSWORD, "next": wanted}
    answer = await client.post("/login", data=form, allow_redirects=False)
    assert answer.headers["Location"] == goes_to


async def test_who_guesses_has_to_wait_by_each_of_the_ways(opened: Open) -> None:
    client = await opened()
    for _ in range(FREE):
        assert await log_in(client, "wrong") == 401
    form = {"password": PASSWORD}
    refused = await client.post("/login", data=form, allow_redirects=False)
    assert (refused.status, refused.headers["Retry-After"]) == (429, "2")
    basic = {"Authorization": "Basic YTpi"}
    assert (await client.get("/metrics", headers=basic)).status == 429
    # Somebody else, by the web server in front of us.
    assert await log_in(client, **{"X-Forwarded-For": "192.0.2.9"}) == 303


async def test_no_form_of_another_page_changes_anything(opened: Open) -> None:
    client = await opened()
    await log_in(client)
    word = await word_of(client)

    async def leave(**headers: str) -> int:
        form = {"csrf": headers.pop("word", word)}
        answer = await client.post("/logout", data=form, headers=headers, allow_redirects=False)
        return answer.status

    assert await leave(word="") == 403
    assert await leave(word=f"{word}x") == 403
    assert await leave(Origin="https://evil.example") == 403
    assert await leave(Origin="null") == 403
    assert (await client.get("/", allow_redirects=False)).status == 200
    assert await leave(Origin=str(client.make_url("")).rstrip("/")) == 303


async def test_no_form_of_another_page_logs_in(opened: Open) -> None:
    assert await log_in(await opened(), Origin="https://evil.example") == 403


async def test_nobody_comes_in_by_a_name_that_is_not_ours(opened: Open) -> None:
    client = await opened()
    await log_in(client)
    for path in ("/", "/login", "/static/page.css", "/metrics", "/live"):
        assert (await client.get(path, headers={"Host": "evil.example"})).status == 421


@pytest.mark.parametrize("path", ["/login", "/", "/deliveries/1", "/anything", "/static/page.css"])
async def test_every_page_allows_nothing_but_our_own_files(
    opened: Open, outbox: Outbox, path: str
) -> None:
    await accepted(outbox)
    client = await opened()
    await log_in(client)
    answer = await client.get(path)
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self';" in policy
    assert "unsafe" not in policy
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    if path.startswith("/static/"):
        assert "immutable" in answer.headers["Cache-Control"]
    else:
        assert answer.headers["Cache-Control"] == "no-store"
        text = await answer.text()
        assert not re.search(r"<script(?![^>]*\bsrc=)|\son\w+=|\sstyle=|javascript:", text)
        assert not re.search(r'(?:src|<link[^>]*href)="(?!/)', text)


async def test_without_a_password_pages_are_open_and_still_need_their_word(opened: Open) -> None:
    client = await opened(None)
    assert (await client.get("/", allow_redirects=False)).status == 200
    assert (await client.post("/logout", allow_redirects=False)).status == 403


async def test_nothing_outside_of_the_static_files_is_served(opened: Open) -> None:
    client = await opened()
    for path in ("/static/..%2fdoor.py", "/static/door.py", "/static/", "/static/page.css%00"):
        assert (await client.get(path)).status == 404


async def test_a_delivery_is_listed_and_told_with_its_message(opened: Open, outbox: Outbox) -> None:
    await accepted(outbox, text="a **bold** word & <evil>")
    client = await opened()
    await log_in(client)
    listed = await (await client.get("/")).text()
    assert 'href="/deliveries/1"' in listed
    assert "a **bold** word &amp; &lt;evil&gt;" in listed
    assert "2026-11-22 10:05:33" in listed  # in Tokyo
    shown = await (await client.get("/deliveries/1")).text()
    assert "<strong>bold</strong> word &amp; &lt;evil&gt;" in shown
    assert "allowed_mentions" in shown


async def test_filters_narrow_the_list(opened: Open, outbox: Outbox) -> None:
    for n in range(1, 4):
        await accepted(outbox, n, text=f"number {n}")
    client = await opened()
    await log_in(client)
    for query, rows in (
        ("", 3),
        ("?text=number+2", 1),
        ("?sink=discord&state=pending&kind=mention", 3),
        ("?state=dead", 0),
        ("?kind=note", 0),
        ("?before=2", 1),
    ):
        text = await (await client.get(f"/{query}")).text()
        assert text.count('<tr id="d') == rows, query


async def test_what_is_not_there_is_told(opened: Open) -> None:
    client = await opened()
    await log_in(client)
    for path in ("/deliveries/7", "/deliveries/999999999999999999", "/nothing"):
        answer = await client.get(path)
        assert (answer.status, "Nothing is here" in await answer.text()) == (404, True)


async def test_an_outbox_that_fails_is_told(opened: Open, outbox: Outbox) -> None:
    client = await opened()
    await log_in(client)
    await outbox.close()
    answer = await client.get("/")
    assert (answer.status, "does not answer" in await answer.text()) == (503, True)


async def test_a_page_speaks_the_language_of_the_browser(opened: Open) -> None:
    client = await opened()
    for asked, locale in (("ja-JP,ja;q=0.9,en;q=0.8", "ja"), ("de, fr;q=0.5", "en"), ("", "en")):
        answer = await client.get("/login", headers={"Accept-Language": asked})
        assert f'<html lang="{locale}">' in await answer.text()


async def test_a_list_tells_what_has_changed_while_it_is_open(opened: Open, outbox: Outbox) -> None:
    client = await opened()
    await log_in(client)
    async with client.get("/live?state=pending") as stream:
        assert stream.headers["Content-Type"].startswith("text/event-stream")
        assert b"Nothing is like this" in await _event(stream)
        await accepted(outbox, text="fresh")
        assert b"fresh" in await _event(stream)


async def _event(stream) -> bytes:
    """The next that says something; comments keep the connection alive."""
    while True:
        told = await stream.content.readuntil(b"\n\n")
        if told.startswith(b"data:"):
            return told


async def test_the_door_closes_though_pages_lie_open(opened: Open, tmp_path: Path) -> None:
    client = await opened()
    await log_in(client)
    async with client.get("/live") as stream:
        await _event(stream)
        await client.server.close()
        assert await stream.content.read() in (b"", b":\n\n")


async def test_a_sink_is_paused_and_goes_on(opened: Open, outbox: Outbox, woken: list[str]) -> None:
    client = await opened()
    await log_in(client)
    _, shown = await press(client, "/sinks/discord", "pause")
    assert "paused" in shown
    assert set(await outbox.paused_sinks()) == {"discord"}
    await outbox.close_sink("discord", reason="404 gone", fingerprint="f", now=NOW)
    _, shown = await press(client, "/sinks/discord", "resume")
    assert (await outbox.paused_sinks(), await outbox.closed_sinks()) == ({}, [])
    assert woken == ["discord"] * 2


async def test_a_sink_tells_how_it_is(opened: Open, outbox: Outbox) -> None:
    await accepted(outbox)
    await outbox.close_sink("discord", reason="404 <gone>", fingerprint="f", now=NOW)
    client = await opened()
    await log_in(client)
    shown = " ".join((await (await client.get("/sinks")).text()).split())
    for part in ("404 &lt;gone&gt;", "the oldest for 66 s", ">closed<", ">resting<", "5/2s"):
        assert part in shown


async def test_a_test_message_tells_how_it_ended(opened: Open) -> None:
    client = await opened()
    await log_in(client)
    assert "has reached slack" in (await press(client, "/sinks/slack", "test"))[1]
    assert "did not reach discord: 404 gone" in (await press(client, "/sinks/discord", "test"))[1]
    assert "Nothing is here" in (await press(client, "/sinks/nobody", "test"))[1]


async def test_dead_letters_are_grouped_and_revived_by_the_group(
    opened: Open, outbox: Outbox, woken: list[str]
) -> None:
    for n, reason in enumerate(("a & b", "other", "a & b"), start=1):
        await died(outbox, n, reason)
    client = await opened()
    await log_in(client)
    assert "a &amp; b" in await (await client.get("/dead")).text()
    group = {"sink": "discord", "reason": "a & b"}
    asked = await client.get("/dead/confirm", params={"action": "revive", **group})
    assert "Revive 2 messages?" in await asked.text()
    await died(outbox, 4, "a & b")  # after the operator was told how many
    path, shown = await press(client, "/dead", "revive", newest="3", **group)
    assert (path, "2 revived" in shown) == ("/dead?done=revive&number=2", True)
    assert [one.id for one in await outbox.dead()] == [4, 2]
    assert woken == ["discord"]


async def test_all_dead_letters_can_be_dropped_at_once(opened: Open, outbox: Outbox) -> None:
    for n in range(1, 4):
        await died(outbox, n, f"reason {n}")
    client = await opened()
    await log_in(client)
    asked = await client.get("/dead/confirm?action=drop")
    assert "Drop 3 messages?" in await asked.text()
    await press(client, "/dead", "drop", newest="3")
    assert await outbox.dead() == []
    assert (await client.get("/dead/confirm?action=drop")).url.path == "/dead"


async def test_a_delivery_is_sent_again_as_a_new_one(
    opened: Open, outbox: Outbox, woken: list[str]
) -> None:
    await accepted(outbox, text="once more")
    client = await opened()
    await log_in(client)
    path, shown = await press(client, "/deliveries/1", "again")
    assert (path, "once more" in shown) == ("/deliveries/2", True)
    first, second = await outbox.delivery(1), await outbox.delivery(2)
    assert first is not None
    assert second is not None
    assert (second.raw, second.sink, second.route) == (first.raw, "discord", "all")
    assert woken == ["discord"]


async def test_what_may_not_be_shown_is_not_sent_again(opened: Open, outbox: Outbox) -> None:
    request = a_note_event(1, kind="mention", visibility="specified")
    await outbox.accept(an_event(1), request.body, {"nobody": "all"}, now=NOW)
    client = await opened()
    await log_in(client)
    await press(client, "/deliveries/1", "again")
    assert await outbox.delivery(2) is None


async def test_a_dead_letter_is_revived_on_its_page(opened: Open, outbox: Outbox) -> None:
    number = await died(outbox, 1, "400 no")
    client = await opened()
    await log_in(client)
    path, _ = await press(client, f"/deliveries/{number}", "revive")
    assert path == f"/deliveries/{number}"
    assert await outbox.dead() == []


@pytest.mark.parametrize("path", ["/deliveries/1", "/sinks/discord", "/dead"])
async def test_an_action_that_there_is_not_changes_nothing(
    opened: Open, outbox: Outbox, path: str
) -> None:
    await died(outbox, 1, "400 no")
    client = await opened()
    await log_in(client)
    form = {"csrf": await word_of(client), "action": "explode"}
    assert (await client.post(path, data=form)).status == 400
    assert len(await outbox.dead()) == 1
