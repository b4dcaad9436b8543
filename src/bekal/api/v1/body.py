"""The body of a call of v1: one JSON object; what cannot be read is refused by the field it is about."""

import json
from collections.abc import Mapping
from typing import Any, NoReturn

from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest
from django.http.request import UnreadablePostError

from bekal.core.refusal import Refusal
from bekal.core.text import shown
from bekal.partners.refusals import CallRefusal

LIMIT_BYTES = 65_536
MAX_NUMBER = 2**31 - 1


class Refused(Exception):
    """Carries a refusal out of the reading of a body to the door."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.code)
        self.refusal = refusal


def body_of(request: HttpRequest) -> bytes:
    """The bytes as they came. Raises Refused where they are too many or broke off."""
    try:
        # What says how long it is is not read first.
        if int(request.META.get("CONTENT_LENGTH") or 0) > LIMIT_BYTES or len(request.body) > LIMIT_BYTES:
            raise Refused(Refusal(CallRefusal.BODY_TOO_LARGE, {"limit_bytes": LIMIT_BYTES}))
        return request.body
    except RequestDataTooBig:
        raise Refused(Refusal(CallRefusal.BODY_TOO_LARGE, {"limit_bytes": LIMIT_BYTES})) from None
    except (UnreadablePostError, ValueError):
        raise Refused(Refusal(CallRefusal.BODY_UNREADABLE)) from None


def fields_of(body: bytes) -> Mapping[str, Any]:
    """The object's fields; unknown ones are kept and never looked at. Raises Refused."""
    try:
        read = json.loads(body.decode(), object_pairs_hook=_once, parse_constant=_no_number)
    except (ValueError, RecursionError):
        raise Refused(Refusal(CallRefusal.BODY_UNREADABLE)) from None
    if not isinstance(read, dict):
        raise Refused(Refusal(CallRefusal.BODY_NOT_OBJECT))
    return read


def text_of(fields: Mapping[str, Any], name: str, *, may_be_empty: bool = False) -> str:
    """A field that is a text. Raises Refused where it is missing, empty, or something else."""
    value = fields.get(name)
    if value is None:
        raise Refused(Refusal(CallRefusal.FIELD_MISSING, {"field": name}))
    if not isinstance(value, str):
        raise Refused(Refusal(CallRefusal.FIELD_NOT_TEXT, {"field": name}))
    if not value.strip() and not may_be_empty:
        raise Refused(Refusal(CallRefusal.FIELD_MISSING, {"field": name}))
    return value


def number_of(fields: Mapping[str, Any], name: str, *, default: int | None = None) -> int:
    """A field that is a whole number from 0 to 2^31 - 1. Raises Refused where it is missing (and has no default) or
    something else: a text of digits is no number, and neither is 1.0 or true. Null is missing, since typed clients
    write it for what they do not set."""
    value = fields.get(name)
    if value is None:
        value = default
    if value is None:
        raise Refused(Refusal(CallRefusal.FIELD_MISSING, {"field": name}))
    if type(value) is not int or not 0 <= value <= MAX_NUMBER:
        raise Refused(Refusal(CallRefusal.FIELD_NOT_NUMBER, {"field": name}))
    return value


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    read: dict[str, Any] = {}
    for name, value in pairs:
        if name in read:
            raise Refused(Refusal(CallRefusal.FIELD_TWICE, {"field": shown(name)}))
        read[name] = value
    return read


def _no_number(text: str) -> NoReturn:
    raise ValueError(f"{text} is no JSON")
