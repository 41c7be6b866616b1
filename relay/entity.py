"""
The objects of Misskey's API, from JSON to the nouns: tolerant, bounded, blind to what is private.

Forks leave fields out, add some, and send null or another type where a value belongs: all of that
is taken as "not said". Only named fields are read, so nothing private comes along by accident.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar
from urllib.parse import quote

from relay.model import (
    AbuseReport,
    Channel,
    Choice,
    ContactForm,
    File,
    Note,
    Poll,
    ProfileField,
    RemainingTime,
    User,
    Visibility,
)

Json = Mapping[str, Any]
T = TypeVar("T")

QUOTE_DEPTH = 16  # Misskey packs quotes of quotes without end; nobody is shown more than a few
ITEMS = 100  # of any list or mapping
DETAILS = 25  # plain values of a body that nobody has heard of
MAX_INTEGER = 2**53 - 1

# What forks put into the bodies of system events and what is nobody's business.
_PRIVATE = re.compile(
    r"(?i:mail|addr|ips?$|ipv\d|secret|token|password|agent|memo|note|2fa|factor)"
    r"|(?:\b|_)ip(?![a-z])|I[Pp](?![a-z])"  # an address, but not a description
)
_WEB_URL = re.compile(r"https?://[^\s\x00-\x20\x7f\"'<>`\\]+", re.I)


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads the objects of one event: ``server`` is its origin, ``now`` the moment it was sent."""

    server: str
    now: int

    def link(self, path: str) -> str | None:
        return f"{self.server}/{path}" if self.server else None

    def note(self, source: Json, depth: int = QUOTE_DEPTH) -> Note:
        note_id = text(source, "id") or ""
        user = _mapping(source, "user")
        created_at = moment(source, "createdAt")
        visibility, is_hidden = self._visibility(source, user, created_at)
        return Note(
            id=note_id,
            created_at=created_at,
            updated_at=moment(source, "updatedAt"),
            url=self.link(f"notes/{quote(note_id, safe='')}") if note_id else None,
            user=self.user(user),
            text=text(source, "text"),
            cw=text(source, "cw"),
            visibility=visibility,
            local_only=flag(source, "localOnly"),
            is_hidden=is_hidden,
            files=_each(source, "files", _file),
            poll=_poll(poll) if isinstance(poll := source.get("poll"), dict) else None,
            channel=_channel(found) if isinstance(found := source.get("channel"), dict) else None,
            tags=tuple(tag for tag in _items(source, "tags") if isinstance(tag, str)),
            emojis=_emojis(source, "emojis"),
            reactions=_counts(source, "reactions"),
            reaction_count=count(source, "reactionCount") or 0,
            renote_count=count(source, "renoteCount") or 0,
            replies_count=count(source, "repliesCount") or 0,
            reply_id=text(source, "replyId"),
            renote_id=text(source, "renoteId"),
            reply=self._inner(source, "reply", depth),
            renote=self._inner(source, "renote", depth),
        )

    def _inner(self, source: Json, key: str, depth: int) -> Note | None:
        found = source.get(key)
        return self.note(found, depth - 1) if isinstance(found, dict) and depth else None

    def _visibility(
        self, source: Json, user: Json, created_at: int | None
    ) -> tuple[Visibility, bool]:
        """
        Who may see the note, and whether its content was left out.

        What Misskey added later can only be narrower than what is known. Authors can have their
        older notes made followers-only or hidden, but webhooks bring those as they once were.
        """
        try:
            visibility = Visibility(source.get("visibility", ""))
        except ValueError:
            visibility = Visibility.SPECIFIED
        is_hidden = flag(source, "isHidden") or self._is_past(
            created_at, user.get("makeNotesHiddenBefore")
        )
        old = self._is_past(created_at, user.get("makeNotesFollowersOnlyBefore"))
        if old and visibility in {Visibility.PUBLIC, Visibility.HOME}:
            visibility = Visibility.FOLLOWERS
        return visibility, is_hidden

    def _is_past(self, created_at: int | None, limit: object) -> bool:
        """Whether a moment is not after a limit in seconds: since 1970, or if not positive, ago."""
        if not isinstance(limit, int | float) or isinstance(limit, bool):
            return False
        if created_at is None:
            return True
        return created_at <= (limit * 1000 if limit > 0 else self.now + limit * 1000)

    def user(self, source: Json) -> User:
        username, host = text(source, "username") or "", text(source, "host")
        acct = f"{username}@{host}" if host else username
        return User(
            id=text(source, "id") or "",
            username=username,
            host=host,
            name=text(source, "name"),
            url=self.link(f"@{quote(acct, safe='@')}") if username else None,
            avatar_url=web_url(source, "avatarUrl"),
            is_bot=flag(source, "isBot"),
            is_cat=flag(source, "isCat"),
            emojis=_emojis(source, "emojis"),
            instance=text(_mapping(source, "instance"), "name"),
            description=text(source, "description"),
            location=text(source, "location"),
            birthday=text(source, "birthday"),
            banner_url=web_url(source, "bannerUrl"),
            created_at=moment(source, "createdAt"),
            is_locked=flag(source, "isLocked"),
            fields=_each(source, "fields", _profile_field),
            followers_count=count(source, "followersCount"),
            following_count=count(source, "followingCount"),
            notes_count=count(source, "notesCount"),
        )

    def report(self, source: Json) -> AbuseReport:
        assignee = source.get("assignee")
        return AbuseReport(
            id=text(source, "id") or "",
            url=self.link("admin/abuses"),
            created_at=moment(source, "createdAt"),
            target_user=self._party(source, "targetUser"),
            reporter=self._party(source, "reporter"),
            assignee=self.user(assignee) if isinstance(assignee, dict) else None,
            comment=text(source, "comment"),
            category=text(source, "category"),
            resolved=flag(source, "resolved"),
            resolved_as=text(source, "resolvedAs"),
            forwarded=flag(source, "forwarded"),
            moderation_note=text(source, "moderationNote"),
        )

    def _party(self, source: Json, key: str) -> User:
        """A user of a report; some forks send only the id and the host."""
        found = dict(_mapping(source, key))
        found.setdefault("id", source.get(f"{key}Id"))
        found.setdefault("host", source.get(f"{key}Host"))
        return self.user(found)


