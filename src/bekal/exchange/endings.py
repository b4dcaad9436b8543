"""The file of endings: places that were revoked and balances that ended, with what returned to the treasury."""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from bekal.exchange.export_columns import instant_sql
from bekal.exchange.history import (
    LIMIT,
    MAX_ROWS,
    Line,
    history_file,
    one_by_one,
    post_lines,
    refuse_future,
    refuse_other,
)
from bekal.exchange.kind import Kind, Loaded
from bekal.exchange.people import NIK, hash_of_nik
from bekal.exchange.progress import Progress
from bekal.exchange.staging import RowError, Staged
from bekal.exchange.table_fields import ColumnMap, Field, instant, one_of
from bekal.ledger.movements import Kind as Money
from bekal.ledger.movements import Movement
from bekal.ledger.queries import balances_of

REVOKED, BALANCE_ENDED = "revoked", "balance_ended"
FIELDS: tuple[Field, ...] = (
    NIK,
    Field(
        "kind",
        one_of({REVOKED: REVOKED, BALANCE_ENDED: BALANCE_ENDED}),
        required=True,
        about="`revoked`: nothing was bought in time, the whole envelope returned; `balance_ended`: what was left of "
        "the training balance returned.",
    ),
    Field("ended_at", instant, required=True, about="When it was done."),
)
COLUMNS: Mapping[str, str] = {
    "nik_hash": "bytea NOT NULL",
    "kind": "text NOT NULL",
    "ended_at": "timestamptz NOT NULL",
}
# A place that only a clawback took is in the file of clawbacks; one that had ended before has its ending here.
_REVOKED_AT = "CASE WHEN place.revoked_at IS DISTINCT FROM place.clawed_back_at THEN place.revoked_at END"
ENDED_AT_SQL = f"coalesce({_REVOKED_AT}, place.balance_ended_at)"
KIND_SQL = f"CASE WHEN {_REVOKED_AT} IS NULL THEN '{BALANCE_ENDED}' ELSE '{REVOKED}' END"
_NEW = "row.revoked_at IS NULL AND row.balance_ended_at IS NULL"
_BOUGHT = "purchases_purchase purchase WHERE purchase.participation_id = row.participation_id"


def load(path: Path, column_map: ColumnMap, *, at: datetime, dry_run: bool, progress: Progress) -> Loaded:
    """End what is not ended yet, and return to the treasury what the verbs would have returned at that instant. Comes
    after purchases and payouts: what is left follows from them."""

    def row_of(values: Mapping[str, Any]) -> tuple[object, ...]:
        wrong: list[tuple[str, str]] = []
        refuse_future(values, ("ended_at",), at, wrong)
        if wrong:
            raise RowError(wrong)
        return (hash_of_nik(values["nik"]), values["kind"], values["ended_at"])

    with history_file(
        path, FIELDS, column_map, columns=COLUMNS, row_of=row_of, dry_run=dry_run, progress=progress
    ) as staged:
        _check(staged)
        _check_refunds(staged)
        if staged.is_sound:
            staged.counts = _write(staged, progress)
    return Loaded(staged.counts, staged.findings)


def _check(staged: Staged) -> None:
    staged.refuse_repeated("nik_hash", "nik", "an ending of this person")
    refuse_other(
        staged,
        "kind",
        "the ending of this person",
        f"""
        history_row row JOIN participants_participation place ON place.id = row.participation_id
        WHERE NOT ({_NEW}) AND (row.kind, row.ended_at) IS DISTINCT FROM ({KIND_SQL}, {ENDED_AT_SQL})
        """,
    )
    staged.refuse(
        "ended_at",
        "this is before the person was accepted or taken over ({}): correct it",
        f"""
        SELECT line, {instant_sql("greatest(accepted_at, opened_at)")} FROM history_row
        WHERE ended_at < greatest(accepted_at, opened_at) {LIMIT}
        """,
    )
    staged.refuse(
        "kind",
        "this person has bought a training, so the place was not revoked: write balance_ended, or take the row out",
        f"SELECT line FROM history_row row WHERE kind = '{REVOKED}' AND EXISTS (SELECT 1 FROM {_BOUGHT}) {LIMIT}",
    )
    staged.refuse(
        "ended_at",
        "this person bought a training after this instant: correct it",
        f"""
        SELECT line FROM history_row row
        WHERE {_NEW} AND EXISTS (SELECT 1 FROM {_BOUGHT} AND purchase.bought_at > row.ended_at) {LIMIT}
        """,
    )


