"""Plain text for terminals and notifications, and trees reduced to text, links and bold."""

import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

from msgspec.structs import replace

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
_ON_OWN_LINES = (Quote, Pre, Center, Heading)


def render(nodes: Tree) -> str:
    """A tree as bare text; spoilers stay hidden, links are spelled out."""
    return _joined(nodes).strip("\n")


def _joined(nodes: Tree) -> str:
    """Puts quotes, code and the like on lines of their own, without blank lines around them."""
    written, after_block = "", False
    for node in nodes:
        part, is_block = _render(node), _is_block(node)
        if is_block:
            part = part.strip("\n")
        if not part:
            continue
        if is_block and written and not written.endswith("\n"):
            written += "\n"
        elif after_block and not is_block:
            part = "\n" + part.lstrip("\n")
        written, after_block = written + part, is_block
    return written


def _is_block(node: Node) -> bool:
    return isinstance(node, _ON_OWN_LINES) or (isinstance(node, Math) and node.block)


def line(nodes: Tree) -> str:
    """A tree in one line."""
    return " ".join(render(nodes).split())


def without_file_names(text: str) -> str:
    """Cuts each line after 🔞: the name of a sensitive file can say too much."""
    return re.sub(rf"(?m)^([> ]*{NO_MINORS}).*", r"\1", text)


def excerpt(nodes: Tree, limit: int) -> str:
    """
    The first words of a tree, in one line without addresses: for a notification.

    Quotes appear only where there is nothing else; hidden text never does.
    """
    lines = [
        text.strip() for text in without_file_names(render(relinked(nodes, _label))).split("\n")
    ]
    own = [text for text in lines if text != ">" and not text.startswith(QUOTED)]
    words = _words(own) or _words(re.sub(f"^(?:{QUOTED})+", "", text) for text in lines)
    return words if len(words) <= limit else f"{words[: boundary(words, limit - 1)].rstrip()}…"


def _label(link: Link) -> Tree:
    return link.children


def _words(lines: Iterable[str]) -> str:
    return " ".join(" ".join(text for text in lines if text != HIDDEN).split())


def simple(nodes: Tree) -> Tree:
    """The same content with text, links and bold only."""
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
            link = honest(node)
            return _link(link) if isinstance(link, Link) else _joined(link)
        case Quote(children):
            inner = render(children)
            return "\n".join(f"> {text}" for text in inner.split("\n")) if inner.strip() else ""
        case _:
            return _joined(node.children)


def _link(link: Link) -> str:
    label, url = line(link.children), link.url
    if link.source is LabelSource.RELAY and label.startswith(("@", "#")):
        return label  # people and tags speak for themselves
    bare = url.removeprefix("mailto:")
    return label if label in {url, bare} else f"{label} ({bare})"


def moment(node: Time) -> str:
    return node.words or time(node.at)


def time(at: int) -> str:
    """A moment as people read it; a fallback where a chat shows no local time."""
    try:
        return datetime.fromtimestamp(at / 1000, UTC).strftime("%Y-%m-%d %H:%M UTC")
    except (OverflowError, ValueError, OSError):
        return str(at)
