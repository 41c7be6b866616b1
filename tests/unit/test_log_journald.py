"""The journal gets entries with fields; what it does not take goes to the stream."""

import io
import logging
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from relay.log.journald import Journal, datagram, priority


@pytest.fixture
def journald(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(tmp_path / "socket"))
        listening.settimeout(5)
        yield listening


def record(**changes: object) -> logging.LogRecord:
    made = {"name": "relay.x", "levelno": logging.WARNING, "msg": "failed", "sink": "team"}
    return logging.makeLogRecord(made | changes)


def test_an_entry_has_its_message_priority_and_fields(journald: socket.socket) -> None:
    stream = io.StringIO()
    journal = Journal(stream, address=journald.getsockname())
    journal.handle(record(attempt=2, reason=None))
    assert journald.recv(4096).decode().splitlines() == [
        "MESSAGE=failed",
        "PRIORITY=4",
        "SYSLOG_IDENTIFIER=relay",
        "RELAY_SINK=team",
        "RELAY_ATTEMPT=2",
    ]
    assert stream.getvalue() == ""
    journal.close()


def test_a_field_of_several_values_is_found_by_each(journald: socket.socket) -> None:
    journal = Journal(io.StringIO(), address=journald.getsockname())
    journal.handle(record(delivery=(7, 8)))
    fields = journald.recv(4096).decode().splitlines()
    assert fields[-2:] == ["RELAY_DELIVERY=7", "RELAY_DELIVERY=8"]
    journal.close()


def test_several_lines_go_with_their_length() -> None:
    assert datagram([("A", "b"), ("C", "d\ne")]) == b"A=b\nC\n\x03\0\0\0\0\0\0\0d\ne\n"


def test_half_a_character_is_written_so_that_it_can_be() -> None:
    assert datagram([("A", "\udc80")]) == b"A=\\udc80\n"


def test_without_a_journal_the_stream_gets_the_line_with_its_level(tmp_path: Path) -> None:
    stream = io.StringIO()
    journal = Journal(stream, address=str(tmp_path / "nobody"))
    journal.handle(record())
    assert stream.getvalue() == "<4>failed\n"
    journal.close()


def test_what_is_too_long_for_the_journal_is_not_lost(journald: socket.socket) -> None:
    stream = io.StringIO()
    journal = Journal(stream, address=journald.getsockname())
    journal.handle(record(msg="x" * 10_000_000))
    assert len(stream.getvalue()) > 10_000_000
    journal.close()


def test_levels_are_those_of_syslog() -> None:
    levels = (logging.CRITICAL, logging.ERROR, logging.WARNING, logging.INFO, logging.DEBUG)
    assert [priority(level) for level in levels] == [2, 3, 4, 6, 7]
