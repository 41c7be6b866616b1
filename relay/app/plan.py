"""
Builds the parts of relay that follow from its configuration, without listeners and outbox.

A reload replaces the plan as a whole, so that a start and a reload build the same.
"""

import hashlib
import json
from collections import defaultdict
from collections.abc import Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass

import aiohttp

from relay.app import polling
from relay.config import Config
from relay.delivery.lane_config import LaneConfig
from relay.delivery.policy import DeliveryPolicy
from relay.delivery.renderer import Renderer
from relay.i18n import Language
from relay.intake.rules import RoutingRules
from relay.intake.server import Hook, Hooks
from relay.model import Gate
from relay.routing.index import RouteIndex
from relay.routing.match import Route
from relay.secret import Secret
from relay.sinks import SinkSettings
from relay.sinks.pacing import Pace

RESTART_ONLY = ("listen", "web", "outbox", "proxy")
"""The keys whose changes need a restart."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The configuration as the parts of relay use it."""

    config: Config
    hooks: Hooks
    rules: RoutingRules
    lane_configs: Mapping[str, LaneConfig]
    """The settings of the lane of each sink, by name."""
    routes: Sequence[Route]
    renderer: Renderer
    groups: Sequence[Collection[str]]
    """
    The names that one process owns together: sinks that share a limit of their vendor, and hooks
    that are asked for.
    """
    paces: Mapping[Hashable, Pace]

    @classmethod
    def build(
        cls,
        config: Config,
        *,
        salt: str,
        session: aiohttp.ClientSession,
        before: "Plan | None" = None,
    ) -> "Plan":
        """
        Build the parts of a configuration.

        ``salt`` is the id of the outbox, with which fingerprints are hashed. The rate limits of the
        plan ``before`` are taken over, with the requests that count against them.
        """
        routes, paces = (
            config.compiled_routes(),
            _paces(config, {} if before is None else before.paces),
        )
        shared = renderer(config, routes)
        return cls(
            config=config,
            hooks=_hooks(config),
            rules=_rules(config, routes),
            lane_configs={
                name: LaneConfig(
                    sink=sink.open(session),
                    policy=policy(config, sink, pace=_pace(sink, paces)),
                    renderer=shared,
                    fingerprint=fingerprint(sink, salt=salt),
                )
                for name, sink in config.sinks.items()
            },
            routes=routes,
            renderer=shared,
            groups=[*_groups(config), *polling.groups(config)],
            paces=paces,
        )


@dataclass(slots=True)
class Running:
    """The plan in effect."""

    plan: Plan


def changed(before: Plan, after: Plan) -> Sequence[str]:
    """The sinks that are new or have other settings."""
    known = {name: lane_config.fingerprint for name, lane_config in before.lane_configs.items()}
    return [
        name
        for name, lane_config in after.lane_configs.items()
        if known.get(name) != lane_config.fingerprint
    ]


def restart_only(started: Config, config: Config) -> Sequence[str]:
    """The keys that have changed since the start, but need a restart."""
    return [key for key in RESTART_ONLY if getattr(started, key) != getattr(config, key)]


def renderer(config: Config, routes: Sequence[Route] | None = None) -> Renderer:
    """``routes``: those of the configuration, if the caller has compiled them already."""
    compiled = config.compiled_routes() if routes is None else routes
    servers = {name: hook.server for name, hook in config.hooks.items()}
    return Renderer(config.templates_in(), {route.name: route for route in compiled}, servers)


def policy(config: Config, sink: SinkSettings, *, pace: Pace | None = None) -> DeliveryPolicy:
    """``pace``: that of all sinks that count against the same limit of their vendor's."""
    return DeliveryPolicy(
        gate=sink.gate,
        display=sink.display,
        schedule=config.retry if sink.retry is None else sink.retry,
        resend=sink.resends,
        is_idempotent=sink.is_idempotent,
        hold=round(config.hold * 1000),
        pace=Pace(sink.pace) if pace is None else pace,
        language=Language(config.locale, sink.timezone or config.timezone),
    )


def fingerprint(sink: SinkSettings, *, salt: str) -> str:
    """A digest that changes with any setting of a sink, its secrets included."""

    def plain(value: object) -> object:
        if isinstance(value, Secret):
            return value.reveal()
        return sorted(value) if isinstance(value, frozenset) else str(value)

    written = json.dumps(sink.model_dump(), default=plain, sort_keys=True)
    return hashlib.sha256(f"{salt} {written}".encode()).hexdigest()


def _hooks(config: Config) -> Hooks:
    hooks = {
        name: Hook(name=name, secrets=hook.secret, server=hook.server)
        for name, hook in config.hooks.items()
        if hook.secret
    }
    return Hooks(by_name=hooks, max_body=config.max_body)


def _rules(config: Config, routes: Sequence[Route]) -> RoutingRules:
    gates = {name: sink.gate for name, sink in config.sinks.items()}
    alike: defaultdict[Gate, set[str]] = defaultdict(set)
    for name, gate in gates.items():
        alike[gate].add(name)
    return RoutingRules(
        table=RouteIndex(routes),
        server_bound=config.server_bound,
        gates=gates,
        alike=alike,
        hold=round(config.hold * 1000),
        log_content=config.log_content,
    )


def _paces(config: Config, known: Mapping[Hashable, Pace]) -> Mapping[Hashable, Pace]:
    """The paces by the keys of sinks and of vendors; requests count for all that share one."""
    keys = {key for sink in config.sinks.values() for key in (sink.pace_key, _vendor(sink))}
    return {key: known.get(key, Pace()) for key in keys}


def _pace(sink: SinkSettings, paces: Mapping[Hashable, Pace]) -> Pace:
    """A sink's own windows, though another one that shares its limit may keep to others."""
    vendor = paces[_vendor(sink)].under(sink.known_refusals)
    return paces[sink.pace_key].under(sink.pace, vendor=vendor)


def _vendor(sink: SinkSettings) -> Hashable:
    return "vendor", sink.vendor_key


def _groups(config: Config) -> Sequence[Collection[str]]:
    groups: dict[Hashable, list[str]] = {}
    for name, sink in config.sinks.items():
        groups.setdefault(sink.pace_key, []).append(name)
    return list(groups.values())
