"""Plain text: notifications, terminals, and the last resort when a chat refuses the markup."""

from datetime import UTC, datetime

from relay.link import honest
from relay.tree import (
    Code,
    Emoji,
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

HIDDEN = "█████"


def render(nodes: Tree) -> str:
    """A tree as bare text; what a spoiler hides stays hidden, links are spelled out."""
    return "".join(map(_render, nodes)).strip("\n")


def line(nodes: Tree) -> str:
    """A tree in one line."""
    return " ".join(render(nodes).split())


def _render(node: Node) -> str:
    match node:
        case Text(text) | Code(text):
            return clean(text)
        case Pre(text):
            return f"\n{clean(text)}\n"
        case Math(formula):
            return clean(formula)
        case Emoji(name):
            return f":{clean(name)}:"
        case Time():
            return moment(node)
        case Styled(Style.SPOILER, children):
            return HIDDEN if clean(text_of(children)).strip() else ""
        case Link():
            made = honest(node)
            return _link(made) if isinstance(made, Link) else "".join(map(_render, made))
        case Quote(children):
            return "\n" + "\n".join(f"> {one}" for one in render(children).split("\n")) + "\n"
        case _:
            return "".join(map(_render, node.children))


def _link(made: Link) -> str:
    label, url = line(made.children), made.url
    if label.startswith(("@", "#")):  # people and tags speak for themselves
        return label
    bare = url.removeprefix("mailto:")
    return label if label in {url, bare} else f"{label} ({bare})"


def moment(node: Time) -> str:
    return node.shown or time(node.at)


def time(at: int) -> str:
    """A moment as people read it; a fallback where a chat shows no local time."""
    try:
        return datetime.fromtimestamp(at / 1000, UTC).strftime("%Y-%m-%d %H:%M UTC")
    except (OverflowError, ValueError, OSError):
        return str(at)
