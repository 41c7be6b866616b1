"""``route``, ``preview``: what would become of an event. Nothing is sent."""

import sys
from argparse import Namespace
from collections.abc import Mapping
from typing import Any

from relay import app
from relay.commands.setting import PLACES, configuration, read_event, say, say_json, sink_of
from relay.config import Config
from relay.message import Message
from relay.model import Event
from relay.picture import picture
from relay.routing import admits, redacted, sinks_for
from relay.sinks import SinkSettings


def route(given: Namespace) -> int:
    config = configuration(given.config)
    event = read_event(given, config.hooks)
    routes = config.routes_with(config.templates_in())
    wanted = sinks_for(event, routes)
    passed = {name: by for name, by in wanted.items() if admits(config.sinks[name].gate, event)}
    if given.json:
        say_json({"sinks": passed, "withheld": sorted(wanted.keys() - passed.keys())})
    else:
        for name, by in wanted.items():
            told = (
                f"by route {by}" if name in passed else f"withheld: {_why_not(config, name, event)}"
            )
            say(f"{name}  {told}")
        for name in config.sinks.keys() - wanted.keys():
            say(f"{name}  no route matches")
    if given.expect is None:
        return 0
    expected = {name for name in given.expect.split(",") if name}
    if expected == passed.keys():
        return 0
    print(f"expected {given.expect}, got {','.join(passed) or 'none'}", file=sys.stderr)
    return 1


def _why_not(config: Config, name: str, event: Event) -> str:
    gate = config.sinks[name].gate
    if event.is_moderation and not gate.moderation:
        return "it is for moderators, and the sink has no moderation: true"
    if event.note is not None and event.note.visibility not in gate.visibility:
        return f"the sink may not show {event.note.visibility} notes"
    if event.note is not None and event.note.local_only and not gate.local_only:
        return "the note is local-only"
    return "Misskey itself hid the note"


def preview(given: Namespace) -> int:
    has_config = given.config is not None or any(place.exists() for place in PLACES)
    config = configuration(given.config) if has_config else _embedded()
    event = read_event(given, config.hooks)
    sinks = config.sinks if given.sink is None else {given.sink: sink_of(config, given.sink)}
    shown = {name: _preview(config, name, sink, event) for name, sink in sinks.items()}
    if given.json:
        say_json({name: payload for name, (_, payload) in shown.items()})
        return 0
    for name, (message, payload) in shown.items():
        if message is None:
            say(f"{name}: withheld: {_why_not(config, name, event)}")
            continue
        say(picture(message, name=name))
        say_json(payload)
    return 0


def _embedded() -> Config:
    """What previews show without a configuration: one sink of each vendor, all gates open."""
    open_gate = {"visibility": ["public", "home", "followers", "specified"]}
    common = {**open_gate, "local_only": True, "moderation": True}
    return Config.model_validate(
        {
            "sinks": {
                "discord": {"type": "discord", "url": "https://discord.invalid", **common},
                "slack": {"type": "slack", "url": "https://slack.invalid", **common},
                "matrix": {
                    "type": "matrix",
                    "homeserver": "https://matrix.invalid",
                    "room": "!room:matrix.invalid",
                    "token": "none",
                    **common,
                },
            }
        }
    )


def _preview(
    config: Config, name: str, sink: SinkSettings, event: Event
) -> tuple[Message | None, Mapping[str, Any] | None]:
    if not admits(sink.gate, event):
        return None, None
    press = app.press(config)
    by = sinks_for(event, config.routes_with(config.templates_in())).get(name, "")
    message = press.rendered(redacted(sink.gate, event), by, app.manner(config, sink))
    return message, sink.payload(message)  # type: ignore[attr-defined]
