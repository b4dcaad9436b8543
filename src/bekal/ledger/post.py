"""`post`: the one way money moves. One statement, whole or not at all, once for ever by its key."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection, transaction
from django.db.utils import IntegrityError

from bekal.ledger.copy_rows import EACH, copy_alike, int_array, text_array
from bekal.ledger.models import TrainingBalance, Transfer
from bekal.ledger.movements import Kind, Movement
from bekal.ledger.posting_sql import (
    COMMITMENTS,
    GIVEN,
    INSERT_GIVEN_SQL,
    LEAN_GIVEN_SQL,
    SPEND_SQL,
    careful,
    lean,
    selected,
)

# A rival that posts the same keys at the same moment makes the unique key fail once; the second look sees its rows.
TRIES = 3
_Values = Mapping[str, Any]


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


@dataclass(frozen=True, slots=True)
class PostedSum:
    """Of a set: how many transfers were posted now, their sum in rupiah, how many owners were refused, and how many
    transfers had been posted before."""

    transfer_count: int
    total_rupiah: int
    refused_count: int
    repeated_count: int = 0


_CODES = {m: (m.debit_kind.value, m.credit_kind.value, m.reason.value) for m in Movement}
_BALANCE = Kind.TRAINING_BALANCE.value


def movement_sql(movement: Movement) -> str:
    """Kinds and reason of a movement as SQL, in the order that `post_selected` takes: debit, credit, reason."""
    return ", ".join(map(str, _CODES[movement]))


def post(*, postings: Sequence[Posting], at: datetime) -> Posted:
    """Write transfers of whole rupiah, in the caller's transaction or one of its own.

    Postings whose key the owner has used before for the same movement and amount are returned as `repeated` and change
    nothing: what the key stands for is compared column by column, which is a hash of the parameters without collisions.
    An owner whose training balance is too small is `refused` as a whole. COMMIT_TRAINING opens the balance.

    Raises ValueError for a naive `at`, an amount that is not a positive int, a key outside 1..64 characters or named
    twice for one owner; IdempotencyConflict where a key was used before for something else (then nothing is written);
    IntegrityError for a refund above the grant.
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


def post_selected(*, source: str, values: Mapping[str, Any], at: datetime) -> PostedSum:
    """As `post`, for the set that a SELECT gives: no posting leaves the database.

    `source` gives the columns (owner_id, debit_kind, credit_kind, reason, amount_rupiah, idempotency_key) and finds
    `values` by name; `%(at)s` in it is `at`. It should give them in the order of the owners, which is how they are
    written. Where a posting was made before or is refused it is evaluated once more.
    Raises ValueError for a naive `at`, IdempotencyConflict as `post`, IntegrityError for an amount that is not positive
    and for a key that stands twice for one owner.
    """
    if at.tzinfo is None:
        raise ValueError("at must be an aware datetime")
    wanted, given = selected(source), {**values, "at": at}
    posted = _lean(lean(wanted), given)
    if posted is not None:
        return PostedSum(*posted, refused_count=0)
    looked = _carefully(wanted, given, naming_repeated=False)
    refused_count = len({owner_id for _, owner_id, *_ in looked.refused})
    return PostedSum(looked.posted_count, looked.posted_rupiah, refused_count, looked.known_count)


_TRANSFER = ("owner_id", "debit_kind", "credit_kind", "reason", "amount_rupiah", "idempotency_key", "posted_at")
_GRANT = ("owner_id", "granted_rupiah", "remaining_rupiah")


