"""The operator's page: its password."""

from collections.abc import Iterator

from relay import password
from relay.doctor.facts import Facts
from relay.doctor.finding import Finding, advice
from relay.secret import Secret

SHORT = 12  # characters; who guesses has to wait longer each time


def check(facts: Facts) -> Iterator[Finding]:
    web = facts.config.web
    if web is not None and web.password is not None:
        yield from about(web.password)


def about(secret: Secret) -> Iterator[Finding]:
    """What the password is like; nothing of it is told. A hash does not say."""
    text = secret.reveal()
    if not text.startswith(password.PREFIX) and len(text) < SHORT:
        what = f"its password has less than {SHORT} characters: it could be guessed"
        yield advice("password-short", "web", what, "take a longer one")
