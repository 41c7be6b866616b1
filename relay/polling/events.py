"""
Converts items of Misskey's lists to the webhooks that Misskey would have sent for them. Pure.

What is converted has the same kind, and the same note, user or report as the webhook, so that one
of the two is recognized as a sibling of the other, whichever comes first. An item has the same
event id whenever it is read, so the outbox takes it once.
"""

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from relay.misskey import fields, ids
from relay.misskey.notifications import FROM_WEBHOOKS, KINDS
from relay.polling.walk import Item

Body = Mapping[str, Any]

# https://github.com/misskey-dev/misskey/blob/develop/packages/backend/src/models/json-schema/user.ts
# The moderators' API adds private fields, such as memos and roles, to these of every webhook.
USER_KEYS = (
    "id", "name", "username", "host", "avatarUrl", "avatarBlurhash", "avatarDecorations",
    "isBot", "isCat", "instance", "emojis", "badgeRoles",
)  # fmt: skip
REPORT_KEYS = (
    "id", "targetUserId", "targetUser", "reporterId", "reporter", "assigneeId", "assignee",
    "resolved", "resolvedAs", "forwarded", "comment", "moderationNote", "category",
    "targetUserHost", "reporterHost",
)  # fmt: skip
PLAIN = frozenset({"id", "createdAt", "type", "userId"})
"""The parts of a notification that are not in the body of an event."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PolledEvent:
    """An event made of an item of a list."""

    id: str
    kind: str
    created_at: int
    body: Body
    owner: str | None = None
    """The user whose event it is; None: it is for moderators."""

    def webhook(self, server: str) -> bytes:
        """The body of the webhook that Misskey would have sent."""
        owner = {} if self.owner is None else {"userId": self.owner}
        envelope = {
            "server": server,
            **owner,
            "eventId": self.id,
            "createdAt": self.created_at,
            "type": self.kind,
            "body": self.body,
        }
        text = json.dumps(envelope, ensure_ascii=False, separators=(",", ":"))
        return text.encode("utf-8", "backslashreplace")  # halves of surrogate pairs as escapes


def from_notifications(items: Sequence[Item], types: Collection[str]) -> Iterator[PolledEvent]:
    """``types`` are the ones that no webhook brings and the hook still takes."""
    last = _last_reactions(items) if "reaction" in types else {}
    for item in items:
        kind = fields.text(item, "type") or ""
        if kind in FROM_WEBHOOKS:
            yield from _as_webhooks(item, kind)
        elif kind == "reaction":
            note_id = fields.identifier(fields.mapping(item, "note"), "id")
            if (reactions := last.get(note_id)) and reactions[-1] is item:
                yield _notification(item, kind, {"reactions": [*map(_reaction, reactions)]})
        elif kind in types:
            yield _notification(item, KINDS.get(kind, kind))


def _as_webhooks(item: Item, kind: str) -> Iterator[PolledEvent]:
    note = fields.mapping(item, "note")
    if kind == "follow":
        yield _notification(item, KINDS[kind])
        return
    yield _notification(item, "renote" if kind == "quote" else kind)
    # Misskey writes one notification for a note and a person, but sends a webhook for each reason.
    is_named = _owner(item) in fields.items(note, "mentions")
    if kind == "reply" or (kind in {"renote", "quote"} and is_named):
        yield _notification(item, "mention", suffix="/mention")


def _notification(
    item: Item, kind: str, more: Body | None = None, *, suffix: str = ""
) -> PolledEvent:
    body = {key: value for key, value in item.items() if key not in PLAIN}
    return PolledEvent(
        id=f"notification/{item['id']}{suffix}",
        kind=kind,
        created_at=_created_at(item),
        body=body | dict(more or {}),
        owner=_owner(item),
    )


def _owner(item: Item) -> str:
    """The user who was notified, if the note shows that: whose note it is, or answers."""
    note = fields.mapping(item, "note")
    match item.get("type"):
        case "reaction":
            owned = note
        case "reply":
            owned = fields.mapping(note, "reply")
        case "renote" | "quote":
            owned = fields.mapping(note, "renote")
        case _:
            return ""
    return fields.identifier(owned, "userId")


def owner_of(items: Sequence[Item]) -> str:
    """The user whose notifications these are; empty if none of them shows that."""
    kinds = {"reaction", "reply", "renote", "quote"}
    return next(filter(None, (_owner(item) for item in items if item.get("type") in kinds)), "")


def _last_reactions(items: Sequence[Item]) -> Mapping[str, Sequence[Item]]:
    """The reactions by note: a flood of them is one event."""
    by_note: dict[str, list[Item]] = {}
    for item in items:
        note_id = fields.identifier(fields.mapping(item, "note"), "id")
        if item.get("type") == "reaction" and note_id:
            by_note.setdefault(note_id, []).append(item)
    return by_note


def _reaction(item: Item) -> Body:
    return {"user": item.get("user"), "reaction": item.get("reaction")}


def from_notes(items: Sequence[Item]) -> Iterator[PolledEvent]:
    """Notes of the hook's own user; for an answer to oneself Misskey also sends a ``reply``."""
    for note in items:
        author, created_at = fields.identifier(note, "userId"), _created_at(note)
        is_to_self = author == fields.identifier(fields.mapping(note, "reply"), "userId") != ""
        for kind in ("note", *(["reply"] if is_to_self else [])):
            yield PolledEvent(
                id=f"note/{note['id']}" + ("" if kind == "note" else f"/{kind}"),
                kind=kind,
                created_at=created_at,
                body={"note": note},
                owner=author,
            )


def from_reports(items: Sequence[Item]) -> Iterator[PolledEvent]:
    """Reports as they were made; one that is resolved already says so."""
    for report in items:
        yield _report(report, "abuseReport", f"report/{report['id']}")


def from_resolved_reports(items: Sequence[Item]) -> Iterator[PolledEvent]:
    for report in items:
        yield _report(report, "abuseReportResolved", f"report/{report['id']}/resolved")


def _report(report: Item, kind: str, event_id: str) -> PolledEvent:
    body = {key: report[key] for key in REPORT_KEYS if key in report}
    for party in ("targetUser", "reporter", "assignee"):
        if isinstance(body.get(party), dict):
            body[party] = _public(body[party])
    return PolledEvent(id=event_id, kind=kind, created_at=_created_at(report), body=body)


def from_users(items: Sequence[Item]) -> Iterator[PolledEvent]:
    """New accounts, without what only moderators may know of them."""
    for user in items:
        yield PolledEvent(
            id=f"user/{user['id']}",
            kind="userCreated",
            created_at=_created_at(user),
            body=_public(user),
        )


def _public(user: Body) -> Body:
    return {key: user[key] for key in USER_KEYS if key in user}


def _created_at(item: Item) -> int:
    return fields.moment(item, "createdAt") or ids.moment(str(item["id"])) or 0
