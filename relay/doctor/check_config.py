"""The ways in, as configured: the secrets, and what is taken."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from relay import misskey, password
from relay.config import Config
from relay.config.crosscheck import VERY_CLOSE
from relay.config.settings import HookSettings, RouteSettings
from relay.doctor.facts import Facts
from relay.doctor.findings import Finding, advice, wrong
from relay.routing.match import KEYS, Match
from relay.secret import Secret
from relay.suggestion import nearest

SHORT_SECRET = 16  # characters
LONG_SECRET = 1024  # characters: Misskey takes no more
# The largest webhook that was seen had 187 kB, and quotes nest without limit.
SMALL = 256 * 1024

RENEW = "make a new one with `openssl rand -hex 24`, and write it here and into Misskey's form"


def check_hooks(facts: Facts) -> Iterator[Finding]:
    config = facts.config
    for name, hook in config.hooks.items():
        for secret in hook.secret:
            yield from about_secret(f"hook {name}", secret)
    yield from _shared({name: hook.secret for name, hook in config.hooks.items()})
    if config.max_body < SMALL:
        yield advice(
            "max-body-small",
            "max_body",
            f"it is {config.max_body} bytes, and webhooks of 187 kB have been seen",
            "leave it out: the default is 4MiB",
        )


def about_secret(where: str, secret: Secret) -> Iterator[Finding]:
    """What one secret is like; nothing of it is told."""
    text = secret.reveal()
    bare = text.strip()
    if not is_sendable(bare):
        what = "its secret has characters that no HTTP header can hold: Misskey never sends such"
        yield wrong("secret-characters", where, f"{what} a webhook", RENEW)
    elif not bare.isascii():
        what = "its secret is not ASCII: proxies may change it on the way"
        yield advice("secret-characters", where, what, RENEW)
    if text != bare:
        what = "its secret has blanks at its ends, which HTTP strips and relay ignores"
        yield advice("secret-blanks", where, what, "write it without them, here and in Misskey")
    if len(bare) < SHORT_SECRET:
        what = f"its secret has less than {SHORT_SECRET} characters: it could be guessed"
        yield advice("secret-short", where, what, RENEW)
    if len(bare) > LONG_SECRET:
        what = f"its secret has more than {LONG_SECRET} characters, which Misskey does not take"
        yield wrong("secret-long", where, what, RENEW)


def is_sendable(secret: str) -> bool:
    """Node.js sends the printable characters of latin-1 in headers, and refuses all others."""
    return all(
        letter == "\t" or " " <= letter <= "~" or "\x80" <= letter <= "\xff"
        for letter in secret.strip()
    )


def _shared(secrets: Mapping[str, Sequence[Secret]]) -> Iterator[Finding]:
    first: dict[Secret, str] = {}
    for hook, its in secrets.items():
        for other in sorted({first.setdefault(secret, hook) for secret in its} - {hook}):
            what = f"the hook {other} has the same secret: who knows it comes in by both"
            yield advice("secret-shared", f"hook {hook}", what, RENEW)


def check_routes(facts: Facts) -> Iterator[Finding]:
    config = facts.config
    for warning in config.warnings:
        where, _, what = warning.partition(": ")
        remedy = "change it in the file, or leave it if it is meant so"
        yield advice("config-doubtful", where, what, remedy)
    for number, route in enumerate(config.routes, start=1):
        where = f"route {route.name or f'#{number}'}"
        yield from _kinds(where, route.match.event or frozenset())
        if reason := _never(route, config.hooks):
            remedy = "correct its conditions: all keys of match have to hold, and none of unless"
            yield wrong("route-never-matches", where, f"no event matches it: {reason}", remedy)
        yield from _gates(where, route, config)
    yield from _unrouted(config)


def _kinds(where: str, kinds: frozenset[str]) -> Iterator[Finding]:
    """Kinds that a route waits for in vain."""
    for kind in sorted(kinds):
        row = misskey.kind_of(kind)
        if not row.is_sent and row.sent_instead is None:
            what = f"Misskey lets webhooks ask for {kind} events, and never sends one"
            remedy = f"take {kind} out of match, unless the server is Iceshrimp-JS or Firefish"
            yield advice("reaction-routed", where, what, remedy)
        elif not row.is_sent:
            what = f"no server sends {kind}, though it can be ticked"
            yield advice("kind-never-sent", where, what, f"match {row.sent_instead} instead")
        elif kind not in misskey.KINDS and not _is_misspelt(kind):
            what = f"no server that relay knows sends {kind}"
            remedy = "look for the right name in config.example.yaml, unless your fork has it"
            yield advice("kind-unknown", where, what, remedy)


def _is_misspelt(kind: str) -> bool:
    """Whether the configuration's own warnings tell of it."""
    return kind == "quote" or nearest(kind, misskey.KINDS, cutoff=VERY_CLOSE) is not None


