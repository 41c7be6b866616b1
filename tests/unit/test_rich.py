"""A mention links to the server of the author, whatever a template has done to the text before."""

import pytest

from relay.model import AbuseReport, CalendarEvent, Choice, Display, Event, Note, Poll, User
from relay.rendering.templates import Templates
from relay.text.message import Message
from relay.text.tree import Emoji, Link, Node, Tree

HOME = "https://misskey.example"
NEAR = User(id="1", username="alice", description="@bob")
FAR = User(id="2", username="carol", host="far.example", name="@bob", description="@bob")
QUOTED = Note(id="2", text=" @bob ", user=NEAR)
NOTE = Note(
    id="1",
    text=" @bob ",
    cw="@bob",
    user=FAR,
    renote=QUOTED,
    poll=Poll(choices=(Choice(text=":cat:"),)),
    event=CalendarEvent(location="@bob"),
)
REPORT = AbuseReport(reporter=FAR, target_user=NEAR, comment="@bob", moderation_note="@bob")
EVENT = Event(
    id="1", hook="h", kind="mention", created_at=0, server=HOME, note=NOTE, user=NEAR, report=REPORT
)

ON_FAR = ["https://far.example/@bob"]
ON_HOME = [f"{HOME}/@bob"]


def rendered(source: str, event: Event = EVENT) -> Message:
    body = f"{{% block body %}}{source}{{% endblock %}}"
    return Templates(drafts={"mention.j2": body}).render(event, display=Display())


def found(tree: Tree) -> list[Node]:
    inner = [node for outer in tree for node in found(getattr(outer, "children", ()))]
    return [*tree, *inner]


def mentioned(source: str, event: Event = EVENT) -> list[str]:
    return [node.url for node in found(rendered(source, event).body) if isinstance(node, Link)]


@pytest.mark.parametrize(
    "source",
    [
        "{{ note.text | mfm }}",
        "{{ note.text | trim | mfm }}",
        "{{ note.text.strip() | mfm }}",
        "{{ note.text | replace('o', 'o') | mfm }}",
        "{{ '@x' | replace('@x', note.text) | mfm }}",
        "{{ note.text | truncate(9) | mfm }}",
        "{{ note.text | upper | lower | mfm }}",
        "{{ note.text | string | mfm }}",
        "{{ note.text | default('none') | mfm }}",
        "{{ note.text | reverse | reverse | mfm }}",
        "{{ note.text[1:5] | mfm }}",
        "{{ note.text | readable | mfm }}",
        "{{ note.text | title | lower | mfm }}",
        "{{ note.text.partition('x') | first | mfm }}",
        "{{ note.text | list | join | mfm }}",
        "{% set ns = namespace(t='') %}{% for char in note.text %}{% set ns.t = ns.t ~ char %}"
        "{% endfor %}{{ ns.t | mfm }}",
        "{{ (note.text + '!') | mfm }}",
        "{{ ('! ' + note.text) | mfm }}",
        "{{ ('! ' ~ note.text ~ 1) | mfm }}",
        "{{ [note.text, 'x'] | join(' ') | mfm }}",
        "{{ note.text.split() | first | mfm }}",
        "{{ note.text.split() | join(' ') | mfm }}",
        "{% for line in note.text.splitlines() %}{{ line | mfm }}{% endfor %}",
        "{{ [note.text] | map('trim') | join | mfm }}",
        "{{ [{'t': note.text}] | join(', ', attribute='t') | mfm }}",
        "{{ [{'t': note.text}] | map(attribute='t') | first | mfm }}",
        "{{ (note.text if note.text else note.cw) | mfm }}",
        "{{ {'a': note.text}.a | mfm }}",
        "{% set text = note.text | trim %}{{ text | mfm }}",
        "{% set ns = namespace(t='') %}{% set ns.t = ns.t ~ note.text %}{{ ns.t | mfm }}",
        "{% macro say(text) %}{{ text | mfm }}{% endmacro %}{{ say(note.text | trim) }}",
        "{% macro say(text) %}{{ caller(text) }}{% endmacro %}"
        "{% call(text) say(note.text) %}{{ text | mfm }}{% endcall %}",
        "{{ note.cw | trim | mfm }}",
        "{{ note.event.location | trim | mfm }}",
        "{{ note.user.name | trim | mfm }}",
        "{{ note.user.displayName | mfm }}",
        "{{ note.user.description | trim | mfm }}",
        "{{ event.note.text | trim | mfm }}",
        "{{ report.comment | trim | mfm }}",
        "{{ (note.text ~ note.cw)[5:] | mfm }}",
    ],
)
def test_a_text_keeps_its_origin(source: str) -> None:
    assert mentioned(source) == ON_FAR


@pytest.mark.parametrize(
    "source",
    [
        "{{ note.renote.text | trim | mfm }}",
        "{{ user.description | trim | mfm }}",
        "{{ report.moderationNote | trim | mfm }}",
        "{{ '@bob' | mfm }}",
        "{{ ('@' ~ 'bob') | upper | lower | mfm }}",
    ],
)
def test_other_texts_of_the_same_event_keep_theirs(source: str) -> None:
    assert mentioned(source) == ON_HOME


@pytest.mark.parametrize(
    "source",
    [
        "{{ (note.text ~ note.renote.text) | mfm }}",
        "{{ (note.text + note.renote.text) | mfm }}",
        "{{ [note.text, note.renote.text] | join | mfm }}",
        "{{ note.text | replace('bob', user.description) | mfm }}",
        "{% set text %}{{ note.text }}{% endset %}{{ text | mfm }}",
        "{% macro text() %}{{ note.text }}{% endmacro %}{{ text() | mfm }}",
        "{% filter mfm %}{{ note.text }}{% endfilter %}",
    ],
)
def test_a_text_of_several_servers_links_nobody_to_a_wrong_one(source: str) -> None:
    assert mentioned(source) == []


def test_a_mention_that_names_its_server_is_linked_in_any_text() -> None:
    source = "{{ (note.text ~ note.renote.text ~ ' @bob@third.example') | mfm }}"
    assert mentioned(source) == ["https://third.example/@bob"]


@pytest.mark.parametrize(
    "source",
    [
        "{% set text %}{{ note.text }}{% endset %}{{ text | mfm }}",
        "{% macro text() %}{{ note.text }}{% endmacro %}{{ text() | mfm }}",
        "{% filter mfm %}{{ note.text }}{% endfilter %}",
    ],
)
def test_a_captured_text_is_of_the_one_server_of_all_authors(source: str) -> None:
    note = Note(id="1", text="@bob <3 & more", user=FAR)
    event = Event(id="1", hook="h", kind="mention", created_at=0, server=HOME, note=note)
    assert mentioned(source, event) == ON_FAR
    assert str(rendered(source, event).body).count("<3 & more") == 1


def test_emoji_too_have_the_picture_of_the_authors_server() -> None:
    body = rendered("{{ note.poll.choices[0].text | trim | emoji }}").body
    assert body == (Emoji("cat", f"{HOME}/emoji/cat@far.example.webp"),)


def test_a_text_of_a_note_is_literal_as_ever() -> None:
    body = rendered("{{ note.text ~ '<b>' }}{{ note.text == ' @bob ' }}").body
    assert str(body).count("@bob <b>True") == 1
