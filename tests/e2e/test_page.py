"""What the operator's pages tell, and what their buttons do."""

import json
import re
from dataclasses import replace
from html import unescape
from pathlib import Path

import pytest
from aiohttp.test_utils import TestClient

from relay import misskey
from relay.misskey import samples as sample
from relay.outbox import ClaimRequest, ClosedSink, DeliverySearch, Outbox
from relay.outbox.siblings import subject_version
from relay.outcome import State
from tests.factories import accept, an_event
from tests.fakes.misskey import a_note_event
from tests.page import NOW, Open, accepted, died, log_in, press


async def test_a_delivery_is_listed_and_told_with_its_message(opened: Open, outbox: Outbox) -> None:
    await accepted(outbox, text="a **bold** word & <evil>")
    client = await opened()
    await log_in(client)
    listed = await (await client.get("/")).text()
    assert 'href="/deliveries/1"' in listed
    assert "a **bold** word &amp; &lt;evil&gt;" in listed
    assert "2026-11-22 10:05:33" in listed  # in Tokyo
    shown = await (await client.get("/deliveries/1")).text()
    assert "<strong>bold</strong> word &amp; &lt;evil&gt;" in shown
    assert "allowed_mentions" in shown


async def test_the_page_of_an_event_names_the_sinks_that_may_not_show_it(
    opened: Open, outbox: Outbox
) -> None:
    withheld = {"slack": "it may not show <followers> notes"}
    body = a_note_event(1, kind="mention").body
    await accept(outbox, an_event(1), body, {"discord": "all"}, now=NOW, withheld=withheld)
    client = await opened()
    await log_in(client)
    shown = await (await client.get("/deliveries/1")).text()
    assert "it may not show &lt;followers&gt; notes" in shown


async def test_every_wait_has_its_reason_in_the_row_and_on_its_page(
    opened: Open, outbox: Outbox
) -> None:
    async def told(words: str) -> None:
        for path in ("/", "/deliveries/1"):
            shown = " ".join((await (await client.get(path)).text()).split())
            assert words in re.sub("<[^>]*>", "", shown), path

    client = await opened()
    await log_in(client)
    await accepted(outbox)
    await told("discord gets it next.")
    await outbox.pause_sink("discord", now=NOW - 60_000)
    await told("discord is paused since 10:05.")
    await outbox.resume_sink("discord")
    closed = ClosedSink(name="discord", reason="404 gone", fingerprint="f", closed_at=NOW)
    await outbox.close_sink(closed)
    await told("discord is closed since 10:06: Discord says that the webhook")
    await outbox.open_sink("discord", now=NOW)
    claim = await outbox.claim(ClaimRequest("discord", now=NOW, lease=60_000))
    assert claim is not None
    await told("It is on its way to discord.")
    failed = [replace(each, reason="502 bad", due_at=NOW + 120_000) for each in claim.deliveries]
    await outbox.save(failed, claimed=claim.deliveries)
    await told("discord has not taken it yet: Discord has a problem of its own 502 bad")
    await told("next attempt in 2 min")
    await accepted(outbox, 2)
    shown = await (await client.get("/deliveries/2")).text()
    assert "It waits for discord behind others: 2 in all." in shown


async def test_filters_narrow_the_list(opened: Open, outbox: Outbox) -> None:
    for n in range(1, 4):
        await accepted(outbox, n, text=f"number {n}")
    client = await opened()
    await log_in(client)
    for query, rows in (
        ("", 3),
        ("?text=number+2", 1),
        ("?sink=discord&state=pending&kind=mention", 3),
        ("?state=dead", 0),
        ("?kind=note", 0),
        ("?before=2", 1),
    ):
        text = await (await client.get(f"/{query}")).text()
        assert text.count('id="e') == rows, query


async def test_what_is_not_there_is_told(opened: Open) -> None:
    client = await opened()
    await log_in(client)
    for path in ("/deliveries/7", "/deliveries/999999999999999999", "/nothing"):
        answer = await client.get(path)
        assert (answer.status, "Not found" in await answer.text()) == (404, True)


async def test_an_outbox_that_fails_is_told(opened: Open, outbox: Outbox) -> None:
    client = await opened()
    await log_in(client)
    await outbox.close()
    answer = await client.get("/")
    assert (answer.status, "does not answer" in await answer.text()) == (503, True)


async def test_a_page_speaks_the_language_of_the_browser(opened: Open) -> None:
    client = await opened()
    for asked, locale in (
        ("ja-JP,ja;q=0.9,en;q=0.8", "ja"),
        ("de, fr;q=0.5", "en"),
        ("", "en"),
        ("ko", "ko"),
        ("zh-CN", "zh-Hans"),
        ("zh-TW,en;q=0.5", "zh-Hant"),
    ):
        answer = await client.get("/login", headers={"Accept-Language": asked})
        assert f'<html lang="{locale}"' in await answer.text()


