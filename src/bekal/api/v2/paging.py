"""Lists page by page: a cursor says after what the next page begins, and only we can write one."""

import base64
import binascii
import json
from collections.abc import Mapping, Sequence
from typing import Annotated, Any
from urllib.parse import urlencode

from cryptography.fernet import InvalidToken
from django.http import HttpResponse
from pydantic import Field

from bekal.accounts.privacy import decrypt, encrypt
from bekal.api.v2.endpoint import Call, PartnerRequest
from bekal.api.v2.inputs import query_number
from bekal.api.v2.problems import Problem

DEFAULT_LIMIT, MAX_LIMIT = 50, 200
Limit = query_number(1, MAX_LIMIT)
Cursor = Annotated[
    str | None, Field(min_length=1, max_length=1000, description="`next` of the answer before; none begins the list.")
]


def cursor_after(call: Call, operation: str, filters: Mapping[str, Any], after: Sequence[Any]) -> str:
    """Where the next page begins: sealed, for this partner, world, list and filter alone."""
    sealed = encrypt(json.dumps([*_belongs_to(call, operation), filters, list(after)]))
    return base64.urlsafe_b64encode(sealed).decode().rstrip("=")


def place_of(call: Call, operation: str, cursor: str) -> tuple[dict[str, Any], list[Any]]:
    """The filters and the place that a cursor was made with; a Problem where it is not ours, or another's."""
    try:
        sealed = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        *owner, filters, after = json.loads(decrypt(sealed))
    except (binascii.Error, ValueError, InvalidToken, TypeError):
        raise Problem("cursor_invalid") from None
    if owner != _belongs_to(call, operation):
        raise Problem("cursor_invalid")
    return filters, after


def link_next(request: PartnerRequest, response: HttpResponse, cursor: str | None, limit: int) -> None:
    """The `Link` header (RFC 8288) to the next page."""
    if cursor is not None:
        query = urlencode({"cursor": cursor, "limit": limit})
        response.headers["Link"] = f'<{request.build_absolute_uri(request.path)}?{query}>; rel="next"'


def _belongs_to(call: Call, operation: str) -> list[Any]:
    return [call.partner_id, call.is_sandbox, operation]
