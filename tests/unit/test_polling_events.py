"""
Items of Misskey's lists become the webhooks that Misskey sent for the same happenings.

Both were recorded on one Misskey 2026.6: ``caught.jsonl`` by its webhooks, ``notifications.jsonl``
by its API, after some notes had been deleted.
"""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pytest

from relay import misskey
from relay.errors import FormatError
from relay.model import Event, SubjectVersion
from relay.outbox.siblings import subject_version
from relay.polling.events import (
    PolledEvent,
    from_notes,
    from_notifications,
    from_reports,
    from_resolved_reports,
    from_users,
    owner_of,
)

SERVER = "https://misskey.example"
SAMPLES = Path(__file__).parents[1] / "samples"


def lines(name: str) -> list[dict[str, Any]]:
    text = (SAMPLES / f"{name}.jsonl").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


def caught(*kinds: str) -> list[Event]:
    return [
        misskey.parse(json.dumps(line).encode(), hook="alice", server=SERVER)
        for line in lines("caught")
        if line["type"] in kinds
    ]


def parsed(polled: Iterable[PolledEvent]) -> list[Event]:
    return [misskey.parse(each.webhook(SERVER), hook="alice", server=SERVER) for each in polled]


def same(events: Sequence[Event]) -> dict[str, SubjectVersion]:
    """By kind and subject, what makes two events siblings."""
    versions = [(event, subject_version(event, server_bound={"alice"})) for event in events]
    return {f"{event.kind} {each.subject}": each for event, each in versions if each is not None}


def test_notifications_become_the_webhooks_that_misskey_sent() -> None:
    polled = same(parsed(from_notifications(lines("notifications"), ())))
    sent = same(caught("mention", "reply", "renote", "followed"))
    assert polled.keys() <= sent.keys()
    assert [each for each in sent if polled.get(each, sent[each]) != sent[each]] == []
    # Only webhooks bring an answer to oneself, what a muted user wrote, and deleted notes.
    missing = {each.rpartition(" ")[2] for each in sent.keys() - polled.keys()}
    assert missing == {
        "au6wcwiwp7n0000l", "au6wczajp7n0001m", "au6wd5g4p7n0002u", "au6wd77cp7n0002z"
    }  # fmt: skip


def test_what_was_notified_is_for_the_user_and_not_for_moderators() -> None:
    events = parsed(from_notifications(lines("notifications"), ()))
    assert {event.is_moderation for event in events} == {False}
    assert {event.server for event in events} == {SERVER}


def test_an_item_has_the_same_event_ids_whenever_it_is_read() -> None:
    first, second = (
        [each.id for each in from_notifications(lines("notifications"), ())] for _ in "12"
    )
    assert first == second
    assert len(first) == len(set(first))


def test_the_owner_shows_in_what_was_done_to_their_notes() -> None:
    assert owner_of(lines("notifications")) == "au6wctj8p7n00002"
    assert owner_of([each for each in lines("notifications") if each["type"] == "mention"]) == ""


@pytest.mark.parametrize(
    ("kind", "owner"), [("renote", "1"), ("quote", "1"), ("mention", ""), ("note", "")]
)
def test_who_is_quoted_is_the_owner_only_of_what_is_about_a_note_of_theirs(
    kind: str, owner: str
) -> None:
    note = next(each["note"] for each in lines("notifications") if each["type"] == "mention")
    item = {"id": "au6wcu6vp7n0000a", "type": kind, "note": note | {"renote": {"userId": "1"}}}
    [polled] = from_notifications([item], {kind})
    assert polled.owner == owner


def test_reactions_to_a_note_are_one_event_of_a_poll() -> None:
    polled = [
        each
        for each in from_notifications(lines("notifications"), {"reaction"})
        if each.kind == "reaction"
    ]
    assert [each.id for each in polled] == ["notification/au6wcyi7p7n0001i"]
    assert [each["reaction"] for each in polled[0].body["reactions"]] == ["👍", "🎉"]
    [event] = parsed(polled)
    assert event.reaction == "🎉"
    assert event.author is not None
    assert event.author.username == "bob"


def test_other_notifications_come_only_where_they_are_wanted() -> None:
    items = [{"id": "au6wcu6vp7n0000a", "type": kind} for kind in ("createToken", "fork:odd")]
    assert [*from_notifications(items, ())] == []
    assert [each.kind for each in from_notifications(items, {"fork:odd"})] == ["fork:odd"]
    [event] = parsed(from_notifications(items, {"createToken"}))
    assert event.created_at == 1_796_047_054_807  # without a date, that of its id


