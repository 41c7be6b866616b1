"""
The table of event kinds: each row has everything that relay knows of a kind.

An unknown kind needs no row: the parts of its body decide. To add a kind: a row here, a template, a
sample, translations.
"""

from dataclasses import dataclass
from enum import StrEnum, auto


class Part(StrEnum):
    """A part of an event's body. A ``StrEnum``, because the hash of an ``Enum`` is slow."""

    NOTE = auto()
    USER = auto()
    REPORT = auto()
    REACTION = auto()
    CONTACT_FORM = auto()
    REMAINING_TIME = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class EventKind:
    """The row of one kind of event; the defaults are those of an unknown kind."""

    body: frozenset[Part] = frozenset()
    """The parts of its body; a body that lacks its note or user is rejected."""
    is_moderation: bool = False
    """Whether only moderators may see it."""
    rank: int | None = None
    """Of several kinds about one note a sink gets the highest rank. Stored in the outbox."""
    changes: str | None = None
    """The kind whose message this one changes: a note was edited, a report resolved."""
    repeated_within: int | None = None
    """Milliseconds within which the same one can come twice."""
    is_sent: bool = True
    """Whether Misskey sends it; some kinds can be ticked in its form, and never come."""
    sent_instead: str | None = None
    """The kind that comes in place of one that is never sent."""

    @property
    def has_note(self) -> bool:
        return Part.NOTE in self.body


_NOTE, _USER, _REPORT = frozenset({Part.NOTE}), frozenset({Part.USER}), frozenset({Part.REPORT})

KINDS = {
    "note": EventKind(body=_NOTE, rank=0),
    "mention": EventKind(body=_NOTE, rank=1),
    "renote": EventKind(body=_NOTE, rank=2),
    "reply": EventKind(body=_NOTE, rank=3),
    "edited": EventKind(body=_NOTE, rank=4, changes="note"),
    # Iceshrimp-JS and Firefish send it: https://github.com/misskey-dev/misskey/issues/13393
    "reaction": EventKind(body=_NOTE | {Part.REACTION}, is_sent=False),
    "follow": EventKind(body=_USER),
    # Once by the webhook, and once as a notification, up to 200 ms apart.
    "followed": EventKind(body=_USER, repeated_within=60_000),
    # The second one of a remote user came after 56 to 132 ms.
    "unfollow": EventKind(body=_USER, repeated_within=10_000),
    "userCreated": EventKind(body=_USER, is_moderation=True, repeated_within=60_000),
    "abuseReport": EventKind(body=_REPORT, is_moderation=True),
    "abuseReportResolved": EventKind(body=_REPORT, is_moderation=True, changes="abuseReport"),
    # MisskeyIO offers three kinds of reports to user webhooks, and sends the last of them only.
    "reportCreated": EventKind(
        body=_REPORT, is_moderation=True, is_sent=False, sent_instead="reportAutoResolved"
    ),
    "reportResolved": EventKind(
        body=_REPORT,
        is_moderation=True,
        changes="reportCreated",
        is_sent=False,
        sent_instead="reportAutoResolved",
    ),
    "reportAutoResolved": EventKind(body=_REPORT, is_moderation=True, changes="reportCreated"),
    "inactiveModeratorsWarning": EventKind(
        body=frozenset({Part.REMAINING_TIME}), is_moderation=True
    ),
    "inactiveModeratorsInvitationOnlyChanged": EventKind(is_moderation=True),
    "inactiveModeratorsDisablePublicNoteChanged": EventKind(is_moderation=True),
    "receivedContactForm": EventKind(body=frozenset({Part.CONTACT_FORM}), is_moderation=True),
}
"""All that a known server or fork offers; others may add to them."""

_UNKNOWN = EventKind()


def kind_of(name: str) -> EventKind:
    """The row of a kind; that of an unknown kind for a name that is not in the table."""
    return KINDS.get(name, _UNKNOWN)
