"""
Events that belong together: Misskey tells one happening several times. Pure.

A reply fires ``reply`` and ``mention``, two hooks bring the same note twice, an unfollow of a
remote user comes twice. Of those a sink gets one message, by the kind that tells most.
"""

import hashlib

from relay.model import Event, Note, Sibling

TELLING = ("note", "mention", "renote", "reply", "edited")  # the more telling kind comes later
DAY = 86_400_000  # milliseconds
UNFOLLOW_WITHIN = 10_000  # the second one came after 56 to 132


def sibling(event: Event) -> Sibling | None:
    """What an event has in common with those that tell the same; None if nothing else can."""
    note, user, report = event.note, event.user, event.report
    if event.is_test:  # every test has the same ids
        return None
    if note is not None and note.id and event.kind in TELLING:
        key = f"note {event.server} {note.id} {hash_of(note)}"
        return Sibling(key=key, rank=TELLING.index(event.kind), within=DAY)
    if report is not None and report.id:
        return Sibling(key=f"{event.kind} {event.server} {report.id}", within=DAY)
    if event.kind == "unfollow" and user is not None and user.id:
        key = f"unfollow {event.server} {event.hook} {user.id}"
        return Sibling(key=key, within=UNFOLLOW_WITHIN)
    return None


def hash_of(note: Note) -> str:
    """
    A digest of what the author wrote: an edited note is another happening.

    What readers did with a note, such as reactions, is no edit.
    """
    choices = tuple(choice.text for choice in note.poll.choices) if note.poll is not None else ()
    said = (note.text, note.cw, tuple(file.id for file in note.files), choices)
    return hashlib.sha256(repr(said).encode(errors="surrogatepass")).hexdigest()[:16]
