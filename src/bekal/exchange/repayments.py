"""The file of repayments: what came back of a clawback, by the receipt of the treasury."""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

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
from bekal.exchange.officers import add_officers, refuse_no_officers
from bekal.exchange.people import NIK, hash_of_nik
from bekal.exchange.progress import Progress
from bekal.exchange.staging import RowError, Staged
from bekal.exchange.table_fields import ColumnMap, Field, instant, iso_date, rupiah, text_field
from bekal.ledger.clock import JAKARTA, programme_day
from bekal.ledger.movements import Movement

FIELDS: tuple[Field, ...] = (
    NIK,
    Field("decided_at", instant, required=True, about="Which clawback of the person: when that was decided."),
    Field("reference", text_field, required=True, max_characters=40, about="The number of the receipt."),
    Field("incentive_rupiah", rupiah, required=True, about="What it paid back of the cash."),
    Field("training_rupiah", rupiah, required=True, about="What it paid back of the trainings."),
    Field("received_on", iso_date, required=True, about="The day on the receipt."),
    Field("recorded_by", text_field, required=True, max_characters=150, about="A login name."),
    Field("recorded_at", instant, required=True, about="When it was recorded."),
)
COLUMNS: Mapping[str, str] = {
    "nik_hash": "bytea NOT NULL",
    "decided_at": "timestamptz NOT NULL",
    "reference": "text NOT NULL",
    "incentive_rupiah": "bigint NOT NULL",
    "training_rupiah": "bigint NOT NULL",
    "received_on": "date NOT NULL",
    "recorded_by": "text NOT NULL",
    "recorded_at": "timestamptz NOT NULL",
}
_CLAWBACK = """lifecycle_clawback clawback
    ON clawback.participation_id = row.participation_id AND clawback.decided_at = row.decided_at"""
_KNOWN = "EXISTS (SELECT 1 FROM lifecycle_repayment known WHERE known.reference = row.reference)"


def load(path: Path, column_map: ColumnMap, *, at: datetime, dry_run: bool, progress: Progress) -> Loaded:
    """Add the repayments that are new. Comes after the clawbacks."""

    def row_of(values: Mapping[str, Any]) -> tuple[object, ...]:
        wrong: list[tuple[str, str]] = []
        refuse_future(values, ("recorded_at",), at, wrong)
        if values["received_on"] > programme_day(values["recorded_at"]):
            wrong.append(("received_on", "this is after it was recorded: correct one of them"))
        if values["incentive_rupiah"] + values["training_rupiah"] <= 0:
            wrong.append(("incentive_rupiah", "a repayment pays something back: correct it"))
        if wrong:
            raise RowError(wrong)
        return (hash_of_nik(values["nik"]), *(values[name] for name in list(COLUMNS)[1:]))

    with history_file(
        path, FIELDS, column_map, columns=COLUMNS, row_of=row_of, dry_run=dry_run, progress=progress
    ) as staged:
        _check(staged)
        if staged.is_sound:
            staged.counts = _write(staged, progress)
    return Loaded(staged.counts, staged.findings)


def _check(staged: Staged) -> None:
    staged.refuse_repeated("reference", "reference", "this receipt")
    refuse_no_officers(staged, ("recorded_by",))
    staged.refuse(
        "decided_at",
        "no approved clawback of this person was decided then: import the clawbacks first, or correct it",
        f"""
        SELECT line FROM history_row row LEFT JOIN {_CLAWBACK}
        WHERE clawback.approved_at IS NULL AND row.participation_id IS NOT NULL {LIMIT}
        """,
    )
    staged.refuse(
        "received_on",
        "this is before the clawback was approved: correct it",
        f"""
        SELECT line FROM history_row row JOIN {_CLAWBACK}
        WHERE row.received_on < (clawback.approved_at AT TIME ZONE '{JAKARTA.key}')::date
           OR row.recorded_at < clawback.approved_at {LIMIT}
        """,
    )
    refuse_other(
        staged,
        "reference",
        "this receipt",
        f"""
        history_row row JOIN lifecycle_repayment known ON known.reference = row.reference LEFT JOIN {_CLAWBACK}
        WHERE known.clawback_id IS DISTINCT FROM clawback.id
           OR (known.incentive_rupiah, known.training_rupiah, known.received_on, known.recorded_at)
              <> (row.incentive_rupiah, row.training_rupiah, row.received_on, row.recorded_at)
        """,
    )
    for what, kind in (("incentive_rupiah", 10), ("training_rupiah", 11)):
        staged.refuse(
            what,
            "more was paid back than is outstanding: correct it",
            f"""
            SELECT line FROM history_row row JOIN (
                SELECT participation_id, sum({what}) AS rupiah FROM history_row row WHERE NOT {_KNOWN} GROUP BY 1
            ) paid ON paid.participation_id = row.participation_id
            WHERE NOT {_KNOWN} AND paid.rupiah > coalesce((
                SELECT sum(CASE WHEN credit_kind = {kind} THEN amount_rupiah ELSE -amount_rupiah END)
                FROM ledger_transfer WHERE owner_id = row.participation_id AND {kind} IN (debit_kind, credit_kind)), 0)
            {LIMIT}
            """,
        )


def _write(staged: Staged, progress: Progress) -> dict[str, int]:
    officer_count = add_officers(staged, ("recorded_by",))
    staged.write(f"""
        CREATE TEMPORARY TABLE new_repayment ON COMMIT DROP AS
        SELECT row.line, row.participation_id, row.reference FROM history_row row WHERE NOT {_KNOWN};
        ALTER TABLE new_repayment ADD PRIMARY KEY (line);
        ANALYZE new_repayment
    """)
    added_count = staged.write(f"""
        INSERT INTO lifecycle_repayment (clawback_id, reference, incentive_rupiah, training_rupiah, received_on,
                                         recorded_by_id, recorded_at)
        SELECT clawback.id, row.reference, row.incentive_rupiah, row.training_rupiah, row.received_on, recorder.id,
               row.recorded_at
        FROM history_row row JOIN new_repayment USING (line) JOIN {_CLAWBACK}
        JOIN accounts_user recorder ON recorder.login_name = row.recorded_by
        ORDER BY row.recorded_at, row.line
    """)
    with one_by_one(staged):
        for chunk in staged.chunks(_CHUNK_SQL, progress, "posting"):
            lines: list[Line] = []
            for line, owner_id, number, cash_rupiah, cost_rupiah, at in chunk:
                parts = (
                    (Movement.REPAY_INCENTIVE, cash_rupiah, "incentive"),
                    (Movement.REPAY_TRAINING, cost_rupiah, "training"),
                )
                lines += [
                    (line, owner_id, movement, amount, f"repayment:{number}:{part}", at)
                    for movement, amount, part in parts
                    if amount
                ]
            post_lines(staged, lines, "incentive_rupiah", "more was paid back than is outstanding: correct it")
    staged.write("DROP TABLE new_repayment")
    unchanged_count = staged.row_count - added_count
    return {"added": added_count, "unchanged": unchanged_count, "officers added": officer_count}


_CHUNK_SQL = """
SELECT line, participation_id, repayment.id, repayment.incentive_rupiah, repayment.training_rupiah,
       repayment.recorded_at
FROM new_repayment JOIN lifecycle_repayment repayment USING (reference)
WHERE line > %(after)s ORDER BY line LIMIT %(size)s
"""

KIND = Kind(
    "repayments",
    "What came back of clawbacks: one row for each receipt, imported after the clawbacks.",
    FIELDS,
    MAX_ROWS,
    load,
)
