"""What ``init`` has to know: from its options, or from the one who sits there."""

import argparse
import asyncio
import getpass
import os
import secrets
import sys
from argparse import ArgumentTypeError, Namespace
from collections.abc import Callable, Coroutine, Mapping
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from relay.app import run as app
from relay.cli.context import configuration
from relay.cli.init_presets import USES, Question, Use, config
from relay.cli.output import echo, warn
from relay.cli.parser import Commands, add
from relay.cli.serve import stop_on_signals
from relay.config import LISTEN, Config
from relay.config.types import Origin, listen
from relay.errors import ConfigError
from relay.log.setup import log_to
from relay.outbox import Outbox, open_outbox
from relay.sinks import AnySink
from relay.sinks.http import open_session
from relay.sinks.proxy import proxies

SERVER = Question("server", "Your Misskey server, like https://misskey.example", "")
ADDRESS = Question(
    "address",
    "The address under which Misskey reaches relay, like https://relay.example",
    "That of the web server in front of relay; http://127.0.0.1:8095 without one, on one machine",
)
Problem = Callable[[str], "str | None"]


def answers(args: Namespace, use: Use) -> Mapping[str, str]:
    """By the keys of the questions. Raises ConfigError if one is missing or wrong."""
    _refuse_others(args, use)
    questions = (SERVER, *use.questions, ADDRESS)
    return {one.key: _answer(one, args, _problem(one, use)) for one in questions}


def chosen() -> str:
    if not sys.stdin.isatty():
        raise ConfigError(f"say what it is for: --use {', --use '.join(USES)}")
    for number, use in enumerate(USES.values(), start=1):
        echo(f"  {number}  {use.about}")
    while True:
        chosen = input("What shall relay do first? [1-3] ").strip()
        for number, name in enumerate(USES, start=1):
            if chosen in {str(number), name}:
                return name


def _refuse_others(args: Namespace, use: Use) -> None:
    """An answer to a question that nobody asks is a misunderstanding."""
    asked = {one.key for one in use.questions}
    for question in {one for other in USES.values() for one in other.questions}:
        if question.key not in asked and getattr(args, _name(question)) is not None:
            raise ConfigError(f"{_option(question)} is not for {use.name}")


def _option(question: Question) -> str:
    return f"--{question.key}{'-file' if question.is_secret else ''}"


def _name(question: Question) -> str:
    """The option among the arguments, as argparse calls it."""
    return _option(question).removeprefix("--").replace("-", "_")


def _answer(question: Question, args: Namespace, problem: Problem) -> str:
    """From the arguments, or from the one who sits there. Raises ConfigError if nobody does."""
    option = _option(question)
    if (found := getattr(args, _name(question))) is not None:
        answer = _content(found) if question.is_secret else found
        if (why := problem(answer)) is not None:
            raise ConfigError(f"{option}: {why}")
        return answer
    if not sys.stdin.isatty():
        raise ConfigError(f"{option} is missing: {question.text}")
    return _asked(question, problem)


def _content(name: str) -> str:
    try:
        text = sys.stdin.read() if name == "-" else Path(name).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is no text"
        raise ConfigError(f"{name}: cannot be read: {reason}") from None
    return text.strip()


def _asked(question: Question, problem: Problem) -> str:
    echo(f"\n{question.hint}." if question.hint else "")
    ask = getpass.getpass if question.is_secret else input
    hidden = " (it stays hidden)" if question.is_secret else ""
    while True:
        answer = ask(f"{question.text}{hidden}: ").strip()
        why = problem(answer)
        if why is None:
            return answer
        warn(f"  it {why}")


def _problem(question: Question, use: Use) -> Problem:
    """What is wrong with an answer, or None; never the answer itself."""

    def problem(answer: str) -> str | None:
        if not answer.isprintable() or any(part in answer for part in ('"', "\\", "${")):
            return 'should be one line without " \\ or ${'
        if question in {SERVER, ADDRESS}:
            return _complaint(TypeAdapter(Origin), answer, ())
        settings = {"type": use.sink, question.key: answer}
        return _complaint(TypeAdapter(AnySink), settings, (use.sink, question.key))

    return problem


def _complaint(model: TypeAdapter[Any], args: object, place: tuple[str, ...]) -> str | None:
    try:
        model.validate_python(args)
    except ValidationError as error:
        for found in error.errors(include_input=False, include_url=False):
            if found["loc"] == place:
                return found["msg"].removeprefix("Value error, ").replace("String should", "should")
    return None


POLL = 0.5  # seconds


async def first_event(config: Config, use: Use) -> int:
    """Serve until an event has come through to the sink, or cannot."""
    async with open_session(proxies(config.proxy, os.environ)) as session:
        if (problem := await config.sinks[use.sink].open(session).check()) is not None:
            warn(f"{use.sink} refuses relay: {problem}")
            warn("Put it right in the configuration, ask relay check --online, then relay serve.")
            return 1
    stop, ready = asyncio.Event(), asyncio.Event()
    stop_on_signals(stop)
    serving = asyncio.create_task(app.run(config, stop=stop, ready=lambda _: ready.set()))
    waiting = asyncio.create_task(_arrival(config, use, ready=ready, stop=stop))
    try:
        await asyncio.wait({serving, waiting}, return_when=asyncio.FIRST_COMPLETED)
        stop.set()
        await serving
        return await waiting
    finally:
        waiting.cancel()


