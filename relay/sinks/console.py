"""The console: prints messages; the embedded default, and what ``relay demo`` shows."""

import sys
from collections.abc import Sequence
from typing import Literal

import aiohttp

from relay.message import Message
from relay.model import Display
from relay.outcome import Failed, Outcome, Sent
from relay.sinks.base import Payload, SinkSettings
from relay.sinks.http import named
from relay.sinks.picture import picture


class Console(SinkSettings):
    """A way out to the terminal."""

    type: Literal["console"]
    """Prints messages where relay runs."""
    look: Literal["discord", "slack", "matrix", "plain"] = "plain"
    """Whose way of showing notes to imitate."""

    @property
    def display(self) -> Display:
        cw = "hide" if self.look == "slack" and self.cw == "spoiler" else self.cw
        previews = self.look == "matrix"
        return Display(cw=cw, sensitive_media=self.sensitive_media, previews=previews)

    def payload(self, messages: Sequence[Message]) -> Payload:
        return {"text": "\n".join(picture(one, name=self.look) for one in messages)}

    async def send(
        self, messages: Sequence[Message], *, key: str, session: aiohttp.ClientSession
    ) -> Outcome:
        # A terminal may know few characters, and be gone.
        code = getattr(sys.stdout, "encoding", None) or "utf-8"
        text = self.payload(messages)["text"].encode(code, "replace").decode(code)
        try:
            print(text, flush=True)  # noqa: T201
        except (OSError, ValueError) as error:
            return Failed(named(error))
        return Sent()

    async def probe(self, session: aiohttp.ClientSession) -> Outcome:
        return Sent()

    async def check(self, session: aiohttp.ClientSession) -> str | None:
        return None
