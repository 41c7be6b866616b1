"""
What operators see, on an address of its own: never on the public door.

door, guard, entry, lock, session   who may come in
page, form, operation, reason       what pages are made of, and what they are about
deliveries, search, telling         the pages on deliveries
live, bell                          what changes on them while they are looked at
standings, tally, dead              the pages on sinks, and on dead letters
playground, settings                what if, and what is
drawing                             messages, as the chats show them

``door`` is imported by whoever opens it: a relay without the page carries none of this.
"""

from relay.web.bell import Bell
from relay.web.operation import Advice, Lap, Operation
from relay.web.tally import Tally

__all__ = ["Advice", "Bell", "Lap", "Operation", "Tally"]
