"""
Passwords and their scrypt hashes, in the PHC string format.

https://www.rfc-editor.org/rfc/rfc7914, https://github.com/P-H-C/phc-string-format
"""

import base64
import binascii
import hashlib
import hmac
import re
import secrets

PREFIX = "$scrypt$"
# Of the ways that OWASP calls equally good the one that takes the least memory but one: 32 MiB.
# https://cheatsheetseries.owasp.org/cheatsheets/Password_Storage_Cheat_Sheet.html#scrypt
LN, R, P = 15, 8, 3
MEMORY = 256 * 2**20  # bytes; a hash that somebody wrote by hand must not exhaust the memory

_FORM = re.compile(
    r"\$scrypt\$ln=(?P<ln>\d{1,2}),r=(?P<r>\d{1,2}),p=(?P<p>\d)"
    r"\$(?P<salt>[A-Za-z0-9+/]{11,86})\$(?P<key>[A-Za-z0-9+/]{22,86})"
)


def hashed(password: str) -> str:
    salt = secrets.token_bytes(16)
    key = _key(password, salt, ln=LN, r=R, p=P, length=32)
    return f"{PREFIX}ln={LN},r={R},p={P}${_encoded(salt)}${_encoded(key)}"


def check(kept: str) -> None:
    """Raises ValueError if it looks like a hash, but cannot be verified."""
    if kept.startswith(PREFIX) and _read(kept) is None:
        raise ValueError("is not a scrypt hash: `relay password` makes one")


def matches(password: str, kept: str) -> bool:
    """Whether a password equals the configured one or its hash; in constant time."""
    parsed = _read(kept)
    if parsed is None:
        return hmac.compare_digest(_digest(password), _digest(kept))
    salt, key, (ln, r, p) = parsed
    computed = _key(password, salt, ln=ln, r=r, p=p, length=len(key))
    return hmac.compare_digest(computed, key)


def _read(kept: str) -> tuple[bytes, bytes, tuple[int, int, int]] | None:
    """Salt, key and costs of a hash; None if the text is not one."""
    match = _FORM.fullmatch(kept)
    if match is None:
        return None
    ln, r, p = (int(match[name]) for name in ("ln", "r", "p"))
    if not (1 <= ln <= 24 and r and p and _memory(ln, r, p) <= MEMORY):
        return None
    try:
        return _decoded(match["salt"]), _decoded(match["key"]), (ln, r, p)
    except binascii.Error:
        return None


def _key(password: str, salt: bytes, *, ln: int, r: int, p: int, length: int) -> bytes:
    return hashlib.scrypt(
        password.encode(errors="surrogatepass"),
        salt=salt,
        n=2**ln,
        r=r,
        p=p,
        maxmem=2 * _memory(ln, r, p),
        dklen=length,
    )


def _memory(ln: int, r: int, p: int) -> int:
    return int(128 * r * (2**ln + p + 2))


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode(errors="surrogatepass")).digest()


def _encoded(raw: bytes) -> str:
    return base64.b64encode(raw).decode().rstrip("=")


def _decoded(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
