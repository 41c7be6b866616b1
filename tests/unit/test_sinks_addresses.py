"""What the addresses, tokens, channels and rooms of the vendors look like, and what to say else."""

from collections.abc import Callable
from itertools import permutations
from typing import Any

import pytest

from relay.sinks.discord import address as discord
from relay.sinks.matrix import address as matrix
from relay.sinks.slack import address as slack

SECRET = "s3cret-Part_9"
DISCORD = f"https://discord.com/api/webhooks/123456789012345678/{SECRET}"
SLACK = "https://hooks.slack.com/services/T0123ABCD/B0123ABCD/s3cretPart9"
MATRIX = "https://matrix.example"


def told(check: Callable[..., None], value: str, **given: Any) -> str:
    """What is wrong with a value, which is never shown."""
    with pytest.raises(ValueError, match=r".") as caught:
        check(value, **given)
    for piece in ("s3cret", "123456789012345678"):
        assert piece not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    "address",
    [
        DISCORD,
        DISCORD.replace("/api/", "/api/v10/"),
        DISCORD.replace("/api/", "/api/v6/"),
        DISCORD.replace("discord.com", "discordapp.com"),
        DISCORD.replace("discord.com", "ptb.discord.com"),
        DISCORD.replace("discord.com", "canary.discord.com"),
        DISCORD.replace("discord.com", "discord.com:443"),
        DISCORD.replace("discord.com", "DISCORD.com"),
        f"{DISCORD}?wait=true",
        f"{DISCORD}?thread_id=5&wait=true",
        f"https://spacebar.example/api/webhooks/1/{SECRET}",
        f"https://proxy.example/some/where/webhooks/1/{SECRET}",
        "http://127.0.0.1:8080/anything/slack",
        "http://localhost/a",
        "http://relay.localhost/a",
        "http://[::1]:9/a",
    ],
)
def test_a_right_address_of_discord_passes(address: str) -> None:
    discord.check_url(address)


@pytest.mark.parametrize(
    ("address", "what"),
    [
        (f"{DISCORD}/slack", "take /slack off"),
        (f"{DISCORD}/github", "take /github off"),
        (f"{DISCORD}/slack?wait=true", "take /slack off"),
        (f"{DISCORD}/Slack/", "take /slack off"),
        (f"{DISCORD}/messages/1", "goes on behind the token"),
        (f"{DISCORD}&thread_id=5", "a character in its token"),
        ("https://discord.com/api/webhooks/123/<token>", "a placeholder"),
        ("https://discord.com/api/webhooks/{id}/{token}", "a placeholder"),
        ("MTIzNDU2Nzg5MDEyMzQ1.Gabcde.s3cret-s3cret-s3cret-s3cret", "a bot's token"),
        (DISCORD.replace("discord.com", "www.discord.com"), "did you mean discord.com?"),
        (f"{DISCORD}/", "ends with a slash"),
        (f"{DISCORD},", "comma"),
        (f"{DISCORD};", "semicolon"),
        (f"{DISCORD} ", "blank at its beginning or end"),
        (f"\t{DISCORD}", "blank at its beginning or end"),
        (f"{DISCORD} # team", "blank in it"),
        (f'"{DISCORD}"', "quote"),
        (f"“{DISCORD}”", "quote"),
        (f"<{DISCORD}>", "bracket"),
        (f"[x]({DISCORD})", "bracket"),
        (f"{DISCORD}\u200b", "U+200B"),
        (f"{DISCORD}é", "U+00E9"),
        (f"{DISCORD}.", "a character in its token"),
        (f"{DISCORD}#team", "# behind it"),
        (f"Bearer {DISCORD}", "without Bearer"),
        (DISCORD.removeprefix("https://"), "lacks its beginning: https://"),
        (DISCORD.replace("https", "http"), "must be https: this vendor has no other"),
        (DISCORD.replace("https:", "htps:"), "should begin with https://"),
        (DISCORD.replace("//", "//me:s3cret@"), "name or a password before its host"),
        (DISCORD.replace("/api", ""), "is a page of Discord"),
        (DISCORD.replace(SECRET, ""), "lacks its last part, the token"),
        (DISCORD.replace(f"/{SECRET}", ""), "lacks its last part, the token"),
        (f"https://discord.com/api/webhooks/{SECRET}", "no number behind /webhooks/"),
        ("https://discord.com/api/webhooks", "no number behind /webhooks/"),
        ("https://discord.com/channels/1/2", "a link to a Discord channel"),
        ("https://ptb.discord.com/channels/1/2/3", "a link to a Discord channel"),
        ("https://discord.gg/s3cret", "an invitation"),
        ("https://discord.com/invite/s3cret", "an invitation"),
        ("https://discord.com/api/v10/channels/1/messages", "API for bots"),
        ("https://discord.com/developers/applications/1", "a page of Discord"),
        ("https://discord.com", "a page of Discord"),
        (DISCORD.replace("discord.com", "dlscord.com"), "did you mean discord.com?"),
        (DISCORD.replace("discord.com", "discord.co"), "did you mean discord.com?"),
        ("https://example.com/", "should be like https://discord.com/api/webhooks/ID/TOKEN"),
        (f"https://example.com/{SECRET}", "should be like https://discord.com/api/webhooks"),
        ("https://acme.webhook.office.com/webhookb2/s3cret", "Microsoft Teams"),
        ("https://chat.googleapis.com/v1/spaces/s3cret", "Google Chat"),
        (SECRET, "should begin with https://"),
        ("", "should begin with https://"),
        ("https://", "should begin with https://"),
        ("https://[", "is not a URL"),
        ("https://discord.com:99999/", "is not a URL"),
    ],
)
def test_a_wrong_address_of_discord_is_told_with_what_is_right(address: str, what: str) -> None:
    assert what in told(discord.check_url, address)


