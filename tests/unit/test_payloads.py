"""Payloads change only with a commit that says so."""

from tests.payloads import GOLDEN, lines


def test_payloads_are_those_of_the_golden_file() -> None:
    golden = GOLDEN.read_text(encoding="utf-8").splitlines()
    changed = [(before, now) for before, now in zip(golden, lines(), strict=True) if before != now]
    assert changed == [], "if this was meant, run: python -m tests.payloads"
