"""
Selects the template of an event and renders it to a message, by the HTML subset of ``markup``.

A broken template does not lose an event: ``Templates.render`` raises TemplateError, and the
renderer of a sink sends ``outline`` instead, which no template can break.
"""

import re
import time
from collections.abc import Callable, Collection, Container, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from jinja2 import (
    BaseLoader,
    ChoiceLoader,
    DictLoader,
    FileSystemLoader,
    PrefixLoader,
    TemplateNotFound,
)
from markupsafe import Markup

from relay.i18n import Language
from relay.mfm import parse, parse_simple
from relay.mfm.to_tree import Origin, tree_of
from relay.model import Display, Event
from relay.rendering.blocks import BLOCKS, composed, guarded, parser
from relay.rendering.builtins import light
from relay.rendering.expression import values
from relay.rendering.jinja import TemplateModule, blocks_of
from relay.rendering.meter import BoundError, bounded, carried, charge, weighed
from relay.rendering.problem import Problem, ProblemError, line_of_block, problem_of
from relay.rendering.rich import Attribution, Rich, common_origin
from relay.rendering.sandbox import Direct, Sandbox
from relay.resources import resource
from relay.text.hosts import readable
from relay.text.message import Message, mapped
from relay.text.shorten import shorten
from relay.text.tree import Emoji, Node, Text, Time, Tree, text_of
from relay.text.unicode import without_unseen


@dataclass(frozen=True, slots=True)
class _Scene:
    """The context of the filters in one rendering, and all that was made once for it."""

    event: Event
    language: Language
    now: int
    trees: list[Tree] = field(default_factory=list)
    modules: dict[str | None, TemplateModule] = field(default_factory=dict)
    texts: dict[tuple[int, str], Any] = field(default_factory=dict)


ENGLISH = Language()
BUILT_IN = "built-in"
"""The prefix of the templates that come with relay, also where they are replaced."""
READING = 20  # steps that the shortest text or time costs; each character of a text one more
MFM_LENGTH = 10_000  # characters; Misskey allows 3000 by default, and 8192 at most

_REMOTE_EMOJI = re.compile(r":([\w+-]+)@([\w.-]+):")

_scene: ContextVar[_Scene] = ContextVar("scene")


class _Environment(Sandbox):
    """The sandbox of templates of events; its imports are kept for one rendering."""

    blocks_apart = True

    def __init__(self, loader: BaseLoader) -> None:
        super().__init__(loader)
        self.filters |= {"mfm": _mfm, "emoji": _emoji, "moment": _moment, "readable": _readable}
        self.tests["past"] = light(_is_past)
        self.translate(
            lambda message: _scene.get().language.gettext(message),
            lambda singular, plural, number: _scene.get().language.ngettext(
                singular, plural, number
            ),
        )

    def attributed(self, owner: Any, name: str, attribution: Attribution, value: Any) -> Any:
        scene, key = _scene.get(), (id(owner), name)  # owners live as long as the event
        if key not in scene.texts:
            scene.texts[key] = attribution(owner, value, scene.event.server)
        return scene.texts[key]

    def modules(self) -> dict[str | None, TemplateModule]:
        return _scene.get().modules


class _BuiltIn(_Environment, Direct):
    """The same for the templates that come with relay."""


class Templates:
    """
    The built-in templates, each replaced by the file of that name in ``directory``.

    ``drafts`` are texts that replace both, by the names of their templates; ``clock`` gives Unix
    milliseconds.
    """

    def __init__(
        self,
        directory: Path | None = None,
        *,
        drafts: Mapping[str, str] | None = None,
        clock: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
    ) -> None:
        self.clock = clock
        built_in = FileSystemLoader(resource("templates"))
        loaders: list[BaseLoader] = [built_in, PrefixLoader({BUILT_IN: built_in})]
        if directory is not None:
            loaders.insert(0, FileSystemLoader(directory))
        loaders.insert(0, DictLoader(drafts or {}))
        self._environment = _Environment(ChoiceLoader(loaders))
        self._built_in = _BuiltIn(built_in)
        names = self._environment.list_templates(["j2"])
        self.names = frozenset(name for name in names if "/" not in name)
        self._ours = _unchanged(
            set(built_in.list_templates()), ChoiceLoader(loaders[:-2]).list_templates()
        )

    def name_for(self, event: Event, variant: str | None = None) -> str:
        """The file that renders an event: its kind's, or that of a route's ``template``."""
        kind = event.kind
        if kind == "renote" and event.note is not None and event.note.is_quote:
            kind = "quote"
        own = [f"{kind}.{variant}.j2"] if variant else []
        public = (name for name in (*own, f"{kind}.j2") if not name.startswith("_"))
        return next((name for name in public if name in self.names), "default.j2")

    def source(self, name: str) -> str:
        """The text of a template; empty if there is none."""
        loader = self._environment.loader
        try:
            return "" if loader is None else loader.get_source(self._environment, name)[0]
        except (TemplateNotFound, UnicodeError, OSError):
            return ""

    def render(
        self,
        event: Event,
        *,
        display: Display,
        language: Language = ENGLISH,
        variant: str | None = None,
    ) -> Message:
        """Raises TemplateError, with the file and the line."""
        name = self.name_for(event, variant)
        blocks, trees = self._blocks(name, display, self._scene(event, language), BLOCKS)
        return mapped(_message(name, blocks, trees, event, display, language), _in_words(language))

    def problems(
        self, event: Event, *, display: Display, variant: str | None = None
    ) -> list[Problem]:
        """Failures of the template of an event, and the blocks and tags in it that do not exist."""
        name = self.name_for(event, variant)
        try:
            blocks, trees = self._blocks(name, display, self._scene(event, ENGLISH))
            _message(name, blocks, trees, event, display, ENGLISH)
        except ProblemError as error:
            return [error.problem]
        source = self.source(name)

        def problem(block: str, text: str) -> Problem:
            return Problem(name, line_of_block(block, source), f"block {block!r}{text}")

        problems = [
            problem(block, f" is not one of {', '.join(sorted(BLOCKS))}")
            for block in sorted(blocks.keys() - BLOCKS)
            if not block.startswith("_")
        ]
        for block, markup in blocks.items():
            reader = parser(block, trees)
            reader.parse(markup)
            problems += [problem(block, f": {text}") for text in reader.problems]
        return problems

    def _scene(self, event: Event, language: Language) -> _Scene:
        return _Scene(event, language, now=max(event.created_at, self.clock()))

    def _blocks(
        self, name: str, display: Display, scene: _Scene, names: Container[str] | None = None
    ) -> tuple[dict[str, str], list[Tree]]:
        """The blocks of a template, rendered, and the trees that they refer to."""
        token = _scene.set(scene)
        try:
            with bounded():
                environment = self._built_in if name in self._ours else self._environment
                template = environment.get_template(name)
                named = values(scene.event) | {"display": display}
                return blocks_of(template, named, names), scene.trees
        except Exception as error:  # a template is a program: it can raise whatever Python can
            raise ProblemError(problem_of(name, error, self.source)) from None
        finally:
            _scene.reset(token)


