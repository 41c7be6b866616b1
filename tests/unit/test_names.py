"""Names of people, files and hosts, as the chats show them: on one line, visible, and no lies."""

import json
from typing import Any
from unicodedata import category

import pytest

from relay import misskey
from relay.misskey.entities import Reader
from relay.model import Display, User
from relay.rendering.templates import Templates
from relay.sinks.discord.settings import DiscordSettings
from relay.sinks.layout import short_author
from relay.sinks.matrix.settings import MatrixSettings
from relay.sinks.slack.settings import SlackSettings
from relay.text.hosts import readable, unicode_form
from relay.text.message import Message
from relay.text.tree import Emoji, Text, clean, text_of
from tests import cases

SINKS = {
    "discord": DiscordSettings(type="discord", url="https://discord.com/api/webhooks/1/secret"),
    "slack": SlackSettings(type="slack", url="https://hooks.slack.com/services/T/B/secret"),
    "matrix": MatrixSettings(
        type="matrix", homeserver="https://m.example", room="!a", token="secret"
    ),
}
TEMPLATES = Templates()


def message(case: str) -> Message:
    return TEMPLATES.render(cases.event(case), display=Display())


def written(case: str, sink: str) -> str:
    """The payload, as one text."""
    return json.dumps(SINKS[sink].layout([message(case)]).payload, ensure_ascii=False)


def author(case: str) -> str:
    return text_of(message(case).author)


@pytest.mark.parametrize(
    ("case", "name"),
    [
        pytest.param("d102", "bob", id="of zero width"),
        pytest.param("d104", "bob", id="of a braille blank"),
        pytest.param("d112", "two lines", id="on two lines"),
        pytest.param("g3_author_name_dr", "Dr.スランプ", id="like a host"),
        pytest.param("g3_author_name_url", "Alice https://alice.example", id="with an address"),
        pytest.param("d115", "__init__ *x* ~y~ `z` [a](https://e.example)", id="like markup"),
    ],
)
def test_a_name_is_shown_as_it_is_or_the_username(case: str, name: str) -> None:
    assert author(case) == f"{name} (@bob)"
    payload: Any = SINKS["discord"].layout([message(case)]).payload
    assert payload["embeds"][0]["author"]["name"] == f"{name} (@bob)"
    for sink in ("slack", "matrix"):
        shows = written(case, sink)
        assert f"{name} (@bob)" in shows
        assert "(https://misskey.example/@bob)" not in shows.partition("formatted_body")[2]


def test_a_name_that_turns_the_line_round_is_linked_by_its_letters() -> None:
    assert "evilmoc.example (@bob)</a>" in written("d106", "matrix")
    assert '"text": "evilmoc.example (@bob)"' in written("d106", "slack")


def test_the_name_of_a_quoted_author_that_nobody_sees_is_the_username() -> None:
    assert "**carol** [@carol]" in written("g2_inner_name_zwsp", "discord")
    assert "<b>carol</b>" in written("g2_inner_name_zwsp", "matrix")


@pytest.mark.parametrize(
    "name",
    ["", " ", "\u3000", "\u200b\u200d", "\u2060", "\u3164", "\uffa0", "\u115f", "\u2800 \u2800",
     "\u0301\u0302", "\ufe0f", "\u034f", "\U000e0067", "\u202e", "\n\t", "\x00", "\U0001d159"],
)  # fmt: skip
def test_what_nobody_sees_is_no_name(name: str) -> None:
    assert User(username="bob", name=name).display_name == "bob"


@pytest.mark.parametrize(
    "line_break", ["\n", "\r\n", "\r", "\x0b", "\x0c", "\x85", "\u2028", "\u2029"]
)
def test_names_stand_on_one_line(line_break: str) -> None:
    found = Reader(server="https://a.example", now=0).note(
        {
            "user": {"username": f"x{line_break}y", "name": f"a{line_break}b"},
            "files": [{"name": f"a{line_break}b"}],
            "poll": {"choices": [{"text": f"a{line_break}b"}]},
            "channel": {"name": f"a{line_break}b"},
        }
    )
    assert (found.user.display_name, found.user.username) == ("a b", "x y")
    assert found.files[0].name == "a b"
    assert found.poll is not None
    assert found.poll.choices[0].text == "a b"
    assert found.channel is not None
    assert found.channel.name == "a b"


