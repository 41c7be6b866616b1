"""The ways out, as the vendors see them."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from relay.config.settings import RouteSettings
from relay.doctor.facts import Account, Facts, Server
from relay.doctor.findings import Finding, Name, error, warning
from relay.sinks import AnySink


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What a vendor's words mean, and what mends it."""

    words: str
    name: Name
    remedy: str


ANY = (
    Diagnosis(
        "answers here, not|a webhook answers here",
        "sink-elsewhere",
        "copy the address again from where the sink's type says: it is that of another service",
    ),
    Diagnosis(
        "it sends us to",
        "sink-moved",
        "write the address to which it sends, if that is the vendor's own",
    ),
)
DISCORD = (
    Diagnosis(
        "50006|220004",
        "discord-address-form",
        "take /slack or /github away from the end of the webhook's address",
    ),
    Diagnosis(
        "22000[123]|40058",
        "discord-forum",
        "set thread_name (or thread_id) for a forum channel, and no thread_name for another",
    ),
    Diagnosis(
        "4006[67]|10087",
        "discord-tags",
        "set tags to ids of the forum's tags: right-click one, Copy ID",
    ),
    Diagnosis(
        "50083|160005",
        "discord-thread-closed",
        "open the thread again, or set thread_id to another",
    ),
    Diagnosis(
        "16000[67]",
        "discord-threads-full",
        "close threads of the server, or set thread_id to one that is there",
    ),
    Diagnosis(
        "10003|10004|10015",
        "discord-webhook-deleted",
        "make a new webhook in the channel's settings, and write its address under url",
    ),
    Diagnosis(
        "50027|401",
        "discord-webhook-wrong",
        "copy the webhook's whole address from the channel's settings again",
    ),
)
# https://docs.slack.dev/reference/methods/chat.postMessage#errors
SLACK = (
    Diagnosis(
        "starts a workflow",
        "slack-workflow",
        "add an incoming webhook to the app, and write its address under url",
    ),
    Diagnosis(
        "channel_is_archived|is_archived",
        "slack-channel-archived",
        "take the channel out of the archive, or name another",
    ),
    Diagnosis(
        "not_in_channel|channel_not_found",
        "slack-not-in-channel",
        "write /invite @ and the app's name in the channel; channel takes the channel's id",
    ),
    Diagnosis(
        "invalid_auth|not_authed|token_revoked|token_expired|account_inactive",
        "slack-token-invalid",
        "install the app to the workspace again, and take its new Bot User OAuth Token",
    ),
    Diagnosis(
        "missing_scope",
        "slack-scope-missing",
        "add chat:write under OAuth & Permissions, and install the app again",
    ),
    Diagnosis(
        "no_service|no_team|no_active_hooks|invalid_token|action_prohibited",
        "slack-webhook-gone",
        "add a new one under the app's Incoming Webhooks, and write its address under url",
    ),
)
BASE_URL = "write the base_url that https://your.server/.well-known/matrix/client names"
MATRIX = (
    Diagnosis(
        "M_UNKNOWN_TOKEN|M_MISSING_TOKEN",
        "matrix-token-invalid",
        "its session was logged out: log the account in again, and take the new access token",
    ),
    Diagnosis(
        "is encrypted",
        "matrix-room-encrypted",
        "make a new room without encryption: no room can be decrypted",
    ),
    Diagnosis(
        "was upgraded",
        "matrix-room-upgraded",
        "set room to the new one, or to an alias that follows it, and invite the account there",
    ),
    Diagnosis(
        "is muted",
        "matrix-muted",
        "raise the account's power level in the room's settings, or let everybody speak",
    ),
    Diagnosis(
        "M_FORBIDDEN|is not in",
        "matrix-not-in-room",
        "invite the account to the room, and check the room's id: relay enters by itself",
    ),
    Diagnosis(
        "M_NOT_FOUND",
        "matrix-room-unknown",
        "copy the room's address again; its internal id (!...) never changes",
    ),
    Diagnosis(
        "M_UNRECOGNIZED|30[1278]|40[45]",
        "matrix-homeserver-wrong",
        BASE_URL,
    ),
)
DIAGNOSES: dict[str, Sequence[Diagnosis]] = {
    "discord": DISCORD,
    "slack": SLACK,
    "matrix": MATRIX,
}

PAGE = re.compile("cannot be reached: (30[1278]|40[45]) ")
"""What a web server says that knows nothing of the paths of Matrix."""

# Names that clients give to the sessions of people.
CLIENTS = re.compile(
    r"(?i)element|schildichat|cinny|fluffychat|nheko|neochat|fractal|hydrogen|quaternion|gomuks"
)


def check_sinks(facts: Facts) -> Iterator[Finding]:
    for name, trouble in facts.sinks.items():
        if trouble is not None:
            yield _diagnosed(f"sink {name}", facts.config.sinks[name], trouble)
    for name, account in facts.accounts.items():
        yield from _account(f"sink {name}", facts.config.sinks[name], account)


def _diagnosed(where: str, sink: AnySink, trouble: str) -> Finding:
    """What is behind the words of a sink's own check."""
    if trouble.startswith("asks us to wait"):
        return warning("sink-limited", where, trouble, "ask again later; relay itself waits")
    if sink.type == "matrix" and PAGE.match(trouble):
        return error("matrix-homeserver-wrong", where, trouble, BASE_URL)
    if trouble.startswith("cannot be reached"):
        remedy = "check the address, and this machine's way to it: DNS, firewall, proxy"
        return error("sink-unreachable", where, trouble, remedy)
    for known in (*ANY, *DIAGNOSES.get(sink.type, ())):
        if re.search(rf"\b(?:{known.words})\b", trouble):
            return error(known.name, where, trouble, known.remedy)
    remedy = "look up these words in the vendor's documentation, then check what the sink says"
    return error("sink-refuses", where, trouble, remedy)


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
    found = re.match(r"(\d+)\.(\d+)\.(\d+)", server.version)
    return tuple(map(int, found.groups())) if found else ()
