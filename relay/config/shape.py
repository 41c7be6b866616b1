"""The settings' JSON schema: which keys a place of the configuration has."""

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel

from relay.config.source import Loc

Schema = Mapping[str, Any]


class Shape:
    """Walks the schema of a model along the paths that pydantic tells."""

    def __init__(self, model: type[BaseModel]) -> None:
        self._root: Schema = model.model_json_schema()

    def written(self, path: Loc) -> Loc:
        """The path without pydantic's own steps: the tag of a union, and ``[key]``."""
        return tuple(step for step, _ in self._steps(path))

    def keys(self, path: Loc) -> list[str]:
        """The keys that may stand where the last step of a path does."""
        *_, (_, holder) = self._steps(path)
        return list(holder.get("properties", ()))

    def tags(self, path: Loc) -> list[str]:
        """The values that ``type`` can have in the mapping at a path."""
        here = self._root
        for step, holder in self._steps(path):
            here = self._inside(holder, step)
        return list(_by_tag(here))

    def _steps(self, path: Loc) -> Iterator[tuple[str | int, Schema]]:
        """Each step that is in the file, and the schema of what holds it."""
        here = self._bare(self._root)
        for step in path:
            if step in (tags := _by_tag(here)):
                here = self._bare({"$ref": tags[str(step)]})
            elif step != "[key]":
                yield step, here
                here = self._inside(here, step)

    def _inside(self, holder: Schema, step: str | int) -> Schema:
        if isinstance(step, int):
            return self._bare(holder.get("items", {}))
        found = holder.get("properties", {}).get(step, holder.get("additionalProperties"))
        return self._bare(found if isinstance(found, Mapping) else {})

    def _bare(self, schema: Schema) -> Schema:
        """What a reference points to, and what is left of ``X | None``."""
        if "$ref" in schema:
            here: Any = self._root
            for step in schema["$ref"].removeprefix("#/").split("/"):
                here = here[step]
            return self._bare(here)
        members = [one for one in schema.get("anyOf", ()) if one.get("type") != "null"]
        return self._bare(members[0]) if len(members) == 1 else schema


def _by_tag(schema: Schema) -> Mapping[str, str]:
    found: Mapping[str, str] = schema.get("discriminator", {}).get("mapping", {})
    return found
