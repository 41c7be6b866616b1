"""What each chat draws as a picture, and that everything else is a link with a name."""

import json
from typing import Any

import pytest

from relay.app.plan import policy, renderer
from relay.cli.preview import embedded
from relay.routing.gate import redacted
from relay.sinks.discord.layout import PICTURES as DISCORD
from relay.sinks.images import draws, is_reachable
from relay.sinks.layout import picture_link
from relay.sinks.slack.layout import PICTURES as SLACK
from relay.text.message import Image, Message
from relay.text.tree import Text, text_of
from tests import cases
from tests.fakes.slack_rules import content_error

CONFIG = embedded()
DRAWN = {"discord": DISCORD, "slack": SLACK}
PLACE = "https://misskey.example/files/"


def payload(vendor: str, *images: Image, **parts: Any) -> str:
    """What a chat gets, as text."""
    message = Message(body=(Text("look"),), images=images, **parts)
    return json.dumps(CONFIG.sinks[vendor].layout([message]).payload, ensure_ascii=False)


def drawn(vendor: str, payload: dict[str, Any]) -> list[str]:
    if vendor == "discord":
        return [one["image"]["url"] for one in payload["embeds"] if "image" in one]
    return [one["image_url"] for one in payload.get("blocks", ()) if one["type"] == "image"]


def of_case(name: str, vendor: str) -> dict[str, Any]:
    """The payload of a case."""
    event, sink = cases.event(name), CONFIG.sinks[vendor]
    made = renderer(CONFIG).rendered(redacted(sink.gate, event), "", policy(CONFIG, sink))
    return dict(sink.layout([made]).payload)


@pytest.mark.parametrize(
    ("kind", "address", "chats"),
    [
        ("image/png", "1", "discord slack"),
        ("image/jpeg", "1", "discord slack"),
        ("image/gif", "1", "discord slack"),
        ("image/webp", "1", "discord"),
        ("IMAGE/PNG", "1", "discord slack"),
        ("image/png; charset=binary", "1", "discord slack"),
        ("image/jpg", "1.JPG", "discord slack"),
        ("image/pjpeg", "1", "discord slack"),
        ("image/avif", "1", ""),
        ("image/heic", "1", ""),
        ("image/heif", "1", ""),
        ("image/apng", "1", ""),
        ("image/bmp", "1", ""),
        ("image/tiff", "1", ""),
        ("image/svg+xml", "1", ""),
        ("image/vnd.adobe.photoshop", "1", ""),
        ("image/x-icon", "1", ""),
        ("image/vnd.microsoft.icon", "1", ""),
        ("image/jxl", "1", ""),
        ("image/x-xcf", "1", ""),
        ("image/something-new", "1", ""),
        ("application/pdf", "1", ""),
        # the address belies the type
        ("image/jpeg", "1.webp", "discord"),
        ("image/png", "1.WEBP", "discord"),
        ("image/png", "1.%77ebp", "discord"),
        ("image/png", "1.avif", ""),
        ("image/jpeg", "1.heic", ""),
        ("image/png", "logo.svg", ""),
        ("image/png", "1.tif", ""),
        ("image/png", "1.jpg.webp", "discord"),
        ("image/jpeg", "1.jpg:large", "discord slack"),
        ("image/jpeg", "1.webp:large", "discord"),
        ("image/png", "1.webp/", "discord"),
        ("image/png", "1?format=webp", "discord"),
        ("image/png", "1?fm=avif&w=100", ""),
        ("image/png", "1?x-oss-process=image/format,webp", "discord"),
        ("image/png", "1.php", "discord slack"),
        ("image/png", "proxy?url=https%3A%2F%2Fa.example%2F1.webp", "discord slack"),
        # what Misskey serves instead of an original
        ("image/jpeg", "webpublic-1", "discord"),
        ("image/jpeg", "webpublic-1.jpg", "discord"),
        ("image/jpg", "webpublic-1", "discord"),
        ("image/jpeg", "webpublic-1.webp", "discord"),
        ("image/jpeg", "%77ebpublic-1", "discord"),
        ("image/png", "webpublic-1", "discord slack"),
        ("image/png", "webpublic-1.png", "discord slack"),
        ("image/gif", "webpublic-1", "discord slack"),
        ("image/webp", "webpublic-1", "discord"),
        ("image/svg+xml", "webpublic-1", "discord"),
        ("image/heic", "webpublic-1", ""),
        ("image/jpeg", "webpublic/1", "discord slack"),
        ("image/jpeg", "1?webpublic-1", "discord slack"),
        # of no known type: only a template makes these
        ("", "1", "discord slack"),
        ("", "1.webp", "discord"),
        ("", "webpublic-1", "discord"),
        ("", "thumbnail-1", "discord"),
        ("", "thumbnail-1.png", "discord slack"),
    ],
)  # fmt: skip
def test_a_chat_draws_what_it_can(kind: str, address: str, chats: str) -> None:
    image = Image(url=PLACE + address, type=kind)
    found = [vendor for vendor, types in DRAWN.items() if draws(types, image)]
    assert found == chats.split()


