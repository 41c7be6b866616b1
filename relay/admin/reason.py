"""What a reason means, for who does not know the codes of chats."""

import re
from collections.abc import Mapping

_MEANINGS: Mapping[str, re.Pattern[str]] = {
    name: re.compile(pattern)
    for name, pattern in {
        # The vendors' own words first: some come with a status that says something else.
        "token": r"invalid_auth|not_authed|token_revoked|token_expired|account_inactive|no_service"
        r"|M_UNKNOWN_TOKEN|M_MISSING_TOKEN|M_USER_DEACTIVATED|^401 |^\d+ 50027 ",
        "gone": r"channel_not_found|is_archived|no_team|^404 |^410 |^\d+ 10003 "
        r"|^\d+ 10015 ",
        "right": r"not_in_channel|restricted_action|missing_scope|M_FORBIDDEN|^403 "
        r"|^\d+ 500(?:01|13) ",
        "limit": r"^429 |M_LIMIT_EXCEEDED|ratelimited",
        "message": r"^4(?:00|13|22) |M_TOO_LARGE|M_BAD_JSON|msg_too_long|invalid_blocks",
        "sick": r"^5\d\d |^408 ",
    }.items()
}


def meaning(told: str) -> str:
    """The name of what it means; empty where it is told in plain words, or nobody knows."""
    return next((name for name, found in _MEANINGS.items() if found.search(told)), "")
