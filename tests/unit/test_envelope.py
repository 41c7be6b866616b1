"""The door reads of a body what the whole event says, and refuses the same for the same reason."""

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from relay.errors import FormatError
from relay.misskey import envelope, open_envelope, parse
from tests.fakes import misskey as sender

SERVER = "https://named.example"
CASES = Path(__file__).parents[1] / "samples" / "cases" / "events"

ODD = {
    "a mark of byte order": b"\xef\xbb\xbf" + sender.a_note_event().body,
    "an id twice": b'{"type":"x","eventId":"a","eventId":"b"}',
    "a body twice": b'{"type":"note","body":{},"body":{"note":{"id":"n1"}}}',
    "half a character as an id": rb'{"type":"x","eventId":"\ud800"}',
    "half a character in the note's id": rb'{"type":"note","body":{"note":{"id":"\ud800"}}}',
    "a whole pair": rb'{"type":"note","eventId":"\ud83d\ude00","body":{"note":{"id":"n"}}}',
    "an encoded half": b'{"type":"x","body":"\xed\xa0\x80"}',
    "a byte that is not UTF-8, in a field that nobody reads": b'{"type":"x","other":"\xff"}',
    "a number without end": b'{"type":"x","createdAt":1e999}',
    "one in a field that nobody reads": b'{"type":"x","other":[-1e400]}',
    "a number of 400 digits": b'{"type":"x","createdAt":' + b"1" * 400 + b"}",
    "a number of 5000 digits": b'{"type":"x","other":' + b"1" * 5000 + b"}",
    "a fraction of 400 digits": b'{"type":"x","other":' + b"1" * 400 + b".5}",
    "a number close to nothing": b'{"type":"x","createdAt":1e-999}',
    "a time with a fraction": b'{"type":"x","createdAt":1.5}',
    "a whole time as a fraction": b'{"type":"x","createdAt":1.0}',
    "a time before all": b'{"type":"x","createdAt":-9007199254740993}',
    "NaN": b'{"type":"x","createdAt":NaN}',
    "Infinity": b'{"type":"x","other":-Infinity}',
    "a zero in front": b'{"type":"x","createdAt":01}',
    "a character that controls": b'{"type":"x\x01"}',
    "an escape of nothing": rb'{"type":"\q"}',
    "a comma too many": b'{"type":"x",}',
    "two bodies": b'{"type":"x"}{"type":"x"}',
    "blanks around": b' \r\n\t{"type":"x"}\n ',
    "a blank that is none": b'\x0b{"type":"x"}',
    "nested lists": b'{"type":"x","body":' + b"[" * 200 + b"]" * 200 + b"}",
    "too many nested lists": b'{"type":"x","body":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "too many nested notes": b'{"type":"x","body":' + b'{"note":' * 9_000 + b"1" + b"}" * 9_001,
    "a bare note": b'{"type":"reply","body":{"id":"n1","visibility":"home"}}',
    "a bare note without a visibility": b'{"type":"reply","body":{"id":"n1"}}',
    "a bare user": b'{"type":"follow","body":{"id":"u1","username":"a"}}',
    "a note in a list": b'{"type":"note","body":{"note":[{"id":"n1"}],"visibility":"home"}}',
    "a note of a kind that nobody knows": b'{"type":"poked","body":{"note":{"id":"n1"}}}',
    "an id that is a number": b'{"type":"note","eventId":1,"body":{"note":{"id":1}}}',
    "an id with a character that PostgreSQL refuses": (
        rb'{"type":"note","body":{"note":{"id":"n\u0000"}}}'
    ),
    "an id without end": b'{"type":"note","body":{"note":{"id":"%s"}}}' % (b"n" * 101),
    "a server of null": b'{"type":"x","server":null}',
    "a server that is none": b'{"type":"x","server":["https://a.example"]}',
    "a server in capitals": b'{"type":"x","server":"HTTPS://A.EXAMPLE/"}',
    "a server that deceives": b'{"type":"x","server":"https://a.example@b.example"}',
    "nothing": b"",
    "null": b"null",
    "a list": b"[]",
    "an object without a type": b'{"body":{}}',
    "a type of 101 letters": b'{"type":"%s"}' % (b"x" * 101),
    "a follow of nobody": b'{"type":"follow","body":{"user":null}}',
    "a mention without a note": b'{"type":"mention","body":{"user":{"id":"u1"}}}',
}


def answer(raw: bytes) -> tuple[object, ...]:
    """What the door makes of a body."""
    try:
        opened = open_envelope(raw, server=SERVER, now=7)
    except FormatError as error:
        return error.status, str(error)
    return opened.event_id, opened.kind, opened.server, opened.created_at, opened.note_id


def whole(raw: bytes) -> tuple[object, ...]:
    """What the whole event says of the same."""
    try:
        event = parse(raw, hook="alice", server=SERVER, now=7)
    except FormatError as error:
        return error.status, str(error)
    note_id = None if event.note is None else event.note.id or None
    return event.id, event.kind, event.server, event.created_at, note_id


def assert_both_read_alike(raw: bytes) -> None:
    assert answer(raw) == whole(raw)
    with suppress(ValueError, RecursionError):  # what msgspec refuses, the tolerant reader decides
        quick = envelope._quickly(raw)
        assert repr(quick) == repr(envelope._tolerantly(raw))


@pytest.mark.parametrize("raw", ODD.values(), ids=ODD)
def test_an_odd_body_is_taken_or_refused_alike(raw: bytes) -> None:
    assert_both_read_alike(raw)


def test_every_captured_body_and_every_case_is_read_alike() -> None:
    bodies = [request.body for request in sender.requests()]
    cases = [json.loads(path.read_text()) for path in sorted(CASES.glob("*.json"))]
    assert len(bodies) > 100
    assert len(cases) > 50
    for raw in (*bodies, *map(sender.encode, cases)):
        assert_both_read_alike(raw)


json_values: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters() | st.characters(categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
notes = st.fixed_dictionaries({}, optional={"id": json_values, "visibility": json_values})
bodies = st.fixed_dictionaries({}, optional={"note": notes | json_values, "user": json_values})


@given(
    st.fixed_dictionaries(
        {"type": st.sampled_from(["note", "follow", "abuseReport", "reaction", "x"])},
        optional={
            "body": bodies | notes | json_values,
            "server": json_values,
            "eventId": json_values,
            "createdAt": json_values,
            "userId": json_values,
        },
    )
)
def test_no_value_is_read_in_two_ways(event: dict[str, Any]) -> None:
    assert_both_read_alike(json.dumps(event).encode())


@given(st.binary(max_size=60), st.integers(0, 100))
@example(b"e999", 12)
@example(b"\xff", 50)
def test_no_damage_is_read_in_two_ways(damage: bytes, place: int) -> None:
    raw = b'{"type":"note","eventId":"e1","createdAt":15,"body":{"note":{"id":"n1","text":"a"}}}'
    assert_both_read_alike(raw[:place] + damage + raw[place:])
    assert_both_read_alike(raw[:place] + damage + raw[place + len(damage) :])
