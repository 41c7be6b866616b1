"""What pydantic found wrong, in words for people, with the likely meaning of a misspelt word."""

import difflib
from collections.abc import Iterable
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from relay.source import Loc


def closest(word: str, known: Iterable[str]) -> str:
    """The word that was probably meant, as the end of a sentence; all of them if none is near."""
    names = sorted(known)
    if found := difflib.get_close_matches(word, names, n=1, cutoff=0.5):
        return f": did you mean {found[0]}?"
    return f"; there is {', '.join(names)}" if 0 < len(names) <= 30 else ""


def complaints(model: type[BaseModel], found: ErrorDetails) -> tuple[Loc, str]:
    """The path in the file, and what to tell of it."""
    path, kind = tuple(found["loc"]), found["type"]
    holder, written = _holder(model, path)
    word = str(path[-1]) if path else ""
    match kind:
        case "extra_forbidden":
            return written, f"unknown key {word}{closest(word, _keys(holder))}"
        case "missing":
            return written, f"{word} is missing"
        case "union_tag_not_found":
            return written, f"type is missing: it should be one of {', '.join(_tags(holder))}"
        case "union_tag_invalid":
            wrong = str(found.get("ctx", {}).get("tag", ""))
            return (*written, "type"), f"no such type {wrong}{closest(wrong, _tags(holder))}"
        case "string_pattern_mismatch":
            return written, "should have letters, digits, - and _ only"
        case "bool_parsing" | "bool_type":
            return written, "should be true or false"
        case "string_type":
            return written, "should be a text; put it in quotes"
        case "dict_type" | "model_type" | "model_attributes_type":
            return written, "should be a mapping: keys with values, indented below"
        case _:
            return written, found["msg"].removeprefix("Value error, ").replace(
                "Input should", "should"
            )


def _holder(model: Any, path: Loc) -> tuple[Any, Loc]:
    """The type that holds the last step of a path, and the path without steps of pydantic's own."""
    written: list[str | int] = []
    holder = here = _bare(model)
    for step in path:
        holder = here
        if (member := _by_tag(here).get(str(step))) is not None:
            here = member  # the tag of a union: not a step in the file
            continue
        here = _inside(here, step)
        written.append(step)
    return holder, tuple(written)


def _inside(holder: Any, step: str | int) -> Any:
    """The type of a step within a type; None if it has none."""
    origin = get_origin(holder)
    if isinstance(holder, type) and issubclass(holder, BaseModel):
        field = holder.model_fields.get(str(step))
        return None if field is None else _bare(field.annotation)
    if origin is dict:
        return _bare(get_args(holder)[1])
    if origin in {tuple, frozenset, list} and isinstance(step, int):
        return _bare(get_args(holder)[0])
    return None


def _bare(annotation: Any) -> Any:
    """A type without ``Annotated`` and ``| None`` around it."""
    while True:
        if get_origin(annotation) is Annotated:
            annotation = get_args(annotation)[0]
            continue
        members = [it for it in _members(annotation) if it is not type(None)]
        if len(members) == 1 and len(_members(annotation)) == 2:
            annotation = members[0]
            continue
        return annotation


def _members(annotation: Any) -> tuple[Any, ...]:
    return get_args(annotation) if get_origin(annotation) in {Union, UnionType} else ()


def _by_tag(union: Any) -> dict[str, Any]:
    found = {}
    for member in _members(union):
        annotation = member.model_fields["type"].annotation
        if get_origin(annotation) is Literal:
            found[get_args(annotation)[0]] = member
    return found


def _tags(union: Any) -> list[str]:
    return sorted(_by_tag(union))


def _keys(holder: Any) -> list[str]:
    return list(getattr(holder, "model_fields", {}))
