"""The fake Slack refuses what Slack refuses, with Slack's words, and stores the rest."""

import json

import aiohttp
import pytest
from aiohttp.payload import BytesPayload

from tests.fakes.slack_api import WEBHOOK_STATUS
from tests.fakes.slack_pings import links, pings

JSON = {"content_type": "application/json"}
URL = "https://a.example/a.png"
MRKDWN = {"type": "mrkdwn", "text": "hi"}
PLAIN = {"type": "plain_text", "text": "hi"}
BUTTON = {"type": "button", "text": PLAIN}


@pytest.fixture
async def session():
    async with aiohttp.ClientSession() as session:
        yield session


def section(text="hi", **fields):
    return {"type": "section", "text": MRKDWN | {"text": text}} | fields


def rich(*elements, kind="rich_text_section", **fields):
    return {"type": "rich_text", "elements": [{"type": kind, "elements": [*elements], **fields}]}


def listed(*items, **fields):
    items = [{"type": "rich_text_section", "elements": [text(item)]} for item in items]
    return rich(*items, kind="rich_text_list", **{"style": "bullet"} | fields)


def text(words="hi", **style):
    return {"type": "text", "text": words} | ({"style": style} if style else {})


def link(url=URL, **fields):
    return {"type": "link", "url": url} | fields


def image(**fields):
    return {"type": "image", "image_url": URL, "alt_text": "a"} | fields


def context(*elements):
    return {"type": "context", "elements": [*elements]}


def date(**fields):
    return {"type": "date", "timestamp": 1, "format": "{date_num}"} | fields


INVALID = [
    ("hi", "/blocks/0"),
    ({"type": "markdown", "text": "hi"}, "/blocks/0"),
    ({"type": "input"}, "/blocks/0"),
    ({"type": "section"}, "/blocks/0"),
    (section(""), "/blocks/0/text/text"),
    (section("x" * 3001), "/blocks/0/text/text"),
    (section(["hi"]), "/blocks/0/text/text"),
    (section(fields={}), "/blocks/0/fields"),
    (section(accessory=image(image_url=1)), "/blocks/0/accessory/image_url"),
    (section(text=1), "/blocks/0/text/text"),
    (section(color="red"), "/blocks/0/color"),
    (section(block_id="x" * 256), "/blocks/0/block_id"),
    (section(fields=[]), "/blocks/0/fields"),
    (section(fields=[MRKDWN] * 11), "/blocks/0/fields"),
    (section(fields=[MRKDWN | {"text": "x" * 2001}]), "/blocks/0/fields/0/text"),
    (section(accessory=PLAIN), "/blocks/0/accessory"),
    (section(text="a", expand=1), "/blocks/0/expand"),
    ({"type": "section", "text": "hi"}, "/blocks/0/text"),
    ({"type": "section", "text": PLAIN | {"verbatim": True}}, "/blocks/0/text/verbatim"),
    ({"type": "section", "text": MRKDWN | {"emoji": True}}, "/blocks/0/text/emoji"),
    ({"type": "header", "text": MRKDWN}, "/blocks/0/text"),
    ({"type": "header", "text": PLAIN | {"text": "x" * 151}}, "/blocks/0/text/text"),
    ({"type": "header", "text": PLAIN | {"text": ""}}, "/blocks/0/text/text"),
    (context(), "/blocks/0/elements"),
    (context(*[MRKDWN] * 11), "/blocks/0/elements"),
    (context(BUTTON), "/blocks/0/elements/0"),
    (context(image(title=PLAIN)), "/blocks/0/elements/0/title"),
    ({"type": "divider", "text": PLAIN}, "/blocks/0/text"),
    ({"type": "image", "image_url": URL}, "/blocks/0"),
    ({"type": "image", "alt_text": "a"}, "/blocks/0"),
    (image(alt_text=""), "/blocks/0/alt_text"),
    (image(alt_text="x" * 2001), "/blocks/0/alt_text"),
    (image(image_url="data:image/png;base64,"), "/blocks/0/image_url"),
    (image(image_url=URL + "x" * 3000), "/blocks/0/image_url"),
    (image(image_url="https://"), "/blocks/0/image_url"),
    (image(title=PLAIN | {"text": "x" * 2001}), "/blocks/0/title/text"),
    ({"type": "actions", "elements": []}, "/blocks/0/elements"),
    ({"type": "actions", "elements": [BUTTON] * 26}, "/blocks/0/elements"),
    ({"type": "actions", "elements": [BUTTON | {"style": "big"}]}, "/blocks/0/elements/0/style"),
    ({"type": "rich_text", "elements": []}, "/blocks/0/elements"),
    (rich(), "/blocks/0/elements/0/elements"),
    (rich(text(), kind="rich_text_aside"), "/blocks/0/elements/0"),
    (rich(text(""), kind="rich_text_quote"), "/blocks/0/elements/0/elements/0/text"),
    (rich(text("x", big=True)), "/blocks/0/elements/0/elements/0/style/big"),
    (rich(text("x", bold=1)), "/blocks/0/elements/0/elements/0/style/bold"),
    (rich(text() | {"bold": True}), "/blocks/0/elements/0/elements/0/bold"),
    (rich(link("")), "/blocks/0/elements/0/elements/0/url"),
    (rich(link("javascript:1")), "/blocks/0/elements/0/elements/0/url"),
    (rich(link("/notes/1")), "/blocks/0/elements/0/elements/0/url"),
    (rich(link(text="")), "/blocks/0/elements/0/elements/0/text"),
    (rich({"type": "emoji", "name": ":a:"}), "/blocks/0/elements/0/elements/0/name"),
    (rich(date(timestamp="1")), "/blocks/0/elements/0/elements/0/timestamp"),
    (rich(date(format="today")), "/blocks/0/elements/0/elements/0/format"),
    (rich({"type": "color", "value": "red"}), "/blocks/0/elements/0/elements/0/value"),
    (rich({"type": "user", "user_id": "bob"}), "/blocks/0/elements/0/elements/0/user_id"),
    (rich({"type": "usergroup"}), "/blocks/0/elements/0/elements/0"),
    (rich({"type": "broadcast", "range": "all"}), "/blocks/0/elements/0/elements/0/range"),
    (rich({"type": "shout"}), "/blocks/0/elements/0/elements/0"),
    (rich(date(), kind="rich_text_preformatted"), "/blocks/0/elements/0/elements/0"),
    (rich(text(), kind="rich_text_list", style="bullet"), "/blocks/0/elements/0/elements/0"),
    (listed("a", style="square"), "/blocks/0/elements/0/style"),
    (listed("a", indent="1"), "/blocks/0/elements/0/indent"),
    (listed("a", indent=9), "/blocks/0/elements/0/indent"),
    (rich(text(), kind="rich_text_quote", border=2), "/blocks/0/elements/0/border"),
]


