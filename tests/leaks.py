"""
Listens to all that relay says in a test, and fails the test in which a secret is heard.

Named by `conftest.py` among its plugins: so the whole suite's run is listened to, each test by
itself. Heard are log records, errors, what commands and processes print, files of logs, what
relay's doors answer, metrics, and the `repr` of whatever has to do with secrets. None of it may
tell a secret of the test, nor the text of a private note, but for what shows notes to an operator.
"""

import ast
import asyncio
import functools
import inspect
import json
import logging
import os
import re
import subprocess
import sys
import traceback
from asyncio.subprocess import Process
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import aiohttp
import pytest
from hypothesis import currently_in_test_context

import relay
from relay.config import load
from relay.errors import RelayError
from relay.misskey.fields import restricts
from relay.model import Note, Visibility
from relay.monitoring.metrics import Metrics
from relay.secret import Secret

DISTINCT = 6
"""Characters from which a text is looked for: shorter ones are part of many a word."""
SOURCES = Path(relay.__file__).parent
EXAMPLE = SOURCES.parent / "config.example.yaml"
PRIVATE = {Visibility.FOLLOWERS, Visibility.SPECIFIED}
FOR_OPERATORS = {"stdout", "page"}
"""What shows operators the notes that they ask for; but never a secret."""
ANSWERS = ("/hooks/", "/metrics", "/healthz", "/readyz")
MOST = 50  # objects of which a repr is taken


@dataclass
class Ear:
    """What a test has to keep, and what was said in it."""

    secrets: set[str] = field(default_factory=set)
    private: set[str] = field(default_factory=set)
    public: set[str] = field(default_factory=set)
    said: dict[tuple[str, str], None] = field(default_factory=dict)
    """Each with where it was said."""
    environ: dict[str, str] = field(default_factory=lambda: dict(os.environ))
    """What processes were given."""
    asked: dict[int, object] = field(default_factory=dict)
    """What is asked for its `repr` in the end."""
    frames: set[CodeType] = field(default_factory=set)

    def hear(self, where: str, said: object) -> None:
        text = said.decode(errors="replace") if isinstance(said, bytes) else str(said)
        self.said[where, text] = None

    def keep(self, secret: str) -> None:
        """Of an address also its last part, which is the key."""
        self.secrets |= {secret, secret.rpartition("/")[2]}

    def keep_note(self, text: str | None, *, is_private: bool) -> None:
        (self.private if is_private else self.public).add(text or "")

    def ask(self, one: object) -> None:
        if len(self.asked) < MOST:
            self.asked[id(one)] = one

    def leaks(self) -> Iterator[str]:
        """Each secret that was told after all, and where."""
        for one in self.asked.values():
            self.hear("a repr", repr(one))
        for where, text in self.said:
            notes = set() if where in FOR_OPERATORS else self.private - self.public
            for hidden in self.secrets | notes:
                at = _place(hidden, text)
                if at is not None:
                    yield f"{hidden!r} in {where}: …{text[max(0, at - 200) : at + 200]}…"


def _place(hidden: str, text: str) -> int | None:
    """
    Where the text contains what has to stay hidden, or None.

    Not where the hidden characters are part of a text that stands in relay's source or in its
    example: hypothesis moves any word of the example to the place of a secret, for instance
    "https://misskey.example", and an error that explains addresses with this one leaks nothing. The
    same characters outside that text are a leak.
    """
    if len(hidden) < DISTINCT or len(set(hidden)) == 1 or hidden not in text:
        return None
    for public in _public_texts():
        if hidden in public:
            text = text.replace(public, "\0" * len(public))
    at = text.find(hidden)
    return at if at >= 0 else None


@functools.cache
def _public_texts() -> Sequence[str]:
    """String literals and names of settings in relay's source, words of the example; long first."""
    texts = set(re.findall(r"[^\s'\"{}\[\],]+", EXAMPLE.read_text(encoding="utf-8")))
    for file in SOURCES.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            match node:
                case ast.Constant(value=str(text)) | ast.AnnAssign(target=ast.Name(id=text)):
                    texts.add(text)
    return sorted((text for text in texts if len(text) >= DISTINCT), key=len, reverse=True)


