"""Reads of the ledger: balances, statements and totals, now or as of any past instant."""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection

from bekal.ledger.copy_rows import id_array
from bekal.ledger.models import DigestLink, ProofRequest, Transfer
from bekal.ledger.movements import Kind, Movement, Reason


@dataclass(frozen=True, slots=True)
class TransferLine:
    """One transfer as a statement shows it: whole rupiah from `debit_kind` to `credit_kind`."""

    id: int
    reason: Reason
    debit_kind: Kind
    credit_kind: Kind
    amount_rupiah: int
    idempotency_key: str
    posted_at: datetime

    def change_of(self, kind: Kind) -> int:
        """By how much (rupiah) the transfer changed what a kind holds: below 0 where that kind paid."""
        return self.amount_rupiah * ((self.credit_kind == kind) - (self.debit_kind == kind))


@dataclass(frozen=True, slots=True)
class StatementLine:
    """One transfer with the two purses after it: the training balance left, and what was received in cash."""

    transfer: TransferLine
    training_rupiah: int
    received_rupiah: int


@dataclass(frozen=True, slots=True)
class KindTotal:
    """What went into one kind and out of it, over the whole programme; the treasury's is negative by what it gave."""

    kind: Kind
    into_rupiah: int
    out_rupiah: int

    @property
    def rupiah(self) -> int:
        return self.into_rupiah - self.out_rupiah


@dataclass(frozen=True, slots=True)
class LedgerTotals:
    """Every kind that money has touched, and how many transfers that were."""

    kinds: tuple[KindTotal, ...]
    transfer_count: int

    @property
    def difference_rupiah(self) -> int:
        """All kinds together: Rp0, or the books are wrong."""
        return sum(total.rupiah for total in self.kinds)


@dataclass(frozen=True, slots=True)
class DigestHead:
    """A link of the digest chain, the newest or the one over a transfer, with its digest."""

    number: int
    sha256: bytes
    transfer_count: int
    closed_at: datetime


@dataclass(frozen=True, slots=True)
class Holding:
    """What one kind holds of one owner."""

    owner_id: int
    rupiah: int


def remaining(*, owner_ids: Collection[int]) -> dict[int, int]:
    """The training balance (rupiah) each owner can spend now; owners without one are left out."""
    return _stored("remaining_rupiah", owner_ids)


def granted(*, owner_ids: Collection[int]) -> dict[int, int]:
    """The training balance (rupiah) each owner was granted; owners without one are left out."""
    return _stored("granted_rupiah", owner_ids)


def _stored(column: str, owner_ids: Collection[int]) -> dict[int, int]:
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT owner_id, {column} FROM ledger_trainingbalance WHERE owner_id = ANY(%s::bigint[])",
            [id_array(owner_ids)],
        )
        return dict(cursor.fetchall())


MAX_OWNER_ID = 2**63 - 1
_KINDS = {kind.value: kind for kind in Kind}
_REASONS = {reason.value: reason for reason in Reason}
BALANCES_SQL = """
SELECT owner_id, kind, sum(amount)::bigint FROM (
    SELECT owner_id, credit_kind AS kind, amount_rupiah AS amount FROM ledger_transfer
    WHERE owner_id = ANY(%(owners)s::bigint[]) AND posted_at <= %(as_of)s
    UNION ALL
    SELECT owner_id, debit_kind, -amount_rupiah FROM ledger_transfer
    WHERE owner_id = ANY(%(owners)s::bigint[]) AND posted_at <= %(as_of)s
) entries GROUP BY owner_id, kind
"""


def balances_of(*, owner_ids: Collection[int], as_of: datetime | None = None) -> dict[int, dict[Kind, int]]:
    """What every kind holds (rupiah) for each owner, derived from transfers posted up to and including `as_of`.

    Kinds an owner never touched are left out; the treasury's is negative by what it has committed."""
    with connection.cursor() as cursor:
        cursor.execute(BALANCES_SQL, {"owners": id_array(owner_ids), "as_of": as_of or "infinity"})
        balances: dict[int, dict[Kind, int]] = {}
        for owner_id, kind, amount in cursor.fetchall():
            balances.setdefault(owner_id, {})[_KINDS[kind]] = amount
    return balances


TOTALS_SQL = """
WITH moved AS (
    SELECT debit_kind, credit_kind, count(*) AS moves, sum(amount_rupiah) AS amount
    FROM ledger_transfer WHERE posted_at <= %(as_of)s GROUP BY 1, 2
)
SELECT kind, coalesce(sum(amount) FILTER (WHERE is_in), 0), coalesce(sum(amount) FILTER (WHERE NOT is_in), 0),
       (SELECT coalesce(sum(moves), 0) FROM moved)
FROM (SELECT credit_kind AS kind, amount, true AS is_in FROM moved
      UNION ALL SELECT debit_kind, amount, false FROM moved) entries
GROUP BY kind ORDER BY kind
"""


