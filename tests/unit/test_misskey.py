"""What servers send becomes an event, what nobody may see never enters it, the rest is refused."""

import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, fields, is_dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from relay.errors import FormatError, SecretError
from relay.misskey import KINDS, authenticate, parse
from relay.model import (
    AbuseReport,
    CalendarEvent,
    Channel,
    Choice,
    Event,
    File,
    Note,
    Poll,
    ProfileField,
    RemainingTime,
    User,
    Visibility,
)
from relay.secret import Secret
from tests.fakes import misskey as sender

SERVER = "https://misskey.example"
CREATED_AT = 1_795_309_533_815
DAY = 86_400

# --- authenticate


def header(value: bytes) -> dict[str, str]:
    """As aiohttp hands header bytes on."""
    return {"X-Misskey-Hook-Secret": value.decode("utf-8", "surrogateescape")}


@pytest.mark.parametrize(
    ("given_bytes", "secrets"),
    [
        pytest.param(b"alice-secret", ["alice-secret"], id="the secret"),
        pytest.param(b"new", ["old", "new"], id="the last of several"),
        pytest.param(b"old", ["old", "new"], id="the first of several"),
        pytest.param(b"  padded ", ["padded"], id="blanks around what was sent"),
        pytest.param(b"padded", [" padded\t"], id="blanks around what was configured"),
        pytest.param(b"from a file", ["from a file\r\n"], id="a line end from a file"),
        pytest.param(b"two  words", ["two  words"], id="blanks within"),
        pytest.param(b"caf\xe9", ["café"], id="latin-1 bytes, as Node.js sends them"),
        pytest.param("café".encode(), ["café"], id="UTF-8 bytes, as a proxy may send them"),
        pytest.param(b"\xc3\xa9", ["\xe9"], id="UTF-8 that would be latin-1 too"),
        pytest.param(b"\xc3\xa9", ["Ã©"], id="latin-1 that happens to be UTF-8"),
        pytest.param(b"\xa0x\x85", ["\xa0x\x85"], id="latin-1 blanks are part of it"),
        pytest.param("ひみつ".encode(), ["ひみつ"], id="UTF-8 outside of latin-1"),
        pytest.param(b"\xff\xfe", ["ÿþ"], id="bytes that are not UTF-8"),
        pytest.param(b"caf\xe9", ["caf\udce9"], id="configured in bytes that are not UTF-8"),
        pytest.param(b"x" * 1024, ["x" * 1024], id="as long as Misskey allows"),
    ],
)
def test_who_brings_the_secret_is_let_in(given_bytes, secrets):
    authenticate(header(given_bytes), map(Secret, secrets))
    with pytest.raises(SecretError):  # and nobody whose secret is another
        authenticate(header(given_bytes + b"x"), map(Secret, secrets))


@pytest.mark.parametrize(
    ("given_bytes", "secrets"),
    [
        pytest.param(b"other", ["alice-secret"], id="another"),
        pytest.param(b"alice-secre", ["alice-secret"], id="one character short"),
        pytest.param(b"alice-secrets", ["alice-secret"], id="one character long"),
        pytest.param(b"Alice-Secret", ["alice-secret"], id="another case"),
        pytest.param(b"alice-secret,alice-secret", ["alice-secret"], id="twice in one header"),
        pytest.param(b"old", ["new", "newer"], id="none of several"),
        pytest.param(b"oldnew", ["old", "new"], id="several in one"),
        pytest.param(b"", ["alice-secret"], id="an empty header: the hook has no secret"),
        pytest.param(b"   ", ["alice-secret"], id="a blank header"),
        pytest.param(b"", [""], id="an empty secret lets nobody in"),
        pytest.param(b"  ", ["  "], id="nor does a blank one"),
        pytest.param(b"", ["\n"], id="nor one from an empty file"),
        pytest.param(b"x", [], id="nor does a hook without secrets"),
        pytest.param(b"", [], id="not even with an empty header"),
        pytest.param(b"\xe9", ["\xe8"], id="other latin-1"),
        pytest.param(b"caf?", ["café"], id="a question mark is no wildcard"),
        pytest.param(b"???", ["ひみつ"], id="nor what latin-1 would make of others"),
        pytest.param(b"\xed\xa0\x80", ["x"], id="an encoded surrogate"),
        pytest.param(b"\x00", ["x"], id="NUL"),
        pytest.param(b"x\x00", ["x"], id="NUL at the end"),
        pytest.param(b"x" * 1_000_000, ["x"], id="a megabyte"),
    ],
)
def test_who_does_not_bring_it_is_refused(given_bytes, secrets):
    with pytest.raises(SecretError) as error:
        authenticate(header(given_bytes), map(Secret, secrets))
    assert error.value.status == 401


def test_without_the_header_nobody_is_let_in():
    with pytest.raises(SecretError):
        authenticate({}, [Secret("x")])


def test_a_refusal_tells_neither_what_was_sent_nor_what_is_right():
    with pytest.raises(SecretError) as error:
        authenticate(header(b"guess-1"), [Secret("right-1")])
    assert "guess-1" not in repr(error.value)
    assert "right-1" not in repr(error.value)


any_text = st.text(st.characters() | st.characters(categories=["Cs"]))


@given(any_text, st.lists(any_text, max_size=3))
@example("\ud800", ["x"])
@example("x", ["\ud800"])
@example("\udce9", ["é"])
def test_no_header_raises_anything_but_secret_error(text, secrets):
    try:
        authenticate({"X-Misskey-Hook-Secret": text}, map(Secret, secrets))
    except SecretError:
        return
    assert any(secrets)


# --- real events


def parsed(event: Mapping[str, Any], **options: Any) -> Event:
    return parse(sender.encode(dict(event)), hook="alice", **options)


