"""Conditions on events, as routes have them in ``when``."""

import pytest

from relay.errors import TemplateError
from relay.misskey import samples as sample
from relay.rendering.expression import predicate


@pytest.mark.parametrize(
    ("expression", "kind", "holds"),
    [
        ("note.renoteCount < 10", "mention", True),
        ("note.user.isBot", "mention", False),
        ("event.kind == 'mention' and 'こんにちは' in note.text", "mention", True),
        ("note.text | length > 1000", "mention", False),
        ("user.followersCount is not none", "follow", True),
        ("note.renoteCount < 10", "follow", False),
        ("note and note.renoteCount < 10", "follow", False),
        ("report.comment | upper | length", "abuseReport", True),
        ("event.details.count == 3", "somethingNew", True),
        ("1 / 0", "mention", False),
        ("note.text * 9", "mention", False),
    ],
)
def test_a_condition_holds_or_does_not_and_never_fails(
    expression: str, kind: str, holds: bool
) -> None:
    assert predicate(expression)(sample.event(kind)) is holds


@pytest.mark.parametrize(
    ("expression", "told"),
    [
        ("note.text ==", "not a Jinja expression"),
        ("nota.text", "no such name: nota; there is event, note, report, user"),
        ("note.txt", "note has no txt"),
        ("note.user.nick == 'x'", "user has no nick"),
        ("event.note.renote.textt", "note has no textt"),
        ("open('/etc/passwd')", "no such name: open"),
        ("note.text | safe", "No filter named 'safe'"),
    ],
)
def test_a_mistake_is_told_before_there_is_an_event(expression: str, told: str) -> None:
    with pytest.raises(TemplateError, match=told.replace("|", r"\|")):
        predicate(expression)