def _unchanged(ours: Collection[str], replaced: Collection[str]) -> frozenset[str]:
    """Relay's templates that read no replaced ones: they read those whose names begin with _."""
    changed = {name for name in ours if name in replaced}
    shared = any(name.startswith("_") for name in changed)
    return frozenset() if shared else frozenset(ours) - changed


def _message(
    name: str,
    blocks: Mapping[str, str],
    trees: list[Tree],
    event: Event,
    display: Display,
    language: Language,
) -> Message:
    try:
        return guarded(composed(blocks, trees, event, language), event, display)
    except BoundError as error:
        raise ProblemError(Problem(name, None, str(error))) from None


def _in_words(language: Language) -> Callable[[Node], Node]:
    """Writes moments in the reader's language, for chats without local times."""

    def in_words(node: Node) -> Node:
        return Time(node.at, language.moment(node.at)) if isinstance(node, Time) else node

    return in_words


def _mfm(text: str | None, limit: int | None = None) -> Markup:
    """The filter: a text with its markup, names resolved on its author's server."""
    if not text:
        return Markup("")
    text, origin = _read(text)
    rest = (Text(text[MFM_LENGTH:]),) if len(text) > MFM_LENGTH else ()
    tree = (*tree_of(parse(text[:MFM_LENGTH]), origin), *rest)
    return _kept(
        tree if limit is None else shorten(tree, lambda shorter: len(text_of(shorter)) <= limit)
    )


def _emoji(text: str | None) -> Markup:
    """The filter: a name, a choice or a reaction, literal but for the custom emoji in it."""
    if not text:
        return Markup("")
    text, origin = _read(text)
    if (match := _REMOTE_EMOJI.fullmatch(text)) is not None:
        name, host = match.groups()
        return _kept((Emoji(name, replace(origin, host=host).emoji(name)),))
    rest = (Text(text[MFM_LENGTH:]),) if len(text) > MFM_LENGTH else ()
    return _kept((*tree_of(parse_simple(text[:MFM_LENGTH]), origin), *rest))


def _readable(text: str | None) -> Any:
    """The filter: a text with its punycode hosts decoded."""
    _pay_for_markup(text or "")
    return carried(readable(text), (text,))


def _read(text: str) -> tuple[str, Origin]:
    """
    A text as its author wrote it, paid for, and its origin.

    What a template says itself is at home on the sending server. What a block or a macro wrote is
    escaped, and its author is known only if all authors of the event are on one server.
    """
    _pay_for_markup(text)
    scene = _scene.get()
    if isinstance(text, Markup):
        return text.unescape(), common_origin(scene.event)
    return str(text), text.origin if isinstance(text, Rich) else Origin(server=scene.event.server)


def _pay_for_markup(text: str) -> None:
    charge(READING + min(len(text), MFM_LENGTH))
    weighed(text)


def _kept(tree: Tree) -> Markup:
    """The markup that stands for a tree in a template; empty if the tree shows nothing."""
    if not without_unseen(text_of(tree)).strip():
        return Markup("")
    trees = _scene.get().trees
    trees.append(tree)
    return Markup(f'<mfm n="{len(trees) - 1}"></mfm>')  # noqa: S704


def _moment(at: int | None) -> str:
    """The filter: a moment in words, for chats that show no local time."""
    charge(READING)
    return "" if at is None else _scene.get().language.moment(at)


def _is_past(at: int | None) -> bool:
    """The test: whether a moment is over."""
    return at is not None and at <= _scene.get().now
