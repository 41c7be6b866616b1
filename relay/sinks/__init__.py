"""The ways out: one module a vendor. A new one is a module and a name in ``AnySink``."""

from typing import Annotated

from pydantic import Field

from relay.sinks import addresses, discord, errors, matrix, slack
from relay.sinks.base import Payload, Sink, SinkSettings
from relay.sinks.console import Console
from relay.sinks.discord.client import Discord
from relay.sinks.http import open_session
from relay.sinks.matrix.client import Matrix
from relay.sinks.slack.client import Slack

AnySink = Annotated[Discord | Slack | Matrix | Console, Field(discriminator="type")]

addresses.learn("discord", discord.KNOWN)
addresses.learn("slack", slack.KNOWN, slack.TOKENS)
addresses.learn("matrix", matrix.KNOWN, matrix.TOKENS)
errors.learn("Matrix", matrix.is_matrixs)
errors.learn("Discord", discord.is_discords)
errors.learn("Slack", slack.is_slacks)

__all__ = [
    "AnySink",
    "Discord",
    "Matrix",
    "Payload",
    "Sink",
    "SinkSettings",
    "Slack",
    "open_session",
]
