"""What Discord's webhook endpoint takes: one table per object, and the rules that span fields."""

from collections.abc import Container, Iterator
from typing import Any

from tests.fakes.discord_form import (
    Check,
    FormErrors,
    Path,
    boolean,
    choice,
    integer,
    listing,
    model,
    require,
    snowflake,
    text,
    timestamp,
    url,
)
from tests.fakes.records import Payload, units

# https://discord.com/developers/docs/resources/message#embed-object-embed-limits
EMBEDS_TOTAL = 6000
AUTHOR = model(
    {"name": text(256), "url": url(), "icon_url": url(attachment=True)}, required=("name",)
)
FOOTER = model({"text": text(2048), "icon_url": url(attachment=True)}, required=("text",))
PICTURE = model({"url": url(attachment=True)}, required=("url",))
FIELD = model(
    {"name": text(256), "value": text(1024), "inline": boolean}, required=("name", "value")
)
EMBED = model(
    {
        "type": choice(["rich"]),
        "title": text(256),
        "description": text(4096),
        "url": url(),
        "color": integer(0, 0xFFFFFF),
        "timestamp": timestamp,
        "author": AUTHOR,
        "footer": FOOTER,
        "image": PICTURE,
        "thumbnail": PICTURE,
        "fields": listing(FIELD, maximum=25),
    }
)
SHOWN = ("title", "description", "author", "footer", "image", "thumbnail", "fields")

# https://discord.com/developers/docs/resources/message#allowed-mentions-object
ALLOWED_MENTIONS = model(
    {
        "parse": listing(choice(["roles", "users", "everyone"]), maximum=3, unique=True),
        "users": listing(snowflake, maximum=100, unique=True),
        "roles": listing(snowflake, maximum=100, unique=True),
        "replied_user": boolean,
    }
)
ATTACHMENT = model(
    {"id": snowflake, "filename": text(1024), "description": text(1024)}, required=("id",)
)

SUPPRESS_EMBEDS, SUPPRESS_NOTIFICATIONS = 1 << 2, 1 << 12


def flags(allowed: int) -> Check:
    def check(value: Any, path: Path, errors: FormErrors) -> None:
        integer(0, 2**31 - 1)(value, path, errors)
        if isinstance(value, int) and value & ~allowed:
            errors.add(path, "FLAGS_INVALID", f"Only {allowed:#x} can be set.")

    return check


# https://discord.com/developers/docs/resources/user#usernames-and-nicknames
# "Username cannot be "here"", "cannot contain "discord"": the messages of real refusals.
def username(value: Any, path: Path, errors: FormErrors) -> None:
    text(80, minimum=1)(value, path, errors)
    if not isinstance(value, str):
        return
    name = value.strip().casefold()
    if name in {"everyone", "here"}:
        errors.add(path, "USERNAME_INVALID", f'Username cannot be "{name}"')
    for part in ("clyde", "discord", "@", "#", ":", "```"):
        if part in name:
            message = f'Username cannot contain "{part}"'
            errors.add(path, "USERNAME_INVALID_CONTAINS", message)


# https://discord.com/developers/docs/resources/webhook#edit-webhook-message
EDIT = {
    "content": text(2000),
    "embeds": listing(EMBED, maximum=10),
    "allowed_mentions": ALLOWED_MENTIONS,
    "attachments": listing(ATTACHMENT, maximum=10),
    "flags": flags(SUPPRESS_EMBEDS),
}
# https://discord.com/developers/docs/resources/webhook#execute-webhook
POST = EDIT | {
    "flags": flags(SUPPRESS_EMBEDS | SUPPRESS_NOTIFICATIONS),
    "username": username,
    "avatar_url": url(),
    "tts": boolean,
    "thread_name": text(100, minimum=1),
    "applied_tags": listing(snowflake, maximum=5),
}


def form_errors(
    payload: Payload, *, edit: bool, refused: Container[str] = frozenset()
) -> FormErrors:
    """
    Everything that is wrong with the fields, as Discord tells it: all at once.

    `refused`: addresses that are wrong for reasons of Discord's own.
    """
    errors = FormErrors()
    for path, value in _addresses(payload):
        if value in refused:
            errors.add(path, "URL_TYPE_INVALID_URL", "Not a well formed URL.")
    model(EDIT if edit else POST)(payload, (), errors)
    if payload.get("allowed_mentions") is None:
        require(("allowed_mentions",), errors)  # our rule: a webhook's default pings users
    _mentions_conflict(payload, errors)
    embeds = [e for e in _items(payload.get("embeds")) if isinstance(e, dict)]
    for index, embed in enumerate(embeds):
        if not any(embed.get(key) for key in SHOWN):
            message = "List item values of ModelType are required"
            errors.add(("embeds", index), "LIST_ITEM_VALUE_REQUIRED", message)
    if sum(map(embed_length, embeds)) > EMBEDS_TOTAL:
        message = f"Embed size exceeds maximum size of {EMBEDS_TOTAL}"
        errors.add(("embeds",), "MAX_EMBED_SIZE_EXCEEDED", message)
    return errors


def _addresses(value: Any, path: Path = ()) -> Iterator[tuple[Path, str]]:
    """Every address in a payload, with its place."""
    if isinstance(value, dict):
        for name, inner in value.items():
            if name in {"url", "icon_url", "avatar_url"} and isinstance(inner, str):
                yield (*path, name), inner
            yield from _addresses(inner, (*path, name))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _addresses(inner, (*path, index))


def is_empty(message: Payload) -> bool:
    """Nothing to show: code 50006."""
    return not (str(message.get("content") or "").strip() or message.get("embeds"))


def embed_length(embed: Payload) -> int:
    """What counts into the 6000: title, description, fields, footer and author."""
    parts = [embed.get("title"), embed.get("description")]
    for name, key in (("author", "name"), ("footer", "text")):
        part = embed.get(name)
        parts.append(part.get(key) if isinstance(part, dict) else None)
    for field in _items(embed.get("fields")):
        if isinstance(field, dict):
            parts += [field.get("name"), field.get("value")]
    return sum(units(part.strip()) for part in parts if isinstance(part, str))


def _mentions_conflict(payload: Payload, errors: FormErrors) -> None:
    mentions = payload.get("allowed_mentions")
    if not isinstance(mentions, dict):
        return
    for kind in ("users", "roles"):
        if kind in _items(mentions.get("parse")) and mentions.get(kind):
            message = f'parse:["{kind}"] and {kind}: [ids...] are mutually exclusive.'
            errors.add(("allowed_mentions",), "MESSAGE_ALLOWED_MENTIONS_PARSE_EXCLUSIVE", message)


def _items(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
