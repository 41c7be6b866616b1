"""How the page on the configuration puts settings together."""

from relay.admin.configuration import by_part
from relay.config.effective import Setting


def test_settings_stand_with_what_they_belong_to() -> None:
    paths = (
        "listen", "web.listen", "hold", "hooks.alice.secret", "sinks.team.mentions.roles",
        "routes[0].to", "routes[0].match.event", "routes[10].to", "sinks",
    )  # fmt: skip
    found = by_part([Setting(path, "x", "config.yaml:1") for path in paths])
    assert {part: [rest for rest, _ in rows] for part, rows in found.items()} == {
        "": ["listen", "hold", "sinks"],
        "web": ["listen"],
        "hooks.alice": ["secret"],
        "sinks.team": ["mentions.roles"],
        "routes[0]": ["to", "match.event"],
        "routes[10]": ["to"],
    }
