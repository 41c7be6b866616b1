"""What operators see, on an address of its own: never on the public door."""

from relay.web.door import door

__all__ = ["door"]
