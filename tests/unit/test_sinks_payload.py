"""Whatever a message holds: its payload is one that the vendor takes, and that pings nobody."""

import json
from collections.abc import Iterator
from typing import Any, cast

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from relay.sinks.console import ConsoleSettings
from relay.sinks.discord.settings import DiscordMentions, DiscordSettings, username
from relay.sinks.layout import cut_units, encoded, units
from relay.sinks.matrix.settings import MatrixSettings
from relay.sinks.slack.settings import SlackSettings
from relay.text import links as link
from relay.text import tree
from relay.text.message import Field, Image, Message, plain_form
from relay.text.tree import Link, Node, Style, Styled, Text, Tree
from tests.fakes import discord_pings, slack_pings
from tests.fakes.discord_rules import embed_length, form_errors, is_empty
from tests.fakes.records import strings, unsendable
from tests.fakes.slack_rules import content_error

# Of 65 536 bytes that an event may have, with what the server adds to the content.
EVENT = 64_000

NASTY = (
    "", " ", "\n", "\u200b", "\u3000\u2003", "\x00", "\x1b[31m", "\ud800", "\udc00\ud800",
    "@everyone", "@here", "<@1>", "<@&2>", "<!channel>", "<!here|x>", "<@U123>", "<!subteam^S1>",
    "```", "`", "||", "**", "_", "~~", "[x](https://a.example)", "<https://a.example|x>", "\\",
    "# x", "> x", "- x", "1. x", "&amp;", "<b>", '"', "{{ x }}", "e\u0301", "\u202e",
    "👨\u200d👩\u200d👧\u200d👦", "😀", "a", "あ", "word ", "*",
)  # fmt: skip
URLS = (
    "https://a.example/x", "HTTPS://A.EXAMPLE/X", "http://localhost:3000/x", "http://grafana/x",
    "http://127.0.0.1/x", "https://[::1]/x", "https://a.example:99999/", "https://a.example:x/",
    "https://例え.jp/ん", "https://a.example/(x)|*_<>`\\", "mailto:a@b.example", "mailto:", "https://.",
    "javascript:alert(1)", "", "https://user:pw@a.example/", "https:///x",
)  # fmt: skip
LENGTHS = (1, 1, 1, 1, 300, 2100, 5000)


def repeated(texts: tuple[str, ...]) -> st.SearchStrategy[str]:
    return st.builds(str.__mul__, st.sampled_from(texts), st.sampled_from(LENGTHS))


TEXT = repeated(NASTY) | st.text(st.characters(), max_size=40)
LONG_URL = repeated(("x", "ん", "|", "%20")).map("https://a.example/".__add__)
WEB = (st.sampled_from(URLS) | LONG_URL).filter(link.is_web)
LEAF: st.SearchStrategy[Node] = st.one_of(
    st.builds(Text, TEXT),
    st.builds(tree.Code, TEXT),
    st.builds(tree.Pre, TEXT, TEXT),
    st.builds(tree.Math, TEXT, st.booleans()),
    st.builds(tree.Emoji, TEXT),
    st.builds(tree.Time, st.integers(-(2**63), 2**63)),
)


def parents(children: st.SearchStrategy[Tree]) -> st.SearchStrategy[Tree]:
    links = st.builds(link.link, WEB, children)
    one: st.SearchStrategy[Node] = st.one_of(
        st.builds(Styled, st.sampled_from(Style), children),
        st.builds(tree.Quote, children),
        st.builds(tree.Center, children),
        st.builds(tree.Heading, children),
        st.builds(tree.Colored, children, st.sampled_from(["", "#ff0000", "red"])),
    )
    many = st.lists(one | LEAF, max_size=4).map(tuple)
    return links | many


