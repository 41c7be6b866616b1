"""
Discord's Markdown, as far as relay writes it, to HTML.

What is not markup of the dialect's own stays the text that it is.
"""

import re
from collections.abc import Callable
from datetime import UTC, datetime

from markupsafe import Markup, escape

from relay.text.links import is_web

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


def drawn(source: str, depth: int = DEPTH) -> Markup:
    """A text as Discord shows it; newlines stay, for styles that keep them."""
    found, at = Markup(), 0
    for match in _RULES.finditer(source) if depth else ():
        found += escape(source[at : match.start()]) + _element(match, depth - 1)
        at = match.end()
    return found + escape(source[at:])


def _element(match: re.Match[str], depth: int) -> Markup:
    name = match.lastgroup or ""
    if name in _WITHIN:
        return _WITHIN[name].format(drawn(match[name], depth))
    return _LEAVES[name](match, depth)


def _link(address: str, label: Markup) -> Markup:
    if not is_web(address):
        return label
    return Markup('<a href="{}" rel="noreferrer noopener" target="_blank">{}</a>').format(
        address, label
    )


def _quote(match: re.Match[str], depth: int) -> Markup:
    inner = re.sub(r"(?m)^> ", "", match["quote"]).rstrip("\n")
    return Markup("<blockquote>{}</blockquote>").format(drawn(inner, depth))


def moment(written: str) -> Markup:
    """Seconds since 1970, as chats tell them: here in UTC, for a server draws it."""
    try:
        when = datetime.fromtimestamp(int(written), UTC)
    except (OverflowError, ValueError, OSError):
        return escape(written)
    return Markup('<time datetime="{}">{:%Y-%m-%d %H:%M} UTC</time>').format(when.isoformat(), when)


_LEAVES: dict[str, Callable[[re.Match[str], int], Markup]] = {
    "pre": lambda match, depth: Markup("<pre><code>{}</code></pre>").format(match["pre"]),
    "quote": _quote,
    "escaped": lambda match, depth: escape(match["escaped"]),
    "code": lambda match, depth: Markup("<code>{}</code>").format(match["code"]),
    "target": lambda match, depth: _link(match["target"], drawn(match["label"], depth)),
    "address": lambda match, depth: _link(match["address"], escape(match["address"])),
    "moment": lambda match, depth: moment(match["moment"]),
    "emoji": lambda match, depth: escape(f":{match['emoji']}:"),
    "ping": lambda match, depth: Markup('<span class="ping">@{}</span>').format(match["ping"]),
}
