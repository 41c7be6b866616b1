"""What a sink hides no client of Matrix can preview: none of its links leads there."""

import json
from collections.abc import Iterator
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import pytest

from relay import misskey
from relay.app.plan import policy, renderer
from relay.cli.preview import embedded
from relay.config import Config
from relay.model import Event
from relay.routing.gate import redacted
from relay.sinks.matrix import markup as matrix
from relay.text.message import plain_form
from relay.text.tree import Code, Link, Pre, Quote, Style, Styled, Text
from tests import cases


def configured(**keys: str) -> Config:
    config = embedded()
    sinks = {name: sink.model_copy(update=keys) for name, sink in config.sinks.items()}
    return config.model_copy(update={"sinks": sinks})


def payload(event: Event, vendor: str = "matrix", **keys: str) -> dict[str, Any]:
    config = configured(**keys)
    sink = config.sinks[vendor]
    made = renderer(config).rendered(redacted(sink.gate, event), "", policy(config, sink))
    return dict(sink.layout([made]).payload)


class Previewed(HTMLParser):
    """The addresses that Element previews: outside of quotes and code, also behind spoilers."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self._inside = 0
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._inside += tag in {"blockquote", "pre", "code"}
        if tag == "a" and not self._inside:
            self.found.append(dict(attrs).get("href") or "")

    def handle_endtag(self, tag: str) -> None:
        self._inside -= tag in {"blockquote", "pre", "code"}


def hidden_files(event: Event) -> Iterator[str]:
    for note in event.note.walk() if event.note else ():
        for file in note.files:
            yield from filter(None, (file.url, file.thumbnail_url))


@pytest.mark.parametrize("name", ["g44", "g46"])
@pytest.mark.parametrize("cw", ["spoiler", "hide"])
def test_no_link_leads_to_a_hidden_file(name: str, cw: str) -> None:
    event = cases.event(name)
    found = json.dumps(payload(event, cw=cw))
    assert [url for url in hidden_files(event) if url in found] == []
    assert event.note is not None
    assert event.note.url in found


def test_the_name_of_a_hidden_file_leads_to_its_note() -> None:
    event = cases.event("g44")
    assert event.note is not None
    html = payload(event)["formatted_body"]
    assert f'🔞 <a href="{event.note.url}">photo.png</a>' in html


def test_what_a_sink_shows_it_links_to() -> None:
    event = cases.event("g44")
    [url, _] = hidden_files(event)
    assert url in payload(event, sensitive_media="show")["formatted_body"]
    event = cases.event("g46")
    [url, _] = hidden_files(event)
    assert url in payload(event, cw="show", sensitive_media="show")["formatted_body"]


@pytest.mark.parametrize("vendor", ["discord", "slack"])
def test_where_nothing_is_previewed_the_file_itself_is_linked(vendor: str) -> None:
    event = cases.event("g44")
    [url, _] = hidden_files(event)
    sent = payload(event, vendor)
    assert url in json.dumps(sent)
    if vendor == "slack":
        assert (sent["unfurl_links"], sent["unfurl_media"]) == (False, False)
    else:
        assert "content" not in sent  # embeds are not looked at for links


def with_note(**changes: Any) -> Event:
    """A note with a sensitive picture, a video, and changes of its own."""
    body = json.loads(cases.raw("g44"))
    note = body["body"]["note"]
    file = note["files"][0]
    video = {"id": "v", "name": "clip.mp4", "type": "video/mp4", "isSensitive": True}
    note["files"] = [file, file | video | {"url": f"{file['url']}v", "thumbnailUrl": None}]
    note |= {"text": f"look [here]({file['url']}) and {file['url']}"} | changes
    return misskey.parse(json.dumps(body).encode(), hook="alice")


def inside(outer: dict[str, Any], key: str) -> Event:
    """The same note as one that another quotes or answers."""
    body = json.loads(cases.raw("g44"))
    note = body["body"]["note"]
    note |= {"text": "x", "files": [], key: {**note, "id": "inner"}, f"{key}Id": "inner"} | outer
    return misskey.parse(json.dumps(body).encode(), hook="alice")


@pytest.mark.parametrize(
    "event",
    [
        pytest.param(with_note(), id="in the text, and a video"),
        pytest.param(with_note(cw="nsfw"), id="behind a warning"),
        pytest.param(with_note(cw="nsfw", text=None), id="nothing but files behind a warning"),
        pytest.param(inside({}, "renote"), id="quoted"),
        pytest.param(inside({"cw": "x"}, "renote"), id="quoted behind a warning"),
        pytest.param(inside({}, "reply"), id="answered"),
    ],
)
@pytest.mark.parametrize("cw", ["spoiler", "hide"])
def test_none_leads_there_wherever_it_stands(event: Event, cw: str) -> None:
    found = json.dumps(payload(event, cw=cw))
    links = Previewed(payload(event, cw=cw)["formatted_body"]).found
    assert set(hidden_files(event)) & set(links) == set()
    assert [url for url in hidden_files(event) if f'href=\\"{url}' in found] == []


def test_an_ordinary_picture_behind_a_warning_is_hidden_too() -> None:
    event = cases.event("g46")
    assert event.note is not None
    files = tuple(replace(file, is_sensitive=False) for file in event.note.files)
    event = replace(event, note=replace(event.note, files=files))
    assert [url for url in hidden_files(event) if url in json.dumps(payload(event))] == []


def test_the_plain_form_hides_the_same() -> None:
    config = configured()
    sink = config.sinks["matrix"]
    for name in ("g44", "g46"):
        event = cases.event(name)
        made = renderer(config).rendered(event, "", policy(config, sink))
        found = json.dumps(sink.layout([plain_form(made)]).payload)
        assert [url for url in hidden_files(event) if url in found] == []


SHOP = Link("https://shop.example/cat.png", (Text("the shop"),))


@pytest.mark.parametrize(
    "children",
    [
        (SHOP,),
        (Text("a "), Styled(Style.BOLD, (SHOP,)), Text(" b")),
        (Styled(Style.SPOILER, (SHOP,)),),
        (Quote((SHOP,)), SHOP),
        (Link("https://shop.example/cat.png", (Text("https://shop.example/cat.png"),)),),
        (Code("x"), SHOP, Pre("https://shop.example/a\n")),
    ],
)
def test_links_behind_a_spoiler_work_and_are_not_previewed(children: Any) -> None:
    html = matrix.render((Styled(Style.SPOILER, children),))
    assert Previewed(html).found == []
    assert 'href="https://shop.example/cat.png"' in html
    assert "<code><code>" not in html
    assert Previewed(matrix.render((SHOP,))).found == [SHOP.url]


@pytest.mark.parametrize("text", ["see https://shop.example/x", "see shop.example/x"])
def test_clients_find_no_address_in_a_hidden_text(text: str) -> None:
    html = matrix.render((Styled(Style.SPOILER, (Text(text),)),))
    assert text not in html
    assert text in html.replace("\u200b", "")
    assert text in matrix.render((Text(text),))
    assert "https://a.example/x" in matrix.render(
        (Styled(Style.SPOILER, (Code("https://a.example/x"),)),)
    )


def test_pictures_of_a_note_that_a_quoted_one_quotes_are_links() -> None:
    body = json.loads(cases.raw("a37"))
    note = body["body"]["note"]
    innermost = {**note, "id": "in2"}
    inner = {**note, "id": "in1", "text": "q", "files": [], "renote": innermost, "renoteId": "in2"}
    note |= {"text": "x", "files": [], "renote": inner, "renoteId": "in1"}
    event = misskey.parse(json.dumps(body).encode(), hook="alice")
    for vendor in ("discord", "slack", "matrix"):
        assert innermost["files"][0]["url"] in json.dumps(payload(event, vendor))