async def test_every_page_is_there_in_japanese(opened: Open, outbox: Outbox) -> None:
    await died(outbox, 1, "400 no")
    client = await opened()
    await log_in(client)
    for path, word in (
        ("/", "すべての送信先"),
        ("/deliveries/1", "もう一度送る"),
        ("/sinks", "テストを送る"),
        ("/dead", "配送不能"),
        ("/dead/confirm?action=drop", "1 件のメッセージを破棄しますか？"),
        ("/playground", "何も送信されません"),
        ("/config", "有効な設定"),
    ):
        answer = await client.get(path, headers={"Accept-Language": "ja"})
        assert word in await answer.text(), path


async def test_a_list_tells_what_has_changed_while_it_is_open(opened: Open, outbox: Outbox) -> None:
    client = await opened()
    await log_in(client)
    await accepted(outbox, text="stale")
    async with client.get("/live/?state=pending&top=1") as stream:
        assert stream.headers["Content-Type"].startswith("text/event-stream")
        parts = json.loads((await _event(stream)).removeprefix(b"data: "))
        assert "stale" in parts["e1"]
        await accepted(outbox, 2, text="fresh")
        parts = json.loads((await _event(stream)).removeprefix(b"data: "))
        assert "1 new" in parts["news"]
        assert 'href="/?state=pending"' in parts["news"]
        assert "e2" not in parts  # the list does not move


async def _event(stream) -> bytes:
    """The next that says something; comments keep the connection alive."""
    while True:
        told = await stream.content.readuntil(b"\n\n")
        if told.startswith(b"data:"):
            return told


async def test_the_door_closes_though_pages_lie_open(opened: Open, tmp_path: Path) -> None:
    client = await opened()
    await log_in(client)
    async with client.get("/live/") as stream:
        await _event(stream)
        await client.server.close()
        assert await stream.content.read() in (b"", b":\n\n")


async def test_a_sink_is_paused_and_goes_on(opened: Open, outbox: Outbox, woken: list[str]) -> None:
    client = await opened()
    await log_in(client)
    _, shown = await press(client, "/sinks/discord", "pause")
    assert "paused" in shown
    assert set(await outbox.paused_sinks()) == {"discord"}
    await outbox.close_sink(
        ClosedSink(name="discord", reason="404 gone", fingerprint="f", closed_at=NOW)
    )
    _, shown = await press(client, "/sinks/discord", "resume")
    assert (await outbox.paused_sinks(), await outbox.closed_sinks()) == ({}, [])
    assert woken == ["discord"] * 2


async def test_a_sink_tells_how_it_is(opened: Open, outbox: Outbox) -> None:
    await accepted(outbox)
    await outbox.close_sink(
        ClosedSink(name="discord", reason="404 <gone>", fingerprint="f", closed_at=NOW)
    )
    client = await opened()
    await log_in(client)
    shown = " ".join((await (await client.get("/sinks")).text()).split())
    for part in (
        "404 &lt;gone&gt;",
        "the oldest for 1 min",
        "</svg>closed<",
        "</svg>failing<",
        "5/2s",
        "deleted.",
    ):
        assert part in shown


async def test_a_test_message_tells_how_it_ended(opened: Open) -> None:
    client = await opened()
    await log_in(client)
    assert "has reached slack" in (await press(client, "/sinks/slack", "test"))[1]
    assert "did not reach discord: 404 gone" in (await press(client, "/sinks/discord", "test"))[1]
    assert "Not found" in (await press(client, "/sinks/nobody", "test"))[1]


async def test_dead_letters_are_grouped_and_revived_by_the_group(
    opened: Open, outbox: Outbox, woken: list[str]
) -> None:
    for n, reason in enumerate(("a & b", "other", "a & b"), start=1):
        await died(outbox, n, reason)
    client = await opened()
    await log_in(client)
    assert "a &amp; b" in await (await client.get("/dead")).text()
    group = {"sink": "discord", "reason": "a & b"}
    asked = await client.get("/dead/confirm", params={"action": "revive", **group})
    assert "Revive 2 messages?" in await asked.text()
    await died(outbox, 4, "a & b")  # after the operator was told how many
    path, shown = await press(client, "/dead", "revive", newest="3", **group)
    assert (path, "2 revived" in shown) == ("/dead?done=revive&number=2", True)
    assert [one.id for one in await outbox.dead()] == [4, 2]
    assert woken == ["discord"]