def envelope(body: object, kind: str = "note", **changes: Any) -> dict[str, Any]:
    given = {
        "server": SERVER,
        "hookId": "h1",
        "userId": "u1",
        "eventId": "50915601-f4ea-4c6a-9fd8-8ba1147e23b6",
        "createdAt": CREATED_AT,
        "type": kind,
        "body": body,
    }
    return {key: value for key, value in (given | changes).items() if value is not ...}


def a_note(**changes: Any) -> dict[str, Any]:
    return sender.a_note() | {"text": "hello"} | changes


def the_note(**changes: Any) -> Note:
    note = parsed(envelope({"note": a_note(**changes)})).note
    assert note is not None
    return note


def sample(seq: int) -> sender.Request:
    return next(request for request in sender.requests() if request.seq == seq)


def samples() -> list[Any]:
    return [
        pytest.param(request, id=f"#{request.seq} {request.software} {request.kind}")
        for request in sender.requests()
    ]


def test_there_are_samples():
    assert len(sender.requests()) == 237


@pytest.mark.parametrize("request_", samples())
def test_every_captured_request_is_an_event(request_):
    event, told = parse(request_.body, hook="alice"), request_.event
    assert (event.id, event.hook, event.kind) == (told["eventId"], "alice", told["type"])
    assert (event.created_at, event.server) == (told["createdAt"], told["server"])
    assert event.is_moderation == ("userId" not in told or told["type"] == "reportAutoResolved")
    assert event.is_test == ("dummy-" in json.dumps(told["body"]))
    expected_note = told["body"].get("note", told["body"] if "visibility" in told["body"] else None)
    assert (event.note is not None) == (expected_note is not None)
    if event.note is not None:
        assert_same_note(event.note, expected_note)
    if event.kind in {"follow", "followed", "unfollow", "userCreated"}:
        assert event.user is not None
        expected_user = told["body"].get("user", told["body"])
        assert event.user.username == expected_user["username"]
    if event.kind.startswith("abuseReport"):
        assert event.report is not None
        assert event.report.comment == told["body"]["comment"]
        assert event.report.target_user.username == told["body"]["targetUser"]["username"]
        assert event.report.reporter.username == told["body"]["reporter"]["username"]
    assert_well_formed(event)


def assert_same_note(note: Note, told: Mapping[str, Any]) -> None:
    """At each level of the tree, however deep."""
    assert (note.id, note.user.username) == (told["id"], told["user"]["username"])
    assert (note.text, note.cw) == (told["text"] or None, told["cw"] or None)
    assert (note.visibility, note.local_only) == (told["visibility"], told["localOnly"])
    assert [file.name for file in note.files] == [file["name"] for file in told["files"]]
    assert (note.poll is not None) == (told.get("poll") is not None)
    assert note.is_hidden == told.get("isHidden", False)
    for inner, key in ((note.reply, "reply"), (note.renote, "renote")):
        assert (inner is not None) == (told.get(key) is not None)
        if inner is not None:
            assert_same_note(inner, told[key])


