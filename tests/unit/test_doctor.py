"""Each finding by a set-up that has the fault, and a healthy one that has none."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import pytest

from relay import config
from relay.doctor import examine
from relay.doctor.facts import (
    Account,
    Disk,
    Facts,
    FileAccess,
    Ingress,
    OutboxContents,
    ProbeResult,
    Server,
)
from relay.doctor.findings import Finding, Level, Name
from relay.misskey.probe import Seen
from relay.outbox import ClosedSink
from relay.outcome import Cause, Closed, Failed, Outcome, RateLimited, Sent
from relay.sinks.discord import errors as discord
from relay.sinks.errors import Answer
from relay.sinks.matrix import errors as matrix
from relay.sinks.matrix import room
from relay.sinks.slack import errors as slack

SECRET = "0123456789abcdef0123"
TEAM = {"type": "console"}
BASE: dict[str, Any] = {
    "hooks": {"alice": {"secret": SECRET, "server": "https://misskey.example"}},
    "sinks": {"team": TEAM},
    "routes": [{"match": {"event": ["mention", "reply"]}, "to": "team"}],
}
DISK = Disk(path=Path("/var/lib/relay/relay.db"), kind="ext4", free=10**10, outbox=10**6)
CLOSED = ClosedSink(name="team", reason="401 no", fingerprint="", closed_at=0)


def facts(**changes: Any) -> Facts:
    """The facts of a healthy installation, but for these keys of the configuration."""
    return Facts(
        config=config.Config.model_validate(BASE | changes),
        files=[
            FileAccess(Path("/etc/relay/config.yaml"), None, is_readable=True, is_writable=False),
            FileAccess(Path("/etc/relay/secret"), "a secret", is_readable=False, is_writable=False),
        ],
        disk=DISK,
        contents=OutboxContents(counts={("team", "delivered"): 5, ("team", "pending"): 1}),
    )


def secret(*texts: str) -> Facts:
    return facts(hooks={"alice": {"secret": texts}})


def route(**route: Any) -> Facts:
    return facts(routes=[{"to": "team"} | route])


def disk(**changes: Any) -> Facts:
    return replace(facts(), disk=replace(DISK, **changes))


def stock(**held: Any) -> Facts:
    return replace(facts(), contents=OutboxContents(**held))


def file(holds: str | None, *, is_readable: bool = False, is_writable: bool = False) -> Facts:
    return replace(
        facts(), files=[FileAccess(Path("/etc/relay/x"), holds, is_readable, is_writable)]
    )


DISCORD = {"type": "discord", "url": "https://discord.example/api/webhooks/1/x"}
SLACK = {"type": "slack", "url": "https://slack.example/services/x"}
BOT = {"type": "slack", "token": "xoxb-x", "channel": "C1"}
MATRIX = {"type": "matrix", "homeserver": "https://m.example", "room": "!a:b", "token": "x"}
HOME = Server(
    origin="https://misskey.example",
    software="misskey",
    version="2026.6.0",
    calls_itself="https://misskey.example",
)


MOVED = Answer(301, {"Location": "https://x.example/"}, "Moved")


def vendor(sink: dict[str, Any], outcome: Outcome) -> Facts:
    """A sink whose probe ends so."""
    return replace(facts(sinks={"team": sink}), sinks={"team": outcome})


def discords(status: int, code: int) -> Outcome:
    return discord.classify(Answer(status, text=json.dumps({"code": code, "message": "no"})))


def slacks(error: str) -> Outcome:
    return slack.classify_api(Answer(200, text=json.dumps({"ok": False, "error": error})))


def matrixs(status: int, code: str) -> Outcome:
    return matrix.classify(Answer(status, text=json.dumps({"errcode": code, "error": "no"})))


def account(account: Account, **settings: Any) -> Facts:
    return replace(facts(sinks={"team": MATRIX | settings}), accounts={"team": account})


def server(**changes: Any) -> Facts:
    return replace(facts(), servers=[replace(HOME, **changes)])


def reports(*servers: Server) -> Facts:
    match = {"event": ["abuseReport", "userCreated"]}
    moderated = facts(
        sinks={"team": TEAM | {"moderation": True}}, routes=[{"match": match, "to": "team"}]
    )
    return replace(moderated, servers=servers)


def clocks(**ahead: float) -> Facts:
    return replace(facts(), clocks=ahead)


SENT = Seen(1000, "a digest")
FRONT = "https://relay.example"
GOOD = ProbeResult(hook="alice", sent=SENT, seen=SENT, status=200, seconds=0.1)
WAY = Ingress(address=FRONT, ips=["93.184.216.34"], small=[GOOD], large=[GOOD], direct=[GOOD])
HOOK = f"{FRONT}/hooks/alice"


def way(**changes: Any) -> Facts:
    return replace(facts(), ingress=replace(WAY, **changes))


def small(**changes: Any) -> ProbeResult:
    """A probe that ends in another way than it should."""
    return replace(GOOD, **changes)


def unseen(status: int, reason: str = "") -> ProbeResult:
    return small(seen=None, status=status, reason=f"{status} {reason}")


def doubtful() -> Facts:
    text = f"hooks: {{alice: {{secret: {SECRET}}}}}\nsinks: {{team: {{type: console}}}}\n"
    read = config.parse(text, file="config.yaml", base=Path(), environ={})
    return replace(facts(), config=read)


def found(facts: Facts) -> list[Finding]:
    return [one for many in examine(facts).values() for one in many]


def told(facts: Facts) -> set[tuple[str, str, str]]:
    return {(one.name, one.level, one.where) for one in found(facts)}


NOTES = {"visibility": ["public"]}
FAULTS = [
    pytest.param(facts(hooks={"alice": {"secret": SECRET}, "bob": {"secret": SECRET}}),
                 ("secret-shared", "warning", "hook bob"), id="two hooks, one secret"),
    pytest.param(facts(hooks={"alice": {"secret": SECRET},
                              "bob": {"secret": [f"{SECRET}b", SECRET]}}),
                 ("secret-shared", "warning", "hook bob"), id="an old secret of another hook"),
    pytest.param(secret("ひみつひみつひみつひみつひみつ"),
                 ("secret-characters", "error", "hook alice"), id="a secret beyond latin-1"),
    pytest.param(secret("0123456789\n0123456789"),
                 ("secret-characters", "error", "hook alice"), id="a secret of two lines"),
    pytest.param(secret("café café café café"),
                 ("secret-characters", "warning", "hook alice"), id="a secret beyond ASCII"),
    pytest.param(secret(f" {SECRET}"),
                 ("secret-blanks", "warning", "hook alice"), id="a blank before a secret"),
    pytest.param(secret(f"{SECRET}\t"),
                 ("secret-blanks", "warning", "hook alice"), id="a tab behind a secret"),
    pytest.param(secret("0123456789abcde"),
                 ("secret-short", "warning", "hook alice"), id="a short secret"),
    pytest.param(secret(SECRET, "short"),
                 ("secret-short", "warning", "hook alice"), id="the second secret is short"),
    pytest.param(secret("x" * 1025), ("secret-long", "error", "hook alice"), id="a long secret"),
    pytest.param(facts(max_body="100KiB"),
                 ("max-body-small", "warning", "max_body"), id="room for small bodies only"),
    pytest.param(facts(web={"listen": "127.0.0.1:1", "password": "x" * 11}),
                 ("password-short", "warning", "web"), id="a short password"),
    pytest.param(doubtful(), ("config-doubtful", "warning", "config.yaml:2:9"), id="a warning"),
    pytest.param(route(match={"event": ["reaction", "reply"]}),
                 ("reaction-routed", "warning", "route #1"), id="reactions are waited for"),
    pytest.param(route(match={"event": "reportCreated"}),
                 ("kind-never-sent", "warning", "route #1"), id="a kind that is never sent"),
    pytest.param(route(match={"event": "birthday"}),
                 ("kind-unknown", "warning", "route #1"), id="a kind of nobody's"),
    pytest.param(route(match={"event": "posted"}),
                 ("kind-not-asked", "warning", "route #1"), id="a notification nobody asks for"),
    pytest.param(route(match={"event": ["follow", "abuseReport"]} | NOTES),
                 ("route-never-matches", "error", "route #1"), id="follows of a visibility"),
    pytest.param(route(name="mine", match=NOTES, unless={"visibility": ["home", "public"]}),
                 ("route-never-matches", "error", "route mine"), id="what is asked is excepted"),
    pytest.param(route(match=NOTES, unless={}),
                 ("route-never-matches", "error", "route #1"), id="everything is excepted"),
    pytest.param(route(match={"bot": True, "author": "bob"}, unless={"author": "bob"}),
                 ("route-never-matches", "error", "route #1"), id="the author is excepted"),
    pytest.param(route(match={"server": "other.example"}),
                 ("route-never-matches", "error", "route #1"), id="a server of no hook"),
    pytest.param(route(match={"hook": "alice", "server": "other.example"}),
                 ("route-never-matches", "error", "route #1"), id="another server than the hook's"),
    pytest.param(route(match={"visibility": ["public", "followers"]}),
                 ("gate-narrower", "warning", "route #1"), id="a gate shows only some"),
    pytest.param(facts(routes=[]), ("hook-unrouted", "warning", "hook alice"), id="no routes"),
    pytest.param(
        facts(hooks=BASE["hooks"] | {"bob": {"secret": SECRET[::-1]}},
              routes=[{"match": {"hook": "bob"}, "to": "team"}]),
        ("hook-unrouted", "warning", "hook alice"), id="routes for others only"),
    pytest.param(file("a secret", is_readable=True),
                 ("file-readable", "error", "/etc/relay/x"), id="a secret lies open"),
    pytest.param(file(None, is_writable=True),
                 ("file-writable", "error", "/etc/relay/x"), id="others can write"),
    pytest.param(disk(outbox=None),
                 ("outbox-missing", "warning", str(DISK.path)), id="no outbox"),
    pytest.param(disk(outbox=None, has_folder=False),
                 ("outbox-folder-missing", "error", str(DISK.path)), id="no folder"),
    pytest.param(disk(kind="tmpfs"),
                 ("outbox-volatile", "error", str(DISK.path)), id="in memory"),
    pytest.param(disk(kind="nfs4"),
                 ("outbox-network", "error", str(DISK.path)), id="over the network"),
    pytest.param(disk(kind="overlay"),
                 ("outbox-layer", "warning", str(DISK.path)), id="in a container"),
    pytest.param(disk(free=400 * 2**20),
                 ("disk-low", "warning", str(DISK.path)), id="little room"),
    pytest.param(disk(free=10 * 2**20),
                 ("disk-low", "error", str(DISK.path)), id="no room"),
    pytest.param(disk(journal=2**30),
                 ("journal-large", "warning", str(DISK.path)), id="a large journal"),
    pytest.param(disk(outbox=2**32),
                 ("outbox-large", "warning", str(DISK.path)), id="a large outbox"),
    pytest.param(facts(retention="5m"),
                 ("retention-short", "warning", "retention"), id="short retention"),
    pytest.param(stock(problem="locked"),
                 ("outbox-unusable", "error", "sqlite:relay.db"), id="no way into the outbox"),
    pytest.param(stock(closed=[CLOSED]),
                 ("sink-closed", "error", "sink team"), id="a closed sink"),
    pytest.param(stock(counts={("team", "dead"): 2}),
                 ("deliveries-dead", "warning", "sink team"), id="dead letters"),
    pytest.param(stock(counts={("gone", "pending"): 2}),
                 ("deliveries-orphaned", "error", "sink gone"), id="a sink was removed"),
    pytest.param(vendor(DISCORD, Failed("connection refused", cause=Cause.CONNECTION)),
                 ("sink-unreachable", "error", "sink team"), id="nobody answers"),
    pytest.param(vendor(SLACK, RateLimited(60)),
                 ("sink-limited", "warning", "sink team"), id="too many questions"),
    pytest.param(vendor(DISCORD, discords(403, 50013)),
                 ("sink-refuses", "error", "sink team"), id="another refusal"),
    pytest.param(vendor(DISCORD, discord.classify(Answer(404, text="no_service"))),
                 ("sink-elsewhere", "error", "sink team"), id="another vendor"),
    pytest.param(vendor(DISCORD, discord.classify(MOVED)),
                 ("sink-moved", "error", "sink team"), id="an old address"),
    pytest.param(vendor(DISCORD, discords(400, 220004)),
                 ("discord-address-form", "error", "sink team"), id="an address for others"),
    pytest.param(vendor(DISCORD, discords(400, 220001)),
                 ("discord-forum", "error", "sink team"), id="a forum"),
    pytest.param(vendor(DISCORD, discords(400, 40067)),
                 ("discord-tags", "error", "sink team"), id="a forum with tags"),
    pytest.param(vendor(DISCORD, discords(400, 50083)),
                 ("discord-thread-closed", "error", "sink team"), id="an archived thread"),
    pytest.param(vendor(DISCORD, discords(400, 160006)),
                 ("discord-threads-full", "error", "sink team"), id="a thousand threads"),
    pytest.param(vendor(SLACK, slack.classify_webhook(Answer(400, text='{"ok": false}'))),
                 ("slack-workflow", "error", "sink team"), id="a workflow"),
    pytest.param(vendor(MATRIX, room.upgraded(Answer(200, text='{"body": "gone"}'), "!old")),
                 ("matrix-room-upgraded", "error", "sink team"), id="an upgraded room"),
    pytest.param(vendor(MATRIX, Closed("@bot is muted", cause=Cause.MUTED)),
                 ("matrix-muted", "error", "sink team"), id="a muted account"),
    pytest.param(vendor(MATRIX, matrix.classify(Answer(404, text="Not Found"))),
                 ("matrix-homeserver-wrong", "error", "sink team"), id="a page for the address"),
    pytest.param(vendor(DISCORD, discords(404, 10015)),
                 ("discord-webhook-deleted", "error", "sink team"), id="a deleted webhook"),
    pytest.param(vendor(DISCORD, discords(401, 50027)),
                 ("discord-webhook-wrong", "error", "sink team"), id="half a webhook"),
    pytest.param(vendor(BOT, slacks("not_in_channel")),
                 ("slack-not-in-channel", "error", "sink team"), id="an app outside"),
    pytest.param(vendor(BOT, slacks("channel_not_found")),
                 ("slack-not-in-channel", "error", "sink team"), id="no such channel"),
    pytest.param(vendor(BOT, slacks("is_archived")),
                 ("slack-channel-archived", "error", "sink team"), id="an archived channel"),
    pytest.param(vendor(BOT, slacks("token_revoked")),
                 ("slack-token-invalid", "error", "sink team"), id="a revoked token"),
    pytest.param(vendor(BOT, slacks("missing_scope")),
                 ("slack-scope-missing", "error", "sink team"), id="no right to write"),
    pytest.param(vendor(SLACK, slack.classify_webhook(Answer(404, text="no_service"))),
                 ("slack-webhook-gone", "error", "sink team"), id="a removed webhook"),
    pytest.param(vendor(MATRIX, matrixs(401, "M_UNKNOWN_TOKEN")),
                 ("matrix-token-invalid", "error", "sink team"), id="a session that ended"),
    pytest.param(vendor(MATRIX, Closed("the room is encrypted", cause=Cause.ENCRYPTED)),
                 ("matrix-room-encrypted", "error", "sink team"), id="encryption"),
    pytest.param(vendor(MATRIX, Closed("the identity was reset", cause=Cause.DEVICE)),
                 ("matrix-device-untrusted", "error", "sink team"), id="an unsigned device"),
    pytest.param(vendor(MATRIX, Closed("nobody in the room has", cause=Cause.READERS)),
                 ("matrix-no-readers", "error", "sink team"), id="nobody to read"),
    pytest.param(vendor(MATRIX, Closed("@bot:b is not in !a:b", cause=Cause.OUTSIDE)),
                 ("matrix-not-in-room", "error", "sink team"), id="an account outside"),
    pytest.param(vendor(MATRIX, matrixs(403, "M_FORBIDDEN")),
                 ("matrix-not-in-room", "error", "sink team"), id="an account uninvited"),
    pytest.param(vendor(MATRIX, matrixs(404, "M_NOT_FOUND")),
                 ("matrix-room-unknown", "error", "sink team"), id="an unknown alias"),
    pytest.param(vendor(MATRIX, matrixs(404, "M_UNRECOGNIZED")),
                 ("matrix-homeserver-wrong", "error", "sink team"), id="the name for the address"),
    pytest.param(vendor(BOT, slacks("ekm_access_denied")),
                 ("sink-refuses", "error", "sink team"), id="no Slack"),
    pytest.param(account(Account(session="Element Web: Firefox on Linux")),
                 ("matrix-session-shared", "warning", "sink team"), id="a person's session"),
    pytest.param(account(Account(is_limited=True)),
                 ("matrix-rate-limit", "warning", "sink team"), id="Synapse's pace of people"),
    pytest.param(reports(), ("report-recipient", "warning", "route #1"), id="an unknown server"),
    pytest.param(reports(replace(HOME, version="2024.10.1")),
                 ("report-recipient", "warning", "route #1"), id="an old server"),
    pytest.param(reports(replace(HOME, software="cherrypick", version="4.17.0")),
                 ("report-recipient", "warning", "route #1"), id="a version of another count"),
    pytest.param(server(problem="404"),
                 ("server-unreachable", "warning", "https://misskey.example"), id="no Misskey"),
    pytest.param(server(calls_itself="https://mi.example"),
                 ("server-elsewhere", "error", "https://misskey.example"), id="another name"),
    pytest.param(server(software="mastodon"),
                 ("server-strange", "warning", "https://misskey.example"), id="another software"),
    pytest.param(clocks(a=-100.0, b=-101.0, c=3.0),
                 ("clock-wrong", "error", "this machine"), id="a clock ahead"),
    pytest.param(clocks(a=31.0), ("clock-wrong", "error", "this machine"), id="a clock behind"),
    pytest.param(facts(listen="192.168.1.5:8095"),
                 ("address-private", "warning", "192.168.1.5:8095"), id="a private door"),
    pytest.param(way(address="http://127.0.0.1:8095", ips=["127.0.0.1"]),
                 ("address-private", "warning", "http://127.0.0.1:8095"), id="this machine"),
    pytest.param(way(ips=["100.64.0.1"]),
                 ("address-private", "warning", FRONT), id="a carrier's address"),
    pytest.param(way(address="http://localhost:8095", ips=["::1"]),
                 ("address-localhost", "error", "http://localhost:8095"), id="localhost"),
    pytest.param(way(address="http://relay.example", small=[], large=[], direct=[]),
                 ("address-plain", "error", "http://relay.example"), id="no TLS"),
    pytest.param(way(small=[unseen(0)], direct=[unseen(0)]),
                 ("relay-silent", "error", "127.0.0.1:8095"), id="no relay"),
    pytest.param(way(small=[unseen(0, "ClientConnectorDNSError")]),
                 ("ingress-unreachable", "error", HOOK), id="no way to the address"),
    pytest.param(way(small=[unseen(0)], direct=[]),
                 ("ingress-unreachable", "error", HOOK), id="no way to anything"),
    pytest.param(way(small=[unseen(301)]), ("ingress-redirected", "error", HOOK), id="a redirect"),
    pytest.param(way(small=[unseen(401)], direct=[unseen(401)]),
                 ("ingress-secret-refused", "error", HOOK), id="another secret"),
    pytest.param(way(small=[unseen(401)], direct=[]),
                 ("ingress-secret-refused", "error", HOOK), id="perhaps another secret"),
    pytest.param(way(small=[unseen(401)]),
                 ("ingress-headers-lost", "error", HOOK), id="the secret is lost on the way"),
    pytest.param(way(small=[small(seen=replace(SENT, lost=("User-Agent",)))]),
                 ("ingress-headers-lost", "warning", HOOK), id="another header is lost on the way"),
    pytest.param(way(small=[unseen(404)]), ("ingress-path-lost", "error", HOOK), id="another path"),
    pytest.param(way(small=[unseen(502)]), ("ingress-fails", "error", HOOK), id="a bad gateway"),
    pytest.param(way(small=[unseen(403)]), ("ingress-strange", "error", HOOK), id="a firewall"),
    pytest.param(way(small=[unseen(200, "It works!")]),
                 ("ingress-strange", "error", HOOK), id="another service"),
    pytest.param(way(small=[small(seen=Seen(100, "another"))]),
                 ("ingress-body-changed", "error", HOOK), id="a body is cut"),
    pytest.param(way(large=[small(seen=Seen(100, "another"))]),
                 ("ingress-large-body", "error", HOOK), id="a large body is cut"),
    pytest.param(way(large=[unseen(413)]),
                 ("ingress-large-body", "error", HOOK), id="a large body is refused"),
    pytest.param(way(small=[small(seconds=2.5)]),
                 ("ingress-slow", "warning", HOOK), id="a slow answer"),
    pytest.param(way(small=[small(seconds=5.5)]),
                 ("ingress-slow", "error", HOOK), id="an answer that comes too late"),
    pytest.param(way(large=[small(seconds=5.5)]),
                 ("ingress-slow", "warning", HOOK), id="a slow answer to a large body"),
]  # fmt: skip


def expected() -> Iterator[tuple[str, str, str]]:
    return (one.values[1] for one in FAULTS)


@pytest.mark.parametrize(("facts", "expected"), FAULTS)
def test_a_fault_is_found(facts: Facts, expected: tuple[str, str, str]) -> None:
    assert expected in told(facts)
    assert {level for name, level, _ in told(facts) if name == expected[0]} == {expected[1]}


def test_a_healthy_set_up_has_none() -> None:
    assert found(facts()) == []


def test_what_nobody_looked_at_is_not_found_wrong() -> None:
    assert found(Facts(config=facts().config)) == []


def test_every_finding_has_a_set_up_that_shows_it() -> None:
    assert {name for name, _, _ in expected()} == set(get_args(Name))


def test_each_finding_is_two_lines_and_no_secret() -> None:
    for fault in FAULTS:
        for one in found(fault.values[0]):
            for text in (one.where, one.problem, one.remedy):
                assert text
                assert text.isprintable()
                assert SECRET not in text
                assert "café" not in text


def test_who_cannot_be_reached_is_told_once() -> None:
    silent = way(small=[unseen(0)], large=[unseen(0)], direct=[unseen(0)])
    assert [one.name for one in found(silent)] == ["relay-silent"]
    lost = way(small=[unseen(502)], large=[unseen(502)])
    assert [one.name for one in found(lost)] == ["ingress-fails"]


def test_a_network_is_named_as_misskey_wants_it() -> None:
    (one,) = found(way(ips=["10.0.0.1", "fd00::1", "93.184.216.34"]))
    assert "allowedPrivateNetworks: ['10.0.0.1/32', 'fd00::1/128']" in one.remedy


def test_a_misspelt_kind_is_told_once() -> None:
    text = f"""
