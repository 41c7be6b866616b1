"""The tree: what texts are cleaned of, where links may lead, and which labels lie."""

import sys
from unicodedata import category

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from relay.text.links import honest, hosts_in, is_web, link, people_in, without_links
from relay.text.tree import (
    Code,
    Emoji,
    Heading,
    LabelSource,
    Link,
    Math,
    Quote,
    Style,
    Styled,
    Text,
    Time,
    clean,
    merged,
    text_of,
)
from tests.readers.trees import trees

TAGS = "\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f"


def test_what_can_be_printed_needs_no_cleaning() -> None:
    # Each mark stands on a letter: heaps of them are cut down.
    letters = filter(str.isprintable, map(chr, range(sys.maxunicode + 1)))
    printable = "".join(f"a{it}" if category(it).startswith("M") else it for it in letters)
    assert clean(f"\n{printable}") == f"\n{printable}"  # the line break lets it take the long way


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        pytest.param("a\u202egnp.exe", "agnp.exe", id="a mark that turns the line round"),
        pytest.param("a\u2066b\u2069\u200f\u061c", "ab", id="isolates and marks of direction"),
        pytest.param("a\r\nb\rc\x85d\u2028e\u2029f", "a\nb\nc\nd\ne\nf", id="one kind of newline"),
        pytest.param("a\x00\x07\x1b[31m\x7f\x9b", "a[31m", id="controls"),
        pytest.param("\ufeffa\ufff9b\ufffbc", "abc", id="byte order mark, interlinear notes"),
        pytest.param("a\ud800b", "ab", id="half a character"),
        pytest.param("\t a", "\t a", id="tabs and blanks stay"),
        pytest.param(f"\U0001f3f4{TAGS}!", f"\U0001f3f4{TAGS}!", id="the flag of Scotland stays"),
        pytest.param(f"a{TAGS}b", "ab", id="the same hidden letters without a flag go"),
        pytest.param(f"\U0001f3f4{TAGS * 2}", f"\U0001f3f4{TAGS}", id="nor is more behind a flag"),
        pytest.param("👨\u200d👩 क\u094d\u200dष", "👨\u200d👩 क\u094d\u200dष", id="joiners stay"),
    ],
)
def test_clean_takes_what_rearranges_or_hides(text: str, cleaned: str) -> None:
    assert clean(text) == cleaned


@given(st.text())
@settings(derandomize=True, max_examples=200)
def test_clean_text_can_be_encoded_and_stays_as_it_is(text: str) -> None:
    found = clean(text)
    assert clean(found) == found
    assert not set(found) & set("\x00\r\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
    found.encode()


@pytest.mark.parametrize(
    "url",
    [
        "https://a.example",
        "HTTP://A.example:8080/b?c=d&e=[f]#g(h)",
        "https://日本.example/パス",
        "https://[2001:db8::1]/",
        "https://xn--wgv71a.example./",
        "mailto:bob@a.example?subject=hi",
    ],
)
def test_links_may_lead_to_the_web_and_to_mailboxes(url: str) -> None:
    assert is_web(url)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "javascript:alert(1)",
        "JaVaScRiPt://a.example/%0aalert(1)",
        "data:text/html,<script>",
        "file:///etc/passwd",
        "vbscript:x",
        "ftp://a.example",
        "matrix:u/a:b.example",
        "//a.example",
        "/a",
        "a.example",
        "https:a.example",
        "https:///a.example",
        "https://",
        "mailto:",
        " https://a.example",
        "https://a.example/b c",
        "https://a.example/\u3000",
        "https://a.example/\n",
        "java\tscript:alert(1)",
        "https://a.example/\x00",
        "https://a.example/\u202egnp",
        "https://a.example/\ud800",
        "https://good.example@evil.example",
        "https://good.example:x@evil.example",
        "https://evil.example\\@good.example",
        "https://good.example／@evil.example",
        "https://good.example∕x.evil.example",
        "https://good。example",
        "https://ｇood.example",
        "https://go\u200bod.example",
        "https://a%2eexample",
        "https://a.example:99999",
        "https://[::1",
    ],
)
def test_links_lead_nowhere_else(url: str) -> None:
    assert not is_web(url)
    assert link(url, (Text("label"),)) == (Text("label"),)


URL = "https://evil.example/x"