@pytest.mark.parametrize(
    "url",
    [
        "http://minio:9000/photo.png",
        "http://minio/photo.png",
        "https://misskey.example:9000/photo.png",
        "https://misskey.example:80/photo.png",
        "http://misskey.example:443/photo.png",
        "http://localhost/photo.png",
        "http://localhost.localdomain/photo.png",
        "http://127.0.0.1/photo.png",
        "http://127.1/photo.png",
        "http://0x7f.0.0.1/photo.png",
        "http://2130706433/photo.png",
        "http://10.1.2.3/photo.png",
        "http://172.16.0.1/photo.png",
        "http://192.168.1.1/photo.png",
        "http://169.254.169.254/photo.png",
        "http://100.64.0.1/photo.png",
        "http://0.0.0.0/photo.png",
        "http://224.0.0.1/photo.png",
        "http://[::1]/photo.png",
        "http://[fe80::1]/photo.png",
        "http://[fd00::1]/photo.png",
        "http://[::ffff:192.168.1.1]/photo.png",
        "http://nas.local/photo.png",
        "http://nas.LOCAL./photo.png",
        "http://media.internal/photo.png",
        "http://nas.lan/photo.png",
        "http://nas.home.arpa/photo.png",
        "http://abc.onion/photo.png",
        "http://./photo.png",
        "https://user:pw@misskey.example/photo.png",
        "ftp://misskey.example/photo.png",
        "mailto:a@b.example",
        "javascript:alert(1)",
        "",
    ],
)
def test_what_no_vendor_can_load_is_a_link(url: str) -> None:
    assert not is_reachable(url)
    for vendor in ("discord", "slack"):
        found = payload(vendor, Image(url=url, alt="a cat", type="image/png"))
        assert '"image_url"' not in found
        assert '"image"' not in found
        assert "🖼 a cat" in found


@pytest.mark.parametrize(
    "url",
    [
        "https://misskey.example/photo.png",
        "https://misskey.example:443/photo.png",
        "http://misskey.example:80/photo.png",
        "https://misskey.example./photo.png",
        "http://8.8.8.8/photo.png",
        "http://[2606:4700::1111]/photo.png",
        "https://xn--eckwd4c7c.xn--zckzah.example/photo.png",
        "https://local.example/photo.png",
    ],
)
def test_what_lies_on_the_internet_is_reachable(url: str) -> None:
    assert is_reachable(url)


NOT_ON_SLACK = "a01 a10 a11 a12 a13 a14 a15 a16 a18 a21 a27 g01".split()


@pytest.mark.parametrize("name", NOT_ON_SLACK)
def test_slack_gets_a_link_for_what_it_does_not_take(name: str) -> None:
    found = of_case(name, "slack")
    assert (drawn("slack", found), content_error(found)) == ([], None)
    [file] = cases.event(name).note.files
    assert file.name in json.dumps(found)
    assert any(one.get("url") == file.url for one in elements(found))


@pytest.mark.parametrize("name", "a10 a11 a12 a13 a14 a15 a16 a18 a21 a27".split())
def test_discord_gets_a_link_for_what_it_does_not_draw(name: str) -> None:
    found = of_case(name, "discord")
    assert drawn("discord", found) == []
    [file] = cases.event(name).note.files
    assert file.name in found["embeds"][0]["description"].replace("\\_", "_")
    assert file.url in found["embeds"][0]["description"]


