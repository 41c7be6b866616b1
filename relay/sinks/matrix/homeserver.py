"""
Requests to a homeserver for one account.

https://spec.matrix.org/v1.19/client-server-api/
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import aiohttp
from yarl import URL

from relay.outcome import Failed, Outcome
from relay.secret import Secret
from relay.sinks.base import Payload
from relay.sinks.errors import Answer
from relay.sinks.http import exchange
from relay.sinks.matrix.errors import classify, not_the_message


@dataclass(frozen=True, slots=True)
class Homeserver:
    """
    ``address`` is its base URL, ``secret`` the token of the account.

    Before the login it is what the login takes, which no header names.
    """

    address: str
    secret: Secret
    session: aiohttp.ClientSession = field(repr=False)
    is_logged_in: bool = True

    async def ask(
        self,
        method: str,
        *path: str,
        body: Payload | None = None,
        query: Mapping[str, str] | None = None,
    ) -> Answer | Failed:
        base = str(URL(self.address)).rstrip("/")
        steps = "/".join(quote(step, safe="") for step in path)
        url = URL(f"{base}/_matrix/client/v3/{steps}", encoded=True)
        return await exchange(
            self.session,
            method,
            url,
            secret=self.secret,
            query=query,
            body=body,
            headers=self._headers,
        )

    async def content(
        self, method: str, *path: str, body: Payload | None = None
    ) -> Mapping[str, Any] | Outcome:
        """The answer to a request that sends no message, or the outcome if it is refused."""
        answer = await self.ask(method, *path, body=body)
        if isinstance(answer, Answer) and answer.status == HTTPStatus.OK:
            return answer.json
        return not_the_message(classify(answer))

    async def state(self, room: str, kind: str, key: str = "") -> Answer | Failed:
        """Get a state event of a room, as far as the account may see it."""
        return await self.ask("GET", "rooms", room, "state", kind, key)

    async def upload(self, picture: bytes, kind: str) -> str | None:
        """https://spec.matrix.org/v1.19/client-server-api/#post_matrixmediav3upload"""
        answer = await exchange(
            self.session,
            "POST",
            f"{self.address.rstrip('/')}/_matrix/media/v3/upload",
            secret=self.secret,
            body=picture,
            headers={**self._headers, "Content-Type": kind},
        )
        return (answer.id("content_uri") or None) if isinstance(answer, Answer) else None

    @property
    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.secret.reveal()}"} if self.is_logged_in else {}
