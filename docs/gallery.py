"""Writes gallery.md: ``python docs/gallery.py``. A test sees to it that it was written anew."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from relay.app import plan
from relay.cli.preview import embedded
from relay.misskey import samples as sample
from relay.routing.gate import redacted

PAGE = Path(__file__).parent / "gallery.md"
HEAD = """# Gallery

What relay makes of events that real servers sent, one of each kind: the text that each chat
receives, in its own markup, with all gates open. The whole payloads: `relay preview KIND`.
Written by `python docs/gallery.py`.
"""


def gallery() -> str:
    return "\n".join([HEAD, *(part for kind in sample.kinds() for part in _shown(kind))])


def _shown(kind: str) -> Iterator[str]:
    config = embedded()
    renderer, event = plan.renderer(config), sample.event(kind)
    yield f"## {kind}\n"
    for name, language, shorten in (
        ("discord", "markdown", _discord),
        ("slack", "text", _slack),
        ("matrix", "html", _matrix),
    ):
        sink: Any = config.sinks[name]
        message = renderer.rendered(redacted(sink.gate, event), "", plan.policy(config, sink))
        payload = sink.layout([message]).payload
        yield f"**{name.capitalize()}**\n\n````{language}\n{shorten(payload)}\n````\n"


def _discord(payload: Any) -> str:
    embed = payload["embeds"][0]
    lines = [embed.get("author", {}).get("name", ""), f"## {embed['title']}"]
    lines += [embed.get("description", "")]
    lines += [f"**{one['name']}**: {one['value']}" for one in embed.get("fields", ())]
    lines += [f"[picture] {one['image']['url']}" for one in payload["embeds"] if "image" in one]
    return "\n".join(filter(None, [*lines, embed.get("footer", {}).get("text", "")]))


def _slack(payload: Any) -> str:
    return "\n".join(filter(None, map(_slack_text, payload["blocks"])))


def _slack_text(element: Any) -> str:
    """The elements of a block, each with its style and where it leads."""
    if "elements" in element:
        inner = "".join(map(_slack_text, element["elements"]))
        mark = {"rich_text_quote": "> ", "rich_text_preformatted": "    "}.get(element["type"], "")
        lines = "\n".join(mark + line for line in inner.strip("\n").split("\n"))
        return lines + "\n" if element["type"].startswith("rich_text_") else lines
    if element["type"] == "image":
        return f"[picture: {element['alt_text']}] {element['image_url']}"
    text = element.get("text") or element.get("fallback") or f":{element.get('name')}:"
    styles = "+".join(element.get("style", ()))
    shown = f"{text} <{element['url']}>" if element.get("url", text) != text else text
    return f"{{{styles}: {shown}}}" if styles else shown


def _matrix(payload: Any) -> str:
    html: str = payload["formatted_body"]
    return html.replace("<br>", "<br>\n")


if __name__ == "__main__":
    PAGE.write_text(gallery(), encoding="utf-8")
