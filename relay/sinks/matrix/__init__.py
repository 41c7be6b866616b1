"""Matrix: the client-server API."""

from relay.sinks.matrix.address import KNOWN, TOKENS
from relay.sinks.matrix.errors import REMEDIES, STORED_REASONS, is_matrixs
from relay.sinks.matrix.markup import render
from relay.sinks.matrix.preview import draw, usage
from relay.sinks.matrix.settings import MatrixSettings
from relay.sinks.vendor import Vendor

MATRIX = Vendor(
    type="matrix",
    name="Matrix",
    settings=MatrixSettings,
    example={
        "homeserver": "https://matrix.invalid",
        "room": "!room:matrix.invalid",
        "token": "none",
    },
    markup=render,
    preview=draw,
    usage=usage,
    stored_reasons=STORED_REASONS,
    remedies=REMEDIES,
    addresses=KNOWN,
    tokens=TOKENS,
    speaks=is_matrixs,
)
