"""
YAML text to nodes, up to a depth that Python's stack holds.

libyaml parses six times as fast as PyYAML itself: 10 000 routes in 0.5 s instead of 3.3 s. But the
words and places of its errors differ, so a file with mistakes is read once more by PyYAML.
"""

import re
from collections.abc import Callable
from typing import Any

import yaml
from yaml.composer import Composer
from yaml.resolver import Resolver

from relay.config.diagnostics import Place

try:
    from yaml._yaml import CParser
except ImportError:  # PyYAML was built without libyaml
    CParser = None  # type: ignore[assignment,misc]

# Where PyYAML and libyaml disagree: in tabs, ``?`` within brackets, and unusual ends of lines.
_AMBIGUOUS = re.compile("[?\t\x85\u2028\u2029\ufeff\ud800-\udfff]")
DEPTH = 40  # mappings and lists inside each other

Compose = Callable[[str], yaml.Node | None]


class TooMuchError(Exception):
    """The file is larger or deeper than any configuration needs."""

    def __init__(self, text: str, place: Place) -> None:
        super().__init__(text)
        self.place = place


class _DepthLimit:
    """Refuses nodes that are nested too deeply."""

    depth = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        self.depth += 1
        if self.depth > DEPTH:
            raise TooMuchError("is nested too deeply", place_of_node(self.peek_event()))  # type: ignore[attr-defined]
        node: yaml.Node | None = super().compose_node(parent, index)  # type: ignore[misc]
        self.depth -= 1
        return node


class _Loader(_DepthLimit, yaml.SafeLoader):
    pass


def compose(text: str) -> yaml.Node | None:
    """Compose by PyYAML's own parser. Raises YAMLError and TooMuchError."""
    return yaml.compose(text, Loader=_Loader)


if CParser is None:
    compose_quickly: Compose = compose
else:

    class _QuickLoader(_DepthLimit, Composer, CParser, Resolver):
        def __init__(self, text: str) -> None:
            CParser.__init__(self, text)
            Composer.__init__(self)
            Resolver.__init__(self)

    def compose_quickly(text: str) -> yaml.Node | None:
        """Compose the same nodes by libyaml's parser. Raises YAMLError and TooMuchError."""
        if _AMBIGUOUS.search(text):
            return compose(text)
        node: yaml.Node | None = _QuickLoader(text).get_single_node()
        return node


def place_of_node(node: Any) -> Place:
    """Where a node or an event of the YAML parser begins: its line and column, from 1."""
    return node.start_mark.line + 1, node.start_mark.column + 1
