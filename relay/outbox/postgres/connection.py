"""
Connections to PostgreSQL, bounded in number and in the time that anything may take.

https://magicstack.github.io/asyncpg/current/api/index.html
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TypeAlias
from urllib.parse import urlsplit

import asyncpg

from relay.errors import OutboxError

Pool: TypeAlias = asyncpg.Pool
Connection: TypeAlias = asyncpg.Connection | asyncpg.pool.PoolConnectionProxy

CONNECT = 2.0  # seconds
ANSWER = 5.0  # seconds for one statement
POOL = 6  # connections, besides that of the intake and that of the watch

# https://www.postgresql.org/docs/current/runtime-config-client.html
SETTINGS = {
    "application_name": "relay",
    "search_path": "relay",
    "statement_timeout": "5s",
    # A process that was stopped in the middle of a transaction must not hold up the others.
    "idle_in_transaction_session_timeout": "3s",
    "jit": "off",  # all statements are short
    "timezone": "UTC",
}


async def connect(address: str) -> asyncpg.Connection:
    """One connection, outside of the pool."""
    db = await asyncpg.connect(
        address, timeout=CONNECT, command_timeout=ANSWER, server_settings=SETTINGS
    )
    await make_durable(db)
    return db


def open_pool(address: str) -> Pool:
    """Connects only when it has to."""
    return asyncpg.create_pool(
        address,
        min_size=0,
        max_size=POOL,
        timeout=CONNECT,
        command_timeout=ANSWER,
        server_settings=SETTINGS,
        init=make_durable,
        reset=_keep_as_it_is,
    )


async def make_durable(db: Connection) -> None:
    """What was answered has to survive a crash, also where the server's default is less."""
    await db.execute(
        "SELECT set_config('synchronous_commit', 'on', false)"
        " WHERE current_setting('synchronous_commit') = 'off'"
    )


async def _keep_as_it_is(db: Connection) -> None:
    """Nothing to reset, for nobody changes the session: that saves a round trip each time."""


def public(address: str) -> str:
    """An address without what may be secret in it, for people."""
    try:
        parts = urlsplit(address)
        host, port, user = parts.hostname or "", parts.port, parts.username
    except ValueError:
        return "postgresql://…"
    who = f"{user}@" if user else ""
    where = f"{host}:{port}" if port else host
    return f"postgresql://{who}{where}{parts.path}"


@contextmanager
def named_errors(place: str) -> Iterator[None]:
    """Turn what the driver can raise into OutboxError, with the database's name."""
    try:
        yield
    except (TimeoutError, asyncpg.QueryCanceledError):
        raise OutboxError(f"{place}: does not answer in time") from None
    except (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError) as error:
        raise OutboxError(f"{place}: {_message(error)}") from None
    except OSError as error:
        raise OutboxError(f"{place}: cannot be reached: {error.strerror or error}") from None


def _message(error: Any) -> str:
    """The first line only: the details of an error show whole rows, private notes in them."""
    return str(error.args[0] if error.args else type(error).__name__).split("\n", 1)[0]
