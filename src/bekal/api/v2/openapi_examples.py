"""An example of anything a JSON schema describes: what its fields give as examples, put together."""

from collections.abc import Mapping
from typing import Any

_BY_FORMAT = {
    "date-time": "2020-11-19T10:00:00+07:00",
    "date": "2020-11-19",
    "uri": "https://lembaga.example/sertifikat/17",
}
_BY_TYPE: Mapping[str, Any] = {"string": "teks", "integer": 1, "number": 1, "boolean": True, "null": None}


def example_of(schema: Mapping[str, Any], schemas: Mapping[str, Any]) -> Any:
    """One value that fits; `schemas` are the components that `$ref` names."""
    if "$ref" in schema:
        return example_of(schemas[schema["$ref"].rpartition("/")[2]], schemas)
    for name in ("example", "const", "default"):
        if schema.get(name) is not None:
            return schema[name]
    for name in ("examples", "enum"):
        if schema.get(name):
            return schema[name][0]
    for name in ("anyOf", "allOf", "oneOf"):
        if schema.get(name):
            return example_of(schema[name][0], schemas)
    if schema.get("type") == "object" or "properties" in schema:
        return {name: example_of(inner, schemas) for name, inner in schema.get("properties", {}).items()}
    if schema.get("type") == "array":
        return [example_of(schema["items"], schemas)] if "items" in schema else []
    return _BY_FORMAT.get(schema.get("format", ""), _BY_TYPE.get(schema.get("type", ""), None))
