"""The models of the configuration file."""

from pathlib import Path
from typing import Annotated

from pydantic import (
    ConfigDict,
    Field,
    PrivateAttr,
    ValidationInfo,
    field_validator,
)

from relay.base_settings import OneOrMany, Settings, Zone
from relay.config.effective import Setting
from relay.config.types import (
    OUTBOX,
    AppToken,
    Filled,
    Host,
    Listen,
    Locale,
    MaxBody,
    Name,
    Notification,
    Origin,
    OutboxUrl,
    Password,
    PollInterval,
    Proxy,
    is_local,
)
from relay.rendering.expression import predicate
from relay.rendering.templates import Templates
from relay.routing.match import Match, Route
from relay.secret import Secret
from relay.sinks import AnySink
from relay.units import Duration

LISTEN = "127.0.0.1:8095"
RETRY_SCHEDULE = (5.0, 30.0, 120.0, 600.0, 1800.0, 3600.0, 10800.0, 21600.0, 43200.0)
DAY = 86400.0
WAYS = ("secret", "secret_file", "token", "token_file")
"""The keys by which the events of a hook come: one of them is needed."""


class WebSettings(Settings):
    """The operators' listener: the page, /metrics, /healthz, /readyz."""

    listen: Listen = "127.0.0.1:8096"
    """Its address: host:port, or unix:/path/of/a/socket."""
    password: Password | None = Field(default=None, validate_default=True)
    """Needed where other machines reach the page; itself, or its hash from `relay password`."""
    hosts: Annotated[tuple[Host, ...], OneOrMany()] = ()
    """Host names that requests may use, in addition to its address and localhost."""

    @field_validator("password")
    @classmethod
    def _keeps_others_out(cls, password: Secret | None, info: ValidationInfo) -> Secret | None:
        # Not a check of the whole model: that would not run where another key is wrong.
        if password is None and not is_local(info.data.get("listen", LISTEN)):
            raise ValueError("password is missing: other machines can reach the page")
        return password


class HookSettings(Settings):
    """An address that one Misskey webhook posts to, or an account that Misskey is asked about."""

    model_config = ConfigDict(
        json_schema_extra={
            "allOf": [{"anyOf": [{"required": [key]} for key in WAYS]}],
            "dependentRequired": {"token": ["server"], "token_file": ["server"]},
        }
    )
    secret: Annotated[tuple[Filled, ...], Field(min_length=1), OneOrMany()] = ()
    """The value of X-Misskey-Hook-Secret (forks: X-Iceshrimp-Hook-Secret, ...)."""
    server: Origin = ""
    """The only server that events and emoji are accepted from; other hooks cannot change them."""
    token: AppToken | None = None
    """An app's token with read:notifications, to ask for events that no webhook brought."""
    poll_interval: PollInterval = 60.0
    """How often relay asks with the token; 0: at a start only."""
    notifications: Annotated[tuple[Notification, ...], OneOrMany()] = ()
    """Notifications to take that no webhook brings, like reaction, pollEnded or login."""


class RouteSettings(Settings):
    """Sends the events that match to its sinks."""

    to: Annotated[tuple[str, ...], Field(min_length=1), OneOrMany()]
    """The sinks that get the event."""
    name: str | None = None
    """Its name in the log and in `relay route`; by default its number, like #1."""
    match: Match = Match()
    """The route applies to events that meet these conditions; without it to every event."""
    unless: Match | None = None
    """The route does not apply to events that meet these conditions."""
    when: str | None = None
    """A Jinja expression over the event."""
    template: Name | None = None
    """Use ``<event>.<template>.j2`` where there is one."""
    locale: Locale | None = None
    """The language of its messages, if another than the general one."""


class Config(Settings):
    """The whole configuration file."""

    listen: Listen = LISTEN
    """The address for webhooks: host:port, or unix:/path/of/a/socket."""
    web: WebSettings | None = None
    """The operators' listener: a page, metrics and readiness; without it there is none."""
    outbox: OutboxUrl = OUTBOX
    """Where events wait: sqlite:FILE, from this file's folder, or postgresql://user@host/db."""
    locale: Locale = "en"
    """The language of messages."""
    timezone: Zone = "UTC"
    """Of the dates in messages, like Asia/Tokyo."""
    templates: Path | None = None
    """Files here replace the built-in templates of the same name."""
    retention: Duration = 7 * DAY
    """How long delivered and dead messages stay visible."""
    log_content: bool = False
    """Whether the log may show what notes say."""
    max_body: MaxBody = 4 * 2**20
    """Of one webhook; real ones reach 190 kB."""
    max_waiting: Annotated[int, Field(ge=1)] = 1_000_000
    """How many messages may wait; beyond it events are rejected, and Misskey retries a while."""
    hold: Duration = 0.3
    """How long an event waits for its siblings and its turn; 0: not at all."""
    retry: Annotated[tuple[Duration, ...], OneOrMany()] = RETRY_SCHEDULE
    """The waits before the second, third, ... attempt; then a delivery is dead."""
    proxy: Proxy = "env"
    """For outgoing requests: env (HTTPS_PROXY, HTTP_PROXY, NO_PROXY), none, or http://host:port."""
    hooks: dict[Name, HookSettings] = Field(default_factory=dict)
    """Webhooks that relay accepts, by name: ``POST /hooks/<name>``."""
    sinks: dict[Name, AnySink] = Field(default_factory=dict)
    """Destinations of messages, by name."""
    routes: tuple[RouteSettings, ...] = ()
    """Which events go to which sinks: every route is evaluated, and a sink gets an event once."""
    _home: Path = PrivateAttr(Path())
    _warnings: tuple[str, ...] = PrivateAttr(())
    _secret_files: tuple[Path, ...] = PrivateAttr(())
    _effective: tuple[Setting, ...] = PrivateAttr(())

    @property
    def home(self) -> Path:
        """The folder for relay's files if the outbox is not a file."""
        return self._home

    @property
    def warnings(self) -> tuple[str, ...]:
        """Values that are allowed, but hardly meant; a line each."""
        return self._warnings

    @property
    def secret_files(self) -> tuple[Path, ...]:
        """The files that secrets were read from."""
        return self._secret_files

    @property
    def effective(self) -> tuple[Setting, ...]:
        """All settings with their origins, for the operators' page; empty without a page."""
        return self._effective

    @property
    def server_bound(self) -> frozenset[str]:
        """The hooks that accept the events of one server only."""
        return frozenset(name for name, hook in self.hooks.items() if hook.server)

    def templates_in(self) -> Templates:
        return Templates(self.templates)

    def compiled_routes(self) -> tuple[Route, ...]:
        """The routes, ready to be asked."""
        return tuple(
            Route(
                name=(name := route.name or f"#{number}"),
                to=route.to,
                match=route.match,
                unless=route.unless,
                when=None if route.when is None else predicate(route.when, route=name),
                template=route.template,
                locale=route.locale,
            )
            for number, route in enumerate(self.routes, start=1)
        )
