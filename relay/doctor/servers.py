"""The Misskey servers, by what they say of themselves."""

import re
from collections.abc import Iterator

from relay.config.settings import RouteSettings
from relay.doctor.facts import Facts, Server
from relay.doctor.finding import Finding, advice, wrong

REPORTS = {"abuseReport", "abuseReportResolved"}
# Before, only webhooks got reports that were notification recipients, too.
TO_EVERY_HOOK = (2025, 1)
MISSKEY = "misskey"
FAMILY = {
    *(MISSKEY, "cherrypick", "sharkey", "misskey-tempura", "taiyme", "paricafe"),
    *("foundkey", "iceshrimp", "firefish", "catodon", "calckey"),
}


def check(facts: Facts) -> Iterator[Finding]:
    for server in facts.servers:
        yield from _about(server)
    known = {server.origin: server for server in facts.servers}
    for number, route in enumerate(facts.config.routes, start=1):
        if _has_reports(route) and not all(
            origin in known and _reaches_every_hook(known[origin])
            for origin in _origins(route, facts)
        ):
            yield advice(
                "report-recipient",
                f"route {route.name or f'#{number}'}",
                "before Misskey 2025.1 a webhook gets reports only as a notification recipient",
                "add it there: Control Panel > Abuse Reports > Notification settings",
            )


def _about(server: Server) -> Iterator[Finding]:
    where = server.origin
    if server.trouble is not None:
        what = f"it does not say what it is: {server.trouble}"
        yield advice("server-unreachable", where, what, "check the address under server")
    elif server.calls_itself and server.calls_itself != server.origin:
        what = f"its webhooks come from {server.calls_itself}, and the hook refuses them"
        yield wrong("server-elsewhere", where, what, f"write server: {server.calls_itself}")
    if server.software and server.software not in FAMILY:
        what = f"it is {server.software}, of which relay does not know whether it sends webhooks"
        yield advice("server-strange", where, what, "check the address under server")


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
    found = re.match(r"(\d+)\.(\d+)\.(\d+)", server.version)
    return tuple(map(int, found.groups())) if found else ()
