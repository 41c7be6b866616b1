"""What is left of messages when a vendor refuses a part of them: everything else."""

import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from relay.outcome import Outcome, Rejected
from relay.text.message import Message, undrawn, without

logger = logging.getLogger(__name__)

NARROWINGS = 2  # times that a part is left out, before the plain form


@dataclass(frozen=True, slots=True)
class Fallback:
    """What a vendor has refused of the messages that are sent under one key."""

    key: str = ""
    refused: tuple[frozenset[str], ...] = ()

    @property
    def steps(self) -> int:
        return len(self.refused)

    def after(self, rejected: Rejected) -> "Fallback":
        return Fallback(self.key, (*self.refused, rejected.refused))

    def applied(self, messages: Sequence[Message]) -> Sequence[Message]:
        """First without what was named; who then names another gets no pictures at all."""
        for step, addresses in enumerate(self.refused):
            if not addresses:
                break
            messages = [without(one, addresses) for one in messages]
            messages = [undrawn(one) for one in messages] if step else messages
        return messages


async def narrowed(
    ask: Callable[[Sequence[Message]], Awaitable[Outcome]],
    messages: Sequence[Message],
    known: Fallback,
    *,
    sink: str,
) -> tuple[Outcome, Fallback]:
    """Ask; where the vendor names what it refuses, again without that. Also what was learned."""
    shown = known.applied(messages)
    outcome = await ask(shown)
    while isinstance(outcome, Rejected) and known.steps < NARROWINGS:
        known = known.after(outcome)
        if (fewer := known.applied(messages)) == shown:
            break
        logger.warning(
            "rejected in part, trying it without that part",
            extra={"action": "narrow", "sink": sink, "reason": outcome.reason},
        )
        shown = fewer
        outcome = await ask(shown)
    return outcome, known
