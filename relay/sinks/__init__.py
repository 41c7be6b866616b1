"""The ways out: one module a vendor. A new one is a module and a name in ``AnySink``."""

from typing import Annotated

from pydantic import Field

from relay.sinks import addresses, discord, errors, matrix, slack
from relay.sinks.base import Layout, Payload, Sink, SinkSettings
from relay.sinks.console import ConsoleSettings
from relay.sinks.discord.settings import DiscordSettings
from relay.sinks.matrix.settings import MatrixSettings
from relay.sinks.slack.settings import SlackSettings

AnySink = Annotated[
    DiscordSettings | SlackSettings | MatrixSettings | ConsoleSettings, Field(discriminator="type")
]

addresses.learn("discord", discord.KNOWN)
addresses.learn("slack", slack.KNOWN, slack.TOKENS)
addresses.learn("matrix", matrix.KNOWN, matrix.TOKENS)
errors.learn("Matrix", matrix.is_matrixs)
errors.learn("Discord", discord.is_discords)
errors.learn("Slack", slack.is_slacks)

__all__ = ["AnySink", "Layout", "Payload", "Sink", "SinkSettings"]
