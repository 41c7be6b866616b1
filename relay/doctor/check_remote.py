"""Checks what the vendors and the Misskey servers have answered."""

import re
from collections.abc import Iterator
from typing import cast

from relay.config.settings import RouteSettings
from relay.doctor.facts import Account, Facts, Server
from relay.doctor.findings import Finding, Name, error, warning
from relay.outcome import Cause, Failed, Outcome, RateLimited, Sent
from relay.sinks import VENDOR_OF, AnySink
from relay.sinks.base import Remedy
from relay.sinks.errors import trouble

REMEDIES = {
    Cause.ELSEWHERE: Remedy(
        "sink-elsewhere",
        "copy the address again from where the sink's type says: it is that of another service",
    ),
    Cause.MOVED: Remedy(
        "sink-moved",
        "write the address to which it sends, if that is the vendor's own",
    ),
}
"""The fixes that do not depend on the vendor."""
UNREACHABLE = Remedy(
    "sink-unreachable",
    "check the address, and this machine's way to it: DNS, firewall, proxy",
)
REFUSES = Remedy(
    "sink-refuses",
    "look up these words in the vendor's documentation, then check what the sink says",
)

# Names that clients give to the sessions of people.
CLIENTS = re.compile(
    r"(?i)element|schildichat|cinny|fluffychat|nheko|neochat|fractal|hydrogen|quaternion|gomuks"
)


def check_sinks(facts: Facts) -> Iterator[Finding]:
    for name, outcome in facts.sinks.items():
        if (problem := trouble(outcome)) is not None:
            yield _diagnosed(f"sink {name}", facts.config.sinks[name], outcome, problem)
    for name, account in facts.accounts.items():
        yield from _account(f"sink {name}", facts.config.sinks[name], account)


def _diagnosed(where: str, sink: AnySink, outcome: Outcome, problem: str) -> Finding:
    """The finding for a probe with a problem."""
    if isinstance(outcome, RateLimited):
        return warning("sink-limited", where, problem, "ask again later; relay itself waits")
    remedies = {**VENDOR_OF[sink.type].remedies, **REMEDIES}
    cause = None if isinstance(outcome, Sent) else outcome.cause
    unknown = UNREACHABLE if isinstance(outcome, Failed) else REFUSES
    known = unknown if cause is None else remedies.get(cause, unknown)
    return error(cast(Name, known.name), where, problem, known.remedy)


def _account(where: str, sink: AnySink, account: Account) -> Iterator[Finding]:
    if CLIENTS.search(account.session):
        problem = f"its token is that of a person's session ({account.session}), and ends with it"
        remedy = "never log out there; better, log relay in for itself: see docs/doctor.md"
        yield warning("matrix-session-shared", where, problem, remedy)
    if account.is_limited and sink.rate is None:
        problem = (
            "Synapse gives an account 0.2 messages a second, unless its administrator lifts that"
        )
        remedy = "lift it as docs/doctor.md says, then write rate: unlimited here"
        yield warning("matrix-rate-limit", where, problem, remedy)


REPORTS = {"abuseReport", "abuseReportResolved"}
# Before, only webhooks got reports that were notification recipients, too.
TO_EVERY_HOOK = (2025, 1)
MISSKEY = "misskey"
FAMILY = {
    *(MISSKEY, "cherrypick", "sharkey", "misskey-tempura", "taiyme", "paricafe"),
    *("foundkey", "iceshrimp", "firefish", "catodon", "calckey"),
}


def check_servers(facts: Facts) -> Iterator[Finding]:
    for server in facts.servers:
        yield from _about(server)
    known = {server.origin: server for server in facts.servers}
    for number, route in enumerate(facts.config.routes, start=1):
        if _has_reports(route) and not all(
            origin in known and _reaches_every_hook(known[origin])
            for origin in _origins(route, facts)
        ):
            yield warning(
                "report-recipient",
                f"route {route.name or f'#{number}'}",
                "before Misskey 2025.1 a webhook gets reports only as a notification recipient",
                "add it there: Control Panel > Abuse Reports > Notification settings",
            )


def _about(server: Server) -> Iterator[Finding]:
    where = server.origin
    if server.problem is not None:
        problem = f"it does not say what it is: {server.problem}"
        yield warning("server-unreachable", where, problem, "check the address under server")
    elif server.calls_itself and server.calls_itself != server.origin:
        problem = f"its webhooks come from {server.calls_itself}, and the hook refuses them"
        yield error("server-elsewhere", where, problem, f"write server: {server.calls_itself}")
    if server.software and server.software not in FAMILY:
        problem = f"it is {server.software}, of which relay does not know whether it sends webhooks"
        yield warning("server-strange", where, problem, "check the address under server")


def _origins(route: RouteSettings, facts: Facts) -> set[str]:
    """The servers of the hooks whose events a route takes."""
    hooks = facts.config.hooks
    return {hooks[name].server for name in route.match.hook or hooks}


def _has_reports(route: RouteSettings) -> bool:
    return bool(route.match.event and route.match.event & REPORTS)


def _reaches_every_hook(server: Server) -> bool:
    """Whether its version is known, and sends reports to each webhook that asks for them."""
    return server.software == MISSKEY and version(server) >= TO_EVERY_HOOK


def version(server: Server) -> tuple[int, ...]:
    """The version of Misskey as numbers; empty if it has none that can be compared."""
    match = re.match(r"(\d+)\.(\d+)\.(\d+)", server.version)
    return tuple(map(int, match.groups())) if match else ()
