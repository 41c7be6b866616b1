"""The statements that only SQLite has, each whole and with its reason."""

from relay.outbox.sql import DELIVERY
from relay.outcome import MAY_HAVE_ARRIVED, STILL_SHOWN, WITHHELD

ADD_EVENTS = """
INSERT INTO event (hook, event_id, kind, server, created_at, accepted_at, raw)
VALUES {rows} ON CONFLICT (event_id, hook) DO NOTHING
"""
EVENTS_FROM = "SELECT id, hook, event_id FROM event WHERE id >= ?"
ADD_UNROUTED = "INSERT INTO unrouted (event, note_id) VALUES {rows}"
OLDEST_UNROUTED = """
SELECT id, hook, event_id, kind, server, created_at, accepted_at, raw, note_id
FROM unrouted JOIN event ON event.id = unrouted.event ORDER BY unrouted.event LIMIT ?
"""
TAKE_UNROUTED = "DELETE FROM unrouted WHERE event IN (VALUES {rows}) RETURNING event"
SET_ROUTED = """
WITH routed (id, updated_at, restricts, no_route) AS (VALUES {rows})
UPDATE event SET updated_at = routed.updated_at, restricts = routed.restricts,
       no_route = routed.no_route
FROM routed WHERE event.id = routed.id
"""
ADD_WITHHELD = "INSERT INTO withheld (event, sink, reason) VALUES {rows}"
ADD_DELIVERIES = """
INSERT INTO delivery
    (event, sink, route, state, due_at, subject, version, rank, merged, edits, key, withdrawn)
VALUES {rows}
"""
# The last delivery of each sink and subject: posted, pending, or withheld.
LAST = f"""
WITH requested (place, sink, subject, since, withdrawn) AS (VALUES {{rows}})
SELECT place, delivery.id, event, route, version, rank, edits, created_at, updated_at,
       delivery.withdrawn, state = 'pending' AND batch IS NULL AS waits,
       state = 'dead' AND reason LIKE '{STILL_SHOWN}%' AS lost
FROM requested CROSS JOIN delivery JOIN event ON event.id = delivery.event
WHERE delivery.id = (
    SELECT last.id FROM delivery AS last JOIN event ON event.id = last.event
    WHERE last.sink = requested.sink AND last.subject = requested.subject AND last.merged IS NULL
      AND created_at >= requested.since
      AND (last.state <> 'dead' OR last.reason LIKE '{WITHHELD}%'
           OR last.reason LIKE '{STILL_SHOWN}%' OR last.reason LIKE '{MAY_HAVE_ARRIVED}%'
           OR requested.withdrawn)
    ORDER BY last.id DESC LIMIT 1)
"""  # noqa: S608
# By the same hook: another hook's secret changes nothing at sinks that no route of it names.
POSTED_SINKS = """
SELECT DISTINCT sink FROM delivery JOIN event ON event.id = delivery.event
WHERE subject = ? AND merged IS NULL AND hook = ?
"""
REPLACE = """
UPDATE delivery SET event = ?, route = ?, version = ?, rank = ?, key = ?, withdrawn = ? WHERE id = ?
"""

# The head of the queue, due or not: a later delivery never overtakes a failed one. And all edits
# that wait for another attempt, however many come before them. The plus keeps SQLite off the index
# by sink: that contains the whole backlog, of which few deliveries were attempted.
QUEUE = """
SELECT delivery.id, accepted_at, created_at, due_at, batch, edits,
       CASE WHEN batch IS NOT NULL THEN (
           SELECT at FROM attempt WHERE attempt.delivery = delivery.id
           ORDER BY attempt.id DESC LIMIT 1) END AS attempted_at, claimed, event
FROM (
    SELECT * FROM (
        SELECT * FROM delivery
        WHERE sink = :sink AND state = 'pending' AND (edits IS NULL OR batch IS NULL)
        ORDER BY id LIMIT :lookahead)
    UNION ALL
    SELECT * FROM (
        SELECT * FROM delivery
        WHERE +sink = :sink AND state = 'pending' AND batch IS NOT NULL AND edits IS NOT NULL
        ORDER BY due_at LIMIT :lookahead)
) AS delivery JOIN event ON event.id = delivery.event
WHERE NOT EXISTS (SELECT 1 FROM closed_sink WHERE name = :sink)
  AND NOT EXISTS (SELECT 1 FROM paused_sink WHERE name = :sink)
ORDER BY delivery.id
"""
CLAIM = """
UPDATE delivery SET due_at = :due_at, claimed = 1, batch = coalesce(batch, :batch),
       attempt = attempt + 1 - claimed, crashes = crashes + claimed,
       key = coalesce(key, lower(hex(randomblob(12))))
WHERE id IN (SELECT value FROM json_each(:ids))
"""
# Not a candidate that was replaced by a sibling, or claimed, since the head's claim named it.
CLAIMABLE = """
SELECT delivery.id, event FROM delivery
WHERE id IN (SELECT value FROM json_each(?)) AND state = 'pending' AND batch IS NULL
"""
SEVERAL = f"{DELIVERY} WHERE delivery.id IN (SELECT value FROM json_each(?))"  # noqa: S608
# Before a request that must not be repeated: whoever finds the mark knows that it may have arrived.
MARK_IN_DOUBT = """
UPDATE delivery SET in_doubt = 1 WHERE id = ? AND state = 'pending' AND claimed = 1 AND due_at = ?
"""
# The lease is the fencing token: a process that lost it changes nothing.
SAVE = """
UPDATE delivery SET state = column3, attempt = column4, due_at = column5, reason = column6,
       batch = column7, edits = column8, message = column9, shares = ?, claimed = 0,
       crashes = column10, in_doubt = column11, counts_at = column12
FROM (VALUES {rows}) WHERE id = column1 AND state = 'pending' AND claimed = 1 AND due_at = column2
"""
ADD_ATTEMPTS = """
INSERT INTO attempt (delivery, at, took, outcome, reason)
SELECT value, ?, ?, ?, ? FROM json_each(?)
"""
# A failing sink is tried for weeks: the last attempts say as much as all.
FORGET_ATTEMPTS = """
DELETE FROM attempt WHERE delivery = ? AND id <= (
    SELECT id FROM attempt WHERE delivery = ? ORDER BY id DESC LIMIT 1 OFFSET ?)
"""

