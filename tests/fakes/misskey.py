"""
A Misskey that only sends: real captured webhooks, and fresh ones made from them.

Bodies leave byte for byte as they were captured; the headers are the ones that real servers send.
"""

import copy
import hashlib
import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import aiohttp

SAMPLES = Path(__file__).parent.parent / "samples" / "webhooks.jsonl"

# What aiohttp writes itself, and the hook's own secret.
NOT_SENT = {"content-length", "host", "connection", "x-misskey-hook-secret"}


@dataclass(frozen=True, slots=True)
class Request:
    """One webhook request of a Misskey server."""

    seq: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
    label: str
    software: str
    kind: str

    @property
    def event(self) -> dict[str, Any]:
        """The envelope, parsed anew, so that nobody changes the sample."""
        return dict(json.loads(self.body))

    @property
    def event_id(self) -> str:
        return str(self.event["eventId"])

    def with_event(self, event: dict[str, Any]) -> "Request":
        return replace(self, body=encode(event), kind=event["type"])


@cache
def requests() -> tuple[Request, ...]:
    """All captured requests, in the order of the file."""
    with SAMPLES.open(encoding="utf-8") as lines:
        return tuple(_request(json.loads(line)) for line in lines)


def of_kind(kind: str) -> Iterator[Request]:
    return (request for request in requests() if request.kind == kind)


def encode(event: dict[str, Any]) -> bytes:
    """JSON as Misskey writes it: minified UTF-8, a lone surrogate as an escape."""
    text = json.dumps(event, ensure_ascii=False, separators=(",", ":"))
    return text.encode("utf-8", "backslashreplace")


def an_event(kind: str, n: int = 1) -> Request:
    """
    The first captured event of a kind, with an event id of its own.

    The id depends on kind and `n` alone: the same pair again is the same event, sent twice.
    """
    sample = next(of_kind(kind))
    event = sample.event
    event["eventId"] = event_id(kind, n)
    event["createdAt"] += n
    return sample.with_event(event)


def event_id(kind: str, n: int) -> str:
    """A version 4 UUID, as Misskey's are, but the same one each time."""
    return str(uuid.UUID(hashlib.md5(f"{kind} {n}".encode()).hexdigest(), version=4))


def a_note_event(
    n: int = 1,
    *,
    kind: str = "note",
    text: str | None = "hello",
    visibility: str = "public",
    cw: str | None = None,
    author: str | None = None,
    host: str | None = None,
    **fields: Any,
) -> Request:
    """
    A fresh event about a note: ids from `n`, so a reply and a mention of one `n` share the note.

    `fields` are Misskey's own names (`localOnly`, `files`, `reply`, `renote`, `tags`, `poll`, ...).
    """
    made = an_event("note", n)
    note = a_note(n, text=text, visibility=visibility, cw=cw, author=author, host=host)
    body = {"note": note | copy.deepcopy(fields)}
    return made.with_event(made.event | {"type": kind, "eventId": event_id(kind, n), "body": body})


def a_note(
    n: int = 1,
    *,
    text: str | None = "hello",
    visibility: str = "public",
    cw: str | None = None,
    author: str | None = None,
    host: str | None = None,
) -> dict[str, Any]:
    """A note as Misskey packs it; use it as `reply=` or `renote=` of an event, too."""
    note: dict[str, Any] = next(of_kind("note")).event["body"]["note"]
    note |= {"id": f"atuohcf2yu{n:06x}", "text": text, "cw": cw, "visibility": visibility}
    if author is not None:
        note["user"] |= {"username": author, "id": f"user-{author}"}
        note["userId"] = note["user"]["id"]
    if host is not None:
        note["user"]["host"] = host
    return note


async def post(
    session: aiohttp.ClientSession,
    base_url: str,
    hook: str,
    request: Request,
    *,
    secret: str = "s",
) -> aiohttp.ClientResponse:
    """Send it as Misskey would; the answer comes back read."""
    headers = [pair for pair in request.headers if pair[0].lower() not in NOT_SENT]
    headers.append(("x-misskey-hook-secret", secret))
    url = f"{base_url.rstrip('/')}/hooks/{hook}"
    timeout = aiohttp.ClientTimeout(total=5)  # Misskey's own
    async with session.post(
        url, data=request.body, headers=headers, allow_redirects=False, timeout=timeout
    ) as answer:
        await answer.read()
        return answer


def _request(row: dict[str, Any]) -> Request:
    return Request(
        seq=row["seq"],
        headers=tuple((name, value) for name, value in row["headers"]),
        body=row["body"].encode(),
        label=row["label"],
        software=row["server_software"],
        kind=json.loads(row["body"])["type"],
    )