@pytest.mark.parametrize(("block", "place"), INVALID)
async def test_a_wrong_block_is_refused_with_its_place(fake_slack, session, block, place):
    payload = {"text": "hi", "blocks": [block]}
    async with session.post(fake_slack.url, json=payload) as answer:
        assert (answer.status, await answer.text()) == (400, "invalid_blocks")
    assert fake_slack.accepted == []
    [refused] = fake_slack.refused
    assert (refused.code, refused.payload) == ("invalid_blocks", payload)
    assert any(f"[json-pointer:{place}]" in message for message in refused.errors)


VALID = [
    section("x" * 3000, fields=[MRKDWN | {"text": "x" * 1000}] * 10, block_id="a"),
    section(accessory=image(), expand=True),
    {"type": "header", "text": PLAIN | {"text": "x" * 150, "emoji": False}},
    context(image(), *[MRKDWN | {"verbatim": True}] * 9),
    {"type": "divider"},
    image(alt_text="x" * 2000, title=PLAIN),
    {"type": "actions", "elements": [BUTTON | {"url": URL, "style": "danger"}] * 25},
    rich(text("<!channel> *a*", bold=True, italic=True, strike=True, code=True, underline=True)),
    rich(link("mailto:a@a.example", text="x"), {"type": "emoji", "name": "wave"}, date(url=URL)),
    rich({"type": "color", "value": "#FfF000"}, {"type": "broadcast", "range": "here"}),
    rich(text("a\nb"), link(), kind="rich_text_preformatted", border=0, language="python"),
    rich(text(), kind="rich_text_quote", border=1),
    listed("a", "b", style="ordered", indent=1, offset=4),
]


@pytest.mark.parametrize("block", VALID)
async def test_what_is_just_within_the_limits_is_stored_whole(fake_slack, session, block):
    payload = {"text": "hi", "blocks": [block], "unfurl_links": False, "unfurl_media": False}
    async with session.post(fake_slack.url, json=payload) as answer:
        assert (answer.status, answer.content_type) == (200, "text/plain")
        assert await answer.text() == "ok"
    assert [record.payload for record in fake_slack.accepted] == [payload]
    assert fake_slack.refused == []


