"""Messages are shared by sinks that show alike, and ask for pictures of the hook's server only."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from relay.app.plan import policy, renderer
from relay.config import parse
from relay.delivery.policy import DeliveryPolicy
from relay.delivery.renderer import ROOM, Renderer
from relay.i18n import Language
from relay.model import Display, Gate
from relay.outbox.records import StoredEvent
from relay.outcome import WITHHELD, Delivery, Rejected
from relay.rendering.templates import Templates
from relay.text.message import Message, mapped
from relay.text.tree import Emoji, Node, text_of
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


NOTE = {"id": "n", "text": "hello", "visibility": "public", "user": {"id": "u", "username": "bob"}}
POLL = {"choices": [{"text": "yes", "votes": 1}], "expiresAt": "1970-01-01T01:00:00.000Z"}


def _delivery(*, event_id: str = "e", **changes: object) -> Delivery:
    body = {"type": "note", "eventId": event_id, "userId": "u", "body": {"note": NOTE | changes}}
    return a_delivery(raw=json.dumps(body).encode(), server="https://misskey.example", route="all")


def test_sinks_that_show_an_event_alike_share_its_message() -> None:
    shared, other = Renderer(Templates(), {}), Renderer(Templates(), {})
    first = shared.message(_delivery(), DeliveryPolicy(schedule=[1.0]))
    assert shared.message(_delivery(), DeliveryPolicy(schedule=[2.0])) is first
    assert other.message(_delivery(), DeliveryPolicy()) is not first


@pytest.mark.parametrize(
    "policy",
    [
        DeliveryPolicy(gate=Gate(local_only=True)),
        DeliveryPolicy(display=Display(cw="show")),
        DeliveryPolicy(language=Language("ja")),
    ],
)
def test_sinks_that_show_it_in_other_ways_do_not(policy: DeliveryPolicy) -> None:
    shared = Renderer(Templates(), {})
    first = shared.message(_delivery(), DeliveryPolicy())
    assert shared.message(_delivery(), policy) is not first


def test_a_message_is_not_shared_by_another_route_or_another_text_of_the_same_event() -> None:
    shared = Renderer(Templates(), {})
    first = shared.message(_delivery(), DeliveryPolicy())
    assert shared.message(replace(_delivery(), route="x"), DeliveryPolicy()) is not first
    later = shared.message(_delivery(text="changed"), DeliveryPolicy())
    assert isinstance(later, Message)
    assert text_of(later.body) == "changed"


def test_what_became_private_is_not_shown_by_a_shared_message() -> None:
    renderer = Renderer(Templates(), {})
    assert isinstance(renderer.message(_delivery(), DeliveryPolicy()), Message)
    private = _delivery(event_id="later", visibility="followers")
    (about,) = renderer.notes(private)
    stored = StoredEvent(hook="alice", server=private.server, raw=private.raw)
    found = renderer.message(_delivery(), DeliveryPolicy(), {about: [stored]})
    assert found == Rejected(WITHHELD)


def test_a_poll_that_has_ended_meanwhile_is_shown_as_ended() -> None:
    now = [0]
    renderer = Renderer(Templates(clock=lambda: now[0]), {})
    delivery = _delivery(poll=POLL)
    assert "ends" in str(renderer.message(delivery, DeliveryPolicy()))
    now[0] = 7_200_000
    assert "ended" in str(renderer.message(delivery, DeliveryPolicy()))


def test_what_is_kept_is_bounded() -> None:
    shared, policy = Renderer(Templates(), {}), DeliveryPolicy()
    first = shared.message(_delivery(), policy)
    for number in range(40):
        shared.message(_delivery(event_id=str(number), text="a" * (ROOM // 40)), policy)
    assert shared.message(_delivery(), policy) is not first


def test_what_is_larger_than_all_the_room_is_not_kept() -> None:
    shared, huge = Renderer(Templates(), {}), _delivery(text="a" * ROOM)
    first = shared.message(_delivery(), DeliveryPolicy())
    assert shared.message(huge, DeliveryPolicy()) is not shared.message(huge, DeliveryPolicy())
    assert shared.message(_delivery(), DeliveryPolicy()) is first
