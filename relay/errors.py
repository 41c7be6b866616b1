"""The tree of errors; errors of the intake have the HTTP status of their answer."""

from http import HTTPStatus


class RelayError(Exception):
    """Something outside relay is wrong; the text says what it is and how to fix it."""

    status = HTTPStatus.INTERNAL_SERVER_ERROR


class SecretError(RelayError):
    """The request does not have the hook's secret."""

    status = HTTPStatus.UNAUTHORIZED


class FormatError(RelayError):
    """The body is not a Misskey event. Misskey does not retry after a 4xx."""

    status = HTTPStatus.BAD_REQUEST


class OutboxError(RelayError):
    """The outbox cannot store anything now. Misskey retries after a 5xx, not after a 4xx."""

    status = HTTPStatus.SERVICE_UNAVAILABLE


class BrokenError(OutboxError):
    """The outbox is damaged: its contents cannot be trusted."""


class LostError(OutboxError):
    """The outbox's file was moved or deleted: the next start would not see what is written now."""


class BacklogFullError(OutboxError):
    """``max_waiting`` messages wait already. Misskey repeats refused events for 12 minutes."""


class ControlError(RelayError):
    """The relay that runs does not answer a command on its control socket."""


class ConfigError(RelayError):
    """The configuration is wrong; the text has a line with a place for every mistake."""


class TemplateError(RelayError):
    """A template is wrong, or fails on an event."""
