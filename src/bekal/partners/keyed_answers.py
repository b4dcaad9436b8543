"""`answer_by_key`: the same idempotency key again is told the first answer, also to whoever asks at the same time."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
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

CLAIM_SQL = """
INSERT INTO partners_keyedanswer
    (partner_id, is_sandbox, key_hash, operation, body_hash, body_encrypted, is_permanent, called_at)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s)
ON CONFLICT (partner_id, is_sandbox, key_hash) DO NOTHING RETURNING id
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
    key_hash, refusal_hash = blind("keyed-answer", call.idempotency_key), blind("keyed-refusal", call.signed)
    body = json.dumps(call.asked, sort_keys=True, separators=(",", ":"))
    body_hash = blind("keyed-body", body)
    known = _known(call, {key_hash, refusal_hash}, key_hash, body, body_hash)
    if known is not None:
        return known
    try:
        with transaction.atomic(), _patience():
            if not _claimed(call, key_hash, body, body_hash, keeps=call.keeps, now=now):
                # Whoever held the key has answered meanwhile.
                reply = _known(call, {key_hash}, key_hash, body, body_hash)
                if reply is None:
                    raise RuntimeError("an idempotency key is taken, and nothing stands under it")
                return reply
            reply = answer()
            if not (reply.is_done or reply.stands):
                raise _Undo(reply)
            _keep(call, key_hash, reply)
    except _Undo as undo:
        reply = undo.reply
        if _claimed(call, refusal_hash, body, body_hash, keeps=False, now=now):
            _keep(call, refusal_hash, reply)
    return reply


def forget_answers(*, now: datetime) -> int:
    """Forget what need not be kept for ever (`KEPT`, `REFUSALS_KEPT`); returns how many answers went."""
    passing = KeyedAnswer.objects.filter(is_permanent=False)
    refused_count, _ = passing.filter(called_at__lt=now - REFUSALS_KEPT, status__gte=300).delete()
    done_count, _ = passing.filter(called_at__lt=now - KEPT).delete()
    return refused_count + done_count


@contextmanager
def _patience() -> Iterator[None]:
    """Nobody waits for a lock for ever."""
    with connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL lock_timeout = '{LONGEST_WAIT}'")
    yield


def _claimed(call: WritingCall, key_hash: bytes, body: str, body_hash: bytes, *, keeps: bool, now: datetime) -> bool:
    """Whether the key was free; it is this transaction's now."""
    values = (call.partner_id, call.is_sandbox, key_hash, call.operation, body_hash, encrypt(body), keeps, now)
    with connection.cursor() as cursor:
        cursor.execute(CLAIM_SQL, values)
        return cursor.fetchone() is not None


def _keep(call: WritingCall, key_hash: bytes, reply: Reply) -> None:
    text = reply.text if reply.remembered is None else reply.remembered
    _rows(call).filter(key_hash=key_hash).update(status=reply.status, answer_encrypted=encrypt(text))


def _rows(call: WritingCall) -> Any:
    return KeyedAnswer.objects.filter(partner_id=call.partner_id, is_sandbox=call.is_sandbox)


def _known(call: WritingCall, hashes: set[bytes], key_hash: bytes, body: str, body_hash: bytes) -> Reply | None:
    """What was answered before, under the key or, to the very same bytes, as a refusal."""
    for row in _rows(call).filter(key_hash__in=hashes, status__isnull=False).order_by("status"):
        if bytes(row.body_hash) != body_hash:
            first = json.loads(decrypt(row.body_encrypted))
            return Reply(422, "", differing=tuple(differences(first, json.loads(body))))
        if bytes(row.key_hash) == key_hash or row.status >= 300:
            return Reply(row.status, decrypt(row.answer_encrypted), replayed=True)
    return None
