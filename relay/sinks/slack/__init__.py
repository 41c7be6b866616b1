"""Slack: incoming webhooks, and bots."""

from relay.sinks.slack.address import KNOWN, TOKENS
from relay.sinks.slack.errors import is_slacks

__all__ = ["KNOWN", "TOKENS", "is_slacks"]
