"""What a URL of the page asks for, and which deliveries that finds."""

import json

import pytest

from relay.admin.search import Filter, filter_of, search
from relay.outbox import Outbox
from relay.outcome import State
from tests.factories import a_delivery, accept, an_event


def test_a_filter_comes_back_from_its_url() -> None:
    wanted = Filter(sink="team", state="dead", kind="note", text="a & b?", reason="4", before=17)
    assert wanted.query == "?sink=team&state=dead&kind=note&text=a+%26+b%3F&reason=4&before=17"
    query = {
        "sink": "team", "state": "dead", "kind": "note", "text": "a & b?", "reason": "4",
        "before": "17",
    }  # fmt: skip
    assert filter_of(query) == wanted
    assert Filter().query == ""
    assert Filter().is_empty


@pytest.mark.parametrize(
    "query",
    [
        {"state": "lost"}, {"before": "-1"}, {"before": "x"}, {"before": "9" * 30},
        {"before": "٣٣"}, {"text": "  "}, {"other": "x"},
    ],
)  # fmt: skip
def test_what_is_no_filter_asks_for_nothing(query: dict[str, str]) -> None:
    wanted = filter_of(query)
    assert wanted.is_empty
    assert wanted.search.before is None or query["before"].isdecimal()


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        pytest.param({"text": "Hello, World"}, "hello", id="whatever its case"),
        pytest.param({"text": "こんにちは"}, "にち", id="in any language"),
        pytest.param({"text": 'say "yes"\nnow'}, '"yes"', id="with characters that JSON escapes"),
    ],
)
@pytest.mark.parametrize("escaped", [True, False])
def test_a_text_is_found_in_the_event(raw: dict[str, str], text: str, escaped: bool) -> None:
    delivery = a_delivery(raw=json.dumps(raw, ensure_ascii=escaped).encode())
    assert Filter(text=text).select([delivery]) == [delivery]
    assert Filter(text=f"{text}?").select([delivery]) == []


def test_a_text_is_found_in_the_reason_and_the_id() -> None:
    delivery = a_delivery(reason="404 Unknown Webhook", event_id="ABC-1")
    assert Filter(text="unknown web").select([delivery]) == [delivery]
    assert Filter(text="abc-1").select([delivery]) == [delivery]


async def filled(outbox: Outbox, number: int) -> None:
    for n in range(number):
        kind = "mention" if n % 10 == 0 else "note"
        event = an_event(n, kind=kind)
        await accept(outbox, event, f'{{"n": "number {n}."}}'.encode(), {"team": "all"}, now=n)


async def test_pages_follow_each_other_without_a_gap(outbox: Outbox) -> None:
    await filled(outbox, 120)
    wanted, pages = Filter(), []
    while True:
        page = await search(outbox, wanted)
        pages.append([one.id for one in page.deliveries])
        if page.older is None:
            break
        wanted = wanted.older_than(page.older)
    assert [len(page) for page in pages] == [50, 50, 20]
    assert [one for page in pages for one in page] == list(range(120, 0, -1))


async def test_a_full_last_page_is_the_last(outbox: Outbox) -> None:
    await filled(outbox, 50)
    assert (await search(outbox, Filter())).older is None


async def test_filters_hold_all_at_once(outbox: Outbox) -> None:
    await filled(outbox, 30)
    page = await search(outbox, Filter(sink="team", state=State.PENDING, kind="mention"))
    assert [one.kind for one in page.deliveries] == ["mention"] * 3
    assert (await search(outbox, Filter(sink="other", kind="mention"))).deliveries == []
    assert [one.id for one in (await search(outbox, Filter(text="number 17."))).deliveries] == [18]


async def test_a_search_looks_only_so_far_and_goes_on_where_it_stood(
    outbox: Outbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("relay.admin.search.REACH", 20)
    monkeypatch.setattr("relay.admin.search.ROWS_PER_QUERY", 10)
    await filled(outbox, 45)
    wanted, seen, looks = Filter(text="number 3."), [], 0
    while True:
        page = await search(outbox, wanted)
        looks += 1
        seen += [one.id for one in page.deliveries]
        if page.older is None:
            break
        assert page.is_cut
        wanted = wanted.older_than(page.older)
    assert (seen, looks) == ([4], 3)
