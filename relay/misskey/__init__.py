"""
Misskey's webhooks: headers and bytes in, an ``Event`` or an error out. No I/O.

wire            authenticate, parse: the envelope, and which kinds there are
entity, member  the objects in it, and their members: each by its type, or not at all;
                ``calendar`` what a note invites to
probe           a body that tests the way to relay, and is no event
sample          a real event of each kind
"""

from relay.misskey.webhook import (
    KINDS,
    MODERATION_KINDS,
    NOTE_KINDS,
    USER_KINDS,
    authenticate,
    origin,
    parse,
    sender,
)

__all__ = [
    "KINDS",
    "MODERATION_KINDS",
    "NOTE_KINDS",
    "USER_KINDS",
    "authenticate",
    "origin",
    "parse",
    "sender",
]