TREE: st.SearchStrategy[Tree] = st.recursive(
    st.lists(LEAF, max_size=3).map(tuple), parents, max_leaves=8
)
IMAGES = st.lists(st.builds(Image, url=WEB, alt=TEXT), max_size=18).map(tuple)
FIELDS = st.lists(st.builds(Field, name=TREE, value=TREE), max_size=27).map(tuple)
MESSAGE = st.builds(
    Message,
    title=TREE,
    url=st.none() | WEB,
    author=TREE,
    author_url=st.none() | WEB,
    avatar=st.none() | WEB,
    color=st.none() | st.integers(-1, 2**25),
    body=TREE,
    fields=st.just(()) | FIELDS,
    images=st.just(()) | IMAGES,
    footer=TREE,
    ping=st.frozensets(st.sampled_from(["all", "1", "U123", "@a:b.example", "here", "room", "x"])),
    at=st.none() | st.integers(-(2**63), 2**63),
)

DISCORD = DiscordSettings(
    type="discord", url="https://discord.com/api/webhooks/1/secret", avatar="author", username="é"
)
WEBHOOK = SlackSettings(type="slack", url="https://hooks.slack.com/services/T/B/secret")
BOT = SlackSettings(type="slack", token="xoxb-secret", channel="C1")
MATRIX = MatrixSettings(type="matrix", homeserver="https://m.example", room="!a", token="secret")
SINKS = (DISCORD, WEBHOOK, BOT, MATRIX, ConsoleSettings(type="console"))


def arrived(sink: Any, *messages: Message) -> dict[str, Any]:
    """The payload as the vendor reads it."""
    return dict(json.loads(encoded(sink.layout(messages).payload)))


def complaints(sink: Any, payload: dict[str, Any]) -> Iterator[object]:
    """What the vendor would say against a payload."""
    if why := unsendable(payload):
        yield why
    if isinstance(sink, DiscordSettings):
        yield from form_errors(payload, edit=False).found
        if is_empty(payload):
            yield "empty"
    if isinstance(sink, SlackSettings) and (error := content_error(payload)):
        yield error
    if isinstance(sink, MatrixSettings):
        size = len(encoded(payload))
        if size > EVENT or not payload["body"] or not payload["formatted_body"]:
            yield size


def pings(sink: Any, payload: dict[str, Any]) -> set[str]:
    if isinstance(sink, DiscordSettings):
        return discord_pings.pings(payload)
    if isinstance(sink, SlackSettings):
        return slack_pings.pings(payload)
    mentions = payload.get("m.mentions", {})
    return {*mentions.get("user_ids", ()), *(["room"] if mentions.get("room") else [])}


FULL = Message(
    title=(Text("t" * 9000),), author=(Text("a" * 9000),), footer=(Text("f" * 9000),),
    url="https://a.example/" + "x" * 500, author_url="https://a.example/" + "x" * 500,
    body=(Text("😀" * 50_000),),
    fields=tuple(Field(name=(Text("n" * 900),), value=(Text("😀" * 3000),)) for _ in range(30)),
    images=tuple(Image(url=f"https://a.example/{n}", alt="é" * 5000) for n in range(18)),
)  # fmt: skip


@pytest.mark.parametrize("sink", SINKS, ids=lambda sink: type(sink).__name__)
@settings(max_examples=30, deadline=None)
@given(message=MESSAGE)
@example(message=Message())
@example(message=FULL)
@example(message=Message(images=FULL.images))
@example(message=Message(images=(Image(url="http://localhost/x", alt="\ud800"),)))
@example(message=Message(body=(Text(" \n\u3000 "),), title=(Text(" "),), footer=(Text(" "),)))
@example(message=Message(body=(Text("a" * 100_000),), url="https://a.example/n"))
@example(message=Message(fields=(Field(name=(), value=(Text("x"),)),)))
@example(message=Message(fields=(Field(name=(Text("x"),), value=()),)))
@example(message=Message(fields=(Field(name=(), value=()),)))
@example(message=Message(body=(Link("mailto:", (Text("x"),)),)))
@example(message=Message(body=(Link("https://a.example/" + "x" * 4000, (Text("x"),)),)))
def test_no_payload_is_refused_or_pings(sink: Any, message: Message) -> None:
    for one in (message, plain_form(message)):
        payload = arrived(sink, one)
        assert list(complaints(sink, payload)) == []
        assert pings(sink, payload) == set()


