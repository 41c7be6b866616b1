"""
The outbox on PostgreSQL: several processes share one, and any of them may die.

outbox      the interface, and the statements of one step
journal, claims    transactions of several steps; ``writer`` commits events together
membership  which sinks this node owns; ``cluster``: the nodes' rows
connection  limited connections; ``schema``, ``statements``: tables and SQL
"""

from relay.outbox.postgres.outbox import PostgresOutbox

__all__ = ["PostgresOutbox"]
