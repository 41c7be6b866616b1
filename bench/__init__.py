"""
What relay costs: measured on the real process, beside the ceiling and beside what others run.

``python -m bench`` measures everything, ``python -m bench --quick`` only tries whether all of this
still works. No figure stands alone: ours and another's are taken in turns, in rounds, and it is the
ratio of both in one round that can be compared between machines.

figure        one figure: its rounds, what stands beside it, what was wanted
scale         how often, how long and how much
machine       what the figures were taken on
process       a server that is measured, from its start to its end
installation  relay, as a user would run it
workload      real events, of which every request gets its own
load          many requests at once (wrk, or ``generator``), or some in every second
sink          a chat that takes everything, and remembers when
ceiling       what no durable relay can reach: read, compare, parse, answer
backlog       an outbox in which events wait

obstacle      what stands in the way of what is not reached

accept, flow, memory, growth, parts, mfm and peers measure; ``suite`` runs them, ``report`` writes
RESULTS.md, ``plot`` draws. What stands beside relay runs from ``programs``.
"""

from pathlib import Path

ROOT = Path(__file__).parent.parent
