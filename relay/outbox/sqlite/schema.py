"""The tables of the SQLite outbox, and the migrations from each version to the next."""

import secrets
import sqlite3

# Each entry is a step to the next version of the schema; a released one is never changed.
MIGRATIONS = (
    """
    CREATE TABLE outbox (id TEXT NOT NULL);

    CREATE TABLE event (
        id INTEGER PRIMARY KEY,
        hook TEXT NOT NULL,
        event_id TEXT NOT NULL,  -- Misskey's: the same in all attempts of one delivery
        kind TEXT NOT NULL,
        server TEXT NOT NULL,
        created_at INTEGER NOT NULL,
        accepted_at INTEGER NOT NULL,
        raw BLOB NOT NULL,
        UNIQUE (event_id, hook)  -- in this order people, too, can ask for an event
    );
    CREATE INDEX event_accepted ON event (accepted_at);

    CREATE TABLE delivery (
        id INTEGER PRIMARY KEY AUTOINCREMENT,  -- never used twice: Matrix has seen it
        event INTEGER NOT NULL REFERENCES event ON DELETE CASCADE,
        sink TEXT NOT NULL,
        route TEXT NOT NULL,
        state TEXT NOT NULL CHECK (state IN ('pending', 'delivered', 'dead')),
        attempt INTEGER NOT NULL DEFAULT 0,
        due_at INTEGER NOT NULL,
        claimed INTEGER NOT NULL DEFAULT 0,  -- 1 from the claim until its outcome is saved
        reason TEXT,
        subject TEXT,  -- what events have in common that tell of the same
        version TEXT,
        rank INTEGER NOT NULL DEFAULT 0,  -- of one version, the higher is shown
        merged INTEGER,  -- the delivery that was sent instead of this one
        batch INTEGER,  -- the first of those with which it shares its request; NULL: never tried
        shares INTEGER,  -- how many shared the request in which it was delivered
        edits INTEGER,  -- the delivery whose message this one changes
        message TEXT  -- the vendor's id of the message in which it was delivered
    );
    CREATE INDEX delivery_line ON delivery (sink, state, id);
    CREATE INDEX delivery_waiting ON delivery (id) WHERE state = 'pending';
    CREATE INDEX delivery_tried ON delivery (id) WHERE state = 'pending' AND batch IS NOT NULL;
    CREATE INDEX delivery_dead ON delivery (id) WHERE state = 'dead';
    CREATE INDEX delivery_event ON delivery (event);
    CREATE INDEX delivery_subject ON delivery (subject, sink)
        WHERE subject IS NOT NULL AND merged IS NULL;
    CREATE INDEX delivery_batch ON delivery (batch) WHERE batch <> id;
    CREATE INDEX delivery_edits ON delivery (edits) WHERE edits IS NOT NULL;

    CREATE TABLE attempt (
        id INTEGER PRIMARY KEY,
        delivery INTEGER NOT NULL REFERENCES delivery ON DELETE CASCADE,
        at INTEGER NOT NULL,
        took INTEGER NOT NULL,
        outcome TEXT NOT NULL,
        reason TEXT
    );
    CREATE INDEX attempt_delivery ON attempt (delivery, id);
    CREATE INDEX attempt_trouble ON attempt (id) WHERE reason IS NOT NULL;

    CREATE TABLE closed_sink (
        name TEXT PRIMARY KEY,
        reason TEXT NOT NULL,
        fingerprint TEXT NOT NULL,
        closed_at INTEGER NOT NULL
    );

    CREATE TABLE paused_sink (
        name TEXT PRIMARY KEY,
        paused_at INTEGER NOT NULL
    );
    """,
    """
    -- Random: a vendor knows a repetition by it.
    ALTER TABLE delivery ADD COLUMN key TEXT;

    -- What was sent before goes again under the key that it had then.
    UPDATE delivery SET key = (SELECT id FROM outbox) || '-' || id
    WHERE batch IS NOT NULL AND state <> 'delivered';
    """,
    """
    -- When it is probed; NULL: never, an operator has to fix it.
    ALTER TABLE closed_sink ADD COLUMN probe_at INTEGER;

    UPDATE closed_sink SET probe_at = closed_at;
    """,
    """
    -- The number of consecutive attempts without an outcome.
    ALTER TABLE delivery ADD COLUMN crashes INTEGER NOT NULL DEFAULT 0;

    -- 1 if an attempt may have arrived of which no answer came.
    ALTER TABLE delivery ADD COLUMN in_doubt INTEGER NOT NULL DEFAULT 0;
    UPDATE delivery SET in_doubt = claimed WHERE claimed = 1;

    -- From when on an attempt counts.
    ALTER TABLE delivery ADD COLUMN counts_at INTEGER;
    """,
    """
    -- When the author of its note changed it.
    ALTER TABLE event ADD COLUMN updated_at INTEGER;

    -- The subject of its note, if not everybody may see that.
    ALTER TABLE event ADD COLUMN restricts TEXT;
    CREATE INDEX event_restricts ON event (restricts, id) WHERE restricts IS NOT NULL;

    -- 1 if its sink may show neither it nor its earlier versions.
    ALTER TABLE delivery ADD COLUMN withdrawn INTEGER NOT NULL DEFAULT 0;
    """,
    """
    -- The events that wait to be routed. A table of its own: a body is never written twice.
    CREATE TABLE unrouted (
        event INTEGER PRIMARY KEY REFERENCES event ON DELETE CASCADE,
        note_id TEXT  -- of the note that it is about
    );
    CREATE INDEX unrouted_note ON unrouted (note_id) WHERE note_id IS NOT NULL;

    -- The reason why no route selects a sink for it.
    ALTER TABLE event ADD COLUMN no_route TEXT;

    CREATE TABLE withheld (
        event INTEGER NOT NULL REFERENCES event ON DELETE CASCADE,
        sink TEXT NOT NULL,
        reason TEXT NOT NULL,
        PRIMARY KEY (event, sink)
    );
    """,
    """
    -- How far the lists of Misskey's API have been read.
    CREATE TABLE poll_cursor (
        hook TEXT NOT NULL,
        server TEXT NOT NULL,
        list TEXT NOT NULL,
        position TEXT NOT NULL,
        since INTEGER NOT NULL,
        PRIMARY KEY (hook, server, list)
    );
    """,
)


