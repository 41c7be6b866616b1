"""Lines in three forms, and nothing of a stranger's that could forge one."""

import io
import json
import logging
import os

import pytest

from relay.log.setup import LogFormat, format_for, log_to
from relay.secret import Secret

logger = logging.getLogger("relay.tests")
FORGED = "x\n12:00:00 ERROR    all is lost \x1b[31m\u202e\udc80"


def test_a_line_for_people_has_its_time_level_message_and_fields() -> None:
    stream = io.StringIO()
    log_to(stream)
    logger.warning("failed", extra={"sink": "team", "attempt": 2, "reason": "no answer", "x": None})
    time, rest = stream.getvalue().split(" ", 1)
    assert len(time) == len("12:30:01")
    assert rest == "WARNING  failed sink=team attempt=2 reason='no answer'\n"


def test_a_line_of_json_has_the_same_and_no_empty_fields() -> None:
    stream = io.StringIO()
    log_to(stream, log_format=LogFormat.JSON)
    logger.info("routed", extra={"hook": "alice", "event_id": "1", "sinks": None})
    told = json.loads(stream.getvalue())
    assert told.pop("timestamp").endswith("Z")
    assert told == {"level": "info", "message": "routed", "hook": "alice", "event_id": "1"}


def test_a_field_of_several_values_has_all() -> None:
    for log_format, written in (
        (LogFormat.CONSOLE, "delivery=7,8\n"),
        (LogFormat.JSON, "[7, 8]}\n"),
    ):
        stream = io.StringIO()
        log_to(stream, log_format=log_format)
        logger.info("delivered", extra={"delivery": (7, 8)})
        assert stream.getvalue().endswith(written)


@pytest.mark.parametrize("log_format", [LogFormat.CONSOLE, LogFormat.JSON])
def test_whatever_strangers_write_stays_in_its_line(log_format: LogFormat) -> None:
    stream = io.StringIO()
    log_to(stream, log_format=log_format)
    logger.warning("refused", extra={"reason": FORGED})
    logging.getLogger("library").warning(FORGED)
    assert len(stream.getvalue().splitlines()) == 2
    assert all(mark not in stream.getvalue() for mark in ("\x1b", "\u202e", "\udc80"))


@pytest.mark.parametrize("log_format", LogFormat)
def test_a_secret_is_not_shown(log_format: LogFormat) -> None:
    stream = io.StringIO()
    log_to(stream, log_format=log_format)
    logger.warning("here it is: %s", Secret("hidden"), extra={"reason": Secret("hidden")})
    assert "hidden" not in stream.getvalue()


def test_the_line_of_a_library_names_it() -> None:
    stream = io.StringIO()
    log_to(stream, log_format=LogFormat.JSON)
    logging.getLogger("asyncio").error("slow")
    assert json.loads(stream.getvalue())["logger"] == "asyncio"


def test_a_traceback_is_part_of_its_line() -> None:
    stream = io.StringIO()
    log_to(stream, log_format=LogFormat.JSON)
    try:
        raise ValueError("no")
    except ValueError:
        logger.exception("bug")
    assert json.loads(stream.getvalue())["exception"].endswith("ValueError: no")


def test_colour_is_only_where_it_is_wanted() -> None:
    bare, painted = io.StringIO(), io.StringIO()
    for stream, colour in ((bare, False), (painted, True)):
        log_to(stream, colour=colour)
        logger.error("failed", extra={"sink": "team"})
    assert "\x1b" not in bare.getvalue()
    assert "\x1b" in painted.getvalue()


def test_the_journal_is_recognised_by_the_stream_that_it_reads() -> None:
    reading, writing = os.pipe()
    with open(reading), open(writing, "w") as stream:
        found = os.fstat(stream.fileno())
        journal = {"JOURNAL_STREAM": f"{found.st_dev}:{found.st_ino}"}
        assert format_for(stream, journal) is LogFormat.JOURNALD
        assert format_for(stream, {"JOURNAL_STREAM": "1:1"}) is LogFormat.CONSOLE
        assert format_for(stream, {}) is LogFormat.CONSOLE
        assert format_for(io.StringIO(), journal) is LogFormat.CONSOLE