class Listening:
    """Lets whatever speaks tell the ear of the test that runs."""

    def __init__(self) -> None:
        self.ear = Ear()
        self._patch = pytest.MonkeyPatch()

    def begin(self, between: set[str]) -> None:
        self.ear = Ear(secrets=between)

    def install(self) -> None:
        self._after(Secret, "__init__", lambda _, secret, text: self.ear.keep(text))
        self._after(Secret, "reveal", lambda *_: self._ask_whoever_called(sys._getframe(2)))
        self._after(Note, "__init__", self._note_made)
        self._after(RelayError, "__init__", lambda _, error, *said: self._hear("an error", *said))
        self._after(Metrics, "render", lambda page, *_, **__: self._hear("metrics", page[0]))
        self._after(logging.Logger, "handle", lambda _, logger, record: self._logged(record))
        self._after(pytest.CaptureFixture, "readouterr", lambda said, _: self._printed(*said))
        self._after(subprocess.Popen, "communicate", lambda said, *_, **__: self._printed(*said))
        self._after(Process, "communicate", lambda said, *_, **__: self._printed(*said))
        self._after(asyncio, "create_subprocess_exec", self._started)
        self._after(aiohttp.ClientSession, "_request", self._requested)
        self._after(aiohttp.ClientResponse, "read", self._answered)

    def uninstall(self) -> None:
        self._patch.undo()

    def _after(self, owner: Any, name: str, tell: Callable[..., None]) -> None:
        """Tell what a function has returned, and what it was given."""
        original = getattr(owner, name)

        @functools.wraps(original)
        def told(*given: Any, **named: Any) -> Any:
            result = original(*given, **named)
            tell(result, *given, **named)
            return result

        @functools.wraps(original)
        async def told_later(*given: Any, **named: Any) -> Any:
            result = await original(*given, **named)
            tell(result, *given, **named)
            return result

        is_later = inspect.iscoroutinefunction(original)
        self._patch.setattr(owner, name, told_later if is_later else told)

    def _hear(self, where: str, *said: object) -> None:
        for one in said:
            self.ear.hear(where, one)

    def _printed(self, out: str | bytes | None, err: str | bytes | None) -> None:
        self._hear("stdout", out or "")
        self._hear("stderr", err or "")

    def _logged(self, record: logging.LogRecord) -> None:
        if record.name == "aiohttp.access":  # the fakes'; relay's doors have none
            return
        self._hear("the log", record.getMessage(), *map(str, vars(record).values()))
        if record.exc_info:
            self._hear("the log", "".join(traceback.format_exception(*record.exc_info)))

    def _note_made(self, _: None, note: Note, **fields: object) -> None:
        if currently_in_test_context():  # hypothesis makes up texts that anything may say by chance
            return
        is_private = note.visibility in PRIVATE or note.local_only
        for text in (note.text, note.cw):
            self.ear.keep_note(text, is_private=is_private)
        if is_private:
            self.ear.ask(note)

    def _ask_whoever_called(self, frame: FrameType | None) -> None:
        """Who reveals a secret, and who made them, hold it: let them not say so."""
        while frame is not None and frame.f_globals["__name__"].startswith("relay."):
            if frame.f_code not in self.ear.frames:
                self.ear.frames.add(frame.f_code)
                for one in frame.f_locals.values():
                    if type(one).__module__.startswith("relay."):
                        self.ear.ask(one)
            frame = frame.f_back

    def _started(self, _: Process, *words: object, **named: Any) -> None:
        self.ear.environ |= named.get("env") or {}

    def _requested(
        self, _: object, session: object, method: str, url: object, **named: Any
    ) -> None:
        if "/hooks/" not in str(url):
            return
        headers = dict(named.get("headers") or {})
        for name, value in headers.items():
            if name.lower().endswith("-hook-secret"):
                self.ear.keep(value)
        with suppress(ValueError, TypeError, RecursionError):
            self._told(json.loads(named.get("data") or b""))

    def _told(self, found: Any) -> None:
        """The notes in what a server sends, at any depth."""
        if isinstance(found, Mapping):
            if "visibility" in found:
                is_private = found["visibility"] in PRIVATE or restricts(found, "localOnly")
                for text in (found.get("text"), found.get("cw")):
                    if text is None or isinstance(text, str):
                        self.ear.keep_note(text, is_private=is_private)
            found = list(found.values())
        for inner in found if isinstance(found, list) else ():
            self._told(inner)

    def _answered(self, body: bytes, answer: aiohttp.ClientResponse) -> None:
        if answer.url.path.startswith(ANSWERS):
            self._hear("an answer", body, dict(answer.headers))
        elif "Content-Security-Policy" in answer.headers:  # only relay's own pages have it
            self._hear("page", body)


LISTENING = Listening()


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "tells_secrets(why): may say what it has to keep")
    LISTENING.install()


def pytest_unconfigure() -> None:
    LISTENING.uninstall()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    # What was made while tests were collected belongs to all that follow.
    between = item.session.stash.setdefault(BETWEEN, set())
    between |= LISTENING.ear.secrets
    LISTENING.begin(set(between))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    report = yield
    if call.when == "teardown":
        ear = LISTENING.ear
        _look_around(item, ear)
        found = [] if item.get_closest_marker("tells_secrets") else sorted(set(ear.leaks()))
        LISTENING.begin(set())
        if found and report.passed:
            report.outcome = "failed"
            report.longrepr = "\n".join(["told what has to stay hidden:", *found])
    return report


def _look_around(item: pytest.Item, ear: Ear) -> None:
    """What was captured in a test, and what processes have left in its folder."""
    for _, where, text in item._report_sections:
        if where in {"stdout", "stderr"}:  # log records were heard when they were made
            ear.hear(where, text)
    folder = getattr(item, "funcargs", {}).get("tmp_path")
    if folder is None:
        return
    for file in folder.rglob("*.yaml"):
        with suppress(RelayError, OSError, ValueError):
            load(file, environ=ear.environ)
    for file in folder.rglob("*.log"):
        ear.hear("the log", file.read_bytes())


BETWEEN = pytest.StashKey[set[str]]()
