"""The settings of a sink that sends by the apprise library: https://appriseit.com."""

import re
from collections.abc import Hashable, Sequence
from importlib.util import find_spec
from typing import Literal

from pydantic import ValidationInfo, field_validator

from relay.secret import Secret
from relay.sinks.apprise.layout import BODY, TITLE, text
from relay.sinks.base import Layout, Sink, SinkSettings
from relay.text.message import Message

MISSING = "needs the extra [apprise]: pip install '.[apprise]'"


class AppriseSettings(SinkSettings):
    """The settings of a sink for one destination of any service that apprise knows."""

    type: Literal["apprise"]
    """Another service, by an URL of the apprise library; needs the extra ``[apprise]``."""
    url: Secret
    """The service's URL: https://appriseit.com/services/ lists what each looks like."""
    format: Literal["text", "markdown"] = "text"
    """``markdown`` for services that show it; with ``text`` nothing can be taken for markup."""

    @field_validator("type")
    @classmethod
    def _is_installed(cls, name: str) -> str:
        if find_spec("apprise") is None:
            raise ValueError(MISSING)
        return name

    @field_validator("url")
    @classmethod
    def _is_known(cls, url: Secret, info: ValidationInfo) -> Secret:
        address = url.reveal()
        if not re.match(r"[A-Za-z][A-Za-z0-9+.-]*://", address):
            raise ValueError("should begin with the scheme of a service, like tgram://")
        # Addresses here stand for variables that are not set: see relay.config.
        if "type" in info.data and not address.startswith("https://127.0.0.1/"):
            from relay.sinks.apprise.client import is_known

            if not is_known(url):
                raise ValueError("is of no service that apprise knows, or lacks a part")
        return url

    @property
    def pace_key(self) -> Hashable:
        return self.type, self.url

    def layout(
        self,
        messages: Sequence[Message],
        *,
        edit: bool = False,
        title: int = TITLE,
        body: int = BODY,
    ) -> Layout:
        """See ``Sink.layout``; ``title`` and ``body`` are the characters that the service takes."""
        written = text(messages[0], markdown=self.format == "markdown", title=title, body=body)
        return Layout({**written, "format": self.format}, 1)

    def open(self, session: object) -> Sink:
        from relay.sinks.apprise.client import AppriseSink

        return AppriseSink(self)
