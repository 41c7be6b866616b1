"""
Discord's Markdown, as embed descriptions and field values show it.

https://support.discord.com/hc/en-us/articles/210298617 is all that is written about it; the rules
of escaping were measured against discord-markdown-parser, a port of what the client does.
"""

import re

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
    without_links,
)

MARKS = {
    Style.BOLD: "**",
    Style.ITALIC: "*",
    Style.UNDERLINE: "__",
    Style.STRIKE: "~~",
    Style.SPOILER: "||",
    Style.SMALL: "",
}
BREAK = "\u200b"  # invisible; keeps apart what would be read together

_SPECIAL = re.compile(
    r"[\\*_~`|<\[\]]"
    r"|(?P<ping>@(?=everyone|here))"
    r"|(?P<scheme>:(?=//))"
    r"|(?P<emoji>:(?=[\w+~-]+:))",
    re.I,
)
_BLOCK = re.compile(r"(?m)^([ \t\u200b]*)(#{1,3}|-#|[-+]|>{1,3}|\d+(?=\.))(?=[\s.]|$)")
_UNSAFE_IN_URL = re.compile(r"[*|_~()<>\\`\s\x00-\x1f]")
_LANGUAGE = re.compile(r"[\w+#.-]{0,20}")
_BACKTICKS = re.compile("`+")


def render(nodes: Tree) -> str:
    """A tree as Markdown; whatever its texts hold, they are shown as they are."""
    return _Writer().write(nodes).text.strip("\n")


def inline(nodes: Tree) -> str:
    """A tree as one line of Markdown without links: an embed's title, a field's name."""
    return render(without_links(nodes)).replace("\n", " ")


def url(text: str) -> str:
    """An address that no markup around it can end."""
    return _UNSAFE_IN_URL.sub(lambda found: _percent(found[0]), text)


def _percent(char: str) -> str:
    return "".join(f"%{byte:02X}" for byte in char.encode())


def escape(text: str) -> str:
    """Literal text, but for what is special only where a line begins."""
    return _SPECIAL.sub(_escaped, text)


def _escaped(found: re.Match[str]) -> str:
    return found[0] + BREAK if found["ping"] else "\\" + found[0]


class _Writer:
    """Writes one tree; what stands before a piece decides how it has to be escaped."""

    def __init__(self, *, spoiler: bool = False) -> None:
        self.text = ""
        self.spoiler = spoiler

    def write(self, nodes: Tree) -> "_Writer":
        for node in nodes:
            self._node(node)
        return self

    def _node(self, node: Node) -> None:
        match node:
            case Text(text):
                self._literal(clean(text))
            case Styled(style, children):
                self._styled(style, children)
            case Code(text):
                self._mark(self._code(clean(text)))
            case Math(formula, block=False):
                self._mark(self._code(clean(formula)))
            case Pre(text, language):
                self._pre(text, language)
            case Math(formula):
                self._pre(formula, "tex")
            case Emoji(name):
                self._literal(f":{clean(name)}:")
            case Time(at):
                self._mark(f"<t:{at // 1000}:f>" if 0 <= at < 8.64e15 else plain.time(at))
            case Link(address, children):
                self._mark(self._link(address, children))
            case Quote(children):
                self._lines(children, prefix="> ")
            case Center(children):
                self._lines(children, prefix="")
            case Heading(children):
                self._styled(Style.BOLD, children)
                self.text += "\n"
            case Colored(children):
                self.write(children)

    def _literal(self, text: str) -> None:
        before = self.text.rpartition("\n")[2]
        escaped = escape(text)
        if before.strip(" \t\u200b"):  # the first line of the text does not begin a line
            first, newline, rest = escaped.partition("\n")
            self.text += first + newline + _BLOCK.sub(_unblocked, rest)
        else:
            self.text += _BLOCK.sub(_unblocked, escaped)

    def _mark(self, piece: str) -> None:
        """Append markup; equal marks side by side would be read as one."""
        if piece and self.text and self.text[-1] == piece[0] and piece[0] in "*_~|`":
            self.text += BREAK
        self.text += piece

    def _inner(self, nodes: Tree, *, spoiler: bool = False) -> str:
        return _Writer(spoiler=self.spoiler or spoiler).write(nodes).text

    def _styled(self, style: Style, children: Tree) -> None:
        mark = MARKS[style] if not (style is Style.SPOILER and self.spoiler) else ""
        inner = self._inner(children, spoiler=style is Style.SPOILER)
        body = inner.strip()
        if not mark or not body:
            self._mark(inner)
            return
        # "** x **" is not bold: blanks stay outside.
        start = inner[: len(inner) - len(inner.lstrip())]
        end = inner[len(inner.rstrip()) :]
        opening = BREAK if body[0] == mark[0] else ""
        closing = BREAK if body[-1] == mark[0] and not body.endswith("\\" + mark[0]) else ""
        self.text += start
        self._mark(f"{mark}{opening}{body}{closing}{mark}")
        self.text += end

    def _code(self, text: str) -> str:
        text = self._in_spoiler(" ".join(text.split("\n")))
        if not text.strip():
            return text
        runs: list[str] = _BACKTICKS.findall(text)
        if not runs:
            return f"`{text}`"
        fence = "`" * (max(map(len, runs)) + 1)
        return f"{fence} {text} {fence}"

    def _pre(self, text: str, language: str) -> None:
        text = self._in_spoiler(clean(text)).replace("``", f"`{BREAK}`").replace("``", f"`{BREAK}`")
        language = language if _LANGUAGE.fullmatch(language) else ""
        self._new_line()
        self.text += f"```{language}\n{text}\n```\n"

    def _in_spoiler(self, text: str) -> str:
        """A code span does not protect what ends the spoiler around it."""
        return (
            text.replace("||", f"|{BREAK}|").replace("||", f"|{BREAK}|") if self.spoiler else text
        )

    def _link(self, address: str, children: Tree) -> str:
        label = self._inner(children).replace("\n", " ").strip()
        if not label or plain.render(children) == address:
            return f"<{url(address)}>"
        return f"[{label}](<{url(address)}>)"

    def _lines(self, children: Tree, *, prefix: str) -> None:
        self._new_line()
        lines = self._inner(children).strip("\n").split("\n")
        # Discord knows no quote in a quote.
        self.text += "".join(f"{prefix}{_unquoted(line) if prefix else line}\n" for line in lines)

    def _new_line(self) -> None:
        if self.text and not self.text.endswith("\n"):
            self.text += "\n"


def _unblocked(found: re.Match[str]) -> str:
    blanks, mark = found[1], found[2]
    return f"{blanks}{mark}\\" if mark.isdigit() else f"{blanks}\\{mark}"


def _unquoted(line: str) -> str:
    return line.removeprefix("> ")
