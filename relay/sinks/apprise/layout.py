"""A message as a title and a body: plain text, or Markdown as CommonMark has it."""

import re
from collections.abc import Callable, Mapping

from relay.sinks.layout import cut_units, dated, linked, picture_links, units
from relay.text import flow, plain
from relay.text.flow import Run
from relay.text.message import Message
from relay.text.shorten import shorten
from relay.text.tree import Code, Link, Style, Styled, Text, Tree, text_of

TITLE = 250  # characters, where the service takes no fewer
BODY = 32_768
_MARKS = ((Style.STRIKE, "~~"), (Style.BOLD, "**"), (Style.ITALIC, "*"))
_SPECIAL = re.compile(r"[\\`*_{}\[\]()#+\-.!|~<>&:@$=]")
_UNSAFE_IN_URL = re.compile(r"[<>\s\\]")


def text(message: Message, *, markdown: bool, title: int, body: int) -> Mapping[str, str]:
    """``title`` and ``body`` are the most characters of each; a service may have no titles (0)."""
    write = render if markdown else plain.render
    heading = cut_units(message.summary, title)
    room = body - (0 if title else units(write((Text(message.summary),))) + 2)

    def fits(tree: Tree) -> bool:
        return units(_written(message, tree, write)) <= room

    whole = _written(message, shorten(message.body, fits), write)
    if units(whole) > room:
        whole = cut_units(whole, max(0, room))
    if not title:
        whole = "\n\n".join(filter(None, (write((Text(message.summary),)), whole)))
    return {"title": heading, "body": whole or heading or "Misskey"}


def _written(message: Message, body: Tree, write: Callable[[Tree], str]) -> str:
    address = linked((Text(message.url),), message.url) if message.url else ()
    fields = [
        (Styled(Style.BOLD, (*field.name, Text(": "))), *field.value) for field in message.fields
    ]
    parts = (body, *fields, picture_links(message.images), dated(message), address)
    return "\n\n".join(filter(None, (write(part).strip("\n") for part in parts)))


def render(nodes: Tree) -> str:
    """Write a tree as Markdown; markup in its texts is escaped."""
    blocks = []
    for block in flow.blocks(nodes, hidden=plain.HIDDEN):
        if block.pre is not None:
            written = _fenced(block.pre.text)
        else:
            written = "".join(map(_run, block.runs)).strip("\n")
        quote = "> " if block.quoted else ""
        blocks.append("\n".join(f"{quote}{line}".rstrip() for line in written.split("\n")))
    return "\n\n".join(blocks)


def _run(run: Run) -> str:
    leaf = run.leaf
    match leaf:
        case Code(code):
            return _code(code)
        case Link(url, label):
            address = _UNSAFE_IN_URL.sub(lambda match: f"%{ord(match[0]):02X}", url)
            written = f"[{_escaped(text_of(label))}](<{address}>)"
        case _:
            written = _escaped(plain.render((leaf,)))
    for style, mark in _MARKS:
        if style in run.styles:
            written = _marked(written, mark)
    return written


def _marked(written: str, mark: str) -> str:
    """Put each line into marks of its own, next to characters that are not blank."""
    lines = []
    for line in written.split("\n"):
        core = line.strip()
        begin, end = line[: len(line) - len(line.lstrip())], line[len(line.rstrip()) :]
        lines.append(f"{begin}{mark}{core}{mark}{end}" if core else line)
    return "\n".join(lines)


def _escaped(literal: str) -> str:
    return _SPECIAL.sub(r"\\\g<0>", literal)


def _code(code: str) -> str:
    longest = max(map(len, re.findall("`+", code)), default=0)
    ticks = "`" * (longest + 1)
    return f"{ticks} {code} {ticks}" if "`" in code else f"`{code}`"


def _fenced(code: str) -> str:
    longest = max(map(len, re.findall("`+", code)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}\n{code}\n{fence}"
