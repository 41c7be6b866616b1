"""
What Slack takes as blocks: one table per object.

https://docs.slack.dev/reference/block-kit/blocks; of the actions block only buttons.
"""

import ipaddress
import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import unquote, urlsplit

from tests.fakes.records import Payload, units
from tests.fakes.slack_form import (
    Check,
    Mistakes,
    boolean,
    integer,
    link,
    listing,
    model,
    one_of,
    text,
    typed,
)

MAX_BLOCKS = 50
MAX_TEXT = 40_000
# Undocumented; measured by others: https://github.com/slackapi/bolt-js/issues/2509
MAX_CHARACTERS = 13_200

BLOCK_ID = {"block_id": text(255)}


# https://docs.slack.dev/reference/block-kit/composition-objects/text-object
def text_kinds(maximum: int) -> dict[str, Check]:
    return {
        "plain_text": model({"text": text(maximum)}, {"emoji": boolean}),
        "mrkdwn": model({"text": text(maximum)}, {"verbatim": boolean}),
    }


def text_object(maximum: int) -> Check:
    return typed(text_kinds(maximum))


def plain_text(maximum: int) -> Check:
    return typed({"plain_text": text_kinds(maximum)["plain_text"]})


# https://docs.slack.dev/reference/block-kit/blocks/image-block: png, jpg, jpeg, gif. Slack loads
# the picture while the request waits, and refuses the whole message where it cannot.
DRAWN = {"image/png", "image/jpeg", "image/gif"}
OTHERS = re.compile(r"\.(webp|avif|hei[cf]|bmp|tiff?|svgz?|psd|ico|jxl|jp2|xcf|apng)$", re.I)
INNER = re.compile(r"(.*\.)?(local|internal|localhost|lan|home\.arpa)", re.I)


def picture(value: Any, at: str, mistakes: Mistakes) -> None:
    link("http", "https")(value, at, mistakes)
    if isinstance(value, str) and not _is_loaded(value):
        mistakes.add(at, "downloading image failed")


def _is_loaded(address: str) -> bool:
    """As far as the address tells; `webpublic-` is what Misskey names its copies, WebP by now."""
    try:
        parts = urlsplit(address)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return False
    try:
        is_outside = ipaddress.ip_address(host).is_global
    except ValueError:
        is_outside = "." in host.strip(".") and INNER.fullmatch(host.rstrip(".")) is None
    name = unquote(parts.path).rpartition("/")[2]
    is_copy = name.startswith("webpublic-") and not name.lower().endswith((".png", ".gif"))
    return is_outside and port in {None, 80, 443} and not (OTHERS.search(name) or is_copy)


IMAGE = {"image_url": picture, "alt_text": text(2000)}
IMAGE_ELEMENT = model(IMAGE)
BUTTON = model(
    {"text": plain_text(75)},
    {
        "action_id": text(255),
        "url": link("http", "https"),
        "value": text(2000),
        "style": one_of("primary", "danger"),
        "accessibility_label": text(75),
    },
)

# https://docs.slack.dev/reference/block-kit/blocks/rich-text-block
STYLE = model({}, dict.fromkeys(("bold", "italic", "strike", "code", "underline"), boolean))
MENTION_STYLE = model(
    {},
    dict.fromkeys(("bold", "italic", "strike", "highlight", "client_highlight", "unlink"), boolean),
)
STYLED = {"style": STYLE}
MENTION = {"style": MENTION_STYLE}
TEXT = model({"text": text()}, STYLED)
LINK = model({"url": link()}, {"text": text(), "unsafe": boolean} | STYLED)
ELEMENTS = {
    "text": TEXT,
    "link": LINK,
    "emoji": model(
        {"name": text(pattern=r"[^\s:]+")},
        {"unicode": text(), "skin_tone": integer(1, 6), "url": link()} | STYLED,
    ),
    "date": model(
        {
            "timestamp": integer(-(2**40), 2**40),
            "format": text(pattern=r"[^{}]*(\{[a-z_]+\}[^{}]*)+"),
        },
        {"url": link(), "fallback": text()} | STYLED,
    ),
    "color": model({"value": text(pattern=r"#[0-9a-fA-F]{6}")}, STYLED),
    "user": model({"user_id": text(pattern=r"[UW][A-Z0-9]+")}, MENTION),
    "usergroup": model({"usergroup_id": text(pattern=r"S[A-Z0-9]+")}, MENTION),
    "broadcast": model({"range": one_of("here", "channel", "everyone")}, MENTION),
}
INLINE = listing(typed(ELEMENTS))
BORDER = {"border": integer(0, 1)}
RICH_SECTION = model({"elements": INLINE})
RICH_TEXT = {
    "rich_text_section": RICH_SECTION,
    "rich_text_quote": model({"elements": INLINE}, BORDER),
    "rich_text_preformatted": model(
        {"elements": listing(typed({"text": TEXT, "link": LINK}))}, BORDER | {"language": text()}
    ),
    "rich_text_list": model(
        {
            "style": one_of("bullet", "ordered"),
            "elements": listing(typed({"rich_text_section": RICH_SECTION})),
        },
        {"indent": integer(0, 8), "offset": integer(0, 2**31)} | BORDER,
    ),
}

