"""The settings of a sink that posts to one room of Matrix."""

from collections.abc import Hashable, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field, ValidationInfo, field_validator

from relay.base_settings import Settings
from relay.secret import Secret
from relay.sinks.base import Layout, Sink, SinkSettings, ids, may_be_http
from relay.sinks.matrix.address import (
    check_homeserver,
    check_keys,
    check_room,
    check_token,
    homeserver_doubt,
    missing_extra,
)
from relay.sinks.matrix.layout import CONTENT, ENCRYPTED_CONTENT, notice
from relay.text.message import Message, pinged

if TYPE_CHECKING:  # see SinkSettings.open
    import aiohttp

UserIds = Annotated[
    tuple[str, ...],
    ids(r"@[^\s:]+:\S+", "should be ids of users, like @alice:matrix.example"),
    Field(max_length=40),
]


class MatrixMentions(Settings):
    """The users that a template's ``ping`` block may ping, or everybody in the room."""

    users: UserIds = ()
    """Ids of users, like @alice:matrix.example."""
    room: bool = False
    """Whether everybody in the room may be pinged."""


class MatrixSettings(SinkSettings):
    """A sink that posts to one Matrix room."""

    # Element's findLinks: all links but those in quotes and code, also behind spoilers.
    previews = True

    type: Literal["matrix"]
    """A room of Matrix."""
    allow_http: bool = False
    """Whether ``homeserver`` may begin with http://, as on a network that is your own."""
    homeserver: str
    """The server of the account, like https://matrix.example."""
    room: str
    """``!id:server``, ``!id``, or an alias ``#name:server``."""
    token: Secret
    """The access token of the account that posts."""
    keys: Secret | None = None
    """For encrypted rooms: the keys of the session, as ``relay matrix login`` writes them."""
    encryption: Literal["auto", "required", "off"] = "auto"
    """Whether to encrypt in encrypted rooms; required: nothing goes into rooms that are not."""
    readers: Literal["signed", "all"] = "signed"
    """Which devices may read encrypted messages; all: also those that nobody has verified."""
    mentions: MatrixMentions = MatrixMentions()
    """The users that templates may ping; nobody else is ever pinged."""
    emojis: Literal["pictures", "names"] = "pictures"
    """How custom emoji are shown: by pictures, fetched from the hook's ``server``, or by name."""

    @field_validator("homeserver")
    @classmethod
    def _is_homeserver(cls, address: str, info: ValidationInfo) -> str:
        check_homeserver(address, allow_http=may_be_http(info))
        return address

    @field_validator("room")
    @classmethod
    def _is_room(cls, room: str) -> str:
        check_room(room)
        return room

    @field_validator("token")
    @classmethod
    def _is_token(cls, token: Secret) -> Secret:
        check_token(token.reveal())
        return token

    @field_validator("keys")
    @classmethod
    def _are_keys(cls, keys: Secret | None) -> Secret | None:
        if keys is not None:
            check_keys(keys.reveal())
        return keys

    @property
    def doubts(self) -> Mapping[str, str]:
        doubt = homeserver_doubt(self.homeserver)
        extra = missing_extra() if self.keys is not None else None
        doubts = {"homeserver": doubt, "keys": extra}
        return {key: text for key, text in doubts.items() if text is not None}

    @property
    def is_idempotent(self) -> bool:
        return True  # the same key gives the same event

    @property
    def resends(self) -> bool:
        return True  # nothing can come twice

    @property
    def address(self) -> str:
        return self.homeserver

    @property
    def pace_key(self) -> Hashable:
        # A homeserver counts by account, over all rooms.
        return self.type, self.homeserver.rstrip("/"), self.token

    def layout(self, messages: Sequence[Message], *, edit: bool = False) -> Layout:
        limit = CONTENT if self.keys is None else ENCRYPTED_CONTENT
        content, count = notice(
            messages, lambda count: self._pings(messages[:count]), edit=edit, limit=limit
        )
        return Layout(content, count)

    def _pings(self, messages: Sequence[Message]) -> dict[str, Any]:
        """https://spec.matrix.org/v1.19/client-server-api/#user-and-room-mentions"""
        names = pinged(messages)
        users = [user for user in self.mentions.users if names & {"all", user}]
        whole_room = self.mentions.room and bool(names & {"all", "room"})
        return ({"user_ids": users} if users else {}) | ({"room": True} if whole_room else {})

    def open(self, session: "aiohttp.ClientSession") -> Sink:
        from relay.sinks.matrix.client import MatrixSink

        return MatrixSink(self, session)