def _check_refunds(staged: Staged) -> None:
    """What returns is what the balance holds now: no refund may have come to it later."""
    refund = Movement.REFUND_TO_BALANCE
    staged.refuse(
        "ended_at",
        "a purchase of this person was refunded to the balance after this instant: correct it",
        f"""
        SELECT line FROM history_row row WHERE {_NEW} AND EXISTS (
            SELECT 1 FROM ledger_transfer refund WHERE refund.owner_id = row.participation_id
            AND refund.reason = {refund.reason.value} AND refund.credit_kind = {refund.credit_kind.value}
            AND refund.posted_at > row.ended_at) {LIMIT}
        """,
    )


def _write(staged: Staged, progress: Progress) -> dict[str, int]:
    # Before the rows are marked: what is new is told by the columns that were read with the rows.
    with one_by_one(staged):
        returned_rupiah = _return(staged, progress)
    ended_count = staged.write(f"""
        UPDATE participants_participation place
        SET revoked_at = CASE WHEN row.kind = '{REVOKED}' THEN row.ended_at END,
            balance_ended_at = CASE WHEN row.kind = '{BALANCE_ENDED}' THEN row.ended_at END
        FROM history_row row WHERE place.id = row.participation_id AND {_NEW}
    """)
    unchanged_count = staged.row_count - ended_count
    return {"added": ended_count, "unchanged": unchanged_count, "rupiah returned to the treasury": returned_rupiah}


# For each kind of cash: what has left the committed money by now, less what had been earned by the ending. Added to
# what is committed now it gives what the ending returned, however much was paid since.
_CHUNK_SQL = f"""
SELECT line, participation_id, kind, ended_at, incentive_rupiah, survey_rupiah
FROM history_row row CROSS JOIN LATERAL (
    SELECT coalesce(sum(sent_rupiah - earned_rupiah) FILTER (WHERE paid.kind = 'incentive'), 0)::bigint,
           coalesce(sum(sent_rupiah - earned_rupiah) FILTER (WHERE paid.kind = 'survey'), 0)::bigint
    FROM (
        SELECT entitlement.kind,
               CASE WHEN entitlement.entitled_at <= row.ended_at
                    THEN entitlement.amount_rupiah ELSE 0 END AS earned_rupiah,
               CASE WHEN EXISTS (SELECT 1 FROM incentives_payout payout
                                 JOIN incentives_payoutstatus status ON status.payout_id = payout.id
                                 WHERE payout.entitlement_id = entitlement.id AND payout.ended_at IS NULL)
                    THEN entitlement.amount_rupiah ELSE 0 END AS sent_rupiah
        FROM incentives_entitlement entitlement
        WHERE entitlement.participation_id = row.participation_id AND row.kind = '{REVOKED}'
    ) paid
) moved (incentive_rupiah, survey_rupiah)
WHERE {_NEW} AND line > %(after)s ORDER BY line LIMIT %(size)s
"""


def _return(staged: Staged, progress: Progress) -> int:
    """Post what each ending returned; the sum in rupiah."""
    returned_rupiah = 0
    for chunk in staged.chunks(_CHUNK_SQL, progress, "posting"):
        held = balances_of(owner_ids=[owner_id for _, owner_id, *_ in chunk])
        lines: list[Line] = []
        for line, owner_id, kind, ended_at, incentive_rupiah, survey_rupiah in chunk:
            money = held.get(owner_id, {})
            returns = [(Movement.END_TRAINING, money.get(Money.TRAINING_BALANCE, 0), "end:training")]
            if kind == REVOKED:
                returns = [
                    (Movement.REVOKE_TRAINING, money.get(Money.TRAINING_BALANCE, 0), "revoke:training"),
                    (
                        Movement.REVOKE_INCENTIVE,
                        money.get(Money.INCENTIVE_COMMITTED, 0) + incentive_rupiah,
                        "revoke:incentive",
                    ),
                    (Movement.REVOKE_SURVEY, money.get(Money.SURVEY_COMMITTED, 0) + survey_rupiah, "revoke:survey"),
                ]
            lines += [(line, owner_id, what, amount, key, ended_at) for what, amount, key in returns if amount > 0]
        post_lines(staged, lines, "kind", "less is left for this person than the ending returns: correct the payouts")
        returned_rupiah += sum(amount for _, _, _, amount, _, _ in lines)
    return returned_rupiah


KIND = Kind(
    "endings",
    "Places that were revoked and balances that ended: one row for each person, imported after everything else.",
    FIELDS,
    MAX_ROWS,
    load,
)
