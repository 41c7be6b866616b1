"""
What the models of the configuration say of their fields: the text below each.

pydantic can read those by itself (``use_attribute_docstrings``), but then whoever serves reads
all the sources at each start, too: that is a tenth of a second, and 3 MB that stay.
"""

import ast
import inspect
from collections.abc import Iterator, Mapping
from itertools import pairwise
from textwrap import dedent
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue


def descriptions(model: type[BaseModel]) -> Mapping[str, str]:
    """The texts below the fields of a model and of those that it extends, by their names."""
    found: dict[str, str] = {}
    for one in reversed(model.__mro__):
        if issubclass(one, BaseModel) and one is not BaseModel:
            found |= dict(_below_fields(one))
    return found


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
        found = super().model_schema(schema)
        properties = self.resolve_ref_schema(found).get("properties", {})
        for name, text in descriptions(schema["cls"]).items():
            if name in properties:
                properties[name]["description"] = text
        return found
