"""The operator's pages in a real browser: what people do there, and what strangers cannot."""

import json
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import expect
from pytest_aiohttp import AiohttpServer

from relay.misskey import samples as sample
from tests.e2e.browsing import LOOKS, SCHEMES, WIDTHS, Visit, needs_chromium, visiting
from tests.e2e.waiting import until
from tests.fakes import faults
from tests.fakes.discord import FakeDiscord
from tests.fakes.misskey import Request, a_note_event

pytestmark = needs_chromium

PAGES = (
    "/", "/?text=hello&kind=note", "/deliveries/1", "/deliveries/2", "/sinks", "/dead",
    "/deliveries/1/again",
    "/dead/confirm?action=drop", "/playground", "/playground?delivery=1", "/config", "/nothing",
)  # fmt: skip
EVIL = "https://evil.example"
WEBHOOKS = Path(__file__).parents[1] / "samples" / "webhooks.jsonl"
HOSTILE = (
    f"<script src={EVIL}/x.js></script><script>alert(1)</script><img src={EVIL}/x.png>"
    f'"><img src=x onerror=alert(1)> $[position.x=9 big] <b onclick=alert(1)>bold</b> '
    f"![x]({EVIL}/y.png) [x](javascript:alert(1)) </textarea></pre></table><style>*{{}}</style>"
    f"{{{{ 7*7 }}}} {{% raw %}} :evil: \u202etxt.exe\u202c ```</code>``` || `x` <t:1:R> @everyone"
)


@pytest.fixture
async def discord(aiohttp_server: AiohttpServer) -> FakeDiscord:
    fake = FakeDiscord(webhook_limit=None, channel_limit=None)
    fake.base_url = str((await aiohttp_server(fake.app)).make_url("")).rstrip("/")
    return fake


@pytest.fixture(params=LOOKS[1:], ids=str)
async def visit(
    tmp_path: Path, discord: FakeDiscord, request: pytest.FixtureRequest
) -> AsyncIterator[Visit]:
    width, scheme = request.param
    async with visiting(tmp_path, discord, width=width, scheme=scheme) as made:
        yield made


at_every_look = pytest.mark.parametrize("visit", LOOKS, indirect=True, ids=str)


def hostile(n: int, *, kind: str = "note") -> Request:
    """An event of which every text tries to break out of where it is shown."""
    picture = {
        "id": "f1", "name": HOSTILE, "type": "image/png", "comment": HOSTILE, "size": 1,
        "url": f"{EVIL}/file.png", "thumbnailUrl": f"{EVIL}/thumb.png", "isSensitive": False,
    }  # fmt: skip
    request = a_note_event(n, kind=kind, text=HOSTILE, cw=None, author="evil", files=[picture])
    event = request.event
    user = {"name": HOSTILE, "avatarUrl": f"{EVIL}/a.png", "emojis": {"evil": f"{EVIL}/e.png"}}
    event["body"]["note"]["user"] |= user
    event["body"]["note"]["url"] = f"{EVIL}/n"
    return request.with_event(event | {"eventId": f'"><script>alert({n})</script>'})


def strange(n: int) -> Request:
    """An event whose very kind is hostile."""
    event = hostile(n).event | {"type": "<script>alert(1)</script>", "eventId": f"strange {n}"}
    return a_note_event(n).with_event(event)


async def settled(visit: Visit, number: int) -> None:
    """Wait until no delivery waits, and there are so many."""

    async def is_settled() -> bool:
        _, told, _ = await visit.relay.command("deliveries", "--config", str(visit.relay.file))
        return told.count("delivered") + told.count("dead") >= number

    await until(is_settled)


@at_every_look
async def test_a_delivery_arrives_live_and_is_sent_again(
    visit: Visit, discord: FakeDiscord
) -> None:
    page = visit.page
    await visit.log_in("not the password")
    await expect(page.get_by_role("alert")).to_have_text("That is not the password.")
    await visit.log_in()
    await expect(page.locator("#live")).to_be_visible()
    await expect(page.locator("#rows")).to_contain_text("There are no deliveries yet")
    await visit.comes(a_note_event(1, text="hello **there**"))
    row = page.locator("#rows li").filter(has_text="hello **there**")
    await expect(row).to_contain_text("delivered")

    await page.get_by_role("navigation", name="State").get_by_role("link", name="Dead").click()
    await expect(page.locator("#rows")).to_contain_text("No delivery matches")
    assert page.url.endswith("/?state=dead")
    await page.get_by_role("navigation", name="State").get_by_role("link", name="All").click()
    await page.get_by_label("Text").fill("THERE")
    await page.keyboard.press("Enter")
    await page.locator("#rows .line").click()

    await expect(page.locator(".chat.discord strong", has_text="there")).to_be_visible()
    await expect(page.locator("#story")).to_contain_text("Sent")
    await page.get_by_role("link", name="Send again").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Send it to team again?")
    await page.get_by_role("button", name="Send again").click()
    await expect(page).to_have_url(f"{visit.address}/deliveries/2")
    await until(lambda: len(discord.posts()) == 2)
    await page.get_by_role("button", name="Log out").click()
    await expect(page.get_by_label("Password")).to_be_visible()


