"""
Finds what goes wrong in real installations: each check is a function from facts to findings.

findings           what a check reports, and the names of all findings
facts              the state of an installation, as values
collect_local      reads this machine: files, permissions, the disk
collect_remote     asks the vendors and the Misskey servers
collect_ingress    posts probes to the address that Misskey calls
check_config, check_host, check_remote, check_ingress    the checks
"""

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
    "ingress": check_ingress,
}
"""The checks by their topics, in the order of the report."""


def examine(facts: Facts) -> dict[str, list[Finding]]:
    """The findings by topic; within a topic, errors precede warnings."""
    return {
        topic: sorted(check(facts), key=lambda finding: finding.level != Level.ERROR)
        for topic, check in CHECKS.items()
    }
