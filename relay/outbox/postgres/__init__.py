"""The outbox on PostgreSQL: several processes share one, and any of them may die."""

from relay.outbox.postgres.outbox import PostgresOutbox

__all__ = ["PostgresOutbox"]