@pytest.mark.parametrize(
    "address",
    [
        SLACK,
        SLACK.replace("slack.com", "slack-gov.com"),
        "https://mattermost.example/hooks/abc",
        "http://127.0.0.1/services/T/B/x",
    ],
)
def test_a_right_address_of_slack_passes(address: str) -> None:
    slack.check_url(address)


@pytest.mark.parametrize(
    ("address", "what"),
    [
        ("https://hooks.slack.com/workflows/T1/A1/1/s3cret", "the trigger of a Slack workflow"),
        ("https://hooks.slack.com/triggers/T1/1/s3cret", "the trigger of a Slack workflow"),
        ("https://acme.slack.com/archives/C0123", "a link to a Slack channel"),
        ("https://acme.enterprise.slack.com/archives/C0123/p1", "a link to a Slack channel"),
        ("https://app.slack.com/client/T0/C0", "a link to a Slack channel"),
        ("https://slack.com/api/chat.postMessage", "takes token and channel instead"),
        ("https://hooks.slack.com/services/T00000000/B00000000/XXXXXXXX", "documentation"),
        ("xoxb-1-s3cret", "belongs under token"),
        ("https://api.slack.com/apps/A0", "a page of Slack"),
        ("https://join.slack.com/t/acme/shared_invite/s3cret", "a page of Slack"),
        (SLACK.rpartition("/")[0], "lacks a part"),
        ("https://hooks.slack.com/services", "lacks a part"),
        ("https://hooks.slack.com", "should be like https://hooks.slack.com/services/"),
        (f"{SLACK}/", "ends with a slash"),
        (f"{SLACK}/more", "goes on behind its last part"),
        (f"{SLACK},", "comma"),
        (f"{SLACK}#x", "# behind it"),
        (SLACK.replace("https", "http"), "must be https"),
        (SLACK.replace("slack.com", "slcak.com"), "did you mean hooks.slack.com?"),
        (f"https://x.example/webhooks/1/{SECRET}/slack", "a Discord webhook"),
        ("https://example.com/", "should be like https://hooks.slack.com/services/"),
    ],
)
def test_a_wrong_address_of_slack_is_told_with_what_is_right(address: str, what: str) -> None:
    assert what in told(slack.check_url, address)


RIGHT = {
    "discord": (discord.check_url, DISCORD),
    "slack": (slack.check_url, SLACK),
    "matrix": (matrix.check_homeserver, f"{MATRIX}/_matrix/client/v3"),
}


