"""Which addresses belong to the internet."""

import pytest

from relay.sinks.public_address import is_public, is_public_name


@pytest.mark.parametrize("address", ["1.1.1.1", "8.8.8.8", "2606:4700::1111", "64:ff9b::8.8.8.8"])
def test_an_address_of_the_internet_is_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0",
        "0.1.2.3",
        "10.0.0.1",
        "100.64.0.1",
        "127.0.0.1",
        "127.255.255.255",
        "169.254.169.254",
        "172.16.0.1",
        "172.31.255.255",
        "192.0.0.1",
        "192.0.2.1",
        "192.88.99.1",
        "192.168.1.1",
        "198.18.0.1",
        "198.51.100.1",
        "203.0.113.1",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::127.0.0.1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "64:ff9b::127.0.0.1",
        "64:ff9b::10.0.0.1",
        "64:ff9b:1::1",
        "2001::1",
        "2001:db8::1",
        "2002:7f00:1::",
        "3fff::1",
        "fc00::1",
        "fd12:3456::1",
        "fe80::1",
        "fe80::1%eth0",
        "fec0::1",
        "ff02::1",
        "",
        "misskey.example",
    ],
)
def test_any_other_address_is_not(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize(
    "name", ["media.misskey.io", "1.1.1.1", "xn--r8jz45g.jp", "a.example.com."]
)
def test_a_name_of_the_internet_is_public(name: str) -> None:
    assert is_public_name(name)


@pytest.mark.parametrize(
    "name",
    "localhost relay.localhost minio db.internal nas.local router.lan x.home.arpa 10.0.0.1 127.1 "
    "2130706433 0x7f.1 [::1] ::1 a..b".split(),
)
def test_a_name_of_ones_own_network_is_not(name: str) -> None:
    assert not is_public_name(name)