def ledger_totals(*, as_of: datetime | None = None) -> LedgerTotals:
    """What went into and out of every kind over the whole programme, up to and including `as_of`; one pass."""
    with connection.cursor() as cursor:
        cursor.execute(TOTALS_SQL, {"as_of": as_of or "infinity"})
        rows = cursor.fetchall()
    kinds = tuple(KindTotal(_KINDS[kind], int(into), int(out)) for kind, into, out, _moves in rows)
    return LedgerTotals(kinds, int(rows[0][3]) if rows else 0)


def totals(*, as_of: datetime | None = None) -> dict[Kind, int]:
    """What every kind holds (rupiah) over the whole programme; the values sum to 0."""
    return {total.kind: total.rupiah for total in ledger_totals(as_of=as_of).kinds}


ROWS_AT_ONCE = 2_000
# Looking through so many transfers for a page takes some 200 ms; where fewer owners have something, the next page goes
# on from there.
LOOKED_THROUGH_COUNT = 300_000
_HELD = "sum(CASE WHEN credit_kind = %(kind)s THEN amount_rupiah ELSE -amount_rupiah END)"
_HOLDS = f"""
SELECT owner_id, {_HELD}::bigint AS held FROM ledger_transfer
WHERE (credit_kind = %(kind)s OR debit_kind = %(kind)s) AND posted_at <= %(as_of)s {{among}}
GROUP BY owner_id HAVING {_HELD} <> 0
"""
HOLDERS_SQL = (
    _HOLDS.format(among="AND owner_id > %(after_id)s AND owner_id <= %(until_id)s")
    + "ORDER BY owner_id LIMIT %(limit)s"
)
EVERY_HOLDER_SQL = _HOLDS.format(among="") + f"ORDER BY abs({_HELD}) DESC, owner_id"
LOOK_UNTIL_SQL = "SELECT owner_id FROM ledger_transfer WHERE owner_id > %s ORDER BY owner_id OFFSET %s LIMIT 1"


@dataclass(frozen=True, slots=True)
class Holders:
    """Some of those whose money a kind holds, in the order of their numbers. `looked_until` is the owner up to whom was
    looked; None: there is nobody behind the last of these."""

    holdings: tuple[Holding, ...]
    looked_until: int | None


def holders(*, kind: Kind, as_of: datetime | None = None, limit: int, after_id: int = 0) -> Holders:
    """Whose money a kind holds, up to and including `as_of`: at most `limit` owners after one, by their numbers.

    Owners for whom it holds Rp0 are left out; the amounts of all of them add up to the kind's total. Looks through so
    many transfers and no more; whoever wants all goes on after `looked_until`."""
    with connection.cursor() as cursor:
        cursor.execute(LOOK_UNTIL_SQL, [after_id, LOOKED_THROUGH_COUNT])
        (until_id,) = cursor.fetchone() or (None,)
        until = MAX_OWNER_ID if until_id is None else until_id
        values: dict[str, Any] = {"kind": kind.value, "as_of": as_of or "infinity"}
        cursor.execute(HOLDERS_SQL, values | {"after_id": after_id, "until_id": until, "limit": limit + 1})
        found = tuple(Holding(owner_id, amount) for owner_id, amount in cursor.fetchall())
    if len(found) > limit:
        return Holders(found[:limit], found[limit - 1].owner_id)
    return Holders(found, until_id)


def every_holder(*, kind: Kind, as_of: datetime | None = None) -> Iterator[Holding]:
    """All of them, the largest amounts first, then by owner, read from the database a few thousand at a time."""
    with connection.chunked_cursor() as cursor:
        cursor.execute(EVERY_HOLDER_SQL, {"kind": kind.value, "as_of": as_of or "infinity"})
        while rows := cursor.fetchmany(ROWS_AT_ONCE):
            yield from (Holding(owner_id, amount) for owner_id, amount in rows)


def transfers_of(*, owner_id: int, as_of: datetime | None = None) -> tuple[TransferLine, ...]:
    """Every transfer of one owner up to and including `as_of`, oldest first."""
    rows = Transfer.objects.filter(owner_id=owner_id).order_by("posted_at", "id")
    if as_of is not None:
        rows = rows.filter(posted_at__lte=as_of)
    return tuple(_line(row) for row in rows)