@pytest.mark.parametrize(("here", "there"), [*permutations(RIGHT, 2)])
def test_the_address_of_another_vendor_is_told_with_where_it_belongs(here: str, there: str) -> None:
    (check, _), (_, address) = RIGHT[here], RIGHT[there]
    assert f"belongs to a sink of type {there}" in told(check, address)


@pytest.mark.parametrize("token", ["xoxb-1", "xoxb-1-2-s3cret"])
def test_a_right_token_of_slack_passes(token: str) -> None:
    slack.check_token(token)


def test_a_server_that_is_compatible_may_have_tokens_of_its_own() -> None:
    slack.check_token("s3cret", is_slacks=False)
    assert "is no bot's token" in told(slack.check_token, "s3cret")


@pytest.mark.parametrize(
    ("token", "what"),
    [
        ("xapp-1-A-s3cret", "an app-level token"),
        ("xoxp-1-s3cret", "a person's token"),
        ("xoxe.xoxb-1-s3cret", "expires within hours"),
        ("xoxe-1-s3cret", "expires within hours"),
        ("xoxc-s3cret", "no bot's token"),
        ("xoxd-s3cret", "no bot's token"),
        ("xoxa-2-s3cret", "no bot's token"),
        ("xwfp-s3cret", "a workflow's token"),
        ("0123456789abcdef0123456789abcdef", "the app's secret"),
        ("1234567890.1234567890", "client id"),
        ("Bearer xoxb-s3cret", "without Bearer"),
        ("Authorization: Bearer xoxb-s3cret", "without Bearer"),
        ("'xoxb-s3cret'", "quote"),
        ("xoxb-s3cret ", "blank"),
        ("syt_s3cret", "a sink of type matrix"),
        (SLACK, "belongs under url"),
        (DISCORD, "a sink of type discord"),
    ],
)
def test_a_wrong_token_of_slack_is_told_with_what_is_right(token: str, what: str) -> None:
    assert what in told(slack.check_token, token)


@pytest.mark.parametrize(
    "address",
    ["https://slack.com/api/", "https://slack.com/api", "https://a.example/x", "http://127.0.0.1/"],
)
def test_a_right_base_of_the_api_passes(address: str) -> None:
    slack.check_api_base(address)


@pytest.mark.parametrize(
    "address",
    [
        "https://slack.com",
        "https://slack.com/api/chat.postMessage",
        "https://acme.slack.com/archives/C123",
        SLACK,
        DISCORD,
        f"{MATRIX}/_matrix",
    ],
)
def test_a_wrong_base_of_the_api_is_told_with_what_is_right(address: str) -> None:
    assert "leave it out, the default is https://slack.com/api/" in told(
        slack.check_api_base, address
    )


@pytest.mark.parametrize("channel", ["C0123ABCD", "G1", "D1", "U0123ABCD", "#general", "#日本-1"])
def test_a_right_channel_passes(channel: str) -> None:
    slack.check_channel(channel)


@pytest.mark.parametrize(
    ("channel", "what"),
    [
        ("https://acme.slack.com/archives/C123", "is a link"),
        ("general", "the name of a channel with #"),
        ("c0123abcd", "the name of a channel with #"),
        ("#C0123ABCD", "or its id"),
        ("@bob", "or its id"),
        ("<#C0123ABCD|general>", "or its id"),
        ("#two words", "or its id"),
        ("", "or its id"),
    ],
)
def test_a_wrong_channel_is_told_with_what_is_right(channel: str, what: str) -> None:
    assert what in told(slack.check_channel, channel)


@pytest.mark.parametrize(
    "address",
    [MATRIX, f"{MATRIX}/", f"{MATRIX}:8448", f"{MATRIX}/base", "http://127.0.0.1:8008"],
)
def test_a_right_homeserver_passes(address: str) -> None:
    matrix.check_homeserver(address)