async def test_all_dead_letters_can_be_dropped_at_once(opened: Open, outbox: Outbox) -> None:
    for n in range(1, 4):
        await died(outbox, n, f"reason {n}")
    client = await opened()
    await log_in(client)
    asked = await client.get("/dead/confirm?action=drop")
    assert "Drop 3 messages?" in await asked.text()
    await press(client, "/dead", "drop", newest="3")
    assert await outbox.dead() == []
    assert (await client.get("/dead/confirm?action=drop")).url.path == "/dead"


@pytest.mark.parametrize(("action", "left"), [("revive", State.PENDING), ("drop", None)])
async def test_one_dead_letter_is_revived_or_dropped_once_it_is_confirmed(
    opened: Open, outbox: Outbox, woken: list[str], action: str, left: State | None
) -> None:
    numbers = [await died(outbox, n, "the same") for n in range(1, 4)]
    client = await opened()
    await log_in(client)
    shown = await (await client.get("/dead")).text()
    assert shown.count(f'name="id" value="{numbers[1]}"') == 1
    asked = await client.get(f"/dead/confirm?action={action}&id={numbers[1]}")
    assert f"{action.title()} 1 message?" in await asked.text()
    path, _ = await press(client, "/dead", action, id=str(numbers[1]))
    assert path == f"/dead?done={action}&number=1"
    one = await outbox.delivery(numbers[1])
    assert (None if one is None else one.state) is left
    assert [one.id for one in await outbox.dead()] == [numbers[2], numbers[0]]
    assert woken == ["discord"]


async def test_a_letter_that_is_not_dead_is_no_dead_letter(opened: Open, outbox: Outbox) -> None:
    await accepted(outbox)
    client = await opened()
    await log_in(client)
    asked = await client.get("/dead/confirm?action=drop&id=1")
    assert asked.url.path == "/dead"
    path, _ = await press(client, "/dead", "drop", id="1")
    assert path == "/dead?done=drop&number=0"
    assert await outbox.delivery(1) is not None


async def test_a_dead_letter_of_a_sink_that_is_gone_can_be_dropped(
    opened: Open, outbox: Outbox
) -> None:
    await accept(outbox, an_event(1), a_note_event(1).body, {"nobody": "all"}, now=NOW)
    claim = await outbox.claim(ClaimRequest("nobody", now=NOW, lease=1000))
    assert claim is not None
    (one,) = claim.deliveries
    await outbox.save([replace(one, state=State.DEAD, reason="x")], claimed=[one])
    client = await opened()
    await log_in(client)
    shown = await (await client.get(f"/deliveries/{one.id}")).text()
    assert ('value="drop"' in shown, 'value="again"' in shown) == (True, False)


async def test_the_dead_letters_of_a_group_are_listed(opened: Open, outbox: Outbox) -> None:
    for n in range(1, 6):
        await died(outbox, n, "a & b")
    await died(outbox, 6, "other")
    client = await opened()
    await log_in(client)
    shown = await (await client.get("/dead")).text()
    (link,) = re.findall(r'<a href="(/\?[^"]+)">and 2 more', shown)
    listed = await (await client.get(unescape(link))).text()
    assert (listed.count('id="e'), "number 6" in listed) == (5, False)


async def test_a_delivery_is_sent_again_as_a_new_one(
    opened: Open, outbox: Outbox, woken: list[str]
) -> None:
    await accepted(outbox, text="once more")
    client = await opened()
    await log_in(client)
    path, shown = await press(client, "/deliveries/1", "again")
    assert (path, "once more" in shown) == ("/deliveries/2", True)
    first, second = await outbox.delivery(1), await outbox.delivery(2)
    assert first is not None
    assert second is not None
    assert (second.raw, second.sink, second.route) == (first.raw, "discord", "all")
    assert woken == ["discord"]


async def test_what_may_not_be_shown_is_not_sent_again(opened: Open, outbox: Outbox) -> None:
    request = a_note_event(1, kind="mention", visibility="specified")
    await accept(outbox, an_event(1), request.body, {"nobody": "all"}, now=NOW)
    client = await opened()
    await log_in(client)
    await press(client, "/deliveries/1", "again")
    assert await outbox.delivery(2) is None


