"""Writes configuration.md and config.schema.json: ``python docs/configuration.py``."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from relay.config.schema import VARIABLE, schema
from relay.sinks import VENDORS

PAGE = Path(__file__).parent / "configuration.md"
FILE = Path(__file__).parents[1] / "config.schema.json"
HEAD = """# Configuration

Every key that `config.yaml` may have; `config.example.yaml` shows them in use. relay looks for
`./config.yaml`, then `/etc/relay/config.yaml`, unless `--config FILE` names another. An unknown key
is a mistake, and `relay check` tells all mistakes at once, with their places.

Any value may have variables in it: `${NAME}`, or `${NAME:-default}`; `$${` stands for `${`. A file
of a secret (`secret_file`, `url_file`, `token_file`, `password_file`, `proxy_file`) is named from
the folder of `config.yaml`, and found among systemd's credentials, too; these are handed over at a
start only, so a new secret wants `systemctl restart relay`. Durations are written like `300ms`,
`30s`, `5m`, `1h` or `7d`, sizes like `500KiB` or `4MiB`.

Written by `python docs/configuration.py`.
"""
SECTIONS = (
    ("", "The whole relay"),
    ("HookSettings", "hooks: *name*"),
    ("RouteSettings", "routes: a list, each with"),
    ("Match", "match and unless"),
    ("SinkSettings", "sinks: *name*, of every type"),
    *(
        (name, title)
        for vendor in VENDORS
        for name, title in (
            (vendor.settings.__name__, f"sinks: *name*, of type {vendor.type}"),
            (f"{vendor.name}Mentions", f"mentions, of type {vendor.type}"),
        )
    ),
    ("WebSettings", "web"),
)
SINKS = tuple(vendor.settings.__name__ for vendor in VENDORS)


def page() -> str:
    whole = schema()
    parts = whole["$defs"] | {"": whole}
    parts["SinkSettings"] = _common([parts[name] for name in SINKS])
    for name in SINKS:
        own = {
            key: value
            for key, value in parts[name]["properties"].items()
            if key not in parts["SinkSettings"]["properties"]
        }
        parts[name] = parts[name] | {"properties": own}
    return "\n".join(
        [HEAD, *(_section(title, parts[name], parts) for name, title in SECTIONS if name in parts)]
    )


def _common(sinks: list[Any]) -> Any:
    """The keys that all sinks have in the same form."""
    first, *others = (sink["properties"] for sink in sinks)
    same = {k: v for k, v in first.items() if all(other.get(k) == v for other in others)}
    return {"properties": same, "description": "What may be shown there, and how it is delivered."}


def _section(title: str, part: Any, parts: Any) -> str:
    told = part.get("description", "")
    needed = set(part.get("required", []))
    for pair in part.get("allOf", ()):
        needed |= {key for way in pair.get("oneOf", ()) for key in way["required"]}
    rows = [
        f"| `{key}` | {_cell(_values(value, parts))} | {_default(value, is_needed=key in needed)} "
        f"| {_cell(value['description'])} |"
        for key, value in part["properties"].items()
    ]
    head = ["| key | values | default | |", "|---|---|---|---|"]
    return "\n".join([f"## {title}\n", *([f"{told}\n"] if told else []), *head, *rows, ""])


def _cell(text: str) -> str:
    return re.sub(r"(?<!\\)\|", r"\\|", text)


def _default(value: Any, *, is_needed: bool) -> str:
    if is_needed:
        return "needed"  # of a secret and its file, one
    if "default" not in value:
        return ""
    default = value["default"]
    shown = default if isinstance(default, str) else json.dumps(default).replace('"', "")
    return f"`{shown}`"


def _values(value: Any, parts: Any) -> str:
    """What may be written, in a few words."""
    return " or ".join(dict.fromkeys(_ways(value, parts)))


def _ways(value: Any, parts: Any) -> Iterator[str]:
    if "$ref" in value:
        name = value["$ref"].rpartition("/")[2]
        if parts[name] != VARIABLE:
            yield from _ways(parts[name], parts)
    elif "anyOf" in value:
        *singles, last = value["anyOf"]
        for one in singles:
            yield from _ways(one, parts)
        if last.get("type") == "array":
            yield "a list"
        else:
            yield from _ways(last, parts)
    elif "enum" in value:
        yield ", ".join(f"`{one}`" for one in value["enum"])
    elif "const" in value:
        yield f"`{value['const']}`"
    elif value.get("type") == "array":
        yield f"list of {_values(value['items'], parts)}"
    elif value.get("type") == "object":
        yield "mapping"
    elif value.get("type") == "boolean":
        yield "`true`, `false`"
    elif "ms|" in value.get("pattern", ""):
        yield "duration"
    elif "KM" in value.get("pattern", "") or value.get("type") == "integer":
        yield "size"
    else:
        yield "text"


def for_editors() -> str:
    return json.dumps(schema(), ensure_ascii=False, indent=2) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    FILE.write_text(for_editors(), encoding="utf-8")
