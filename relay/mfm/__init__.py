"""MFM, the markup of Misskey's notes: a parser equal to mfm-js, and its nodes to the tree."""

from relay.mfm.nodes import to_json
from relay.mfm.parser import parse, parse_simple

__all__ = ["parse", "parse_simple", "to_json"]
