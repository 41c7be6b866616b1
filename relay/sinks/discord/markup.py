"""
Discord's Markdown, as embed descriptions and field values show it.

https://support.discord.com/hc/en-us/articles/210298617 is all that is written about it; the rules
of escaping were measured against discord-markdown-parser, a port of what the client does.

Its rules look for the next mark and do not count brackets, so marks in marks are read in strange
ways. Here each run has its own marks, and an invisible character stands wherever two could meet.
"""

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from relay.text import flow, plain
from relay.text.flow import Run, Styles
from relay.text.links import without_links
from relay.text.tree import Code, Emoji, Link, Pre, Style, Text, Time, Tree, text_of

# From the outside to the inside.
MARKS = {Style.STRIKE: "~~", Style.UNDERLINE: "__", Style.BOLD: "**", Style.ITALIC: "*"}
HIDE = "||"
SUBTEXT = "-# "
BREAK = "\u200b"  # invisible; keeps apart what would be read together

_SPECIAL = re.compile(
    r"[\\*_~`|<\[]|(?<=\])\("  # text after a link, too, can be its label: [a](<b>) ](c)
    r"|(?P<ping>@(?=everyone|here))"
    r"|(?P<scheme>:(?=//))"
    r"|(?P<emoji>:(?=[\w+~-]+:))",
    re.I,
)
_LINE_MARK = re.compile(
    r"(?P<blank>[\s\u200b]*)"
    r"(?:(?P<number>\d+)(?=[.)](?:[\s\u200b]|$))|(?P<mark>#{1,3}|-#|[-+]|>{1,3})(?=[\s\u200b]|$))"
)
_MARK_CHARS = frozenset("*_~|`")
_UNSAFE_IN_URL = re.compile(r"[*|<>\\`\s\x00-\x1f]|([_~])(?=\1)|(?<=_)_|(?<=~)~|(?<=\])\(")
_LIVE_IN_CODE = re.compile(r"@(?=everyone|here)|<(?=@[!&]?\d)|\](?=\()", re.I)
_LANGUAGE = re.compile(r"[\w+#.-]{0,20}", re.ASCII)


def render(nodes: Tree) -> str:
    """Write a tree as Markdown; markup in its texts is escaped."""
    if (text := flow.bare(nodes)) is not None:
        return "\n".join(map(_bare, text.split("\n"))).strip("\n")
    written, after_quote = "", False
    for block in flow.blocks(nodes):
        # Text right after a quote is not read as subtext.
        lines = _lines(block.runs, subtext=not after_quote)
        text = _pre(block.pre, block.styles) if block.pre else lines
        after_quote = block.quoted
        if block.quoted and not text.strip():
            continue
        if block.quoted:
            text = "\n".join(f"> {line}" for line in text.strip("\n").split("\n"))
        if written and not written.endswith("\n"):
            written += "\n"
        written += text
    return written.strip("\n")


def inline(nodes: Tree) -> str:
    """A tree as one line of Markdown without links: an embed's title, a field's name."""
    if (text := flow.bare(nodes)) is not None:
        return _bare(text.replace("\n", " ")).strip()
    return _lines(flow.line(without_links(nodes))).strip()


def url(text: str) -> str:
    """An address that no markup around it can end."""
    return _UNSAFE_IN_URL.sub(lambda match: _percent(match[0]), text)


def _percent(text: str) -> str:
    return "".join(f"%{byte:02X}" for byte in text.encode(errors="replace"))


def escape(text: str) -> str:
    """Escape literal text, except marks that are special only where a line begins."""
    return _SPECIAL.sub(_escaped, text)


def _escaped(match: re.Match[str]) -> str:
    return match[0] + BREAK if match["ping"] else "\\" + match[0]


class _Piece(NamedTuple):
    """Markup that stands for itself; the blanks around it are pieces of their own."""

    written: str
    hidden: bool = False
    literal: bool = False
    """Text without marks: its characters could be read together with the text next to it."""


def _bare(line: str) -> str:
    """A line of nothing but text."""
    if not (body := line.strip()):
        return line
    before, _, after = line.partition(body)
    return f"{before}{_at_line_start(escape(body))}{after}"


def _lines(runs: list[Run], *, subtext: bool = False) -> str:
    pieces: list[_Piece] = []
    for line in flow.lines(runs):
        if pieces:
            pieces.append(_Piece("\n"))
        if subtext and _is_small(line):
            pieces.append(_Piece(SUBTEXT))
        pieces += _line(line)
    return _joined(pieces)


def _is_small(line: list[Run]) -> bool:
    if not any(Style.SMALL in run.styles for run in line):
        return False
    runs = [run for run in line if not isinstance(run.leaf, Text) or run.leaf.text.strip()]
    return bool(runs) and all(
        Style.SMALL in run.styles and Style.SPOILER not in run.styles for run in runs
    )


def _line(line: Iterable[Run]) -> Iterator[_Piece]:
    begins = True
    for run in line:
        for piece in _pieces(run, begins=begins):
            yield piece
            begins = begins and not piece.written.strip()


