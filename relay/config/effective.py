"""Every setting in effect, without secrets, and where it comes from."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from relay.config.diagnostics import Document, Loc, dotted
from relay.secret import Secret
from relay.units import written

HIDDEN = "••••••"
DEFAULT = ""
"""The origin of a setting that is not in the file."""


@dataclass(frozen=True, slots=True)
class Setting:
    """``path`` as people write it; ``origin`` like ``config.yaml:12, ${TOKEN}``."""

    path: str
    value: str
    origin: str


def settings(config: BaseModel, document: Document, *, file: str) -> Iterator[Setting]:
    """The settings of the file as they are written, and the defaults of all others."""
    yield from _of_model(config, document.data, (), document, file)


def _of_model(
    model: BaseModel, data: Mapping[str, Any], path: Loc, document: Document, file: str
) -> Iterator[Setting]:
    for name in type(model).model_fields:
        value, here = getattr(model, name), (*path, name)
        if name in data:
            yield from _from_file(name, value, data[name], here, document, file)
        else:
            yield from _default(value, here)


def _from_file(
    name: str, value: Any, data: Any, path: Loc, document: Document, file: str
) -> Iterator[Setting]:
    if isinstance(value, BaseModel) and isinstance(data, dict):
        yield from _of_model(value, data, path, document, file)
    elif isinstance(value, dict) and isinstance(data, dict):
        for key, inner in value.items():
            yield from _from_file(key, inner, data[key], (*path, key), document, file)
    elif isinstance(value, tuple) and any(isinstance(item, BaseModel) for item in value):
        for number, (inner, part) in enumerate(zip(value, data, strict=True)):
            yield from _from_file(name, inner, part, (*path, number), document, file)
    else:
        text = HIDDEN if _has_secret(value) else _plain(data)
        yield Setting(dotted(path), text, document.origin(path, file=file))


def _default(value: Any, path: Loc) -> Iterator[Setting]:
    if isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from _default(getattr(value, name), (*path, name))
    elif value not in (None, "", (), {}, frozenset()):
        yield Setting(dotted(path), HIDDEN if _has_secret(value) else _plain(value), DEFAULT)


def _has_secret(value: Any) -> bool:
    if isinstance(value, Sequence) and not isinstance(value, str):
        return any(map(_has_secret, value))
    return isinstance(value, Secret)


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return written(value) if value else "0"
    if isinstance(value, frozenset):
        return ", ".join(sorted(map(str, value)))
    if isinstance(value, list | tuple):
        return ", ".join(map(_plain, value))
    return str(value)
