"""Matrix: the client-server API."""

from relay.sinks.matrix.address import KNOWN, TOKENS
from relay.sinks.matrix.errors import is_matrixs

__all__ = ["KNOWN", "TOKENS", "is_matrixs"]
