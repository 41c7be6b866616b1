"""
Matrix HTML (``org.matrix.custom.html``): only what the specification lets clients show.

https://spec.matrix.org/v1.19/client-server-api/#mroommessage-msgtypes
"""

import re
from html import escape

from relay.dialects import plain
from relay.tree import (
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
)

TAGS = {
    Style.BOLD: "b",
    Style.ITALIC: "i",
    Style.UNDERLINE: "u",
    Style.STRIKE: "del",
}
_LANGUAGE = re.compile(r"[\w+#.-]{1,20}")
_COLOR = re.compile(r"#[0-9a-fA-F]{6}")


def render(nodes: Tree) -> str:
    """A tree as HTML."""
    return "".join(map(_render, nodes))


def text(literal: str) -> str:
    return escape(clean(literal)).replace("\n", "<br>")


def _render(node: Node) -> str:
    match node:
        case Text(literal):
            return text(literal)
        case Styled(Style.SPOILER, children):
            return f"<span data-mx-spoiler>{render(children)}</span>"
        case Styled(style, children) if style in TAGS:
            return f"<{TAGS[style]}>{render(children)}</{TAGS[style]}>"
        case Code(literal):
            return f"<code>{text(literal)}</code>"
        case Pre(literal, language):
            return _pre(literal, language)
        case Math(formula, block):
            tag = "div" if block else "span"
            tex = escape(clean(formula))
            return f'<{tag} data-mx-maths="{tex}"><code>{tex}</code></{tag}>'
        case Quote(children):
            return f"<blockquote>{_trimmed(render(children))}</blockquote>"
        case Center(children):
            return f"<div>{_trimmed(render(children))}</div>"
        case Heading(children):
            return f"<b>{render(children)}</b><br>"
        case Colored(children, foreground, background):
            return _colored(children, foreground, background)
        case Link(address, children):
            return f'<a href="{escape(address)}">{render(children)}</a>'
        case Emoji(name):
            return text(f":{name}:")
        case Time(at):
            return escape(plain.time(at))
        case _:
            return render(node.children)


def _pre(literal: str, language: str) -> str:
    shown = f' class="language-{language}"' if _LANGUAGE.fullmatch(language) else ""
    return f"<pre><code{shown}>{escape(clean(literal))}</code></pre>"


def _colored(children: Tree, foreground: str, background: str) -> str:
    found = {"data-mx-color": foreground, "data-mx-bg-color": background}
    attributes = "".join(
        f' {name}="{color}"' for name, color in found.items() if _COLOR.fullmatch(color)
    )
    return f"<span{attributes}>{render(children)}</span>" if attributes else render(children)


def _trimmed(html: str) -> str:
    return html.removeprefix("<br>").removesuffix("<br>")
