"""Plain text, for terminals and texts of notifications, and the plainest of all trees."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime

from relay.text.links import honest, is_web
from relay.text.shorten import boundary
from relay.text.tree import (
    Center,
    Code,
    Colored,
    Emoji,
    Heading,
    LabelSource,
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
    mapped,
    merged,
    relinked,
    stripped,
    text_of,
)

HIDDEN = "█████"
QUOTED = "> "
NO_MINORS = "🔞"


def render(nodes: Tree) -> str:
    """A tree as bare text; what a spoiler hides stays hidden, links are spelled out."""
    return _joined(nodes).strip("\n")


def _joined(nodes: Tree) -> str:
    """Quotes, code and the like on lines of their own, with no empty line beside them."""
    written, after_block = "", False
    for node in nodes:
        shown, is_block = _render(node), _is_block(node)
        if is_block:
            shown = shown.strip("\n")
        if not shown:
            continue
        if is_block and written and not written.endswith("\n"):
            written += "\n"
        elif after_block and not is_block:
            shown = "\n" + shown.lstrip("\n")
        written, after_block = written + shown, is_block
    return written


def _is_block(node: Node) -> bool:
    return isinstance(node, Quote | Pre | Center | Heading) or (
        isinstance(node, Math) and node.block
    )


def line(nodes: Tree) -> str:
    """A tree in one line."""
    return " ".join(render(nodes).split())


def unnamed(text: str) -> str:
    """A text without what stands in its lines behind 🔞: the name of a file can say enough."""
    return re.sub(rf"(?m)^([> ]*{NO_MINORS}).*", r"\1", text)


def excerpt(nodes: Tree, limit: int) -> str:
    """
    The first words of a tree, in one line without addresses: for a notification.

    What is quoted comes only where there is nothing else; what is hidden never does.
    """
    lines = [one.strip() for one in unnamed(render(relinked(nodes, _label))).split("\n")]
    own = [one for one in lines if one != ">" and not one.startswith(QUOTED)]
    words = _shown(own) or _shown(re.sub(f"^(?:{QUOTED})+", "", one) for one in lines)
    return words if len(words) <= limit else f"{words[: boundary(words, limit - 1)].rstrip()}…"


def _label(found: Link) -> Tree:
    return found.children


def _shown(lines: Iterable[str]) -> str:
    return " ".join(" ".join(one for one in lines if one != HIDDEN).split())


def simple(nodes: Tree) -> Tree:
    """A tree that says the same with nothing but text, links and bold."""
    return stripped(tuple(merged(_simple(nodes))))


def _simple(nodes: Tree) -> Iterator[Node]:
    for node in nodes:
        match node:
            case Link(url, children) if is_web(url):
                label = line(children)
                yield replace(node, children=(Text(label),)) if label else Text(url)
            case Styled(Style.BOLD, children):
                if inner := tuple(_simple(children)):
                    yield Styled(Style.BOLD, inner)
            case Heading(children):
                yield from (Text("\n"), Styled(Style.BOLD, simple(children)), Text("\n"))
            case Quote(children):
                yield from (Text("\n"), *_quoted(simple(children)), Text("\n"))
            case Pre() | Math(block=True):
                yield Text(f"\n{_render(node)}\n")
            case Center(children):
                yield from (Text("\n"), *simple(children), Text("\n"))
            case Styled(style, children) if style is not Style.SPOILER:
                yield from _simple(children)
            case Colored(children):
                yield from _simple(children)
            case _:
                yield from filter(None, (Text(_render(node)),))


def _quoted(nodes: Tree) -> Tree:
    def marked(node: Node) -> Node:
        return Text(node.text.replace("\n", "\n> ")) if isinstance(node, Text) else node

    return (Text("> "), *mapped(nodes, marked))


def _render(node: Node) -> str:
    match node:
        case Text(text) | Code(text) | Pre(text):
            return clean(text)
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
            return _link(made) if isinstance(made, Link) else _joined(made)
        case Quote(children):
            inner = render(children)
            return "\n".join(f"> {one}" for one in inner.split("\n")) if inner.strip() else ""
        case _:
            return _joined(node.children)


def _link(made: Link) -> str:
    label, url = line(made.children), made.url
    if made.source is LabelSource.RELAY and label.startswith(("@", "#")):
        return label  # people and tags speak for themselves
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
