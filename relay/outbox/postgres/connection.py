"""
Connections to PostgreSQL, limited in number and in the time of each operation.

https://magicstack.github.io/asyncpg/current/api/index.html
"""

import secrets
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeAlias
from urllib.parse import parse_qs, urlencode, urlsplit

import asyncpg

from relay.errors import OutboxError

Pool: TypeAlias = asyncpg.Pool
Connection: TypeAlias = asyncpg.Connection | asyncpg.pool.PoolConnectionProxy

CONNECT = 2.0  # seconds
ANSWER = 5.0  # seconds for one statement
POOL = 6  # connections, besides one for accepting events and one of the membership

EXAMPLE = "postgresql://user@host:5432/database"
POOLING = "pgbouncer must pool sessions (pool_mode = session), not transactions"

# https://www.postgresql.org/docs/current/runtime-config-client.html
SETTINGS = {
    "application_name": "relay",
    "search_path": "relay",
    "statement_timeout": "5s",
    # A process that is suspended in a transaction must not block the others.
    "idle_in_transaction_session_timeout": "3s",
    "jit": "off",  # all statements are short
    "timezone": "UTC",
}
SET = """
SELECT set_config(name, value, false) FROM unnest($1::text[], $2::text[]) AS setting (name, value)
"""
# An accepted event must survive a crash, also where the server's default is less durable.
MAKE_DURABLE = """
SELECT set_config('synchronous_commit', 'on', false)
WHERE current_setting('synchronous_commit') = 'off'
"""

HINTS: Mapping[type[Exception], str] = {
    asyncpg.InvalidAuthorizationSpecificationError: (
        "the password is read from PGPASSWORD or PGPASSFILE"
    ),
    asyncpg.InvalidCatalogNameError: "create it first",
    asyncpg.InsufficientPrivilegeError: "let relay's user own the database",
    asyncpg.ReadOnlySQLTransactionError: (
        "is it a standby? name all hosts, and target_session_attrs=read-write"
    ),
    asyncpg.TooManyConnectionsError: "each node needs eight",
    asyncpg.InvalidSQLStatementNameError: POOLING,
    asyncpg.DuplicatePreparedStatementError: POOLING,
}
"""How to fix an error whose own text does not say it."""


async def connect(address: str) -> asyncpg.Connection:
    """One connection, outside of the pool."""
    try:
        db = await asyncpg.connect(address, timeout=CONNECT, command_timeout=ANSWER)
    except (asyncpg.InterfaceError, OSError):  # some of them are ValueErrors, too
        raise
    except (ValueError, OverflowError):  # a bad port: the error may contain a part of a password
        raise OutboxError(f"{public(address)}: is not an address like {EXAMPLE}") from None
    await prepare(db)
    return db


def open_pool(address: str) -> Pool:
    """A pool that connects only when it has to."""
    return asyncpg.create_pool(
        address,
        min_size=0,
        max_size=POOL,
        timeout=CONNECT,
        command_timeout=ANSWER,
        init=prepare,
        reset=_keep_as_it_is,
    )


async def prepare(db: Connection) -> None:
    """Apply relay's settings to a session: a pgbouncer rejects most as startup parameters."""
    await db.execute(SET, [*SETTINGS], [*SETTINGS.values()])
    await db.execute(MAKE_DURABLE)


async def check_sessions(db: Connection, address: str, *, mark: str | None = None) -> None:
    """
    Raises OutboxError if two connections share a session, so that one sees the other's ``mark``.

    A pgbouncer that pools transactions lends them the same session in turns: then notifications
    are lost.
    """
    mark = mark or secrets.token_hex(8)
    await db.execute("SELECT set_config('relay.mark', $1, false)", mark)
    other = await connect(address)
    try:
        if await other.fetchval("SELECT current_setting('relay.mark', true)") == mark:
            raise OutboxError(f"{public(address)}: {POOLING}")
    finally:
        other.terminate()


async def _keep_as_it_is(db: Connection) -> None:
    """Skip the reset, which costs a round trip each time: relay changes no session."""


def public(address: str) -> str:
    """An address without its secrets, for people to read."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return "postgresql://…"
    if "@" in parts.path + parts.query + parts.fragment:
        return "postgresql://…"  # a password that contains a / seems to end there
    userinfo, at, host = parts.netloc.rpartition("@")
    sockets = [("host", host) for host in parse_qs(parts.query).get("host", ())]
    query = f"?{urlencode(sockets, safe='/,')}" if sockets else ""
    return f"postgresql://{userinfo.partition(':')[0]}{at}{host}{parts.path}{query}"


@contextmanager
def named_errors(place: str) -> Iterator[None]:
    """Turn errors of the driver into OutboxError, with the database's name."""
    try:
        yield
    except (TimeoutError, asyncpg.QueryCanceledError):
        raise OutboxError(f"{place}: does not answer in time") from None
    except (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError) as error:
        hint = next((f" ({text})" for kind, text in HINTS.items() if isinstance(error, kind)), "")
        raise OutboxError(f"{place}: {message_of(error)}{hint}") from None
    except FileNotFoundError:
        raise OutboxError(f"{place}: there is no such socket, or certificate") from None
    except OSError as error:
        raise OutboxError(f"{place}: cannot be reached: {error.strerror or error}") from None


def message_of(error: Any) -> str:
    """The first line only: the details of an error show whole rows, with private notes in them."""
    return str(error.args[0] if error.args else type(error).__name__).split("\n", 1)[0]


def changed_rows(status: str) -> int:
    """The number of rows that a command has changed, by its tag like ``UPDATE 3``."""
    return int(status.rpartition(" ")[2])


def storable(text: str) -> str:
    """PostgreSQL stores any text without NUL: https://www.postgresql.org/docs/current/datatype-character.html"""
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}")


def storable_values(values: Iterable[object]) -> Iterator[object]:
    return (storable(value) if isinstance(value, str) else value for value in values)
