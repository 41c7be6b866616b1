"""An address to listen on is one, or it is told what would be."""

import pytest

from relay.config.types import is_local, listen


@pytest.mark.parametrize(
    ("written", "local"),
    [
        pytest.param("127.0.0.1:8095", True, id="this machine"),
        pytest.param("127.0.0.1:0", True, id="any free port"),
        pytest.param("localhost:8095", True, id="localhost"),
        pytest.param("relay.localhost:8095", True, id="a name below localhost"),
        pytest.param("[::1]:8095", True, id="this machine by IPv6"),
        pytest.param("unix:/run/relay/relay.sock", True, id="a socket"),
        pytest.param("0.0.0.0:8095", False, id="everybody"),
        pytest.param("[::]:8095", False, id="everybody by IPv6"),
        pytest.param("192.168.1.5:8095", False, id="a network"),
        pytest.param("relay.example:8095", False, id="a name"),
        pytest.param("localhost.example:8095", False, id="a name that only begins so"),
    ],
)
def test_an_address_is_taken_as_it_is(written, local):
    assert listen(written) == written
    assert is_local(written) is local


@pytest.mark.parametrize(
    ("written", "why"),
    [
        pytest.param("8095", "lacks the host", id="a port alone"),
        pytest.param(":8095", "lacks the host", id="no host"),
        pytest.param("*:8095", "lacks the host", id="a star"),
        pytest.param("127.0.0.1", "should be like", id="no port"),
        pytest.param("127.0.0.1:", "should be like", id="an empty port"),
        pytest.param("127.0.0.1:http", "should be like", id="a port by name"),
        pytest.param("127.0.0.1:65536", "no such port", id="a port too high"),
        pytest.param("::1:8095", "needs brackets", id="IPv6 without brackets"),
        pytest.param("[::1]", "should be like", id="IPv6 without a port"),
        pytest.param("[1.2.3.4]:80", "no IPv6 address", id="IPv4 in brackets"),
        pytest.param(
            "http://127.0.0.1:8095", "must not begin with https:// or http://", id="a URL"
        ),
        pytest.param("unix:relay.sock", "absolute path", id="a socket beside something"),
        pytest.param("unix:", "absolute path", id="a socket without a path"),
        pytest.param("unix:/" + "a" * 120, "too long", id="a socket that no system takes"),
        pytest.param("127.0.0.1:8095\n", "should be like", id="a newline"),
        pytest.param("127.0.0.1:٣", "should be like", id="digits of another script"),
        pytest.param("", "should be like", id="nothing"),
    ],
)
def test_what_is_no_address_is_told_with_what_would_be(written, why):
    with pytest.raises(ValueError, match=why):
        listen(written)
