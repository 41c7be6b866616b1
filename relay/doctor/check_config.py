"""Checks of the configuration: hooks and their secrets, routes, the page."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from relay import misskey, password
from relay.config import Config
from relay.config.checks import VERY_CLOSE
from relay.config.settings import HookSettings, RouteSettings
from relay.doctor.facts import Facts
from relay.doctor.findings import Finding, error, warning
from relay.misskey import notifications
from relay.routing.match import KEYS, Match
from relay.secret import Secret
from relay.suggestion import nearest

NOTIFIED = {notifications.KINDS.get(name, name): name for name in notifications.OTHERS}
"""By the kind of an event, the notification that it is made of."""
SHORT_SECRET = 16  # characters
LONG_SECRET = 1024  # characters: Misskey takes no more
# The largest webhook seen had 187 kB, and quotes nest without limit.
SMALL = 256 * 1024

RENEW = "make a new one with `openssl rand -hex 24`, and write it here and into Misskey's form"


def check_hooks(facts: Facts) -> Iterator[Finding]:
    config = facts.config
    for name, hook in config.hooks.items():
        for secret in hook.secret:
            yield from about_secret(f"hook {name}", secret)
    yield from _shared_secrets({name: hook.secret for name, hook in config.hooks.items()})
    if config.max_body < SMALL:
        yield warning(
            "max-body-small",
            "max_body",
            f"it is {config.max_body} bytes, and webhooks of 187 kB have been seen",
            "leave it out: the default is 4MiB",
        )


def about_secret(where: str, secret: Secret) -> Iterator[Finding]:
    """Findings on one secret. No finding contains a part of it."""
    text = secret.reveal()
    bare = text.strip()
    if not is_sendable(bare):
        problem = (
            "its secret has characters that an HTTP header cannot hold: Misskey cannot send it"
        )
        yield error("secret-characters", where, problem, RENEW)
    elif not bare.isascii():
        problem = "its secret is not ASCII: proxies may change it"
        yield warning("secret-characters", where, problem, RENEW)
    if text != bare:
        problem = "its secret begins or ends with blanks, which HTTP strips and relay ignores"
        yield warning("secret-blanks", where, problem, "write it without them, here and in Misskey")
    if len(bare) < SHORT_SECRET:
        problem = f"its secret has fewer than {SHORT_SECRET} characters: it could be guessed"
        yield warning("secret-short", where, problem, RENEW)
    if len(bare) > LONG_SECRET:
        problem = f"its secret has more than {LONG_SECRET} characters, and Misskey accepts no more"
        yield error("secret-long", where, problem, RENEW)


def is_sendable(secret: str) -> bool:
    """Node.js sends the printable characters of latin-1 in headers, and refuses all others."""
    return all(
        letter == "\t" or " " <= letter <= "~" or "\x80" <= letter <= "\xff"
        for letter in secret.strip()
    )


def _shared_secrets(secrets: Mapping[str, Sequence[Secret]]) -> Iterator[Finding]:
    first: dict[Secret, str] = {}
    for hook, own in secrets.items():
        for other in sorted({first.setdefault(secret, hook) for secret in own} - {hook}):
            problem = f"the hook {other} has the same secret: it opens both"
            yield warning("secret-shared", f"hook {hook}", problem, RENEW)


def check_routes(facts: Facts) -> Iterator[Finding]:
    config = facts.config
    for text in config.warnings:
        where, _, problem = text.partition(": ")
        remedy = "change it in the file, or ignore this if it is intended"
        yield warning("config-doubtful", where, problem, remedy)
    asked = {
        notifications.KINDS.get(name, name)
        for hook in config.hooks.values()
        for name in hook.notifications
    }
    for number, route in enumerate(config.routes, start=1):
        where = f"route {route.name or f'#{number}'}"
        yield from _kinds(where, (route.match.event or frozenset()) - asked)
        if reason := _never(route, config.hooks):
            remedy = "correct its conditions: all keys of match must hold, and unless must not"
            yield error("route-never-matches", where, f"no event matches it: {reason}", remedy)
        yield from _gates(where, route, config)
    yield from _unrouted(config)


def _kinds(where: str, kinds: frozenset[str]) -> Iterator[Finding]:
    """Findings on kinds that no server sends."""
    for kind in sorted(kinds):
        row = misskey.kind_of(kind)
        if not row.is_sent and row.sent_instead is None:
            problem = f"Misskey offers {kind} events to webhooks, and never sends one"
            remedy = (
                f"give a hook a token and `notifications: [{kind}]`, or remove {kind} from match, "
                "unless the server is Iceshrimp-JS or Firefish"
            )
            yield warning("reaction-routed", where, problem, remedy)
        elif not row.is_sent:
            problem = f"no server sends {kind}, although its form offers it"
            yield warning("kind-never-sent", where, problem, f"match {row.sent_instead} instead")
        elif kind in NOTIFIED:
            problem = f"no webhook brings {kind}, and no hook asks for it"
            remedy = f"give a hook a token and `notifications: [{NOTIFIED[kind]}]`"
            yield warning("kind-not-asked", where, problem, remedy)
        elif kind not in misskey.KINDS and not _is_misspelt(kind):
            problem = f"no server that relay knows sends {kind}"
            remedy = "look for the right name in config.example.yaml, unless your fork has it"
            yield warning("kind-unknown", where, problem, remedy)


def _is_misspelt(kind: str) -> bool:
    """Whether the configuration's own warnings report it."""
    return kind == "quote" or nearest(kind, misskey.KINDS, cutoff=VERY_CLOSE) is not None