LIES = [
    "https://good.example",
    "good.example",
    "GOOD.EXAMPLE/login",
    "see good.example, please",
    "(good.example)",
    "www.good",
    "//good",
    "good.example@evil",
    "bob@good.example",
    "@bob@good.example",
    "good．example",
    "good。com",
    "good｡com",
    "good․example",
    "good٠com",
    "https：／／good",
    "good.example⁄login",
    "good.example／login",
    "g\u200bo\u00ado\u2060d.exa\u034fmple",
    "good.\u2009example",
    "good\u202e.example",
    "ɢᴏᴏᴅ.ᴄᴏᴍ",
    "раураl.соm",
    "xn--80ak6aa92e.com",
    "𝗀𝗈𝗈𝖽.𝖾𝗑𝖺𝗆𝗉𝗅𝖾",
    "good.c̸o̸m̸",
    "192.0.2.1",
    "localhost:8080",
    "mailto:bob",
    "javascript:alert(1)",
    "readme.md",
    "paypal.com/photo.png",
    "paypal.com?photo.png",
    "paypal.com⁄photo.png",
    "www.good.example.png",
    "good.example.evil.example",
    "good.example@evil.example",
    "https://good.example@evil.example/x",
    "evil.example,good.example",
    "evil.example\u200b.good.example",
    "@admin",
    "@admin@good.example",
    "@admin@good",
    "＠admin",
    "@admin's page",
    "ask(@admin)",
    "@管理者",
    "good.foobar/login",
    "good\ua78fexample",
    "good\u00b7example",
    "good\ufe52example",
    "good\u06d4example",
    "good\u2025example",
    "good•com",
    "good・com",
    "good(.)example",
    "good[.]example",
    "good{dot}example",
    "good (ドット) example",
    "good [ dot ] example",
    "good dot example",
    "good-dot-example",
    "good . example",
    "good .example",
    "go\u3164od.\U000e0020example",
    "good.🄲🄾🄼",
    "good.🅲🅾🅼",
    "good.⒞⒪⒨",
    "good.c0m",
    "good.corn",
    "good.c٥m",
    "good.c०m",
    "☕.com",
    "good.рф",
    "銀行.みんな",
    "good.com-login",
    "good.com_login",
    "README.md",
    "ASP.NET",
    "[2001:db8::1]",
    "https:good.example",
    "\\\\bank.example.com",
    *(f"bank{dot}com" for dot in "\u0830\u25aa\u2804\u2820\u2840\u2880\u2b1d\U0001f784"),
    "a word, " * 200,  # nobody reads so much for a name
]


@pytest.mark.parametrize("label", LIES)
def test_a_label_that_looks_like_an_address_stands_beside_the_true_one(label: str) -> None:
    children = (Styled(Style.BOLD, (Text(label[:3]),)), Text(label[3:]))
    shown = link(URL, children)
    assert shown == (*children, Text(" ("), Link(URL, (Text(URL),)), Text(")"))


@pytest.mark.parametrize(
    "label",
    [
        "here",
        "photo.png",
        "My photo 2024.01.02.JPEG",
        "report(1).pdf",
        "archive.tar.gz",
        "v1.2.3",
        "3.5",
        "Hm... well",
        "wait...what",
        "Node.js",
        "D3.js",
        "v2.0.0",
        "v1.1b",
        "Dr.スランプ",
        "ハリー・ポッター",
        "A.A.ミルン",
        "Mr.Smith",
        "Ph.D.",
        "U.S.A.",
        "т.е.",
        "System.out.println",
        "package.json",
        "第1.5話",
        "ก.ค.",
        "Café.René",
        "10:30:45",
        "polka dot dress",
        "See you. Me too",
        "evil.example",
        "evil.example/somewhere/else",
        "EVIL.example",
        "www.evil.example",
        "https://evil.example",
        "@x",
        "e.g. this",
        "10:30",
        "Note: this",
        "Big data: why",
        "either/or",
        ":/ meh",
        "詳しくはこちら。見てね",
        "#tag",
        "Привет, мир.",
    ],
)
def test_other_labels_are_linked(label: str) -> None:
    assert link(URL, (Text(label),)) == (Link(URL, (Text(label),)),)


@pytest.mark.timeout(60)  # patterns that go back at each character took minutes
@pytest.mark.parametrize(
    "piece", [" ", "@", "@_", "㍿", "\u0301", "( ", " dot ", "a.", "://", "xn--"]
)
def test_no_label_takes_long_to_read(piece: str) -> None:
    for label in (piece * 20_000, f"@{piece * 20_000}@", f"a{piece * 20_000}b"):
        hosts_in(label)
        people_in(label)


