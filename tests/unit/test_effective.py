"""Settings in effect are told with their origins; a secret is told by nobody."""

from pathlib import Path

from relay.config import Config, parse
from relay.config.effective import HIDDEN

TEXT = """\
web: {listen: "127.0.0.1:0", password: "${PAGE}"}
locale: ${LANGUAGE:-ja}
retry: [5s, 1m]
hooks:
  alice:
    secret: [plainly written, "${OTHER}"]
  bob: {secret_file: bob.secret}
sinks:
  team: {type: discord, url: "https://discord.invalid/webhooks/1/${KEY}", visibility: [public]}
routes:
  - match: {event: [mention, reply], author: "Bob*"}
    to: team
"""
ENVIRON = {"PAGE": "page word", "OTHER": "other word", "KEY": "the-key"}


def config(folder: Path, text: str = TEXT) -> Config:
    (folder / "bob.secret").write_text("bobs word", encoding="utf-8")
    return parse(text, file=str(folder / "config.yaml"), base=folder, environ=ENVIRON)


def test_every_setting_is_told_with_where_it_came_from(tmp_path: Path) -> None:
    told = {one.path: (one.value, one.origin) for one in config(tmp_path).effective}
    assert told["locale"] == ("ja", "config.yaml:2, ${LANGUAGE}")
    assert told["retry"] == ("5s, 1m", "config.yaml:3")
    assert told["web.password"] == (HIDDEN, "config.yaml:1, ${PAGE}")
    assert told["hooks.alice.secret"] == (HIDDEN, "config.yaml:6")
    assert told["hooks.bob.secret"] == (HIDDEN, "config.yaml:7, a file")
    assert told["sinks.team.url"] == (HIDDEN, "config.yaml:9, ${KEY}")
    assert told["sinks.team.visibility"] == ("public", "config.yaml:9")
    assert told["sinks.team.local_only"] == ("false", "")
    assert told["routes[0].match.event"] == ("mention, reply", "config.yaml:11")
    assert told["routes[0].match.author"] == ("Bob*", "config.yaml:11")
    assert told["retention"] == ("7d", "")
    assert "templates" not in told


def test_no_secret_is_among_them(tmp_path: Path) -> None:
    told = repr(config(tmp_path).effective)
    for secret in ("page word", "plainly written", "other word", "bobs word", "the-key"):
        assert secret not in told


def test_without_a_page_nobody_asks_for_them(tmp_path: Path) -> None:
    assert config(tmp_path, "listen: 127.0.0.1:0").effective == ()