def strings(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif is_dataclass(value):
        for field in fields(value):
            yield from strings(getattr(value, field.name))
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from strings(key)
            yield from strings(item)
    elif isinstance(value, list | tuple | set | frozenset):
        for item in value:
            yield from strings(item)


def assert_well_formed(event: Event) -> None:
    for text in strings(event):
        text.encode()  # lone surrogates would raise
    for name in (event.id, event.kind, event.server):
        assert name.isprintable()  # what is a key, a label and a column holds no NUL


# --- what is never to be shown

PRIVATE_OF_USERS = (
    "memo moderationNote twoFactorEnabled usePasswordLessLogin securityKeys isFollowing isFollowed "
    "hasPendingFollowRequestFromYou hasPendingFollowRequestToYou isBlocking isBlocked isMuted "
    "isRenoteMuted notify withReplies canChat followedMessage pinnedNotes pinnedPage pinnedNoteIds "
    "email emailVerified token inbox sharedInbox signupReason ip lastIp ipAddress userAgent "
    "securityKeysList mutedWords roles policies"
).split()
PRIVATE_OF_NOTES = (
    "visibleUserIds reactionAndUserPairCache myReaction isMutingThread isFavorited memo"
).split()
PRIVATE_OF_REPORTS = "email ip ipAddress userAgent".split()
MARKER = "PRIVATE"


def all_of(found: Event | Note) -> str:
    """With what a repr leaves out."""
    return str(asdict(found))


def planted(value: Any) -> Any:
    """The same JSON, with a marker in each private field of each object, present or not."""
    if isinstance(value, list):
        return [planted(item) for item in value]
    if not isinstance(value, dict):
        return value
    grown = {key: planted(item) for key, item in value.items()}
    if "username" in value:
        grown |= {key: f"{MARKER} {key}" for key in PRIVATE_OF_USERS}
        grown |= {"pinnedNotes": [{"id": "n", "text": MARKER}], "roles": [{"name": MARKER}]}
    if "visibility" in value:
        grown |= {key: [f"{MARKER} {key}"] for key in PRIVATE_OF_NOTES}
    if "targetUserId" in value:
        grown |= {key: f"{MARKER} {key}" for key in PRIVATE_OF_REPORTS}
    return grown


def test_no_private_field_of_a_user_or_a_note_enters_an_event():
    bare = {"inactiveModeratorsWarning", "inactiveModeratorsInvitationOnlyChanged"}
    for request in sender.requests():
        event = planted(request.event)
        assert (MARKER in json.dumps(event)) == (request.kind not in bare), "nothing was planted"
        assert MARKER not in all_of(parsed(event)), request


def test_what_is_planted_would_be_found():
    assert MARKER in all_of(the_note(text=MARKER))


@pytest.mark.parametrize(
    "key",
    [
        *("email", "mailAddress", "emailVerified", "ip", "IP", "ipAddress", "ip_address", "userIp"),
        *("lastIp", "clientIP", "ips", "ipv4", "userAgent", "user_agent", "password", "secret"),
        *("token", "accessToken", "memo", "moderationNote", "adminNote", "twoFactorEnabled"),
        *("twoFactorSecret", "use2fa"),
    ],
)
def test_details_of_unknown_events_leave_out_what_sounds_private(key):
    event = parsed(envelope({key: MARKER, "level": 3}, "quotaExceeded", userId=...))
    assert event.details == {"level": 3}


@pytest.mark.parametrize(
    "key", ["description", "script", "shipment", "recipient", "skipped", "chipId"]
)
def test_details_of_unknown_events_hold_what_only_looks_like_an_address(key):
    assert parsed(envelope({key: "shown"}, "quotaExceeded")).details == {key: "shown"}


def test_details_hold_plain_values_and_not_too_many():
    body = {"text": "a", "number": 1, "part": 0.5, "flag": True, "none": None, "list": [1]}
    details = parsed(envelope(body | {"object": {"a": 1}}, "quotaExceeded")).details
    assert details == {"text": "a", "number": 1, "part": 0.5, "flag": True}
    many = {f"key{n}": n for n in range(1000)}
    assert len(parsed(envelope(many, "quotaExceeded")).details) == 25


def test_the_contact_form_keeps_the_message_and_drops_who_sent_it_from_where():
    body = {
        "id": "c1",
        "subject": "help",
        "content": "I am locked out",
        "name": "Bob",
        "email": f"{MARKER}@mail.example",
        "misskeyUsername": "bob",
        "replyMethod": "email",
        "category": "account",
        "status": "open",
        "ipAddress": f"{MARKER} 192.0.2.1",
        "userAgent": f"{MARKER} Mozilla",
        "user": {"id": "u2", "username": "bob", "email": MARKER},
    }
    event = parsed(envelope(body, "receivedContactForm", userId=...))
    assert MARKER not in all_of(event)
    assert event.contact is not None
    assert (event.contact.subject, event.contact.content) == ("help", "I am locked out")
    assert event.is_moderation


# --- for whom an event is


@pytest.mark.parametrize("kind", sorted(k for k, row in KINDS.items() if row.is_moderation))
@pytest.mark.parametrize("owner", [pytest.param(..., id="system"), pytest.param("u1", id="user")])
@pytest.mark.parametrize(
    "body",
    [
        pytest.param({"id": "u2", "username": "eve"}, id="a bare user"),
        pytest.param({"user": {"id": "u2", "username": "eve"}}, id="a wrapped user"),
        pytest.param({"username": "eve", "note": {"id": "n", "visibility": "public"}}, id="a note"),
    ],
)
def test_system_events_are_for_moderators_whatever_they_bring(kind, owner, body):
    assert parsed(envelope(body, kind, userId=owner)).is_moderation


@pytest.mark.parametrize(
    ("body", "owner", "is_moderation"),
    [
        pytest.param({}, "u1", True, id="that tells nothing we know"),
        pytest.param({"amount": 3}, "u1", True, id="with plain values"),
        pytest.param({"note": {"visibility": "public"}}, "u1", False, id="about a note"),
        pytest.param({"user": {"username": "eve"}}, "u1", False, id="about a user"),
        pytest.param({"note": {"visibility": "public"}}, ..., True, id="about a note, by a system"),
        pytest.param({"user": {"username": "eve"}}, ..., True, id="about a user, by a system"),
    ],
)
def test_an_unknown_event_is_for_moderators_unless_its_owner_can_know_it(
    body, owner, is_moderation
):
    event = parsed(envelope(body, "somethingNew", userId=owner))
    assert (event.kind, event.is_moderation) == ("somethingNew", is_moderation)


# --- the envelope


@pytest.mark.parametrize(
    ("seq", "of"),
    [
        pytest.param(426, "note", id="mention"),
        pytest.param(431, "note", id="reply"),
        pytest.param(428, "user", id="follow"),
    ],
)
def test_the_test_button_of_old_servers_sends_bare_bodies(seq, of):
    request = sample(seq)
    assert of not in request.event["body"]
    event = parse(request.body, hook="alice")
    found = getattr(event, of)
    assert found.id == request.event["body"]["id"]
    assert event.is_test
    assert not event.is_moderation
    wrapped = parsed(request.event | {"body": {of: request.event["body"]}})
    assert wrapped == event


@pytest.mark.parametrize("given_server", [..., None])
def test_where_no_server_is_told_the_given_one_stands_in(given_server):
    given = envelope({"note": a_note()}, server=given_server)
    assert parsed(given, server="https://other.example").server == "https://other.example"


@pytest.mark.parametrize(
    "told",
    [
        pytest.param("", id="empty"),
        pytest.param(1, id="a number"),
        pytest.param("misskey.example", id="no origin"),
        pytest.param("https://misskey.example/path", id="with a path"),
        pytest.param("https://user@misskey.example", id="with a user"),
        pytest.param("https://misskey.example\n", id="with a line end"),
        pytest.param("javascript:alert(1)", id="another scheme"),
        pytest.param("https://misskey.example?<script>", id="with markup"),
        pytest.param("https://[", id="a host that is none"),
        pytest.param("https://misskey.example:99999", id="a port that is none"),
        pytest.param("https://" + "a" * 301, id="longer than any host"),
    ],
)
def test_a_server_that_is_no_origin_is_nobodys(told):
    event = parsed(envelope({"note": a_note()}, server=told), server="https://other.example")
    assert (event.server, event.host) == ("", "")
    assert event.note is not None
    assert (event.note.url, event.note.user.url) == (None, None)


@pytest.mark.parametrize("told", ["https://misskey.example/", "https://Misskey.Example"])
def test_a_server_is_the_same_in_other_letters(told):
    event = parsed(envelope({"note": a_note()}, server=told))
    assert event.server == "https://misskey.example"


@pytest.mark.parametrize(
    ("server", "host"),
    [
        pytest.param("https://misskey.example", "misskey.example", id="a name"),
        pytest.param("http://localhost:3000", "localhost:3000", id="a port"),
        pytest.param("https://[::1]:3000", "[::1]:3000", id="IPv6"),
        pytest.param("https://みすきー.example", "みすきー.example", id="not ASCII"),
    ],
)
def test_the_server_is_that_of_the_envelope(server, host):
    event = parsed(envelope({"note": a_note()}, server=server), server="https://other.example")
    assert (event.server, event.host) == (server, host)


@pytest.mark.parametrize(
    "event_id",
    [
        pytest.param(..., id="missing"),
        pytest.param(None, id="null"),
        pytest.param("", id="empty"),
        pytest.param(7, id="a number"),
        pytest.param("x" * 101, id="too long"),
        pytest.param("a\x00b", id="with NUL"),
        pytest.param("a\nb", id="with a line end"),
    ],
)
def test_an_event_without_an_id_is_known_by_its_bytes(event_id):
    first, again, other = (
        parsed(envelope({"note": a_note(text=text)}, eventId=event_id)) for text in "aab"
    )
    assert first.id == again.id != other.id
    assert 0 < len(first.id) <= 100
    assert_well_formed(first)


@pytest.mark.parametrize(
    "created_at",
    [
        pytest.param(..., id="missing"),
        pytest.param(None, id="null"),
        pytest.param("2026-11-22T01:05:33.805Z", id="a text"),
        pytest.param(True, id="true"),
        pytest.param(1.5, id="a fraction"),
        pytest.param(2**53, id="more than JSON readers agree on"),
        pytest.param(10**4000, id="a number of 4000 digits"),
    ],
)
def test_where_no_time_is_told_now_stands_in(created_at):
    event = parsed(envelope({"note": a_note()}, createdAt=created_at), now=5)
    assert event.created_at == 5


# --- users, notes, files

A_USER = {
    "id": "u1",
    "username": "bob",
    "host": "remote.example",
    "name": "Bob",
    "avatarUrl": "https://misskey.example/a.webp",
    "isBot": True,
    "isCat": True,
    "emojis": {"blob": "https://remote.example/blob.png"},
    "instance": {"name": "Remote", "softwareName": "misskey"},
    "description": "hi",
    "location": "here",
    "birthday": "2000-01-02",
    "bannerUrl": "https://misskey.example/b.webp",
    "createdAt": "2026-11-22T01:05:33.805Z",
    "isLocked": True,
    "fields": [{"name": "site", "value": "https://bob.example"}],
    "followersCount": 1,
    "followingCount": 2,
    "notesCount": 3,
}
BOB = User(
    id="u1",
    username="bob",
    host="remote.example",
    name="Bob",
    url="https://misskey.example/@bob@remote.example",
    avatar_url="https://misskey.example/a.webp",
    is_bot=True,
    is_cat=True,
    emojis={"blob": "https://remote.example/blob.png"},
    instance="Remote",
    description="hi",
    location="here",
    birthday="2000-01-02",
    banner_url="https://misskey.example/b.webp",
    created_at=1_795_309_533_805,
    is_locked=True,
    fields=(ProfileField(name="site", value="https://bob.example"),),
    followers_count=1,
    following_count=2,
    notes_count=3,
)


def test_every_field_of_a_user_is_read():
    assert parsed(envelope({"user": A_USER}, "follow")).user == BOB


def test_every_field_of_a_note_is_read():
    told = {
        "id": "n1",
        "createdAt": "2026-11-22T01:05:33.805Z",
        "updatedAt": "2026-11-22T01:05:34Z",
        "deleteAt": "2026-11-22T01:05:36Z",
        "user": A_USER,
        "text": "hello",
        "cw": "careful",
        "visibility": "home",
        "localOnly": True,
        "isHidden": True,
        "files": [
            {
                "id": "f1",
                "name": "a.png",
                "type": "image/png",
                "size": 10,
                "url": "https://misskey.example/f",
                "thumbnailUrl": "https://misskey.example/t",
                "comment": "a cat",
                "isSensitive": True,
                "properties": {"width": 4, "height": 3},
            }
        ],
        "poll": {
            "multiple": True,
            "expiresAt": "2026-11-22T01:05:35Z",
            "choices": [{"text": "yes", "votes": 2}, {"text": "no", "votes": -1}],
        },
        "event": {
            "title": "Tea",
            "start": "2026-12-24T10:00:00.000Z",
            "end": "2026-12-24T12:00:00.000Z",
            "metadata": {
                "location": "Town hall",
                "url": "https://tea.example/",
                "organizer": {"name": "Carol"},
            },
        },
        "channel": {"id": "c1", "name": "cats", "isSensitive": True},
        "tags": ["misskey"],
        "emojis": {"blob": "https://remote.example/blob.png"},
        "reactions": {"👍": 2, ":blob@.:": 1},
        "reactionCount": 3,
        "renoteCount": 4,
        "repliesCount": 5,
        "replyId": "n2",
        "renoteId": "n3",
        "reply": {"id": "n2", "visibility": "public"},
        "renote": {"id": "n3", "visibility": "followers"},
    }
    assert parsed(envelope({"note": told})).note == Note(
        id="n1",
        created_at=1_795_309_533_805,
        updated_at=1_795_309_534_000,
        delete_at=1_795_309_536_000,
        url="https://misskey.example/notes/n1",
        user=BOB,
        text="hello",
        cw="careful",
        visibility=Visibility.HOME,
        local_only=True,
        is_hidden=True,
        files=(
            File(
                id="f1",
                name="a.png",
                type="image/png",
                size=10,
                url="https://misskey.example/f",
                thumbnail_url="https://misskey.example/t",
                comment="a cat",
                is_sensitive=True,
                width=4,
                height=3,
            ),
        ),
        poll=Poll(
            choices=(Choice(text="yes", votes=2), Choice(text="no")),
            multiple=True,
            expires_at=1_795_309_535_000,
        ),
        event=CalendarEvent(
            title="Tea",
            start=1_798_106_400_000,
            end=1_798_113_600_000,
            location="Town hall",
            url="https://tea.example/",
            organizer="Carol",
        ),
        channel=Channel(id="c1", name="cats", is_sensitive=True),
        tags=("misskey",),
        emojis={"blob": "https://remote.example/blob.png"},
        reactions={"👍": 2, ":blob@.:": 1},
        reaction_count=3,
        renote_count=4,
        replies_count=5,
        reply_id="n2",
        renote_id="n3",
        reply_url=f"{SERVER}/notes/n2",
        renote_url=f"{SERVER}/notes/n3",
        reply=Note(id="n2", url=f"{SERVER}/notes/n2", visibility=Visibility.PUBLIC),
        renote=Note(id="n3", url=f"{SERVER}/notes/n3", visibility=Visibility.FOLLOWERS),
    )


def test_every_field_of_a_report_is_read():
    told = {
        "id": "r1",
        "createdAt": "2026-11-22T01:05:33.805Z",
        "targetUserId": "u1",
        "targetUser": A_USER,
        "reporterId": "u2",
        "reporter": {"id": "u2", "username": "eve"},
        "assigneeId": "u1",
        "assignee": A_USER,
        "comment": "spam",
        "category": "ads",
        "resolved": True,
        "resolvedAs": "accept",
        "forwarded": True,
        "moderationNote": "done",
    }
    event = parsed(envelope(told, "abuseReportResolved", userId=...))
    assert event.report == AbuseReport(
        id="r1",
        url="https://misskey.example/admin/abuses",
        created_at=1_795_309_533_805,
        target_user=BOB,
        reporter=User(id="u2", username="eve", url="https://misskey.example/@eve"),
        assignee=BOB,
        comment="spam",
        category="ads",
        resolved=True,
        resolved_as="accept",
        forwarded=True,
        moderation_note="done",
    )


@pytest.mark.parametrize("wrap", [lambda it: it, lambda it: {"remainingTime": it}])
def test_the_remaining_time_is_read_bare_or_wrapped(wrap):
    body = wrap({"time": 151_499_517, "asHours": 42, "asDays": 1})
    event = parsed(envelope(body, "inactiveModeratorsWarning", userId=...))
    assert event.remaining_time == RemainingTime(time=151_499_517, as_hours=42, as_days=1)


@pytest.mark.parametrize(
    ("written", "at"),
    [
        pytest.param("1970-01-01T00:00:00.000Z", 0, id="the beginning"),
        pytest.param("1970-01-01T00:00:00.0005Z", 0, id="less than a millisecond"),
        pytest.param("1970-01-01T09:00:00+09:00", 0, id="another zone"),
        pytest.param("1970-01-01T00:00:00", 0, id="no zone means UTC, wherever relay runs"),
        pytest.param("1969-12-31T23:59:59Z", -1000, id="before the beginning"),
        pytest.param("9999-12-31T23:59:59Z", 253_402_300_799_000, id="the end"),
        pytest.param("10000-01-01T00:00:00Z", None, id="after the end"),
        pytest.param("", None, id="nothing"),
        pytest.param(0, None, id="a number"),
        pytest.param({}, None, id="an object"),
    ],
)
def test_dates_are_milliseconds(written, at, monkeypatch):
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    try:
        assert the_note(updatedAt=written).updated_at == at
    finally:
        monkeypatch.undo()
        time.tzset()


def test_a_note_links_to_its_page_on_the_sending_server():
    note = the_note(id="abc", user={"username": "eve", "host": "remote.example"})
    assert note.url == f"{SERVER}/notes/abc"
    assert note.user.url == f"{SERVER}/@eve@remote.example"
    assert (note.user.acct, note.user.host) == ("eve@remote.example", "remote.example")


def test_a_local_user_has_no_host():
    user = the_note(user={"username": "bob", "host": None, "name": None}).user
    assert (user.acct, user.host, user.url) == ("bob", None, f"{SERVER}/@bob")
    assert user.display_name == "bob"


@pytest.mark.parametrize(
    "name",
    ["../../admin", "a/b?c#d", 'x"><script>', "a b\n", "%2e%2e", "@@", "\u202eevil", "\ud800"],
)
def test_no_name_gets_out_of_its_place_in_a_link(name):
    note = the_note(id=name, user={"username": name, "host": name})
    for url, start in ((note.url, f"{SERVER}/notes/"), (note.user.url, f"{SERVER}/@")):
        assert url is not None
        assert url.startswith(start)
        rest = url.removeprefix(start)
        assert rest.isascii()
        assert not set(rest) & set('/?#"<> \n')


@pytest.mark.parametrize(
    "url",
    [
        pytest.param(None, id="null"),
        pytest.param("", id="empty"),
        pytest.param("/files/a.png", id="no address"),
        pytest.param("javascript:alert(1)", id="a script"),
        pytest.param("data:image/png;base64,AA==", id="data"),
        pytest.param("https://a.example/<script>", id="markup"),
        pytest.param('https://a.example/"onload', id="a quote"),
        pytest.param("https://a.example/a b", id="a blank"),
        pytest.param("https://a.example/\n", id="a line end"),
        pytest.param("https://", id="no host"),
        pytest.param(["https://a.example"], id="a list"),
    ],
)
def test_what_is_no_web_address_is_no_link_and_no_picture(url):
    note = the_note(
        user={"username": "bob", "avatarUrl": url, "emojis": {"x": url}},
        files=[{"id": "f", "url": url, "thumbnailUrl": url}],
        emojis={"x": url, "ok": "https://a.example/ok.webp"},
    )
    assert (note.user.avatar_url, note.user.emojis) == (None, {})
    assert (note.files[0].url, note.files[0].thumbnail_url) == (None, None)
    assert note.emojis == {"ok": "https://a.example/ok.webp"}


def test_emojis_of_old_servers_are_a_list_and_then_none():
    assert the_note(emojis=[], user={"username": "bob", "emojis": []}).emojis == {}


def test_blank_texts_say_nothing():
    note = the_note(text=" \n", cw="", user={"username": "bob", "name": " "})
    assert (note.text, note.cw, note.user.display_name) == (None, None, "bob")


def test_a_report_of_a_fork_that_names_users_by_id_alone_still_has_them():
    body = {"id": "r", "targetUserId": "u2", "targetUserHost": "remote.example", "comment": "spam"}
    report = parsed(
        envelope({"report": body, "resolver": {"name": "rule 1"}}, "reportAutoResolved")
    )
    assert isinstance(report.report, AbuseReport)
    assert (report.report.target_user.id, report.report.target_user.host) == (
        "u2",
        "remote.example",
    )
    assert (report.report.comment, report.resolver) == ("spam", "rule 1")
    assert report.is_moderation


def test_quotes_are_read_down_to_a_depth_and_no_further():
    note = a_note(id="n0")
    for n in range(1, 40):
        note = a_note(id=f"n{n}", renote=note, renoteId=note["id"])
    found = parsed(envelope({"note": note})).note
    assert found is not None
    ids = [inner.id for inner in found.walk()]
    assert ids == [f"n{n}" for n in range(39, 39 - len(ids), -1)]
    assert 10 <= len(ids) <= 20


def test_both_branches_of_a_note_are_read_at_each_level():
    leaf = a_note(id="leaf", text="secret", visibility="specified")
    inner = a_note(id="inner", reply=leaf, renote=leaf)
    found = the_note(id="top", reply=inner, renote=inner)
    assert [note.id for note in found.walk()] == ["top"] + ["inner", "leaf", "leaf"] * 2


def test_long_lists_are_cut():
    note = the_note(
        tags=["t"] * 1000,
        files=[{"id": "f"}] * 1000,
        poll={"choices": [{"text": "c"}] * 1000},
        reactions={f"r{n}": 1 for n in range(1000)},
        emojis={f"e{n}": "https://a.example/" for n in range(1000)},
    )
    assert note.poll is not None
    lists = (note.tags, note.files, note.poll.choices, note.reactions, note.emojis)
    assert all(0 < len(found) <= 500 for found in lists)


# --- who may see a note


@pytest.mark.parametrize(
    ("given_visibility", "meant"),
    [
        *(pytest.param(one.value, one, id=one.value) for one in Visibility),
        pytest.param("Public", Visibility.SPECIFIED, id="another case is not known"),
        pytest.param("public ", Visibility.SPECIFIED, id="nor is a blank at the end"),
        pytest.param("circle", Visibility.SPECIFIED, id="nor what may come later"),
        pytest.param(None, Visibility.SPECIFIED, id="null"),
        pytest.param(["public"], Visibility.SPECIFIED, id="a list"),
        pytest.param({}, Visibility.SPECIFIED, id="an object"),
        pytest.param(0, Visibility.SPECIFIED, id="a number"),
    ],
)
def test_what_visibility_is_not_known_is_the_narrowest(given_visibility, meant):
    assert the_note(visibility=given_visibility).visibility is meant


def test_a_wrapped_note_that_tells_no_visibility_is_for_nobody():
    event = parsed(envelope({"note": {"id": "n", "text": "hello"}}))
    assert event.note is not None
    assert event.note.visibility is Visibility.SPECIFIED


def test_a_parent_that_misskey_hid_is_hidden():
    event = parse(sample(365).body, hook="alice")
    assert event.note is not None
    hidden = [note for note in event.note.walk() if note.is_hidden]
    assert [(note.text, note.cw, note.files) for note in hidden] == [(None, None, ())]


def seconds_ago(seconds: float) -> str:
    moment = datetime.fromtimestamp(CREATED_AT / 1000 - seconds, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


NOW = CREATED_AT // 1000

LIMITS = [
    pytest.param(-3600, 3599, False, id="younger than an hour"),
    pytest.param(-3600, 3600, True, id="an hour old"),
    pytest.param(-3600, 3601, True, id="older than an hour"),
    pytest.param(-3600, -5, False, id="from the future, by a clock that is ahead"),
    pytest.param(0, 0, True, id="nothing may be shown"),
    pytest.param(NOW - DAY, DAY + 2, True, id="from before a day of the calendar"),
    pytest.param(NOW - DAY, DAY - 2, False, id="from after a day of the calendar"),
    pytest.param(-(10**4000), 10, False, id="a limit beyond all time"),
    pytest.param(10**4000, 10, True, id="a limit at the end of time"),
    pytest.param(None, DAY, False, id="no limit"),
    pytest.param(False, DAY, False, id="false is no limit"),
    pytest.param(-3600.0, DAY, True, id="a limit written as a fraction"),
]


@pytest.mark.parametrize(("limit", "age", "is_over"), LIMITS)
def test_old_notes_of_who_hides_them_are_hidden(limit, age, is_over):
    user = {"username": "bob", "makeNotesHiddenBefore": limit}
    note = the_note(user=user, createdAt=seconds_ago(age))
    assert (note.is_hidden, note.visibility) == (is_over, Visibility.PUBLIC)


@pytest.mark.parametrize(("limit", "age", "is_over"), LIMITS)
@pytest.mark.parametrize("visibility", Visibility)
def test_old_notes_of_who_closes_them_are_for_followers(limit, age, is_over, visibility):
    user = {"username": "bob", "makeNotesFollowersOnlyBefore": limit}
    note = the_note(user=user, createdAt=seconds_ago(age), visibility=visibility)
    wide = visibility in {Visibility.PUBLIC, Visibility.HOME}
    assert note.visibility == (Visibility.FOLLOWERS if is_over and wide else visibility)
    assert not note.is_hidden


@pytest.mark.parametrize("created_at", [..., None, "soon", 0, "2026-13-01T00:00:00Z"])
def test_a_note_of_unknown_age_counts_as_old(created_at):
    limits = {"makeNotesHiddenBefore": -3600, "makeNotesFollowersOnlyBefore": -3600}
    told = a_note(user={"username": "bob"} | limits, createdAt=created_at)
    note = parsed(envelope({"note": {k: v for k, v in told.items() if v is not ...}})).note
    assert note is not None
    assert (note.is_hidden, note.visibility) == (True, Visibility.FOLLOWERS)


def test_the_limits_hold_for_quoted_notes_too():
    old = a_note(
        user={"username": "bob", "makeNotesHiddenBefore": -3600}, createdAt=seconds_ago(DAY)
    )
    note = the_note(reply=old, renote=old)
    assert note.reply is not None
    assert note.renote is not None
    assert (note.is_hidden, note.reply.is_hidden, note.renote.is_hidden) == (False, True, True)


# --- what is no event


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        pytest.param(b"", "not JSON", id="nothing"),
        pytest.param(b"hello", "not JSON", id="text"),
        pytest.param(b'{"type":"note"', "not JSON", id="a body cut short"),
        pytest.param(b'{"type":"note"} x', "not JSON", id="more after the end"),
        pytest.param(b"a=b&c=d", "not JSON", id="a form"),
        pytest.param(b"\xff\xfe{\x00}\x00", "UTF-8", id="UTF-16"),
        pytest.param(b'{"type":"\xe9"}', "UTF-8", id="latin-1"),
        pytest.param(b'{"type":"\xed\xa0\x80"}', "UTF-8", id="an encoded surrogate"),
        pytest.param(b'{"type":"note","x":NaN}', "not JSON", id="NaN"),
        pytest.param(b'{"type":"note","x":Infinity}', "not JSON", id="Infinity"),
        pytest.param(b'{"type":"note","x":-Infinity}', "not JSON", id="minus Infinity"),
        pytest.param(b'{"type":"note","x":1e999}', "too large", id="a number beyond floats"),
        pytest.param(b'{"type":"note","x":-1e999}', "too large", id="and below"),
        pytest.param(b'{"x":' + b"9" * 5000 + b"}", "not JSON", id="a number of 5000 digits"),
        pytest.param(b"[" * 100_000, "nested too deeply", id="brackets without end"),
        pytest.param(b'{"a":' * 100_000, "nested too deeply", id="braces without end"),
        pytest.param(b"null", "not a JSON object", id="null"),
        pytest.param(b"[]", "not a JSON object", id="a list"),
        pytest.param(b'"note"', "not a JSON object", id="a string"),
        pytest.param(b"1", "not a JSON object", id="a number"),
        pytest.param(b"{}", "no type", id="an empty object"),
        pytest.param(b'{"type":null}', "no type", id="a type of null"),
        pytest.param(b'{"type":""}', "no type", id="an empty type"),
        pytest.param(b'{"type":" "}', "no type", id="a blank type"),
        pytest.param(b'{"type":["note"]}', "no type", id="a list of types"),
        pytest.param(b'{"type":"a\\u0000b"}', "no type", id="a type with NUL"),
        pytest.param(b'{"type":"a\\nb"}', "no type", id="a type with a line end"),
        pytest.param(b'{"type":"' + b"x" * 101 + b'"}', "no type", id="a type without end"),
        pytest.param(b'{"type":"note"}', "a note without a note", id="no body"),
        pytest.param(b'{"type":"note","body":null}', "without a note", id="a body of null"),
        pytest.param(b'{"type":"note","body":"x"}', "without a note", id="a body of text"),
        pytest.param(b'{"type":"note","body":[]}', "without a note", id="a body of nothing"),
        pytest.param(b'{"type":"reply","body":{}}', "a reply without a note", id="an empty body"),
        pytest.param(b'{"type":"note","body":{"note":null}}', "without a note", id="a null note"),
        pytest.param(b'{"type":"note","body":{"note":[]}}', "without a note", id="a list as note"),
        pytest.param(b'{"type":"mention","body":{"user":{}}}', "without a note", id="only a user"),
        pytest.param(b'{"type":"follow","body":{}}', "a follow without a user", id="no user"),
        pytest.param(b'{"type":"followed","body":{"user":1}}', "without a user", id="user is 1"),
        pytest.param(b'{"type":"userCreated"}', "without a user", id="nobody was created"),
    ],
)
def test_what_is_no_event_is_refused_with_the_reason(raw, reason):
    with pytest.raises(FormatError, match=reason) as error:
        parse(raw, hook="alice")
    assert error.value.status == 400
    assert len(str(error.value)) < 300