@at_every_look
async def test_a_group_of_dead_letters_is_revived(visit: Visit, discord: FakeDiscord) -> None:
    discord.faults.fail_next(faults.status(400), times=4)  # each is tried in its plain form, too
    page = visit.page
    await visit.comes(a_note_event(1))
    await settled(visit, 1)
    await visit.comes(a_note_event(2))
    await settled(visit, 2)
    await visit.log_in()
    await page.get_by_role("link", name="Dead letters").click()
    await page.locator(".group").get_by_role("button", name="Revive 2").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Revive 2 messages?")
    await page.get_by_role("button", name="Revive").click()
    await expect(page.locator(".told")).to_have_text("2 revived")
    await until(lambda: len(discord.posts()) == 2)


@at_every_look
async def test_a_sink_is_paused_and_tried(visit: Visit, discord: FakeDiscord) -> None:
    page = visit.page
    await visit.log_in()
    await page.get_by_role("link", name="Sinks", exact=True).click()
    await page.get_by_role("button", name="Pause team").click()
    await expect(page.locator("#s-team")).to_contain_text("paused")
    await visit.comes(a_note_event(1))
    await expect(page.locator("#s-team")).to_contain_text("1 message waits")
    assert discord.posts() == []
    await page.get_by_role("button", name="Resume team").click()
    await until(lambda: len(discord.posts()) == 1)
    await expect(page.locator("#s-team")).to_contain_text("1 delivered")
    await page.get_by_role("button", name="Send a test team").click()
    await expect(page.locator(".told")).to_have_text("The test has reached team.")
    assert len(discord.posts()) == 2


@at_every_look
async def test_a_template_is_broken_and_mended_in_the_playground(visit: Visit) -> None:
    page = visit.page
    await visit.log_in()
    await visit.go("/playground?kind=mention")
    template, problems = page.get_by_label("Template", exact=True), page.locator(".problems")
    broken = '{% extends "_card.j2" %}\n\n{% block title %}Edited {{ note.txet }}{% endblock %}'
    await template.fill(broken)
    await expect(problems).to_contain_text("txet")
    await problems.get_by_role("link", name="line 3").click()
    selected = await page.evaluate("getSelection().toString()")
    assert selected == broken.splitlines()[2]
    await template.fill(broken.replace("note.txet", "note.id"))
    await expect(problems).to_have_count(0)
    for chat in ("discord", "slack", "matrix"):
        await expect(page.locator(f".chat.{chat}")).to_contain_text("Edited")
    async with page.expect_download() as download:
        await page.get_by_role("button", name="Download the template").click()
    assert (await download.value).suggested_filename == "mention.j2"


async def test_an_event_of_another_kind_brings_its_template_along(visit: Visit) -> None:
    page = visit.page
    await visit.log_in()
    await visit.go("/playground?kind=mention")
    await page.get_by_label("Event", exact=True).fill(sample.raw("follow").decode())
    await expect(page.get_by_label("Name of the template")).to_have_value("follow.j2")
    await expect(page.locator(".chat.slack")).to_contain_text("Now following")
    await page.get_by_label("Template", exact=True).fill("mine {{")  # which must not be lost
    await page.get_by_label("Event", exact=True).fill(sample.raw("unfollow").decode())
    await expect(page.locator(".problems")).to_contain_text("is not a template of this event")
    await expect(page.get_by_label("Template", exact=True)).to_have_value("mine {{")
    await page.get_by_role("button", name="Load unfollow.j2").click()
    await expect(page.get_by_label("Name of the template")).to_have_value("unfollow.j2")
    await expect(page.locator(".problems")).to_have_count(0)
    await page.get_by_label("Sample").select_option("note")
    await expect(page.get_by_label("Name of the template")).to_have_value("note.j2")


