"""MFM, the markup of Misskey's notes: `parse` a text, `parse_simple` a name, `match` the nodes."""

from relay.mfm.nodes import Node, to_json
from relay.mfm.parser import parse, parse_simple