@pytest.mark.parametrize(
    ("url", "label"),
    [
        pytest.param(URL, URL, id="the address"),
        pytest.param(URL, "evil.example/x", id="without its scheme"),
        pytest.param("https://a.example/", "a.example", id="without its last slash"),
        pytest.param("mailto:bob@a.example", "bob@a.example", id="a mailbox"),
        pytest.param("https://a.example/@bob", "@bob@a.example", id="a person of that host"),
        pytest.param("https://www.a.example/b", "a.example", id="a part of the host"),
        pytest.param("https://a.example/users/bob", "@bob", id="a person without a host"),
        pytest.param("https://xn--wgv71a.example/", "日本.example", id="the same in letters"),
        pytest.param("https://日本.example/", "日本.example", id="as it is written"),
    ],
)
def test_a_label_may_be_the_address_it_leads_to(url: str, label: str) -> None:
    assert link(url, (Text(label),)) == (Link(url, (Text(label),)),)


@pytest.mark.parametrize(
    ("url", "label"),
    [
        pytest.param("https://home.example/@bob@a.example", "@bob@a.example", id="another's page"),
        pytest.param("https://evil.example/@admin@a.example", "@admin@a.example", id="a claim"),
        pytest.param("https://xn--80ak6aa92e.com/", "аррӏе.com", id="in deceiving letters"),
        pytest.param("https://xn--mnchen-3ya.de/", "munchen.de", id="without its marks"),
        pytest.param("https://münchen.de/", "munchen.de", id="without its marks, in letters"),
    ],
)
def test_what_only_seems_to_be_the_address_stands_beside_it(url: str, label: str) -> None:
    assert link(url, (Text(label),))[0] == Text(label)


@pytest.mark.parametrize("label", ["good.example", "@admin@good.example", "Bob (@bob@a.example)"])
def test_a_label_that_relay_wrote_is_believed(label: str) -> None:
    found = Link(URL, (Text(label),), LabelSource.RELAY)
    assert honest(found) == found


@pytest.mark.parametrize("label", ["IMG_0001.MOV", "com.android.chrome.jpg", "bank.example"])
def test_the_name_of_a_file_is_believed(label: str) -> None:
    found = Link(URL, (Text(label),), LabelSource.FILE)
    assert honest(found) == found


@pytest.mark.parametrize("label", ["https://bank.example/a", "bank.example／a", "bank.example⁄a"])
def test_what_no_file_can_be_called_is_not(label: str) -> None:
    assert link(URL, (Text(label),), LabelSource.FILE)[0] == Text(label)


def test_an_address_in_deceiving_letters_is_shown_in_punycode() -> None:
    plain = "https://xn--80ak6aa92e.com/x"
    assert link("https://аррӏе.com/x", (Text("https://аррӏе.com/x"),)) == (
        Link(plain, (Text(plain),)),
    )


@pytest.mark.parametrize("label", ["", " ", "\u200b", "\u2060\u00ad", "\u3164", "\u2800", "\u202e"])
def test_a_link_that_nobody_sees_shows_its_address(label: str) -> None:
    assert link(URL, (Text(label),)) == (Link(URL, (Text(URL),)),)


def test_links_do_not_nest() -> None:
    inner = (Styled(Style.BOLD, (Link("https://a.example", (Text("a"),)),)), Text("b"))
    assert link(URL, inner) == (Link(URL, (Styled(Style.BOLD, (Text("a"),)), Text("b"))),)
    assert without_links((Quote((Link(URL, (Text("a"),)),)),)) == (Quote((Text("a"),)),)


@given(trees)
@settings(derandomize=True, max_examples=200, deadline=None)
def test_an_honest_link_stays_as_it_is(nodes: object) -> None:
    found = Link(URL, nodes)  # type: ignore[arg-type]
    made = honest(found)
    if isinstance(made, Link):
        assert honest(made) == made


def test_the_text_of_a_tree_is_that_of_its_leaves() -> None:
    nodes = (Heading((Text("a"), Emoji("b"))), Code("c"), Math("d"), Time(5))
    assert text_of(nodes) == "a:b:cd5"


def test_texts_side_by_side_are_one() -> None:
    nodes = (Text("a"), Text("b"), Code("c"), Text("d"), Text(""))
    assert tuple(merged(nodes)) == (Text("ab"), Code("c"), Text("d"))
