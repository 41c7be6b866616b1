"""The HTML subset that templates write."""

import pytest

from relay.rendering.markup import DEPTH, PICTURES, MarkupParser
from relay.rendering.meter import BoundError
from relay.text.tree import (
    Center,
    Code,
    Emoji,
    Heading,
    Link,
    Pre,
    Quote,
    Style,
    Styled,
    Text,
    Time,
    Tree,
    text_of,
)

URL = "https://a.example"


@pytest.mark.parametrize(
    ("source", "tree"),
    [
        *(pytest.param(f"<{it}>x</{it}>", (Styled(it, (Text("x"),)),), id=it.name) for it in Style),
        pytest.param("<code>x</code>", (Code("x"),), id="code"),
        pytest.param('<pre language="py">\nx\n</pre>', (Pre("x", "py"),), id="pre"),
        pytest.param("<blockquote>x</blockquote>", (Quote((Text("x"),)),), id="blockquote"),
        pytest.param("<center>x</center>", (Center((Text("x"),)),), id="center"),
        pytest.param("<h>x</h>", (Heading((Text("x"),)),), id="h"),
        pytest.param("a<br>b<br/>c\nd", (Text("a\nb\nc\nd"),), id="line breaks"),
        pytest.param("<time>1700000000000</time>", (Time(1_700_000_000_000),), id="time"),
        pytest.param("<time>-5</time>", (Time(-5),), id="a moment before 1970"),
        pytest.param("<time>--5</time>", (Text("--5"),), id="no moment"),
        pytest.param("<time>soon</time>", (Text("soon"),), id="no number"),
        pytest.param(f"<time>{'9' * 5000}</time>", (Text("9" * 5000),), id="a number without end"),
        pytest.param("<emoji>:cat:</emoji>", (Emoji("cat"),), id="emoji"),
        pytest.param(f'<a href="{URL}">x</a>', (Link(URL, (Text("x"),)),), id="a"),
        pytest.param('<a href="javascript:x">y</a>', (Text("y"),), id="a to nowhere"),
        pytest.param("<a>y</a>", (Text("y"),), id="a without an address"),
        pytest.param("&lt;b&gt; &amp;amp; &#42;", (Text("<b> &amp; *"),), id="entities"),
        pytest.param(" \n <b>x</b> \n ", (Styled(Style.BOLD, (Text("x"),)),), id="outer blanks"),
        pytest.param('a<mfm n="0"></mfm>b', (Text("amadeb"),), id="a tree made elsewhere"),
        pytest.param('<mfm n="-1"></mfm><mfm n="7"></mfm><mfm>', (), id="no such tree"),
    ],
)
def test_the_subset_becomes_a_tree(source: str, tree: Tree) -> None:
    parser = MarkupParser([(Text("made"),)])
    assert parser.parse(source) == tree
    assert parser.problems == []


@pytest.mark.parametrize(
    ("source", "text", "problem"),
    [
        pytest.param("<b>x", "x", "<b> is never closed", id="open to the end"),
        pytest.param("x</b>", "x", "</b> closes nothing", id="a closing tag alone"),
        pytest.param("<b><i>x</b>", "x", "<i> is not closed before </b>", id="crossed"),
        pytest.param("<img src=x>x", "x", "<img> is not in the HTML subset", id="unknown"),
        pytest.param("<script>x < y</script>z", "x < yz", "<script> is not in", id="script"),
        pytest.param("<textarea>x<b>y</b>", "xy", "<textarea> is not in", id="textarea"),
    ],
)
def test_what_is_wrong_is_told_and_loses_no_text(source: str, text: str, problem: str) -> None:
    parser = MarkupParser()
    assert text_of(parser.parse(source)) == text
    assert parser.problems[0].startswith(problem)


@pytest.mark.parametrize(
    ("source", "text"),
    [
        pytest.param("1 < 2 and <3", "1 < 2 and <3", id="less than"),
        pytest.param("a<!-- b <i> -->c", "ac", id="a comment"),
        pytest.param("a<!-- b <!-- c -->d", "ad", id="a comment in a comment"),
        pytest.param("a<!-- b", "a<!-- b", id="half a comment"),
        pytest.param("a<!-- b --><!-- c", "a<!-- c", id="half a comment after a whole one"),
        pytest.param("a<![CDATA[b]]>", "a<![CDATA[b]]>", id="a declaration"),
        pytest.param("a<![b", "a<![b", id="half a declaration"),
        pytest.param("<a href='b", "<a href='b", id="half a tag"),
        pytest.param("<a b='<b>c</b>", "<a b='c", id="half a tag before a whole one"),
        pytest.param("<?xml b?>", "<?xml b?>", id="an instruction"),
        pytest.param("</>", "</>", id="the end of nothing"),
        pytest.param("<pre language='a>b'>x</pre>", "x", id="a sign in an attribute"),
    ],
)
def test_what_begins_no_tag_is_text(source: str, text: str) -> None:
    assert text_of(MarkupParser().parse(source)) == text


def test_a_made_tree_can_be_placed_often_but_not_without_end() -> None:
    made = (Text("x" * 9_000),)
    placed = '<mfm n="0"></mfm>'
    assert len(text_of(MarkupParser([made]).parse(placed * 50))) == 450_000
    with pytest.raises(BoundError, match="too often"):
        MarkupParser([made]).parse(placed * 60)


def test_tags_nest_only_so_deep() -> None:
    parser = MarkupParser()
    tree = parser.parse("<b>" * 5000 + "x" + "</b>" * 5000)
    depth = 0
    while isinstance(node := tree[0], Styled):
        tree, depth = node.children, depth + 1
    assert (depth, tree) == (DEPTH, (Text("x"),))
    assert parser.problems[0] == f"<b> is nested more than {DEPTH} deep"


def test_the_label_of_a_picture_is_its_alt_text() -> None:
    picture = MarkupParser(make=PICTURES).parse(f'<a href="{URL}">readme.md</a>')
    assert picture == (Link(URL, (Text("readme.md"),)),)
