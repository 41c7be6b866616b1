"""What is written in fewer steps is written the same."""

from collections.abc import Callable

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from relay.sinks.discord import markup as discord
from relay.sinks.layout import leading
from relay.sinks.slack import layout as slack
from relay.text import flow
from relay.text.tree import Emoji, Style, Styled, Text, Tree, mapped, relinked
from tests.readers.trees import TOKENS

NOTHING = Text("")
"""Next to a text it changes nothing but the way that the text takes."""

texts = st.lists(st.sampled_from([*TOKENS, " ", "\n", "# ", "- ", "> ", "1. "])).map("".join)


@pytest.mark.parametrize(
    "write",
    [discord.render, discord.inline, slack.rendered, slack.size_of],
    ids=lambda it: it.__name__,
)
@settings(derandomize=True, deadline=None)
@given(text=texts)
@example(text=" \n# a\n\n  - *b* \n")
@example(text="\n \n")
def test_a_text_alone_is_written_as_it_is_among_others(
    write: Callable[[Tree], object], text: str
) -> None:
    assert flow.bare((Text(text), NOTHING)) is None
    assert write((Text(text),)) == write((Text(text), NOTHING))


def test_what_is_not_text_alone_is_not_bare() -> None:
    assert flow.bare((Text("a\u202eb"),)) == "ab"
    assert flow.bare(()) == ""
    assert flow.bare((Emoji("cat"),)) is None


def test_a_message_that_is_alone_in_its_request_is_not_measured() -> None:
    measured: list[str] = []

    def sizes(written: str) -> tuple[int]:
        measured.append(written)
        return (len(written),)

    assert leading(["a" * 9], sizes, (5,)) == ["a" * 9]
    assert measured == []
    assert leading(["aa", "bb", "cc"], sizes, (5,)) == ["aa", "bb"]
    assert measured == ["aa", "bb", "cc"]


def test_a_tree_is_copied_only_where_it_changes() -> None:
    style = Styled(Style.BOLD, (Text("x"),))
    tree: Tree = (style, Styled(Style.BOLD, (Emoji("cat"),)))
    assert mapped(tree, lambda node: node)[1] is tree[1]
    assert relinked(tree, lambda link: (link,))[0] is style
    changed = mapped(tree, lambda node: Text("c") if isinstance(node, Emoji) else node)
    assert changed[0] is style
    assert changed[1] == Styled(Style.BOLD, (Text("c"),))