def _never(route: RouteSettings, hooks: Mapping[str, HookSettings]) -> str | None:
    """The reason why a route cannot match any event; None if it can."""
    match, unless = route.match, route.unless
    if unless is not None and _covers(unless, match):
        return "unless holds whenever match does"
    note_keys = [name for name in match.conditions if KEYS[name].is_of_note]
    if note_keys and match.event is not None and _are_noteless(match.event):
        kinds = ", ".join(sorted(match.event))
        return f"{kinds} come without a note, and only notes have {note_keys[0]}"
    if match.server is not None:
        servers = _servers(match.hook, hooks)
        if servers is not None and not match.server & servers:
            return "its hooks accept no events of that server"
    return None


def _are_noteless(kinds: Iterable[str]) -> bool:
    """Whether events of these kinds never have a note; an unknown kind may have one."""
    return all(kind in misskey.KINDS and not misskey.KINDS[kind].has_note for kind in kinds)


def _covers(unless: Match, match: Match) -> bool:
    """Whether ``unless`` certainly holds for each event that ``match`` matches."""
    for key in KEYS:
        excluded, required = getattr(unless, key), getattr(match, key)
        if excluded is None:
            continue
        if required is None or not _within(required, excluded):
            return False
    return True


def _within(required: object, excluded: object) -> bool:
    if isinstance(required, frozenset) and isinstance(excluded, frozenset):
        return required <= excluded
    return required == excluded


def _servers(
    names: frozenset[str] | None, hooks: Mapping[str, HookSettings]
) -> frozenset[str] | None:
    """The hosts whose events these hooks accept; None for any host."""
    origins = [hooks[name].server for name in names or hooks]
    if not origins or not all(origins):
        return None
    return frozenset(origin.partition("://")[2] for origin in origins)


def _gates(where: str, route: RouteSettings, config: Config) -> Iterator[Finding]:
    """Findings on routes to sinks that show only some of the matched notes."""
    matched = route.match.visibility or frozenset()
    for name in route.to:
        withheld = matched - config.sinks[name].visibility
        if withheld and withheld != matched:  # the configuration itself warns if all are
            problem = f"the sink {name} never shows its {' and '.join(sorted(withheld))} notes"
            remedy = f"add them to visibility at {name}, if all its readers may see them"
            yield warning("gate-narrower", where, problem, remedy)


def _unrouted(config: Config) -> Iterator[Finding]:
    """Findings on hooks whose events no route matches."""
    if any(route.match.hook is None for route in config.routes):
        return
    routed = {name for route in config.routes for name in route.match.hook or ()}
    for name in config.hooks:
        if name not in routed:
            problem = "no route matches its events"
            yield warning(
                "hook-unrouted", f"hook {name}", problem, "add a route, or remove the hook"
            )


SHORT_PASSWORD = 12  # characters; each wrong guess makes the next one wait longer


def check_page(facts: Facts) -> Iterator[Finding]:
    web = facts.config.web
    if web is not None and web.password is not None:
        yield from about_password(web.password)


def about_password(secret: Secret) -> Iterator[Finding]:
    """Findings on a password that is not hashed. No finding contains a part of it."""
    text = secret.reveal()
    if not text.startswith(password.PREFIX) and len(text) < SHORT_PASSWORD:
        problem = f"its password has fewer than {SHORT_PASSWORD} characters: it could be guessed"
        yield warning("password-short", "web", problem, "choose a longer one")
