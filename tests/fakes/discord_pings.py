"""Whom a Discord message would notify."""

import re

from tests.fakes.records import Payload

MENTION = re.compile(r"<@!?(?P<user>[0-9]+)>|<@&(?P<role>[0-9]+)>|@(?P<all>everyone|here)")


def pings(payload: Payload) -> set[str]:
    """
    The mentions that would notify, as they are written: `<@1>`, `<@&2>`, `@everyone`, `@here`.

    Discord looks at the raw content, whatever the markdown around it says; never at embeds.
    https://discord.com/developers/docs/resources/message#allowed-mentions-object
    """
    # Without the field a webhook message notifies the users that its content names.
    allowed = payload.get("allowed_mentions")
    if allowed is None:
        allowed = {"parse": ["users"]}
    found = set()
    for match in MENTION.finditer(payload.get("content") or ""):
        if match["user"] and _may(allowed, "users", match["user"]):
            found.add(f"<@{match['user']}>")
        elif match["role"] and _may(allowed, "roles", match["role"]):
            found.add(f"<@&{match['role']}>")
        elif match["all"] and "everyone" in (allowed.get("parse") or ()):
            found.add(f"@{match['all']}")
    return found


def _may(allowed: Payload, kind: str, number: str) -> bool:
    named = map(str, allowed.get(kind) or ())
    return kind in (allowed.get("parse") or ()) or number in named