@pytest.mark.parametrize(
    ("address", "what"),
    [
        (f"{MATRIX}/_matrix", "take it off"),
        (f"{MATRIX}/_matrix/client/v3/", "take it off"),
        (f"{MATRIX}/_synapse/admin", "take it off"),
        (f"{MATRIX}/.well-known/matrix/client", "take it off"),
        (f"{MATRIX}/#/login", "the address of a client"),
        (f"{MATRIX}/login", "the address of a client"),
        ("https://app.element.io", "the address of a Matrix client"),
        ("https://app.element.io/#/room/!a:matrix.example", "the address of a Matrix client"),
        ("https://develop.element.io/", "the address of a Matrix client"),
        ("https://app.cinny.in/login", "the address of a Matrix client"),
        ("https://matrix.to/#/#ops:matrix.example", "belongs under room"),
        (f"{MATRIX}?x=1", "has a ? behind it"),
        ("matrix.example", "lacks its beginning: https://"),
        ("matrix.example:8448", "lacks its beginning: https://"),
        ("@relay:matrix.example", "an account or a room"),
        ("!a:matrix.example", "an account or a room"),
        (f"{MATRIX},", "comma"),
        ("http://synapse:8008", "set allow_http: true"),
        ("http://192.168.1.20:8008", "set allow_http: true"),
    ],
)
def test_a_wrong_homeserver_is_told_with_what_is_right(address: str, what: str) -> None:
    assert what in told(matrix.check_homeserver, address)


@pytest.mark.parametrize("address", ["http://synapse:8008", "http://192.168.1.20:8008"])
def test_a_homeserver_on_a_lan_may_be_allowed(address: str) -> None:
    matrix.check_homeserver(address, allow_http=True)


@pytest.mark.parametrize(
    ("check", "address"),
    [
        (discord.check_url, DISCORD),
        (slack.check_url, SLACK),
        (matrix.check_homeserver, "https://app.element.io"),
    ],
)
def test_what_a_vendor_has_over_https_only_cannot_be_allowed(
    check: Callable[..., None], address: str
) -> None:
    assert "must be https" in told(check, address.replace("https", "http"), allow_http=True)


def test_what_hardly_any_homeserver_has_is_a_doubt() -> None:
    assert "has a path" in (matrix.homeserver_doubt(f"{MATRIX}/base") or "")
    assert "federation" in (matrix.homeserver_doubt(f"{MATRIX}:8448") or "")
    assert matrix.homeserver_doubt(f"{MATRIX}/") is None


@pytest.mark.parametrize("token", ["syt_a_b", "mat_a", "mct_a", "MDAxabc-_=", "a.b", "t"])
def test_a_right_token_of_matrix_passes(token: str) -> None:
    matrix.check_token(token)


@pytest.mark.parametrize(
    ("token", "what"),
    [
        ("Bearer syt_s3cret", "without Bearer"),
        ("bearer syt_s3cret", "without Bearer"),
        ("syr_s3cret", "a refresh token"),
        ("mar_s3cret", "a refresh token"),
        ("access_token=s3cret", "what stands behind access_token"),
        ('"access_token": "s3cret"', "quote"),
        ("xoxb-s3cret", "a sink of type slack"),
        (DISCORD, "a sink of type discord"),
        (MATRIX, "is an address"),
        ("@relay:matrix.example", "the name of an account"),
        ("EsTs 3cret s3cret", "blank in it"),
    ],
)
def test_a_wrong_token_of_matrix_is_told_with_what_is_right(token: str, what: str) -> None:
    assert what in told(matrix.check_token, token)


@pytest.mark.parametrize("room", ["!abc:matrix.example", "!abc", "#ops:matrix.example", "#名:m.e"])
def test_a_right_room_passes(room: str) -> None:
    matrix.check_room(room)


@pytest.mark.parametrize(
    ("room", "what"),
    [
        ("https://matrix.to/#/!abc:matrix.example", "is a link"),
        ("https://matrix.to/#/%23ops%3Amatrix.example?via=m.e", "is a link"),
        ("https://app.element.io/#/room/#ops:matrix.example", "is a link"),
        ("matrix:r/ops:matrix.example", "is a link"),
        ("@alice:matrix.example", "is a user's id"),
        ("%23ops:matrix.example", "is percent-encoded"),
        ("ops:matrix.example", "should be a room id"),
        ("#ops", "should be a room id"),
        ("!abc:matrix.example,", "has something behind it"),
        ("!abc:matrix.example ", "has something behind it"),
        ("!abc:matrix.example?via=m.e", "has something behind it"),
        ("$event", "should be a room id"),
        ("", "should be a room id"),
    ],
)
def test_a_wrong_room_is_told_with_what_is_right(room: str, what: str) -> None:
    assert what in told(matrix.check_room, room)