async def test_what_was_written_outlives_its_session(visit: Visit) -> None:
    page = visit.page
    await visit.log_in()
    await visit.go("/playground")
    await page.context.clear_cookies()
    await page.get_by_label("Template", exact=True).fill("an hour of work")
    await expect(page.get_by_role("alert")).to_contain_text("copy your text")
    await expect(page.get_by_label("Template", exact=True)).to_have_value("an hour of work")
    visit.said.clear()  # that the redirect to the login was not followed


async def test_a_list_tells_that_it_is_not_live_any_more(visit: Visit) -> None:
    page = visit.page
    await visit.log_in()
    await expect(page.locator("#live")).to_have_text("live")
    await page.context.clear_cookies()
    await visit.relay.kill()
    await visit.relay.start()
    await expect(page.locator("#live")).to_contain_text("no longer live", timeout=300_000)
    visit.said.clear()  # that the connection was lost


async def test_the_keyboard_is_enough(visit: Visit) -> None:
    page = visit.page
    await visit.comes(a_note_event(1, text="by keyboard"))
    await page.goto(f"{visit.address}/")
    await expect(page.get_by_label("Password")).to_be_focused()
    await page.keyboard.type("open, sesame")
    await page.keyboard.press("Enter")
    await expect(page.locator("#rows .line")).to_be_visible()
    await page.keyboard.press("Tab")
    await expect(page.locator(".skip")).to_be_in_viewport()
    await page.keyboard.press("Enter")
    await expect(page.locator("main")).to_be_focused()
    for _ in range(9):
        await page.keyboard.press("Tab")
    await expect(page.locator("#rows .line")).to_be_focused()
    await page.keyboard.press("/")
    await expect(page.get_by_label("Text")).to_be_focused()
    await page.keyboard.press("Shift+Tab")
    await page.keyboard.press("j")
    await expect(page.locator("#rows .line")).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", level=1)).to_have_text("note · @rita")


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("width", WIDTHS)
async def test_every_page_is_right_for_everybody_at_every_width(
    tmp_path: Path, discord: FakeDiscord, width: int, scheme: str
) -> None:
    discord.faults.fail_next(faults.status(400), times=2)
    async with visiting(tmp_path, discord, width=width, scheme=scheme) as visit:
        page = visit.page
        await visit.comes(a_note_event(1, text="hello", cw="a warning"), hostile(2))
        await settled(visit, 2)
        await page.goto(f"{visit.address}/login")
        found = {"/login": await broken_rules(visit)}
        await visit.log_in()
        await expect(page.locator("#rows .line").first).to_be_visible()
        for path in PAGES:
            await page.goto(visit.address + path)
            found[path] = await broken_rules(visit)
            wide = await page.evaluate("document.documentElement.scrollWidth")
            assert wide <= width, path
        assert {path: rules for path, rules in found.items() if rules} == {}
        visit.said = [one for one in visit.said if "404" not in one]  # of the page /nothing


async def broken_rules(visit: Visit) -> list[str]:
    """What axe-core finds, by the rules of WCAG 2.2 AA."""
    tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
    options = {"runOnly": {"type": "tag", "values": tags}}
    found = await Axe().run(visit.page, options=options)
    return [
        f"{rule['id']}: {node['html'][:200]} {node['failureSummary']}"
        for rule in found.response["violations"]
        for node in rule["nodes"]
    ]


async def test_nothing_of_what_strangers_write_runs_or_calls_anybody(visit: Visit) -> None:
    page = visit.page
    await visit.log_in()
    await expect(page.locator("#live")).to_be_visible()
    await visit.comes(hostile(1), strange(2), hostile(3, kind="mention"))
    await expect(page.locator("#rows li")).to_have_count(3)  # by the live list, too
    for kind in sample.kinds():
        await visit.comes(of_kind(kind))
    for path in ("/", "/?text=<script>alert(1)</script>&sink=<b>", "/sinks", "/dead", "/config"):
        await visit.go(path)
        await inspect(visit)
    await visit.go("/")
    for path in await paths(visit):
        await visit.go(path)
        for details in await page.locator("details").all():
            await details.locator("summary").click()
        await inspect(visit)
    for path in ("/playground?delivery=1", "/playground?delivery=3", "/playground?kind=note"):
        await visit.go(path)
        await inspect(visit)


@pytest.mark.parametrize(("shown", "step"), [("/deliveries/", 1), ("/playground?delivery=", 3)])
async def test_no_sample_of_real_servers_runs_or_calls_anybody(
    visit: Visit, shown: str, step: int
) -> None:
    page = visit.page
    await visit.log_in()
    await visit.comes(*real())
    await visit.go("/?sink=team")
    numbers: list[str] = []
    while True:
        await inspect(visit)
        numbers += [path.rpartition("/")[2] for path in await paths(visit)]
        older = page.get_by_role("link", name="Older")
        if not await older.count():
            break
        await older.click()
    assert len(numbers) == len(real())
    for number in numbers[::step]:
        await visit.go(shown + number)
        await inspect(visit)
        assert await page.locator(".chat").count() > 0


