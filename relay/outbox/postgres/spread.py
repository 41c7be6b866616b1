"""How the lanes spread over the nodes. Pure: every node comes to the same answer by itself."""

import hashlib
from collections import Counter
from collections.abc import Callable, Collection, Mapping


def spread(wishes: Mapping[int, Collection[str]]) -> Mapping[str, int]:
    """
    The node of each group of sinks, where ``wishes`` are the groups that each node knows.

    Nodes know different groups while a new configuration is rolled out. Each gets its share, and a
    node that comes or goes moves few others: every group ranks the nodes in an order of its own
    (https://en.wikipedia.org/wiki/Rendezvous_hashing), and takes the first that is not full.
    """
    groups = sorted({group for wished in wishes.values() for group in wished})
    share = -(-len(groups) // max(1, len(wishes)))
    known = {node: frozenset(wished) for node, wished in wishes.items()}
    number: Counter[int] = Counter()
    found = {}
    for group in groups:
        ranked = sorted((node for node in known if group in known[node]), key=_rank(group))
        free = (node for node in ranked if number[node] < share)
        node = next(free, min(ranked, key=lambda one: number[one]))
        number[node] += 1
        found[group] = node
    return found


def _rank(group: str) -> Callable[[int], bytes]:
    """The order of the nodes for one group."""

    def rank(node: int) -> bytes:
        return hashlib.blake2b(f"{node} {group}".encode(), digest_size=8).digest()

    return rank
