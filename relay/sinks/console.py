"""The console: prints messages; the embedded default, and what ``relay demo`` shows."""

from typing import Literal

import aiohttp

from relay.message import Message
from relay.model import Display
from relay.outcome import Outcome, Sent
from relay.picture import picture
from relay.sinks.base import Payload, SinkSettings


class Console(SinkSettings):
    """A way out to the terminal."""

    type: Literal["console"]
    look: Literal["discord", "slack", "matrix", "plain"] = "plain"
    """Whose way of showing notes to imitate."""

    @property
    def display(self) -> Display:
        cw = "hide" if self.look == "slack" and self.cw == "spoiler" else self.cw
        return Display(cw=cw, sensitive_media=self.sensitive_media)

    def payload(self, message: Message) -> Payload:
        return {"text": picture(message, name=self.look)}

    async def send(self, message: Message, *, key: str, session: aiohttp.ClientSession) -> Outcome:
        print(self.payload(message)["text"], flush=True)  # noqa: T201
        return Sent()

    async def check(self, session: aiohttp.ClientSession) -> str | None:
        return None