hooks: {{alice: {{secret: {SECRET}}}}}
sinks: {{team: {{type: console}}}}
routes: [{{match: {{event: [mentoin, quote]}}, to: team}}]
"""
    read = config.parse(text, file="config.yaml", base=Path(), environ={})
    assert [one.name for one in found(Facts(config=read))] == ["config-doubtful"] * 2


def test_a_large_configuration_is_looked_at_as_well() -> None:
    hooks = {f"h{n}": {"secret": f"{SECRET}{n}"} for n in range(5_000)}
    routes = [{"match": {"hook": f"h{n}"}, "to": "team"} for n in range(5_000)]
    assert found(facts(hooks=hooks, routes=routes)) == []


def test_what_is_wrong_comes_first() -> None:
    both = route(match={"event": ["reaction"]}, unless={})
    assert [one.level for one in examine(both)["routes"]] == [Level.ERROR, Level.WARNING]


@pytest.mark.parametrize(
    "healthy",
    [
        pytest.param(secret("0123456789abcdef"), id="sixteen characters"),
        pytest.param(secret("x" * 1024), id="the longest secret"),
        pytest.param(route(match={"event": ["follow", "mention"]} | NOTES), id="also notes"),
        pytest.param(route(match={"event": "follow", "author": "bob", "bot": False}), id="users"),
        pytest.param(route(match=NOTES, unless={"author": "bob"}), id="some are excepted"),
        pytest.param(route(match=NOTES, unless=NOTES | {"bot": True}), id="bots are excepted"),
        pytest.param(route(match={"server": "misskey.example"}), id="the hook's server"),
        pytest.param(
            replace(facts(), config=config.Config.model_validate(
                BASE | {"hooks": {"any": {"secret": SECRET}},
                        "routes": [{"match": {"server": "other.example"}, "to": "team"}]})),
            id="a server of a hook that takes any"),
        pytest.param(file("a secret"), id="a secret of its own"),
        pytest.param(disk(kind=""), id="a file system of which nothing is known"),
        pytest.param(
            stock(closed=[replace(CLOSED, name="gone")]), id="a closed sink that was removed"),
        pytest.param(stock(counts={("gone", "delivered"): 2}), id="a sink that had been served"),
        pytest.param(vendor(DISCORD, Sent()), id="a vendor that is content"),
        pytest.param(account(Account(session="relay", is_limited=False)), id="a free account"),
        pytest.param(account(Account()), id="an account of which nothing is known"),
        pytest.param(account(Account(is_limited=True), rate="1/5s"), id="a pace that was chosen"),
        pytest.param(
            account(Account(is_limited=True), rate="unlimited"), id="a limit that was lifted"),
        pytest.param(server(), id="a server as it should be"),
        pytest.param(server(calls_itself=""), id="a server that tells no name"),
        pytest.param(reports(HOME), id="a new server"),
        pytest.param(way(), id="a way on which nothing is lost"),
        pytest.param(way(large=[small(seconds=4.5)]), id="a large body that takes its time"),
        pytest.param(way(direct=[]), id="a door that only the web server reaches"),
        pytest.param(way(direct=[unseen(0)]), id="a door on another machine"),
        pytest.param(
            replace(way(ips=["10.0.0.1"]), servers=[replace(HOME, version="2024.10.1")]),
            id="a private address and an old server"),
        pytest.param(facts(listen="0.0.0.0:8095"), id="a door for everybody"),
        pytest.param(facts(listen="unix:/run/relay.sock"), id="a socket"),
        pytest.param(clocks(a=29.0, b=-300.0, c=1.0), id="one wrong clock among others"),
    ],
)  # fmt: skip
def test_what_is_right_is_not_found(healthy: Facts) -> None:
    assert found(healthy) == []
