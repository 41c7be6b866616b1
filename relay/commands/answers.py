"""What ``init`` has to know: from its options, or from the one who sits there."""

import getpass
import sys
from argparse import Namespace
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from relay.commands.setting import say, warn
from relay.commands.uses import USES, Question, Use
from relay.config.value import Origin
from relay.errors import ConfigError
from relay.sinks import AnySink

SERVER = Question("server", "Your Misskey server, like https://misskey.example", "")
ADDRESS = Question(
    "address",
    "The address under which Misskey reaches relay, like https://relay.example",
    "That of the web server in front of relay; http://127.0.0.1:8095 without one, on one machine",
)
Problem = Callable[[str], "str | None"]


def answers(given: Namespace, use: Use) -> Mapping[str, str]:
    """By the keys of the questions. Raises ConfigError if one is missing or wrong."""
    _refuse_others(given, use)
    questions = (SERVER, *use.questions, ADDRESS)
    return {one.key: _answer(one, given, _problem(one, use)) for one in questions}


def chosen() -> str:
    if not sys.stdin.isatty():
        raise ConfigError(f"say what it is for: --use {', --use '.join(USES)}")
    for number, use in enumerate(USES.values(), start=1):
        say(f"  {number}  {use.about}")
    while True:
        chosen = input("What shall relay do first? [1-3] ").strip()
        for number, name in enumerate(USES, start=1):
            if chosen in {str(number), name}:
                return name


def _refuse_others(given: Namespace, use: Use) -> None:
    """An answer to a question that nobody asks is a misunderstanding."""
    asked = {one.key for one in use.questions}
    for question in {one for other in USES.values() for one in other.questions}:
        if question.key not in asked and getattr(given, _name(question)) is not None:
            raise ConfigError(f"{_option(question)} is not for {use.name}")


def _option(question: Question) -> str:
    return f"--{question.key}{'-file' if question.is_secret else ''}"


def _name(question: Question) -> str:
    """The option among the arguments, as argparse calls it."""
    return _option(question).removeprefix("--").replace("-", "_")


def _answer(question: Question, given: Namespace, problem: Problem) -> str:
    """From the arguments, or from the one who sits there. Raises ConfigError if nobody does."""
    option = _option(question)
    if (found := getattr(given, _name(question))) is not None:
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
    say(f"\n{question.hint}." if question.hint else "")
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


def _complaint(model: TypeAdapter[Any], given: object, place: tuple[str, ...]) -> str | None:
    try:
        model.validate_python(given)
    except ValidationError as error:
        for found in error.errors(include_input=False, include_url=False):
            if found["loc"] == place:
                return found["msg"].removeprefix("Value error, ").replace("String should", "should")
    return None
