"""The lists that relay asks a server for: one row each, with everything that differs."""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace

from relay.outbox.records import Cursor
from relay.polling import events
from relay.polling.client import Endpoint
from relay.polling.events import PolledEvent
from relay.polling.walk import Ask, Item, Manner, Walk, resolutions, start, walk

Convert = Callable[[Sequence[Item], Collection[str]], Iterable[PolledEvent]]
Steps = Callable[[Cursor, Manner], Walk]


@dataclass(frozen=True, slots=True, kw_only=True)
class PolledList:
    """A list: where it is, which events its items become, and how it is walked."""

    name: str
    endpoint: Endpoint
    kinds: frozenset[str]
    """The kinds of events that it brings, of those that a webhook brings too."""
    convert: Convert
    """From items, and the types of notifications that the hook takes."""
    start: Steps = start
    walk: Steps = walk
    has_since: bool = True
    has_offset: bool = False
    """Whether pages are skipped by number, for want of ids."""
    needs_owner: bool = False
    """Whether requests name the user whose token it is."""

    def place(self, ask: Ask) -> Ask:
        """The request as this list understands it."""
        return replace(ask, until="") if self.has_offset else replace(ask, skip=0)


NOTIFICATIONS = PolledList(
    name="notifications",
    endpoint=Endpoint(
        path="i/notifications",
        permission="read:notifications",
        body={"markAsRead": False},  # otherwise the user's own badge is gone
    ),
    kinds=frozenset({"mention", "reply", "renote", "followed"}),
    convert=events.from_notifications,
)
NOTES = PolledList(
    name="notes",
    endpoint=Endpoint(
        path="users/notes",
        body={"withReplies": True, "withRenotes": True, "withChannelNotes": True},
    ),
    kinds=frozenset({"note"}),
    convert=lambda items, types: events.from_notes(items),
    needs_owner=True,
)
REPORTS = PolledList(
    name="reports",
    endpoint=Endpoint(path="admin/abuse-user-reports", permission="read:admin:abuse-user-reports"),
    kinds=frozenset({"abuseReport"}),
    convert=lambda items, types: events.from_reports(items),
)
RESOLUTIONS = PolledList(
    name="resolutions",
    endpoint=REPORTS.endpoint,
    kinds=frozenset({"abuseReportResolved"}),
    convert=lambda items, types: events.from_resolved_reports(items),
    start=resolutions,
    walk=resolutions,
)
USERS = PolledList(
    name="users",
    endpoint=Endpoint(
        path="admin/show-users",
        permission="read:admin:show-user",
        body={"sort": "+createdAt", "origin": "local"},
    ),
    kinds=frozenset({"userCreated"}),
    convert=lambda items, types: events.from_users(items),
    has_since=False,
    has_offset=True,
)

ASKED_BY_NAME = (NOTES, REPORTS, RESOLUTIONS, USERS)
"""Asked for where a route names one of their kinds; notifications are always asked for."""
