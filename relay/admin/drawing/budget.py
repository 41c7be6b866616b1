"""How much of what a chat takes a payload uses."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from relay.sinks import Payload
from relay.sinks.discord import layout as embed
from relay.sinks.layout import encoded, units
from relay.sinks.matrix import layout as notice
from relay.sinks.slack import layout as blocks


@dataclass(frozen=True, slots=True)
class Budget:
    """``unit`` is what is counted: characters, bytes."""

    what: str
    used: int
    limit: int
    unit: str = "characters"


def budget(kind: str, payload: Payload) -> Sequence[Budget]:
    """Of a sink's type; nothing where there is no limit."""
    return _BUDGETS[kind](payload) if kind in _BUDGETS else ()


def _discord(payload: Payload) -> Sequence[Budget]:
    found = payload.get("embeds", ())
    longest = max((units(one.get("description", "")) for one in found), default=0)
    return (
        Budget("embeds", sum(map(embed.length, found)), embed.TOTAL),
        Budget("description", longest, embed.DESCRIPTION),
    )


def _slack(payload: Payload) -> Sequence[Budget]:
    found = payload.get("blocks", [])
    return (
        Budget("blocks", blocks.size(found), blocks.TOTAL),
        Budget("number of blocks", len(found), blocks.BLOCKS, ""),
    )


def _matrix(payload: Payload) -> Sequence[Budget]:
    return (Budget("content", len(encoded(payload)), notice.CONTENT, "bytes"),)


_BUDGETS: dict[str, Callable[[Payload], Sequence[Budget]]] = {
    "discord": _discord,
    "slack": _slack,
    "matrix": _matrix,
}