CONTENT = [
    ({}, "no_text"),
    ({"text": " "}, "no_text"),
    ({"blocks": []}, "no_text"),
    ({"text": "x" * 40_001}, "msg_too_long"),
    ({"text": "hi", "blocks": {}}, "invalid_blocks_format"),
    ({"text": "hi", "blocks": [section()] * 51}, "invalid_blocks"),
    ({"text": "hi", "blocks": [section(block_id="a")] * 2}, "invalid_blocks"),
    ({"text": "hi", "blocks": [section("x" * 2700)] * 5}, "msg_blocks_too_long"),
]


@pytest.mark.parametrize(("payload", "error"), CONTENT)
async def test_webhook_and_api_refuse_the_same_content(fake_slack, session, payload, error):
    async with session.post(fake_slack.url, json=payload) as answer:
        assert (answer.status, await answer.text()) == (400, error)
    answer = await call(session, fake_slack, "chat.postMessage", payload)
    assert (answer["ok"], answer["error"]) == (False, error)
    assert [r.status for r in fake_slack.refused] == [400, 200]
    assert fake_slack.accepted == []


@pytest.mark.parametrize("key", ["channel", "username", "icon_url", "thread_ts", "attachments"])
async def test_a_webhook_takes_no_channel_and_no_name(fake_slack, session, key):
    async with session.post(fake_slack.url, json={"text": "hi", key: "x"}) as answer:
        assert (answer.status, await answer.text()) == (400, "invalid_payload")
    assert key in fake_slack.refused[0].reason


@pytest.mark.parametrize(
    "raw", [b"{", b"\xff", b'"hi"', b'{"text": "\\ud800"}', b'{"text": "\\u0000"}']
)
async def test_a_body_that_is_no_clean_object_is_an_invalid_payload(fake_slack, session, raw):
    async with session.post(fake_slack.url, data=raw) as answer:
        assert (answer.status, await answer.text()) == (400, "invalid_payload")


@pytest.mark.parametrize(("error", "status"), WEBHOOK_STATUS.items())
async def test_a_broken_webhook_says_why_as_plain_text(fake_slack, session, error, status):
    fake_slack.break_webhook(fake_slack.webhook, error)
    async with session.post(fake_slack.url, json={"text": "hi"}) as answer:
        assert (answer.status, answer.content_type) == (status, "text/plain")
        assert await answer.text() == error
    fake_slack.mend_webhook(fake_slack.webhook)
    async with session.post(fake_slack.url, json={"text": "hi"}) as answer:
        assert await answer.text() == "ok"


async def test_a_webhook_reads_forms_too(fake_slack, session):
    form = {"payload": json.dumps({"text": "<!here> https://a.example/"})}
    async with session.post(fake_slack.url, data=form) as answer:
        assert await answer.text() == "ok"
    assert (fake_slack.pings(), fake_slack.links()) == ({"here"}, ["https://a.example/"])


async def test_an_archived_channel_and_unknown_urls_have_their_own_status(fake_slack, session):
    archived = fake_slack.add_webhook(fake_slack.add_channel("is_archived"))
    unknown = fake_slack.base_url + "/services/T1/B1/x"
    for url, status, error in [
        (fake_slack.url_of(archived), 410, "channel_is_archived"),
        (fake_slack.url + "x", 403, "invalid_token"),
        (unknown, 404, "no_service"),
    ]:
        async with session.post(url, json={"text": "hi"}) as answer:
            assert (answer.status, await answer.text()) == (status, error)


async def call(session, fake, method, payload, *, token=None, **fields):
    """One Web API call to the fake's channel."""
    headers = {"Authorization": f"Bearer {token or fake.token}"}
    payload = {"channel": fake.channel} | payload
    async with session.post(
        fake.api_base + method, **{"json": payload} | fields, headers=headers
    ) as answer:
        assert answer.status == 200
        return await answer.json()


async def test_the_api_gives_growing_timestamps_and_threads(fake_slack, session):
    first = await call(session, fake_slack, "chat.postMessage", {"text": "a"})
    second = await call(
        session, fake_slack, "chat.postMessage", {"text": "b", "thread_ts": first["ts"]}
    )
    assert first["ts"] < second["ts"]
    assert [r.thread for r in fake_slack.accepted] == [None, first["ts"]]
    for thread, error in [("0", "invalid_thread_ts"), ("1700000000.000000", "thread_not_found")]:
        payload = {"text": "b", "thread_ts": thread}
        assert (await call(session, fake_slack, "chat.postMessage", payload))["error"] == error