@pytest.mark.parametrize("name", ["a01", "g01", "a31", "a37"])
def test_discord_draws_webp_and_whatever_it_is_called(name: str) -> None:
    [file] = cases.event(name).note.files
    assert drawn("discord", of_case(name, "discord")) == [file.url]


@pytest.mark.parametrize("name", ["a31", "a37"])
def test_slack_draws_what_it_takes_by_whatever_name(name: str) -> None:
    [file] = cases.event(name).note.files
    assert drawn("slack", of_case(name, "slack")) == [file.url]


def test_everything_beside_a_picture_that_slack_does_not_draw_is_as_it_was() -> None:
    """g01: once all of it went out as dead text."""
    found = of_case("g01", "slack")
    links = {one["url"] for one in elements(found) if one["type"] == "link"}
    assert {
        "https://misskey.example/@carol", "https://misskey.example/tags/art",
        "https://example.com/x", "https://shop.example/", "https://misskey.example/@bob",
    } <= links  # fmt: skip
    assert {"type": "text", "text": "drawing", "style": {"bold": True}} in elements(found)


def elements(payload: dict[str, Any]) -> list[dict[str, Any]]:
    """The elements of all rich text."""
    parts = [part for one in payload["blocks"] for part in one.get("elements", ())]
    return [one for part in parts for one in part.get("elements", ())]


def test_matrix_gets_links_for_all_pictures() -> None:
    found = payload("matrix", Image(url=f"{PLACE}1", alt="a cat", type="image/png"))
    assert f'<a href=\\"{PLACE}1\\">🖼 a cat</a>' in found


@pytest.mark.parametrize(
    ("alt", "url", "name"),
    [
        ("a cat", f"{PLACE}1", "a cat"),
        ("two\nlines", f"{PLACE}1", "two lines"),
        ("invoice\u202egpj.exe", f"{PLACE}1", "invoicegpj.exe"),
        ("", f"{PLACE}photo%20one.heic", "photo one.heic"),
        ("\u200b \u3164", f"{PLACE}1.heic", "1.heic"),
        ("", "https://misskey.example/", "misskey.example"),
        ("", "", "image/heic"),
    ],
)
def test_no_link_is_without_a_name(alt: str, url: str, name: str) -> None:
    assert name in text_of(picture_link(Image(url=url, alt=alt, type="image/heic")))


@pytest.mark.parametrize("vendor", ["discord", "slack", "matrix"])
def test_a_long_text_gives_way_to_the_links(vendor: str) -> None:
    images = [Image(url=f"{PLACE}{n}.heic", alt=f"photo {n}") for n in range(16)]
    message = Message(body=(Text("word " * 20_000),), images=tuple(images))
    found = json.dumps(CONFIG.sinks[vendor].layout([message]).payload, ensure_ascii=False)
    assert [n for n in range(16) if f"{PLACE}{n}.heic" not in found] == []


def test_pictures_beyond_what_a_message_can_have_are_links() -> None:
    """A note has at most 16 of its own, and shows those of the note that it quotes."""
    images = [Image(url=f"{PLACE}{n}.png", alt=f"photo {n}") for n in range(32)]
    for vendor, most in (("discord", 10), ("slack", 16)):
        found = dict(CONFIG.sinks[vendor].layout([Message(images=tuple(images))]).payload)
        assert len(drawn(vendor, found)) == most
        assert [n for n in range(32) if f"{PLACE}{n}.png" not in json.dumps(found)] == []


def test_of_far_too_many_links_the_last_leads_to_the_note() -> None:
    images = tuple(Image(url=PLACE + "x" * 1500 + f"{n}.heic", alt=f"{n}") for n in range(32))
    for vendor in ("discord", "slack"):
        found = payload(vendor, *images, url="https://misskey.example/notes/1")
        assert "… " in found
        assert "🖼 0" in found


def test_a_face_that_discord_does_not_draw_is_left_out() -> None:
    for avatar, shown in (
        ("https://misskey.example/proxy/avatar.webp?url=x", True),
        ("http://minio:9000/avatar.png", False),
        ("https://misskey.example/avatar.avif", False),
    ):
        found = json.loads(payload("discord", author=(Text("bob"),), avatar=avatar))
        assert ("icon_url" in found["embeds"][0]["author"]) is shown
