"""What comes from outside is there, or it is told why not; a secret is never told."""

import pytest

from relay.config.env import MAX_SECRET, UnreadError, content, filled

ENVIRON = {"NAME": "value", "EMPTY": "", "BRACES": "${NAME}"}


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        pytest.param("${NAME}", "value", id="a variable"),
        pytest.param("a ${NAME} b ${NAME}", "a value b value", id="in the middle, and twice"),
        pytest.param("${UNSET:-text}", "text", id="a default"),
        pytest.param("${NAME:-text}", "value", id="a default that is not needed"),
        pytest.param("${EMPTY:-text}", "text", id="a default for an empty one"),
        pytest.param("${UNSET:-}", "", id="an empty default"),
        pytest.param("${UNSET:-a:-b}", "a:-b", id="a default with a colon"),
        pytest.param("$${NAME}", "${NAME}", id="a literal one"),
        pytest.param("${BRACES}", "${NAME}", id="what a variable holds is not read again"),
        pytest.param("costs $5", "costs $5", id="a dollar"),
        pytest.param("(foo|bar)$", "(foo|bar)$", id="the end in a regular expression"),
        pytest.param("$", "$", id="a dollar alone"),
        pytest.param("$lower", "$lower", id="a small name without braces"),
    ],
)
def test_variables_are_put_in(text, meant):
    assert filled(text, ENVIRON) == meant


@pytest.mark.parametrize(
    ("text", "why"),
    [
        pytest.param("${UNSET}", "the environment variable UNSET is not set", id="not set"),
        pytest.param("a${EMPTY}", "the environment variable EMPTY is empty", id="empty"),
        pytest.param("${NA-ME}", "begins a variable", id="no name"),
        pytest.param("${1A}", "begins a variable", id="a digit first"),
        pytest.param("${}", "begins a variable", id="no name at all"),
        pytest.param("${NAME", "begins a variable", id="not closed"),
        pytest.param("${NÄME}", "begins a variable", id="a letter that names do not have"),
        pytest.param("$NAME", r"a variable is written \$\{NAME\}", id="no braces"),
    ],
)
def test_what_is_no_variable_is_told(text, why):
    with pytest.raises(UnreadError, match=why):
        filled(text, ENVIRON)


def test_a_file_gives_its_text(tmp_path):
    (tmp_path / "file").write_text("  s3cret \n\n", encoding="utf-8")
    assert content(tmp_path / "file") == "s3cret"


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        pytest.param(b"s3cret\xff", "the file is not UTF-8 text", id="not text"),
        pytest.param(b"\n", "the file is empty", id="nothing"),
    ],
)
def test_a_file_that_holds_no_secret_is_told_without_its_text(tmp_path, raw, why):
    (tmp_path / "file").write_bytes(raw)
    with pytest.raises(UnreadError) as error:
        content(tmp_path / "file")
    assert str(error.value) == why


def test_what_is_no_file_is_told_without_its_name(tmp_path):
    # Who confuses `secret_file` and `secret` writes the secret itself there.
    for name in ("s3cret", ".", "s3cret\0", "s" * 5000):
        with pytest.raises(UnreadError, match=r"^the file cannot be read: ") as error:
            content(tmp_path / name)
        assert "s3cret" not in str(error.value)


def test_an_endless_file_is_read_to_a_limit(tmp_path):
    (tmp_path / "file").write_text("a" * (MAX_SECRET + 10), encoding="utf-8")
    assert len(content(tmp_path / "file")) == MAX_SECRET
