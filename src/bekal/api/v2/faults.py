"""Which values are wrong, where they stand, and how each is mended, in the reader's language."""

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from bekal.api.v2.problems import Fault, Problem, reader_language
from bekal.core.strict_json import pointer_of
from bekal.core.text import shown

# Other names that pydantic has for the same thing.
_SAME_AS = {
    "model_attributes_type": "model_type",
    "dict_type": "model_type",
    "int_from_float": "int_type",
    "int_parsing": "int_type",
    "none_required": "value_invalid",
}
# Where the value is not worth repeating: a missing one, or a whole structure.
_MOST_FAULTS = 50


@cache
def _sentences() -> Mapping[str, Mapping[str, str]]:
    return dict(yaml.safe_load((Path(__file__).parent / "faults.yaml").read_text()))


def fault(
    code: str,
    *,
    pointer: str | None = None,
    parameter: str | None = None,
    value: object = None,
    values: Mapping[str, Any] | None = None,
) -> Fault:
    """One wrong value; `value` is quoted, shortened, where it is a text, a number or a truth value."""
    known = code if code in _sentences() else _SAME_AS.get(code, "value_invalid")
    detail = _sentences()[known][reader_language()] % (values or {})
    return Fault(known, detail, pointer, parameter, _quoted(value))


def _quoted(value: object) -> str | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    return shown(str(value)) if isinstance(value, str | int | float) else None


def faults_of(error: ValidationError, *, source: str) -> list[Fault]:
    """The faults of a body (`source` “body”: the first step is the argument's own name) or of parameters."""
    found = []
    for each in error.errors(include_url=False)[:_MOST_FAULTS]:
        code, steps, context = each["type"], each["loc"], each.get("ctx", {})
        value = None if code == "missing" else each.get("input")
        if source == "body":
            place: dict[str, str | None] = {"pointer": pointer_of(*steps[1:])}
        else:
            place = {"parameter": str(steps[-1]) if steps else ""}
        found.append(fault(code, value=value, values=context, **place))
    return found


def invalid(faults: Sequence[Fault]) -> Problem:
    """The problem of a call with wrong values."""
    return Problem("values_invalid", {"count": len(faults)}, faults=faults)
