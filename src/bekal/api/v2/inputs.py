"""What a partner may write: strict models, and the few types that JSON has no word for."""

import re
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

from bekal.core.money import MAX_RUPIAH, MoneyError, parse_rupiah
from bekal.core.text import is_readable, tidy

MAX_LINES = 500
MAX_BIGINT = 2**63 - 1
_INSTANT = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[Tt](?:[01]\d|2[0-3]):(\d\d):(\d\d)(?:\.\d{1,6})?(?:[Zz]|[+-]\d\d:\d\d)", re.ASCII
)
_DIGITS = re.compile(r"[0-9]{1,19}")
_EARLIEST, _LATEST = datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)


class Input(BaseModel):
    """A body or a part of one: unknown names are refused, and nothing is turned into another type."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


def _instant(value: Any) -> datetime:
    if isinstance(value, str) and _INSTANT.fullmatch(value):
        try:
            at = datetime.fromisoformat(value.upper())
            if _EARLIEST <= at < _LATEST:
                return at.astimezone(UTC)  # PostgreSQL takes no offset from 16 hours on
        except (ValueError, OverflowError):
            pass
    raise PydanticCustomError("not_an_instant", "not an instant")


def _whole(value: Any) -> int:
    if isinstance(value, str) and _DIGITS.fullmatch(value):
        return int(value)
    raise PydanticCustomError("not_a_whole_number", "not a whole number")


def _readable(value: str) -> str:
    text = tidy(value)
    if not text:
        raise PydanticCustomError("string_too_short", "too short", {"min_length": 1})
    if not is_readable(text, multiline=True):
        raise PydanticCustomError("not_readable", "not readable")
    return text


def _rupiah(value: Any) -> int:
    """A whole number, or the digits of one: both through the one parser of money."""
    text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    try:
        return parse_rupiah(text)
    except MoneyError as error:
        bounds = {"minimum": error.minimum, "maximum": error.maximum}
        raise PydanticCustomError("not_rupiah", "not rupiah", bounds) from None


Rupiah = Annotated[
    int,
    BeforeValidator(_rupiah),
    WithJsonSchema(
        {
            "oneOf": [
                {"type": "integer", "minimum": 0, "maximum": MAX_RUPIAH},
                {"type": "string", "pattern": "^(0|[1-9][0-9]{0,14})$"},
            ],
            "examples": [300000],
        }
    ),
]
"""Whole rupiah, as a JSON integer or a string of ASCII digits: no sign, point, exponent or zero in front."""

Instant = Annotated[
    datetime,
    BeforeValidator(_instant),
    WithJsonSchema({"type": "string", "format": "date-time", "examples": ["2020-11-19T10:00:00+07:00"]}),
]
"""An RFC 3339 instant with its time zone, from 2000 to 2099."""

PurchaseNumber = Annotated[int, Field(ge=1, le=MAX_BIGINT, examples=[4711])]
"""The number of a purchase, as every answer names it."""

Text = Annotated[str, Field(min_length=1, max_length=300), AfterValidator(_readable)]
"""A sentence of a person: 1 to 300 characters, no controls."""


def query_number(minimum: int, maximum: int) -> Any:
    """A number of a query: ASCII digits within bounds."""
    schema = {"type": "integer", "minimum": minimum, "maximum": maximum}
    return Annotated[int, Field(ge=minimum, le=maximum), BeforeValidator(_whole), WithJsonSchema(schema)]
