"""The fakes as pytest fixtures; `conftest.py` names this module in `pytest_plugins`."""

import importlib.util
from collections.abc import AsyncIterator, Iterator

import pytest
from pytest_aiohttp import AiohttpServer

from tests import postgres
from tests.fakes.discord import FakeDiscord
from tests.fakes.misskey_api import FakeMisskeyApi
from tests.fakes.slack import FakeSlack
from tests.fakes.synapse import Synapse


@pytest.fixture
async def fake_discord(aiohttp_server: AiohttpServer) -> FakeDiscord:
    """A Discord with its real limits and one webhook in a text channel."""
    fake = FakeDiscord()
    fake.base_url = str((await aiohttp_server(fake.app)).make_url("")).rstrip("/")
    return fake


@pytest.fixture
async def fake_slack(aiohttp_server: AiohttpServer) -> FakeSlack:
    """A Slack with its real limit, one channel, and one webhook to it."""
    fake = FakeSlack()
    fake.base_url = str((await aiohttp_server(fake.app)).make_url("")).rstrip("/")
    return fake


@pytest.fixture(scope="session")
def synapse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Synapse]:
    """A running homeserver. A test that restarts it leaves it running, with the default limits."""
    if importlib.util.find_spec("synapse") is None:
        pytest.skip("matrix-synapse is not installed")
    server = Synapse(tmp_path_factory.mktemp("synapse"))
    try:
        server.create()
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """The address of a server."""
    if (given := postgres.given()) is not None:
        yield given
        return
    with postgres.started() as server:
        postgres.disable_fsync(server.address)
        yield server.address


@pytest.fixture(scope="session")
def postgres_database(postgres_server: str) -> Iterator[str]:
    """The address of a database that belongs to the tests."""
    with postgres.new_database(postgres_server) as address:
        yield address


@pytest.fixture
async def fake_misskey(aiohttp_server: AiohttpServer) -> AsyncIterator[FakeMisskeyApi]:
    """A Misskey with the user alice and an app token of hers; nothing misuses it."""
    fake = FakeMisskeyApi()
    fake.base_url = str((await aiohttp_server(fake.app())).make_url("")).rstrip("/")
    yield fake
    assert fake.misuses == []