def test_a_byte_order_mark_is_no_reason_to_refuse():
    raw = b"\xef\xbb\xbf" + sender.encode(envelope({"note": a_note()}))
    assert parse(raw, hook="alice").kind == "note"


@pytest.mark.parametrize(
    ("written", "read"),
    [
        pytest.param(r"a\ud800b", "a�b", id="the first half of a pair"),
        pytest.param(r"a\udfffb", "a�b", id="the second half"),
        pytest.param(r"\uDC00\uD800", "��", id="the halves in the wrong order"),
        pytest.param(r"\ud83d\ude00", "😀", id="a whole pair"),
        pytest.param(r"\ud83d\ude00\ud83d", "😀�", id="a pair and a half"),
        pytest.param(r"\\ud800", r"\ud800", id="only the letters of an escape"),
        pytest.param(r"a\u0000b", "a\0b", id="NUL"),
        pytest.param(r"\u202e\ufeff\ufffe", "\u202e\ufeff\ufffe", id="marks and noncharacters"),
        pytest.param("x" * 100_000, "x" * 100_000, id="100 kB"),
        pytest.param(r"\ud800" * 100_000, "�" * 100_000, id="600 kB of halves"),
    ],
)
def test_a_text_can_hold_anything(written, read):
    raw = b'{"type":"note","body":{"note":{"visibility":"public","text":"%s","tags":["%s"]}}}'
    event = parse(raw % (written.encode(), written.encode()), hook="alice")
    assert event.note is not None
    assert (event.note.text, event.note.tags) == (read, (read,))
    assert_well_formed(event)


