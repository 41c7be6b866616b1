"""What Slack's SDK takes for its session."""

import json
from collections.abc import Mapping
from typing import Any, NoReturn

import aiohttp

from relay.outcome import Failed
from relay.secret import Secret
from relay.sinks.errors import Answer
from relay.sinks.http import exchange


class AnsweredError(Exception):
    """Leaves the SDK: what it makes of an answer is an exception for all that is no JSON."""


class Wire:
    """
    Lets the SDK build a request, and makes it by our rules; ``answer`` is what came of it.

    The SDK's own way reads answers without a bound, follows redirects, uses whatever proxy the
    environment names, and opens a session of its own where the given one is closed.
    """

    closed = False

    def __init__(self, session: aiohttp.ClientSession, secret: Secret) -> None:
        self._session = session
        self._secret = secret
        self.answer: Answer | Failed = Failed("the SDK sent nothing")

    def request(self, method: str, url: str, **built: Any) -> "Wire":
        self._built = (method, url, built)
        return self

    async def __aenter__(self) -> NoReturn:
        method, url, built = self._built
        body: Mapping[str, Any] = built.get("json") or json.loads(built["data"])
        self.answer = await exchange(
            self._session, method, url, secret=self._secret, body=body, headers=built["headers"]
        )
        raise AnsweredError

    async def __aexit__(self, *error: object) -> None: ...
