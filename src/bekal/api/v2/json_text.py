"""How v2 writes JSON: compact, UTF-8, instants with Jakarta's offset, money as whole numbers."""

import json
from datetime import date, datetime
from typing import Any

from bekal.ledger.clock import JAKARTA


def json_text(value: Any) -> str:
    """The text of an answer. TypeError for what has no place in one (a float of money, bytes)."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=_plain, allow_nan=False)


def _plain(value: object) -> str:
    if isinstance(value, datetime):
        return value.astimezone(JAKARTA).isoformat(timespec="seconds")
    if isinstance(value, date):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} has no place in an answer")
