"""
Draws Discord's payloads: its Markdown, as far as relay writes it, and embeds.

What is not markup that relay writes stays the text that it is.
"""

import re
from collections.abc import Callable, Sequence

from markupsafe import Markup, escape

from relay.sinks.base import Payload
from relay.sinks.discord.layout import DESCRIPTION, TOTAL, length
from relay.sinks.layout import units
from relay.sinks.preview import Usage, drawing, moment
from relay.text.links import is_web

NO_COLOUR = "#8a8f98"

_RULES = re.compile(
    r"```(?:(?P<language>[\w+#.-]+)?\n)?(?P<pre>[\s\S]+?)\n*```"
    r"|(?P<quote>^(?:> [^\n]*(?:\n|\Z))+)"
    r"|^-\# (?P<small>[^\n]*(?:\n|\Z))"
    r"|\\(?P<escaped>[^0-9A-Za-z\s])"
    r"|(?P<ticks>`+)(?P<code>[\s\S]*?[^`])(?P=ticks)(?!`)"
    r"|\|\|(?P<spoiler>[\s\S]+?)\|\|"
    r"|\[(?P<label>(?:\\[\s\S]|[^\[\]\\])+)\]\(<(?P<target>[^<>\s]+)>\)"
    r"|<(?P<address>(?:https?://|mailto:)[^\s<>]+)>"
    r"|<t:(?P<moment>-?\d{1,13})(?::\w)?>"
    r"|<a?:(?P<emoji>\w{2,32}):\d+>"
    r"|<@(?P<ping>[&!]?\d+)>"
    r"|\*\*(?P<strong>(?:\\[\s\S]|[^\\])+?)\*\*(?!\*)"
    r"|__(?P<underline>(?:\\[\s\S]|[^\\])+?)__(?!_)"
    r"|~~(?P<strike>[\s\S]+?)~~"
    r"|\*(?P<em>(?:\\[\s\S]|[^\\*])+?)\*(?!\*)",
    re.M,
)
_WITHIN = {
    "small": Markup("<small>{}</small>"),
    "spoiler": Markup('<span class="spoiler" tabindex="0">{}</span>'),
    "strong": Markup("<strong>{}</strong>"),
    "underline": Markup("<u>{}</u>"),
    "strike": Markup("<s>{}</s>"),
    "em": Markup("<em>{}</em>"),
}
DEPTH = 20


def markdown(source: str, depth: int = DEPTH) -> Markup:
    """A text as Discord shows it; newlines stay, for styles that keep them."""
    html, at = Markup(), 0
    for match in _RULES.finditer(source) if depth else ():
        html += escape(source[at : match.start()]) + _element(match, depth - 1)
        at = match.end()
    return html + escape(source[at:])


def _element(match: re.Match[str], depth: int) -> Markup:
    name = match.lastgroup or ""
    if name in _WITHIN:
        return _WITHIN[name].format(markdown(match[name], depth))
    return _LEAVES[name](match, depth)


def _link(address: str, label: Markup) -> Markup:
    if not is_web(address):
        return label
    return Markup('<a href="{}" rel="noreferrer noopener" target="_blank">{}</a>').format(
        address, label
    )


def _quote(match: re.Match[str], depth: int) -> Markup:
    inner = re.sub(r"(?m)^> ", "", match["quote"]).rstrip("\n")
    return Markup("<blockquote>{}</blockquote>").format(markdown(inner, depth))


_LEAVES: dict[str, Callable[[re.Match[str], int], Markup]] = {
    "pre": lambda match, depth: Markup("<pre><code>{}</code></pre>").format(match["pre"]),
    "quote": _quote,
    "escaped": lambda match, depth: escape(match["escaped"]),
    "code": lambda match, depth: Markup("<code>{}</code>").format(match["code"]),
    "target": lambda match, depth: _link(match["target"], markdown(match["label"], depth)),
    "address": lambda match, depth: _link(match["address"], escape(match["address"])),
    "moment": lambda match, depth: moment(match["moment"]),
    "emoji": lambda match, depth: escape(f":{match['emoji']}:"),
    "ping": lambda match, depth: Markup('<span class="ping">@{}</span>').format(match["ping"]),
}


def usage(payload: Payload) -> Sequence[Usage]:
    embeds = payload.get("embeds", ())
    longest = max((units(embed.get("description", "")) for embed in embeds), default=0)
    return (
        Usage("embeds", sum(map(length, embeds)), TOTAL),
        Usage("description", longest, DESCRIPTION),
    )


def _colour(number: int | None) -> str:
    return f"#{number:06x}" if isinstance(number, int) else NO_COLOUR


def _instant(timestamp: str) -> str:
    """A timestamp as Discord shows it, but in UTC: the server draws it."""
    return f"{timestamp[:16].replace('T', ' ')} UTC"


draw = drawing("discord", markdown=markdown, colour=_colour, instant=_instant)