def _line(row: Transfer) -> TransferLine:
    return TransferLine(
        row.id,
        _REASONS[row.reason],
        _KINDS[row.debit_kind],
        _KINDS[row.credit_kind],
        row.amount_rupiah,
        row.idempotency_key,
        row.posted_at,
    )


def transfer_of(*, owner_id: int, transfer_id: int) -> TransferLine | None:
    """One transfer of one owner by its number."""
    row = Transfer.objects.filter(owner_id=owner_id, id=transfer_id).first()
    return None if row is None else _line(row)


def transfer_under(*, owner_id: int, idempotency_key: str) -> TransferLine | None:
    """One transfer of one owner by the key it was posted under."""
    row = Transfer.objects.filter(owner_id=owner_id, idempotency_key=idempotency_key).first()
    return None if row is None else _line(row)


def statement_of(*, owner_id: int, as_of: datetime | None = None) -> tuple[StatementLine, ...]:
    """Every transfer of one owner up to and including `as_of`, oldest first, with both purses after it."""
    training, received, lines = 0, 0, []
    for transfer in transfers_of(owner_id=owner_id, as_of=as_of):
        training += transfer.change_of(Kind.TRAINING_BALANCE)
        received += transfer.change_of(Kind.PAYOUT_SETTLED)
        lines.append(StatementLine(transfer, training, received))
    return tuple(lines)


def balances_after(transfers: Iterable[TransferLine]) -> dict[Kind, int]:
    """What every kind holds (rupiah) after these transfers of one owner; kinds never touched are left out."""
    balances: dict[Kind, int] = {}
    for transfer in transfers:
        for kind in (transfer.debit_kind, transfer.credit_kind):
            balances[kind] = balances.get(kind, 0) + transfer.change_of(kind)
    return dict(sorted(balances.items()))


@dataclass(frozen=True, slots=True)
class OwnedTransfer:
    """One transfer with the owner whose money it moved."""

    owner_id: int
    transfer: TransferLine


MOVED_SQL = """
SELECT owner_id, id, reason, debit_kind, credit_kind, amount_rupiah, idempotency_key, posted_at FROM ledger_transfer
WHERE posted_at >= %(since_at)s AND posted_at <= %(until_at)s AND id > %(after_id)s
  AND reason = %(reason)s AND debit_kind = %(debit_kind)s AND credit_kind = %(credit_kind)s
ORDER BY id LIMIT %(limit)s
"""


def moved(
    *, movement: Movement, since_at: datetime, until_at: datetime, after_id: int = 0, limit: int | None = None
) -> Iterator[OwnedTransfer]:
    """The transfers of one movement posted between two instants, both included, by number; read a few thousand at a
    time."""
    values: dict[str, Any] = {
        "since_at": since_at,
        "until_at": until_at,
        "after_id": after_id,
        "limit": limit,
        "reason": movement.reason.value,
        "debit_kind": movement.debit_kind.value,
        "credit_kind": movement.credit_kind.value,
    }
    with connection.chunked_cursor() as cursor:
        cursor.execute(MOVED_SQL, values)
        while rows := cursor.fetchmany(ROWS_AT_ONCE):
            for owner_id, number, reason, debit, credit, amount, key, posted_at in rows:
                kinds = _KINDS[debit], _KINDS[credit]
                yield OwnedTransfer(owner_id, TransferLine(number, _REASONS[reason], *kinds, amount, key, posted_at))


def estimated_transfer_count() -> int:
    """About how many transfers there are, as the database last estimated: at no cost, however many they are."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT greatest(reltuples, 0)::bigint FROM pg_class WHERE oid = 'ledger_transfer'::regclass")
        return int(cursor.fetchone()[0])


def digest_head() -> DigestHead | None:
    """The head of the digest chain; None before its first link."""
    link = DigestLink.objects.order_by("-number").first()
    return None if link is None else DigestHead(link.number, bytes(link.sha256), link.transfer_count, link.closed_at)


def digest_over(transfer_id: int) -> DigestHead | None:
    """The link of the digest chain that covers a transfer; None where no link has closed over it yet."""
    link = DigestLink.objects.filter(after_id__lt=transfer_id, until_id__gte=transfer_id).order_by("number").first()
    return None if link is None else DigestHead(link.number, bytes(link.sha256), link.transfer_count, link.closed_at)


def proof_asked_at() -> datetime | None:
    """Since when a request to run the proof waits for its answer; None where none does."""
    waiting = ProofRequest.objects.filter(answered_at=None).order_by("requested_at")
    return waiting.values_list("requested_at", flat=True).first()
