"""
Matrix HTML (``org.matrix.custom.html``): only what the specification lets clients show.

https://spec.matrix.org/v1.19/client-server-api/#mroommessage-msgtypes
"""

import re
from html import escape
from urllib.parse import urlsplit

from relay.text import plain
from relay.text.links import honest
from relay.text.tree import (
    Center,
    Code,
    Colored,
    Emoji,
    Heading,
    Link,
    Math,
    Node,
    Pre,
    Quote,
    Style,
    Styled,
    Text,
    Time,
    Tree,
    clean,
    text_of,
)

TAGS = {
    Style.BOLD: "b",
    Style.ITALIC: "i",
    Style.UNDERLINE: "u",
    Style.STRIKE: "del",
}
_LANGUAGE = re.compile(r"[\w+#.-]{1,20}", re.ASCII)
_COLOR = re.compile(r"#[0-9a-fA-F]{6}")

DEPTH = 95
"""Clients show at most 100 levels, and some nodes are two."""

BREAK = "\u200b"  # invisible; keeps clients from linking text that looks like an address
NBSP = "\u00a0"
TAB = " " * 4
_BLANKS = re.compile(r"(?<=\n)[ \t]+|[ \t]{2,}|\t")
_AT_ENDS = re.compile(r"^(?:<br>)+|(?:<br>)+$")
# A block has lines of its own: a break next to it would be an empty line.
_BREAKS = re.compile(
    r"(?:<br>)+(?P<block>(?:<(?:b|i|u|del|span)(?: [^<>]*)?>)*<(?:blockquote|pre|div)\b)"
    r"|(?P<end></(?:blockquote|pre|div)>(?:</(?:b|i|u|del|span|a)>)*)(?:<br>)+"
)
_LINKED = re.compile(r"matrix(?=\.to\b)|matrix:(?=\S)|(?<!http)(?<!https):(?=//)", re.I)
_PREVIEWED = re.compile(
    r"<(pre|code)\b.*?</\1>|(?P<link><a href=.*?</a>)|<[^>]*>"
    r"|(?P<address>(?<=http):(?=//)|(?<=https):(?=//)|(?<=\w)\.(?=[^\W\d_]{2,63}[:/]))",
    re.I | re.S,
)


def render(nodes: Tree) -> str:
    """A tree as HTML."""
    return _BREAKS.sub(lambda match: match["block"] or match["end"], _render(nodes, DEPTH))


def text(literal: str) -> str:
    """Literal text; of addresses that it holds clients make links, but not to people."""
    apart = clean(literal)
    if ":" in apart or "." in apart:
        apart = _LINKED.sub(rf"\g<0>{BREAK}", apart)
    return _spaced(escape(apart)).replace("\n", "<br>")


def _spaced(html: str) -> str:
    """With blanks that HTML does not fold; every second one is one at which a line may break."""
    if "  " not in html and "\t" not in html and "\n " not in html:
        return html
    return _BLANKS.sub(lambda match: _wide(len(match[0].replace("\t", TAB))), html)


def _wide(count: int) -> str:
    return NBSP * (count % 2) + f"{NBSP} " * (count // 2)


def _render(nodes: Tree, depth: int) -> str:
    if depth <= 0:
        return text(plain.render(nodes))
    return "".join(_node(node, depth - 1) for node in nodes)


def _node(node: Node, depth: int) -> str:
    match node:
        case Text(literal):
            return text(literal)
        case Styled(Style.SPOILER, children):
            hidden = _PREVIEWED.sub(_unpreviewed, _render(children, depth))
            return f"<span data-mx-spoiler>{hidden}</span>"
        case Styled(style, children) if style in TAGS:
            return f"<{TAGS[style]}>{_render(children, depth)}</{TAGS[style]}>"
        case Code(literal):
            code = escape(clean(literal).replace("\n", " "))
            return f"<code>{_spaced(code)}</code>"
        case Pre(literal, language):
            return _pre(literal, language)
        case Math(formula, block):
            tag = "div" if block else "span"
            tex = escape(clean(formula))
            return f'<{tag} data-mx-maths="{tex}"><code>{tex}</code></{tag}>'
        case Quote(children):
            inner = _trimmed(_render(children, depth))
            return f"<blockquote>{inner}</blockquote>" if inner.strip() else ""
        case Center(children):
            return f"<div>{_trimmed(_render(children, depth))}</div>"
        case Heading(children):
            return f"<b>{_render(children, depth)}</b><br>"
        case Colored(children, foreground, background):
            return _colored(_render(children, depth), foreground, background)
        case Link():
            return _link(honest(node), depth)
        case Emoji(name, _, code):
            return _emoji(f":{clean(name)}:", code)
        case Time():
            return text(plain.moment(node))
        case _:
            return _render(node.children, depth)


def _link(link: Link | Tree, depth: int) -> str:
    if not isinstance(link, Link):
        return _render(link, depth)
    label = _render(link.children, depth)
    if not _is_permalink(link.url):
        return f'<a href="{escape(link.url)}">{label}</a>'
    return label if text_of(link.children) == link.url else f"{label} ({text(link.url)})"


def _emoji(shortcode: str, picture: str) -> str:
    """https://spec.matrix.org/v1.19/client-server-api/#sharing-custom-emoticons-and-stickers"""
    if not picture.startswith("mxc://"):
        return text(shortcode)
    name = escape(shortcode)
    source = escape(picture)
    return f'<img data-mx-emoticon src="{source}" alt="{name}" title="{name}" height="32">'


def _unpreviewed(match: re.Match[str]) -> str:
    """Clients show what links lead to, also behind spoilers, but not within code."""
    if match["link"]:
        return f"<code>{match[0]}</code>"
    return match[0] + BREAK if match["address"] else match[0]


def _is_permalink(address: str) -> bool:
    """Whether clients make a pill of it, which stands for a person or a room."""
    host = urlsplit(address).hostname or ""
    return host.rstrip(".").removeprefix("www.") == "matrix.to"


def _pre(literal: str, language: str) -> str:
    attribute = f' class="language-{language}"' if _LANGUAGE.fullmatch(language) else ""
    return f"<pre><code{attribute}>{escape(clean(literal))}</code></pre>"


def _colored(html: str, foreground: str, background: str) -> str:
    colors = {"data-mx-color": foreground, "data-mx-bg-color": background}
    attributes = "".join(
        f' {name}="{color}"' for name, color in colors.items() if _COLOR.fullmatch(color)
    )
    return f"<span{attributes}>{html}</span>" if attributes else html


def _trimmed(html: str) -> str:
    return _AT_ENDS.sub("", html)