async def _arrival(config: Config, use: Use, *, ready: asyncio.Event, stop: asyncio.Event) -> int:
    await ready.wait()
    echo("Save it, open it again, and press Test. relay waits for that event; Ctrl-C ends it.\n")
    async with open_outbox(config.outbox) as outbox:
        before = await outbox.counts()
        while not stop.is_set():
            if (end := await _end(outbox, before, use.sink)) is not None:
                code, told = end
                echo(told)
                return code
            await asyncio.sleep(POLL)
    echo("No event has come through yet. relay serve goes on waiting for them.")
    return 1


async def _end(
    outbox: Outbox, before: Mapping[tuple[str, str], int], sink: str
) -> tuple[int, str] | None:
    """How the first event ended, once it did."""
    now = await outbox.counts()
    if now.get((sink, "delivered"), 0) > before.get((sink, "delivered"), 0):
        return 0, (
            f"It works: an event of Misskey's has arrived in {sink}.\n"
            "Next: relay serve, or relay install-service for systemd."
        )
    if now.get((sink, "dead"), 0) > before.get((sink, "dead"), 0):
        (letter,) = await outbox.dead(sink=sink, limit=1)
        return 1, f"{sink} refused the event: {letter.reason}"
    for closed in await outbox.closed_sinks():
        return 1, f"{sink} refuses relay: {closed.reason}"
    return None


STATE = Path("/var/lib/relay")


def init(args: Namespace) -> int | Coroutine[Any, Any, int]:
    file: Path = args.config or Path("config.yaml")
    _refuse_if_there(file)
    use = USES[args.use or chosen()]
    _refuse_if_there(*(file.parent / "secrets" / name for name in (use.name, use.sink)))
    found = answers(args, use)
    _write(file, use, found, listen=args.listen)
    _tell(file, use, found["address"])
    if not args.wait:
        return 0
    log_to(sys.stderr)
    return first_event(configuration(file), use)


def _refuse_if_there(*paths: Path) -> None:
    for path in paths:
        if path.exists():
            raise ConfigError(f"{path} is there already, and init overwrites nothing")


def _write(file: Path, use: Use, answers: Mapping[str, str], *, listen: str) -> None:
    """The configuration for everybody, its secrets for the owner alone."""
    folder = file.parent / "secrets"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _make(folder / use.name, secrets.token_hex(24), mode=0o600)
        _make(folder / use.sink, answers[use.secret], mode=0o600)
        # systemd's own user for relay has to read it: so it holds no secret.
        _make(file, config(use, answers, listen=listen, outbox=_outbox(file)), mode=0o644)
    except OSError as error:
        raise ConfigError(f"{error.filename}: cannot be written: {error.strerror}") from None


def _make(path: Path, text: str, *, mode: int) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w") as made:
        os.fchmod(made.fileno(), mode)
        made.write(f"{text.rstrip()}\n")


def _outbox(file: Path) -> str:
    """A service keeps it where systemd gives it a place; who tries relay out, where they are."""
    if Path("/etc") not in file.absolute().parents:
        return "#outbox: sqlite:relay.db               # a file beside this one"
    STATE.mkdir(mode=0o700, exist_ok=True)
    return f"outbox: sqlite:{STATE}/relay.db"


def _tell(file: Path, use: Use, address: str) -> None:
    secret = file.parent / "secrets" / use.name
    shown = secret.read_text().strip() if sys.stdout.isatty() else f"what is in {secret}"
    echo(
        f"\n{file} is written, and its secrets beside it in secrets/.\n\n"
        f"Now in Misskey, {use.menu}\n\n"
        f"  URL      {address.rstrip('/')}/hooks/{use.name}\n"
        f"  Secret   {shown}\n"
        f"  Events   {use.events}\n\n{use.remark}"
    )


def _listen(written: str) -> str:
    try:
        return listen(written)
    except ValueError as error:
        raise ArgumentTypeError(f"{written} {error}") from None


def add_command(commands: Commands) -> None:
    parser = add(
        commands,
        "init",
        init,
        about="set relay up: ask, write the configuration, and wait for the first event",
        example="relay init --use mentions",
        config=False,
    )
    parser.add_argument(
        "--config",
        type=Path,
        metavar="FILE",
        default=argparse.SUPPRESS,
        help="the file to write; default: config.yaml",
    )
    parser.add_argument("--use", choices=list(USES), help="what for; default: asks")
    parser.add_argument("--server", metavar="URL", help="the Misskey server")
    parser.add_argument("--address", metavar="URL", help="where Misskey reaches relay")
    parser.add_argument(
        "--listen",
        type=_listen,
        default=LISTEN,
        help=f"default: {LISTEN}; in a container 0.0.0.0:8095",
    )
    parser.add_argument("--homeserver", metavar="URL", help="for reports: the Matrix homeserver")
    parser.add_argument("--room", help="for reports: the room's id or alias")
    for option, what in (("url", "webhook's address"), ("token", "Matrix token")):
        parser.add_argument(
            f"--{option}-file", metavar="FILE", help=f"a file with the {what}; -: standard input"
        )
    parser.add_argument(
        "--no-wait", dest="wait", action="store_false", help="end when all is written"
    )
