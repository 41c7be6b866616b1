"""Whatever people write into any field: each vendor takes the message, and nobody is pinged."""

import copy
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from relay import misskey
from relay.model import Display, Event
from relay.rendering.templates import Templates
from relay.sinks.discord.settings import DiscordSettings
from relay.sinks.layout import encoded
from relay.sinks.matrix.settings import MatrixSettings
from relay.sinks.slack.settings import SlackSettings
from relay.text.message import Message
from tests import cases
from tests.fakes import discord_pings, slack_pings
from tests.fakes.discord_rules import form_errors, is_empty
from tests.fakes.misskey import a_note, a_note_event
from tests.fakes.records import unsendable
from tests.fakes.slack_rules import content_error
from tests.readers.trees import nasty

TEMPLATES = Templates()
SINKS = (
    DiscordSettings(type="discord", url="https://discord.com/api/webhooks/1/secret",
                    emojis={"cat": "<:cat:123456789012345678>"}),
    SlackSettings(type="slack", url="https://hooks.slack.com/services/T/B/secret",
                  emojis={"cat": "cat"}),
    MatrixSettings(type="matrix", homeserver="https://m.example", room="!a", token="secret"),
)  # fmt: skip
WORDS = st.lists(nasty | st.sampled_from([":cat:", "**", "> ", "$[x2 ", "]"]), max_size=4)
TEXT = WORDS.map("".join).map(lambda it: it.encode("utf-8", "replace").decode())


def filled(value: Any, texts: Iterator[str]) -> Any:
    """The same JSON with other words in it, wherever people write them."""
    if isinstance(value, list):
        return [filled(item, texts) for item in value]
    if not isinstance(value, dict):
        return value
    written = {
        "text", "cw", "mandatoryCW", "name", "comment", "moderationNote", "category", "subject",
        "content", "misskeyUsername", "title", "location", "organizer", "reaction", "emojiName",
    }  # fmt: skip
    return {
        key: next(texts) if key in written and isinstance(item, str) else filled(item, texts)
        for key, item in value.items()
    }


def bodies() -> list[dict[str, Any]]:
    note = a_note(1, text="x", cw="x") | {
        "mandatoryCW": "x",
        "poll": {"choices": [{"text": "x", "votes": 1}], "expiresAt": "2026-11-22T00:00:00Z"},
        "event": {"title": "x", "metadata": {"location": "x", "organizer": "x"}},
        "deleteAt": "2026-11-22T00:00:00Z",
        "renoteId": "gone1",
        "channel": {"id": "c", "name": "x"},
        "files": [{"name": "x", "type": "text/plain", "url": "https://m.example/a"}],
    }
    note["user"]["name"] = "x"
    quoting = a_note(2, text="x") | {"renote": note, "renoteId": "n1", "reply": note}
    found = [json.loads(cases.raw(name)) for name in ("c01", "c07", "e17", "g55")]
    found[0]["body"]["moderationNote"] = "x"
    made = [a_note_event(1).event | {"body": {"note": it}} for it in (note, quoting)]
    return [*found, *made]


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(bodies()), st.data(), st.sampled_from(["spoiler", "hide", "show"]))
def test_no_words_break_a_message_or_ping_anybody(
    body: dict[str, Any], data: st.DataObject, cw: str
) -> None:
    texts = iter(lambda: data.draw(TEXT), None)
    event: Event = misskey.parse(json.dumps(filled(body, texts)).encode(), hook="alice")
    message: Message = TEMPLATES.render(event, display=Display(cw=cw))
    for sink in SINKS:
        payload = json.loads(encoded(sink.layout([message]).payload))
        assert not unsendable(payload)
        if isinstance(sink, DiscordSettings):
            assert form_errors(payload, edit=False).found == []
            assert not is_empty(payload)
            assert discord_pings.pings(payload) == set()
        elif isinstance(sink, SlackSettings):
            assert content_error(payload) is None
            assert slack_pings.pings(payload) == set()
        else:
            assert payload["body"]
            assert payload["m.mentions"] == {}


def hiding(warning: dict[str, Any]) -> dict[str, Any]:
    """A note with a word in each place that its warning has to hide."""
    files = [{"name": "word-file", "type": "image/png", "url": "https://m.example/word-url"}]
    event = {"title": "word-title", "metadata": {"location": "word-place"}}
    note = a_note(1, text="word-text")
    note |= {"files": files, "event": event, "poll": {"choices": [{"text": "word-choice"}]}}
    note |= {"renote": a_note(3, text="word-quoted"), "renoteId": "n3"}
    user = note["user"] | warning.pop("user", {})
    return note | warning | {"user": user}


WARNINGS: list[dict[str, Any]] = [
    {"cw": "careful"},
    {"cw": " "},
    {"cw": 1},
    {"mandatoryCW": "gore"},
    {"user": {"mandatoryCW": "gore"}},
    {"user": {"instance": {"name": "x", "mandatoryCW": "gore"}}},
    {"cw": "$[blur x]", "mandatoryCW": True},
]


@pytest.mark.parametrize("warning", WARNINGS, ids=str)
@pytest.mark.parametrize("key", [None, "reply", "renote"])
def test_a_warning_hides_all_that_is_behind_it(warning: dict[str, Any], key: str | None) -> None:
    note = hiding(copy.deepcopy(warning))
    if key is not None:
        note = a_note(2, text="around") | {key: note, f"{key}Id": "n1"}
    raw = json.dumps(a_note_event(1).event | {"body": {"note": note}}).encode()
    event = misskey.parse(raw, hook="alice")
    hidden = TEMPLATES.render(event, display=Display(cw="hide"))
    folded = TEMPLATES.render(event, display=Display())
    for sink in SINKS:
        assert "word-" not in json.dumps(sink.layout([hidden]).payload)
        payload = sink.layout([folded]).payload
        bare = {it: payload.get(it) for it in ("text", "body", "blocks")}
        assert "word-" not in json.dumps(bare)
        for read in (payload.get("formatted_body", ""), json.dumps(payload.get("embeds", ""))):
            for shown in re.split(r"<span data-mx-spoiler.*?</span>|\|\|.*?\|\|", read):
                assert "word-" not in shown