async def test_what_its_author_has_hidden_since_is_not_sent_again(
    opened: Open, outbox: Outbox
) -> None:
    shown = a_note_event(1, kind="mention")
    hidden = a_note_event(1, kind="mention", visibility="followers")
    for n, request in enumerate((shown, hidden), 1):
        event = replace(misskey.parse(request.body, hook="alice"), id=f"note-{n}", created_at=n)
        same = subject_version(event, server_bound={"alice"})
        given = {
            "now": NOW + n,
            "subject_version": same,
            "restricts": same.subject if n > 1 else None,
        }
        await accept(outbox, event, request.body, {"discord": "all"}, **given)
        claim = await outbox.claim(ClaimRequest("discord", now=NOW + n, lease=1_000))
        assert claim is not None
        done = [replace(one, state=State.DELIVERED) for one in claim.deliveries]
        assert await outbox.save(done, claimed=claim.deliveries)
    client = await opened()
    await log_in(client)
    await press(client, "/deliveries/1", "again")
    assert await outbox.delivery(3) is None


async def test_a_dead_letter_is_revived_on_its_page(opened: Open, outbox: Outbox) -> None:
    number = await died(outbox, 1, "400 no")
    client = await opened()
    await log_in(client)
    path, _ = await press(client, f"/deliveries/{number}", "revive")
    assert path == f"/deliveries/{number}"
    assert await outbox.dead() == []


@pytest.mark.parametrize("path", ["/deliveries/1", "/sinks/discord", "/dead"])
async def test_an_action_that_there_is_not_changes_nothing(
    opened: Open, outbox: Outbox, path: str
) -> None:
    await died(outbox, 1, "400 no")
    client = await opened()
    await log_in(client)
    form = {"action": "explode"}
    assert (await client.post(path, data=form)).status == 400
    assert len(await outbox.dead()) == 1


async def test_the_configuration_is_told_with_its_origins_and_without_its_secrets(
    opened: Open,
) -> None:
    client = await opened()
    await log_in(client)
    shown = await (await client.get("/config")).text()
    for part in (
        "<caption>web</caption>",
        "<code>password</code>",
        "config.yaml:2, ${PASSWORD}",
        "config.yaml:5",
        "<caption>sinks.matrix</caption>",
        "<code>homeserver</code>",
        "https://matrix.invalid",
        "default",
        "a &lt;doubtful&gt; key",
        "is &lt;short&gt;",
        "take a longer one",
    ):
        assert part in shown, part
    for secret in ("a-key", "sesame", "a secret of"):
        assert secret not in shown


async def results(client: TestClient, **fields: str) -> str:
    """What the playground shows of a draft."""
    form = {**fields}
    answer = await client.post("/playground", data=form, headers={"X-Part": "results"})
    assert answer.status == 200
    return await answer.text()


async def test_the_playground_shows_a_sample_in_every_chat(opened: Open) -> None:
    client = await opened()
    await log_in(client)
    for kind in sample.kinds():
        shown = await (await client.get("/playground", params={"kind": kind})).text()
        assert [shown.count(f'class="chat {chat}"') for chat in ("discord", "slack", "matrix")] == [
            1, 1, 1,
        ]  # fmt: skip
        assert 'class="problems"' not in shown


async def test_the_playground_takes_an_event_that_really_came(opened: Open, outbox: Outbox) -> None:
    await accepted(outbox, text="really came")
    client = await opened()
    await log_in(client)
    shown = await (await client.get("/playground?delivery=1")).text()
    assert shown.count("really came") >= 4
    assert (await client.get("/playground?delivery=9")).status == 404


async def test_the_playground_offers_what_came(opened: Open, outbox: Outbox) -> None:
    event = an_event(1)
    raw = a_note_event(1, kind="mention", text="to two sinks").body
    await accept(outbox, event, raw, {"discord": "all", "slack": "all"}, now=NOW)
    client = await opened()
    await log_in(client)
    shown = await (await client.get("/playground?delivery=2")).text()
    assert shown.count("to two sinks</option>") == 1
    assert '<option value="2" selected>' in shown


async def test_another_template_is_loaded_for_the_event_that_is_there(opened: Open) -> None:
    client = await opened()
    await log_in(client)
    event = a_note_event(1, kind="mention", text="pasted").body.decode()
    form = {"event": event, "name": "_card.j2", "load": ""}
    shown = await (await client.post("/playground", data=form)).text()
    assert "<option selected>_card.j2</option>" in shown
    assert "{% block color %}" in unescape(shown)
    assert "&#34;text&#34;: &#34;pasted&#34;" in re.sub("</?span[^>]*>", "", shown)


async def test_a_template_for_other_events_names_the_right_one(opened: Open) -> None:
    client = await opened()
    await log_in(client)
    fields = {"event": sample.raw("follow").decode(), "name": "mention.j2", "template": "x"}
    shown = await results(client, **fields)
    assert "mention.j2 is not a template of this event" in shown
    assert 'name="load" value="follow.j2"' in shown
    form = {**fields, "load": "follow.j2"}
    shown = await (await client.post("/playground", data=form)).text()
    assert "<option selected>follow.j2</option>" in shown
    assert 'class="problems"' not in shown


