"""The statements that only PostgreSQL has, each whole and with its reason."""

from relay.outbox.sql import COLUMNS, DELIVERY
from relay.outcome import MAY_HAVE_ARRIVED, STILL_SHOWN, WITHHELD

# In the same order everywhere, so that two processes never deadlock over the same events. But they
# are routed in the order in which they came.
JOURNAL = """
WITH entry AS (
    SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::bigint[],
                         $6::bigint[], $7::bytea[], $8::text[])
        WITH ORDINALITY AS entry
        (hook, event_id, kind, server, created_at, accepted_at, raw, note_id, place)
), added AS (
    INSERT INTO event (hook, event_id, kind, server, created_at, accepted_at, raw)
    SELECT hook, event_id, kind, server, created_at, accepted_at, raw FROM entry
    ORDER BY event_id, hook
    ON CONFLICT (event_id, hook) DO NOTHING
    RETURNING id, hook, event_id
), waiting AS (
    INSERT INTO unrouted (event, note_id)
    SELECT id, note_id FROM added JOIN entry USING (hook, event_id) ORDER BY place
)
SELECT place FROM added JOIN entry USING (hook, event_id)
"""
ADD_EVENT = """
INSERT INTO event (hook, event_id, kind, server, created_at, accepted_at, raw)
VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (event_id, hook) DO NOTHING RETURNING id
"""
# Held until the transaction ends: processes take turns, so that events are routed in their order.
LOCK_JOURNAL = "SELECT pg_advisory_xact_lock($1)"
# At most so many events, and at most so many bytes, unless the first has more.
OLDEST_UNROUTED = """
SELECT id, hook, event_id, kind, server, created_at, accepted_at, raw, note_id FROM (
    SELECT *, sum(length(raw)) OVER (ORDER BY place) - length(raw) AS before FROM (
        SELECT event.*, note_id, unrouted.id AS place
        FROM unrouted JOIN event ON event.id = unrouted.event
        ORDER BY unrouted.id LIMIT $1) AS oldest
) AS summed
WHERE before < $2 ORDER BY place
"""
TAKE_UNROUTED = "DELETE FROM unrouted WHERE event = ANY($1::bigint[])"
SET_ROUTED = """
UPDATE event SET updated_at = routed.updated_at, restricts = routed.restricts,
       no_route = routed.no_route
FROM unnest($1::bigint[], $2::bigint[], $3::text[], $4::text[])
    AS routed (id, updated_at, restricts, no_route)
WHERE event.id = routed.id
"""
ADD_WITHHELD = """
INSERT INTO withheld (event, sink, reason)
SELECT * FROM unnest($1::bigint[], $2::text[], $3::text[])
"""
# Held until the transaction ends: two processes that store siblings decide one after the other.
LOCK_SUBJECTS = "SELECT pg_advisory_xact_lock(key) FROM unnest($1::bigint[]) AS key"
# The ids are assigned in the order of the rows: that is the order of the queue.
ADD_DELIVERIES = """
INSERT INTO delivery
    (event, sink, route, state, due_at, subject, version, rank, merged, edits, key, withdrawn)
SELECT event, sink, route, state, due_at, subject, version, rank, merged, edits, key, withdrawn
FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::text[],
            $7::text[], $8::bigint[], $9::bigint[], $10::bigint[], $11::text[],
            $12::boolean[])
    WITH ORDINALITY AS new
    (event, sink, route, state, due_at, subject, version, rank, merged, edits, key, withdrawn,
     place)
ORDER BY place
"""
# The last delivery of each sink and subject: posted, pending, or withheld.
LAST = f"""
SELECT requested.place, last.* FROM unnest($1::text[], $2::text[], $3::bigint[], $4::boolean[])
    WITH ORDINALITY AS requested (sink, subject, since, withdrawn, place)
CROSS JOIN LATERAL (
    SELECT delivery.id, event, route, version, rank, edits, created_at, updated_at,
           delivery.withdrawn, state = 'pending' AND batch IS NULL AS waits,
           state = 'dead' AND reason LIKE '{STILL_SHOWN}%' AS lost
    FROM delivery JOIN event ON event.id = delivery.event
    WHERE delivery.sink = requested.sink AND delivery.subject = requested.subject
      AND merged IS NULL AND created_at >= requested.since
      AND (state <> 'dead' OR reason LIKE '{WITHHELD}%' OR reason LIKE '{STILL_SHOWN}%'
           OR reason LIKE '{MAY_HAVE_ARRIVED}%' OR requested.withdrawn)
    ORDER BY delivery.id DESC LIMIT 1) AS last
"""  # noqa: S608
# By the same hook: another hook's secret changes nothing at sinks that no route of it names.
POSTED_SINKS = """
SELECT DISTINCT subject, hook, sink FROM delivery JOIN event ON event.id = delivery.event
WHERE subject = ANY($1::text[]) AND merged IS NULL
"""
# Not a delivery that was claimed since it was read.
REPLACE = """
UPDATE delivery SET event = new.event, route = new.route, version = new.version, rank = new.rank,
       key = new.key, withdrawn = new.withdrawn
FROM unnest($1::bigint[], $2::bigint[], $3::text[], $4::text[], $5::bigint[], $6::text[],
            $7::boolean[])
    AS new (id, event, route, version, rank, key, withdrawn)
WHERE delivery.id = new.id AND state = 'pending' AND batch IS NULL
RETURNING delivery.id
"""

