"""
The rules by which relay's source is named, cut and worded, as checks.

``tests/unit/test_house.py`` asserts them; ``python -m tests.house`` prints the offences per folder.
"""

import ast
import re
import sys
import tokenize
import tomllib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "relay"
LINES = 320
"""The most lines of a file."""
TOP = 30
"""The most names at the top of the package."""
LAYERS = 9
BANNED = frozenset(
    {"found", "one", "told", "made", "shown", "wanted", "given", "it", "who", "whom", "whose"}
)
"""Words that name nothing: a variable, parameter, function or field has the name of the thing."""
PREPOSITIONS = (
    "about|above|after|against|at|before|behind|below|beside|by|for|from|in|of|on|to|with"
)
AUXILIARIES = (
    "is|are|was|were|has|have|had|can|cannot|could|may|might|must|will|would|does|do|did|should"
)


@dataclass(frozen=True, slots=True)
class Offence:
    """A place that breaks a rule; ``file`` is relative to the package."""

    file: str
    line: int
    text: str

    @property
    def folder(self) -> str:
        return self.file.partition("/")[0]

    def __str__(self) -> str:
        return f"relay/{self.file}:{self.line}: {self.text}"


WORDING: Mapping[str, re.Pattern[str]] = {
    "who, whom or what as a noun": re.compile(
        r"^(?:whom?|whose|what|whoever|whomever|whatever)\b"
        rf"|\b(?:{PREPOSITIONS}) (?:who|what|whoever)\b"
        r"|[;:] who\b|[;:] what\b"
        r"|\bwhom\b",
        re.IGNORECASE,
    ),
    "shall": re.compile(r"\bshall\b", re.IGNORECASE),
    "anew": re.compile(r"\banew\b", re.IGNORECASE),
    "all the same": re.compile(r"\ball the same\b", re.IGNORECASE),
    "mend for fix": re.compile(r"\bmend(?:s|ed|ing)?\b", re.IGNORECASE),
    "beside for next to": re.compile(r"\bbeside\b", re.IGNORECASE),
    "tell for report, log or print": re.compile(r"\b(?:tells?|telling|told)\b", re.IGNORECASE),
    "for as a conjunction": re.compile(
        r"[,;:.] for (?:it|they|he|she|we|you|there|nobody|nothing)\b"
        r"|[,;:] for (?!example\b)(?:(?!that\b|which\b|whom?\b)[\w'-]+ ){1,3}"
        rf"(?:{AUXILIARIES})\b",
        re.IGNORECASE,
    ),
    "no X for not an X": re.compile(
        r"(?<!there )\b(?:is|are|was|were|be) no (?!longer\b|more\b|less\b|other\b)\w+",
        re.IGNORECASE,
    ),
}
"""Turns of phrase that a reader has to translate, each with what finds it in a sentence."""


def files(package: Path = PACKAGE) -> Iterator[tuple[str, str]]:
    """Each module's path in the package, and its source."""
    for file in sorted(package.rglob("*.py")):
        yield file.relative_to(package).as_posix(), file.read_text(encoding="utf-8")


def sentences_of(docstring: str) -> list[str]:
    """The sentences of a docstring's first paragraph, without code."""
    paragraph = " ".join(docstring.strip().split("\n\n")[0].split())
    return re.split(r"(?<=[.?!])\s+(?=[A-Z`(])", re.sub(r"`+[^`]*`+", "X", paragraph))


def wording(sentence: str) -> list[str]:
    """The rules of wording that a sentence breaks."""
    return [rule for rule, pattern in WORDING.items() if pattern.search(sentence)]


def is_sentence(sentence: str) -> bool:
    """Whether it begins and ends like a sentence, or ends with the link that it is about."""
    return re.match(r"[A-Z\"'(\d*]|[\w'.]+ |https://", sentence) is not None and (
        re.search(r"[.:?!\"]$|https://\S+$", sentence) is not None or sentence == "X"
    )


