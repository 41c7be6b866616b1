"""Checks of the ingress: the address that Misskey calls, and the path from there to relay."""

import ipaddress
from collections.abc import Iterator, Sequence
from urllib.parse import urlsplit

from relay.config.types import is_local
from relay.doctor.check_remote import MISSKEY, version
from relay.doctor.facts import Facts, Ingress, ProbeResult, Server
from relay.doctor.findings import Finding, error, warning

TIMEOUT = 5.0  # seconds, after which Misskey gives a webhook up
SLOW = 2.0
FASTER = "find the cause: the connection, the web server in front, or this machine"
EVERYWHERE = {"0.0.0.0", "::"}  # noqa: S104
BLOCKS_PRIVATE = (2024, 11)
"""The first version of Misskey that calls no private address."""


def check_ingress(facts: Facts) -> Iterator[Finding]:
    if facts.ingress is None:
        yield from _listen(facts.config.listen, facts.servers)
    else:
        yield from _ingress(facts.ingress, facts)


def _listen(listen: str, servers: Sequence[Server]) -> Iterator[Finding]:
    """Findings on an address to listen on that Misskey may call directly."""
    host = _host(f"//{listen}")
    if not is_local(listen) and host not in EVERYWHERE:
        yield from _private(listen, [host], servers)


def _ingress(ingress: Ingress, facts: Facts) -> Iterator[Finding]:
    yield from _address(ingress, facts.servers)
    if ingress.direct and not any(probe.status for probe in (*ingress.direct, *ingress.small)):
        problem = f"relay answers neither here nor at {ingress.address}"
        yield error("relay-silent", facts.config.listen, problem, "start relay: relay serve")
        return
    answering = {probe.hook for probe in ingress.direct if probe.arrived}
    large = {probe.hook: probe for probe in ingress.large}
    for probe in ingress.small:
        where = f"{ingress.address}/hooks/{probe.hook}"
        yield from _small(where, probe, is_known=probe.hook in answering)
        if probe.arrived and probe.hook in large:
            yield from _large(where, large[probe.hook])


def _host(address: str) -> str:
    try:
        return urlsplit(address).hostname or ""
    except ValueError:
        return ""


def _address(ingress: Ingress, servers: Sequence[Server]) -> Iterator[Finding]:
    """Findings on the address itself, without regard to the answers."""
    host = _host(ingress.address)
    if host == "localhost" or host.endswith(".localhost"):
        problem = "Misskey resolves names by DNS only, and DNS does not have localhost"
        yield error(
            "address-localhost", ingress.address, problem, "write 127.0.0.1 into Misskey's form"
        )
    yield from _private(ingress.address, ingress.ips, servers)
    if is_plain(ingress):
        problem = "http exposes the secret and the notes on the network; so no probe was sent"
        yield error("address-plain", ingress.address, problem, "put a web server with TLS in front")


def is_plain(ingress: Ingress) -> bool:
    """Whether requests cross a public network without encryption."""
    is_near = bool(ingress.ips) and all(map(_is_private, ingress.ips))
    return ingress.address.startswith("http://") and not is_near


def _is_private(ip: str) -> bool:
    try:
        return not ipaddress.ip_address(ip).is_global
    except ValueError:
        return False


def _private(where: str, ips: Sequence[str], servers: Sequence[Server]) -> Iterator[Finding]:
    """Findings on addresses that Misskey does not call."""
    blocked = [ip for ip in ips if _is_private(ip)]
    if not blocked or (servers and all(map(_calls_private, servers))):
        return
    networks = ", ".join(f"'{ipaddress.ip_network(ip)}'" for ip in blocked)
    problem = f"since 2024.11 Misskey does not call private addresses: {', '.join(blocked)}"
    remedy = f"add allowedPrivateNetworks: [{networks}] to the configuration of Misskey"
    yield warning("address-private", where, problem, remedy)


def _calls_private(server: Server) -> bool:
    return server.software == MISSKEY and () < version(server) < BLOCKS_PRIVATE


def _small(where: str, probe: ProbeResult, *, is_known: bool) -> Iterator[Finding]:
    """Findings on a probe of ordinary size."""
    if probe.seen is None:
        yield _unseen(where, probe, is_known=is_known)
        return
    if not probe.arrived:
        arrived = f"of {probe.sent.length} bytes {probe.seen.length} arrived"
        problem = f"bodies are changed on the way: {arrived}"
        yield error(
            "ingress-body-changed",
            where,
            f"{problem}, or others",
            "let the web server pass them on unchanged",
        )
    if probe.seen.lost:
        problem = f"these headers are changed on the way: {', '.join(probe.seen.lost)}"
        yield warning(
            "ingress-headers-lost", where, problem, "let the web server pass on all headers"
        )
    yield from _slow(where, probe)


def _unseen(where: str, probe: ProbeResult, *, is_known: bool) -> Finding:
    """The finding on a probe that did not reach relay."""
    answer = f"it answers {probe.reason}"
    if not probe.status:
        problem = f"it cannot be reached from here: {probe.reason}"
        remedy = "check DNS, firewall, the web server in front, and its certificate"
        return error("ingress-unreachable", where, problem, remedy)
    if 300 <= probe.status < 400:
        loss = "Misskey follows without the body, and the event is lost"
        problem = f"it redirects ({probe.status}): {loss}"
        remedy = "write the address to which it redirects into Misskey's form"
        return error("ingress-redirected", where, problem, remedy)
    if probe.status == 401 and is_known:
        problem = "the header X-Misskey-Hook-Secret is lost on the way"
        remedy = "let the web server pass it on, and those of forks, like X-Iceshrimp-Hook-Secret"
        return error("ingress-headers-lost", where, problem, remedy)
    if probe.status == 401:
        remedy = "restart relay, if the secret was changed; let the web server pass headers on"
        return error("ingress-secret-refused", where, f"{answer}: the secret differs there", remedy)
    if probe.status == 404:
        remedy = "let the web server pass on /hooks/ as it is, and reload relay for new hooks"
        return error("ingress-path-lost", where, f"{answer}: there is no such hook", remedy)
    if probe.status >= 500:
        remedy = "start relay, and check the target of /hooks/ in the web server in front"
        return error("ingress-fails", where, answer, remedy)
    remedy = "look for a firewall, or a relay of another version: POST /hooks/ must reach this one"
    return error("ingress-strange", where, f"{answer}: that is not an answer of relay", remedy)


def _large(where: str, probe: ProbeResult) -> Iterator[Finding]:
    """Findings on a large probe, where a small one arrived."""
    if probe.arrived:
        if probe.seconds > TIMEOUT:  # a slow connection may still do for common sizes
            yield warning("ingress-slow", where, _slowness(probe), FASTER)
        return
    seen = probe.reason if probe.seen is None else f"{probe.seen.length} bytes arrived, or others"
    problem = f"a body of {probe.sent.length} bytes does not arrive: {seen}"
    remedy = "raise the web server's limit: client_max_body_size 4m in nginx"
    yield error("ingress-large-body", where, problem, remedy)


def _slow(where: str, probe: ProbeResult) -> Iterator[Finding]:
    if probe.seconds > SLOW:
        report = error if probe.seconds > TIMEOUT else warning
        yield report("ingress-slow", where, _slowness(probe), FASTER)


def _slowness(probe: ProbeResult) -> str:
    took = f"the answer to {probe.sent.length} bytes took {probe.seconds:.1f} seconds"
    return f"{took}, and Misskey gives up after five seconds"
