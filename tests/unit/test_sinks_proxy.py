"""Which requests take a proxy, by the configuration and the environment."""

import json
from pathlib import Path

import pytest
from yarl import URL

from relay.config import parse
from relay.errors import ConfigError
from relay.secret import Secret
from relay.sinks.proxy import DIRECT, check_proxy, proxies
from tests.cases import VENDOR

PROXY = "http://proxy.example:3128"
HERE = "http://127.0.0.1:3128"
CHAT = URL("https://chat.example/x")
PLAIN = URL("http://chat.example/x")


def way(url: URL | str, setting: str | Secret = "env", **environ: str) -> str | None:
    found = proxies(setting, environ).of(URL(url))
    return None if found is None else str(found)


@pytest.mark.parametrize(
    ("environ", "https", "http"),
    [
        ({}, None, None),
        ({"HTTPS_PROXY": PROXY}, PROXY, None),
        ({"https_proxy": PROXY}, PROXY, None),
        ({"HTTP_PROXY": PROXY}, None, PROXY),
        ({"http_proxy": PROXY}, None, PROXY),
        ({"ALL_PROXY": PROXY}, PROXY, PROXY),
        ({"all_proxy": PROXY, "HTTPS_PROXY": HERE}, HERE, PROXY),
        ({"HTTPS_PROXY": PROXY, "https_proxy": HERE}, HERE, None),
        ({"HTTPS_PROXY": PROXY, "https_proxy": ""}, None, None),
        ({"HTTPS_PROXY": ""}, None, None),
        ({"HTTPS_PROXY": " "}, None, None),
        ({"HTTPS_PROXY": "proxy.example:3128"}, PROXY, None),
        ({"HTTPS_PROXY": f"{PROXY}/"}, f"{PROXY}/", None),
    ],
)
def test_the_environment_names_proxies_as_for_curl(
    environ: dict[str, str], https: str | None, http: str | None
) -> None:
    assert (way(CHAT, **environ), way(PLAIN, **environ)) == (https, http)


def test_the_environment_of_the_field_names_its_proxy() -> None:
    environ = json.loads(VENDOR.read_text(encoding="utf-8"))["p01_proxy"]["env"]
    chat = "http://127.0.0.1:19196/api/webhooks/1/tok"  # on this machine, as the proxy is
    assert way(chat, **environ) == environ["HTTP_PROXY"]


def test_the_configuration_wins_over_the_environment() -> None:
    environ = {"HTTPS_PROXY": HERE, "NO_PROXY": "other.example"}
    assert way(CHAT, Secret(PROXY), **environ) == PROXY
    assert way(PLAIN, Secret(PROXY), **environ) == PROXY
    assert way("https://other.example", Secret(PROXY), **environ) is None
    assert proxies("none", environ) == DIRECT


@pytest.mark.parametrize(
    ("exempt", "url"),
    [
        ("*", "https://chat.example"),
        ("chat.example", "https://chat.example"),
        ("CHAT.example", "https://chat.EXAMPLE."),
        ("example", "https://chat.example"),
        (".chat.example", "https://chat.example"),
        ("*.chat.example", "https://a.b.chat.example"),
        ("a,chat.example", "https://chat.example"),
        ("a  chat.example ,", "https://chat.example"),
        ("chat.example:443", "https://chat.example"),
        ("chat.example:8448", "https://chat.example:8448"),
        ("10.1.2.3", "https://10.1.2.3"),
        ("10.0.0.0/8", "https://10.1.2.3"),
        ("10.1.2.3/8", "https://10.200.2.3"),
        ("fd00::/8", "https://[fd12::1]"),
        ("fd12::1", "https://[fd12::1]"),
        ("[fd12::1]", "https://[fd12:0::1]"),
        ("[fd12::1]:8448", "https://[fd12::1]:8448"),
    ],
)
def test_whom_no_proxy_names_is_asked_directly(exempt: str, url: str) -> None:
    assert way(url, HTTPS_PROXY=PROXY, NO_PROXY=exempt) is None
    assert way(url, HTTPS_PROXY=PROXY, no_proxy=exempt) is None


@pytest.mark.parametrize(
    ("exempt", "url"),
    [
        ("", "https://chat.example"),
        (",", "https://chat.example"),
        (".", "https://chat.example"),
        ("at.example", "https://chat.example"),
        ("chat.example", "https://chat.example.evil.example"),
        ("chat.example:8448", "https://chat.example"),
        ("10.0.0.0/8", "https://11.1.2.3"),
        ("10.0.0.0/8", "https://chat.example"),
        ("10.0.0.0/99", "https://10.1.2.3"),
        ("fd12::1", "https://[fd12::2]"),
    ],
)
def test_others_take_the_proxy(exempt: str, url: str) -> None:
    assert way(url, HTTPS_PROXY=PROXY, NO_PROXY=exempt) == PROXY


@pytest.mark.parametrize("url", ["http://127.0.0.1:8008", "http://localhost", "http://[::1]:1"])
def test_what_stays_on_this_machine_is_sent_to_no_proxy_elsewhere(url: str) -> None:
    assert way(url, ALL_PROXY=PROXY) is None
    assert way(url, ALL_PROXY=HERE) == HERE


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("socks5://u:s3cret@proxy.example:1080", "SOCKS"),
        ("socks5h://proxy.example", "SOCKS"),
        ("ftp://proxy.example", "like http://proxy.example:3128"),
        ("proxy.example:3128", "like http://proxy.example:3128"),
        ("http://", "like http://proxy.example:3128"),
        ("http://u:s3cret@proxy.example:99999", "like http://proxy.example:3128"),
        ("http://proxy.example/s3cret", "behind its host"),
        ("http://proxy.example?s3cret", "behind its host"),
        ("yes", "env, none or"),
    ],
)
def test_what_is_no_proxy_is_told_without_its_secret(address: str, told: str) -> None:
    with pytest.raises(ValueError, match=told) as caught:
        check_proxy(address)
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize("name", ["HTTPS_PROXY", "ALL_PROXY", "https_proxy"])
def test_a_wrong_variable_is_told_by_its_name(name: str) -> None:
    with pytest.raises(ConfigError, match=rf"{name.upper()} is a SOCKS proxy") as caught:
        proxies("env", {name: "socks5://u:s3cret@proxy.example"})
    assert "s3cret" not in str(caught.value)


def test_a_password_in_the_address_of_a_proxy_is_told_nowhere() -> None:
    text = 'proxy: "http://me:s3cretWord@proxy.example:3128"\nweb: {}\n'
    config = parse(text, file="config.yaml", base=Path(), environ={})
    assert isinstance(config.proxy, Secret)
    assert "s3cretWord" not in f"{config!r} {config.effective}"
    found = proxies(config.proxy, {})
    assert found.places == ("proxy.example:3128",)
    assert "s3cretWord" not in repr(found)
