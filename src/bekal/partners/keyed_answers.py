"""`answer_by_key`: the same idempotency key again is told the first answer, also to whoever asks at the same time."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction

from bekal.accounts.privacy import blind, decrypt, encrypt
from bekal.core.strict_json import differences
from bekal.partners.models import KeyedAnswer

KEPT = timedelta(days=30)
"""How long an answer is kept that neither moved money nor recorded evidence."""
REFUSALS_KEPT = timedelta(hours=1)
"""A refusal is kept only against the same signed bytes sent again, which are believed for five minutes either way."""
LONGEST_WAIT = "10s"
"""How long one call waits for another under the same key, or for a row that somebody else has locked."""

# Nobody waits for a lock for ever: from here to the end of the transaction. Whoever asks again finds the first answer,
# or the refusal of these very bytes, only where nothing could be claimed: a new wish costs one statement.
CLAIM_SQL = f"""
WITH patient AS MATERIALIZED (SELECT set_config('lock_timeout', '{LONGEST_WAIT}', true) AS setting)
INSERT INTO partners_keyedanswer
    (partner_id, is_sandbox, key_hash, operation, body_hash, body_encrypted, is_permanent, called_at)
SELECT %(partner_id)s, %(is_sandbox)s, %(key_hash)s, %(operation)s, %(body_hash)s, %(body)s, %(keeps)s, %(now)s
FROM patient
WHERE NOT EXISTS (SELECT FROM partners_keyedanswer refused
                  WHERE refused.partner_id = %(partner_id)s AND refused.is_sandbox = %(is_sandbox)s
                    AND refused.key_hash = %(refusal_hash)s)
ON CONFLICT (partner_id, is_sandbox, key_hash) DO NOTHING RETURNING id
"""
KEEP_SQL = "UPDATE partners_keyedanswer SET status = %s, answer_encrypted = %s WHERE id = %s"
KNOWN_SQL = """
SELECT key_hash, body_hash, body_encrypted, status, answer_encrypted FROM partners_keyedanswer
WHERE partner_id = %s AND is_sandbox = %s AND key_hash IN (%s, %s) AND status IS NOT NULL ORDER BY status
"""


@dataclass(frozen=True, slots=True)
class WritingCall:
    """A call that writes. `asked` is what makes two calls the same: the operation with its address, and the body as
    it was read. `signed` tells the same bytes sent again from the same wish in a new call. `keeps`: never forgotten."""

    partner_id: int
    is_sandbox: bool
    idempotency_key: str
    operation: str
    asked: Mapping[str, Any] = field(repr=False)
    signed: str = field(repr=False)
    keeps: bool


@dataclass(frozen=True, slots=True)
class Reply:
    """`status` and `text` (JSON) of an answer. `remembered` is kept instead of the text where a secret must be told
    once only. `stands`: a refusal that keeps what was done, as an answer does. `differing`: the key was used for
    something else, and these are the places that differ (pointers)."""

    status: int
    text: str = field(repr=False)
    remembered: str | None = field(default=None, repr=False)
    replayed: bool = False
    differing: tuple[str, ...] = ()
    stands: bool = False

    @property
    def is_done(self) -> bool:
        return 200 <= self.status < 300


class _Undo(Exception):
    def __init__(self, reply: Reply) -> None:
        self.reply = reply


def answer_by_key(*, call: WritingCall, answer: Callable[[], Reply], now: datetime) -> Reply:
    """The first answer to this call: `answer()` runs once, in the transaction that keeps its reply.

    A second call under the same key waits for the first and is told the same. A refusal (any status but 2xx, unless it
    `stands`) undoes what `answer` did and is not kept: whoever mends the call may use its key again; only the very same
    signed bytes are told the same refusal again. `now` is the machine's instant. Raises what `answer` raises, and
    OperationalError where something was waited for too long; nothing is kept then.
    """
    wish = _Wish(call, now)
    try:
        with transaction.atomic():
            number = wish.claim(wish.key_hash, keeps=call.keeps)
            if number is None:
                return wish.first_answer()
            reply = answer()
            if not (reply.is_done or reply.stands):
                raise _Undo(reply)
            _keep(number, reply)
    except _Undo as undo:
        reply = undo.reply
        with transaction.atomic():
            number = wish.claim(wish.refusal_hash, keeps=False)
            if number is not None:
                _keep(number, reply)
    return reply


def forget_answers(*, now: datetime) -> int:
    """Forget what need not be kept for ever (`KEPT`, `REFUSALS_KEPT`); returns how many answers went."""
    passing = KeyedAnswer.objects.filter(is_permanent=False)
    refused_count, _ = passing.filter(called_at__lt=now - REFUSALS_KEPT, status__gte=300).delete()
    done_count, _ = passing.filter(called_at__lt=now - KEPT).delete()
    return refused_count + done_count


def forget_answers_of_sandbox(*, partner_id: int) -> int:
    """What a partner was told in a sandbox that it begins anew, whatever it was: the same keys serve again there.
    The call that is being answered now is kept. Returns how many answers went. Call inside the sandbox's world."""
    answered = KeyedAnswer.objects.filter(partner=partner_id, is_sandbox=True, status__isnull=False)
    return answered.delete()[0]


class _Wish:
    """A call with the keyed hashes it is found by."""

    def __init__(self, call: WritingCall, now: datetime) -> None:
        self.call, self.now = call, now
        self.key_hash = blind("keyed-answer", call.idempotency_key)
        self.refusal_hash = blind("keyed-refusal", call.signed)
        self.body = json.dumps(call.asked, sort_keys=True, separators=(",", ":"))
        self.body_hash = blind("keyed-body", self.body)

    def claim(self, hashed: bytes, *, keeps: bool) -> int | None:
        """The number of the row that is this transaction's now; None where the wish was answered or refused before."""
        values: dict[str, Any] = {
            "partner_id": self.call.partner_id,
            "is_sandbox": self.call.is_sandbox,
            "key_hash": hashed,
            "refusal_hash": self.refusal_hash,
            "operation": self.call.operation,
            "body_hash": self.body_hash,
            "body": encrypt(self.body),
            "keeps": keeps,
            "now": self.now,
        }
        with connection.cursor() as cursor:
            cursor.execute(CLAIM_SQL, values)
            row = cursor.fetchone()
        return None if row is None else int(row[0])

    def first_answer(self) -> Reply:
        """What was answered before, under the key or, to the very same bytes, as a refusal."""
        hashes = [self.key_hash, self.refusal_hash]
        with connection.cursor() as cursor:
            cursor.execute(KNOWN_SQL, [self.call.partner_id, self.call.is_sandbox, *hashes])
            rows = cursor.fetchall()
        for key_hash, body_hash, body_encrypted, status, answer_encrypted in rows:
            if bytes(body_hash) != self.body_hash:
                first = json.loads(decrypt(body_encrypted))
                return Reply(422, "", differing=tuple(differences(first, json.loads(self.body))))
            if bytes(key_hash) == self.key_hash or status >= 300:
                return Reply(status, decrypt(answer_encrypted), replayed=True)
        raise RuntimeError("an idempotency key is taken, and nothing stands under it")


def _keep(number: int, reply: Reply) -> None:
    text = reply.text if reply.remembered is None else reply.remembered
    with connection.cursor() as cursor:
        cursor.execute(KEEP_SQL, [reply.status, encrypt(text), number])
