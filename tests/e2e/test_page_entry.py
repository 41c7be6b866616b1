"""Who comes in to the operator's page over HTTP, and who does not."""

import asyncio
import re

import pytest
from multidict import CIMultiDict

from relay import password
from relay.admin.session import FREE, TOGETHER
from relay.outbox import Outbox
from tests.page import PASSWORD, Open, accepted, died, log_in, origin_of


async def test_who_has_not_come_in_sees_the_login_and_nothing_else(
    opened: Open, outbox: Outbox
) -> None:
    await accepted(outbox, text="very private")
    client = await opened()
    for path in ("/", "/?sink=discord", "/deliveries/1", "/live/", "/anything"):
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
    form = {}
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
    assert (cookie["httponly"], cookie["samesite"], cookie["path"]) == (True, "Lax", "/")
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


@pytest.mark.parametrize("is_one_line", [True, False])
async def test_who_guesses_cannot_name_another_address(opened: Open, is_one_line: bool) -> None:
    client = await opened()
    statuses = []
    for n in range(FREE + 1):
        told = [f"198.51.100.{n}", "192.0.2.9"]  # the guesser's own words, and the web server's
        lines = [", ".join(told)] if is_one_line else told
        headers = CIMultiDict(("X-Forwarded-For", line) for line in lines)
        answer = await client.post("/login", data={"password": "wrong"}, headers=headers)
        statuses.append(answer.status)
    assert statuses == [401] * FREE + [429]


async def test_who_guesses_on_this_machine_gets_no_further_by_naming_others(opened: Open) -> None:
    client = await opened()
    statuses = []
    for n in range(2 * TOGETHER):
        told = {"X-Forwarded-For": f"198.51.100.{n}"}
        statuses.append(await log_in(client, "wrong", **told))
    assert statuses == [401] * TOGETHER + [429] * TOGETHER
    form = {"password": PASSWORD}
    refused = await client.post("/login", data=form, allow_redirects=False)
    assert (refused.status, 0 < int(refused.headers["Retry-After"]) <= 31) == (429, True)


async def test_an_operator_is_not_locked_out_by_those_who_guess(opened: Open) -> None:
    client = await opened()
    assert await log_in(client, **{"X-Forwarded-For": "192.0.2.9"}) == 303
    for n in range(2 * TOGETHER):
        await log_in(client, "wrong", **{"X-Forwarded-For": f"198.51.100.{n}"})
    client.session.cookie_jar.clear()
    assert await log_in(client, **{"X-Forwarded-For": "192.0.2.9"}) == 303


async def test_many_passwords_at_once_are_not_all_looked_at(opened: Open) -> None:
    client = await opened(password.hashed(PASSWORD))
    tries = [log_in(client, "wrong", **{"X-Forwarded-For": f"192.0.2.{n}"}) for n in range(25)]
    statuses = await asyncio.gather(*tries)
    assert set(statuses) == {401, 429}


async def test_no_form_of_another_page_changes_anything(opened: Open) -> None:
    client = await opened()
    await log_in(client)

    async def leave(**headers: str) -> int:
        answer = await client.post("/logout", headers=headers, data={}, allow_redirects=False)
        return answer.status

    assert await leave(Origin="https://evil.example") == 403
    assert await leave(Origin="null") == 403
    for site in ("cross-site", "same-site"):
        assert await leave(**{"Sec-Fetch-Site": site}) == 403
    assert (await client.get("/", allow_redirects=False)).status == 200
    assert await leave(Origin=origin_of(client), **{"Sec-Fetch-Site": "same-origin"}) == 303


async def test_no_form_of_another_page_logs_in(opened: Open) -> None:
    assert await log_in(await opened(), Origin="https://evil.example") == 403


async def test_nobody_comes_in_by_a_name_that_is_not_ours(opened: Open) -> None:
    client = await opened()
    await log_in(client)
    for path in ("/", "/login", "/static/page.css", "/metrics", "/live/"):
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


async def test_without_a_password_pages_are_open_but_not_to_other_pages(opened: Open) -> None:
    client = await opened(None)
    assert (await client.get("/", allow_redirects=False)).status == 200
    foreign = {"Origin": "https://evil.example"}
    answer = await client.post("/logout", data={}, headers=foreign, allow_redirects=False)
    assert answer.status == 403


async def test_nothing_outside_of_the_static_files_is_served(opened: Open) -> None:
    client = await opened()
    for path in ("/static/..%2fdoor.py", "/static/door.py", "/static/", "/static/page.css%00"):
        assert (await client.get(path)).status == 404


async def test_a_page_that_lies_open_ends_with_its_session(opened: Open) -> None:
    client = await opened()
    await log_in(client)
    async with client.get("/live/") as stream:
        await stream.content.readuntil(b"\n\n")
        await client.post("/logout", data={})
        assert b"data:" not in await stream.content.read()


async def test_a_session_begins_anew_with_each_login(opened: Open) -> None:
    client = await opened()
    brought = {"Cookie": "relay=a-word-that-a-stranger-has-set"}
    form = {"password": PASSWORD}
    answer = await client.post("/login", data=form, headers=brought, allow_redirects=False)
    first = answer.cookies["relay"].value
    assert first not in brought["Cookie"]
    assert await log_in(client) == 303  # in the same browser
    old = {"Cookie": f"relay={first}"}
    client.session.cookie_jar.clear()
    assert (await client.get("/", headers=old, allow_redirects=False)).status == 303


@pytest.mark.parametrize("path", ["/logout", "/dead", "/deliveries/1", "/sinks/discord", "/login"])
async def test_no_form_of_another_page_is_taken_anywhere(opened: Open, path: str) -> None:
    client = await opened()
    await log_in(client)
    foreign = {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"}
    answer = await client.post(path, data={}, headers=foreign, allow_redirects=False)
    assert answer.status == 403


async def test_nothing_is_changed_without_a_session(opened: Open, outbox: Outbox) -> None:
    number = await died(outbox, 1, "400 no")
    client = await opened()
    for path in ("/dead", f"/deliveries/{number}", "/sinks/discord", "/playground/download"):
        answer = await client.post(path, data={"action": "drop"}, allow_redirects=False)
        assert (answer.status, answer.headers["Location"]) == (303, "/login?next=/")
    assert len(await outbox.dead()) == 1
