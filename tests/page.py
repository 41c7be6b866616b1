"""The operator's page without a process around it: `conftest.py` names it in its plugins."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest
from aiohttp import CookieJar
from aiohttp.test_utils import TestClient, TestServer

from relay.admin.app import create_app
from relay.admin.context import AdminContext
from relay.app import plan
from relay.config import Config, parse
from relay.delivery.lane import LaneStatus
from relay.doctor.findings import Finding, warning
from relay.i18n import Language
from relay.monitoring.changes import Changes
from relay.monitoring.health import HealthReport
from relay.monitoring.rolling import RollingStats
from relay.outbox import ClaimRequest, Outbox
from relay.outcome import Closed, Outcome, Sent, State
from relay.rendering.templates import Templates
from relay.secret import Secret
from tests.factories import accept, an_event
from tests.fakes.misskey import a_note_event

Open = Callable[..., Awaitable[TestClient]]
PASSWORD = "open, sesame: ✨"


CONFIG = parse(
    """
web: {listen: "127.0.0.1:0", password: "${PASSWORD}"}
hooks: {alice: {secret: a secret of alice's, server: https://misskey.example}}
sinks:
  discord: {type: discord, url: "https://discord.invalid/webhooks/1/a-key"}
  slack: {type: slack, url: "https://slack.invalid/a-key"}
  matrix: {type: matrix, homeserver: https://matrix.invalid, room: "!a:b", token: a-key}
routes:
  - {name: mentions, match: {event: mention, author: bob}, to: discord}
  - {name: all but spam, unless: {author: bob}, to: [slack, matrix]}
  - {name: popular, when: note.renoteCount > 100, to: matrix}
""",
    file="/etc/relay/config.yaml",
    base=Path("/"),
    environ={"PASSWORD": "open, sesame: ✨"},
)
NOW = 1_795_309_600_000


def admin_context(outbox: Outbox, config: Config, woken: list[str]) -> AdminContext:
    async def examine() -> list[Finding]:
        return [warning("secret-short", "hook alice", "is <short>", "take a longer one")]

    async def attempt(name: str) -> Outcome:
        return Sent() if name == "slack" else Closed("404 gone")

    return AdminContext(
        outbox=outbox,
        renderer=plan.renderer(config),
        sinks=config.sinks,
        policies={name: plan.policy(config, sink) for name, sink in config.sinks.items()},
        language=Language("en", "Asia/Tokyo"),
        clock=lambda: NOW,
        stats=RollingStats(clock=lambda: NOW),
        lanes=lambda: {name: LaneStatus(is_failing=name == "matrix") for name in config.sinks},
        wake=woken.append,
        attempt=attempt,
        hooks={"alice": "https://misskey.example"},
        routes=config.compiled_routes(),
        draft=lambda drafts: Templates(drafts=drafts),
        settings=config.effective,
        warnings=("a <doubtful> key",),
        examine=examine,
    )


@pytest.fixture
def woken() -> list[str]:
    """The lanes that were told to look."""
    return []


@pytest.fixture
async def opened(outbox: Outbox, aiohttp_client, woken: list[str]):
    """Opens the door, with this password if any."""
    seen = admin_context(outbox, CONFIG, woken)

    async def check_health() -> HealthReport:
        return HealthReport()

    async def scrape() -> tuple[bytes, str]:
        return b"up 1\n", "text/plain"

    async def made(kept: str | None = PASSWORD) -> TestClient:
        made = create_app(
            password=None if kept is None else Secret(kept),
            hosts={"relay.example"},
            check_health=check_health,
            scrape=scrape,
            context=lambda: seen,
            changes=Changes(),
        )
        return await aiohttp_client(TestServer(made), cookie_jar=CookieJar(unsafe=True))

    return made


async def log_in(client: TestClient, given: str = PASSWORD, **headers: str) -> int:
    form = {"password": given, "next": "/"}
    answer = await client.post("/login", data=form, headers=headers, allow_redirects=False)
    return answer.status


async def accepted(outbox: Outbox, n: int = 1, **changes: str) -> None:
    request = a_note_event(n, kind="mention", **changes)
    event = an_event(n)
    await accept(outbox, event, request.body, {"discord": "all"}, now=1_795_309_533_000 + n)


async def died(outbox: Outbox, n: int, reason: str) -> int:
    """A dead letter's id."""
    await accepted(outbox, n, text=f"number {n}")
    claim = await outbox.claim(ClaimRequest("discord", now=NOW, lease=1000))
    assert claim is not None
    (one,) = claim.deliveries
    settled = replace(one, state=State.DEAD, reason=reason)
    assert await outbox.save([settled], claimed=[one])
    return one.id


async def press(client: TestClient, path: str, action: str, **fields: str) -> tuple[str, str]:
    """Where a button leads, and what is shown there."""
    form = {"action": action, **fields}
    answer = await client.post(path, data=form, headers={"Origin": origin_of(client)})
    return answer.url.path_qs, await answer.text()


def origin_of(client: TestClient) -> str:
    """What a browser sends along with the forms of our own pages."""
    return str(client.make_url("")).rstrip("/")
