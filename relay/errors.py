"""One tree of errors; those that the intake meets carry the HTTP status of their answer."""

from http import HTTPStatus


class RelayError(Exception):
    """Something outside of relay is not as it has to be; the text says what, and what to do."""

    status = HTTPStatus.INTERNAL_SERVER_ERROR


class SecretError(RelayError):
    """The webhook does not bring the hook's secret."""

    status = HTTPStatus.UNAUTHORIZED


class FormatError(RelayError):
    """The body is not a Misskey event. Misskey never repeats after a 4xx, and need not."""

    status = HTTPStatus.BAD_REQUEST


class OutboxError(RelayError):
    """The outbox cannot store anything now. Misskey tries again after a 5xx, not after a 4xx."""

    status = HTTPStatus.SERVICE_UNAVAILABLE


class BrokenError(OutboxError):
    """The outbox is damaged: nothing in it can be trusted."""


class LostError(OutboxError):
    """The outbox's file is no longer where it was: what is written to it, the next start misses."""


class FullError(OutboxError):
    """As much waits as may wait. Misskey keeps what is refused now, for twelve minutes."""


class ConfigError(RelayError):
    """The configuration is wrong; every mistake on a line of its own, with its place."""


class TemplateError(RelayError):
    """A template is wrong, or fails on an event."""