@pytest.mark.parametrize("sink", SINKS, ids=lambda sink: type(sink).__name__)
@settings(max_examples=20, deadline=None)
@given(messages=st.lists(MESSAGE, min_size=1, max_size=12))
@example(messages=[Message()] * 12)
@example(messages=[FULL] * 3)
@example(messages=[Message(title=(Text("t"),)), FULL, Message(title=(Text("t"),))])
@example(messages=[Message(images=FULL.images[:9])] * 2)
@example(messages=[Message(body=(Text("&" * 1900),))] * 12)
def test_what_goes_together_is_not_refused_and_pings_nobody(
    sink: Any, messages: list[Message]
) -> None:
    count = sink.layout(messages).count
    assert 1 <= count <= min(len(messages), sink.open(cast(Any, None)).max_batch)
    payload = arrived(sink, *messages[:count])
    assert list(complaints(sink, payload)) == []
    assert pings(sink, payload) == set()
    assert _shows(payload) == [it for one in messages[:count] for it in _shows(arrived(sink, one))]


def _shows(payload: dict[str, Any]) -> list[Any]:
    """What people see, but for what stands between messages."""
    if "formatted_body" in payload:
        parts = payload["formatted_body"].split("<hr>")
        return [part for part in parts if part != "Misskey"]
    if "embeds" in payload:
        return list(payload["embeds"])
    if "blocks" in payload:
        return [block for block in payload["blocks"] if block["type"] != "divider"]
    return []


@given(st.text(st.characters(), max_size=30), st.integers(0, 20))
def test_a_text_is_cut_to_its_length_and_no_character_in_two(text: str, limit: int) -> None:
    cut = cut_units(text, limit)
    assert units(cut) <= limit
    if not unsendable(text):
        assert text.startswith(cut)
        assert units(cut) >= min(limit - 1, units(text))


# --- pings


PINGING = (
    DiscordSettings(
        type="discord",
        url="https://discord.com/api/webhooks/1/secret",
        mentions=DiscordMentions(roles=tuple(map(str, range(40))), users=("7" * 20, "88")),
    ),
    SlackSettings(
        type="slack",
        url="https://hooks.slack.com/services/T/B/secret",
        mentions={"users": ["U123", "U124"], "groups": ["S123"], "channel": "here"},
    ),
    MatrixSettings(
        type="matrix",
        homeserver="https://m.example",
        room="!a",
        token="secret",
        mentions={"users": [f"@{n}{'x' * 200}:b.example" for n in range(40)], "room": True},
    ),
)


@pytest.mark.parametrize("sink", PINGING, ids=lambda sink: type(sink).__name__)
@pytest.mark.parametrize("message", [Message(), FULL], ids=["nothing", "everything"])
def test_whom_the_config_names_may_be_pinged_and_nobody_else(sink: Any, message: Message) -> None:
    asked = Message(**{name: getattr(message, name) for name in message.__slots__} | PING_ALL)
    for one in (asked, plain_form(asked)):
        payload = arrived(sink, one)
        assert list(complaints(sink, payload)) == []
        assert pings(sink, payload) == NAMED[type(sink)]


PING_ALL = {"ping": frozenset({"all", "999", "U999", "@eve:b.example", "channel"})}
NAMED = {
    DiscordSettings: {*(f"<@&{n}>" for n in range(40)), "<@" + "7" * 20 + ">", "<@88>"},
    SlackSettings: {"U123", "U124", "S123", "here"},
    MatrixSettings: {*(f"@{n}{'x' * 200}:b.example" for n in range(40)), "room"},
}


@pytest.mark.parametrize("sink", PINGING, ids=lambda sink: type(sink).__name__)
@pytest.mark.parametrize(
    ("wanted", "pinged"),
    [
        (set(), set()),
        ({"999", "U999", "S9", "channel", "everyone", "@eve:b.example"}, set()),
        ({"88", "U124", "room"}, {"<@88>", "U124", "room"}),
        ({"3", "S123"}, {"<@&3>", "S123"}),
        ({"here"}, {"here"}),
    ],
)
def test_a_template_chooses_among_those_that_the_config_names(
    sink: Any, wanted: set[str], pinged: set[str]
) -> None:
    payload = arrived(sink, Message(title=(Text("<@88> <!here>"),), ping=frozenset(wanted)))
    assert pings(sink, payload) == pinged & NAMED[type(sink)]


