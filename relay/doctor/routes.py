"""The routes: what never comes, what never matches, and what a gate holds back."""

from collections.abc import Iterator, Mapping

from relay import misskey
from relay.config import Config
from relay.config.condition import MatchSettings
from relay.config.crosscheck import VERY_CLOSE
from relay.config.settings import HookSettings, RouteSettings
from relay.doctor.facts import Facts
from relay.doctor.finding import Finding, advice, wrong
from relay.suggestion import nearest

# https://github.com/misskey-dev/misskey/issues/13393
REACTION = "reaction"
# MisskeyIO offers three kinds of reports to user webhooks, and sends the last of them only.
NEVER_SENT = {"reportCreated": "reportAutoResolved", "reportResolved": "reportAutoResolved"}
NOTELESS = (misskey.USER_KINDS | misskey.MODERATION_KINDS) - misskey.NOTE_KINDS
OF_NOTES = ("visibility", "text", "tag", "has")
"""Conditions that only notes fulfil."""


def check(facts: Facts) -> Iterator[Finding]:
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
        if kind == REACTION:
            what = "Misskey lets webhooks ask for reactions, and never sends one"
            remedy = "take reaction out of match: no fork sends it either"
            yield advice("reaction-routed", where, what, remedy)
        elif kind in NEVER_SENT:
            what = f"no server sends {kind}, though it can be ticked"
            yield advice("kind-never-sent", where, what, f"match {NEVER_SENT[kind]} instead")
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
    asked = [key for key in OF_NOTES if getattr(match, key) is not None]
    if asked and match.event is not None and match.event <= NOTELESS:
        return (
            f"{', '.join(sorted(match.event))} come without a note, and only notes have {asked[0]}"
        )
    if match.server is not None:
        servers = _servers(match.hook, hooks)
        if servers is not None and not match.server & servers:
            return "the server is none whose events its hooks take"
    return None


def _covers(unless: MatchSettings, match: MatchSettings) -> bool:
    """Whether the one holds for all events for which the other does, as far as can be told."""
    for key in MatchSettings.model_fields:
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
