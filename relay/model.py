"""
The nouns of an event as Misskey sent it, and of the gate that it has to pass.

Names follow Misskey's API (``renoteCount`` is ``renote_count`` here, and ``renoteCount`` in
templates). Times are Unix milliseconds. ``None`` means that Misskey did not send it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from relay.text.unicode import is_visible


class Visibility(StrEnum):
    """The readers of a note, widest first."""

    PUBLIC = "public"
    HOME = "home"
    FOLLOWERS = "followers"
    SPECIFIED = "specified"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfileField:
    """A line of a profile: ``name`` and ``value`` as its owner wrote them."""

    name: str
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """Somebody on the fediverse; from ``description`` on known only in ``follow``, ``unfollow``."""

    id: str = ""
    username: str = ""
    host: str | None = None
    """None: at home on the server that sent the event."""
    name: str | None = None
    url: str | None = None
    """The page for people on the sending server."""
    avatar_url: str | None = None
    is_bot: bool = False
    is_cat: bool = False
    emojis: Mapping[str, str] = field(default_factory=dict)
    instance: str | None = None
    """The name of a remote user's server."""
    description: str | None = None
    location: str | None = None
    birthday: str | None = None
    banner_url: str | None = None
    created_at: int | None = None
    is_locked: bool = False
    fields: tuple[ProfileField, ...] = ()
    followers_count: int | None = None
    following_count: int | None = None
    notes_count: int | None = None

    @property
    def acct(self) -> str:
        """``bob`` or ``bob@remote.example``, as Misskey writes it."""
        return f"{self.username}@{self.host}" if self.host else self.username

    @property
    def display_name(self) -> str:
        """The name, or the username where nobody would see it."""
        return self.name if self.name and is_visible(self.name) else self.username


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """A file of a note. ``size`` in bytes, ``comment`` is the alt text."""

    id: str = ""
    name: str = ""
    type: str = "application/octet-stream"
    size: int = 0
    url: str | None = None
    thumbnail_url: str | None = None
    comment: str | None = None
    is_sensitive: bool = False
    width: int | None = None
    height: int | None = None

    @property
    def is_image(self) -> bool:
        return self.type.startswith("image/")


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One answer of a poll."""

    text: str
    votes: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Poll:
    """The poll of a note; ``multiple``: more than one answer may be chosen."""

    choices: tuple[Choice, ...] = ()
    multiple: bool = False
    expires_at: int | None = None

    @property
    def votes(self) -> int:
        return sum(choice.votes for choice in self.choices)


@dataclass(frozen=True, slots=True, kw_only=True)
class CalendarEvent:
    """An appointment that a note invites to (CherryPick)."""

    title: str | None = None
    start: int | None = None
    end: int | None = None
    location: str | None = None
    url: str | None = None
    organizer: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """A channel of the server in which a note was written."""

    id: str = ""
    name: str = ""
    is_sensitive: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """A note, with the note it answers (``reply``) and the one it repeats (``renote``)."""

    id: str = ""
    created_at: int | None = None
    updated_at: int | None = None
    delete_at: int | None = None
    """When it deletes itself (CherryPick)."""
    url: str | None = None
    user: User = field(default_factory=User)
    # Restricted content is left out of the repr, because a repr ends in a log sooner or later.
    text: str | None = field(default=None, repr=False)
    cw: str | None = field(default=None, repr=False)
    """The content warning: the author's, joined to the one that moderators demand."""
    mandatory_cw: str | None = field(default=None, repr=False)
    """The warning that moderators demand for the note, its author or their server (Sharkey)."""
    visibility: Visibility = Visibility.SPECIFIED
    local_only: bool = False
    signin_only: bool = False
    """Its author allows only signed-in readers to see it."""
    is_hidden: bool = False
    """Misskey itself left the content out for this reader, or nobody may see it any longer."""
    is_gone: bool = False
    """Nobody may see it any longer: deleted, hidden by its author, or blinded by a moderator."""
    withheld: bool = False
    """The gate removed the content: the sink may not show this note."""
    files: tuple[File, ...] = field(default=(), repr=False)
    poll: Poll | None = field(default=None, repr=False)
    event: CalendarEvent | None = field(default=None, repr=False)
    channel: Channel | None = None
    tags: tuple[str, ...] = ()
    emojis: Mapping[str, str] = field(default_factory=dict)
    reactions: Mapping[str, int] = field(default_factory=dict)
    reaction_count: int = 0
    renote_count: int = 0
    replies_count: int = 0
    reply_id: str | None = None
    renote_id: str | None = None
    reply_url: str | None = None
    renote_url: str | None = None
    """The pages of these two notes, also if they are gone: then ``reply`` or ``renote`` is None."""
    reply: "Note | None" = None
    renote: "Note | None" = None

    @property
    def has_content(self) -> bool:
        own_cw = self.cw and self.cw != self.mandatory_cw
        return bool(self.text or own_cw or self.files or self.poll or self.event)

    @property
    def is_renote(self) -> bool:
        """A pure renote: it repeats another note and adds nothing."""
        return self.renote_id is not None and not self.has_content and self.reply_id is None

    @property
    def is_quote(self) -> bool:
        return self.renote_id is not None and not self.is_renote

    def walk(self) -> "Iterator[Note]":
        """This note and every note inside it."""
        yield self
        for inner in (self.reply, self.renote):
            if inner is not None:
                yield from inner.walk()


