"""A message as Discord embeds, within Discord's limits."""

import ipaddress
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

from relay.sinks.base import Payload
from relay.sinks.discord import markup as discord
from relay.sinks.images import GIF, JPEG, PNG, WEBP, draws
from relay.sinks.layout import Room, divided, leading, more, picture_links, short_author, units
from relay.text import plain
from relay.text.links import is_web
from relay.text.message import Field, Image, Message
from relay.text.shorten import ELLIPSIS
from relay.text.tree import Tree

# https://discord.com/developers/docs/reference#image-formatting-image-formats; AVIF now and then:
# https://github.com/discord/lilliput/issues/224
PICTURES = frozenset({PNG, JPEG, GIF, WEBP})

# https://discord.com/developers/docs/resources/message#embed-object-embed-limits
TITLE = FIELD_NAME = AUTHOR = 256
DESCRIPTION = 4096
FIELD_VALUE = 1024
FIELDS = 25
FOOTER = 2048
EMBEDS = 10
TOTAL = 6000  # over all embeds of a message
URL_LENGTH = 2048

BLANK = "\u200b"  # shown as nothing, but not trimmed
SHORT = 40  # characters of a field's value that may stand next to others

Render = Callable[[Tree], str]


def fitting(messages: Iterable[Message]) -> list[Sequence[Payload]]:
    """The embeds of the first messages that fit into one request; of one at least."""

    def sizes(embeds: Sequence[Payload]) -> tuple[int, int]:
        return len(embeds), sum(map(length, embeds))

    return leading(map(embeds, messages), sizes, (EMBEDS, TOTAL))


def embeds(message: Message) -> Sequence[Payload]:
    """A message as embeds: the text in the first, a picture in each."""
    drawn, linked = divided(PICTURES, message.images)
    drawable = [image for image in drawn if address(image.url)][:EMBEDS]
    main = _main(
        message, picture_links([*linked, *(image for image in drawn if image not in drawable)])
    )
    pictures = [{"image": {"url": image.url}} for image in drawable]
    return [main | (pictures[0] if pictures else {}), *pictures[1:]]


def length(embed: Payload) -> int:
    """How much of TOTAL an embed takes."""
    fields = [text for field in embed.get("fields", ()) for text in (field["name"], field["value"])]
    texts = [embed.get("title", ""), embed.get("description", ""), *fields]
    texts += [embed.get("author", {}).get("name", ""), embed.get("footer", {}).get("text", "")]
    return sum(map(units, texts))


def alike(messages: Sequence[Message]) -> Sequence[Message]:
    """
    The first ones, as far as they link to different places.

    Of embeds with one address Discord shows only the first, with the pictures of all.
    """
    seen = set[str]()
    for count, message in enumerate(messages):
        url = address(message.url)
        if url in seen:
            return messages[:count]
        seen |= {url} if url else set()
    return messages


def _main(message: Message, links: Tree) -> dict[str, Any]:
    from discord_webhook import DiscordEmbed  # late: see tests/unit/test_late_imports.py

    room = Room(TOTAL)
    title = _written(room, message.title, TITLE, discord.inline)
    author = _written(room, _author(message, room), AUTHOR, plain.line)
    footer = _written(room, message.footer, FOOTER, plain.line)
    kept = room.set_aside(_share_of((*message.body, *links))) if message.fields else 0
    fields = list(filter(None, (_field(room, field) for field in message.fields[:FIELDS])))
    room.left += kept
    body = (message.body, links, DESCRIPTION, discord.render, units, more(message.url))
    text = room.take_with(*body).strip()
    embed = DiscordEmbed(
        title=title,
        description=text or (None if title or author or footer or fields else BLANK),
        url=address(message.url),
        color=_color(message.color),
        timestamp=_timestamp(message.at),
        fields=fields,
    )
    if author:
        icon = face(message.avatar)
        embed.set_author(author, url=address(message.author_url), icon_url=icon)
        embed.author = _filled(embed.author)
    if footer:
        embed.footer = {"text": footer}
    return _filled(vars(embed))


def _author(message: Message, room: Room) -> Tree:
    limit = min(AUTHOR, room.left)
    return short_author(message.author, lambda author: units(plain.line(author)) <= limit)


def _written(room: Room, nodes: Tree, limit: int, render: Render, ending: Tree = ELLIPSIS) -> str:
    # Discord trims texts, and what is empty then it refuses.
    return room.take(nodes, limit, render, units, ending).strip()


def _share_of(body: Tree) -> int:
    return min(DESCRIPTION, units(discord.render(body)))


def _field(room: Room, field: Field) -> Payload | None:
    """A field of two texts, of which Discord takes none empty; None where no room is left."""
    if room.left < FIELD_NAME:
        return None
    name = _written(room, field.name, FIELD_NAME - 1, discord.inline)
    value = _written(room, field.value, FIELD_VALUE, discord.render)
    if not name and not value:
        return None
    room.left -= 1
    inline = len(value) <= SHORT
    return {"name": name or BLANK, "value": value or BLANK, "inline": inline}


@lru_cache(256)
def address(url: str | None) -> str | None:
    """
    An address that Discord takes for links and pictures, else none at all.

    Hosts need a dot: https://github.com/go-gitea/gitea/issues/14379
    """
    if url is None or units(url) > URL_LENGTH or not is_web(url):
        return None
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        return None
    if parts.scheme not in {"http", "https"} or not ("." in host.strip(".") or _is_ip(host)):
        return None
    return url


def face(avatar: str | None) -> str | None:
    """The picture next to a name, if Discord draws it."""
    is_drawn = avatar is not None and draws(PICTURES, Image(url=avatar))
    return address(avatar) if is_drawn else None


def _is_ip(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _color(color: int | None) -> int | None:
    return color if color is not None and 0 <= color <= 0xFFFFFF else None


def _timestamp(at: int | None) -> str | None:
    if at is None:
        return None
    try:
        return datetime.fromtimestamp(at / 1000, UTC).isoformat(timespec="milliseconds")
    except (OverflowError, ValueError, OSError):
        return None


def _filled(values: Mapping[str, Any]) -> dict[str, Any]:
    """Without None, "" and [], which Discord refuses; 0 stays."""
    return {key: value for key, value in values.items() if value or value == 0}
