"""`post`: the one way money moves. One statement, whole or not at all, once for ever by its key."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import connection, transaction
from django.db.utils import IntegrityError

from bekal.ledger.copy_rows import int_array, text_array
from bekal.ledger.movements import Kind, Movement

# A rival that posts the same keys at the same moment makes the unique key fail once; the second look sees its rows.
TRIES = 3


class IdempotencyConflict(Exception):
    """A key was used again for something else: the caller's mistake, never a user's."""


@dataclass(frozen=True, slots=True)
class Posting:
    """One transfer to make: whole rupiah (> 0) of one owner (a participation) under a permanent key."""

    owner_id: int
    movement: Movement
    amount_rupiah: int
    idempotency_key: str


@dataclass(frozen=True, slots=True)
class PastPosting(Posting):
    """A transfer that was made at `posted_at` (aware), before this ledger was kept."""

    posted_at: datetime


@dataclass(frozen=True, slots=True)
class Posted:
    """What became of each (owner, key): posted now, posted before, or refused because the balance is too small."""

    posted: frozenset[tuple[int, str]]
    repeated: frozenset[tuple[int, str]]
    refused: frozenset[tuple[int, str]]


# Per owner all or nothing: an owner whose training balance would leave 0..granted gets none of its fresh postings.
# The conditional UPDATE locks the balance row and is evaluated again on the newest version after a wait, so that two
# purchases of the last rupiah cannot both pass. Without instants of their own (a short array is filled with NULL) all
# are posted at the one given.
POST_SQL = f"""
WITH wanted AS (
    SELECT * FROM unnest(%(owners)s::bigint[], %(debits)s::smallint[], %(credits)s::smallint[], %(reasons)s::smallint[],
                         %(amounts)s::bigint[], %(keys)s::text[], %(instants)s::timestamptz[])
        AS w(owner_id, debit_kind, credit_kind, reason, amount_rupiah, idempotency_key, posted_at)
), known AS (
    SELECT t.owner_id, t.idempotency_key,
           (t.debit_kind, t.credit_kind, t.reason, t.amount_rupiah)
               = (w.debit_kind, w.credit_kind, w.reason, w.amount_rupiah) AS same
    FROM ledger_transfer t JOIN wanted w USING (owner_id, idempotency_key)
), fresh AS (
    SELECT w.* FROM wanted w
    WHERE NOT EXISTS (SELECT 1 FROM known k
                      WHERE k.owner_id = w.owner_id AND k.idempotency_key = w.idempotency_key)
      AND NOT EXISTS (SELECT 1 FROM known WHERE NOT same)
), granted AS (
    INSERT INTO ledger_trainingbalance (owner_id, granted_rupiah, remaining_rupiah)
    SELECT owner_id, amount_rupiah, amount_rupiah FROM fresh
    WHERE debit_kind = {Kind.TREASURY.value} AND credit_kind = {Kind.TRAINING_BALANCE.value}
    RETURNING owner_id
), change AS (
    SELECT owner_id, sum(CASE WHEN credit_kind = {Kind.TRAINING_BALANCE.value} THEN amount_rupiah
                              ELSE -amount_rupiah END) AS delta_rupiah
    FROM fresh
    WHERE {Kind.TRAINING_BALANCE.value} IN (debit_kind, credit_kind) AND debit_kind <> {Kind.TREASURY.value}
    GROUP BY owner_id
), moved AS (
    UPDATE ledger_trainingbalance b SET remaining_rupiah = b.remaining_rupiah + c.delta_rupiah
    FROM change c
    WHERE b.owner_id = c.owner_id AND b.remaining_rupiah + c.delta_rupiah >= 0
    RETURNING b.owner_id
), allowed AS (
    SELECT f.* FROM fresh f
    LEFT JOIN change c ON c.owner_id = f.owner_id LEFT JOIN moved m ON m.owner_id = f.owner_id
    WHERE c.owner_id IS NULL OR m.owner_id IS NOT NULL
), inserted AS (
    INSERT INTO ledger_transfer (owner_id, debit_kind, credit_kind, reason, amount_rupiah, idempotency_key, posted_at)
    SELECT owner_id, debit_kind, credit_kind, reason, amount_rupiah, idempotency_key, coalesce(posted_at, %(at)s)
    FROM allowed ORDER BY owner_id, idempotency_key
)
SELECT CASE WHEN same THEN 'repeated' ELSE 'conflict' END, owner_id, idempotency_key FROM known
UNION ALL
SELECT 'refused', f.owner_id, f.idempotency_key FROM fresh f
JOIN change c ON c.owner_id = f.owner_id LEFT JOIN moved m ON m.owner_id = f.owner_id
WHERE m.owner_id IS NULL
"""


def post(*, postings: Sequence[Posting], at: datetime) -> Posted:
    """Write transfers of whole rupiah, in the caller's transaction or one of its own.

    Postings whose key the owner has used before for the same movement and amount are returned as `repeated` and change
    nothing: what the key stands for is compared column by column, which is a hash of the parameters without collisions.
    An owner whose training balance is too small is `refused` as a whole. COMMIT_TRAINING opens the balance.

    Raises ValueError for a naive `at`, an amount that is not a positive int, a key outside 1..64 characters or named
    twice for one owner; IdempotencyConflict where a key was used before for something else (then nothing is written).
    """
    if at.tzinfo is None:
        raise ValueError("at must be an aware datetime")
    return _post(postings, at)


def post_history(*, postings: Sequence[PastPosting]) -> Posted:
    """As `post`, each posting at its own past instant: for history that is brought in from elsewhere.

    The balance is guarded as it stands when a call is made: what opens a training balance goes in a call before those
    that spend it. Raises as `post`; ValueError for a naive `posted_at`."""
    for posting in postings:
        if posting.posted_at.tzinfo is None:
            raise ValueError("posted_at must be an aware datetime")
    return _post(postings, None)


def _post(postings: Sequence[Posting], at: datetime | None) -> Posted:
    _check(postings)
    if not postings:
        return Posted(frozenset(), frozenset(), frozenset())
    for attempt in range(1, TRIES + 1):
        try:
            with transaction.atomic():
                return _post_and_look_again(postings, at)
        except IntegrityError as error:
            rival = "ledger_transfer_posted_once" in str(error) or "ledger_trainingbalance_pkey" in str(error)
            if attempt == TRIES or not rival:
                raise
    raise AssertionError("unreachable: the last try returns or raises")


def _post_and_look_again(postings: Sequence[Posting], at: datetime | None) -> Posted:
    """A rival that spent the balance while we waited for its row may have posted our very key, which our statement's
    snapshot could not show: what was refused is asked for once more, and is then repeated if that was so."""
    first = _post_once(postings, at)
    if not first.refused:
        return first
    again = _post_once([p for p in postings if (p.owner_id, p.idempotency_key) in first.refused], at)
    return Posted(first.posted | again.posted, first.repeated | again.repeated, again.refused)


_CODES = {m: (m.debit_kind.value, m.credit_kind.value, m.reason.value) for m in Movement}


def _post_once(postings: Sequence[Posting], at: datetime | None) -> Posted:
    codes = [_CODES[p.movement] for p in postings]
    columns = {
        "owners": int_array([p.owner_id for p in postings]),
        "debits": int_array([debit for debit, _, _ in codes]),
        "credits": int_array([credit for _, credit, _ in codes]),
        "reasons": int_array([reason for _, _, reason in codes]),
        "amounts": int_array([p.amount_rupiah for p in postings]),
        "keys": text_array([p.idempotency_key for p in postings]),
        "instants": text_array([p.posted_at.isoformat() for p in postings if isinstance(p, PastPosting)]),
        "at": at,
    }
    with connection.cursor() as cursor:
        cursor.execute(POST_SQL, columns)
        outcome: dict[str, set[tuple[int, str]]] = {"repeated": set(), "refused": set(), "conflict": set()}
        for what, owner_id, key in cursor.fetchall():
            outcome[what].add((owner_id, key))
    if outcome["conflict"]:
        raise IdempotencyConflict(f"used before with other parameters: {sorted(outcome['conflict'])[:5]}")
    asked = frozenset([(p.owner_id, p.idempotency_key) for p in postings])
    repeated, refused = frozenset(outcome["repeated"]), frozenset(outcome["refused"])
    return Posted(asked - repeated - refused if repeated or refused else asked, repeated, refused)


def _check(postings: Sequence[Posting]) -> None:
    for posting in postings:
        if type(posting.amount_rupiah) is not int or posting.amount_rupiah <= 0:
            raise ValueError(f"amount_rupiah must be a whole number above 0, not {posting.amount_rupiah!r}")
        if not 1 <= len(posting.idempotency_key) <= 64:
            raise ValueError(f"idempotency_key must have 1 to 64 characters, not {posting.idempotency_key!r}")
    if len({(p.owner_id, p.idempotency_key) for p in postings}) < len(postings):
        twice = [key for key, n in Counter((p.owner_id, p.idempotency_key) for p in postings).items() if n > 1]
        raise ValueError(f"the same owner and key stand twice in one call: {twice[:5]}")