def post_commitments(
    *, owner_ids: Collection[int], commitments: Sequence[tuple[Movement, int, str]], at: datetime
) -> PostedSum:
    """As `post`, for what the treasury commits to each of many owners alike: movements with whole rupiah and key.

    Written by COPY, as fast as rows come into these tables; where an owner has one of the keys already, by the careful
    statement of `post_selected`. COMMIT_TRAINING opens the balance. Raises as `post`; ValueError for a movement that
    takes from anything but the treasury."""
    if at.tzinfo is None:
        raise ValueError("at must be an aware datetime")
    # In order, so that rivals with the same owners wait for each other and not in a circle.
    owners = sorted(set(owner_ids))
    if not owners or not commitments:
        return PostedSum(0, 0, 0)
    _check([Posting(owners[0], *commitment) for commitment in commitments])
    if wrong := [movement.name for movement, *_ in commitments if movement.debit_kind is not Kind.TREASURY]:
        raise ValueError(f"the treasury alone commits, and {wrong[0]} takes from another kind")
    granted_rupiah = sum(rupiah for movement, rupiah, _ in commitments if movement.credit_kind == _BALANCE)
    rows = [(EACH, *_CODES[movement], rupiah, key, at) for movement, rupiah, key in commitments]
    try:
        with transaction.atomic():
            transfer_count = copy_alike(Transfer, _TRANSFER, [(owners, rows)])
            if granted_rupiah:
                copy_alike(TrainingBalance, _GRANT, [(owners, [(EACH, granted_rupiah, granted_rupiah)])])
    except IntegrityError as error:
        if not _is_rival(error):
            raise
        return post_selected(source=COMMITMENTS, values=_committing(owners, commitments), at=at)
    return PostedSum(transfer_count, len(owners) * sum(rupiah for _, rupiah, _ in commitments), 0)


def _committing(owners: Sequence[int], commitments: Sequence[tuple[Movement, int, str]]) -> _Values:
    alike = _arrays_of([Posting(0, *commitment) for commitment in commitments], None)
    return {**alike, "owners": int_array(owners)}


def _post(postings: Sequence[Posting], at: datetime | None) -> Posted:
    _check(postings)
    asked = frozenset([(p.owner_id, p.idempotency_key) for p in postings])
    if not postings:
        return Posted(asked, asked, asked)
    values = _arrays_of(postings, at)
    if _is_posted_at_once(postings, values):
        return Posted(asked, frozenset(), frozenset())
    looked = _carefully(GIVEN, values, naming_repeated=True)
    repeated = frozenset((owner_id, key) for _, owner_id, *_, key, _ in looked.repeated)
    refused = frozenset((owner_id, key) for _, owner_id, *_, key, _ in looked.refused)
    return Posted(asked - repeated - refused, repeated, refused)


def _arrays_of(postings: Sequence[Posting], at: datetime | None) -> _Values:
    codes = [_CODES[p.movement] for p in postings]
    return {
        "owners": int_array([p.owner_id for p in postings]),
        "debits": int_array([debit for debit, _, _ in codes]),
        "credits": int_array([credit for _, credit, _ in codes]),
        "reasons": int_array([reason for _, _, reason in codes]),
        "amounts": int_array([p.amount_rupiah for p in postings]),
        "keys": text_array([p.idempotency_key for p in postings]),
        "instants": text_array([p.posted_at.isoformat() for p in postings if isinstance(p, PastPosting)]),
        "at": at,
    }


# The lean try: in the usual case everything is new and no balance too small, and then one statement is all.


def _is_posted_at_once(postings: Sequence[Posting], values: _Values) -> bool:
    """Whether all was posted; if not, nothing was."""
    if not any(_BALANCE in _CODES[movement][:2] for movement in {p.movement for p in postings}):
        return _insert(INSERT_GIVEN_SQL, values)
    if len(postings) == 1 and postings[0].movement.debit_kind is Kind.TRAINING_BALANCE:
        return _insert(SPEND_SQL, _spending(postings[0], values["at"]))
    return _lean(LEAN_GIVEN_SQL, values) is not None


def _spending(posting: Posting, at: datetime | None) -> _Values:
    debit, credit, reason = _CODES[posting.movement]
    return {
        "owner_id": posting.owner_id,
        "debit_kind": debit,
        "credit_kind": credit,
        "reason": reason,
        "amount_rupiah": posting.amount_rupiah,
        "idempotency_key": posting.idempotency_key,
        "at": posting.posted_at if isinstance(posting, PastPosting) else at,
    }


def _insert(statement: str, values: _Values) -> bool:
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement, values)
            return bool(cursor.rowcount)
    except IntegrityError as error:
        if not _is_rival(error):
            raise
        return False


