"""
Logs an account in for relay alone: a session with keys, signed by the account's own identity.

https://spec.matrix.org/v1.19/client-server-api/#login
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import aiohttp

from relay.errors import RelayError
from relay.outcome import Failed
from relay.secret import Secret, redact
from relay.sinks.base import Payload
from relay.sinks.errors import Answer, one_line
from relay.sinks.matrix.crypto.identity import CrossSigning, Identity
from relay.sinks.matrix.crypto.signing import public_of
from relay.sinks.matrix.homeserver import Homeserver

PASSWORD, TOKEN = "m.login.password", "m.login.token"
DISPLAY_NAME = "relay"
KNOWN_ELSEWHERE = (
    "this account was logged in elsewhere and has an identity whose keys relay lacks, so clients "
    "would hide its messages: take an account that only relay uses, or replace the identity by "
    "--replace-identity, after which people see that it has changed"
)
IN_BROWSER = (
    "the homeserver lets only a person in a browser set the account's identity: take a new account "
    "that was never logged in elsewhere"
)


class LoginError(RelayError):
    """The homeserver refuses the login, or the keys of its session."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """A user's name and password, or the token of a single sign-on."""

    user: str
    secret: Secret
    is_token: bool = False

    @property
    def proof(self) -> dict[str, Any]:
        if self.is_token:
            return {"type": TOKEN, "token": self.secret.reveal()}
        return {
            "type": PASSWORD,
            "identifier": {"type": "m.id.user", "user": self.user},
            "password": self.secret.reveal(),
        }


@dataclass(frozen=True, slots=True)
class Login:
    """The session that relay has now; the configuration has its token and its keys."""

    user: str
    token: Secret
    keys: Secret


def sso_address(homeserver: str, *, back: str) -> str:
    """Where a browser signs in, which sends it to the address ``back`` with a token."""
    base = homeserver.rstrip("/")
    return f"{base}/_matrix/client/v3/login/sso/redirect?redirectUrl={quote(back, safe='')}"


async def log_in(
    homeserver: str,
    credentials: Credentials,
    session: aiohttp.ClientSession,
    *,
    known: CrossSigning | None = None,
    may_replace: bool = False,
) -> Login:
    """
    Log in, and let the account's identity sign the new session.

    The identity is the ``known`` one, or a new one, which replaces one whose keys are lost only if
    it ``may_replace`` it. Raises LoginError, after which there is no new session.
    """
    home = Homeserver(homeserver, credentials.secret, session, is_logged_in=False)
    body = credentials.proof | {"initial_device_display_name": DISPLAY_NAME}
    answer = await _asked(home, credentials, "login", body=body)
    values = [answer.get(key) for key in ("user_id", "device_id", "access_token")]
    if not all(isinstance(value, str) and value for value in values):
        raise LoginError("the homeserver's answer to the login has no session")
    user, device, token = map(str, values)
    home = replace(home, secret=Secret(token), is_logged_in=True)
    try:
        identity = await _signed(home, credentials, user, device, known, may_replace)
    except BaseException:
        await home.ask("POST", "logout", body={})
        raise
    return Login(user, Secret(token), Secret(identity.written()))


async def _signed(
    home: Homeserver,
    credentials: Credentials,
    user: str,
    device: str,
    known: CrossSigning | None,
    may_replace: bool,
) -> Identity:
    """Publish the keys of a new device with the signature of its owner."""
    answer = await _asked(home, credentials, "keys", "query", body={"device_keys": {user: []}})
    masters = answer.get("master_keys")
    master = masters.get(user) if isinstance(masters, dict) else None
    is_known = known is not None and public_of(known.master) in str(master)
    if master is not None and not is_known and not may_replace:
        raise LoginError(KNOWN_ELSEWHERE)
    identity = Identity.create(user, device, known or CrossSigning.create())
    keys = identity.device_keys()
    # One after the other: the server takes signatures of keys that it has.
    await _asked(home, credentials, "keys", "upload", body={"device_keys": keys})
    if not is_known:
        await _publish(home, credentials, identity.cross_signing.published(user))
    signatures = {user: {device: keys}}
    answer = await _asked(home, credentials, "keys", "signatures", "upload", body=signatures)
    if answer.get("failures"):
        raise LoginError("the homeserver does not take the signature of relay's device")
    return identity


async def _publish(home: Homeserver, credentials: Credentials, keys: Payload) -> None:
    """
    Make cross-signing keys the account's; with the password, if the homeserver asks for it.

    https://spec.matrix.org/v1.19/client-server-api/#user-interactive-authentication-api
    """
    path = ("keys", "device_signing", "upload")
    answer = await home.ask("POST", *path, body=keys)
    if isinstance(answer, Answer) and answer.status == HTTPStatus.UNAUTHORIZED:
        flows = answer.json.get("flows")
        if credentials.is_token or {"stages": [PASSWORD]} not in (flows or ()):
            raise LoginError(IN_BROWSER)
        proof = credentials.proof | {"session": answer.code("session")}
        answer = await home.ask("POST", *path, body={**keys, "auth": proof})
    _content(answer, credentials)


async def _asked(
    home: Homeserver, credentials: Credentials, *path: str, body: Payload
) -> Mapping[str, Any]:
    return _content(await home.ask("POST", *path, body=body), credentials)


def _content(answer: Answer | Failed, credentials: Credentials) -> Mapping[str, Any]:
    """The content of an answer. Raises LoginError if it is a refusal."""
    if isinstance(answer, Failed):
        raise LoginError(f"the homeserver cannot be reached: {answer.reason}")
    if answer.status == HTTPStatus.OK:
        return answer.json
    words = f"{answer.status} {answer.code('errcode')} {answer.json.get('error', '')}"
    reason = words if answer.code("errcode") else answer.reason
    raise LoginError(f"the homeserver refuses: {one_line(redact(credentials.secret, reason))}")
