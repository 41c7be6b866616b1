"""
The types of Misskey's notifications, of which webhooks bring only some.

https://github.com/misskey-dev/misskey/blob/develop/packages/backend/src/types.ts; forks add more.
"""

FROM_WEBHOOKS = frozenset({"mention", "reply", "renote", "quote", "follow"})
"""A webhook brings them too."""
PRIVATE = frozenset({"login", "createToken", "app", "chatRoomInvitationReceived"})
"""Nobody but the account's owner may see them."""
OTHERS = PRIVATE | {
    "note", "reaction", "pollEnded", "receiveFollowRequest", "followRequestAccepted",
    "roleAssigned", "achievementEarned", "exportCompleted", "scheduledNotePosted",
    "scheduledNotePostFailed", "test",
}  # fmt: skip
"""Misskey sends no webhook for them."""
KINDS = {"note": "posted", "follow": "followed"}
"""The kinds of events of those whose own names are other events: all others keep theirs."""
