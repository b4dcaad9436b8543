"""`confirm_codes`: the one place that compares one-time codes and counts wrong tries."""

import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.db import connection, transaction
from django.db.models import F, Sum

from bekal.core.refusal import Refusal
from bekal.messaging.models import OneTimeCode
from bekal.messaging.one_time_codes import ATTEMPT_COUNT, FAILURES_AN_HOUR, HOUR, code_hash, is_well_formed
from bekal.messaging.refusals import CodeRefusal


@dataclass(frozen=True, slots=True)
class CodeAttempt:
    """What a person typed for a subject."""

    holder_id: int
    subject: str
    code: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class CodeOutcome:
    """`code_id` where the code was right and is now used up, else `refusal`; `attempts_left` of the newest code."""

    code_id: int | None
    refusal: Refusal | None
    attempts_left: int


def confirm_codes(*, attempts: Sequence[CodeAttempt], at: datetime) -> tuple[CodeOutcome, ...]:
    """Compare each attempt with the newest code of its holder and subject; outcomes in the order of `attempts`.

    A right code is used up; a wrong one costs one of five tries, and stays counted whatever the caller then decides, as
    long as the caller commits (verbs answer with refusals, they do not raise). After a thousand wrong tries in an hour
    over the whole programme no code is compared until the hour has moved on; rivals may overshoot that by one each.
    Text that cannot be a code is refused without costing a try. Locks the codes in the order of their numbers.
    """
    if not attempts:
        return ()
    with transaction.atomic():
        codes = _newest_codes(attempts)
        failures_left = FAILURES_AN_HOUR - _failure_count(at)
        outcomes: list[CodeOutcome] = []
        wrong: dict[int, int] = {}
        used_ids: list[int] = []
        for attempt in attempts:
            code = codes.get((attempt.holder_id, attempt.subject))
            refusal = _refusal(attempt, code, failures_left, at)
            if code is None:
                outcomes.append(CodeOutcome(None, refusal, 0))
            elif refusal is None:
                code.used_at = at
                used_ids.append(code.pk)
                outcomes.append(CodeOutcome(code.pk, None, code.attempts_left))
            else:
                if refusal.code == CodeRefusal.CODE_WRONG:
                    code.attempts_left -= 1
                    wrong[code.pk] = code.attempts_left
                    failures_left -= 1
                    refusal = Refusal(CodeRefusal.CODE_WRONG, {"attempts_left_count": code.attempts_left})
                outcomes.append(CodeOutcome(None, refusal, code.attempts_left))
        if used_ids:
            OneTimeCode.objects.filter(pk__in=used_ids).update(used_at=at)
        if wrong:
            _store_attempts_left(wrong)
    return tuple(outcomes)


def were_used(*, attempts: Mapping[int, CodeAttempt]) -> frozenset[int]:
    """Of `attempts` by code number, the numbers whose used code is exactly the one attempted: the same order, again.

    Costs no try: it can only repeat what the code has already done."""
    rows = (
        OneTimeCode.objects.filter(pk__in=attempts, used_at__isnull=False).values_list("pk", "code_hash").order_by("pk")
    )
    return frozenset(
        number
        for number, stored in rows
        if is_well_formed(attempts[number].code) and hmac.compare_digest(bytes(stored), _hash_of(attempts[number]))
    )


def _newest_codes(attempts: Sequence[CodeAttempt]) -> dict[tuple[int, str], OneTimeCode]:
    """The newest code of each holder and subject asked about, locked until the transaction ends."""
    rows = OneTimeCode.objects.select_for_update(no_key=True).filter(
        holder_id__in={attempt.holder_id for attempt in attempts}, subject__in={attempt.subject for attempt in attempts}
    )
    return {(code.holder_id, code.subject): code for code in rows.order_by("pk")}


def _failure_count(at: datetime) -> int:
    """Wrong tries on the codes issued within the last hour."""
    tried = OneTimeCode.objects.filter(issued_at__gt=at - HOUR, attempts_left__lt=ATTEMPT_COUNT)
    return int(tried.aggregate(failures=Sum(ATTEMPT_COUNT - F("attempts_left")))["failures"] or 0)


def _refusal(attempt: CodeAttempt, code: OneTimeCode | None, failures_left: int, at: datetime) -> Refusal | None:
    if not is_well_formed(attempt.code):
        return Refusal(CodeRefusal.CODE_MALFORMED)
    if code is None:
        return Refusal(CodeRefusal.CODE_NOT_ISSUED)
    if code.used_at is not None:
        return Refusal(CodeRefusal.CODE_USED)
    if at > code.expires_at:
        return Refusal(CodeRefusal.CODE_EXPIRED)
    if code.attempts_left == 0:
        return Refusal(CodeRefusal.CODE_BLOCKED)
    if failures_left <= 0:
        return Refusal(CodeRefusal.CODES_PAUSED, {"wait_minutes": HOUR.seconds // 60})
    right = hmac.compare_digest(bytes(code.code_hash), _hash_of(attempt))
    return None if right else Refusal(CodeRefusal.CODE_WRONG)


def _hash_of(attempt: CodeAttempt) -> bytes:
    return code_hash(attempt.holder_id, attempt.subject, attempt.code)


def _store_attempts_left(left: Mapping[int, int]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE messaging_onetimecode AS code SET attempts_left = now_left.attempts_left "
            "FROM unnest(%s::bigint[], %s::smallint[]) AS now_left(id, attempts_left) WHERE code.id = now_left.id",
            [list(left), list(left.values())],
        )