async def test_an_event_that_is_none_is_told_and_stays(opened: Open) -> None:
    client = await opened()
    await log_in(client)
    form = {"event": "{nonsense", "name": "mention.j2", "load": ""}
    answer = await client.post("/playground", data=form)
    shown = await answer.text()
    assert (answer.status, "{nonsense" in shown, "not JSON" in shown) == (200, True, True)


async def test_a_very_long_event_can_be_tried(opened: Open, outbox: Outbox) -> None:
    request = a_note_event(1, kind="mention")
    long = request.with_event(request.event | {"new": "あ" * 400_000})
    await accept(outbox, an_event(1), long.body, {"discord": "all"}, now=NOW)
    client = await opened()
    await log_in(client)
    shown = await (await client.get("/playground?delivery=1")).text()
    assert 'class="problems"' not in shown
    assert 'class="chat discord"' in shown


async def test_a_template_that_is_edited_is_shown_at_once(opened: Open, outbox: Outbox) -> None:
    client = await opened()
    await log_in(client)
    event = a_note_event(1, kind="mention", text="hello").body.decode()
    template = "{% extends '_card.j2' %}\n{% block title %}Edited <b>now</b>{% endblock %}"
    shown = await results(client, event=event, name="mention.j2", template=template)
    assert shown.count("Edited <strong>now</strong>") == 1
    assert shown.count("Edited") >= 3
    assert await outbox.deliveries(DeliverySearch()) == []


@pytest.mark.parametrize(
    ("template", "line", "told"),
    [
        pytest.param("one\n{% if %}", 2, "Expected an expression", id="what is no template"),
        pytest.param("one\ntwo\n{{ note.txet }}", 3, "txet", id="a misspelt name"),
        pytest.param(
            "\n{% block titel %}x{% endblock %}", 2, "titel", id="a block that there is not"
        ),
        pytest.param(
            "{% block title %}<em>x</em>{% endblock %}", 1, "&lt;em&gt;", id="a tag that is none"
        ),
    ],
)
async def test_the_mistakes_of_a_template_are_told_with_their_line(
    opened: Open, template: str, line: int, told: str
) -> None:
    client = await opened()
    await log_in(client)
    event = a_note_event(1, kind="mention").body.decode()
    shown = await results(client, event=event, name="mention.j2", template=template)
    assert f'data-line="{line}"' in shown
    assert told in shown


@pytest.mark.parametrize(
    ("event", "name"),
    [("{", "mention.j2"), ("", ""), ("[]", "mention.j2"), ('{"type": "mention"}', "mention.j2")],
)
async def test_what_is_no_event_is_told(opened: Open, event: str, name: str) -> None:
    client = await opened()
    await log_in(client)
    shown = await results(client, event=event, name=name, template="x")
    assert 'class="problems"' in shown


async def test_only_templates_of_the_event_can_be_edited(opened: Open) -> None:
    client = await opened()
    await log_in(client)
    event = a_note_event(1, kind="mention").body.decode()
    for name in ("follow.j2", "../secret", "built-in/mention.j2", ""):
        shown = await results(client, event=event, name=name, template="x")
        assert "is not a template of this event" in shown


async def test_the_playground_tells_which_routes_match_and_why_the_others_do_not(
    opened: Open,
) -> None:
    client = await opened()
    await log_in(client)
    event = a_note_event(1, kind="mention", author="Carol").body.decode()
    shown = await results(client, event=event, name="mention.j2", template="x")
    assert "match: author is carol@misskey.example" in shown
    assert "when: it does not hold" in shown
    bobs = event.replace('"username":"', '"username":"bob","was":"', 1)
    shown = await results(client, event=bobs, name="mention.j2", template="x")
    assert "unless: author is bob@misskey.example" in shown
    shown = await results(
        client, event=sample.raw("follow").decode(), name="follow.j2", template=""
    )
    assert "match: event is follow" in shown


async def test_a_template_can_be_downloaded(opened: Open) -> None:
    client = await opened()
    await log_in(client)
    form = {"name": "mention.j2", "template": "a\r\nb ü"}
    answer = await client.post("/playground/download", data=form)
    assert answer.headers["Content-Disposition"] == 'attachment; filename="mention.j2"'
    assert await answer.text() == "a\nb ü"
    for name in ("", "x", '"x.j2', "../x.j2", "x\n.j2"):
        answer = await client.post("/playground/download", data=form | {"name": name})
        assert answer.status == 400
