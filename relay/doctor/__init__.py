"""
What goes wrong in real set-ups: a check is a function from facts to findings.

finding    what a check finds, and the names of all findings
facts      what there is to know of an installation
looking    gathers what this machine tells
asking     gathers what the vendors and the Misskey servers tell
trying     gathers what becomes of probes on the way in
hooks, routes, files, outbox, sinks, servers, clocks, way    one check each
"""

from collections.abc import Callable, Iterator, Mapping

from relay.doctor import clocks, files, hooks, outbox, routes, servers, sinks, way
from relay.doctor.facts import Facts, Stock
from relay.doctor.finding import Finding, Level

CHECKS: Mapping[str, Callable[[Facts], Iterator[Finding]]] = {
    "hooks": hooks.check,
    "routes": routes.check,
    "files": files.check,
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


__all__ = ["CHECKS", "Facts", "Finding", "Level", "Stock", "examined"]
