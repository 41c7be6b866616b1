"""Which events are about the same subject, and how they merge."""

from dataclasses import replace
from typing import Any

import pytest

from relay import misskey
from relay.model import Event, SubjectVersion
from relay.outbox.siblings import Merge, decide_merge, is_change, restricts, subject_version
from tests.fakes.misskey import Request, a_note_event, an_event, encode, requests

HOOKS = ("alice", "bob", "carol", "dave")


def parsed(request: Request, *, hook: str = "alice") -> Event:
    return misskey.parse(request.body, hook=hook)


def key(request: Request, *, hook: str = "alice") -> str | None:
    """What an event tells, in the version that it tells."""
    found = subject_version(parsed(request, hook=hook))
    return None if found is None else f"{found.subject} {found.version}"


def rank(kind: str) -> int:
    found = subject_version(parsed(a_note_event(1, kind=kind)))
    assert found is not None
    return found.rank


def test_a_reply_says_more_than_a_quote_a_mention_and_a_note() -> None:
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


def test_a_hook_for_any_server_changes_nothing_of_a_hook_that_is_bound_to_one() -> None:
    event = parsed(a_note_event(1))
    by = {
        hook: subject_version(replace(event, hook=hook), server_bound={"alice", "bob"})
        for hook in HOOKS
    }
    subjects = {hook: found.subject for hook, found in by.items() if found is not None}
    assert subjects["alice"] == subjects["bob"] != subjects["carol"] == subjects["dave"]


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"text": "after"}, id="another text"),
        pytest.param({"cw": "careful"}, id="a warning"),
        pytest.param({"updatedAt": "2026-01-01T00:00:00.000Z"}, id="another time"),
        pytest.param({"event": {"title": "Tea"}}, id="an invitation"),
        pytest.param({"mandatoryCW": "gore"}, id="a moderator's warning"),
        pytest.param({"requireSigninToViewContents": True}, id="for signed-in readers"),
    ],
)
def test_an_edited_note_is_another_version_of_the_same_subject(change: dict[str, Any]) -> None:
    before, after = (
        subject_version(parsed(a_note_event(1, **{"text": "before", **it}))) for it in ({}, change)
    )
    assert before is not None
    assert after is not None
    assert before.subject == after.subject
    assert before.version != after.version


def test_what_readers_do_with_a_note_is_not_an_edit() -> None:
    assert key(a_note_event(1, reactionCount=0)) == key(a_note_event(1, reactionCount=9))


@pytest.mark.parametrize("kind", ["unfollow", "followed", "userCreated"])
def test_what_can_come_twice_belongs_to_its_hook(kind: str) -> None:
    one = an_event(kind)
    assert key(one) is not None
    assert key(one, hook="alice") != key(one, hook="bob")


@pytest.mark.parametrize("kind", ["follow", "edited"])
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


def test_a_resolved_report_is_another_version_of_the_report() -> None:
    opened, resolved = an_event("abuseReport"), an_event("abuseReportResolved")
    same = resolved.with_event({**resolved.event, "body": opened.event["body"]})
    one, other = subject_version(parsed(opened)), subject_version(parsed(same))
    assert one is not None
    assert other is not None
    assert (one.subject, one.version != other.version) == (other.subject, True)


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        pytest.param(a_note_event(1), False, id="a note"),
        pytest.param(a_note_event(1, updatedAt="2026-01-01T00:00:00.000Z"), True, id="an edit"),
        pytest.param(a_note_event(1, kind="edited"), True, id="what Sharkey calls edited"),
        pytest.param(an_event("abuseReport"), False, id="a report"),
        pytest.param(an_event("abuseReportResolved"), True, id="a resolved report"),
        pytest.param(an_event("follow"), False, id="a follow"),
    ],
)
def test_which_events_are_changes_by_themselves(request_: Request, expected: bool) -> None:
    assert is_change(parsed(request_)) is expected