def real() -> list[Request]:
    """What real servers have sent, each once."""
    found = {}
    for line in WEBHOOKS.read_text(encoding="utf-8").splitlines():
        event = json.loads(json.loads(line)["body"])
        if event.get("type") != "somethingNew" and "eventId" in event:
            found[event["eventId"]] = a_note_event(1).with_event(event)
    return list(found.values())


def of_kind(kind: str) -> Request:
    event = json.loads(sample.raw(kind)) | {"eventId": f"sample {kind}"}
    return a_note_event(1).with_event(event)


async def paths(visit: Visit) -> list[str]:
    """The pages of all deliveries in the list."""
    pills = visit.page.locator("#rows .pill")
    found: list[str] = await pills.evaluate_all("all => all.map((a) => a.getAttribute('href'))")
    return found


async def inspect(visit: Visit) -> None:
    """The page has nothing in it that only a stranger could have put there."""
    found = await visit.page.evaluate(
        """[
            ...document.querySelectorAll("img, iframe, object, embed, video, audio, style, base"),
            ...document.querySelectorAll("script:not([src^='/static/']), link:not([href^='/'])"),
            ...document.querySelectorAll("a[href^='javascript:'], [style], [onclick], [onerror]"),
        ].map((element) => element.outerHTML)"""
    )
    assert found == []
    visit.check()


async def test_no_click_opens_another_row_while_events_come(visit: Visit) -> None:
    page = visit.page
    await visit.comes(*(a_note_event(n, text=f"row {n}.") for n in range(1, 11)))
    await visit.log_in()
    await expect(page.locator("#rows li")).to_have_count(10)
    await expect(page.locator("#live")).to_have_text("live")
    for click in range(20):
        row = page.locator("#rows .line").nth(click % 10)
        text = await row.inner_text()
        box = await row.bounding_box()
        assert box is not None
        await visit.comes(*(a_note_event(100 + 5 * click + n) for n in range(5)))
        await expect(page.locator("#news")).to_contain_text("new")
        await page.mouse.click(box["x"] + 30, box["y"] + box["height"] / 2)
        await expect(page.locator(".lead")).to_have_text(text.split(maxsplit=1)[1])
        await page.go_back()
        await expect(page.locator("#rows .line").first).to_be_visible()
    await expect(page.locator("#live")).to_have_text("live")
    await visit.comes(a_note_event(300, text="the last"))
    await page.locator("#news a").click()
    await expect(page.locator("#rows .line").first).to_contain_text("the last")


async def test_an_event_that_is_sent_again_opens_its_own_delivery(
    visit: Visit, discord: FakeDiscord
) -> None:
    page = visit.page
    await visit.log_in()
    await visit.comes(a_note_event(1, text="once more"))
    for number in range(5):
        await visit.comes(*(a_note_event(10 * number + n + 2) for n in range(5)))
        await visit.go("/deliveries/1/again")
        await page.get_by_role("button", name="Send again").click()
        await expect(page.locator(".lead")).to_have_text("once more")
        await expect(page.locator("#event-id")).to_contain_text("/replay-")


async def test_the_first_page_says_that_a_sink_is_closed(
    visit: Visit, discord: FakeDiscord
) -> None:
    page = visit.page
    await visit.comes(a_note_event(1))  # an empty list loads itself again with its first event
    await settled(visit, 1)
    await visit.log_in()
    await expect(page.locator("#live")).to_have_text("live")
    discord.remove_webhook(discord.webhook)
    await visit.comes(a_note_event(2, text="to nobody"))
    await expect(page.locator("#needs")).to_contain_text("team is closed since")
    await expect(page).to_have_title(re.compile(r"^\(1\) "))
    await expect(page.locator("#announced")).to_contain_text("team is closed since")
    await visit.go("/")
    row = page.locator("#rows li").filter(has_text="to nobody")
    await expect(row).to_contain_text("Discord says that the webhook, channel or room was deleted")
    await row.locator(".line").click()
    await expect(page.locator("#cause")).to_contain_text("Nothing is lost")
    await page.locator("#cause").get_by_role("button", name="Resume team").click()
    await expect(page.locator("#needs li")).to_have_count(1)