def _pieces(run: Run, *, begins: bool) -> Iterator[_Piece]:
    hidden = Style.SPOILER in run.styles
    match run.leaf:
        case Text(text):
            body = text.strip()
            before, _, after = text.partition(body) if body else (text, "", "")
            if before:
                yield _Piece(before, literal=True)
            escaped = _at_line_start(escape(body)) if begins else escape(body)
            marked = _marked(escaped, run)
            yield _Piece(marked, hidden=hidden, literal=marked == escaped)
            if after:
                yield _Piece(after, literal=True)
        case Code(text):
            yield _Piece(_code(text, run), hidden=hidden)
        case Emoji(code=code):
            yield _Piece(_marked(code, run), hidden=hidden)
        case Time(at):
            if not 0 <= at < 8.64e15:  # Discord knows no dates beyond
                yield from _pieces(Run(Text(plain.moment(run.leaf)), run.styles), begins=begins)
                return
            yield _Piece(_marked(f"<t:{at // 1000}:F>", run), hidden=hidden)
        case Link(address, children) if address.startswith("mailto:"):
            text = plain.line((run.leaf,))  # no masked link of Discord leads there
            yield from _pieces(Run(Text(text), run.styles), begins=begins)
        case Link(address, children):
            yield from _link(address, children, run)


def _at_line_start(text: str) -> str:
    mark = _LINE_MARK.match(text)
    if mark is None:
        return text
    at = mark.end() if mark["number"] else mark.start("mark")
    return f"{text[:at]}\\{text[at:]}"


def _marked(text: str, run: Run) -> str:
    if not run.styles or not text.strip():
        return text
    marks = [mark for style, mark in MARKS.items() if style in run.styles]
    closing = BREAK if marks and (text[-1] in _MARK_CHARS or text[-1] == "\\") else ""
    return "".join([*marks, text, closing, *reversed(marks)])


def _code(text: str, run: Run) -> str:
    if not text.strip():
        return text
    text = _LIVE_IN_CODE.sub(rf"\g<0>{BREAK}", text)
    if Style.SPOILER in run.styles:
        text = _apart("|", text)
    if "`" not in text:
        code = f"`{text}`"
    else:
        text = _apart("`", text)
        before, after = (BREAK if text[at] == "`" else "" for at in (0, -1))
        code = f"``{before}{text}{after}``"
    # A code span does not protect what ends the marks around it.
    return code if re.search(r"[*_~|\\]", text) else _marked(code, run)


def _apart(char: str, text: str) -> str:
    return re.sub(f"{re.escape(char)}(?={re.escape(char)})", char + BREAK, text)


def _pre(pre: Pre, styles: Styles) -> str:
    text = _apart("`", _LIVE_IN_CODE.sub(rf"\g<0>{BREAK}", pre.text))
    language = pre.language if _LANGUAGE.fullmatch(pre.language) else ""
    if Style.SPOILER in styles:
        return f"{HIDE}```{language}\n{_apart('|', text)}\n```{HIDE}\n"
    return f"```{language}\n{text}\n```\n"


def _link(address: str, children: Tree, run: Run) -> Iterator[_Piece]:
    hidden = Style.SPOILER in run.styles
    label = text_of(children).strip()
    target = url(address)
    if label.rstrip("/") in {address.rstrip("/"), address.partition("://")[2].rstrip("/")}:
        yield _Piece(_marked(f"<{target}>", run), hidden=hidden)
        return
    within = _line(flow.line(children, run.styles))
    inner = _joined(piece._replace(hidden=piece.hidden and not hidden) for piece in within).strip()
    if re.search(r"[\[\]]|://", label) or not inner:  # labels that Discord does not take
        yield _Piece(inner, hidden=hidden, literal=True)
        yield _Piece(" ")
        yield _Piece(_marked(f"(<{target}>)", run), hidden=hidden)
        return
    target = target.replace("(", "%28").replace(")", "%29")
    yield _Piece(f"[{inner}](<{target}>)", hidden=hidden)


def _joined(pieces: Iterable[_Piece]) -> str:
    """The pieces, with spoilers around those that are hidden, and apart where they could meet."""
    written, blank, open_, last = "", "", False, _Piece("")
    for piece in pieces:
        if not piece.written.strip():
            blank += piece.written
            continue
        if open_ and not piece.hidden:
            written += _closing(written) + HIDE
        opens = piece.hidden and not open_
        start = HIDE if opens else piece.written[0]
        written += blank
        if not blank and (_meet(written, start) or (last.literal and piece.literal)):
            written += BREAK
        written += (HIDE if opens else "") + piece.written
        open_, last, blank = piece.hidden, piece, ""
    return written + (_closing(written) + HIDE if open_ else "") + blank


def _closing(written: str) -> str:
    return BREAK if written[-1] in _MARK_CHARS or written[-1] == "\\" else ""


def _meet(written: str, start: str) -> bool:
    return written[-1:] in _MARK_CHARS and (start[0] in _MARK_CHARS or start[0] == "\\")