def migrate(db: sqlite3.Connection) -> None:
    """Migrate a database to this version. Raises sqlite3.DatabaseError if its version is newer."""
    db.execute("BEGIN IMMEDIATE")
    try:
        version = version_of(db)
    except sqlite3.DatabaseError:
        db.execute("ROLLBACK")
        raise
    if version == len(MIGRATIONS):  # nothing is written: the disk may be full
        db.execute("ROLLBACK")
        return
    for statements in MIGRATIONS[version:]:
        for statement in statements.split(";\n"):
            db.execute(statement)
    if version == 0:
        db.execute("INSERT INTO outbox VALUES (?)", (secrets.token_hex(8),))
    db.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")
    db.execute("COMMIT")


def is_current(db: sqlite3.Connection) -> bool:
    """Whether a database has this version. Raises sqlite3.DatabaseError."""
    return version_of(db) == len(MIGRATIONS)


def version_of(db: sqlite3.Connection) -> int:
    """The schema version. Raises sqlite3.DatabaseError if it is newer, or not an outbox's."""
    version = int(db.execute("PRAGMA user_version").fetchone()[0])
    if version == 0 and db.execute("SELECT 1 FROM sqlite_master").fetchone() is not None:
        raise sqlite3.DatabaseError("this is the database of another program")
    if version > len(MIGRATIONS):
        raise sqlite3.DatabaseError(f"written by a newer relay (schema {version}): update relay")
    return version
