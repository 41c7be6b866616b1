"""Which events tell the same."""

import pytest

from relay import misskey
from relay.model import Event
from relay.sibling import sibling
from tests.fakes.misskey import Request, a_note_event, an_event, encode, requests


def parsed(request: Request, *, hook: str = "alice") -> Event:
    return misskey.parse(request.body, hook=hook)


def key(request: Request, *, hook: str = "alice") -> str | None:
    found = sibling(parsed(request, hook=hook))
    return None if found is None else found.key


def rank(kind: str) -> int:
    found = sibling(parsed(a_note_event(1, kind=kind)))
    assert found is not None
    return found.rank


def test_a_reply_tells_more_than_a_quote_a_mention_and_a_note() -> None:
    assert rank("reply") > rank("renote") > rank("mention") > rank("note")


def test_the_same_note_is_the_same_by_every_kind_and_hook() -> None:
    kinds = ("note", "mention", "renote", "reply")
    keys = {
        key(a_note_event(1, kind=kind), hook=hook) for kind in kinds for hook in ("alice", "bob")
    }
    assert len(keys) == 1
    assert None not in keys


def test_other_notes_and_other_servers_are_others() -> None:
    one = a_note_event(1, text="same")
    elsewhere = one.with_event({**one.event, "server": "https://old.example"})
    assert len({key(one), key(a_note_event(2, text="same")), key(elsewhere)}) == 3


def test_an_edited_note_tells_something_new() -> None:
    assert key(a_note_event(1, text="before")) != key(a_note_event(1, text="after"))


def test_what_readers_do_with_a_note_is_no_edit() -> None:
    assert key(a_note_event(1, reactionCount=0)) == key(a_note_event(1, reactionCount=9))


def test_an_unfollow_belongs_to_its_hook() -> None:
    one = an_event("unfollow")
    assert key(one) is not None
    assert key(one, hook="alice") != key(one, hook="bob")


@pytest.mark.parametrize("kind", ["follow", "followed", "userCreated", "edited"])
def test_other_kinds_have_no_siblings(kind: str) -> None:
    assert key(an_event(kind)) is None


def test_tests_have_no_siblings_though_all_have_the_same_ids() -> None:
    tests = [one for one in requests() if parsed(one).is_test]
    assert len(tests) > 10
    assert {key(one) for one in tests} == {None}


def test_the_two_events_of_real_replies_are_siblings() -> None:
    by_note: dict[str, set[str | None]] = {}
    for request in requests():
        event = parsed(request)
        if event.note is None or event.is_test or event.note.updated_at is not None:
            continue
        if event.kind in {"reply", "mention"}:
            by_note.setdefault(event.note.id, set()).add(key(request))
    assert by_note
    assert all(len(keys) == 1 for keys in by_note.values())


def test_two_reports_are_two() -> None:
    report = an_event("abuseReport")
    body = {**report.event["body"], "id": "another"}
    assert key(report) != key(report.with_event({**report.event, "body": body}))
    assert encode(report.event) == report.body
