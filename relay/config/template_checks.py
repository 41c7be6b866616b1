"""
Tries templates and conditions with sample events, before the first real one.

Works on the plain data, so it runs even if a value elsewhere is wrong.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from relay import misskey
from relay.config.checks import VERY_CLOSE, routes
from relay.config.diagnostics import Document
from relay.errors import TemplateError
from relay.model import Display, Event
from relay.rendering.expression import overrun, predicate
from relay.rendering.meter import STEPS, bounded
from relay.rendering.problem import Problem
from relay.rendering.templates import Templates
from relay.sinks import AnySink
from relay.suggestion import closest, nearest

Samples = Callable[[], Sequence[Event]]
"""Reads events that every template has to render; called only for own templates of a user."""

MOST_STEPS = 10 * STEPS
"""The steps of all trials together: a check ends within seconds."""
TOO_LONG = "the templates take so many steps that not all of them were tried with every event"


def proof(document: Document, *, base: Path, samples: Samples) -> list[str]:
    """
    Add the mistakes of ``when`` and ``template`` to the document.

    Returns the problems that the templates have with ``samples``, a line each, with its place.
    """
    with bounded(MOST_STEPS) as left:
        return _proof(document, base, cache(samples), left)


def _proof(document: Document, base: Path, samples: Samples, left: list[int]) -> list[str]:
    directory = _directory(document, base)
    templates = Templates(directory)
    _check_routes(templates, document, samples, left)
    if directory is None:  # those that come with relay have their own tests
        return []
    _warn_of_unknown_kinds(directory, document)
    events, variants = samples(), _variants(document.data)
    problems = (
        _placed(problem, directory)
        for display in sorted(_displays(document.data), key=repr)
        for problem in (
            *_problems(templates, events, display, variants, left),
            *_problems_of_unknown(_kinds(directory), templates, events, display, left),
        )
    )
    lines = list(dict.fromkeys(problems))
    return lines if left[0] >= STEPS else [*lines, TOO_LONG]


def _directory(document: Document, base: Path) -> Path | None:
    name = document.data.get("templates")
    if not isinstance(name, str):
        return None
    directory = base / name
    if not directory.is_dir():
        document.mistake(
            ("templates",), "there is no such folder: the path is relative to this file"
        )
        return None
    return directory


def _check_routes(
    templates: Templates, document: Document, samples: Samples, left: list[int]
) -> None:
    known = _all_variants(templates)
    for path, route in routes(document.data):
        when, variant = route.get("when"), route.get("template")
        if isinstance(when, str):
            _check_when(when, (*path, "when"), document, samples if left[0] >= STEPS else tuple)
        if isinstance(variant, str) and variant not in known:
            quoted = document.quoted((*path, "template"), variant)
            text = f"no template has a file <event>.{quoted}.j2{closest(variant, known)}"
            document.mistake((*path, "template"), text)


def _check_when(
    when: str, path: tuple[str | int, ...], document: Document, samples: Samples
) -> None:
    try:
        predicate(when)
        events = samples()
        if events and (reason := overrun(when, events)) is not None:
            document.mistake(path, f"cannot be evaluated: {reason}")
    except TemplateError as error:
        message = "not a Jinja expression"  # its words quote it, and it is not what the file says
        document.mistake(path, message if document.is_filled(path) else str(error))


def _all_variants(templates: Templates) -> set[str]:
    """``compact``, where there is a ``mention.compact.j2``."""
    split = (name.split(".") for name in templates.names)
    return {parts[1] for parts in split if len(parts) == 3}


def _variants(data: Mapping[str, Any]) -> list[str]:
    names = (route.get("template") for _, route in routes(data))
    return sorted({name for name in names if isinstance(name, str)})


def _displays(data: Mapping[str, Any]) -> set[Display]:
    """How the sinks show notes, as far as they can be read."""
    sinks = data.get("sinks")
    adapter: TypeAdapter[Any] = TypeAdapter(AnySink)
    displays = set()
    for sink in sinks.values() if isinstance(sinks, dict) else ():
        try:
            displays.add(adapter.validate_python(sink).display)
        except ValidationError:
            continue  # reported elsewhere
    return displays or {Display()}


def _problems(
    templates: Templates,
    samples: Sequence[Event],
    display: Display,
    variants: Iterable[str],
    left: list[int],
) -> Iterator[Problem]:
    for event in samples:
        for variant in (None, *variants):
            if left[0] >= STEPS:
                yield from templates.problems(event, display=display, variant=variant)


def _problems_of_unknown(
    kinds: Iterable[str],
    templates: Templates,
    samples: Sequence[Event],
    display: Display,
    left: list[int],
) -> Iterator[Problem]:
    """Their bodies are unknown: the template of such a kind must render one of our samples."""
    for kind in sorted(set(kinds) - {event.kind for event in samples}):
        tries = (
            templates.problems(replace(event, kind=kind), display=display)
            for event in samples
            if left[0] >= STEPS
        )
        yield from min(tries, key=len, default=[])


def _kinds(directory: Path) -> set[str]:
    """The kinds that have a template of their own in a folder."""
    return {name for name in _names(directory) if "." not in name} - {"default", "quote"}


def _names(directory: Path) -> set[str]:
    """The templates in a folder, except those that only others include."""
    return {file.stem for file in directory.glob("*.j2") if not file.name.startswith("_")}


def _warn_of_unknown_kinds(directory: Path, document: Document) -> None:
    known = {*misskey.KINDS, "quote", "default"}
    kinds = {name.split(".")[0] for name in _names(directory)}
    for kind in sorted(kinds - known):
        if near := nearest(kind, known, cutoff=VERY_CLOSE):
            text = f"{kind}.j2: Misskey has no event {kind}: did you mean {near}?"
            document.warn(("templates",), text)


def _placed(problem: Problem, directory: Path) -> str:
    """A problem in words; of a file of the folder with the file's path."""
    file = directory / problem.name
    return str(replace(problem, name=str(file)) if file.is_file() else problem)
