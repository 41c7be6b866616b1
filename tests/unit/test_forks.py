"""What the forks of Misskey send differently: other headers, no server, other shapes."""

import json
from dataclasses import asdict
from typing import Any

import pytest
from multidict import CIMultiDict

from relay.errors import SecretError
from relay.misskey import authenticate, parse, sender
from relay.model import Event, Visibility
from relay.outbox.siblings import is_change, subject_version
from relay.routing.index import RouteIndex
from relay.routing.match import Match, Route, author_names
from relay.secret import Secret
from tests import cases
from tests.fakes.misskey import a_note

SERVER = "https://misskey.example"
SECRETS = [Secret("right"), Secret("older")]
NAMES = ["Misskey", "Iceshrimp", "Firefish", "Catodon", "Calckey", "Sharkey", "CherryPick"]


def event(kind: str, **body: Any) -> Event:
    """As Iceshrimp-JS, Firefish, Catodon and Calckey write it: without `server`."""
    envelope = {
        "hookId": "9hook",
        "userId": "9user",
        "eventId": "50915601-f4ea-4c6a-9fd8-8ba1147e23b6",
        "createdAt": 1_795_309_533_815,
        "type": kind,
        "body": body,
    }
    return parse(json.dumps(envelope).encode(), hook="alice", server=SERVER)


# --- the secret


@pytest.mark.parametrize("name", [*NAMES, "calckey", "Fork2"])
def test_the_secret_comes_in_a_header_of_the_forks_name(name: str) -> None:
    authenticate({f"X-{name}-Hook-Secret": "right"}, SECRETS)
    authenticate({f"x-{name}-hook-secret".lower(): "older"}, SECRETS)
    with pytest.raises(SecretError):
        authenticate({f"X-{name}-Hook-Secret": "wrong"}, SECRETS)


@pytest.mark.parametrize(
    "name",
    [
        *("Hook-Secret", "X--Hook-Secret", "XX-A-Hook-Secret", "X-Misskey-Hook-Secrets"),
        *("X-Misskey-Hook-Id", "X-Misskey-Secret", "X-Mïsskey-Hook-Secret", "Authorization"),
    ],
)
def test_no_other_header_brings_it(name: str) -> None:
    with pytest.raises(SecretError):
        authenticate({name: "right"}, SECRETS)


@pytest.mark.parametrize("other", ["wrong", "", " ", "older", "\udcff"])
def test_several_headers_must_bring_the_same_secret(other: str) -> None:
    with pytest.raises(SecretError):
        authenticate({"X-Misskey-Hook-Secret": "right", "X-A-Hook-Secret": other}, SECRETS)
    authenticate({"X-Misskey-Hook-Secret": "right", "X-A-Hook-Secret": " right"}, SECRETS)


def test_the_error_names_the_headers_of_forks() -> None:
    with pytest.raises(SecretError, match=r"X-Misskey-Hook-Secret.*X-Iceshrimp-Hook-Secret"):
        authenticate({}, SECRETS)


# --- the server


@pytest.mark.parametrize("name", NAMES)
def test_the_server_is_named_next_to_the_secret(name: str) -> None:
    headers = CIMultiDict({f"x-{name}-hook-secret": "right", f"X-{name}-Host": "misskey.example"})
    assert sender(headers) == SERVER


@pytest.mark.parametrize(
    ("host", "expected", "origin"),
    [
        pytest.param("misskey.example", SERVER, SERVER, id="the one that is expected"),
        pytest.param("Misskey.Example", SERVER, SERVER, id="in other letters"),
        pytest.param("", SERVER, SERVER, id="none"),
        pytest.param("other.example", SERVER, "https://other.example", id="another"),
        pytest.param(
            "localhost:3000", "http://localhost:3000", "http://localhost:3000", id="a port"
        ),
        pytest.param(
            "xn--q9jyb4c.example", "https://みんな.example", "https://みんな.example", id="IDN"
        ),
        pytest.param("a b", "", "", id="no host"),
        pytest.param("evil.example/x?y", "", "", id="a path"),
        pytest.param("a@evil.example", "", "", id="a user"),
        pytest.param("a..b", SERVER, "", id="an empty label"),
    ],
)
def test_the_host_of_a_fork_is_checked_against_the_hooks_server(
    host: str, expected: str, origin: str
) -> None:
    headers = CIMultiDict({"X-Iceshrimp-Hook-Secret": "right", "X-Iceshrimp-Host": host})
    assert sender(headers, expected=expected) == origin


def test_what_a_proxy_says_of_its_host_is_not_the_servers() -> None:
    headers = CIMultiDict({"X-Misskey-Hook-Secret": "right", "X-Forwarded-Host": "evil.example"})
    assert sender(headers) == ""


