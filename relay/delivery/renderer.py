"""Renders a delivery: its event as the sink may see it, in the template of its route."""

import logging
from collections.abc import Callable, Collection, Hashable, Iterable, Mapping, Sequence
from dataclasses import replace
from threading import Lock
from typing import Any, Generic, NamedTuple, TypeVar

from relay import misskey
from relay.delivery.policy import DeliveryPolicy
from relay.errors import RelayError, TemplateError
from relay.i18n import Language
from relay.model import Display, Event, Gate, Note
from relay.outbox.records import StoredEvent
from relay.outbox.siblings import subject
from relay.outcome import WITHHELD, Delivery, Rejected
from relay.rendering.blocks import outline
from relay.rendering.templates import Templates
from relay.routing.gate import allows, has_lapsed, redacted, revokes
from relay.routing.match import Route
from relay.sinks.layout import of_server
from relay.text.message import Message

logger = logging.getLogger(__name__)

Restricted = Mapping[str, Sequence[StoredEvent]]
"""See ``Restrictions.events``."""
NOTHING: Restricted = {}

ROOM = 2**18  # bytes of the webhooks whose events stay parsed, and messages rendered
FRESH = 60_000  # milliseconds; templates say of a moment whether it is over

Look = tuple[Gate, Display, Language]
"""The part of a policy that decides what a message says."""
Made = TypeVar("Made")


class Webhook(NamedTuple):
    """All that an event is parsed from. Ids do not name it: a restored outbox has others."""

    raw: bytes
    hook: str
    server: str
    accepted_at: int


class _Recent(Generic[Made]):
    """Makes something of a webhook, and keeps what was made of the last ones. Threads share it."""

    def __init__(self, make: Callable[..., Made]) -> None:
        self._make = make
        self._values: dict[tuple[Hashable, ...], Made] = {}
        self._room = ROOM
        self._lock = Lock()

    def __call__(self, webhook: Webhook, *args: Hashable) -> Made:
        key = (webhook, *args)
        try:
            return self._values[key]
        except KeyError:
            value = self._make(webhook, *args)
        with self._lock:
            if key not in self._values and len(webhook.raw) <= ROOM:
                self._values[key] = value
                self._room -= len(webhook.raw)
            while self._room < 0:
                oldest: Any = next(iter(self._values))
                del self._values[oldest]
                self._room += len(oldest[0].raw)
        return value


