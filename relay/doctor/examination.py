"""All checks, and what they find. A relay that serves needs three of them, and imports no more."""

from collections.abc import Callable, Iterator, Mapping

from relay.doctor.check_config import check_hooks, check_page, check_routes
from relay.doctor.check_host import check_clocks, check_files, check_outbox
from relay.doctor.check_ingress import check_ingress
from relay.doctor.check_remote import check_servers, check_sinks
from relay.doctor.facts import Facts
from relay.doctor.findings import Finding, Level

CHECKS: Mapping[str, Callable[[Facts], Iterator[Finding]]] = {
    "hooks": check_hooks,
    "routes": check_routes,
    "files": check_files,
    "page": check_page,
    "outbox": check_outbox,
    "sinks": check_sinks,
    "servers": check_servers,
    "clock": check_clocks,
    "way in": check_ingress,
}
"""By what they are about, in the order in which they are told."""


def examined(facts: Facts) -> dict[str, list[Finding]]:
    """The findings of each check; what is wrong comes first."""
    return {
        about: sorted(check(facts), key=lambda one: one.level != Level.WRONG)
        for about, check in CHECKS.items()
    }
