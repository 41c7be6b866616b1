"""
Reads the objects of Misskey's API from JSON: notes, users, reports and their parts.

Forks leave fields out, add some, and send null or another type where a value belongs: such a field
counts as absent. Only named fields are read, so nothing private is taken over by accident.

Typed structs of msgspec were tried instead: one wrong field refuses a whole body, so each had to
allow all types, be declared again next to the model, and be read by the same functions. That saves
1.6 of 52 µs per event.
"""

import json
from dataclasses import dataclass, replace
from urllib.parse import quote

from relay.misskey.calendar import calendar_event
from relay.misskey.fields import (
    Json,
    addresses,
    count,
    counts,
    each,
    flag,
    identifier,
    items,
    mapping,
    moment,
    name,
    restricts,
    text,
    warning,
    web_url,
)
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
from relay.text.hosts import ascii_form

GONE = ("isBlinded", "deletedAt")
"""Nobody may see such a note: a moderator of a fork of CherryPick blinded it, or it is deleted."""
SIGNIN_ONLY = "requireSigninToViewContents"
QUOTE_DEPTH = 16  # Misskey packs quotes of quotes without end; no message shows more than a few


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads the objects of one event: ``server`` is its origin, ``now`` the moment it was sent."""

    server: str
    now: int

    def link(self, path: str) -> str | None:
        return f"{self.server}/{path}" if self.server else None

    def note(self, source: Json, depth: int = QUOTE_DEPTH) -> Note:
        note_id = identifier(source, "id")
        user = mapping(source, "user")
        created_at = moment(source, "createdAt")
        visibility, is_gone = self._visibility(source, user, created_at)
        # Misskey leaves out the parent and quote of a parent: else a tree could double at each.
        reply = self._inner(source, "reply", min(depth, 2))
        renote = self._inner(source, "renote", depth)
        mandatory_cw = _joined(
            # https://activitypub.software/TransFem-org/Sharkey: moderators warn of a note, of an
            # account, or of a whole server.
            *(warning(part, "mandatoryCW") for part in (source, user, mapping(user, "instance")))
        )
        return Note(
            id=note_id,
            created_at=created_at,
            updated_at=moment(source, "updatedAt"),
            delete_at=moment(source, "deleteAt"),
            url=self._note_page(note_id),
            user=self.user(user),
            text=text(source, "text"),
            cw=_joined(warning(source, "cw"), mandatory_cw),
            mandatory_cw=mandatory_cw,
            visibility=visibility,
            local_only=restricts(source, "localOnly"),
            signin_only=restricts(source, SIGNIN_ONLY) or restricts(user, SIGNIN_ONLY),
            is_hidden=is_gone or restricts(source, "isHidden"),
            is_gone=is_gone,
            files=each(source, "files", _file),
            poll=_poll(poll) if isinstance(poll := source.get("poll"), dict) else None,
            event=calendar_event(event) if isinstance(event := source.get("event"), dict) else None,
            channel=_channel(channel)
            if isinstance(channel := source.get("channel"), dict)
            else None,
            tags=tuple(tag for tag in items(source, "tags") if isinstance(tag, str)),
            emojis=addresses(source, "emojis"),
            reactions=counts(source, "reactions"),
            reaction_count=count(source, "reactionCount") or 0,
            renote_count=count(source, "renoteCount") or 0,
            replies_count=count(source, "repliesCount") or 0,
            reply_id=text(source, "replyId") or (reply and reply.id) or None,
            renote_id=text(source, "renoteId") or (renote and renote.id) or None,
            reply_url=self._note_page(identifier(source, "replyId")),
            renote_url=self._note_page(identifier(source, "renoteId")),
            reply=reply,
            renote=renote,
        )

    def _note_page(self, note_id: str) -> str | None:
        return self.link(f"notes/{_segment(note_id)}") if note_id else None

    def _inner(self, source: Json, key: str, depth: int) -> Note | None:
        """The parent or the quoted note, unless it is deleted."""
        inner = source.get(key)
        if not isinstance(inner, dict) or restricts(inner, "deletedAt") or not depth:
            return None
        return self.note(inner, depth - 1)

    def _visibility(
        self, source: Json, user: Json, created_at: int | None
    ) -> tuple[Visibility, bool]:
        """
        The note's visibility, and whether the note is gone for everybody.

        An unknown visibility counts as the narrowest. Authors can have their older notes made
        followers-only or hidden, but webhooks send those as they were before.
        """
        try:
            visibility = Visibility(source.get("visibility", ""))
        except ValueError:
            visibility = Visibility.SPECIFIED
        is_gone = any(restricts(source, key) for key in GONE) or self._is_past(
            created_at, user.get("makeNotesHiddenBefore")
        )
        old = self._is_past(created_at, user.get("makeNotesFollowersOnlyBefore"))
        if old and visibility in {Visibility.PUBLIC, Visibility.HOME}:
            visibility = Visibility.FOLLOWERS
        return visibility, is_gone

    def _is_past(self, created_at: int | None, limit: object) -> bool:
        """
        Whether ``created_at`` (Unix milliseconds) is at or before a limit that an author has set.

        A positive limit is in Unix seconds; any other number is in seconds relative to now. True if
        one of the two cannot be read, so that the note counts as restricted.
        """
        if limit is None or limit is False:
            return False
        if created_at is None or not isinstance(limit, int | float) or limit is True:
            return True
        return created_at <= (limit * 1000 if limit > 0 else self.now + limit * 1000)

    def user(self, source: Json) -> User:
        username, host = name(source, "username") or "", name(source, "host")
        host = host and ascii_form(host)  # as Misskey writes it
        return User(
            id=identifier(source, "id"),
            username=username,
            host=host,
            name=name(source, "name"),
            url=self._page(username, host) if username else None,
            avatar_url=web_url(source, "avatarUrl"),
            is_bot=flag(source, "isBot"),
            is_cat=flag(source, "isCat"),
            emojis=addresses(source, "emojis"),
            instance=name(mapping(source, "instance"), "name"),
            description=text(source, "description"),
            location=text(source, "location"),
            birthday=text(source, "birthday"),
            banner_url=web_url(source, "bannerUrl"),
            created_at=moment(source, "createdAt"),
            is_locked=flag(source, "isLocked"),
            fields=each(source, "fields", _profile_field),
            followers_count=count(source, "followersCount"),
            following_count=count(source, "followingCount"),
            notes_count=count(source, "notesCount"),
        )

    def _page(self, username: str, host: str | None) -> str | None:
        return self.link(f"@{_segment(username)}" + (f"@{_segment(host)}" if host else ""))

    def report(self, source: Json) -> AbuseReport:
        assignee = self._party(source, "assignee")
        return AbuseReport(
            id=identifier(source, "id"),
            url=self.link("admin/abuses"),
            created_at=moment(source, "createdAt"),
            target_user=self._party(source, "targetUser"),
            reporter=self._party(source, "reporter"),
            assignee=assignee if assignee.id or assignee.username else None,
            comment=_comment(text(source, "comment")),
            category=text(source, "category"),
            resolved=flag(source, "resolved"),
            resolved_as=text(source, "resolvedAs"),
            forwarded=flag(source, "forwarded"),
            moderation_note=text(source, "moderationNote"),
        )

    def _party(self, source: Json, key: str) -> User:
        """A user of a report; one that has only an id is linked to the moderators' page."""
        party = dict(mapping(source, key))
        party.setdefault("id", source.get(f"{key}Id"))
        party.setdefault("host", source.get(f"{key}Host"))
        user = self.user(party)
        if user.username or not user.id:
            return user
        return replace(user, url=self.link(f"admin/user/{_segment(user.id)}"))


