"""Whatever is asked of the operator's page, it is never a bug."""

import pytest

from relay.admin.security import FIELDS, SHORT
from relay.outbox import Outbox
from tests.page import Open, died, log_in, origin_of

FORM = "application/x-www-form-urlencoded"
ODD = (
    "", "%00", "%ff", "%ed%a0%80", "-1", "0", "9" * 18, "9" * 19, "%D9%A3", "%C2%B2", "1e9",
    "9223372036854775808", "'", "%22%3E%3Cscript%3E", "../", "%0d%0aX:y", "%", "%zz", "a" * 5000,
)  # fmt: skip
ASKED = (
    "/?sink=", "/?state=", "/?kind=", "/?text=", "/?before=", "/?reason=", "/dead?number=",
    "/dead/confirm?action=", "/dead/confirm?action=drop&id=",
    "/dead/confirm?action=drop&reason=x&sink=", "/playground?kind=", "/playground?delivery=",
    "/playground?template=", "/sinks?tried=", "/login?next=", "/deliveries/", "/static/", "/",
)  # fmt: skip
CHANGES = (
    "/deliveries/1", "/sinks/discord", "/dead", "/playground", "/playground/download",
    "/login", "/logout",
)  # fmt: skip
FIELDS_OF_ALL = ("action", "id", "sink", "reason", "newest", "event", "name", "template", "next")


async def test_no_query_is_a_bug(opened: Open, outbox: Outbox) -> None:
    await died(outbox, 1, "400 no")
    client = await opened()
    await log_in(client)
    for path in ASKED:
        for value in ODD:
            answer = await client.get(f"{path}{value}", allow_redirects=False)
            assert answer.status in {200, 303, 400, 404}, f"{path}{value}"


@pytest.mark.parametrize("path", CHANGES)
async def test_no_field_of_a_form_is_a_bug(opened: Open, outbox: Outbox, path: str) -> None:
    await died(outbox, 1, "400 no")
    client = await opened()
    await log_in(client)
    for value in ODD:
        await log_in(client)
        given = "&".join(f"{name}={value}" for name in FIELDS_OF_ALL)
        body = given
        answer = await client.post(
            path, data=body, headers={"Content-Type": FORM}, allow_redirects=False
        )
        assert answer.status in {200, 303, 400, 401, 404, 413, 429}, value


@pytest.mark.parametrize("path", CHANGES)
@pytest.mark.parametrize(
    ("headers", "body"),
    [
        pytest.param({"Content-Type": "multipart/form-data; boundary=x"}, b"--x\r\n", id="parts"),
        pytest.param({"Content-Type": "multipart/form-data"}, b"", id="parts without a border"),
        pytest.param({"Content-Type": "application/json"}, b"{}", id="json"),
        pytest.param({"Content-Type": FORM, "Content-Encoding": "gzip"}, b"x", id="compressed"),
        pytest.param({"Content-Type": ""}, b"action=1", id="nobody knows what"),
        pytest.param({"Content-Type": f"{FORM}; charset=nope"}, b"\xff=\xfe", id="a strange one"),
        pytest.param({"Content-Type": FORM}, b"a&" * (FIELDS + 1), id="one of many fields"),
    ],
)
async def test_what_is_no_form_is_refused(
    opened: Open, path: str, headers: dict[str, str], body: bytes
) -> None:
    client = await opened()
    await log_in(client)
    answer = await client.post(path, data=body, headers=headers, allow_redirects=False)
    # A form that can be read, but has neither the password nor an action.
    refused = {200, 303, 400, 401, 404} if "nope" in headers["Content-Type"] else {400, 413, 415}
    assert answer.status in refused
    assert answer.status == 303 or answer.content_type == "text/html"


async def test_who_has_not_come_in_cannot_send_much(opened: Open) -> None:
    client = await opened()
    for size, status in ((SHORT - 100, 401), (SHORT + 100, 413)):
        answer = await client.post("/login", data={"password": "x" * size}, allow_redirects=False)
        assert answer.status == status


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "PROPFIND"])
async def test_other_methods_change_nothing(opened: Open, outbox: Outbox, method: str) -> None:
    number = await died(outbox, 1, "400 no")
    client = await opened()
    await log_in(client)
    form = {"action": "drop"}
    for path in (f"/deliveries/{number}", "/dead", "/sinks/discord", "/", "/login"):
        answer = await client.request(method, path, data=form)
        assert (answer.status, "GET" in answer.headers["Allow"]) == (405, path != "/sinks/discord")
    assert len(await outbox.dead()) == 1


async def test_what_was_refused_is_told_on_a_page(opened: Open) -> None:
    client = await opened()
    await log_in(client)
    own = origin_of(client)
    for origin, told in (("https://evil.example", "another site"), (own, "such action")):
        headers = {"Origin": origin}
        answer = await client.post("/sinks/discord", data={"action": "explode"}, headers=headers)
        assert told in await answer.text()
