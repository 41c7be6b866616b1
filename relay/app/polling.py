"""Builds the pollers of a configuration: which lists are asked for, for which hook."""

from collections.abc import Awaitable, Callable, Collection, Iterator, Sequence
from dataclasses import dataclass

import aiohttp

from relay.config import Config
from relay.config.settings import RouteSettings
from relay.outbox import Outbox
from relay.polling.client import MisskeyClient
from relay.polling.lists import ASKED_BY_NAME, NOTIFICATIONS, PolledList
from relay.polling.poller import OnStep, PollConfig, Poller
from relay.polling.polls import group


@dataclass(frozen=True, slots=True, kw_only=True)
class PollerFactory:
    """Makes the pollers of a configuration; see ``Poller``."""

    outbox: Outbox
    session: aiohttp.ClientSession
    check_room: Callable[[], Awaitable[None]]
    on_polled: Callable[[], None]
    on_step: OnStep
    clock: Callable[[], int]

    def pollers(self, config: Config) -> Sequence[Poller]:
        return [
            Poller(
                poll_config,
                MisskeyClient(hook.server, hook.token, self.session),
                self.outbox,
                check_room=self.check_room,
                on_polled=self.on_polled,
                on_step=self.on_step,
                clock=self.clock,
            )
            for poll_config in poll_configs(config)
            if (hook := config.hooks[poll_config.hook]).token is not None
        ]


def poll_configs(config: Config) -> Iterator[PollConfig]:
    """One for each list of each hook with a token."""
    for name, hook in config.hooks.items():
        if hook.token is None:
            continue
        for polled in polled_lists(name, config.routes):
            yield PollConfig(
                hook=name,
                server=hook.server,
                list=polled,
                interval=hook.poll_interval,
                types=frozenset(hook.notifications),
            )


def polled_lists(hook: str, routes: Sequence[RouteSettings]) -> Iterator[PolledList]:
    """
    The lists that routes ask for.

    Own notes and what is for moderators must be named: a webhook for mentions brings neither, and
    most tokens may not ask for reports.
    """
    matches = (route.match for route in routes)
    matching = [match for match in matches if match.hook is None or hook in match.hook]
    named = {kind for match in matching for kind in match.event or ()}
    by_name = [polled for polled in ASKED_BY_NAME if polled.kinds & named]
    others = named.difference(*(polled.kinds for polled in by_name))
    if others or any(match.event is None for match in matching) or not matching:
        yield NOTIFICATIONS
    yield from by_name


def groups(config: Config) -> Sequence[Collection[str]]:
    """The hooks with a token, as groups that the outbox assigns to processes like sinks."""
    return [[group(name)] for name, hook in config.hooks.items() if hook.token is not None]
