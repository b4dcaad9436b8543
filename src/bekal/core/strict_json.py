"""One JSON text, one reading: what two readers could take differently, or none could store, is refused."""

import json
import math
import re
from collections.abc import Iterator
from enum import StrEnum
from typing import Any, NoReturn

from bekal.core.text import shown

MAX_DEPTH = 16
MIN_INTEGER, MAX_INTEGER = -(2**63), 2**63 - 1
_LONGEST_NUMBER = 40
# What stands between quotes has no structure. An unclosed quote is the parser's to find.
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)
_BRACKET = re.compile(r"[\[\]{}]")


class JsonFault(StrEnum):
    """Why a text is not taken. Keep the names stable: answers carry them."""

    NOT_UTF8 = "not_utf8"
    NOT_JSON = "not_json"
    TOO_DEEP = "too_deep"
    DUPLICATE_NAME = "duplicate_name"
    NUMBER_OUT_OF_RANGE = "number_out_of_range"
    NOT_A_NUMBER = "not_a_number"
    UNREADABLE_TEXT = "unreadable_text"


class StrictJsonError(ValueError):
    """A text that is refused: `fault` says why, `pointer` (RFC 6901) where as far as that is known, `value` what
    stood there, shortened and readable."""

    def __init__(self, fault: JsonFault, *, pointer: str = "", value: str = "") -> None:
        self.fault = fault
        self.pointer = pointer
        self.value = shown(value)
        super().__init__(f"{fault.value} at “{pointer}”: {self.value}")


def strict_json(raw: bytes) -> Any:
    """The value of a JSON text in UTF-8: objects as dict, arrays as list, whole numbers as int, others as float.

    Raises StrictJsonError for bytes that are no UTF-8 (a byte order mark included), no JSON, more than 16 levels,
    a name twice in one object, NaN and Infinity, a number outside 64 bits or outside what a float can hold, and text
    with NUL or half a character (a lone surrogate).
    """
    try:
        text = raw.decode()
    except UnicodeDecodeError as error:
        raise StrictJsonError(JsonFault.NOT_UTF8, value=f"byte {error.start}") from None
    _check_depth(text)
    try:
        value = json.loads(
            text,
            object_pairs_hook=_object,
            parse_int=_integer,
            parse_float=_fraction,
            parse_constant=_constant,
        )
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}: {text[error.pos : error.pos + 20]}"
        raise StrictJsonError(JsonFault.NOT_JSON, value=place) from None
    except RecursionError:
        raise StrictJsonError(JsonFault.TOO_DEEP) from None
    _check_texts(value)
    return value


def pointer_of(*steps: str | int) -> str:
    """The JSON pointer (RFC 6901) of a place: `pointer_of("lines", 3, "a/b")` is `/lines/3/a~1b`."""
    return "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in steps)


def differences(first: Any, other: Any, *, at: str = "") -> Iterator[str]:
    """The pointers where two values differ: the innermost places that are in one only, or not the same in both."""
    if isinstance(first, dict) and isinstance(other, dict):
        for name in sorted(first.keys() | other.keys()):
            place = at + pointer_of(name)
            if name in first and name in other:
                yield from differences(first[name], other[name], at=place)
            else:
                yield place
    elif isinstance(first, list) and isinstance(other, list) and len(first) == len(other):
        for number, pair in enumerate(zip(first, other, strict=True)):
            yield from differences(*pair, at=at + pointer_of(number))
    elif type(first) is not type(other) or first != other:
        yield at


def _check_depth(text: str) -> None:
    depth = 0
    for match in _BRACKET.finditer(_STRING.sub("", text)):
        depth += 1 if match[0] in "[{" else -1
        if depth > MAX_DEPTH:
            raise StrictJsonError(JsonFault.TOO_DEEP, value=f"{MAX_DEPTH}")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise StrictJsonError(JsonFault.DUPLICATE_NAME, value=name)
        found[name] = value
    return found


def _integer(digits: str) -> int:
    # Before int(): a million digits would take seconds.
    if len(digits) > _LONGEST_NUMBER or not MIN_INTEGER <= (number := int(digits)) <= MAX_INTEGER:
        raise StrictJsonError(JsonFault.NUMBER_OUT_OF_RANGE, value=digits)
    return number


def _fraction(digits: str) -> float:
    if len(digits) > _LONGEST_NUMBER or not math.isfinite(number := float(digits)):
        raise StrictJsonError(JsonFault.NUMBER_OUT_OF_RANGE, value=digits)
    return number


def _constant(name: str) -> NoReturn:
    raise StrictJsonError(JsonFault.NOT_A_NUMBER, value=name)


def _check_texts(value: Any, *, at: str = "") -> None:
    if isinstance(value, str):
        if "\0" in value or any("\ud800" <= character <= "\udfff" for character in value):
            raise StrictJsonError(JsonFault.UNREADABLE_TEXT, pointer=at, value=value)
    elif isinstance(value, dict):
        for name, inner in value.items():
            _check_texts(name, at=at)
            _check_texts(inner, at=at + pointer_of(name))
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            _check_texts(inner, at=at + pointer_of(number))
