"""Trees of all shapes with texts of the worst kind, and what their leaves say."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from urllib.parse import unquote

from hypothesis import strategies as st

from relay.text.links import honest
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
)

# Everything that is live in one of the three chats, or begins or ends what is.
TOKENS = [
    *"* ** *** _ __ ~ ~~ | || ||| ` `` ``` \\ \\\\ < > >>> [ ] ( ) ]( # ## -# - + 1. 1)".split(),
    *": :: @ & ; ! . / // @everyone @here @room <@1> <@123456789012345678>".split(),
    *"<@&123456789012345678> <#123456789012345678> </a:123456789012345678> <id:guide>".split(),
    *"<t:1:R> <:ab:123456789012345678> <@U012AB3CD> <!channel> <!here> <!subteam^S012>".split(),
    *":smile: :a:b: http:// https://evil.example https: ://evil.example".split(),
    *"<https://evil.example> <https://evil.example|bank> [bank](<https://evil.example>)".split(),
    *"[x](javascript:alert(1)) javascript:alert(1) data:text/html,x matrix:u/a:b.example".split(),
    *"https://matrix.to/#/@a:b.example <script> </b> <br> &lt; &amp; &#42; $[blur".split(),
    *"bank.example bank·example bank(.)example @bob @bob@bank.example README.md Node.js".split(),
    *"¯\\_(ツ)_/¯ a b word a.b 日本 。 é e\u0301 😀 🇯🇵 👨\u200d👩\u200d👧".split(),
    *["\n", "\n\n", " ", "  ", "\t", "\u3000", "\u200b", "\u202e", "\r\n", "\x00", "\ud800"],
]
URLS = (
    "https://a.example/b",
    "https://a.example/b_c__d~~e(f)*g*|h||`i`<j>[k]\\?l=m&n=#o",
    "http://日本.example/x",
    "mailto:a@b.example",
    "https://matrix.to/#/@a:b.example",
    "https://good.example@evil.example/",
    "javascript:alert(1)",
    "data:text/html,x",
    "https://a.example/\u202eb c",
    "",
)

nasty = st.lists(st.sampled_from(TOKENS), max_size=6).map("".join) | st.text(max_size=8)
urls = st.sampled_from(URLS)
leaves = (
    st.builds(Text, nasty)
    | st.builds(Text, st.sampled_from(TOKENS))
    | st.builds(Code, nasty)
    | st.builds(Pre, nasty, st.sampled_from(["", "py", "c++", "a\nb", "``"]))
    | st.builds(Math, nasty, st.booleans())
    | st.builds(Emoji, st.sampled_from(["blobcat", "a_b", "x:y", "*"]))
    | st.builds(Time, st.sampled_from([0, 1_700_000_000_000, -5, 10**20]))
    | st.builds(lambda url: Link(url, (Text(url),)), urls)
)


def _parents(trees: st.SearchStrategy[Tree]) -> st.SearchStrategy[Node]:
    return (
        st.builds(Styled, st.sampled_from(Style), trees)
        | st.builds(Link, urls, trees, st.sampled_from(LabelSource))
        | st.builds(Quote, trees)
        | st.builds(Center, trees)
        | st.builds(Heading, trees)
        | st.builds(Colored, trees, st.just("#ff0000"), st.sampled_from(["", "red", '"><b>']))
    )


def _trees(nodes: st.SearchStrategy[Node]) -> st.SearchStrategy[Tree]:
    return st.lists(nodes, max_size=4).map(tuple)


trees = _trees(st.recursive(leaves, lambda nodes: _parents(_trees(nodes)), max_leaves=12))


@dataclass(frozen=True, slots=True)
class Said:
    """One character that a reader sees, and how; of a moment its Unix milliseconds."""

    char: str
    styles: frozenset[Style] = frozenset()
    kind: str = ""
    """``code``, ``pre`` or ``time``."""
    quoted: bool = False
    target: str | None = None


@dataclass(frozen=True, slots=True)
class Says:
    """What a tree shows: all but blanks and what nobody sees."""

    show: Callable[[Link], Tree] = lambda link: (link,)
    """How a chat lays out an honest link."""

    def __call__(self, nodes: Tree, at: Said = Said("")) -> Iterator[Said]:
        for node in nodes:
            yield from self._node(node, at)

    def _node(self, node: Node, at: Said) -> Iterator[Said]:
        match node:
            case Text(text):
                yield from _chars(text, at)
            case Emoji(name):
                yield from _chars(f":{name}:", at)
            case Code(text) | Math(text, block=False):
                yield from _chars(text, replace(at, kind="code"))
            case Pre(text) | Math(text):
                yield from _chars(text, replace(at, kind="pre"))
            case Time(moment):
                yield replace(at, char=str(moment), kind="time")
            case Styled(style, children):
                yield from self(children, replace(at, styles=at.styles | {style}))
            case Heading(children):
                yield from self(children, replace(at, styles=at.styles | {Style.BOLD}))
            case Quote(children):
                yield from self(children, replace(at, quoted=True))
            case Center(children) | Colored(children):
                yield from self(children, at)
            case Link(_, children) if at.target is not None:
                yield from self(children, at)
            case Link():
                made = honest(node)
                if not isinstance(made, Link):
                    yield from self(made, at)
                    return
                for shown in self.show(made):
                    if isinstance(shown, Link):
                        yield from self(shown.children, replace(at, target=unquote(shown.url)))
                    else:
                        yield from self._node(shown, at)


def _chars(text: str, at: Said) -> Iterator[Said]:
    return (replace(at, char=char) for char in visible(text))


def visible(text: str) -> str:
    return "".join(clean(text).replace("\u200b", "").split())
