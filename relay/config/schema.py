"""
The JSON Schema of the file, for editors: it accepts what `relay check` accepts, and a bit more.

pydantic's own schema describes the values; this one describes the text in the file, with variables,
files of secrets, and without null.
"""

import ast
import inspect
from collections.abc import Iterator, Mapping
from itertools import pairwise
from textwrap import dedent
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue

from relay.config.diagnostics import SECRETS
from relay.config.settings import Config
from relay.units import DURATION, SIZE, written, written_size

Schema = dict[str, Any]

VARIABLE = {
    "type": "string",
    "pattern": r"\$\{",
    "description": "A value with a variable in it: ${NAME}, or ${NAME:-default}.",
}
_VARIABLE = {"$ref": "#/$defs/Variable"}


def schema() -> Schema:
    whole = Config.model_json_schema(schema_generator=Described)
    models = {name: _changed(model) for name, model in whole.pop("$defs").items()}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **_changed(whole),
        "title": "The configuration of relay",
        "$defs": models | {"Variable": VARIABLE},
    }


def _changed(part: Any) -> Any:
    """A part of the schema, and all that is below it."""
    if isinstance(part, list):
        return [_changed(inner) for inner in part]
    if not isinstance(part, dict):
        return part
    schema = {key: _changed(value) for key, value in part.items() if key != "properties"}
    schema.pop("title", None)
    schema.pop("discriminator", None)  # of OpenAPI: an editor reads the const of each `type`
    if isinstance(text := schema.get("description"), str):
        schema["description"] = " ".join(text.replace("``", "`").split())
    if "anyOf" in schema:
        return _without_null(schema)
    if "properties" in part:
        parts = {key: _property(value) for key, value in part["properties"].items()}
        return _with_files(schema | {"properties": parts})
    return _or_variable(schema)


def _property(part: Schema) -> Schema:
    schema: Schema = _changed(part)
    if "default" in schema:
        schema["default"] = _default(schema, schema["default"])
        if schema["default"] in ("", []) or isinstance(schema["default"], dict):
            del schema["default"]
    return schema


def _default(schema: Schema, default: Any) -> Any:
    """As it would stand in the file."""
    if repr(f"^{DURATION}$") in repr(schema):
        return (
            [written(item) for item in default] if isinstance(default, list) else written(default)
        )
    return written_size(default) if repr(f"^{SIZE}$") in repr(schema) else default


def _without_null(schema: Schema) -> Schema:
    """A key has a value or is not there."""
    members: list[Schema] = []
    for member in schema.pop("anyOf"):
        if member.get("type") != "null":
            members += member["anyOf"] if member.keys() == {"anyOf"} else [member]
    if schema.get("default", "") is None:
        del schema["default"]
    return members[0] | schema if len(members) == 1 else {"anyOf": members} | schema


def _or_variable(schema: Schema) -> Schema:
    """A bounded value may also be a variable, whose value nobody knows here."""
    if schema.get("type") != "boolean" and not schema.keys() & {"enum", "pattern"}:
        return schema
    annotations = {key: schema.pop(key) for key in ("description", "default") if key in schema}
    return {"anyOf": [schema, _VARIABLE]} | annotations


def _with_files(schema: Schema) -> Schema:
    """Add a key for the file of each secret; a required secret needs exactly one of the two."""
    properties, needed = schema["properties"], schema.get("required", [])
    either = []
    for key in [key for key in SECRETS if key in properties]:
        file = f"{key}_file"
        name = {"type": "string", "minLength": 1}
        is_list = any(member.get("type") == "array" for member in properties[key].get("anyOf", ()))
        several = {"anyOf": [name, {"type": "array", "items": name, "minItems": 1}]}
        description = {
            "description": f"The file that holds the {key}, from the folder of this one."
        }
        properties[file] = (several if is_list else name) | description
        ways = [{"required": [spelling]} for spelling in (key, file)]
        either.append({"oneOf": ways} if key in needed else {"not": {"required": [key, file]}})
    if either:
        schema["allOf"] = [*schema.get("allOf", ()), *either]
        schema["required"] = [key for key in needed if key not in SECRETS]
    return schema


def descriptions(model: type[BaseModel]) -> Mapping[str, str]:
    """The texts below the fields of a model and of those that it extends, by their names."""
    texts: dict[str, str] = {}
    for base in reversed(model.__mro__):
        if issubclass(base, BaseModel) and base is not BaseModel:
            texts |= dict(_below_fields(base))
    return texts


def _below_fields(model: type[BaseModel]) -> Iterator[tuple[str, str]]:
    tree = ast.parse(dedent(inspect.getsource(model))).body[0]
    for field, below in pairwise(tree.body if isinstance(tree, ast.ClassDef) else ()):
        match field, below:
            case ast.AnnAssign(target=ast.Name(name)), ast.Expr(ast.Constant(str(text))):
                yield name, inspect.cleandoc(text)


class Described(GenerateJsonSchema):
    """Writes pydantic's JSON Schema with these descriptions in it."""

    def model_schema(self, schema: Any) -> JsonSchemaValue:
        """Called by pydantic for each model."""
        result = super().model_schema(schema)
        properties = self.resolve_ref_schema(result).get("properties", {})
        for name, text in descriptions(schema["cls"]).items():
            if name in properties:
                properties[name]["description"] = text
        return result
