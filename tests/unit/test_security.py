"""Which Host and Origin headers are ours: none that a stranger's DNS or page brings about."""

import pytest

from relay.admin.security import is_known_host, is_same_origin

HOSTS = {"relay.example", "0.0.0.0"}


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1:8096", "127.0.0.1", "[::1]:8096", "192.168.1.5:8096", "localhost:8096",
        "relay.localhost", "relay.example", "RELAY.example:443",
    ],
)  # fmt: skip
def test_addresses_this_machine_and_our_own_names_are_ours(host: str) -> None:
    assert is_known_host(host, HOSTS)


@pytest.mark.parametrize(
    "host",
    [
        "", "evil.example", "evil.example:8096", "127.0.0.1.evil.example", "localhost.evil.example",
        "evilrelay.example", "relay.example.evil.example", "127.0.0.1@evil.example", "[::1", ":80",
        "127.1", "2130706433", "evil.example/127.0.0.1", "relay.example\x00",
    ],
)  # fmt: skip
def test_any_other_name_is_not(host: str) -> None:
    assert not is_known_host(host, HOSTS)


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        ("http://127.0.0.1:8096", "127.0.0.1:8096"),
        ("https://relay.example", "relay.example"),
        ("https://RELAY.example", "relay.EXAMPLE"),
    ],
)
def test_our_own_pages_may_change_things(origin: str, host: str) -> None:
    assert is_same_origin(origin, host)


@pytest.mark.parametrize(
    "origin",
    [
        "",
        "null",
        "http://evil.example",
        "http://relay.example:81",
        "http://relay.example.evil.example",
    ],
)
def test_no_other_page_may(origin: str) -> None:
    assert not is_same_origin(origin, "relay.example")
    assert not is_same_origin(origin, "")
