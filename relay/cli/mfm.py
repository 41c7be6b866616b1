"""``mfm``: show how relay reads a text in Misskey's markup, and writes it for each chat."""

import json
import sys
from argparse import Namespace
from typing import Any

from relay.cli.output import echo
from relay.cli.parser import Commands, add
from relay.errors import RelayError
from relay.mfm import parse, parse_simple, to_json
from relay.mfm.to_tree import Origin, tree_of
from relay.sinks import VENDORS
from relay.text import plain

SERVER = "https://misskey.example"


def mfm(args: Namespace) -> int:
    if args.json:
        for line in sys.stdin:
            if line.strip():
                echo(json.dumps(_nodes(line)))
        return 0
    if args.text is None:
        raise RelayError("TEXT is missing, or --json with lines on standard input")
    _show(args.text)
    return 0


def _nodes(line: str) -> list[dict[str, Any]]:
    """One line of the reference's vectors, ``{"fn", "input", "opts"}``, to its node list."""
    try:
        asked = json.loads(line)
        text, limit = asked["input"], (asked.get("opts") or {}).get("nestLimit")
        if asked.get("fn") == "parseSimple":
            return to_json(parse_simple(text))
        return to_json(parse(text) if limit is None else parse(text, nest_limit=limit))
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise RelayError(f'not a line like {{"fn": "parse", "input": "..."}}: {error}') from None


def _show(text: str) -> None:
    nodes = parse(text)
    tree = tree_of(nodes, Origin(server=SERVER))
    echo(json.dumps(to_json(nodes), ensure_ascii=False, indent=2))
    writers = {vendor.type: vendor.markup for vendor in VENDORS if vendor.markup is not None}
    for name, write in {**writers, "plain": plain.render}.items():
        echo(f"\n── {name}\n{write(tree)}")


def add_command(commands: Commands) -> None:
    markup = add(
        commands,
        "mfm",
        mfm,
        about="show how a text in Misskey's markup is read, and written for each chat",
        example="relay mfm '$[tada **hello**] @bob :blobcat:'",
        config=False,
    )
    markup.add_argument("text", nargs="?", metavar="TEXT")
    markup.add_argument(
        "--json",
        action="store_true",
        help="read test vectors from standard input, one JSON line each",
    )
