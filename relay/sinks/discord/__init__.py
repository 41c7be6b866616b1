"""Discord: webhooks."""

from relay.sinks.discord.address import KNOWN
from relay.sinks.discord.errors import is_discords

__all__ = ["KNOWN", "is_discords"]
