"""All checks, and what they find. A relay that serves needs three of them, and imports no more."""

from collections.abc import Callable, Iterator, Mapping

from relay.doctor import clocks, files, hooks, outbox, page, routes, servers, sinks, way
from relay.doctor.facts import Facts
from relay.doctor.finding import Finding, Level

CHECKS: Mapping[str, Callable[[Facts], Iterator[Finding]]] = {
    "hooks": hooks.check,
    "routes": routes.check,
    "files": files.check,
    "page": page.check,
    "outbox": outbox.check,
    "sinks": sinks.check,
    "servers": servers.check,
    "clock": clocks.check,
    "way in": way.check,
}
"""By what they are about, in the order in which they are told."""


def examined(facts: Facts) -> dict[str, list[Finding]]:
    """The findings of each check; what is wrong comes first."""
    return {
        about: sorted(check(facts), key=lambda one: one.level != Level.WRONG)
        for about, check in CHECKS.items()
    }