def contact(source: Json) -> ContactForm:
    return ContactForm(
        id=text(source, "id") or "",
        subject=text(source, "subject"),
        content=text(source, "content"),
        name=text(source, "name"),
        misskey_username=text(source, "misskeyUsername"),
        reply_method=text(source, "replyMethod"),
        category=text(source, "category"),
    )


def remaining_time(source: Json) -> RemainingTime:
    found = _mapping(source, "remainingTime")
    found = found or source  # real servers send it bare
    return RemainingTime(
        time=count(found, "time") or 0,
        as_hours=count(found, "asHours") or 0,
        as_days=count(found, "asDays") or 0,
    )


def details(source: Json) -> dict[str, str | int | float | bool]:
    """The plain values of a body that nobody has heard of, without what sounds private."""
    plain = {
        key: value
        for key, value in source.items()
        if isinstance(value, str | int | float | bool) and not _PRIVATE.search(key)
    }
    return dict(list(plain.items())[:DETAILS])


def text(source: Json, key: str) -> str | None:
    """A text that says something; an empty one is none."""
    found = source.get(key)
    return found if isinstance(found, str) and found.strip() else None


def flag(source: Json, key: str) -> bool:
    return source.get(key) is True


def count(source: Json, key: str) -> int | None:
    """A whole number that JSON readers, databases and people agree on."""
    found = source.get(key)
    if not isinstance(found, int) or isinstance(found, bool) or abs(found) > MAX_INTEGER:
        return None
    return found


def moment(source: Json, key: str) -> int | None:
    """An ISO 8601 date, as Unix milliseconds."""
    try:
        found = datetime.fromisoformat(source[key])
    except (KeyError, TypeError, ValueError):
        return None
    if found.tzinfo is None:
        found = found.replace(tzinfo=UTC)
    try:
        return round(found.timestamp() * 1000)
    except (OverflowError, ValueError):
        return None


def web_url(source: Json, key: str) -> str | None:
    found = source.get(key)
    return found if isinstance(found, str) and _WEB_URL.fullmatch(found) else None


def _mapping(source: Json, key: str) -> Json:
    found = source.get(key)
    return found if isinstance(found, dict) else {}


def _items(source: Json, key: str) -> list[Any]:
    found = source.get(key)
    return found[:ITEMS] if isinstance(found, list) else []


def _each(source: Json, key: str, read: Callable[[Json], T]) -> tuple[T, ...]:
    return tuple(read(item) for item in _items(source, key) if isinstance(item, dict))


def _emojis(source: Json, key: str) -> dict[str, str]:
    found = _mapping(source, key)
    named = list(found)[: ITEMS * 5]
    return {name: url for name in named if (url := web_url(found, name)) is not None}


def _counts(source: Json, key: str) -> dict[str, int]:
    found = _mapping(source, key)
    named = list(found)[:ITEMS]
    return {name: number for name in named if (number := count(found, name)) is not None}


def _file(source: Json) -> File:
    properties = _mapping(source, "properties")
    return File(
        id=text(source, "id") or "",
        name=text(source, "name") or "",
        type=text(source, "type") or "application/octet-stream",
        size=count(source, "size") or 0,
        url=web_url(source, "url"),
        thumbnail_url=web_url(source, "thumbnailUrl"),
        comment=text(source, "comment"),
        is_sensitive=flag(source, "isSensitive"),
        width=count(properties, "width"),
        height=count(properties, "height"),
    )


def _poll(source: Json) -> Poll:
    return Poll(
        choices=_each(source, "choices", _choice),
        multiple=flag(source, "multiple"),
        expires_at=moment(source, "expiresAt"),
    )


def _choice(source: Json) -> Choice:
    return Choice(text=text(source, "text") or "", votes=max(0, count(source, "votes") or 0))


def _channel(source: Json) -> Channel:
    return Channel(
        id=text(source, "id") or "",
        name=text(source, "name") or "",
        is_sensitive=flag(source, "isSensitive"),
    )


def _profile_field(source: Json) -> ProfileField:
    return ProfileField(name=text(source, "name") or "", value=text(source, "value") or "")
