"""``catch-up``: ask Misskey again for all events since a time."""

from argparse import Namespace

from relay.app import run as app
from relay.app.polling import poll_configs
from relay.cli.context import configuration_without_secrets, outbox_to_change, wake
from relay.cli.output import echo, warn
from relay.cli.parser import Commands, add, age
from relay.errors import ConfigError
from relay.polling.lists import RESOLUTIONS
from relay.polling.polls import group
from relay.polling.walk import rewound
from relay.suggestion import closest


async def catch_up(args: Namespace) -> int:
    config = configuration_without_secrets(args.config)
    if args.hook not in config.hooks:
        raise ConfigError(f"no hook is called {args.hook}{closest(args.hook, config.hooks)}")
    polled = [each for each in poll_configs(config) if each.hook == args.hook]
    if not polled:
        raise ConfigError(f"hooks.{args.hook}: has no token, by which relay could ask Misskey")
    since, names = app.unix_milliseconds() - args.since, list[str]()
    async with outbox_to_change(config) as outbox:
        for each in polled:
            before = await outbox.cursor(each.blank)
            if before is not None and each.list is not RESOLUTIONS:
                await outbox.journal_polled([], rewound(before, since=since), before=before)
                names.append(each.list.name)
    if not names:
        warn(f"{args.hook}: nothing was asked for yet: start relay, and try again")
        return 1
    echo(
        f"{args.hook}: asks again for {', '.join(names)}; {await wake(config, [group(args.hook)])}"
    )
    return 0


def add_command(commands: Commands) -> None:
    parser = add(
        commands,
        "catch-up",
        catch_up,
        about="ask Misskey again for the events since a time; none is sent twice",
        example="relay catch-up alice --since 2h",
    )
    parser.add_argument("hook", metavar="HOOK", help="the name of a hook with a token")
    parser.add_argument(
        "--since", type=age, metavar="AGE", required=True, help="at most so long ago, like 2h"
    )