@pytest.mark.parametrize("kind", ["login", "createToken", "app", "chatRoomInvitationReceived"])
def test_what_nobody_else_may_see_needs_a_sink_for_it_whoever_is_named(kind: str) -> None:
    item = {"id": "au6wcu6vp7n0000a", "type": kind, "user": {"id": "1", "username": "bob"}}
    [event] = parsed(from_notifications([item], {kind}))
    assert event.user is not None
    assert event.is_moderation


def test_a_note_of_somebody_else_has_another_kind_than_an_own_one() -> None:
    [mention] = [each for each in lines("notifications") if "hello" in str(each.get("note"))]
    assert [each.kind for each in from_notifications([mention | {"type": "note"}], {"note"})] == [
        "posted"
    ]


def test_own_notes_become_the_webhooks_that_misskey_sent() -> None:
    sent = caught("note", "reply")
    notes = [line["body"]["note"] for line in lines("caught") if line["type"] == "note"]
    polled = same(parsed(from_notes(notes)))
    own = {each.note.id for each in sent if each.kind == "note" and each.note is not None}
    expected = {
        key: each for key, each in same(sent).items() if each.subject.rpartition(" ")[2] in own
    }
    assert polled == expected
    assert "reply note https://misskey.example au6wcwiwp7n0000l" in polled  # an answer to oneself


@pytest.mark.parametrize("kind", ["abuseReport", "abuseReportResolved"])
def test_reports_become_the_webhooks_that_misskey_sent(kind: str) -> None:
    [line] = [each for each in lines("caught") if each["type"] == kind]
    report = line["body"] | {"createdAt": "2026-11-30T13:57:41.492Z"}
    report["reporter"] |= {"moderationNote": "a private memo", "twoFactorEnabled": True}
    convert = from_reports if kind == "abuseReport" else from_resolved_reports
    [polled] = convert([report])
    assert b"private memo" not in polled.webhook(SERVER)
    [event] = parsed([polled])
    [sent] = caught(kind)
    assert event.is_moderation
    assert same([event]) == same([sent])
    assert event.report is not None
    assert sent.report is not None
    assert (event.report.comment, event.report.assignee) == (
        sent.report.comment,
        sent.report.assignee,
    )


def test_a_new_account_has_nothing_that_only_moderators_may_know() -> None:
    [line] = [each for each in lines("caught") if each["type"] == "userCreated"]
    private = {"moderationNote": "a private memo", "email": "dave@private.example", "memo": "x"}
    user = line["body"] | private | {"createdAt": "2026-11-30T13:57:41.700Z"}
    [polled] = from_users([user])
    assert b"private" not in polled.webhook(SERVER)
    [event] = parsed([polled])
    assert event.is_moderation
    assert same([event]) == same(caught("userCreated"))


def test_half_a_surrogate_pair_does_no_harm() -> None:
    [mention] = [each for each in lines("notifications") if "hello" in str(each.get("note"))]
    mention["note"]["text"] = "half \ud83d"
    [event] = parsed(from_notifications([mention], ()))
    assert event.note is not None
    assert event.note.text == "half �"


@pytest.mark.parametrize("kind", ["reply", "mention", "renote", "quote", "follow", "reaction"])
def test_a_notification_without_its_parts_is_refused_like_its_webhook(kind: str) -> None:
    for parts in ({}, {"note": None, "user": None}, {"note": [], "user": 1}):
        item = {"id": "au6wcu6vp7n0000a", "type": kind, **parts}
        for polled in from_notifications([item], {"reaction"}):
            with pytest.raises(FormatError):
                misskey.parse(polled.webhook(SERVER), hook="alice", server=SERVER)


def test_reactions_to_a_note_have_a_version_by_their_totals() -> None:
    items = [each for each in lines("notifications") if each["type"] == "reaction"]
    more = json.loads(json.dumps(items[-1:]))
    more[0]["id"] += "x"
    first, again = (parsed(from_notifications(part, {"reaction"}))[0] for part in (items, more))
    assert first.reactions == {"❤": 1, "🎉": 1}
    assert subject_version(first) == subject_version(again)
    more[0]["note"]["reactions"]["❤"] = 2
    [later] = parsed(from_notifications(more, {"reaction"}))
    before, after = subject_version(first), subject_version(later)
    assert before is not None
    assert after is not None
    assert (before.subject, before.version != after.version) == (after.subject, True)
    assert before.subject.startswith("reactions ")


def test_a_reaction_that_a_webhook_brings_is_alone() -> None:
    raw = json.dumps({
        "server": SERVER, "userId": "u", "eventId": "e", "createdAt": 1, "type": "reaction",
        "body": {key: lines("notifications")[-1].get(key) for key in ("note", "user", "reaction")},
    })  # fmt: skip
    event = misskey.parse(raw.encode(), hook="alice")
    assert event.reactions == {}
    assert subject_version(event) is None