# The head of the queue, due or not: a later delivery never overtakes a failed one. And all edits
# that wait for another attempt, however many come before them.
QUEUE = """
SELECT delivery.id, accepted_at, created_at, due_at, batch, edits,
       CASE WHEN batch IS NOT NULL THEN (
           SELECT at FROM attempt WHERE attempt.delivery = delivery.id
           ORDER BY attempt.id DESC LIMIT 1) END AS attempted_at, claimed, event
FROM (
    (SELECT * FROM delivery
     WHERE sink = $1 AND state = 'pending' AND (edits IS NULL OR batch IS NULL)
     ORDER BY id LIMIT $2)
    UNION ALL
    (SELECT * FROM delivery
     WHERE sink = $1 AND state = 'pending' AND batch IS NOT NULL AND edits IS NOT NULL
     ORDER BY due_at LIMIT $2)
) AS delivery JOIN event ON event.id = delivery.event
WHERE NOT EXISTS (SELECT 1 FROM closed_sink WHERE name = $1)
  AND NOT EXISTS (SELECT 1 FROM paused_sink WHERE name = $1)
ORDER BY delivery.id
"""
# Only in the state that was read: one of several processes that read it claims. And only while this
# node owns the lane: a node that acquires it waits for this transaction, and sees the claim. The
# vendor knows what a relay of the first schema has claimed by the ids of outbox and delivery; its
# deliveries get their keys here.
CLAIM = f"""
UPDATE delivery SET due_at = $4, claimed = true,
       attempt = attempt + CASE WHEN seen.claimed THEN 0 ELSE 1 END,
       crashes = crashes + CASE WHEN seen.claimed THEN 1 ELSE 0 END,
       batch = coalesce(delivery.batch, ($1::bigint[])[1]),
       key = coalesce(delivery.key, CASE WHEN delivery.batch IS NULL THEN seen.key
                                    ELSE (SELECT id FROM outbox) || '-' || delivery.id END)
FROM event, unnest($1::bigint[], $2::bigint[], $3::boolean[], $7::text[], $8::bigint[])
    AS seen (id, due_at, claimed, key, event)
WHERE delivery.id = seen.id AND delivery.due_at = seen.due_at AND state = 'pending'
  AND delivery.claimed = seen.claimed AND delivery.event = seen.event
  AND event.id = delivery.event
  AND ($6::bigint IS NULL
       OR EXISTS (SELECT 1 FROM lane WHERE lane.sink = $5 AND node = $6 FOR SHARE))
RETURNING {COLUMNS}, seen.claimed AS interrupted
"""  # noqa: S608
# Not a candidate that was replaced by a sibling, or claimed, since the head's claim named it.
EXTEND_CLAIM = """
UPDATE delivery SET due_at = $3, attempt = attempt + 1, claimed = true, batch = $4,
       key = candidate.key
FROM unnest($1::bigint[], $2::bigint[], $7::text[]) AS candidate (id, event, key)
WHERE delivery.id = candidate.id AND state = 'pending' AND batch IS NULL
  AND delivery.event = candidate.event
  AND ($6::bigint IS NULL
       OR EXISTS (SELECT 1 FROM lane WHERE lane.sink = $5 AND node = $6 FOR SHARE))
RETURNING delivery.id
"""
# Undoes a claim whose commit was not confirmed, and for which no request was made.
UNDO = """
UPDATE delivery SET due_at = before.due_at, claimed = before.claimed, batch = before.batch,
       attempt = attempt - CASE WHEN before.claimed THEN 0 ELSE 1 END,
       crashes = crashes - CASE WHEN before.claimed THEN 1 ELSE 0 END
FROM unnest($1::bigint[], $2::bigint[], $3::boolean[], $4::bigint[])
    AS before (id, due_at, claimed, batch)
WHERE delivery.id = before.id AND state = 'pending' AND delivery.claimed AND delivery.due_at = $5
"""
# Before a request that must not be repeated: whoever finds the mark knows that it may have arrived.
MARK_IN_DOUBT = """
UPDATE delivery SET in_doubt = true FROM unnest($1::bigint[], $2::bigint[]) AS claim (id, lease)
WHERE delivery.id = claim.id AND state = 'pending' AND claimed AND due_at = claim.lease
"""
# The lease is the fencing token: a process that lost it changes nothing. A failing sink is tried
# for weeks: the last attempts say as much as all.
SAVE = """
WITH saved AS (
    UPDATE delivery SET state = after.state, attempt = after.attempt, due_at = after.due_at,
           reason = after.reason, batch = after.batch, edits = after.edits,
           message = after.message, shares = cardinality($1::bigint[]), claimed = false,
           crashes = after.crashes, in_doubt = after.in_doubt, counts_at = after.counts_at
    FROM unnest($1::bigint[], $2::bigint[], $3::text[], $4::bigint[], $5::bigint[], $6::text[],
                $7::bigint[], $8::bigint[], $9::text[], $10::bigint[], $11::boolean[],
                $12::bigint[])
        AS after (id, lease, state, attempt, due_at, reason, batch, edits, message, crashes,
                  in_doubt, counts_at)
    WHERE delivery.id = after.id AND delivery.state = 'pending' AND claimed
      AND delivery.due_at = after.lease
    RETURNING delivery.id
), recorded AS (
    INSERT INTO attempt (delivery, at, took, outcome, reason)
    SELECT id, $13::bigint, $14::bigint, $15::text, $16::text FROM saved
    WHERE $15 IS NOT NULL ORDER BY id
), forgotten AS (
    DELETE FROM attempt WHERE id IN (
        SELECT older.id FROM saved CROSS JOIN LATERAL (
            SELECT id FROM attempt WHERE delivery = saved.id ORDER BY id DESC OFFSET $17 - 1
        ) AS older)
)
SELECT count(*) FROM saved
"""

