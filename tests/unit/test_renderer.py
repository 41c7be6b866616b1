"""A message asks for pictures of no server but the one that the configuration names."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from relay.app.plan import policy, renderer
from relay.config import parse
from relay.text.message import Message, mapped
from relay.text.tree import Emoji, Node
from tests.factories import a_delivery

CONFIG = """
hooks:
  bound: {secret: a-long-secret-of-mine, server: "https://misskey.example"}
  open: {secret: another-long-secret-of-mine}
sinks: {team: {type: console}}
routes: [{name: all, to: team}]
"""


def addresses(message: Message) -> Iterator[str | None]:
    found: list[str | None] = []

    def note(node: Node) -> Node:
        if isinstance(node, Emoji):
            found.append(node.url)
        return node

    mapped(message, note)
    return iter(found)


@pytest.mark.parametrize(
    ("hook", "server", "host", "expected"),
    [
        ("bound", "https://misskey.example", None, "https://misskey.example/emoji/cat.webp"),
        ("bound", "https://misskey.example", "/../admin?x=1#", None),
        ("bound", "http://127.0.0.1:9200", None, None),
        ("open", "https://misskey.example", None, None),
        ("open", "http://127.0.0.1:9200", None, None),
        ("gone", "https://misskey.example", None, None),
    ],
)
def test_emoji_are_asked_of_the_server_that_the_hook_names(
    hook: str, server: str, host: str | None, expected: str | None
) -> None:
    user = {"id": "u", "username": "bob", "host": host, "name": ":cat:"}
    note = {"id": "n", "text": "a :cat: here", "visibility": "public", "user": user}
    raw = json.dumps({"type": "note", "server": server, "userId": "u", "body": {"note": note}})
    config = parse(CONFIG, file="config.yaml", base=Path(), environ={})
    delivery = a_delivery(raw=raw.encode(), hook=hook, server=server, route="all")
    message = renderer(config).message(delivery, policy(config, config.sinks["team"]))
    assert isinstance(message, Message)
    found = set(addresses(message))
    assert found == {expected}