def _never(route: RouteSettings, hooks: Mapping[str, HookSettings]) -> str | None:
    """Why a route can match nothing; None if it can."""
    match, unless = route.match, route.unless
    if unless is not None and _covers(unless, match):
        return "unless holds wherever match does"
    asked = [name for name in match.conditions if KEYS[name].is_of_note]
    if asked and match.event is not None and _are_noteless(match.event):
        return (
            f"{', '.join(sorted(match.event))} come without a note, and only notes have {asked[0]}"
        )
    if match.server is not None:
        servers = _servers(match.hook, hooks)
        if servers is not None and not match.server & servers:
            return "the server is none whose events its hooks take"
    return None


def _are_noteless(kinds: Iterable[str]) -> bool:
    """Whether no event of these kinds has a note; one of an unknown kind may."""
    return all(kind in misskey.KINDS and not misskey.KINDS[kind].has_note for kind in kinds)


def _covers(unless: Match, match: Match) -> bool:
    """Whether the one holds for all events for which the other does, as far as can be told."""
    for key in KEYS:
        excepted, asked = getattr(unless, key), getattr(match, key)
        if excepted is None:
            continue
        if asked is None or not _within(asked, excepted):
            return False
    return True


def _within(asked: object, excepted: object) -> bool:
    if isinstance(asked, frozenset) and isinstance(excepted, frozenset):
        return asked <= excepted
    return asked == excepted


def _servers(
    asked: frozenset[str] | None, hooks: Mapping[str, HookSettings]
) -> frozenset[str] | None:
    """The hosts whose events can come by these hooks; None if any can."""
    origins = [hooks[name].server for name in asked or hooks]
    if not origins or not all(origins):
        return None
    return frozenset(origin.partition("://")[2] for origin in origins)


def _gates(where: str, route: RouteSettings, config: Config) -> Iterator[Finding]:
    """Notes that a route sends to a sink that shows only some of them."""
    asked = route.match.visibility or frozenset()
    for name in route.to:
        withheld = asked - config.sinks[name].visibility
        if withheld and withheld != asked:  # none at all is a warning of the configuration
            what = f"the sink {name} never shows its {' and '.join(sorted(withheld))} notes"
            remedy = f"add them to visibility at {name}, if all who read there may see them"
            yield advice("gate-narrower", where, what, remedy)


def _unrouted(config: Config) -> Iterator[Finding]:
    """Hooks whose events go nowhere."""
    if any(route.match.hook is None for route in config.routes):
        return
    routed = {name for route in config.routes for name in route.match.hook or ()}
    for name in config.hooks:
        if name not in routed:
            what = "no route takes its events"
            yield advice("hook-unrouted", f"hook {name}", what, "add a route, or remove the hook")


SHORT_PASSWORD = 12  # characters; who guesses has to wait longer each time


def check_page(facts: Facts) -> Iterator[Finding]:
    web = facts.config.web
    if web is not None and web.password is not None:
        yield from about_password(web.password)


def about_password(secret: Secret) -> Iterator[Finding]:
    """What the password is like; nothing of it is told. A hash does not say."""
    text = secret.reveal()
    if not text.startswith(password.PREFIX) and len(text) < SHORT_PASSWORD:
        what = f"its password has less than {SHORT_PASSWORD} characters: it could be guessed"
        yield advice("password-short", "web", what, "take a longer one")