class Renderer:
    """
    Renders messages; an event that a template cannot render is sent as its outline.

    Sinks that show an event in the same way share its message.
    """

    def __init__(
        self,
        templates: Templates,
        routes: Mapping[str, Route],
        servers: Mapping[str, str] | None = None,
    ) -> None:
        """``servers`` has the configured server of each hook, if any."""
        self._templates = templates
        self._routes = routes
        self._servers = servers or {}
        self._server_bound = {hook for hook, server in self._servers.items() if server}
        self._event = _Recent(_parsed)
        self._shared = _Recent(self._message)

    def notes(self, delivery: Delivery) -> Mapping[str, str]:
        """The ids of all notes in its event, by subject; none if it cannot be parsed."""
        try:
            event = self._event(_webhook(delivery))
        except RelayError:
            return {}
        bound = self._server_bound
        return {subject(event, note, server_bound=bound): note.id for note in _notes(event)}

    def message(
        self, delivery: Delivery, policy: DeliveryPolicy, restricted: Restricted = NOTHING
    ) -> Message | Rejected:
        """Render a delivery; ``restricted`` has later versions of its notes that became private."""
        webhook = _webhook(delivery)
        event = self._event(webhook)
        lapsed = self._lapsed(event, policy, restricted)
        if event.note is not None and event.note.id in lapsed:
            return Rejected(WITHHELD)
        look = policy.gate, policy.display, policy.language
        minute = self._templates.clock() // FRESH
        return self._shared(webhook, delivery.route, look, frozenset(lapsed), minute)

    def _message(
        self, webhook: Webhook, route: str, look: Look, lapsed: Collection[str], minute: int
    ) -> Message | Rejected:
        event, (gate, display, language) = self._event(webhook), look
        policy = DeliveryPolicy(gate=gate, display=display, language=language)
        return self._render_allowed(event, event, route, policy, lapsed)

    def revised(
        self,
        delivery: Delivery,
        edit: Delivery | None,
        policy: DeliveryPolicy,
        restricted: Restricted = NOTHING,
    ) -> Message | Rejected:
        """
        Render a delivery with the note of an edit: a mention stays a mention.

        Of a note that became private only the fact remains that there was one.
        """
        first = self._event(_webhook(delivery))
        last = first if edit is None else self._event(_webhook(edit))
        if first.note is None or last.note is None:
            return self._render_allowed(last, last, delivery.route, policy)
        displayed = last if last.reactions else replace(first, note=last.note)
        lapsed = self._lapsed(displayed, policy, restricted)
        if last.note.id in lapsed or revokes(policy.gate, last):  # the chat shows it as it was
            return self.rendered(redacted(policy.gate, displayed, lapsed), delivery.route, policy)
        return self._render_allowed(last, displayed, delivery.route, policy, lapsed)

    def emptied(self, delivery: Delivery, policy: DeliveryPolicy) -> Message | None:
        """The message for a note that may not be shown; None if the event has no note."""
        event = self._event(_webhook(delivery))
        ids = {note.id for note in _notes(event)}
        if event.note is None or event.note.id not in ids:
            return None
        return self.rendered(redacted(policy.gate, event, ids), delivery.route, policy)

    def may_show(self, delivery: Delivery, policy: DeliveryPolicy) -> bool:
        return allows(policy.gate, self._event(_webhook(delivery)))

    def takes_back(self, edit: Delivery, policy: DeliveryPolicy) -> bool:
        """Whether the sink may not even keep showing the earlier version."""
        return revokes(policy.gate, self._event(_webhook(edit)))

    def anew(
        self, edit: Delivery, policy: DeliveryPolicy, restricted: Restricted = NOTHING
    ) -> Message | Rejected:
        """The message of an edit where the earlier message cannot be edited."""
        event = self._event(_webhook(edit))
        lapsed = self._lapsed(event, policy, restricted)
        if event.note is not None and event.note.id in lapsed:
            return Rejected(WITHHELD)
        is_of_note = event.note is not None and not event.reactions
        displayed = replace(event, kind="edited") if is_of_note else event
        return self._render_allowed(event, displayed, edit.route, policy, lapsed)

    def _render_allowed(
        self,
        came: Event,
        displayed: Event,
        route: str,
        policy: DeliveryPolicy,
        lapsed: Collection[str] = (),
    ) -> Message | Rejected:
        """Render ``displayed``, if the sink may show the event that ``came``."""
        if not allows(policy.gate, came):
            return Rejected(WITHHELD)
        return self.rendered(redacted(policy.gate, displayed, lapsed), route, policy)

    def _lapsed(
        self, event: Event, policy: DeliveryPolicy, restricted: Restricted
    ) -> Collection[str]:
        """The ids of the notes in an event that the sink may not show any longer."""
        lapsed = set()
        for note in _notes(event):
            versions = restricted.get(subject(event, note, server_bound=self._server_bound), ())
            if has_lapsed(policy.gate, note, map(_received, versions)):
                lapsed.add(note.id)
        return lapsed

    def rendered(self, event: Event, route: str, policy: DeliveryPolicy) -> Message:
        matched = self._routes.get(route)
        language = policy.language
        if matched is not None and matched.locale is not None:
            language = Language(matched.locale, language.timezone)
        variant = None if matched is None else matched.template
        try:
            message = self._templates.render(
                event, display=policy.display, language=language, variant=variant
            )
        except TemplateError as error:
            logger.error(
                "template failed",
                extra={
                    "action": "template",
                    "hook": event.hook,
                    "event_id": event.id,
                    "kind": event.kind,
                    "reason": str(error),
                },
            )
            message = outline(event, language)
        return of_server(message, self._servers.get(event.hook, ""))


def _notes(event: Event) -> Iterable[Note]:
    """The notes that other events can be about, too."""
    notes = () if event.note is None or event.is_test else event.note.walk()
    return (note for note in notes if note.id)


def _received(version: StoredEvent) -> Event:
    return misskey.parse(version.raw, hook=version.hook, server=version.server)


def _webhook(delivery: Delivery) -> Webhook:
    return Webhook(delivery.raw, delivery.hook, delivery.server, delivery.accepted_at)


def _parsed(webhook: Webhook) -> Event:
    raw, hook, server, accepted_at = webhook
    return misskey.parse(raw, hook=hook, server=server, now=accepted_at)