# --- bodies


def test_a_note_without_a_server_is_that_of_the_header() -> None:
    assert event("note", note=a_note(1)).server == SERVER


@pytest.mark.parametrize("visibility", ["hidden", "private", "list", "circle", "limited", None, 1])
def test_a_visibility_of_a_fork_is_the_narrowest(visibility: object) -> None:
    note = event("note", note=a_note(1) | {"visibility": visibility}).note
    assert note is not None
    assert note.visibility is Visibility.SPECIFIED


@pytest.mark.parametrize("kind", ["note", "mention", "reply", "renote", "edited"])
def test_an_edited_note_of_a_fork_is_a_change(kind: str) -> None:
    edited = event(kind, note=a_note(1) | {"updatedAt": "2026-11-22T01:14:41.230Z"})
    assert is_change(edited)
    first, second = subject_version(event(kind, note=a_note(1))), subject_version(edited)
    assert first is not None
    assert second is not None
    assert (first.subject, first.version != second.version) == (second.subject, True)


def test_sharkeys_edited_note_changes_its_message() -> None:
    told, edited = cases.event("h02"), cases.event("h03")
    assert (is_change(told), is_change(edited)) == (False, True)
    first, second = subject_version(told), subject_version(edited)
    assert first is not None
    assert second is not None
    assert first.subject == second.subject
    assert first.version != second.version


# --- reactions

BOB = {"id": "9bob", "username": "bob", "host": "remote.example"}


def reactions() -> list[Any]:
    note = a_note(1, author="alice")
    custom = {"name": "blobcat", "host": None, "publicUrl": "https://misskey.example/b.png"}
    return [
        pytest.param(event("reaction", note=note, user=BOB, reaction="👍"), "👍", id="bare"),
        pytest.param(
            event("reaction", note=note, user=BOB, reaction=":blobcat@.:"), ":blobcat:", id="local"
        ),
        pytest.param(
            event("reaction", note=note, user=BOB, reaction=":blobcat@far.example:"),
            ":blobcat@far.example:",
            id="of another server",
        ),
        pytest.param(
            event("reaction", note=note, reaction={"user": BOB, "emojiName": "👍 (+1)"}),
            "👍 (+1)",
            id="in an object (Iceshrimp-JS, Firefish)",
        ),
        pytest.param(
            event(
                "reaction",
                note=note,
                reaction={"user": BOB, "emojiName": ":blobcat:", "customEmoji": custom},
            ),
            ":blobcat:",
            id="a custom one in an object",
        ),
    ]


@pytest.mark.parametrize(("reacted", "emoji"), reactions())
def test_the_author_of_a_reaction_is_who_reacted(reacted: Event, emoji: str) -> None:
    assert reacted.author is not None
    assert (reacted.author.acct, reacted.reaction) == ("bob@remote.example", emoji)
    assert author_names(reacted) == ("bob@remote.example",)


@pytest.mark.parametrize(("reacted", "emoji"), reactions()[:1])
@pytest.mark.parametrize(
    ("pattern", "matches"),
    [
        ("bob@remote.example", True),
        ("*@remote.example", True),
        ("alice", False),
        ("alice@*", False),
    ],
)
def test_a_route_asks_for_who_reacted(
    reacted: Event, emoji: str, pattern: str, matches: bool
) -> None:
    route = Route(name="r", to=("team",), match=Match(author=pattern))
    assert route.matches(reacted) == matches
    assert ([route] == list(RouteIndex([route]).routes_for(reacted))) == matches


@pytest.mark.parametrize("body", [{}, {"user": None}, {"reaction": {}}, {"reaction": ["x"]}])
def test_a_reaction_of_nobody_has_no_author(body: dict[str, Any]) -> None:
    reacted = event("reaction", note=a_note(1, author="alice"), **body)
    assert (reacted.author, reacted.reaction, author_names(reacted)) == (None, None, ())


def test_a_bot_that_reacts_is_a_bot() -> None:
    reacted = event("reaction", note=a_note(1), user=BOB | {"isBot": True}, reaction="👍")
    assert Match(bot=True).matches(reacted)


def test_the_case_from_the_field() -> None:
    reacted = cases.event("e17")
    assert reacted.author is not None
    assert (reacted.author.username, reacted.reaction) == ("bob", ":blobcat:")


@pytest.mark.tells_secrets("the user that Calckey sends is a row of its database")
def test_nothing_of_a_raw_user_of_calckey_comes_along() -> None:
    raw = BOB | {"token": "PRIVATE", "email": "PRIVATE", "inbox": "PRIVATE"}
    reacted = event("reaction", note=a_note(1), reaction={"user": raw, "emojiName": "👍"})
    assert "PRIVATE" not in str(asdict(reacted))