def _segment(text: str) -> str:
    """A text as a part of a path; most need no quoting."""
    return text if text.isalnum() and text.isascii() else quote(text, safe="")


def _joined(*warnings: str | None) -> str | None:
    """Several content warnings as one, each once."""
    texts = dict.fromkeys(text for text in warnings if text)
    labels = [text for text in texts if text.strip()]
    return ", ".join(labels) or next(iter(texts), None)


def contact(source: Json) -> ContactForm:
    return ContactForm(
        id=text(source, "id") or "",
        subject=name(source, "subject"),
        content=text(source, "content"),
        name=name(source, "name"),
        misskey_username=(name(source, "misskeyUsername") or "").removeprefix("@") or None,
        reply_method=text(source, "replyMethod"),
        category=text(source, "category"),
    )


def remaining_time(source: Json) -> RemainingTime:
    remaining = mapping(source, "remainingTime")
    remaining = remaining or source  # real servers send it bare
    return RemainingTime(
        time=count(remaining, "time") or 0,
        as_hours=count(remaining, "asHours") or 0,
        as_days=count(remaining, "asDays") or 0,
    )


def _file(source: Json) -> File:
    properties = mapping(source, "properties")
    return File(
        id=text(source, "id") or "",
        name=name(source, "name") or "",
        type=(text(source, "type") or "application/octet-stream").lower(),
        size=count(source, "size") or 0,
        url=web_url(source, "url"),
        thumbnail_url=web_url(source, "thumbnailUrl"),
        comment=text(source, "comment"),
        is_sensitive=restricts(source, "isSensitive"),
        width=count(properties, "width"),
        height=count(properties, "height"),
    )


def _poll(source: Json) -> Poll:
    return Poll(
        choices=each(source, "choices", _choice),
        multiple=flag(source, "multiple"),
        expires_at=moment(source, "expiresAt"),
    )


def _choice(source: Json) -> Choice:
    return Choice(text=name(source, "text") or "", votes=max(0, count(source, "votes") or 0))


def _comment(comment: str | None) -> str | None:
    """A report's comment; Misskey ends those of other servers with a JSON list of addresses."""
    if comment is None or not comment.rstrip().endswith("]"):
        return comment
    for begin in (0, comment.rfind("\n[") + 1):
        lead, listed = comment[:begin].strip(), _texts(comment[begin:])
        if listed is not None:
            lead = "" if lead == "undefined" else lead  # Misskey writes so where there is no text
            return "\n".join(filter(None, (lead, *listed)))
    return comment


def _texts(written: str) -> list[str] | None:
    """A JSON list of texts."""
    try:
        texts = json.loads(written)
        if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
            return None
        "".join(texts).encode()  # halves of surrogate pairs may be spelled out in text
    except (RecursionError, ValueError):
        return None
    return texts


def _channel(source: Json) -> Channel:
    return Channel(
        id=text(source, "id") or "",
        name=name(source, "name") or "",
        is_sensitive=restricts(source, "isSensitive"),
    )


def _profile_field(source: Json) -> ProfileField:
    return ProfileField(name=name(source, "name") or "", value=text(source, "value") or "")
