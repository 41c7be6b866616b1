"""From a delivery to its message: the event as the sink may see it, in its route's template."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from relay import misskey
from relay.errors import TemplateError
from relay.language import Language
from relay.message import Message
from relay.model import Display, Event, Gate
from relay.outcome import WITHHELD, Delivery, Rejected
from relay.rendering.composing import outline
from relay.rendering.templates import Templates
from relay.routing import Route, admits, redacted, withdraws
from relay.sinks.emoji import of_server
from relay.sinks.pace import Pace

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Manner:
    """How one sink is served: what it may show and how, and what to do when a send fails."""

    gate: Gate = field(default_factory=Gate)
    display: Display = field(default_factory=Display)
    schedule: Sequence[float] = ()
    resend: bool = True
    is_idempotent: bool = False
    """Whether to repeat a send shows nothing twice."""
    hold: int = 0
    """Milliseconds within which events go by the time they happened."""
    pace: Pace = field(default_factory=Pace)
    language: Language = field(default_factory=Language)


class Press:
    """Makes messages; what a template cannot render goes out as its outline."""

    def __init__(
        self,
        templates: Templates,
        routes: Mapping[str, Route],
        servers: Mapping[str, str] | None = None,
    ) -> None:
        """``servers``: by hook the server that the configuration names, if it does."""
        self._templates = templates
        self._routes = routes
        self._servers = servers or {}

    def message(self, delivery: Delivery, manner: Manner) -> Message | Rejected:
        event = _event(delivery)
        return self._shown(event, event, delivery.route, manner)

    def revised(
        self, delivery: Delivery, edit: Delivery | None, manner: Manner
    ) -> Message | Rejected:
        """
        A message as it is after an edit: a mention stays one, with the note as it is now.

        Of a note that became private nothing is left but that there was one.
        """
        first = _event(delivery)
        last = first if edit is None else _event(edit)
        if first.note is None or last.note is None:
            return self._shown(last, last, delivery.route, manner)
        told = replace(first, note=last.note)
        if withdraws(manner.gate, last):  # the chat still shows it as it was
            return self.rendered(redacted(manner.gate, told), delivery.route, manner)
        return self._shown(last, told, delivery.route, manner)

    def may_show(self, delivery: Delivery, manner: Manner) -> bool:
        return admits(manner.gate, _event(delivery))

    def anew(self, edit: Delivery, manner: Manner) -> Message | Rejected:
        """The message that tells of an edit where the earlier one cannot be changed."""
        event = _event(edit)
        told = event if event.note is None else replace(event, kind="edited")
        return self._shown(event, told, edit.route, manner)

    def _shown(self, came: Event, told: Event, route: str, manner: Manner) -> Message | Rejected:
        """``told``, if the sink may show the event that ``came``."""
        if not admits(manner.gate, came):
            return Rejected(WITHHELD)
        return self.rendered(redacted(manner.gate, told), route, manner)

    def rendered(self, event: Event, route: str, manner: Manner) -> Message:
        found = self._routes.get(route)
        language = manner.language
        if found is not None and found.locale is not None:
            language = Language(found.locale, language.timezone)
        variant = None if found is None else found.template
        try:
            message = self._templates.render(
                event, display=manner.display, language=language, variant=variant
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


def _event(delivery: Delivery) -> Event:
    return misskey.parse(
        delivery.raw, hook=delivery.hook, server=delivery.server, now=delivery.accepted_at
    )
