"""A message as Discord embeds, within Discord's limits."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from discord_webhook import DiscordEmbed

from relay.dialects import discord, plain
from relay.dialects.shorten import ELLIPSIS, shorten
from relay.message import Message
from relay.sinks.base import Payload
from relay.tree import Link, Text, Tree

# https://discord.com/developers/docs/resources/message#embed-object-embed-limits
TITLE = FIELD_NAME = AUTHOR = 256
DESCRIPTION = 4096
FIELD_VALUE = 1024
FIELDS = 25
FOOTER = 2048
EMBEDS = 10
TOTAL = 6000  # over all embeds of a message
URL_LENGTH = 2048

BLANK = "\u200b"

Render = Callable[[Tree], str]


def embeds(message: Message) -> Sequence[Payload]:
    """A message as embeds: the text in the first, a picture in each."""
    found = [_main(message)]
    for image in message.images[:EMBEDS]:
        picture = {"image": {"url": image.url}}
        if _address(image.url) is None:
            continue
        if len(found) == 1 and "image" not in found[0]:
            found[0] |= picture
        elif len(found) < EMBEDS:
            found.append(picture)
    return found


def _main(message: Message) -> dict[str, Any]:
    room = Room(TOTAL)
    embed = DiscordEmbed(
        title=room.take(message.title, TITLE, discord.inline) or BLANK,
        url=_address(message.url),
        color=message.color,
        timestamp=_timestamp(message.at),
    )
    if author := room.take(message.author, AUTHOR, plain.line):
        embed.set_author(
            author, url=_address(message.author_url), icon_url=_address(message.avatar)
        )
    if footer := room.take(message.footer, FOOTER, plain.line):
        embed.set_footer(footer)
    body = room.reserve(message.body, DESCRIPTION)
    for field in message.fields[:FIELDS]:
        name = room.take(field.name, FIELD_NAME, discord.inline)
        value = room.take(field.value, FIELD_VALUE, discord.render)
        if name and value:
            embed.add_embed_field(name, value, inline=len(value) <= 40)
    room.left += body
    ending = _more(message.url)
    embed.set_description(room.take(message.body, DESCRIPTION, discord.render, ending))
    pruned: dict[str, Any] = prune(vars(embed))
    return pruned


class Room:
    """What is left of the sum that all texts of a message share, in UTF-16 code units."""

    def __init__(self, left: int) -> None:
        self.left = left

    def reserve(self, nodes: Tree, limit: int) -> int:
        """Set room aside for a text that is written last; the units that were set aside."""
        wanted = min(units(discord.render(nodes)), limit, self.left // 2)
        self.left -= wanted
        return wanted

    def take(self, nodes: Tree, limit: int, render: Render, ending: Tree = ELLIPSIS) -> str:
        """A text within its own limit and the common one."""
        limit = min(limit, self.left)
        shown = render(shorten(nodes, lambda it: units(render(it)) <= limit, ending))
        self.left -= units(shown)
        return shown


def _more(url: str | None) -> Tree:
    """How a text ends that was cut: with a link to the whole."""
    return (Text("… "), Link(url, (Text("→"),))) if url else ELLIPSIS


def units(text: str) -> int:
    """
    The length of a text in UTF-16 code units.

    Discord counted so in 2024 where it did not count code points: this is safe under both.
    """
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "replace")) // 2


def units_cut(text: str, limit: int) -> str:
    return text if units(text) <= limit else text[: limit // 2]


def _address(url: str | None) -> str | None:
    """An address that Discord takes for links and pictures, else none at all."""
    if url is None or len(url) > URL_LENGTH or not url.startswith(("http://", "https://")):
        return None
    return url


def _timestamp(at: int | None) -> str | None:
    if at is None:
        return None
    try:
        return datetime.fromtimestamp(at / 1000, UTC).isoformat(timespec="milliseconds")
    except (OverflowError, ValueError, OSError):
        return None


def prune(value: Any) -> Any:
    """Without None, "", [] and {}, which Discord refuses; 0 and False stay."""
    if isinstance(value, dict):
        pruned = {key: prune(inner) for key, inner in value.items()}
        return {key: inner for key, inner in pruned.items() if inner not in (None, "", [], {})}
    return [prune(inner) for inner in value] if isinstance(value, list) else value
