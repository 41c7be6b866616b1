"""The ways in, as configured: the secrets, and what is taken."""

from collections.abc import Iterator, Mapping, Sequence

from relay.doctor.facts import Facts
from relay.doctor.finding import Finding, advice, wrong
from relay.secret import Secret

SHORT = 16  # characters
LONG = 1024  # characters: Misskey takes no more
# The largest webhook that was seen had 187 kB, and quotes nest without limit.
SMALL = 256 * 1024

RENEW = "make a new one with `openssl rand -hex 24`, and write it here and into Misskey's form"


def check(facts: Facts) -> Iterator[Finding]:
    config = facts.config
    for name, hook in config.hooks.items():
        for secret in hook.secret:
            yield from about(f"hook {name}", secret)
    yield from _shared({name: hook.secret for name, hook in config.hooks.items()})
    if config.max_body < SMALL:
        yield advice(
            "max-body-small",
            "max_body",
            f"it is {config.max_body} bytes, and webhooks of 187 kB have been seen",
            "leave it out: the default is 4MiB",
        )


def about(where: str, secret: Secret) -> Iterator[Finding]:
    """What one secret is like; nothing of it is told."""
    text = secret.reveal()
    bare = text.strip()
    if not is_sendable(bare):
        what = "its secret has characters that no HTTP header can hold: Misskey never sends such"
        yield wrong("secret-characters", where, f"{what} a webhook", RENEW)
    elif not bare.isascii():
        what = "its secret is not ASCII: proxies may change it on the way"
        yield advice("secret-characters", where, what, RENEW)
    if text != bare:
        what = "its secret has blanks at its ends, which HTTP strips and relay ignores"
        yield advice("secret-blanks", where, what, "write it without them, here and in Misskey")
    if len(bare) < SHORT:
        what = f"its secret has less than {SHORT} characters: it could be guessed"
        yield advice("secret-short", where, what, RENEW)
    if len(bare) > LONG:
        what = f"its secret has more than {LONG} characters, which Misskey does not take"
        yield wrong("secret-long", where, what, RENEW)


def is_sendable(secret: str) -> bool:
    """Node.js sends the printable characters of latin-1 in headers, and refuses all others."""
    return all(
        letter == "\t" or " " <= letter <= "~" or "\x80" <= letter <= "\xff"
        for letter in secret.strip()
    )


def _shared(secrets: Mapping[str, Sequence[Secret]]) -> Iterator[Finding]:
    first: dict[Secret, str] = {}
    for hook, its in secrets.items():
        for other in sorted({first.setdefault(secret, hook) for secret in its} - {hook}):
            what = f"the hook {other} has the same secret: who knows it comes in by both"
            yield advice("secret-shared", f"hook {hook}", what, RENEW)