def test_halves_of_characters_are_mended_in_keys_too():
    raw = (
        rb'{"type":"note","body":{"note":{"visibility":"public",'
        rb'"reactions":{"\ud800":1},"emojis":{"\udfff":"https://a.example/\ud800"}}}}'
    )
    event = parse(raw, hook="alice")
    assert event.note is not None
    assert event.note.reactions == {"�": 1}
    assert_well_formed(event)


# --- any bytes, any values


@given(st.binary(max_size=200))
@example(b'{"type":"\\ud800","body":' + b"[" * 900 + b"]" * 900 + b"}")
@example(b'{"type":"\\ud800","body":' + b"[" * 940 + b"]" * 940 + b"}")
@example(b'{"type":"\\ud800","body":' + b"[" * 980 + b"]" * 980 + b"}")
def test_no_bytes_raise_anything_but_format_error(raw):
    assert_parses_or_refuses(raw)


def assert_parses_or_refuses(raw: bytes) -> None:
    try:
        event = parse(raw, hook="alice", server=SERVER, now=CREATED_AT)
    except FormatError as error:
        str(error).encode()
        return
    assert_well_formed(event)
    assert event.note is None or len(list(event.note.walk())) < 1000
    hash(event.id + event.kind + event.hook)


NASTY: list[Any] = [
    *("", " ", "\x00", "\ud800", "\udfff\ud83d", "dummy-", "https://a.example/", "public"),
    *("2026-11-22T01:05:33.805Z", "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59"),
    *("2026-11-22", "2026-W01-1", "-1", "1e999", "x" * 5000),
    *(2**63, -(2**63), 2**53, 10**300, -1, 0.5, 1e308, 5e-324, True, None, [], {}),
    *([[[]]], {"id": {}}, {"note": {}}, [None, {}], {"": ""}, {"visibility": "public"}),
]
json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | any_text
    | st.sampled_from(NASTY),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(any_text, inner, max_size=3),
    max_leaves=8,
)


