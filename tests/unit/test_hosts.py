"""Names of hosts are that, or nothing."""

import pytest

from relay.text.hosts import host_name


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("misskey.example", "misskey.example"),
        ("Misskey.EXAMPLE", "misskey.example"),
        ("xn--vckl7i2a5dc.example", "xn--vckl7i2a5dc.example"),
        ("例え.example", "xn--r8jz45g.example"),
        ("a_b.example", "a_b.example"),
        ("localhost", "localhost"),
    ],
)
def test_a_name_is_read_as_dns_has_it(text: str, name: str) -> None:
    assert host_name(text) == name


@pytest.mark.parametrize(
    "text",
    [
        "",
        ".",
        "a..b",
        "a.example.",
        "-a.example",
        "a-.example",
        "/../../admin/delete?all=1#",
        "a.example/x",
        "a.example?x",
        "a.example#x",
        "a.example:3000",
        "me@a.example",
        "a.example\\x",
        "a b.example",
        "a.example\n",
        "%2e%2e",
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0x7f000001",
        "a.0x7f",
        "::1",
        "[::1]",
        "a" * 64 + ".example",
        "a." * 127 + "example",
        "\ud800",
        "..",
    ],
)
def test_any_other_thing_is_none(text: str) -> None:
    assert host_name(text) is None
