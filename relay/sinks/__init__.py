"""The ways out: one module a vendor. A new one is a module and a name in ``AnySink``."""

from typing import Annotated

from pydantic import Field

from relay.sinks.base import Payload, Settings, Sink, SinkSettings
from relay.sinks.console import Console
from relay.sinks.discord import Discord
from relay.sinks.http import open_session
from relay.sinks.matrix import Matrix
from relay.sinks.slack import Slack

AnySink = Annotated[Discord | Slack | Matrix | Console, Field(discriminator="type")]

__all__ = [
    "AnySink",
    "Discord",
    "Matrix",
    "Payload",
    "Settings",
    "Sink",
    "SinkSettings",
    "Slack",
    "open_session",
]