async def test_an_update_with_text_alone_removes_the_blocks(fake_slack, session):
    sent = {"text": "a", "blocks": [section()]}
    ts = (await call(session, fake_slack, "chat.postMessage", sent))["ts"]
    assert (await call(session, fake_slack, "chat.update", {"ts": ts, "text": "b"}))["ok"]
    assert [r.action for r in fake_slack.accepted] == ["post", "edit"]
    message = fake_slack.messages[fake_slack.channel, ts]
    assert (message.result["text"], "blocks" in message.result) == ("b", False)
    missing = await call(session, fake_slack, "chat.update", {"ts": "1.000001", "text": "b"})
    assert missing["error"] == "message_not_found"


async def test_the_api_reads_forms_too(fake_slack, session):
    form = {"channel": fake_slack.channel, "text": "a", "unfurl_links": "false"}
    fields = {"json": None, "data": form | {"blocks": json.dumps([section("b")])}}
    assert (await call(session, fake_slack, "chat.postMessage", {}, **fields))["ok"]
    assert fake_slack.accepted[0].payload["unfurl_links"] is False
    assert "b" in fake_slack.texts()


@pytest.mark.parametrize(
    ("payload", "fields", "error"),
    [
        ({"channel": "C9", "text": "a"}, {}, "channel_not_found"),
        ({"text": "a", "colour": "red"}, {}, "invalid_arguments"),
        ({"text": "a", "unfurl_links": "no"}, {}, "invalid_arguments"),
        ({"text": 1}, {}, "invalid_arguments"),
        ({"text": "a\0"}, {}, "invalid_arguments"),
        ({}, {"json": ["a"]}, "json_not_object"),
        ({}, {"json": None, "data": BytesPayload(b"{", **JSON)}, "invalid_json"),
        ({}, {"json": None, "data": {"blocks": "{"}}, "invalid_blocks_format"),
        ({"text": "a"}, {"token": "xoxb-other"}, "invalid_auth"),
    ],
)
async def test_the_api_names_its_errors_with_status_200(
    fake_slack, session, payload, fields, error
):
    assert (await call(session, fake_slack, "chat.postMessage", payload, **fields))[
        "error"
    ] == error
    assert [(r.status, r.code) for r in fake_slack.refused] == [(200, error)]


async def test_the_api_can_be_made_to_fail(fake_slack, session):
    fake_slack.channels[fake_slack.channel] = "not_in_channel"
    answer = await call(session, fake_slack, "chat.postMessage", {"text": "a"})
    assert answer["error"] == "not_in_channel"
    assert (await call(session, fake_slack, "auth.test", {}))["user_id"] == "U00000001"
    fake_slack.error = "account_inactive"
    assert (await call(session, fake_slack, "auth.test", {}))["error"] == "account_inactive"
    async with session.post(fake_slack.api_base + "auth.test") as answer:
        assert (await answer.json())["error"] == "not_authed"


ESCAPED = "&lt;!channel&gt; &lt;@U1&gt; @channel"


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        ({"text": "<!channel> <!here|x> <!everyone>"}, {"channel", "here", "everyone"}),
        ({"text": "<@U1> <@W2|bob> <!subteam^S3|@team>"}, {"U1", "W2", "S3"}),
        ({"text": ESCAPED, "blocks": [section(ESCAPED)]}, set()),
        ({"text": "@channel @bob", "link_names": True}, {"channel", "bob"}),
        (
            {
                "blocks": [
                    rich(text("<!channel>")),
                    {"type": "header", "text": PLAIN | {"text": "<@U1>"}},
                ]
            },
            set(),
        ),
        ({"blocks": [context(MRKDWN | {"text": "<!here>"})]}, {"here"}),
        ({"blocks": [rich({"type": "broadcast", "range": "channel"})]}, {"channel"}),
        ({"blocks": [rich({"type": "user", "user_id": "U1"})]}, {"U1"}),
        ({"blocks": [rich({"type": "usergroup", "usergroup_id": "S1"})]}, {"S1"}),
    ],
)
def test_pings_are_found_in_markup_and_in_elements_only(payload, expected):
    assert pings(payload) == expected


def test_links_are_what_a_reader_can_click():
    payload = {
        "text": "<https://a.example|a> https://b.example/x &lt;https://c.example|d&gt;",
        "blocks": [rich(text("https://literal.example"), link("https://e.example"))],
    }
    assert links(payload) == [
        "https://a.example",
        "https://b.example/x",
        "https://c.example",
        "https://e.example",
    ]
