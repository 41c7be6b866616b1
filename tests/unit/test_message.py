"""What is left of a message for a chat that refused a part of it."""

import json

import pytest

from relay.app.plan import policy, renderer
from relay.cli.preview import embedded
from relay.delivery.requester import NARROWINGS, Fallback
from relay.outcome import Rejected
from relay.text.message import Field, Image, Message, plain_form, undrawn, without
from relay.text.tree import (
    Center,
    Code,
    Colored,
    Emoji,
    Heading,
    Link,
    Pre,
    Quote,
    Style,
    Styled,
    Text,
    Time,
)
from tests import cases

CAT, DOG = (Image(url=f"https://a.example/{name}.png", alt=f"a {name}") for name in ("cat", "dog"))
PERSON = Link("https://a.example/@bob", (Text("@bob"),))
MESSAGE = Message(
    title=(Text("Note"),),
    url="https://a.example/notes/1",
    author=(Text("Bob"),),
    author_url="https://a.example/@bob",
    avatar="https://a.example/bob.webp",
    body=(Styled(Style.BOLD, (PERSON,)), Quote((PERSON, Text("said")))),
    fields=(Field(name=(Text("By"),), value=(PERSON,)),),
    images=(CAT, DOG),
)


def test_a_picture_that_is_refused_becomes_a_link_and_all_else_stays() -> None:
    left = without(MESSAGE, {CAT.url})
    assert [image.is_drawn for image in left.images] == [False, True]
    assert [image.url for image in left.images] == [CAT.url, DOG.url]
    assert left == Message(
        **{name: getattr(MESSAGE, name) for name in Message.__slots__} | {"images": left.images}
    )


def test_a_link_that_is_refused_leaves_its_label() -> None:
    left = without(MESSAGE, {PERSON.url, CAT.url})
    assert left.body == (Styled(Style.BOLD, (Text("@bob"),)), Quote((Text("@bob"), Text("said"))))
    assert (left.fields[0].value, left.author_url) == ((Text("@bob"),), None)
    assert (left.url, left.images[0].is_drawn) == (MESSAGE.url, False)
    gone = without(left, {CAT.url})
    assert (gone.images[0].url, gone.images[0].alt) == ("", "a cat")


def test_a_face_or_an_address_that_is_refused_goes_alone() -> None:
    assert without(MESSAGE, {MESSAGE.avatar or ""}).avatar is None
    left = without(MESSAGE, {MESSAGE.url or ""})
    assert (left.url, left.title, left.images) == (None, MESSAGE.title, MESSAGE.images)


def test_without_pictures_all_of_them_are_links() -> None:
    left = undrawn(MESSAGE)
    assert ({image.is_drawn for image in left.images}, left.avatar) == ({False}, None)


def test_who_refuses_one_after_the_other_gets_no_pictures() -> None:
    first = Fallback("key").after(Rejected("400", refused=frozenset({CAT.url})))
    assert [one.is_drawn for one in first.applied([MESSAGE])[0].images] == [False, True]
    second = first.after(Rejected("400", refused=frozenset({MESSAGE.avatar or ""})))
    assert second.steps == NARROWINGS
    assert {one.is_drawn for one in second.applied([MESSAGE])[0].images} == {False}
    unnamed = Fallback("key").after(Rejected("400"))
    assert unnamed.applied([MESSAGE]) == [MESSAGE]


def test_the_plain_form_has_text_links_and_bold_and_nothing_else() -> None:
    body = (
        Center((Styled(Style.BOLD, (Text("bold"), Code("x"))),)),
        Colored((Styled(Style.ITALIC, (Text(" italic "),)),), "#ff0000"),
        PERSON,
        Quote((Text("one\ntwo "), PERSON)),
        Heading((Text("head"),)),
        Pre("a = 1"),
        Emoji("blobcat", "https://a.example/blobcat.png", "<:blobcat:1>"),
        Time(0, "once"),
        Styled(Style.SPOILER, (Text("hidden"), PERSON)),
        Link("https://a.example/x", (Styled(Style.ITALIC, (Text("the shop"),)),)),
        Link("javascript:alert(1)", (Text("no link"),)),
        Link("https://a.example/blank", ()),
    )
    plain = plain_form(Message(body=body, images=(CAT,), avatar="https://a.example/bob.webp"))
    assert plain.body == (
        Styled(Style.BOLD, (Text("bold"), Text("x"))),
        Text("\n italic "),
        PERSON,
        Text("\n> one\n> two "),
        PERSON,
        Text("\n\n"),
        Styled(Style.BOLD, (Text("head"),)),
        Text("\n\na = 1\n:blobcat:once█████"),
        Link("https://a.example/x", (Text("the shop"),)),
        Text("no linkhttps://a.example/blank"),
    )
    assert ([one.is_drawn for one in plain.images], plain.avatar) == ([False], None)


@pytest.mark.parametrize(
    ("vendor", "parts"),
    [
        (
            "discord",
            [
                "**drawing**", "[@carol](<https://misskey.example/@carol>)",
                "[#art](<https://misskey.example/tags/art>)", "<https://example.com/x>",
                "[the shop](<https://shop.example/>)", "🖼 IMG", "https://misskey.example/@bob",
            ],
        ),
        (
            "slack",
            [
                '"text": "drawing", "style": {"bold": true}', "https://misskey.example/@carol",
                '"url": "https://misskey.example/tags/art"', '"url": "https://example.com/x"',
                '"url": "https://shop.example/", "text": "the shop"', "https://misskey.example/@bob",
            ],
        ),
        (
            "matrix",
            [
                "<b>drawing</b>", '<a href="https://misskey.example/@carol">@carol</a>',
                '<a href="https://misskey.example/tags/art">#art</a>',
                '<a href="https://example.com/x">', '<a href="https://shop.example/">the shop</a>',
                '<a href="https://misskey.example/@bob">',
            ],
        ),
    ],
)  # fmt: skip
def test_in_plain_form_links_mentions_and_bold_are_alive(vendor: str, parts: list[str]) -> None:
    config = embedded()
    sink = config.sinks[vendor]
    made = renderer(config).rendered(cases.event("g01"), "", policy(config, sink))
    found = json.dumps(sink.layout([plain_form(made)]).payload, ensure_ascii=False).replace(
        '\\"', '"'
    )
    assert [part for part in parts if part not in found] == []
    assert "https\\\\://" not in found
