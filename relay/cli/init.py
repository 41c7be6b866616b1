"""``init``: ask, write a configuration with its secrets, and wait for the first event."""

import argparse
import asyncio
import getpass
import os
import secrets
import sys
from argparse import ArgumentTypeError, Namespace
from collections.abc import Callable, Coroutine, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from relay.app import run as app
from relay.cli.context import configuration
from relay.cli.init_presets import PRESETS, Preset, Question, config
from relay.cli.matrix_login import with_login
from relay.cli.new_files import (
    create,
    create_secret,
    reject_existing,
    reject_unwritable,
    unwritable,
)
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
from relay.sinks.matrix.address import missing_extra
from relay.sinks.proxy import proxies

SERVER = Question("server", "Your Misskey server, like https://misskey.example", "")
ADDRESS = Question(
    "address",
    "The address at which Misskey reaches relay, like https://relay.example",
    "The web server in front of relay; on the same machine without one http://127.0.0.1:8095",
)
Validate = Callable[[str], "str | None"]
"""Returns the problem of an answer, without the answer itself; None if it is valid."""


def answers(args: Namespace, preset: Preset) -> Mapping[str, str]:
    """The answers by the keys of the questions. Raises ConfigError if one is missing or invalid."""
    _reject_other_options(args, preset)
    questions = (SERVER, *_questions(args, preset), ADDRESS)
    return {
        question.key: _answer(question, args, _validator(question, preset))
        for question in questions
    }


def _questions(args: Namespace, preset: Preset) -> Sequence[Question]:
    """The questions of a preset: for a token, or for a password with which relay gets one."""
    if not preset.login or args.token_file is not None:
        return preset.questions
    if (missing := missing_extra()) is not None:
        warn(f"Writing in encrypted rooms {missing}.")
        return preset.questions
    return (*(question for question in preset.questions if not question.is_secret), *preset.login)


def _ask_for_preset() -> str:
    if not sys.stdin.isatty():
        raise ConfigError(f"choose a purpose: --use {', --use '.join(PRESETS)}")
    for number, preset in enumerate(PRESETS.values(), start=1):
        echo(f"  {number}  {preset.about}")
    while True:
        chosen = input("What should relay do first? [1-3] ").strip()
        for number, name in enumerate(PRESETS, start=1):
            if chosen in {str(number), name}:
                return name


def _reject_other_options(args: Namespace, preset: Preset) -> None:
    """Raise ConfigError for options of other presets, which are a misunderstanding."""
    keys = {question.key for question in (*preset.questions, *preset.login)}
    others = (question for other in PRESETS.values() for question in other.questions + other.login)
    for question in dict.fromkeys(others):
        if question.key not in keys and getattr(args, _attribute(question)) is not None:
            raise ConfigError(f"{_option(question)} is not for {preset.name}")


def _option(question: Question) -> str:
    return f"--{question.key}{'-file' if question.is_secret else ''}"


def _attribute(question: Question) -> str:
    """The name of the option among the parsed arguments."""
    return _option(question).removeprefix("--").replace("-", "_")


def _answer(question: Question, args: Namespace, validate: Validate) -> str:
    """The answer from the arguments, or from the terminal. Raises ConfigError without one."""
    option = _option(question)
    if (value := getattr(args, _attribute(question))) is not None:
        answer = _content(value) if question.is_secret else str(value)
        if (problem := validate(answer)) is not None:
            raise ConfigError(f"{option}: {problem}")
        return answer
    if not sys.stdin.isatty():
        raise ConfigError(f"{option} is missing: {question.text}")
    return _ask(question, validate)


def _content(name: str) -> str:
    try:
        text = sys.stdin.read() if name == "-" else Path(name).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not text"
        raise ConfigError(f"{name}: cannot be read: {reason}") from None
    return text.strip()


def _ask(question: Question, validate: Validate) -> str:
    echo(f"\n{question.hint}." if question.hint else "")
    prompt = getpass.getpass if question.is_secret else input
    hint = " (hidden)" if question.is_secret else ""
    while True:
        answer = prompt(f"{question.text}{hint}: ").strip()
        problem = validate(answer)
        if problem is None:
            return answer
        warn(f"  it {problem}")


def _validator(question: Question, preset: Preset) -> Validate:
    def validate(answer: str) -> str | None:
        if question in preset.login:
            return None if answer else "is missing"
        if not answer.isprintable() or any(part in answer for part in ('"', "\\", "${")):
            return 'should be one line without " \\ or ${'
        if question in {SERVER, ADDRESS}:
            return _validation_problem(TypeAdapter(Origin), answer, ())
        settings = {"type": preset.sink, question.key: answer}
        return _validation_problem(TypeAdapter(AnySink), settings, (preset.sink, question.key))

    return validate


def _validation_problem(
    model: TypeAdapter[Any], value: object, place: tuple[str, ...]
) -> str | None:
    """The problem that a model has with the value at a place, if any."""
    try:
        model.validate_python(value)
    except ValidationError as error:
        for problem in error.errors(include_input=False, include_url=False):
            if problem["loc"] == place:
                return (
                    problem["msg"].removeprefix("Value error, ").replace("String should", "should")
                )
    return None


POLL = 0.5  # seconds