def test_a_name_without_end_ends() -> None:
    found = Reader(server="https://a.example", now=0).user({"username": "b", "name": "a" * 9000})
    assert found.display_name == f"{'a' * 256}…"


@pytest.mark.parametrize("sink", SINKS)
@pytest.mark.parametrize(
    ("case", "name"),
    [("a28", "IMG_0001.MOV"), ("a32", "invoicegpj.exe")],
)
def test_a_file_is_linked_by_its_name(case: str, name: str, sink: str) -> None:
    link = {
        "discord": f"[{name.replace('_', chr(92) + '_')}](<https://misskey.example/files/",
        "slack": f'"text": "{name}"}}',
        "matrix": f">{name}</a>",
    }
    payload = SINKS[sink].layout([message(case)]).payload
    if sink == "discord":
        assert link[sink] in payload["embeds"][0]["description"]  # type: ignore[index,call-overload]
    else:
        assert link[sink] in written(case, sink).replace('\\"', '"')


def test_a_picture_named_like_a_domain_is_linked_by_its_name() -> None:
    name = "Screenshot_20261122-004732_com.android.chrome.jpg"
    html: Any = SINKS["matrix"].layout([message("a30")]).payload["formatted_body"]
    assert f"{name}</a>" in html
    assert f"{name} (" not in html


def test_marks_on_a_letter_are_bounded_in_every_chat() -> None:
    for sink in SINKS:
        shows, heap, highest = written("d111", sink), 0, 0
        for letter in shows:
            heap = heap + 1 if category(letter).startswith("M") else 0
            highest = max(highest, heap)
        assert 0 < highest <= 4


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("ཧྐྵྨླྺྼྻྂ", id="Tibetan"),
        pytest.param("שָּׁ֣לוֹם", id="Hebrew with points and accents"),
        pytest.param("ٱللَّٰهِ", id="Arabic with vowels"),
        pytest.param("ก้ำ ที่นี้", id="Thai"),
        pytest.param("क्ष्म्य नमस्ते", id="Devanagari"),
        pytest.param("Tie\u0302\u0301ng Vie\u0323\u0302t", id="Vietnamese, decomposed"),
        pytest.param("1️⃣ ❤️‍🔥 👩🏽‍❤️‍💋‍👩🏽", id="emoji"),
        pytest.param("du\u0308\u0304\u0301", id="phonetic"),
    ],
)
def test_marks_that_a_script_needs_stay(text: str) -> None:
    assert clean(text) == text


@pytest.mark.parametrize("joiner", ["", "\u200d", "\u200c", "\u2060", "\u034f", "\ufe0f", "\xad"])
def test_nothing_invisible_lets_more_marks_through(joiner: str) -> None:
    cleaned = clean("Z" + f"\u0351{joiner}" * 200 + "a")
    assert sum(category(it).startswith("M") for it in cleaned) <= 8
    assert clean(cleaned) == cleaned


def puny(*labels: str) -> str:
    return ".".join(
        it if it.isascii() else "xn--" + it.encode("punycode").decode() for it in labels
    )


def test_the_host_of_an_author_is_shown_in_letters() -> None:
    assert author("d01") == "日本の人 (@taro@メヵヨセヵサ.example)"
    assert "xn--vckl7i2a5dc.example" in str(message("d01").author_url)


@pytest.mark.parametrize(
    "labels",
    [
        ("日本", "example"), ("例え", "みんな"), ("ミスキーio", "jp"), ("中国", "cn"),
        ("한국", "kr"),
        ("münchen", "de"), ("niño", "es"), ("café", "fr"), ("почта", "рф"), ("ελλάδα", "gr"),
        ("مثال", "com"), ("उदाहरण", "com"), ("ไทย", "com"), ("ישראל", "example"),
    ],
)  # fmt: skip
def test_a_host_in_one_alphabet_is_shown_in_letters(labels: tuple[str, ...]) -> None:
    assert unicode_form(puny(*labels)) == ".".join(labels)
    assert readable(f"bob@{puny(*labels)}") == f"bob@{'.'.join(labels)}"