def test_whom_any_of_several_asks_for_is_pinged_once() -> None:
    both = [Message(title=(Text("t"),), ping=frozenset({one, "3"})) for one in ("7" * 20, "88")]
    payload = arrived(PINGING[0], *both)
    assert payload["content"] == f"<@&3> <@{'7' * 20}> <@88>"
    assert list(complaints(PINGING[0], payload)) == []


# --- several messages in one request


def linking(*urls: str | None) -> list[Message]:
    return [Message(title=(Text("t"),), url=url) for url in urls]


def test_discord_would_hide_the_second_of_two_with_one_address() -> None:
    one, two = "https://a.example/1", "https://a.example/2"
    assert DISCORD.layout(linking(one, two, one, None)).count == 2
    assert DISCORD.layout(linking(None, None, one)).count == 3


def test_only_what_one_face_says_goes_together() -> None:
    faces = [
        Message(title=(Text("t"),), avatar=f"https://a.example/{name}") for name in ("a", "a", "b")
    ]
    assert DISCORD.layout(faces).count == 2
    assert DISCORD.model_copy(update={"avatar": "none"}).layout(faces).count == 3


def test_where_each_begins_a_thread_nothing_goes_together() -> None:
    forum = DISCORD.model_copy(update={"thread_name": "news"})
    assert (forum.max_batch, forum.layout(linking(None, None)).count) == (1, 1)


def test_between_several_there_is_a_line() -> None:
    several = linking(None, None)
    kinds = [block["type"] for block in arrived(WEBHOOK, *several)["blocks"]]
    assert kinds == ["rich_text", "divider", "rich_text"]
    assert arrived(MATRIX, *several)["formatted_body"] == "t<hr>t"
    assert arrived(MATRIX, *several)["body"] == "t\n\nt"
    assert arrived(WEBHOOK, *several)["text"] == "t\nt"


# --- what a long message keeps


def test_a_long_text_leaves_the_rest_of_a_message_whole() -> None:
    message = Message(
        title=(Text("the title"),),
        author=(Text("the author"),),
        footer=(Text("the footer"),),
        url="https://a.example/n",
        body=(Text("word " * 20_000),),
        fields=(Field(name=(Text("the name"),), value=(Text("the value"),)),),
        images=(Image(url="https://a.example/picture", alt="the alt text"),),
    )
    parts = ("title", "author", "footer", "name", "value")
    for sink in SINKS:
        payload = arrived(sink, message)
        shown = "\n".join(strings(payload))
        assert [part for part in parts if f"the {part}" not in shown] == []
        assert "https://a.example/picture" in shown
        assert isinstance(sink, ConsoleSettings) or "→" in shown
        assert isinstance(sink, DiscordSettings) or "the alt text" in shown


def test_discord_uses_the_room_that_it_gives() -> None:
    long = Message(body=FULL.body, title=(Text("t"),))
    (embed,) = arrived(DISCORD, long)["embeds"]
    assert 4000 < units(embed["description"]) <= 4096
    assert 5500 < sum(map(embed_length, arrived(DISCORD, FULL)["embeds"])) <= 6000


def test_discord_links_to_pictures_that_it_would_not_show() -> None:
    images = tuple(Image(url=f"https://a.example/{n}", alt=f"alt {n}") for n in range(12))
    local = Image(url="http://localhost:3000/cat", alt="the cat")
    embeds = arrived(DISCORD, Message(images=(local, *images)))["embeds"]
    assert [embed["image"]["url"] for embed in embeds] == [it.url for it in images[:10]]
    for image in (local, *images[10:]):
        assert f"[🖼 {image.alt}](<{image.url}>)" in embeds[0]["description"]


def test_pictures_alone_are_a_message() -> None:
    message = Message(images=(Image(url="https://a.example/1"), Image(url="https://a.example/2")))
    assert len(arrived(DISCORD, message)["embeds"]) == 2
    assert [block["alt_text"] for block in arrived(WEBHOOK, message)["blocks"]] == ["🖼", "🖼"]
    assert arrived(MATRIX, message)["formatted_body"].count("<a href") == 2