SEVERAL = f"{DELIVERY} WHERE delivery.id = ANY($1::bigint[])"
NEWEST_EDITS = f"""
SELECT head, edit.* FROM unnest($1::bigint[], $2::bigint[]) AS requested (head, root)
CROSS JOIN LATERAL (
    {DELIVERY} WHERE edits = root AND delivery.id > head ORDER BY delivery.id DESC LIMIT 1) AS edit
"""  # noqa: S608
LAST_EDITS = f"""
SELECT DISTINCT ON (edits) {COLUMNS}, claimed AS interrupted
FROM delivery JOIN event ON event.id = delivery.event
WHERE edits = ANY($1::bigint[]) AND state = 'delivered'
ORDER BY edits, delivery.id DESC
"""  # noqa: S608

CLOSE = """
INSERT INTO closed_sink (name, reason, fingerprint, closed_at, probe_at)
SELECT $1, $2, $3, $4, $5
WHERE $6::bigint IS NULL OR EXISTS (SELECT 1 FROM lane WHERE sink = $1 AND node = $6)
ON CONFLICT (name) DO UPDATE SET reason = excluded.reason, fingerprint = excluded.fingerprint,
    closed_at = excluded.closed_at, probe_at = excluded.probe_at
"""
EXPEDITE_SINK = """
UPDATE delivery SET due_at = least(due_at, $2)
WHERE sink = $1 AND state = 'pending' AND batch IS NOT NULL AND NOT claimed
"""
# Not all: a note that a hundred events are about says the same in each.
RESTRICTIONS = """
SELECT has_unrouted, subject, hook, server, raw
FROM (SELECT EXISTS (SELECT 1 FROM unrouted WHERE note_id = ANY($2::text[])) AS has_unrouted)
    AS journal
LEFT JOIN (unnest($1::text[]) AS requested (subject) CROSS JOIN LATERAL (
    SELECT id, hook, server, raw FROM event WHERE restricts = subject ORDER BY id DESC LIMIT 50
) AS restricting) ON TRUE
ORDER BY id DESC
"""

# Keeps other processes from pruning the events meanwhile.
KEEP_EVENTS = """
SELECT 1 FROM event WHERE id IN (SELECT event FROM delivery WHERE id = ANY($1::bigint[]))
FOR KEY SHARE
"""
REVIVE = """
UPDATE delivery SET state = 'pending', attempt = 0, due_at = least(due_at, $2), claimed = false,
       crashes = 0, in_doubt = false, counts_at = NULL
WHERE id = ANY($1::bigint[]) AND state = 'dead'
RETURNING sink
"""
DROP = "DELETE FROM delivery WHERE id = ANY($1::bigint[]) AND state = 'dead'"
# In one transaction: both statements are on the disk once it is committed, and no other process
# sees either. Random bytes, because others are compressed. Each process has a row of its own, so
# that none waits for another.
TOUCH = """
WITH random AS (SELECT string_agg(uuid_send(gen_random_uuid()), '') AS bytes
                FROM generate_series(0, $2::bigint / 16))
INSERT INTO event (hook, event_id, kind, server, created_at, accepted_at, raw)
SELECT '', $1, '', '', 0, 0, bytes FROM random
"""
UNTOUCH = "DELETE FROM event WHERE event_id = $1 AND hook = ''"
# Locked first and checked again, because a dead letter can be revived in between. Events that
# another process prunes are left to it.
OLD_EVENTS = """
SELECT id FROM event WHERE id > $1 AND id <= $2 AND accepted_at < $3
AND NOT EXISTS (SELECT 1 FROM unrouted WHERE event = event.id)
AND NOT EXISTS (SELECT 1 FROM delivery WHERE event = event.id
                AND (state = 'pending' OR due_at >= $3))
FOR UPDATE SKIP LOCKED
"""
PRUNE = """
DELETE FROM event WHERE id = ANY($1::bigint[])
AND NOT EXISTS (SELECT 1 FROM delivery WHERE event = event.id
                AND (state = 'pending' OR due_at >= $2))
"""