SECTION = model(
    {},
    {
        "text": text_object(3000),
        "fields": listing(text_object(2000), 10),
        "accessory": typed({"image": IMAGE_ELEMENT, "button": BUTTON}),
        "expand": boolean,
    }
    | BLOCK_ID,
)


def section(value: Any, at: str, mistakes: Mistakes) -> None:
    SECTION(value, at, mistakes)
    if not value.keys() & {"text", "fields"}:
        mistakes.add(at, "missing required field: text")


BLOCKS = {
    "section": section,
    "header": model({"text": plain_text(150)}, BLOCK_ID),
    "context": model(
        {"elements": listing(typed({"image": IMAGE_ELEMENT} | text_kinds(3000)), 10)}, BLOCK_ID
    ),
    "divider": model({}, BLOCK_ID),
    "image": model(IMAGE, {"title": plain_text(2000)} | BLOCK_ID),
    "rich_text": model({"elements": listing(typed(RICH_TEXT))}, BLOCK_ID),
    "actions": model({"elements": listing(typed({"button": BUTTON}), 25)}, BLOCK_ID),
}


def content_error(
    payload: Payload, served: Mapping[str, str] | None = None
) -> tuple[str, list[str]] | None:
    """
    The error that the content of a message deserves, with the places where it is wrong.

    `served`: the media types of what some addresses lead to, whatever these look like.
    """
    blocks, words = payload.get("blocks"), payload.get("text")
    if words is not None and not isinstance(words, str):
        return "invalid_arguments", ["text must be a string"]
    if blocks is not None and not isinstance(blocks, list):
        return "invalid_blocks_format", []
    if not blocks and not (words or "").strip():
        return "no_text", []
    if units(words or "") > MAX_TEXT:
        return "msg_too_long", []
    mistakes = Mistakes()
    for index, block in enumerate(blocks or ()):
        typed(BLOCKS)(block, f"/blocks/{index}", mistakes)
        address = block.get("image_url") if isinstance(block, dict) else None
        if isinstance(address, str) and (served or {}).get(address, "image/png") not in DRAWN:
            mistakes.add(f"/blocks/{index}/image_url", "downloading image failed")
    if len(blocks or ()) > MAX_BLOCKS:
        mistakes.add("/blocks", f"no more than {MAX_BLOCKS} items allowed")
    ids = [b["block_id"] for b in blocks or () if isinstance(b, dict) and "block_id" in b]
    if len(ids) != len(set(map(str, ids))):
        mistakes.add("/blocks", "block_id is not unique")
    if mistakes.messages:
        return "invalid_blocks", mistakes.messages
    if sum(map(units, _shown(blocks or []))) > MAX_CHARACTERS:
        return "msg_blocks_too_long", []
    return None


def _shown(value: Any) -> Iterator[str]:
    """The strings that count into the total; names of types, styles and ids do not."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for item in value:
            yield from _shown(item)
    elif isinstance(value, dict):
        for name, item in value.items():
            if name not in {"type", "style", "block_id", "action_id"}:
                yield from _shown(item)