@pytest.mark.parametrize(
    "alt", ["https://bank.example", "see www.bank.example now", "bank.example/login"]
)
def test_an_alt_text_does_not_pass_for_the_address(alt: str) -> None:
    html = arrived(MATRIX, Message(images=(Image(url="https://eve.example/1", alt=alt),)))
    assert f"{alt}</a>" not in html["formatted_body"]
    assert "https://eve.example/1</a>" in html["formatted_body"]


def test_discord_gets_both_halves_of_every_field() -> None:
    halves = (
        Field(name=(), value=(Text("value"),)),
        Field(name=(Text("name"),), value=(Text(" "),)),
        Field(name=(Text(" "),), value=()),
    )
    (embed,) = arrived(DISCORD, Message(fields=halves))["embeds"]
    assert embed["fields"] == [
        {"name": "\u200b", "value": "value", "inline": True},
        {"name": "name", "value": "\u200b", "inline": True},
    ]


def test_an_author_without_an_accepted_address_keeps_the_name() -> None:
    message = Message(
        author=(Text("me"),), author_url="http://mk:3000/@me", avatar="http://mk:3000/me.png"
    )
    payload = arrived(DISCORD, message)
    assert payload["embeds"][0]["author"] == {"name": "me"}
    assert "avatar_url" not in payload
    shown = Message(author=(Text("me"),), avatar="https://a.example/me.png")
    assert arrived(DISCORD, shown)["avatar_url"] == "https://a.example/me.png"


def test_a_notification_tells_nothing_of_a_text_that_may_be_hidden() -> None:
    hidden = (Text("see "), Styled(Style.SPOILER, (Text("secret"),)))
    message = Message(author=(Text("me & you"),), title=(Text("wrote"),), body=hidden)
    for sink in (WEBHOOK, BOT):
        assert arrived(sink, message)["text"] == "me &amp; you · wrote: see █████"
    assert arrived(WEBHOOK, Message(body=hidden[1:]))["text"] == "Misskey"


def test_a_title_is_not_lost_with_an_address_that_is_too_long() -> None:
    message = Message(title=(Text("the title"),), url="https://a.example/" + "x" * 2500)
    for sink in SINKS:
        assert "the title" in "\n".join(strings(arrived(sink, message)))


def test_a_bot_says_what_slack_is_not_to_do() -> None:
    payload = arrived(BOT, Message(title=(Text("t"),)))
    assert (payload["channel"], payload["link_names"], payload["parse"]) == ("C1", False, "none")
    for sink in (WEBHOOK, BOT):
        sent = arrived(sink, Message(title=(Text("t"),)))
        assert (sent["unfurl_links"], sent["unfurl_media"]) == (False, False)
        assert "thread_ts" not in sent


# --- names


@pytest.mark.parametrize(
    ("wanted", "shown"),
    [
        ("relay", "relay"),
        ("  relay ", "relay"),
        ("there", "there"),
        ("Discord", "D\u200biscord"),
        ("my discord DISCORD", "my d\u200biscord D\u200bISCORD"),
        ("dis@cord", "d\u200biscord"),
        ("clyde", "c\u200blyde"),
        ("Everyone", "E\u200bveryone"),
        ("here", "h\u200bere"),
        ("a@b#c:d", "abcd"),
        ("a```b", "a`\u200b``b"),
        ("@", ""),
        ("x" * 100, "x" * 80),
        ("😀" * 50, "😀" * 40),
    ],
)
def test_a_username_is_one_that_discord_takes(wanted: str, shown: str) -> None:
    assert username(wanted) == shown


@given(st.text(st.sampled_from("discordDISCORDclydeſıhereverone@#:` \u200b😀"), max_size=90))
def test_any_username_is_taken(wanted: str) -> None:
    sink = DISCORD.model_copy(update={"username": wanted})
    assert list(complaints(sink, arrived(sink, Message(title=(Text("t"),))))) == []
