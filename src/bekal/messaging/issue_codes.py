"""`issue_codes`: a fresh one-time code for a person and a subject, and the message that carries it."""

import secrets
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.db import connection, transaction
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from bekal.core.refusal import Refusal
from bekal.ledger.copy_rows import copy_rows, id_array, int_array, new_ids
from bekal.messaging.models import Channel, OneTimeCode
from bekal.messaging.one_time_codes import ATTEMPT_COUNT, CODES_AN_HOUR, HOUR, LIFETIME, code_hash
from bekal.messaging.refusals import CodeRefusal
from bekal.messaging.write_messages import Message, write_messages

TEMPLATE = "one_time_code"
# One of so many locks stands for a holder: few enough for the server's lock table however many people one call names.
_LOCK_CLASS, _LOCK_COUNT = 0x0B3C, 512
HOURS_SQL = """
SELECT holder_id, count(*), min(issued_at) FROM messaging_onetimecode
WHERE holder_id = ANY(%s::bigint[]) AND issued_at > %s GROUP BY holder_id
"""


@dataclass(frozen=True, slots=True)
class CodeRequest:
    """`subject` (1 to 80 characters) is what the code confirms, `purpose_line` says it to the reader."""

    holder_id: int
    subject: str
    channel: Channel
    purpose_line: str


@dataclass(frozen=True, slots=True)
class IssuedCode:
    """`code` is for the message and for the simulation's people; no page shows it."""

    code_id: int
    holder_id: int
    subject: str
    code: str = field(repr=False)
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class _Hour:
    """The codes a holder got in the hour before now."""

    count: int
    first_at: datetime


def issue_codes(*, requests: Sequence[CodeRequest], at: datetime) -> tuple[IssuedCode | Refusal, ...]:
    """Issue a code of six digits for each request, valid for ten minutes, and write its message to the outbox.

    A new code for the same holder and subject replaces the one before. A holder gets at most five codes an hour; the
    rest are refused. Outcomes in the order of `requests`. The message holds the code and what it is for, never a link.
    """
    if not requests:
        return ()
    with transaction.atomic():
        _lock_holders({request.holder_id for request in requests})
        hours = _last_hours({request.holder_id for request in requests}, at)
        issued_count = Counter({holder_id: hour.count for holder_id, hour in hours.items()})
        granted: list[bool] = []
        for request in requests:
            granted.append(issued_count[request.holder_id] < CODES_AN_HOUR)
            issued_count[request.holder_id] += granted[-1]
        issued = iter(_write([request for request, yes in zip(requests, granted, strict=True) if yes], at))
        return tuple(
            next(issued) if yes else _refusal(hours.get(request.holder_id), at)
            for request, yes in zip(requests, granted, strict=True)
        )


def _lock_holders(holder_ids: Collection[int]) -> None:
    """Two requests of one holder wait for each other; in one order, so that two calls cannot wait in a ring."""
    numbers = sorted({holder_id % _LOCK_COUNT for holder_id in holder_ids})
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_advisory_xact_lock(%s, number) FROM unnest(%s::int[]) AS number",
            [_LOCK_CLASS, int_array(numbers)],
        )


def _last_hours(holder_ids: Collection[int], at: datetime) -> dict[int, _Hour]:
    with connection.cursor() as cursor:
        cursor.execute(HOURS_SQL, [id_array(holder_ids), at - HOUR])
        return {holder_id: _Hour(count, first_at) for holder_id, count, first_at in cursor.fetchall()}


def _refusal(hour: _Hour | None, at: datetime) -> Refusal:
    left = HOUR if hour is None else hour.first_at + HOUR - at
    wait_minutes = max(1, -(-int(left.total_seconds()) // 60))
    return Refusal(CodeRefusal.TOO_MANY_CODES, {"limit_count": CODES_AN_HOUR, "wait_minutes": wait_minutes})


def _write(requests: Sequence[CodeRequest], at: datetime) -> list[IssuedCode]:
    codes = [f"{secrets.randbelow(1_000_000):06d}" for _ in requests]
    ids, expires_at = new_ids(OneTimeCode, len(requests)), at + LIFETIME
    columns = ("id", "holder_id", "subject", "code_hash", "issued_at", "expires_at", "attempts_left")
    rows = (
        (
            number,
            request.holder_id,
            request.subject,
            code_hash(request.holder_id, request.subject, code),
            at,
            expires_at,
            ATTEMPT_COUNT,
        )
        for number, request, code in zip(ids, requests, codes, strict=True)
    )
    copy_rows(OneTimeCode, columns, rows)
    _write_messages(requests, codes, at)
    return [
        IssuedCode(number, request.holder_id, request.subject, code, expires_at)
        for number, request, code in zip(ids, requests, codes, strict=True)
    ]


def _write_messages(requests: Sequence[CodeRequest], codes: Sequence[str], at: datetime) -> None:
    sentence, language, expires_at = _sentence(), get_language() or "id", at + LIFETIME
    messages = [
        Message(
            request.holder_id,
            request.channel,
            TEMPLATE,
            sentence % {"code": code, "purpose": request.purpose_line},
            language,
            expires_at,
        )
        for request, code in zip(requests, codes, strict=True)
    ]
    write_messages(messages=messages, at=at)


def _sentence() -> str:
    return _(
        "%(code)s is your Bekal code for: %(purpose)s. It is valid for 10 minutes. "
        "Type it on the page you have open. Do not give it to anybody; nobody from the programme will ask for it."
    )
