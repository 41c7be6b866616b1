"""
Misskey's webhooks: headers and bytes in, an ``Event`` or an error out. No I/O.

webhook   authenticates requests, parses events
envelope  opens the envelope of an event, which is read before the event is stored
ids       the time in an id, and the lowest id of a time
kinds     the kinds of events: what each has, and for whom it is
notifications  the types of notifications
entities  the objects of Misskey's API: notes, users, reports
fields    the fields of these objects: each by its type, or not at all
probe     the body by which `relay doctor` tests the way to relay; it is not an event
samples   a real event of each kind
"""

from relay.misskey.envelope import open_envelope, origin
from relay.misskey.kinds import KINDS, EventKind, kind_of
from relay.misskey.webhook import authenticate, parse, sender

__all__ = [
    "KINDS",
    "EventKind",
    "authenticate",
    "kind_of",
    "open_envelope",
    "origin",
    "parse",
    "sender",
]
