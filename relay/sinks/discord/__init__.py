"""Discord: webhooks."""

from relay.sinks.discord.address import KNOWN
from relay.sinks.discord.errors import REMEDIES, STORED_REASONS, is_discords
from relay.sinks.discord.markup import render
from relay.sinks.discord.preview import draw, usage
from relay.sinks.discord.settings import DiscordSettings
from relay.sinks.vendor import Vendor

DISCORD = Vendor(
    type="discord",
    name="Discord",
    settings=DiscordSettings,
    example={"url": "https://discord.invalid/webhooks/1/none"},
    markup=render,
    preview=draw,
    usage=usage,
    stored_reasons=STORED_REASONS,
    remedies=REMEDIES,
    addresses=KNOWN,
    speaks=is_discords,
)
