"""The way in: the address that Misskey calls, and what becomes of webhooks on the way to relay."""

import ipaddress
from collections.abc import Iterator, Sequence
from urllib.parse import urlsplit

from relay.config.types import is_local
from relay.doctor.check_remote import MISSKEY, version
from relay.doctor.facts import Facts, Server, Try, Way
from relay.doctor.findings import Finding, advice, wrong

GIVEN_UP = 5.0  # seconds, after which Misskey takes a webhook for lost
SLOW = 2.0
FASTER = "look for what is slow: the line, the web server in front, or this machine"
EVERYWHERE = {"0.0.0.0", "::"}  # noqa: S104
BLOCKS_PRIVATE = (2024, 11)
"""The first version of Misskey that calls no private address."""


def check_ingress(facts: Facts) -> Iterator[Finding]:
    if facts.way is None:
        yield from _listen(facts.config.listen, facts.servers)
    else:
        yield from _way(facts.way, facts)


def _listen(listen: str, servers: Sequence[Server]) -> Iterator[Finding]:
    """A door in a private network, which Misskey may call as it is."""
    host = _host(f"//{listen}")
    if not is_local(listen) and host not in EVERYWHERE:
        yield from _private(listen, [host], servers)


def _way(way: Way, facts: Facts) -> Iterator[Finding]:
    yield from _address(way, facts.servers)
    if way.direct and not any(one.status for one in (*way.direct, *way.small)):
        what = f"relay answers neither here nor at {way.address}"
        yield wrong("relay-silent", facts.config.listen, what, "start relay: relay serve")
        return
    inside = {one.hook for one in way.direct if one.arrived}
    large = {one.hook: one for one in way.large}
    for one in way.small:
        where = f"{way.address}/hooks/{one.hook}"
        yield from _small(where, one, is_known=one.hook in inside)
        if one.arrived and one.hook in large:
            yield from _large(where, large[one.hook])


def _host(address: str) -> str:
    try:
        return urlsplit(address).hostname or ""
    except ValueError:
        return ""


def _address(way: Way, servers: Sequence[Server]) -> Iterator[Finding]:
    """What is wrong with an address, whoever answers there."""
    host = _host(way.address)
    if host == "localhost" or host.endswith(".localhost"):
        what = "Misskey asks DNS only, and DNS does not know localhost"
        yield wrong("address-localhost", way.address, what, "write 127.0.0.1 into Misskey's form")
    yield from _private(way.address, way.places, servers)
    if is_plain(way):
        what = "over http the secret and the notes lie open on the way; so no probe was sent"
        yield wrong("address-plain", way.address, what, "put a web server with TLS in front")


def is_plain(way: Way) -> bool:
    """Whether everybody between here and the address could read along."""
    is_near = bool(way.places) and all(map(_is_private, way.places))
    return way.address.startswith("http://") and not is_near


def _is_private(place: str) -> bool:
    try:
        return not ipaddress.ip_address(place).is_global
    except ValueError:
        return False


def _private(where: str, places: Sequence[str], servers: Sequence[Server]) -> Iterator[Finding]:
    """Addresses that Misskey would not call."""
    blocked = [place for place in places if _is_private(place)]
    if not blocked or (servers and all(map(_calls_private, servers))):
        return
    networks = ", ".join(f"'{ipaddress.ip_network(place)}'" for place in blocked)
    what = f"since 2024.11 Misskey itself calls no private address: {', '.join(blocked)}"
    remedy = f"add allowedPrivateNetworks: [{networks}] to the configuration of Misskey"
    yield advice("address-private", where, what, remedy)


def _calls_private(server: Server) -> bool:
    return server.software == MISSKEY and () < version(server) < BLOCKS_PRIVATE


def _small(where: str, one: Try, *, is_known: bool) -> Iterator[Finding]:
    """What became of a probe that is not too large for anybody."""
    if one.seen is None:
        yield _unseen(where, one, is_known=is_known)
        return
    if not one.arrived:
        what = f"something changes bodies: of {one.sent.length} bytes {one.seen.length} arrived"
        yield wrong(
            "way-body-changed", where, f"{what}, or others", "let the web server pass them on"
        )
    if one.seen.lost:
        what = f"something changes these headers: {', '.join(one.seen.lost)}"
        yield advice("way-headers-lost", where, what, "let the web server pass on all headers")
    yield from _slow(where, one)


def _unseen(where: str, one: Try, *, is_known: bool) -> Finding:
    """Why a probe did not get to relay."""
    told = f"it answers {one.reason}"
    if not one.status:
        what = f"it cannot be reached from here: {one.reason}"
        remedy = "check DNS, firewall, the web server in front, and its certificate"
        return wrong("way-unreachable", where, what, remedy)
    if 300 <= one.status < 400:
        what = (
            f"it redirects ({one.status}): Misskey follows without the body, and the event is lost"
        )
        remedy = "write the address into Misskey's form to which it redirects"
        return wrong("way-redirected", where, what, remedy)
    if one.status == 401 and is_known:
        what = "the header X-Misskey-Hook-Secret gets lost on the way"
        remedy = "let the web server pass it on, and those of forks, like X-Iceshrimp-Hook-Secret"
        return wrong("way-headers-lost", where, what, remedy)
    if one.status == 401:
        remedy = "start relay again, if the secret was changed; let the web server pass headers on"
        return wrong("way-secret-refused", where, f"{told}: the secret is another there", remedy)
    if one.status == 404:
        remedy = "let the web server pass on /hooks/ as it is, and reload relay for new hooks"
        return wrong("way-path-lost", where, f"{told}: there is no such hook", remedy)
    if one.status >= 500:
        remedy = "start relay, and check where the web server in front passes /hooks/ on to"
        return wrong("way-fails", where, told, remedy)
    remedy = "a firewall, or a relay of another version? POST /hooks/ has to reach this one"
    return wrong("way-strange", where, f"{told}: that is not what relay answers", remedy)


def _large(where: str, one: Try) -> Iterator[Finding]:
    """What became of a large probe, where a small one had arrived."""
    if one.arrived:
        if one.seconds > GIVEN_UP:  # a line that is slow for a megabyte may do for what is common
            yield advice("way-slow", where, _slowness(one), FASTER)
        return
    seen = one.reason if one.seen is None else f"{one.seen.length} bytes of it arrived, or others"
    what = f"a body of {one.sent.length} bytes does not get through: {seen}"
    remedy = "raise the web server's limit: client_max_body_size 4m in nginx"
    yield wrong("way-large-body", where, what, remedy)


def _slow(where: str, one: Try) -> Iterator[Finding]:
    if one.seconds > SLOW:
        tell = wrong if one.seconds > GIVEN_UP else advice
        yield tell("way-slow", where, _slowness(one), FASTER)


def _slowness(one: Try) -> str:
    took = f"the answer to {one.sent.length} bytes took {one.seconds:.1f} seconds"
    return f"{took}, and Misskey gives up after five"
