"""Slack: incoming webhooks, and bots."""

import json

from relay.sinks.slack.address import KNOWN, TOKENS
from relay.sinks.slack.errors import REMEDIES, STORED_REASONS, is_slacks
from relay.sinks.slack.markup import render
from relay.sinks.slack.preview import draw, usage
from relay.sinks.slack.settings import SlackSettings
from relay.sinks.vendor import Vendor

SLACK = Vendor(
    type="slack",
    name="Slack",
    settings=SlackSettings,
    example={"url": "https://slack.invalid/none"},
    markup=lambda tree: json.dumps(render(tree), ensure_ascii=False, indent=2),
    preview=draw,
    usage=usage,
    stored_reasons=STORED_REASONS,
    remedies=REMEDIES,
    addresses=KNOWN,
    tokens=TOKENS,
    speaks=is_slacks,
)
