"""The sinks: a folder for each vendor. A new one is a folder, one import and one name here."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Union

from pydantic import Field

from relay.sinks import addresses, errors
from relay.sinks.apprise import APPRISE
from relay.sinks.base import Layout, Payload, Sink, SinkSettings
from relay.sinks.console import CONSOLE
from relay.sinks.discord import DISCORD
from relay.sinks.matrix import MATRIX
from relay.sinks.slack import SLACK
from relay.sinks.vendor import Vendor

VENDORS: Sequence[Vendor] = (DISCORD, SLACK, MATRIX, CONSOLE, APPRISE)

VENDOR_OF: Mapping[str, Vendor] = {vendor.type: vendor for vendor in VENDORS}
"""By the type of a sink."""

if TYPE_CHECKING:
    AnySink = SinkSettings
else:
    AnySink = Annotated[
        Union[tuple(vendor.settings for vendor in VENDORS)],  # noqa: UP007
        Field(discriminator="type"),
    ]

for _vendor in VENDORS:  # so that each recognizes what belongs to another
    addresses.register(_vendor.type, _vendor.addresses, _vendor.tokens)
    if _vendor.speaks is not None:
        errors.register(_vendor.name, _vendor.speaks)

__all__ = ["VENDORS", "VENDOR_OF", "AnySink", "Layout", "Payload", "Sink", "SinkSettings", "Vendor"]
