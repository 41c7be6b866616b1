"""The sink that sends by the apprise library, to a real server by its json:// scheme."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, cast

import pytest
from aiohttp import web
from pytest_aiohttp import AiohttpServer

from relay.config import parse
from relay.errors import ConfigError
from relay.outcome import Closed, Failed, Outcome, RateLimited, Rejected, Sent
from relay.sinks.apprise import APPRISE, settings
from relay.sinks.apprise.layout import render
from relay.sinks.apprise.settings import AppriseSettings
from relay.sinks.base import Sink
from relay.text.message import Field, Image, Message
from relay.text.tree import Code, Link, Pre, Quote, Style, Styled, Text

SECRET = "kX9-the-secret-of-this-sink-Q"
HELLO = Message(
    author=(Text("Bob (@bob@a.example)"),),
    title=(Text("mentioned you"),),
    url="https://a.example/notes/1",
    body=(Text("hello *you*"),),
    fields=(Field(name=(Text("Reason"),), value=(Text("spam"),)),),
    images=(Image(url="https://a.example/files/cat.png", alt="a cat"),),
    at=0,
)
CONFIG = """
hooks: {alice: {secret: a-long-secret}}
sinks: {phone: {type: TYPE, url: "URL"}}
routes: [{to: phone}]
"""

Serve = Callable[..., Awaitable[Sink]]


def open_sink(url: str, **keys: Any) -> Sink:
    sink = AppriseSettings.model_validate({"type": "apprise", "url": url, **keys})
    return sink.open(cast(Any, None))


class Service:
    """Answers with one status, and keeps the messages that came."""

    def __init__(self, status: int = 200) -> None:
        self.status = status
        self.messages: list[dict[str, Any]] = []
        self.headers: dict[str, str] = {}

    async def answer(self, request: web.Request) -> web.Response:
        self.messages.append(await request.json())
        return web.Response(status=self.status, text="no", headers=self.headers)


@pytest.fixture
def serve(aiohttp_server: AiohttpServer) -> Serve:
    async def start(service: Service, **keys: Any) -> Sink:
        app = web.Application()
        app.router.add_post("/{path:.*}", service.answer)
        server = await aiohttp_server(app)
        return open_sink(f"json://127.0.0.1:{server.port}/{SECRET}", **keys)

    return start


async def send(sink: Sink, message: Message = HELLO) -> Outcome:
    return await sink.send(sink.layout([message]), key="1")


async def test_a_message_arrives_as_a_title_and_a_text(serve: Serve) -> None:
    service = Service()
    assert await send(await serve(service)) == Sent()
    (message,) = service.messages
    assert message["title"] == "Bob (@bob@a.example) · mentioned you"
    assert message["message"].split("\n\n") == [
        "hello *you*",
        "Reason: spam",
        "🖼 a cat (https://a.example/files/cat.png)",
        "1970-01-01 00:00 UTC",
        "https://a.example/notes/1",
    ]


async def test_each_message_is_a_request_and_cannot_be_changed() -> None:
    sink = open_sink("json://127.0.0.1:9/")
    assert (sink.layout([HELLO, HELLO]).count, sink.max_batch, sink.can_edit) == (1, 1, False)
    assert isinstance(await sink.edit("1", sink.layout([HELLO]), key="2"), Rejected)


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (400, Rejected),
        (401, Closed),
        (403, Closed),
        (404, Closed),
        (410, Closed),
        (413, Rejected),
        (429, RateLimited),
        (500, Failed),
        (503, Failed),
    ],
)
async def test_a_failure_is_classified_by_its_status(
    serve: Serve, status: int, expected: type[Outcome]
) -> None:
    service = Service(status)
    outcome = await send(await serve(service))
    assert isinstance(outcome, expected)
    assert not isinstance(outcome, Failed) or outcome.ambiguous
    assert len(service.messages) == 1


async def test_without_an_answer_nobody_knows_whether_it_arrived(unused_tcp_port: int) -> None:
    outcome = await send(open_sink(f"json://127.0.0.1:{unused_tcp_port}/{SECRET}"))
    assert isinstance(outcome, Failed)
    assert outcome.ambiguous


async def test_the_url_is_in_no_outcome_and_in_no_log(
    serve: Serve, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    for status in (200, 404, 500):
        sink = await serve(Service(status))
        assert SECRET not in repr(await send(sink))
        assert SECRET not in repr(sink.settings)
    records = [one for one in caplog.records if one.name != "aiohttp.access"]
    assert not [one for one in records if SECRET in f"{one.getMessage()} {vars(one)}"]
    printed = capfd.readouterr()
    assert SECRET not in printed.out + printed.err


async def test_the_loop_goes_on_while_a_service_is_slow(aiohttp_server: AiohttpServer) -> None:
    slow = asyncio.Event()

    async def answer(request: web.Request) -> web.Response:
        await slow.wait()
        return web.Response()

    app = web.Application()
    app.router.add_post("/", answer)
    server = await aiohttp_server(app)
    sending = asyncio.create_task(send(open_sink(f"json://127.0.0.1:{server.port}/")))
    await asyncio.sleep(0)
    slow.set()  # nobody would, if the loop waited for the service
    assert await sending == Sent()


async def test_a_text_is_shortened_to_what_the_service_takes(serve: Serve) -> None:
    service = Service()
    sink = await serve(service)
    long = Message(title=(Text("t" * 1000),), body=(Text("word " * 20_000),))
    assert await send(sink, long) == Sent()
    (message,) = service.messages
    assert message["title"] == "t" * 250
    assert 32_000 < len(message["message"]) <= 32_768
    assert message["message"].endswith("…")


def test_a_service_without_titles_gets_them_in_the_text() -> None:
    sink = open_sink("tgram://123456789:abcdefg_hijklmnop/12315544/")
    payload = sink.layout([HELLO]).payload
    assert payload["title"] == ""
    assert payload["body"].startswith("Bob (@bob@a.example) · mentioned you\n\nhello *you*")
    long = sink.layout([Message(title=(Text("t"),), body=(Text("word " * 2000),))])
    assert 4000 < len(long.payload["body"]) <= 4096


# --- Markdown


@pytest.mark.parametrize(
    ("tree", "written"),
    [
        ((Text("*a* [b](c) <d> # e"),), r"\*a\* \[b\]\(c\) \<d\> \# e"),
        ((Styled(Style.BOLD, (Text("a b "),)), Text("c")), "**a b** c"),
        ((Styled(Style.BOLD, (Styled(Style.ITALIC, (Text("a"),)),)),), "***a***"),
        ((Styled(Style.STRIKE, (Text("a\nb"),)),), "~~a~~\n~~b~~"),
        ((Code("a`b"),), "`` a`b ``"),
        ((Pre("a\n```\nb", ""),), "````\na\n```\nb\n````"),
        ((Quote((Text("a\nb"),)), Text("c")), "> a\n> b\n\nc"),
        ((Link("https://a.example/b(c", (Text("d *e*"),)),), r"[d \*e\*](<https://a.example/b(c>)"),
        ((Styled(Style.SPOILER, (Text("secret"),)),), "█████"),
    ],
)
def test_markdown_shows_texts_as_they_are(tree: Any, written: str) -> None:
    assert render(tree) == written


async def test_markdown_is_sent_if_the_settings_say_so(serve: Serve) -> None:
    service = Service()
    assert await send(await serve(service, format="markdown")) == Sent()
    assert "hello \\*you\\*" in service.messages[0]["message"]


# --- settings


def config(url: str, type_: str = "apprise") -> Any:
    text = CONFIG.replace("URL", url).replace("TYPE", type_)
    return parse(text, file="config.yaml", base=Path(), environ={})


@pytest.mark.parametrize("url", ["foo://x", "ntfy", "tgram://", "https://example.org/x"])
def test_an_url_of_no_service_is_reported(url: str) -> None:
    with pytest.raises(ConfigError, match=r"config\.yaml:3:\d+: sinks\.phone\.url: "):
        config(url)


def test_a_missing_extra_is_reported_only_if_a_sink_needs_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(settings, "find_spec", lambda name: None)
    with pytest.raises(
        ConfigError, match=r"needs the extra \[apprise\]: pip install '\.\[apprise\]'"
    ):
        config("json://127.0.0.1/")
    config("https://discord.com/api/webhooks/1/abc", "discord")


def test_the_extra_is_the_one_that_the_message_names() -> None:
    text = (Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8")
    assert '\napprise = ["apprise' in text


async def test_the_probe_asks_nothing_of_the_service(serve: Serve) -> None:
    service = Service()
    sink = await serve(service)
    assert (await sink.probe(), await sink.check(), service.messages) == (Sent(), None, [])


def test_a_drawing_escapes_what_it_draws() -> None:
    drawing = APPRISE.preview({"title": "<b>", "body": "a & b", "format": "text"})
    assert drawing == '<pre class="console">&lt;b&gt;\n\na &amp; b</pre>'
