"""What every way out has in common: its settings, and the one question that lanes ask."""

import re
from collections.abc import Hashable, Mapping, Sequence
from typing import Any, ClassVar, Literal, Protocol

import aiohttp
from pydantic import AfterValidator, ValidationInfo

from relay.model import Display, Gate, Visibility
from relay.outcome import Outcome, Rejected
from relay.settings import Settings, Zone
from relay.sinks.pacing import Rate, Window
from relay.text.message import Message
from relay.units import Duration

Payload = Mapping[str, Any]


UNCHANGEABLE = Rejected("what was sent here cannot be changed")
NO_ROOM = Rejected("what was sent together has no room together any more")


class SinkSettings(Settings):
    """The keys of every sink: what may be shown there, and how it is delivered."""

    known_pace: ClassVar[tuple[Window, ...]] = ()
    """What the vendor is known to take; without a window it tells by its answers."""

    known_refusals: ClassVar[tuple[Window, ...]] = ()
    """How many refusals of all sinks together the vendor bears, with a wide margin."""

    visibility: frozenset[Visibility] = frozenset({Visibility.PUBLIC, Visibility.HOME})
    """Which notes may be shown here."""
    local_only: bool = False
    """Whether notes marked local-only may be shown here."""
    moderation: bool = False
    """Whether abuse reports and other system events may be shown here."""
    signin_only: bool = False
    """Whether notes of authors who allow only signed-in readers may be shown here."""
    cw: Literal["spoiler", "hide", "show"] = "spoiler"
    """What becomes of a text behind a content warning."""
    sensitive_media: Literal["hide", "show"] = "hide"
    """Whether pictures marked sensitive are shown, or linked to."""
    on_ambiguous: Literal["resend", "drop"] = "resend"
    """What to do when nobody knows whether a send arrived."""
    retry: tuple[Duration, ...] | None = None
    """The waits before its further attempts, instead of the whole relay's."""
    timezone: Zone | None = None
    """Of those who read here, instead of the whole relay's."""
    rate: Rate | None = None
    """Another pace than the vendor's known one, like 5/2s; unlimited: only what its answers say."""

    @property
    def pace(self) -> tuple[Window, ...]:
        """The requests that the vendor takes without complaint."""
        return self.known_pace if self.rate is None else self.rate

    @property
    def pace_key(self) -> Hashable:
        """Sinks with equal keys count against the same limit of their vendor's."""
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

    @property
    def most(self) -> int:
        """One, where the vendor's way of showing messages has no place for several."""
        return 1

    @property
    def can_edit(self) -> bool:
        return False

    def together(self, messages: Sequence[Message]) -> int:
        return 1

    async def edit(
        self,
        sent: str,
        messages: Sequence[Message],
        *,
        key: str,
        session: aiohttp.ClientSession,
    ) -> Outcome:
        return UNCHANGEABLE

    @property
    def doubts(self) -> Mapping[str, str]:
        """By key: what is allowed, but hardly meant."""
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
    """Whether the chat's clients show what links lead to, whatever a message says."""

    @property
    def display(self) -> Display:
        return Display(cw=self.cw, sensitive_media=self.sensitive_media, previews=self.previews)


class Sink(Protocol):
    """
    One vendor's API.

    It reports how a send ended and nothing more: it never sleeps, loops or repeats.
    """

    @property
    def most(self) -> int:
        """How many messages at most share one request."""
        ...

    @property
    def can_edit(self) -> bool:
        """Whether what was sent can be changed."""
        ...

    def together(self, messages: Sequence[Message]) -> int:
        """How many of the first fit into one request, each as it is alone; at least one."""
        ...

    def payload(self, messages: Sequence[Message]) -> Payload:
        """The body that goes out for messages that fit together, within the vendor's limits."""
        ...

    async def send(
        self, messages: Sequence[Message], *, key: str, session: aiohttp.ClientSession
    ) -> Outcome:
        """
        Make one request of messages that fit together, in their order.

        ``key`` is the same in all attempts of the same messages, and never of others.
        """
        ...

    async def edit(
        self,
        sent: str,
        messages: Sequence[Message],
        *,
        key: str,
        session: aiohttp.ClientSession,
    ) -> Outcome:
        """
        Put these in place of all that was sent together; ``sent`` is what Sent told of it.

        Rejected or Closed if it cannot be changed any more: whoever then tells it anew learns why.
        But what somebody has removed from the chat (``is_removed``) is not told anew.
        """
        ...

    async def probe(self, session: aiohttp.ClientSession) -> Outcome:
        """
        Make a request that shows nothing to anybody, by the way of messages; Sent if it is open.

        With a message, if the vendor took it for one: it is not what it should be.
        """
        ...

    async def check(self, session: aiohttp.ClientSession) -> str | None:
        """Ask the vendor whether we may send, without sending; what is wrong, or None."""
        ...


def ids(pattern: str, hint: str) -> AfterValidator:
    """A tuple of ids that all look like this; each is kept once."""

    def check(found: tuple[str, ...]) -> tuple[str, ...]:
        if not all(re.fullmatch(pattern, one) for one in found):
            raise ValueError(hint)
        return tuple(dict.fromkeys(found))

    return AfterValidator(check)


def may_be_http(info: ValidationInfo) -> bool:
    """Whether ``allow_http``, which stands before what asks, is true."""
    return info.data.get("allow_http") is True
