"""`issue_codes`: a fresh one-time code for a person and a subject, and the message that carries it."""

import secrets
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.db import connection, transaction
from django.db.models import Count, Min
from django.utils.translation import gettext as _

from bekal.accounts.privacy import encrypt
from bekal.core.refusal import Refusal
from bekal.messaging.models import Channel, OneTimeCode, OutboxMessage
from bekal.messaging.one_time_codes import ATTEMPT_COUNT, CODES_AN_HOUR, HOUR, LIFETIME, code_hash
from bekal.messaging.refusals import CodeRefusal

TEMPLATE = "one_time_code"
# One of so many locks stands for a holder: few enough for the server's lock table however many people one call names.
_LOCK_CLASS, _LOCK_COUNT = 0x0B3C, 512


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
            "SELECT pg_advisory_xact_lock(%s, number) FROM unnest(%s::int[]) AS number", [_LOCK_CLASS, numbers]
        )


def _last_hours(holder_ids: Collection[int], at: datetime) -> dict[int, _Hour]:
    codes = OneTimeCode.objects.filter(holder_id__in=holder_ids, issued_at__gt=at - HOUR)
    rows = codes.values("holder_id").annotate(count=Count("id"), first_at=Min("issued_at")).order_by("holder_id")
    return {row["holder_id"]: _Hour(row["count"], row["first_at"]) for row in rows}


def _refusal(hour: _Hour | None, at: datetime) -> Refusal:
    left = HOUR if hour is None else hour.first_at + HOUR - at
    wait_minutes = max(1, -(-int(left.total_seconds()) // 60))
    return Refusal(CodeRefusal.TOO_MANY_CODES, {"limit_count": CODES_AN_HOUR, "wait_minutes": wait_minutes})


def _write(requests: Sequence[CodeRequest], at: datetime) -> list[IssuedCode]:
    codes = [f"{secrets.randbelow(1_000_000):06d}" for _ in requests]
    rows = OneTimeCode.objects.bulk_create(
        OneTimeCode(
            holder_id=request.holder_id,
            subject=request.subject,
            code_hash=code_hash(request.holder_id, request.subject, code),
            issued_at=at,
            expires_at=at + LIFETIME,
            attempts_left=ATTEMPT_COUNT,
        )
        for request, code in zip(requests, codes, strict=True)
    )
    OutboxMessage.objects.bulk_create(
        OutboxMessage(
            holder_id=request.holder_id,
            channel=request.channel,
            template=TEMPLATE,
            body_encrypted=encrypt(_body({"code": code, "purpose": request.purpose_line})),
            created_at=at,
        )
        for request, code in zip(requests, codes, strict=True)
    )
    return [
        IssuedCode(row.pk, row.holder_id, row.subject, code, row.expires_at)
        for row, code in zip(rows, codes, strict=True)
    ]


def _body(parts: Mapping[str, str]) -> str:
    return (
        _(
            "%(code)s is your Bekal code for: %(purpose)s. It is valid for 10 minutes. "
            "Type it on the page you have open. Do not give it to anybody; nobody from the programme will ask for it."
        )
        % parts
    )
