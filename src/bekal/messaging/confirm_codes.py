"""`confirm_codes`: the one place that compares one-time codes and counts wrong tries."""

import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.db import connection, transaction

from bekal.core.refusal import Refusal
from bekal.ledger.copy_rows import id_array, int_array, text_array
from bekal.messaging.one_time_codes import ATTEMPT_COUNT, FAILURES_AN_HOUR, HOUR, code_hash, is_well_formed
from bekal.messaging.refusals import CodeRefusal


@dataclass(slots=True)
class _Code:
    """A code as it stands; what an attempt changes is changed here first."""

    code_id: int
    code_hash: bytes
    expires_at: datetime
    attempts_left: int
    used_at: datetime | None


# All codes of each holder and subject asked about; the last of each is the newest.
NEWEST_SQL = """
SELECT holder_id, subject, id, code_hash, expires_at, attempts_left, used_at FROM messaging_onetimecode
WHERE (holder_id, subject) IN (SELECT * FROM unnest(%s::bigint[], %s::text[]))
ORDER BY id FOR NO KEY UPDATE
"""
USED_SQL = """
SELECT id, code_hash FROM messaging_onetimecode WHERE id = ANY(%s::bigint[]) AND used_at IS NOT NULL
"""
FAILURES_SQL = """
SELECT coalesce(sum(%s - attempts_left), 0) FROM messaging_onetimecode WHERE issued_at > %s AND attempts_left < %s
"""
USE_SQL = "UPDATE messaging_onetimecode SET used_at = %s WHERE id = ANY(%s::bigint[])"


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
                used_ids.append(code.code_id)
                outcomes.append(CodeOutcome(code.code_id, None, code.attempts_left))
            else:
                if refusal.code == CodeRefusal.CODE_WRONG:
                    code.attempts_left -= 1
                    wrong[code.code_id] = code.attempts_left
                    failures_left -= 1
                    refusal = Refusal(CodeRefusal.CODE_WRONG, {"attempts_left_count": code.attempts_left})
                outcomes.append(CodeOutcome(None, refusal, code.attempts_left))
        if used_ids:
            with connection.cursor() as cursor:
                cursor.execute(USE_SQL, [at, int_array(used_ids)])
        if wrong:
            _store_attempts_left(wrong)
    return tuple(outcomes)


def were_used(*, attempts: Mapping[int, CodeAttempt]) -> frozenset[int]:
    """Of `attempts` by code number, the numbers whose used code is exactly the one attempted: the same order, again.

    Costs no try: it can only repeat what the code has already done."""
    with connection.cursor() as cursor:
        cursor.execute(USED_SQL, [id_array(attempts)])
        rows = cursor.fetchall()
    return frozenset(
        number
        for number, stored in rows
        if is_well_formed(attempts[number].code) and hmac.compare_digest(bytes(stored), _hash_of(attempts[number]))
    )


def _newest_codes(attempts: Sequence[CodeAttempt]) -> dict[tuple[int, str], _Code]:
    """The newest code of each holder and subject asked about, locked until the transaction ends."""
    with connection.cursor() as cursor:
        holders = int_array([attempt.holder_id for attempt in attempts])
        cursor.execute(NEWEST_SQL, [holders, text_array([attempt.subject for attempt in attempts])])
        return {(holder_id, subject): _Code(*rest) for holder_id, subject, *rest in cursor.fetchall()}


def _failure_count(at: datetime) -> int:
    """Wrong tries on the codes issued within the last hour."""
    with connection.cursor() as cursor:
        cursor.execute(FAILURES_SQL, [ATTEMPT_COUNT, at - HOUR, ATTEMPT_COUNT])
        return int(cursor.fetchone()[0])


def _refusal(attempt: CodeAttempt, code: _Code | None, failures_left: int, at: datetime) -> Refusal | None:
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
            [int_array(left), int_array(left.values())],
        )