def docstrings(source: str) -> Iterator[tuple[int, str]]:
    """The docstrings of modules, classes, functions and values, each with its line."""
    for node in ast.walk(ast.parse(source)):
        body = getattr(node, "body", None)
        for statement in body if isinstance(body, list) else ():
            match statement:
                case ast.Expr(value=ast.Constant(value=str(text))):
                    yield statement.lineno, text


def identifiers(source: str) -> Iterator[tuple[int, str]]:
    """Names that the source gives: variables, parameters, functions, fields, attributes."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Name(id=name, ctx=ast.Store()) | ast.Attribute(attr=name, ctx=ast.Store()):
                yield node.lineno, name
            case ast.arg(arg=name):
                yield node.lineno, name
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                yield node.lineno, name
            case ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
                yield node.lineno, name


def banned_names(package: Path = PACKAGE) -> Iterator[Offence]:
    for file, source in files(package):
        for line, name in identifiers(source):
            if name.strip("_") in BANNED:
                yield Offence(file, line, name)


def repeated_classes(package: Path = PACKAGE) -> Iterator[Offence]:
    places = defaultdict(list)
    for file, source in files(package):
        for node in ast.parse(source).body:
            if isinstance(node, ast.ClassDef):
                places[node.name].append((file, node.lineno))
    for name, several in places.items():
        if len(several) > 1:
            for file, line in several:
                yield Offence(file, line, name)


def long_files(package: Path = PACKAGE) -> Iterator[Offence]:
    for file, source in files(package):
        if (lines := len(source.splitlines())) > LINES:
            yield Offence(file, lines, f"{lines} lines")


def unclear_docstrings(package: Path = PACKAGE) -> Iterator[Offence]:
    for file, source in files(package):
        for line, text in docstrings(source):
            sentence = sentences_of(text)[0]
            broken = wording(sentence) + ([] if is_sentence(sentence) else ["not a sentence"])
            for rule in broken:
                yield Offence(file, line, f"{rule}: {sentence}")


def unclear_comments(package: Path = PACKAGE) -> Iterator[Offence]:
    for file, _ in files(package):
        with tokenize.open(package / file) as lines:
            for token in tokenize.generate_tokens(lines.readline):
                if token.type == tokenize.COMMENT:
                    for rule in wording(token.string.strip("# ")):
                        yield Offence(file, token.start[0], f"{rule}: {token.string}")


def undescribed_modules(package: Path = PACKAGE) -> Iterator[Offence]:
    for file, source in files(package):
        if ast.get_docstring(ast.parse(source)) is None and not file.endswith("__main__.py"):
            yield Offence(file, 1, "has no docstring")


def top_names(package: Path = PACKAGE) -> list[str]:
    """The folders and modules at the top of the package, but what every package has."""
    return sorted(
        entry.stem
        for entry in package.iterdir()
        if (entry.suffix == ".py" or (entry / "__init__.py").exists())
        and entry.stem not in {"__init__", "__main__"}
    )


def contracts(file: Path = ROOT / "pyproject.toml") -> list[dict[str, Any]]:
    settings: list[dict[str, Any]] = tomllib.loads(file.read_text(encoding="utf-8"))["tool"][
        "importlinter"
    ]["contracts"]
    return settings


CHECKS: Mapping[str, Callable[[Path], Iterator[Offence]]] = {
    "classes that share a name": repeated_classes,
    "banned names": banned_names,
    "files that are too long": long_files,
    "modules without a docstring": undescribed_modules,
    "unclear docstrings": unclear_docstrings,
    "unclear comments": unclear_comments,
}


def main(folders: list[str]) -> None:
    """Print the offences in these folders, or only their numbers per folder."""
    for check, offences_in in CHECKS.items():
        offences = list(offences_in(PACKAGE))
        counts = Counter(offence.folder for offence in offences)
        per_folder = ", ".join(f"{name} {number}" for name, number in counts.most_common())
        print(f"{check}: {len(offences)} ({per_folder})")
        for offence in offences:
            if offence.folder in folders or "all" in folders:
                print(f"  {offence}")
    print(f"names at the top: {len(top_names())}, of {TOP}")


if __name__ == "__main__":
    main(sys.argv[1:])
