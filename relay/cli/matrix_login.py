"""Logs in to Matrix for the commands that do so; its library is imported only then."""

import asyncio
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from relay.errors import ConfigError
from relay.secret import Secret
from relay.sinks.http import open_session
from relay.sinks.matrix.address import check_keys
from relay.sinks.proxy import proxies

if TYPE_CHECKING:
    from relay.sinks.matrix.crypto.identity import Identity
    from relay.sinks.matrix.crypto.login import Credentials, Login


def with_login(answers: Mapping[str, str]) -> Mapping[str, str]:
    """The answers with the token and the keys of a login, in place of user and password."""
    from relay.sinks.matrix.crypto.login import Credentials

    credentials = Credentials(answers["user"], Secret(answers["password"]))
    login = asyncio.run(logged_in(answers["homeserver"], credentials))
    others = {key: answers[key] for key in answers.keys() - {"user", "password"}}
    return {**others, "token": login.token.reveal(), "keys": login.keys.reveal()}


async def logged_in(
    homeserver: str,
    credentials: "Credentials",
    *,
    keys_of: Path | None = None,
    may_replace: bool = False,
) -> "Login":
    """Log in; ``keys_of`` is the file of an earlier login's keys. Raises RelayError."""
    from relay.sinks.matrix.crypto.login import log_in

    known = None if keys_of is None else _identity(keys_of).cross_signing
    async with open_session(proxies("env", os.environ)) as session:
        return await log_in(homeserver, credentials, session, known=known, may_replace=may_replace)


def _identity(file: Path) -> "Identity":
    from relay.sinks.matrix.crypto.identity import Identity

    try:
        text = file.read_text(encoding="utf-8").strip()
        check_keys(text)
        return Identity.read(text)
    except OSError as error:
        raise ConfigError(f"{file}: cannot be read: {error.strerror}") from None
    except ValueError as problem:
        raise ConfigError(f"{file}: {problem}") from None
