"""
Misskey's webhooks: headers and bytes in, an ``Event`` or an error out. No I/O.

webhook   authenticates requests, parses the envelope of an event
kinds     the kinds of events: what each has, and for whom it is
entities  the objects of Misskey's API: notes, users, reports
fields    the fields of these objects: each by its type, or not at all
probe     the body by which `relay doctor` tests the way to relay; it is not an event
samples   a real event of each kind
"""

from relay.misskey.kinds import KINDS, EventKind, kind_of
from relay.misskey.webhook import authenticate, origin, parse, sender

__all__ = ["KINDS", "EventKind", "authenticate", "kind_of", "origin", "parse", "sender"]
