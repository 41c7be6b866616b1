"""What operators see of deliveries and sinks, and what they can do to them."""

import asyncio
import sqlite3
import stat
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from relay import misskey
from relay.delivery.settle import AttemptContext, settle
from relay.misskey import samples as sample
from relay.model import SubjectVersion
from relay.outbox import ClaimRequest, ClosedSink, SQLiteOutbox
from relay.outbox.siblings import subject_version
from relay.outcome import Attempt, Rejected, Sent
from tests.factories import accept, an_event
from tests.fakes.misskey import a_note_event

ASLEEP = "relay is not running: see relay serve\n"
CONFIG = """
hooks: {alice: {secret: s3cret}}
sinks:
  team: {type: console}
  mods: {type: console, moderation: true}
  quiet: {type: console, visibility: [home]}
routes:
  - {name: mentions, match: {event: mention}, to: [team, quiet]}
  - {name: reports, match: {event: abuseReport}, to: mods}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installation in which three mentions came: one is delivered, one died, one waits."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config.yaml").write_text(CONFIG, encoding="utf-8")
    (tmp_path / "config.yaml").chmod(0o600)

    async def come(outbox: SQLiteOutbox) -> None:
        for n in (1, 2, 3):
            await accept(outbox, an_event(n), sample.raw("mention"), {"team": "mentions"}, now=n)
        for outcome in (Sent(message="m1"), Rejected("400 no")):
            await ended(outbox, outcome)

    within(come)
    return tmp_path


async def ended(outbox: SQLiteOutbox, outcome: Any) -> None:
    (claimed,) = (await outbox.claim(ClaimRequest("team", now=10, lease=60_000))).deliveries
    settled = settle(claimed, outcome, AttemptContext(now=20))
    told = Attempt(
        at=10, took=10, outcome=type(outcome).__name__, reason=getattr(outcome, "reason", None)
    )
    await outbox.save([settled], claimed=[claimed], attempt=told)


def within(do: Callable[[SQLiteOutbox], Awaitable[Any]]) -> Any:
    async def done() -> Any:
        outbox = SQLiteOutbox.open(Path("relay.db"))
        try:
            return await do(outbox)
        finally:
            await outbox.close()

    return asyncio.run(done())


def test_deliveries_are_listed_the_newest_first(relay, folder):
    head, *lines = relay("deliveries").out.splitlines()
    assert head.split() == ["id", "accepted", "sink", "kind", "state"]
    assert [line.split()[0] for line in lines] == ["3", "2", "1"]
    assert [line.split()[3:] for line in lines] == [
        ["team", "mention", "pending"],
        ["team", "mention", "dead", "400", "no"],
        ["team", "mention", "delivered"],
    ]


@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        pytest.param(("--sink", "team"), [3, 2, 1], id="of a sink"),
        pytest.param(("--sink", "mods"), [], id="of another"),
        pytest.param(("--state", "dead"), [2], id="in a state"),
        pytest.param(("--kind", "reply"), [], id="of a kind"),
        pytest.param(("--event", "event-3"), [3], id="of an event"),
        pytest.param(("--limit", "2"), [3, 2], id="the newest"),
        pytest.param(("--since", "1h"), [], id="of the last hour"),
        pytest.param(("--until", "1h"), [3, 2, 1], id="before the last hour"),
    ],
)
def test_deliveries_are_found(relay, folder, arguments, found):
    answer = relay("deliveries", *arguments, "--json")
    assert (answer.code, [row["id"] for row in answer.json]) == (0, found)


def test_no_deliveries_are_told(relay, folder):
    assert relay("deliveries", "--sink", "mods").out == "no deliveries\n"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        pytest.param(("--since", "soon"), "soon should be a duration", id="no time"),
        pytest.param(("--state", "gone"), "there is no gone", id="no state"),
    ],
)
def test_a_wrong_filter_is_answered_with_what_would_be_right(relay, folder, arguments, told):
    answer = relay("deliveries", *arguments)
    assert (answer.code, told in answer.err) == (2, True)


def test_siblings_and_edits_are_told_as_such(relay, folder):
    async def come(outbox: SQLiteOutbox) -> None:
        for n, version in ((7, "a"), (8, "a"), (9, "b")):
            event = an_event(n, kind="reply")
            same = SubjectVersion(subject="note", version=version)
            await accept(outbox, event, b"{}", {"mods": "all"}, now=n, subject_version=same)
            if n == 8:
                (claimed,) = (await outbox.claim(ClaimRequest("mods", now=10, lease=5))).deliveries
                sent = replace(settle(claimed, Sent(), AttemptContext(now=10)), message="m")
                await outbox.save([sent], claimed=[claimed])

    within(come)
    _, edit, merged, first = relay("deliveries", "--sink", "mods").out.splitlines()
    number = first.split()[0]
    assert f"merged into {number}" in merged
    assert f"edits the message of {number}" in edit


def test_a_delivery_is_shown_with_its_attempts_and_its_message(relay, folder):
    answer = relay("deliveries", "show", "2")
    assert answer.code == 0
    assert "Rejected  400 no" in answer.out
    assert "╭─ team" in answer.out
    shown = relay("deliveries", "show", "2", "--json").json
    assert shown["attempted"] == [
        {
            "at": "1970-01-01T00:00:00+00:00",
            "took_ms": 10,
            "outcome": "Rejected",
            "reason": "400 no",
        }
    ]
    assert shown["event"]["type"] == "mention"
    assert relay("deliveries", "show", "99").code == 1


def test_an_option_before_an_action_holds_for_it(relay, folder):
    (folder / "config.yaml").rename(folder / "other.yaml")
    answer = relay("deliveries", "--config", "other.yaml", "--json", "show", "2")
    assert (answer.code, answer.json["id"]) == (0, 2)


def test_sinks_are_told_with_what_waits_and_what_went_wrong(relay, folder):
    rows = {row["sink"]: row for row in relay("sinks", "--json").json}
    assert rows["team"]["state"] == "ok"
    assert (rows["team"]["waiting"], rows["team"]["dead"]) == (1, 1)
    assert rows["team"]["last_error"] == {"at": "1970-01-01T00:00:00+00:00", "reason": "400 no"}
    assert (rows["mods"]["waiting"], rows["mods"]["last_error"]) == (0, None)
    head, team, mods, _ = relay("sinks").out.splitlines()
    assert head.split() == ["sink", "state", "waiting", "oldest", "dead", "pace"]
    assert "ago: 400 no" in team
    assert mods.split() == ["mods", "ok", "0", "-", "0", "-"]


def test_a_sink_that_left_the_configuration_is_told_with_what_waits_for_it(relay, folder):
    text = CONFIG.replace("team: {type: console}", "crew: {type: console}").replace("team", "crew")
    (folder / "config.yaml").write_text(text, encoding="utf-8")
    rows = {row["sink"]: row for row in relay("sinks", "--json").json}
    assert (rows["team"]["state"], rows["team"]["waiting"]) == ("orphaned", 1)


def test_what_waits_for_a_sink_that_left_the_configuration_can_be_given_up(relay, folder):
    text = CONFIG.replace("team: {type: console}", "crew: {type: console}").replace("team", "crew")
    (folder / "config.yaml").write_text(text, encoding="utf-8")
    assert "relay sinks give-up team" in relay("sinks").out
    answer = relay("sinks", "give-up", "team")
    assert (answer.code, answer.out.startswith("1 delivery given up; revive or drop")) == (0, True)
    assert within(lambda outbox: outbox.pending_count()) == 0
    assert "given up by relay sinks give-up" in relay("dead", "list", "--sink", "team").out
    assert "no sink is called team" in relay("sinks", "give-up", "team").err
    assert relay("dead", "drop", "--sink", "team").out == "2 dropped\n"


def test_only_what_waits_for_the_sink_that_was_named_is_given_up(relay, folder):
    within(lambda it: accept(it, an_event(9), sample.raw("mention"), {"quiet": "mentions"}, now=9))
    assert relay("sinks", "give-up", "team").out.startswith("1 delivery given up")
    assert within(lambda outbox: outbox.pending_count()) == 1
    answer = relay("sinks", "give-up", "team")
    assert (answer.code, answer.out) == (1, "0 deliveries given up\n")
    assert "did you mean team?" in relay("sinks", "give-up", "taem").err


def test_what_is_under_way_is_not_given_up(relay, folder):
    within(lambda outbox: outbox.claim(ClaimRequest("team", now=10**15, lease=60_000)))
    answer = relay("sinks", "give-up", "team")
    assert (answer.code, answer.out) == (1, "0 deliveries given up\n")
    assert "1 delivery is still pending for team (in flight" in answer.err


def test_a_sink_is_paused_and_resumed(relay, folder):
    assert relay("sinks", "pause", "team").code == 0
    assert relay("sinks", "pause", "team").code == 1
    assert relay("sinks").out.splitlines()[1].split()[:2] == ["team", "paused"]
    assert within(lambda outbox: outbox.claim(ClaimRequest("team", now=10**15, lease=1))) is None
    assert relay("sinks", "resume", "team").code == 0
    assert relay("sinks", "resume", "team").code == 1
    assert (
        within(lambda outbox: outbox.claim(ClaimRequest("team", now=10**15, lease=1))) is not None
    )
    assert "did you mean team?" in relay("sinks", "pause", "taem").err


def test_a_refusal_is_told_apart_from_a_pause_and_resuming_ends_both(relay, folder):
    within(
        lambda it: it.close_sink(
            ClosedSink(name="team", reason="404 gone", fingerprint="f", closed_at=1)
        )
    )
    (team, *_) = relay("sinks", "--json").json
    assert (team["state"], team["closed"]["reason"]) == ("closed", "404 gone")
    relay("sinks", "pause", "team")
    (team, *_) = relay("sinks", "--json").json
    assert (team["state"], team["closed"]["reason"]) == ("paused", "404 gone")
    assert relay("sinks", "resume", "team").code == 0
    assert relay("sinks", "--json").json[0]["state"] == "ok"


def test_an_event_is_replayed_as_a_delivery_of_its_own(relay, folder):
    answer = relay("replay", "event-1")
    told = "team: the mention is sent again, by route mentions\n"
    assert (answer.code, answer.out) == (0, told + ASLEEP)
    assert relay("replay", "event-1").code == 0
    first, second, *_ = relay("deliveries", "--json").json
    assert {first["state"], second["state"]} == {"pending"}
    assert (first["merged"], second["merged"], first["route"]) == (None, None, "mentions")
    assert first["event_id"].startswith("event-1/replay-")


def test_an_event_is_replayed_to_the_sink_that_is_named_whatever_the_routes_say(relay, folder):
    answer = relay("replay", "event-1", "--sink", "mods")
    assert answer.out == "mods: the mention is sent again, though no route names it\n" + ASLEEP
    assert [row["sink"] for row in relay("deliveries", "--limit", "1", "--json").json] == ["mods"]


def test_a_gate_holds_for_what_is_replayed(relay, folder):
    answer = relay("replay", "event-1")
    told = "team: the mention is sent again, by route mentions\n"
    assert (answer.code, answer.out) == (0, told + ASLEEP)
    assert "quiet: withheld: " in answer.err
    answer = relay("replay", "event-1", "--sink", "quiet")
    assert (answer.code, answer.out) == (1, "")


def test_what_its_author_has_hidden_since_is_not_replayed(relay, folder):
    first = a_note_event(7, kind="mention")
    hidden = a_note_event(7, kind="mention", visibility="followers")

    async def come(outbox: SQLiteOutbox) -> None:
        for n, request in enumerate((first, hidden)):
            event = replace(misskey.parse(request.body, hook="alice"), id=f"note-{n}", created_at=n)
            same = subject_version(event)
            sinks = {"team": "mentions"}
            restricts = same.subject if n else None
            await accept(
                outbox, event, request.body, sinks, now=n, subject_version=same, restricts=restricts
            )

    within(come)
    answer = relay("replay", "note-0")
    assert (answer.code, answer.out) == (1, "")
    assert "team: withheld: its author has changed who may see the note" in answer.err


def test_what_cannot_be_replayed_is_told(relay, folder):
    answer = relay("replay", "event-9")
    assert (answer.code, "no event has the id event-9" in answer.err) == (1, True)
    within(lambda it: accept(it, an_event(4, kind="follow"), sample.raw("follow"), {}, now=4))
    answer = relay("replay", "event-4")
    assert (answer.code, "no route matches" in answer.err) == (1, True)


def test_a_backup_is_whole_while_the_outbox_is_in_use(relay, folder):
    async def use(outbox: SQLiteOutbox) -> None:
        await accept(outbox, an_event(4), b"{}", {"team": "all"}, now=4)
        answer = await asyncio.to_thread(relay, "backup", "copy.db")
        assert (answer.code, answer.err) == (0, "")

    within(use)
    assert stat.S_IMODE((folder / "copy.db").stat().st_mode) == 0o600
    with sqlite3.connect(folder / "copy.db") as copy:
        assert copy.execute("SELECT count(*) FROM delivery").fetchone() == (4,)
    copy.close()


def test_a_backup_overwrites_nothing(relay, folder):
    (folder / "copy.db").write_bytes(b"mine")
    answer = relay("backup", "copy.db")
    assert (answer.code, "already exists, and is not overwritten" in answer.err) == (2, True)
    assert (folder / "copy.db").read_bytes() == b"mine"
    answer = relay("backup", "nowhere/copy.db")
    assert (answer.code, "cannot be created: No such file or directory" in answer.err) == (2, True)


def test_a_backup_that_fails_leaves_nothing_behind(relay, folder):
    (folder / "relay.db").write_bytes(b"x" * 4096)
    for end in ("-wal", "-shm"):
        (folder / f"relay.db{end}").unlink(missing_ok=True)
    assert relay("backup", "copy.db").code == 2
    assert not (folder / "copy.db").exists()