@pytest.mark.parametrize(
    "labels",
    [
        pytest.param(("аррӏе", "com"), id="Cyrillic that all looks like Latin"),
        pytest.param(("раураl", "com"), id="Cyrillic and Latin"),
        pytest.param(("gооgle", "com"), id="Latin with two Cyrillic letters"),
        pytest.param(("νο", "com"), id="Greek that all looks like Latin"),
        pytest.param(("ɡoogle", "com"), id="a phonetic letter"),
        pytest.param(("bıng", "com"), id="an i without its dot"),
        pytest.param(("bạnk", "example"), id="a dot below"),
        pytest.param(("bankノlogin", "example"), id="a kana like a slash"),
        pytest.param(("bankーa", "example"), id="a kana like a hyphen"),
        pytest.param(("一", "com"), id="a stroke"),
        pytest.param(("日本\u200b", "com"), id="with what nobody sees"),
        pytest.param(("п\u200dр", "com"), id="with a joiner"),
        pytest.param(("☃", "net"), id="a sign"),
        pytest.param(("ｂank", "com"), id="a wide letter"),
        pytest.param(("bank\u0301", "com"), id="a loose mark"),
        pytest.param(("bank。evil", "com"), id="a dot"),
        pytest.param(("bank⁄evil", "com"), id="a slash"),
        pytest.param(("ठ०", "com"), id="a digit like a letter"),
    ],
)
def test_a_host_that_could_deceive_stays_in_punycode(labels: tuple[str, ...]) -> None:
    assert unicode_form(puny(*labels)) == puny(*labels)


@pytest.mark.parametrize("host", ["xn--a", "xn--", "xn--zzzzzzzzzz9999999", "xn--abc-", "XN--"])
def test_what_is_no_punycode_stays(host: str) -> None:
    assert unicode_form(host) == host


def test_an_author_too_long_is_shortened_at_the_name_and_never_at_the_host() -> None:
    def fits(limit: int) -> Any:
        return lambda it: len(text_of(it)) <= limit

    handle = "(@bob@a.example)"
    long = (Emoji("cat"), Text(f"{'name ' * 100}{handle}"))
    assert text_of(short_author(long, fits(40))) == f":cat:name name name… {handle}"
    assert text_of(short_author((Text(f"Bob (@admin@b.example) {handle}"),), fits(25))).endswith(
        handle
    )
    assert text_of(short_author((Text(f"x (@{'u' * 99}@a.example)"),), fits(20))) == (
        "(@uuuuuu…@a.example)"
    )
    assert (
        text_of(short_author((Text(f"x (@u@{'h' * 99}.a.example)"),), fits(12))) == "….a.example)"
    )
    assert text_of(short_author((Text("n" * 99),), fits(10))) == f"{'n' * 9}…"


@pytest.mark.parametrize("sink", SINKS)
def test_in_every_chat_a_long_name_leaves_the_handle(sink: str) -> None:
    handle = f"(@{'u' * 100}@{'sub.' * 20}evil.example)"
    author = (Text(f"{'Admin ' * 9000}{handle}"),)
    payload = SINKS[sink].layout([Message(author=author, author_url="https://a.example/b")]).payload
    shows = json.dumps(payload, ensure_ascii=False)
    assert handle in shows
    assert "Admin… (@" in shows


@pytest.mark.parametrize(
    ("host", "handle"),
    [
        ("b\u00fccher.example", "@bob@b\u00fccher.example"),
        ("\u0430\u0440\u0440\u04cf\u0435.com", "@bob@xn--80ak6aa92e.com"),
        ("\u2603.example", "@bob@xn--n3h.example"),
        ("paypal-\u0430bc.example", "@bob@xn--paypal-bc-6yh.example"),
    ],
)
def test_a_host_that_a_fork_sends_in_letters_deceives_nobody(host: str, handle: str) -> None:
    body = json.loads(cases.raw("d01"))
    body["body"]["note"]["user"] |= {"username": "bob", "host": host, "name": "Bob"}
    event = misskey.parse(json.dumps(body).encode(), hook="alice")
    assert text_of(Templates().render(event, display=Display()).author) == f"Bob ({handle})"