async def first_event(config: Config, preset: Preset) -> int:
    """Serve until the first event is delivered, or cannot be."""
    async with open_session(proxies(config.proxy, os.environ)) as session:
        if (problem := await config.sinks[preset.sink].open(session).check()) is not None:
            warn(f"{preset.sink} refuses relay: {problem}")
            warn("Fix the configuration, run relay check --online, then relay serve.")
            return 1
    stop, ready = asyncio.Event(), asyncio.Event()
    stop_on_signals(stop)
    serving = asyncio.create_task(app.run(config, stop=stop, ready=lambda _: ready.set()))
    waiting = asyncio.create_task(_wait_for_event(config, preset, ready=ready, stop=stop))
    try:
        await asyncio.wait({serving, waiting}, return_when=asyncio.FIRST_COMPLETED)
        stop.set()
        await serving
        return await waiting
    finally:
        waiting.cancel()


async def _wait_for_event(
    config: Config, preset: Preset, *, ready: asyncio.Event, stop: asyncio.Event
) -> int:
    await ready.wait()
    echo("Save it, open it again, and press Test. relay waits for that event; Ctrl-C stops it.\n")
    async with open_outbox(config.outbox) as outbox:
        before = await outbox.counts()
        while not stop.is_set():
            if (result := await _first_result(outbox, before, preset.sink)) is not None:
                code, text = result
                echo(text)
                return code
            await asyncio.sleep(POLL)
    echo("No event has arrived yet. relay serve continues to wait for events.")
    return 1


async def _first_result(
    outbox: Outbox, before: Mapping[tuple[str, str], int], sink: str
) -> tuple[int, str] | None:
    """The exit code and the report of the first event, as soon as its delivery has ended."""
    now = await outbox.counts()
    if now.get((sink, "delivered"), 0) > before.get((sink, "delivered"), 0):
        return 0, (
            f"It works: an event from Misskey has arrived in {sink}.\n"
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
    reject_existing(file, command="init")
    preset = PRESETS[args.use or _ask_for_preset()]
    names = (preset.name, preset.sink, f"{preset.sink}-keys")
    reject_existing(*(file.parent / "secrets" / name for name in names), command="init")
    values = answers(args, preset)
    if "password" in values:
        reject_unwritable(file.parent / "secrets")
        values = with_login(values)
    _write(file, preset, values, listen=args.listen)
    _print_next_steps(file, preset, values["address"])
    if not args.wait:
        return 0
    log_to(sys.stderr)
    return first_event(configuration(file), preset)


def _write(file: Path, preset: Preset, answers: Mapping[str, str], *, listen: str) -> None:
    """Write the configuration, readable by everybody, and the secrets, private to the owner."""
    folder = file.parent / "secrets"
    try:
        create_secret(folder / preset.name, secrets.token_hex(24))
        create_secret(folder / preset.sink, answers[preset.secret])
        if "keys" in answers:
            create_secret(folder / f"{preset.sink}-keys", answers["keys"])
        # The service's own user must read it, so it holds no secret.
        create(file, config(preset, answers, listen=listen, outbox=_outbox(file)), mode=0o644)
    except OSError as error:
        raise unwritable(error) from None


def _outbox(file: Path) -> str:
    """The setting of the outbox: a service has it in its state directory."""
    if Path("/etc") not in file.absolute().parents:
        return "#outbox: sqlite:relay.db               # a file next to this one"
    STATE.mkdir(mode=0o700, exist_ok=True)
    return f"outbox: sqlite:{STATE}/relay.db"


def _print_next_steps(file: Path, preset: Preset, address: str) -> None:
    secret = file.parent / "secrets" / preset.name
    value = secret.read_text().strip() if sys.stdout.isatty() else f"the content of {secret}"
    echo(
        f"\n{file} is written, with its secrets next to it in secrets/.\n\n"
        f"Now in Misskey, {preset.menu}\n\n"
        f"  URL      {address.rstrip('/')}/hooks/{preset.name}\n"
        f"  Secret   {value}\n"
        f"  Events   {preset.events}\n\n{preset.remark}"
    )


def _listen(text: str) -> str:
    try:
        return listen(text)
    except ValueError as error:
        raise ArgumentTypeError(f"{text} {error}") from None


def add_command(commands: Commands) -> None:
    parser = add(
        commands,
        "init",
        init,
        about="set up relay: ask, write the configuration, and wait for the first event",
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
    parser.add_argument("--use", choices=list(PRESETS), help="the purpose; default: asks")
    parser.add_argument("--server", metavar="URL", help="the Misskey server")
    parser.add_argument("--address", metavar="URL", help="relay's address for Misskey")
    parser.add_argument(
        "--listen",
        type=_listen,
        default=LISTEN,
        help=f"default: {LISTEN}; in a container 0.0.0.0:8095",
    )
    parser.add_argument("--homeserver", metavar="URL", help="for reports: the Matrix homeserver")
    parser.add_argument("--room", help="for reports: the room's id or alias")
    parser.add_argument("--user", metavar="NAME", help="for reports: the Matrix account's name")
    for option, content in (
        ("url", "webhook's address"),
        ("password", "Matrix account's password"),
        ("token", "Matrix token, instead of a login"),
    ):
        parser.add_argument(
            f"--{option}-file", metavar="FILE", help=f"a file with the {content}; -: standard input"
        )
    parser.add_argument("--no-wait", dest="wait", action="store_false", help="exit after writing")
