"""A sink as lanes use it: messages are prepared and laid out, then sent or put in place."""

from collections.abc import Sequence
from typing import Any
from weakref import WeakKeyDictionary

import aiohttp

from relay.delivery.policy import DeliveryPolicy
from relay.delivery.requester import Requester
from relay.outcome import Outcome
from relay.sinks.base import NO_ROOM, Layout, Sink, SinkSettings
from relay.text.message import Message

_OPENED: WeakKeyDictionary[aiohttp.ClientSession, dict[int, tuple[SinkSettings, Sink]]] = (
    WeakKeyDictionary()
)


def opened(settings: SinkSettings, session: aiohttp.ClientSession) -> Sink:
    """The same client each time, with its state."""
    sinks = _OPENED.setdefault(session, {})
    _, sink = sinks.setdefault(id(settings), (settings, settings.open(session)))
    return sink


async def _fitting(sink: Sink, messages: Sequence[Message], **given: Any) -> Layout | None:
    nothing: Any = None
    requester = Requester("chat", sink, DeliveryPolicy(), outbox=nothing)
    return await requester.fitting(messages, long=False, **given)


async def send(
    settings: SinkSettings, messages: Sequence[Message], *, key: str, session: Any
) -> Outcome:
    sink = opened(settings, session)
    layout = await _fitting(sink, messages)
    return NO_ROOM if layout is None else await sink.send(layout, key=key)


async def edit(
    settings: SinkSettings, posted: str, messages: Sequence[Message], *, key: str, session: Any
) -> Outcome:
    sink = opened(settings, session)
    layout = await _fitting(sink, messages, edit=True)
    return NO_ROOM if layout is None else await sink.edit(posted, layout, key=key)
