"""An event comes into SQLite: as new deliveries, or as more of what a sink was told before."""

import sqlite3
from collections.abc import Collection, Mapping
from typing import Any

from relay.model import Event, Sibling
from relay.outbox.sqlite import statement
from relay.sibling import Fate, fate


def accepted(
    db: sqlite3.Connection,
    event: Event,
    raw: bytes,
    sinks: Mapping[str, str],
    *,
    now: int,
    hold: int,
    sibling: Sibling | None,
    editing: Collection[str],
) -> bool:
    """See ``Outbox.accept``."""
    row = (event.hook, event.id, event.kind, event.server, event.created_at, now, raw)
    added = db.execute(statement.ADD_EVENT, row)
    if not added.rowcount:
        return False
    new: dict[str, Any] = {"event": added.lastrowid, "due_at": now + hold, "edits": None}
    if sibling is None:
        new |= {"subject": None, "version": None, "rank": 0}
        for sink, route in sinks.items():
            db.execute(statement.ADD_DELIVERY, new | {"sink": sink, "route": route})
        return True
    new |= {"subject": sibling.subject, "version": sibling.version, "rank": sibling.rank}
    routes: dict[str, str | None] = dict.fromkeys(_told(db, event, sibling, editing))
    for sink, chosen in (routes | {**sinks}).items():
        _add(db, new | {"sink": sink, "route": chosen}, event, sibling, now=now)
    return True


def _told(
    db: sqlite3.Connection, event: Event, sibling: Sibling, editing: Collection[str]
) -> list[str]:
    """Those of ``editing`` that were told of the subject by the event's hook."""
    if not editing:
        return []
    rows = db.execute(statement.SINKS_TOLD, (sibling.subject, event.hook))
    return [sink for (sink,) in rows if sink in editing]


def _add(
    db: sqlite3.Connection, new: dict[str, Any], event: Event, sibling: Sibling, *, now: int
) -> None:
    since = 0 if sibling.within is None else now - sibling.within
    wanted = {"sink": new["sink"], "subject": sibling.subject, "since": since}
    last = db.execute(statement.LAST, wanted).fetchone()
    if last is None:
        db.execute(statement.ADD_DELIVERY, new)
        return
    new["route"] = new["route"] or last["route"]
    match fate(
        sibling,
        created_at=event.created_at,
        version=last["version"],
        rank=last["rank"],
        told_at=last["created_at"],
        waits=bool(last["waits"]),
    ):
        case Fate.MERGED:
            db.execute(statement.ADD_MERGED, new | {"due_at": now, "merged": last["id"]})
        case Fate.REPLACES:
            db.execute(statement.REPLACE, new | {"id": last["id"]})
            earlier = {name: last[name] for name in ("event", "route", "version")}
            merged = new | earlier | {"due_at": now, "merged": last["id"]}
            db.execute(statement.ADD_MERGED, merged)
        case Fate.EDITS:
            root = last["id"] if last["edits"] is None else last["edits"]
            db.execute(statement.ADD_DELIVERY, new | {"edits": root})
