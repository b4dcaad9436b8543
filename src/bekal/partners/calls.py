"""`answer_once`: the same call again is answered with the first answer, at the same moment, too."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db import connection, transaction

from bekal.accounts.privacy import decrypt, encrypt
from bekal.partners.models import PartnerCall

# A call may be signed 300 s ahead and sent again until 300 s after: then its signature is too old anyway.
FORGOTTEN_AFTER = timedelta(minutes=15)
FORGET_AT_A_TIME = 10_000

# The rival who comes second waits here for the first one's end. Only a key that is answered now gets in.
BEGIN_SQL = """
INSERT INTO partners_partnercall (key_id, request_hash, body_hash, operation, is_permanent, called_at)
SELECT key.id, %(request_hash)s, %(body_hash)s, %(operation)s, %(is_permanent)s, %(at)s
FROM partners_partnerkey key JOIN partners_partner partner ON partner.id = key.partner_id
WHERE key.id = %(key_id)s AND key.revoked_at IS NULL AND key.suspended_at IS NULL AND partner.suspended_at IS NULL
ON CONFLICT (key_id, request_hash) DO NOTHING RETURNING id
"""
KEEP_SQL = "UPDATE partners_partnercall SET status = %s, answer_encrypted = %s WHERE id = %s"
FORGET_SQL = """
DELETE FROM partners_partnercall WHERE id IN (
    SELECT id FROM partners_partnercall WHERE NOT is_permanent AND called_at < %s ORDER BY called_at LIMIT %s
)
"""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a call is answered: an HTTP status, a body, and its outcome (`answered` or a refusal's code)."""

    status: int
    body: str = field(repr=False)
    outcome: str = "answered"


@dataclass(frozen=True, slots=True)
class Answered:
    """`answer` is None where the key is not answered any more. `is_same_body`: whether what was asked is the same as
    the first time; where it is not, `answer` is the first one all the same."""

    answer: Answer | None
    repeated: bool = False
    is_same_body: bool = True


def answer_once(
    *,
    key_id: int,
    request_hash: bytes,
    body_hash: bytes,
    operation: str,
    at: datetime,
    answer: Callable[[], Answer],
    is_permanent: bool = False,
) -> Answered:
    """Answer a call by `answer()`, and only the first time: it and what it changes stand or fall together.

    `at` is the server's clock, not the programme's: what is not permanent is forgotten by it. An error in `answer()`
    leaves nothing behind.
    """
    with transaction.atomic():
        with connection.cursor() as cursor:
            values: dict[str, str | int | bytes | datetime] = {
                "key_id": key_id,
                "request_hash": request_hash,
                "body_hash": body_hash,
                "operation": operation,
                "is_permanent": is_permanent,
                "at": at,
            }
            cursor.execute(BEGIN_SQL, values)
            begun = cursor.fetchone()
        if begun is None:
            return _first_answer(key_id, request_hash, body_hash)
        given = answer()
        kept = json.dumps({"outcome": given.outcome, "body": given.body})
        with connection.cursor() as cursor:
            cursor.execute(KEEP_SQL, [given.status, encrypt(kept), begun[0]])
    return Answered(given)


def forget_calls(*, at: datetime) -> int:
    """Remove calls that cannot come again, at most 10,000 at a time; returns how many. `at` as in `answer_once`."""
    with connection.cursor() as cursor:
        cursor.execute(FORGET_SQL, [at - FORGOTTEN_AFTER, FORGET_AT_A_TIME])
        return int(cursor.rowcount)


def _first_answer(key_id: int, request_hash: bytes, body_hash: bytes) -> Answered:
    first = PartnerCall.objects.filter(key=key_id, request_hash=request_hash).first()
    if first is None or first.status is None or first.answer_encrypted is None:
        return Answered(None)
    kept = json.loads(decrypt(bytes(first.answer_encrypted)))
    answer = Answer(first.status, str(kept["body"]), str(kept["outcome"]))
    return Answered(answer, repeated=True, is_same_body=bytes(first.body_hash) == body_hash)