@given(
    st.fixed_dictionaries(
        {"type": st.sampled_from(sorted({it.kind for it in sender.requests()})) | any_text},
        optional={
            "body": json_values,
            "server": json_values,
            "eventId": json_values,
            "createdAt": json_values,
            "userId": json_values,
        },
    )
)
def test_no_envelope_raises_anything_but_format_error(event):
    assert_parses_or_refuses(sender.encode(event))


def one_of_each() -> list[sender.Request]:
    """The first small request of each kind and each server software."""
    small = [request for request in sender.requests() if len(request.body) < 3000]
    found = {(request.kind, request.software): request for request in reversed(small)}
    return list(found.values())


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    steps = value.items() if isinstance(value, dict) else enumerate(value)
    for step, inner in steps:
        yield (*path, step)
        if isinstance(inner, dict | list):
            yield from places(inner, (*path, step))


PLACES = [(request, list(places(request.event))) for request in one_of_each()]


@settings(max_examples=150)
@given(st.data())
def test_no_value_in_any_field_of_a_real_event_raises_anything_but_format_error(data):
    request, found = data.draw(st.sampled_from(PLACES))
    event = request.event
    for *path, step in data.draw(st.lists(st.sampled_from(found), min_size=1, max_size=3)):
        inner: Any = event
        try:
            for key in path:
                inner = inner[key]
            inner[step] = data.draw(json_values)
        except (KeyError, IndexError, TypeError):
            continue  # an earlier change took the place away
    assert_parses_or_refuses(sender.encode(event))


@given(json_values, st.sampled_from(PRIVATE_OF_USERS + PRIVATE_OF_NOTES))
def test_no_shape_of_a_private_field_makes_it_enter(value, key):
    hidden = {key: [{"id": MARKER, "text": MARKER, key: MARKER}, value]}
    user = {"id": "u", "username": "bob"} | hidden
    note = a_note(user=user) | hidden
    for body, kind in (({"note": note}, "note"), ({"user": user}, "follow")):
        assert MARKER not in all_of(parsed(envelope(body, kind)))
