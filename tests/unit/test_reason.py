"""What a reason means in plain words."""

import pytest

from relay.admin.reason import meaning


@pytest.mark.parametrize(
    ("told", "means"),
    [
        ("401 Unauthorized", "token"),
        ("200 invalid_auth", "token"),
        ("401 M_UNKNOWN_TOKEN Unrecognised access token", "token"),
        ("401 50027 Invalid Webhook Token", "token"),
        ("403 M_FORBIDDEN User not in room", "right"),
        ("403 50013 Missing Permissions", "right"),
        ("200 not_in_channel", "right"),
        ("404 10015 Unknown Webhook", "gone"),
        ("404 no_team", "gone"),
        ("410 channel_is_archived", "gone"),
        ("429 Too Many Requests", "limit"),
        ("400 invalid_blocks", "message"),
        ("413 Payload Too Large", "message"),
        ("503 upstream connect error", "sick"),
        ("500 Internal Server Error", "sick"),
        ("the connection was refused", ""),
        ("relay ended while it was sent", ""),
        ("", ""),
    ],
)
def test_codes_are_told_in_words_and_words_stay(told: str, means: str) -> None:
    assert meaning(told) == means
