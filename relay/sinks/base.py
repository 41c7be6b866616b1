"""The base of all sinks: settings, and the clients that they open."""

import re
from abc import ABC, abstractmethod
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import AfterValidator, ValidationInfo

from relay.base_settings import Settings, Zone
from relay.model import Display, Gate, Visibility
from relay.outcome import Outcome, Rejected
from relay.sinks.errors import trouble
from relay.sinks.pacing import Rate, Window
from relay.text.message import Message
from relay.units import Duration

if TYPE_CHECKING:  # see SinkSettings.open
    import aiohttp

Payload = Mapping[str, Any]

UNCHANGEABLE = Rejected("messages of this sink cannot be edited")
NO_ROOM = Rejected("messages sent together no longer fit into one request")


@dataclass(frozen=True, slots=True)
class Layout:
    """The body of one request, and how many of the messages it has."""

    payload: Payload
    count: int


@dataclass(frozen=True, slots=True)
class Remedy:
    """The fix for a cause."""

    name: str
    """The name of the doctor's finding."""
    remedy: str


class SinkSettings(Settings):
    """The keys of every sink: its gate, and how deliveries to it are made."""

    if TYPE_CHECKING:  # each vendor's own, and the discriminator of all

        @property
        def type(self) -> str: ...

    known_pace: ClassVar[tuple[Window, ...]] = ()
    """The vendor's known limits; without one only its answers limit the pace."""

    known_refusals: ClassVar[tuple[Window, ...]] = ()
    """The refusals of all sinks together that the vendor tolerates, with a wide margin."""

    visibility: frozenset[Visibility] = frozenset({Visibility.PUBLIC, Visibility.HOME})
    """Which notes may be shown here."""
    local_only: bool = False
    """Whether notes marked local-only may be shown here."""
    moderation: bool = False
    """Whether abuse reports and other system events may be shown here."""
    signin_only: bool = False
    """Whether notes of authors who allow only signed-in readers may be shown here."""
    cw: Literal["spoiler", "hide", "show"] = "spoiler"
    """How a text behind a content warning is shown."""
    sensitive_media: Literal["hide", "show"] = "hide"
    """Whether pictures marked sensitive are shown, or linked to."""
    on_ambiguous: Literal["resend", "drop"] = "resend"
    """Whether a send that may have arrived is repeated."""
    retry: tuple[Duration, ...] | None = None
    """The waits before its further attempts, instead of the whole relay's."""
    timezone: Zone | None = None
    """The readers' time zone, instead of the whole relay's."""
    rate: Rate | None = None
    """Another pace than the vendor's known one, like 5/2s; unlimited: only its answers limit it."""

    @property
    def pace(self) -> tuple[Window, ...]:
        """The limits that requests to this sink keep to."""
        return self.known_pace if self.rate is None else self.rate

    @property
    def pace_key(self) -> Hashable:
        """Sinks with equal keys share a limit of their vendor."""
        return id(self)

    @property
    def vendor_key(self) -> Hashable:
        """Sinks with equal keys are banned together."""
        return self.pace_key

    @property
    def resends(self) -> bool:
        """Whether a send that may have arrived is repeated."""
        return self.on_ambiguous == "resend"

    @property
    def is_idempotent(self) -> bool:
        """Whether a repeated send shows nothing twice."""
        return False

    @abstractmethod
    def layout(self, messages: Sequence[Message], *, edit: bool = False) -> Layout:
        """See ``Sink.layout``."""

    @abstractmethod
    def open(self, session: "aiohttp.ClientSession") -> "Sink":
        """
        The client of this sink, which sends over ``session``.

        Vendors import their clients here and not with their settings: aiohttp and the vendors'
        libraries take longer to import than all that ``relay check`` does.
        """

    @property
    def address(self) -> str:
        """Where requests go; empty if they go nowhere."""
        return ""

    @property
    def doubts(self) -> Mapping[str, str]:
        """Warnings by key: values that are allowed, but hardly intended."""
        return {}

    @property
    def gate(self) -> Gate:
        return Gate(
            visibility=self.visibility,
            local_only=self.local_only,
            moderation=self.moderation,
            signin_only=self.signin_only,
        )

    previews: ClassVar[bool] = False
    """Whether the chat's clients preview all links, and no message can prevent it."""

    @property
    def display(self) -> Display:
        return Display(cw=self.cw, sensitive_media=self.sensitive_media, previews=self.previews)


class Sink(ABC):
    """
    A client of one vendor's API, with the state that sending needs.

    It reports how a request ended and nothing more: it never sleeps, loops or repeats.
    """

    can_edit = False
    """Whether a message that was sent can be changed."""
    max_batch = 1
    """How many messages at most share one request."""
    settings: SinkSettings

    async def prepare(self, messages: Sequence[Message]) -> Sequence[Message]:
        """
        Upload what the messages refer to, and return them with these references.

        They may need more room: if they do not fit, they are sent as they were.
        """
        return messages

    def layout(self, messages: Sequence[Message], *, edit: bool = False) -> Layout:
        """
        Write the body of one request, within the vendor's limits.

        It has as many of the first messages as fit, each as it would be alone, and one at least.
        ``edit``: it is to replace what was sent before, for which there may be less room.
        """
        return self.settings.layout(messages, edit=edit)

    @abstractmethod
    async def send(self, layout: Layout, *, key: str) -> Outcome:
        """
        Make one request.

        ``key`` is the same in all attempts of the same messages, and never of others.
        """

    async def edit(self, posted: str, layout: Layout, *, key: str) -> Outcome:
        """
        Replace all that was sent together; ``posted`` is the id that ``Sent`` had.

        Rejected or Closed if it cannot be changed any more, so that it is sent again as a new
        message; but not if somebody has removed it from the chat (``is_removed``).
        """
        return UNCHANGEABLE

    @abstractmethod
    async def probe(self) -> Outcome:
        """
        Make a request that shows nothing, to the address of messages; Sent if the sink is open.

        Sent has a message if the vendor took the request for one: the address is wrong.
        """

    async def check(self) -> str | None:
        """Ask the vendor whether relay may send, without sending; the problem, or None."""
        return trouble(await self.probe())


def ids(pattern: str, hint: str) -> AfterValidator:
    """Validate a tuple of ids by a pattern, and remove duplicates."""

    def check(values: tuple[str, ...]) -> tuple[str, ...]:
        if not all(re.fullmatch(pattern, value) for value in values):
            raise ValueError(hint)
        return tuple(dict.fromkeys(values))

    return AfterValidator(check)


def may_be_http(info: ValidationInfo) -> bool:
    """The value of ``allow_http``, a field before the one that is validated."""
    return info.data.get("allow_http") is True