LATER = SubjectVersion(subject="note 1", version="b", rank=1)


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        pytest.param(("b", 0, 5, True), Merge.REPLACES, id="it says more, and the other waits"),
        pytest.param(("b", 2, 5, True), Merge.MERGED, id="it says less"),
        pytest.param(("b", 1, 5, True), Merge.MERGED, id="it says the same"),
        pytest.param(("b", 0, 5, False), Merge.MERGED, id="it says more, but the other is sent"),
        pytest.param(("a", 2, 5, True), Merge.REPLACES, id="a later version of what waits"),
        pytest.param(("a", 2, 5, False), Merge.EDITS, id="a later version of what is sent"),
        pytest.param(("a", 2, 10, False), Merge.EDITS, id="of the same millisecond"),
        pytest.param(("a", 0, 11, False), Merge.MERGED, id="an earlier version that comes late"),
        pytest.param(("a", 0, 11, True), Merge.MERGED, id="or overtaken by what waits"),
    ],
)
def test_how_a_sibling_is_merged(told: tuple[str, int, int, bool], expected: Merge) -> None:
    version, rank, last_at, waits = told
    found = decide_merge(
        LATER, created_at=10, version=version, rank=rank, last_at=last_at, waits=waits
    )
    assert found is expected


OLD, NEW = 1, 2


@pytest.mark.parametrize(
    ("edited", "withdrawn", "happened", "expected"),
    [
        pytest.param((NEW, OLD), (False, False), (5, 9), Merge.EDITS, id="later by its author"),
        pytest.param((OLD, NEW), (False, False), (9, 5), Merge.MERGED, id="earlier by its author"),
        pytest.param((OLD, NEW), (True, False), (9, 5), Merge.MERGED, id="private before that"),
        pytest.param((NEW, OLD), (False, True), (5, 9), Merge.EDITS, id="public again"),
        pytest.param(
            (None, None), (True, False), (5, 9), Merge.EDITS, id="private, by a wrong clock"
        ),
        pytest.param((None, NEW), (True, False), (5, 9), Merge.EDITS, id="private, and no time"),
        pytest.param((None, None), (False, True), (9, 5), Merge.MERGED, id="perhaps older"),
        pytest.param((NEW, None), (False, True), (9, 5), Merge.MERGED, id="perhaps older, too"),
        pytest.param((OLD, OLD), (True, False), (5, 9), Merge.EDITS, id="private at the same time"),
        pytest.param(
            (NEW, None), (False, False), (5, 9), Merge.EDITS, id="of what was never edited"
        ),
        pytest.param((None, NEW), (False, False), (9, 5), Merge.MERGED, id="as it was at first"),
        pytest.param((None, None), (True, True), (5, 9), Merge.MERGED, id="both private"),
    ],
)
def test_which_version_is_the_later_one(
    edited: tuple[int | None, int | None],
    withdrawn: tuple[bool, bool],
    happened: tuple[int, int],
    expected: Merge,
) -> None:
    found = decide_merge(
        replace(LATER, updated_at=edited[0]),
        created_at=happened[0],
        version="a",
        rank=0,
        last_at=happened[1],
        waits=False,
        is_withdrawn=withdrawn[0],
        updated_at=edited[1],
        was_withdrawn=withdrawn[1],
    )
    assert found is expected


def test_a_message_that_could_not_be_withdrawn_is_tried_again_with_the_next_event() -> None:
    given = {"created_at": 10, "version": "b", "rank": 1, "last_at": 5, "waits": False}
    assert decide_merge(LATER, **given, is_withdrawn=True, is_lost=True) is Merge.EDITS
    assert decide_merge(LATER, **given, is_withdrawn=True) is Merge.MERGED


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        pytest.param({}, None, id="a public one"),
        pytest.param({"visibility": "home"}, "note claimed https://misskey.example", id="home"),
        pytest.param({"localOnly": True}, "note claimed https://misskey.example", id="local-only"),
        pytest.param({"localOnly": 1}, "note claimed https://misskey.example", id="as a number"),
    ],
)
def test_which_notes_are_not_public(changes: dict[str, object], expected: str | None) -> None:
    found = restricts(parsed(a_note_event(1, **changes)), server_bound=())
    assert (found and found.rpartition(" ")[0]) == expected
