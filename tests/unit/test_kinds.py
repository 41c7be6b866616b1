"""The table of kinds: a row per kind, and all else derives from it."""

import pytest

from relay.misskey import KINDS, kind_of, samples
from relay.misskey.kinds import Part


def test_only_kinds_with_a_note_have_a_rank_and_each_has_another():
    ranks = [row.rank for row in KINDS.values() if row.rank is not None]
    assert sorted(ranks) == list(range(len(ranks)))
    assert all(row.has_note for row in KINDS.values() if row.rank is not None)


def test_the_ranks_are_those_that_outboxes_have_stored():
    ranks = {name: row.rank for name, row in KINDS.items() if row.rank is not None}
    assert ranks == {"note": 0, "mention": 1, "renote": 2, "reply": 3, "edited": 4}


@pytest.mark.parametrize("name", sorted(KINDS))
def test_a_row_names_only_other_kinds_of_the_table(name):
    row = KINDS[name]
    assert {row.changes, row.sent_instead} - {None} <= KINDS.keys() - {name}


def test_what_comes_instead_of_a_kind_that_is_never_sent_is_sent():
    instead = [row.sent_instead for row in KINDS.values() if row.sent_instead is not None]
    assert instead
    assert all(KINDS[name].is_sent for name in instead)
    assert not any(row.is_sent for row in KINDS.values() if row.sent_instead is not None)


def test_reports_are_for_moderators():
    assert all(row.is_moderation for row in KINDS.values() if Part.REPORT in row.body)


def test_an_unknown_kind_has_nothing_that_relay_counts_on():
    row = kind_of("achievementEarned")
    assert (row.body, row.rank, row.changes) == (frozenset(), None, None)


def test_each_kind_has_a_sample_or_is_never_sent_as_such():
    without = KINDS.keys() - set(samples.kinds())
    assert without <= {name for name, row in KINDS.items() if not row.is_sent}
