"""
Sends by the apprise library, in a thread: it blocks.

The library makes its requests by itself: it takes the proxy of the environment, and its own
timeouts. Of a failure it reports no more than a line of its log, with the status if one came.
"""

import asyncio
import logging
from collections.abc import Sequence
from contextvars import ContextVar

from apprise import Apprise
from apprise.plugins import NotifyBase

from relay.outcome import Failed, Outcome, Sent
from relay.secret import Secret
from relay.sinks.apprise.errors import classify
from relay.sinks.apprise.settings import AppriseSettings
from relay.sinks.base import Layout, Sink
from relay.text.message import Message

TIMEOUT = 60.0  # seconds for all that a service needs; a lease is longer

_LINES: ContextVar[list[str] | None] = ContextVar("lines", default=None)


def _keep(record: logging.LogRecord) -> None:
    """Keep a line of the library for its send, and out of all logs: it can hold the URL."""
    if (lines := _LINES.get()) is not None:
        lines.append(record.getMessage())


_LOGGER = logging.getLogger("apprise")
_LOGGER.setLevel(logging.WARNING)
_LOGGER.handle = _keep  # type: ignore[method-assign]
logging.getLogger("urllib3").setLevel(logging.CRITICAL)  # by which it makes its requests


def is_known(url: Secret) -> bool:
    """Whether the library knows the service, and finds all that it needs in the URL."""
    return _service(url) is not None


def _service(url: Secret) -> NotifyBase | None:
    service: NotifyBase | None = Apprise.instantiate(url.reveal(), suppress_exceptions=True)
    return service


class AppriseSink(Sink):
    """Sends messages one at a time."""

    def __init__(self, settings: AppriseSettings) -> None:
        self.settings: AppriseSettings = settings
        self._service = _service(settings.url)
        self._apprise = Apprise()
        if self._service is not None:
            self._apprise.add(self._service)

    def layout(self, messages: Sequence[Message], *, edit: bool = False) -> Layout:
        if self._service is None:
            return self.settings.layout(messages, edit=edit)
        title, body = self._service.title_maxlen, self._service.body_maxlen
        return self.settings.layout(messages, edit=edit, title=title, body=body)

    async def send(self, layout: Layout, *, key: str) -> Outcome:
        return await asyncio.to_thread(self._notify, layout)

    def _notify(self, layout: Layout) -> Outcome:
        content, lines = layout.payload, list[str]()
        _LINES.set(lines)  # of the context of this thread, which the library's own threads copy
        try:
            is_sent = bool(
                self._apprise.notify(
                    content["body"],
                    title=content["title"],
                    body_format=content["format"],
                    timeout=TIMEOUT,
                )
            )
        except Exception as error:  # its text can hold the URL
            return Failed(f"apprise: {type(error).__name__}", ambiguous=True)
        return Sent() if is_sent else classify(lines)

    async def probe(self) -> Outcome:
        """The library can ask nothing without sending: whether it knows the URL is all there is."""
        return Sent() if self._service is not None else Failed("apprise does not know the url")