def _lean(statement: str, values: _Values) -> tuple[int, int] | None:
    """How many transfers were posted and their sum; None where nothing was."""
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement, values)
            refused_count, posted_count, posted_rupiah = cursor.fetchone()
            if refused_count == 0:
                return posted_count, posted_rupiah
            transaction.set_rollback(True)
    except IntegrityError as error:
        if not _is_rival(error):
            raise
    return None


def _is_rival(error: IntegrityError) -> bool:
    """Whether a posting of before or at the same moment explains the error: a second look will tell."""
    return "ledger_transfer_posted_once" in str(error) or "ledger_trainingbalance_pkey" in str(error)


# The careful try: what was posted before, what cannot be.


@dataclass(frozen=True, slots=True)
class _Looked:
    """What was posted, how much was known, and of what was not posted the rows that the careful statement names."""

    posted_count: int
    posted_rupiah: int
    known_count: int
    repeated: list[tuple[Any, ...]]
    refused: list[tuple[Any, ...]]


def _carefully(wanted: str, values: _Values, *, naming_repeated: bool) -> _Looked:
    for attempt in range(1, TRIES + 1):
        try:
            with transaction.atomic():
                return _look_twice(wanted, values, naming_repeated=naming_repeated)
        except IntegrityError as error:
            if attempt == TRIES or not _is_rival(error):
                raise
    raise AssertionError("unreachable: the last try returns or raises")


def _look_twice(wanted: str, values: _Values, *, naming_repeated: bool) -> _Looked:
    """A rival that spent the balance while we waited for its row may have posted our very key, which our statement's
    snapshot could not show: what was refused is asked for once more, and is then repeated if that was so."""
    first = _look(wanted, values, naming_repeated=naming_repeated)
    if not first.refused:
        return first
    again = _look(GIVEN, _arrays_of_rows(first.refused), naming_repeated=naming_repeated)
    return _Looked(
        first.posted_count + again.posted_count,
        first.posted_rupiah + again.posted_rupiah,
        first.known_count + again.known_count,
        first.repeated + again.repeated,
        again.refused,
    )


def _look(wanted: str, values: _Values, *, naming_repeated: bool) -> _Looked:
    outcome: dict[str, list[tuple[Any, ...]]] = {"posted": [], "repeated": [], "refused": [], "conflict": []}
    with connection.cursor() as cursor:
        cursor.execute(careful(wanted, naming_repeated=naming_repeated), values)
        for row in cursor.fetchall():
            outcome[row[0]].append(row)
    if outcome["conflict"]:
        names = sorted((owner_id, key) for _, owner_id, *_, key, _ in outcome["conflict"])
        raise IdempotencyConflict(f"used before with other parameters: {names[:5]}")
    ((_, count, rupiah, known_count, *_),) = outcome["posted"]
    return _Looked(count, rupiah, known_count, outcome["repeated"], outcome["refused"])


def _arrays_of_rows(rows: Sequence[tuple[Any, ...]]) -> _Values:
    _, owners, amounts, debits, credits, reasons, keys, instants = zip(*rows, strict=True)
    return {
        "owners": int_array(owners),
        "debits": int_array(debits),
        "credits": int_array(credits),
        "reasons": int_array(reasons),
        "amounts": int_array(amounts),
        "keys": text_array(keys),
        "instants": text_array([instant.isoformat() for instant in instants]),
        "at": None,
    }


def _check(postings: Sequence[Posting]) -> None:
    for posting in postings:
        if type(posting.amount_rupiah) is not int or posting.amount_rupiah <= 0:
            raise ValueError(f"amount_rupiah must be a whole number above 0, not {posting.amount_rupiah!r}")
        if not 1 <= len(posting.idempotency_key) <= 64:
            raise ValueError(f"idempotency_key must have 1 to 64 characters, not {posting.idempotency_key!r}")
    if len({(p.owner_id, p.idempotency_key) for p in postings}) < len(postings):
        twice = [key for key, n in Counter((p.owner_id, p.idempotency_key) for p in postings).items() if n > 1]
        raise ValueError(f"the same owner and key stand twice in one call: {twice[:5]}")
