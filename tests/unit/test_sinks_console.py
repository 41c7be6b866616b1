"""A picture fits into a terminal, and no note can steer it."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.sinks.console import picture
from relay.terminal import BARE, WIDTH, Colour, width, wrapped
from relay.text.message import Field, Image, Message
from relay.text.tree import Text

HELLO = Message(
    author=(Text("Bob (@bob)"),),
    title=(Text("Mention"),),
    url="https://misskey.example/notes/1",
    body=(Text("hello\nworld"),),
    fields=(Field(name=(Text("Reported"),), value=(Text("@eve"),)),),
    images=(Image(url="https://misskey.example/1.png", alt="a cat"),),
    footer=(Text("public"),),
    at=0,
    color=0x86B300,
)


def test_a_message_stands_in_a_frame():
    assert picture(HELLO, name="team") == "\n".join(
        [
            "╭─ team " + "─" * 68,
            "│ Bob (@bob) · Mention",
            "│ https://misskey.example/notes/1",
            "│",
            "│ hello",
            "│ world",
            "│",
            "│ Reported: @eve",
            "│ 🖼  a cat https://misskey.example/1.png",
            "│",
            "│ public · 1970-01-01 00:00 UTC",
            "╰" + "─" * 75,
        ]
    )


def test_a_message_of_nothing_has_a_frame_too():
    assert picture(Message(), name="x").splitlines()[1:] == ["│", "╰" + "─" * 75]


def test_colour_changes_nothing_but_colour():
    painted = picture(HELLO, name="team", colour=Colour(on=True))
    assert "\x1b[38;5;148m│\x1b[0m" in painted
    assert re.sub(r"\x1b\[[\d;]*m", "", painted) == picture(HELLO, name="team")


@pytest.mark.parametrize("paint", ["bold", "dim", "good", "bad", "doubtful"])
def test_without_a_terminal_nothing_is_painted(paint):
    assert getattr(BARE, paint)("text") == "text"
    assert getattr(Colour(on=True), paint)("text").startswith("\x1b[")
    assert getattr(Colour(on=True), paint)("") == ""


@pytest.mark.parametrize(
    ("text", "columns"),
    [
        pytest.param("abc", 3, id="latin"),
        pytest.param("日本語", 6, id="kanji take two"),
        pytest.param("한국", 4, id="hangul takes two"),
        pytest.param("e\u0301", 1, id="an accent takes none"),
        pytest.param("🎉", 2, id="an emoji"),
        pytest.param("a\u200db", 2, id="a joiner takes none"),
    ],
)
def test_letters_are_as_wide_as_terminals_draw_them(text, columns):
    assert width(text) == columns


def test_long_lines_are_wrapped_between_words_and_links_stay_whole():
    link = "https://misskey.example/" + "a" * WIDTH
    assert list(wrapped(f"{'word ' * 20}{link} end")) == [
        " ".join(["word"] * 15),
        " ".join(["word"] * 5),
        link,
        "end",
    ]


def test_an_indented_line_keeps_its_blanks():
    assert list(wrapped("  two")) == ["  two"]


@given(st.text())
def test_no_text_steers_the_terminal_or_leaves_the_frame(text):
    drawn = picture(
        Message(title=(Text(text),), body=(Text(text),), images=(Image(url="x", alt=text),)),
        name="team",
    )
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f]", drawn)
    assert all(line[0] in "╭│╰" for line in drawn.split("\n"))