@dataclass(frozen=True, slots=True, kw_only=True)
class AbuseReport:
    """A report, for moderators only."""

    id: str = ""
    url: str | None = None
    """The moderation page of the server."""
    created_at: int | None = None
    target_user: User = field(default_factory=User)
    reporter: User = field(default_factory=User)
    assignee: User | None = None
    comment: str | None = field(default=None, repr=False)
    category: str | None = None
    resolved: bool = False
    resolved_as: str | None = None
    """``accept``, ``reject``, or None: closed without a verdict."""
    forwarded: bool = False
    moderation_note: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactForm:
    """A message from a server's contact form; address and IP were dropped."""

    id: str = ""
    subject: str | None = field(default=None, repr=False)
    content: str | None = field(default=None, repr=False)
    name: str | None = None
    misskey_username: str | None = None
    reply_method: str | None = None
    category: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RemainingTime:
    """Time until a server without active moderators closes its registration."""

    time: int = 0
    as_hours: int = 0
    as_days: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """An event that Misskey sent. Every kind has every field; those that do not apply are None."""

    id: str
    hook: str
    kind: str
    created_at: int
    server: str = ""
    """The origin of the sending server, ``https://misskey.example``; empty if it is not known."""
    note: Note | None = None
    user: User | None = None
    report: AbuseReport | None = None
    reaction: str | None = None
    reactions: Mapping[str, int] = field(default_factory=dict)
    """The most frequent reactions to the note, if relay itself has made the event of several."""
    contact: ContactForm | None = None
    remaining_time: RemainingTime | None = None
    resolver: str | None = None
    """The name of the rule that closed a report by itself."""
    details: Mapping[str, str | int | float | bool] = field(default_factory=dict)
    """The plain values of a body of an unknown kind."""
    is_moderation: bool = True
    is_test: bool = False
    """Sent by the test button of Misskey's webhook settings."""

    @property
    def host(self) -> str:
        return self.server.partition("://")[2]

    @property
    def author(self) -> User | None:
        """The user who acted: the one who reacted, followed or reported, or the note's author."""
        if self.note is not None and self.kind != "reaction":
            return self.note.user
        return self.report.reporter if self.report is not None else self.user


@dataclass(frozen=True, slots=True, kw_only=True)
class SubjectVersion:
    """The subject of an event, which others may share, in the version that the event has of it."""

    subject: str
    """The id of the subject: a note, a report."""
    version: str = ""
    """Its state; an event with another one edits the message of the earlier event."""
    rank: int = 0
    """Of the events that share a subject, the one with the highest is shown."""
    updated_at: int | None = None
    """When its author changed it; None: never, or unknown."""
    within: int | None = None
    """Milliseconds, after which an event is about something new; None: never."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """The conditions under which a sink may show a note; the defaults are those of every sink."""

    visibility: frozenset[Visibility] = frozenset({Visibility.PUBLIC, Visibility.HOME})
    local_only: bool = False
    moderation: bool = False
    signin_only: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Display:
    """How a sink shows notes; templates read it as ``display``."""

    cw: str = "spoiler"
    """``spoiler``, ``hide``: only the warning and the link, or ``show``: the text right away."""
    sensitive_media: str = "hide"
    """``hide``: a link and no picture, or ``show``."""
    previews: bool = False
    """Whether the chat previews links: then none leads to a hidden file."""
