"""How groups of sinks are assigned to nodes."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from relay.outbox.postgres.membership import assign

groups = st.frozensets(st.sampled_from("abcdefghijkl"))
advertised_groups = st.dictionaries(st.integers(1, 9), groups, min_size=1)


@given(advertised_groups)
def test_every_group_has_one_node_which_knows_it(
    advertised_groups: dict[int, frozenset[str]],
) -> None:
    owners = assign(advertised_groups)
    assert owners.keys() == frozenset().union(*advertised_groups.values())
    assert all(group in advertised_groups[node] for group, node in owners.items())


@given(groups, st.sets(st.integers(1, 9), min_size=1))
def test_nodes_that_know_the_same_share_it_evenly(known: frozenset[str], nodes: set[int]) -> None:
    numbers = Counter(assign(dict.fromkeys(nodes, known)).values())
    assert all(number <= -(-len(known) // len(nodes)) for number in numbers.values())


def test_the_order_of_the_nodes_changes_nothing() -> None:
    names = [f"sink-{n}" for n in range(50)]
    there = assign({1: names, 2: names[:40], 3: names[5:]})
    assert there == assign({3: names[:4:-1], 1: names[::-1], 2: names[:40]})


def test_a_node_that_comes_moves_few_lanes() -> None:
    names = [f"sink-{n}" for n in range(1000)]
    before, after = (
        assign(dict.fromkeys((1, 2, 3), names)),
        assign(dict.fromkeys(range(1, 5), names)),
    )
    moved = [name for name in names if before[name] != after[name]]
    assert len(moved) < 400  # a quarter has to; a hash modulo the number would move three


def test_without_nodes_nothing_is_assigned() -> None:
    assert assign({}) == {}