NEWEST_EDIT = f"""
{DELIVERY} WHERE edits = ? AND delivery.id > ? ORDER BY delivery.id DESC LIMIT 1
"""
LAST_EDIT = f"""
{DELIVERY} WHERE edits = ? AND state = 'delivered' ORDER BY delivery.id DESC LIMIT 1
"""

CLOSE = """
INSERT OR REPLACE INTO closed_sink (name, reason, fingerprint, closed_at, probe_at)
VALUES (?, ?, ?, ?, ?)
"""
# The plus keeps SQLite off the index by sink: see QUEUE.
EXPEDITE_SINK = """
UPDATE delivery SET due_at = min(due_at, :now)
WHERE state = 'pending' AND batch IS NOT NULL AND claimed = 0 AND +sink = :sink
"""
# Not all: a note that a hundred events are about says the same in each.
RESTRICTED = """
WITH requested (subject) AS (VALUES {rows})
SELECT subject, hook, server, raw FROM requested CROSS JOIN event
WHERE event.id IN (SELECT id FROM event WHERE restricts = subject ORDER BY id DESC LIMIT 50)
ORDER BY event.id DESC
"""
ARE_UNROUTED = "SELECT 1 FROM unrouted WHERE note_id IN (VALUES {rows}) LIMIT 1"

REVIVE = """
UPDATE delivery SET state = 'pending', attempt = 0, due_at = min(due_at, :now), claimed = 0,
       crashes = 0, in_doubt = 0, counts_at = NULL
WHERE id = :id AND state = 'dead'
"""
DROP = "DELETE FROM delivery WHERE id = ? AND state = 'dead'"
# Two commits, because a row that is deleted in the same one never gets to the disk. A row that
# stays, because relay was killed in between, is older than any retention.
TOUCH = """
INSERT OR REPLACE INTO event (id, hook, event_id, kind, server, created_at, accepted_at, raw)
VALUES ((SELECT ifnull(max(id), 0) + 1 FROM event), '', '', '', '', 0, 0, zeroblob(?))
"""
UNTOUCH = "DELETE FROM event WHERE event_id = '' AND hook = ''"
# From one sink to the next by the index, however many deliveries wait.
SINKS_WITH_BACKLOG = """
WITH RECURSIVE sinks (sink) AS (
    SELECT min(sink) FROM delivery
    UNION ALL
    SELECT (SELECT min(sink) FROM delivery WHERE sink > sinks.sink) FROM sinks
    WHERE sink IS NOT NULL)
SELECT sink FROM sinks
WHERE sink IS NOT NULL
  AND EXISTS (SELECT 1 FROM delivery WHERE sink = sinks.sink AND state = 'pending')
"""
PRUNE = """
DELETE FROM event WHERE id > :after AND id <= :last AND accepted_at < :before
AND NOT EXISTS (SELECT 1 FROM unrouted WHERE event = event.id)
AND NOT EXISTS (SELECT 1 FROM delivery WHERE event = event.id
                AND (state = 'pending' OR due_at >= :before))
"""
# Freed pages go back to the file system one by one: Python takes only the first step of a statement
# that has rows without columns, like this one.
FREE_PAGES = "PRAGMA freelist_count"
GIVE_BACK = "PRAGMA incremental_vacuum(1)"
