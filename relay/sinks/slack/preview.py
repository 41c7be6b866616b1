"""Draws Slack's payloads: blocks, and the text of their notification."""

from collections.abc import Sequence

from relay.sinks.base import Payload
from relay.sinks.preview import Usage, drawing, moment
from relay.sinks.slack.layout import BLOCKS, TOTAL, size


def usage(payload: Payload) -> Sequence[Usage]:
    blocks = payload.get("blocks", [])
    return (
        Usage("blocks", size(blocks), TOTAL),
        Usage("number of blocks", len(blocks), BLOCKS, ""),
    )


def _literal(text: str) -> str:
    """The text of a notification, as Slack reads its mrkdwn."""
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


draw = drawing("slack", literal=_literal, moment=moment)
