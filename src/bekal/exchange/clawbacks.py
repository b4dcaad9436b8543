"""The file of clawbacks: money that was received unjustly, who decided and approved it, and what came of it."""

from collections.abc import Iterator, Mapping
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
    refuse_disorder,
    refuse_future,
    refuse_other,
)
from bekal.exchange.kind import Kind, Loaded
from bekal.exchange.officers import add_officers, refuse_no_officers
from bekal.exchange.people import NIK, hash_of_nik
from bekal.exchange.progress import Progress
from bekal.exchange.staging import RowError, Staged
from bekal.exchange.table_fields import ColumnMap, Field, instant, iso_date, one_of, rupiah, text_field
from bekal.ledger.movements import Kind as Money
from bekal.ledger.movements import Movement
from bekal.ledger.queries import balances_of
from bekal.lifecycle.models import Clawback

OFFICERS = ("decided_by", "approved_by", "withdrawal_asked_by", "withdrawn_by")
UNKNOWN_ASKER = "imported-asker"
FIELDS: tuple[Field, ...] = (
    NIK,
    Field("decided_at", instant, required=True, about="Names the clawback of this person: when it was decided."),
    Field("decided_by", text_field, required=True, max_characters=150, about="A login name."),
    Field(
        "cause",
        one_of({cause: cause for cause in Clawback.Cause.values}),
        required=True,
        about="`ineligible`: the conditions were not met; `false_evidence`; `identity`: it was somebody else.",
    ),
    Field("explanation", text_field, required=True, max_characters=1000, exact=True, about="What was found, in words."),
    Field("incentive_rupiah", rupiah, required=True, about="What was received in cash and is asked back."),
    Field("training_rupiah", rupiah, required=True, about="What trainings cost and is asked back."),
    Field("approved_by", text_field, max_characters=150, about="A login name, of another person; blank: not approved."),
    Field("approved_at", instant, about="Blank: not approved."),
    Field("due_on", iso_date, about="Until when it has to be paid back; needed where it is approved."),
    Field("returned_training_rupiah", rupiah, about="What of the training balance returned with the approval."),
    Field("returned_incentive_rupiah", rupiah, about="What of the incentives returned with the approval."),
    Field("returned_survey_rupiah", rupiah, about="What of the survey pay returned with the approval."),
    Field(
        "withdrawal_asked_by",
        text_field,
        max_characters=150,
        about=f"A login name, of another person than `withdrawn_by`; blank where it was approved and withdrawn: "
        f"`{UNKNOWN_ASKER}`.",
    ),
    Field("withdrawal_asked_at", instant, about="Blank: with the withdrawal, or nobody asks for one."),
    Field("withdrawn_by", text_field, max_characters=150, about="A login name; blank: not withdrawn."),
    Field("withdrawn_at", instant, about="Blank: not withdrawn."),
    Field(
        "withdrawn_because",
        text_field,
        max_characters=1000,
        exact=True,
        about="Why; needed where it was withdrawn, or is asked to be.",
    ),
    Field("withdrawn_incentive_rupiah", rupiah, about="What of the cash is not owed any more since the withdrawal."),
    Field("withdrawn_training_rupiah", rupiah, about="What of the trainings is not owed any more since then."),
)
_AMOUNTS = tuple(field.name for field in FIELDS if field.name.endswith("_rupiah"))
_RETURNED, _WITHDRAWN = _AMOUNTS[2:5], _AMOUNTS[5:]
COLUMNS: Mapping[str, str] = {
    "nik_hash": "bytea NOT NULL",
    "decided_at": "timestamptz NOT NULL",
    "decided_by": "text NOT NULL",
    "cause": "text NOT NULL",
    "explanation": "text NOT NULL",
    "approved_by": "text",
    "approved_at": "timestamptz",
    "due_on": "date",
    "withdrawal_asked_by": "text",
    "withdrawal_asked_at": "timestamptz",
    "withdrawn_by": "text",
    "withdrawn_at": "timestamptz",
    "withdrawn_because": "text NOT NULL",
    **dict.fromkeys(_AMOUNTS, "bigint NOT NULL"),
}
_KNOWN = "known.participation_id = row.participation_id AND known.decided_at = row.decided_at"
_NEW = f"NOT EXISTS (SELECT 1 FROM lifecycle_clawback known WHERE {_KNOWN})"


def load(path: Path, column_map: ColumnMap, *, at: datetime, dry_run: bool, progress: Progress) -> Loaded:
    """Add the clawbacks that are new; of approved ones the place is lost and the money moves, each at its instant.
    Comes after purchases, payouts and endings; what was paid back is another file."""

    def row_of(values: Mapping[str, Any]) -> tuple[object, ...]:
        return _row(values, at)

    with history_file(
        path, FIELDS, column_map, columns=COLUMNS, row_of=row_of, dry_run=dry_run, progress=progress
    ) as staged:
        _check(staged)
        if staged.is_sound:
            staged.counts = _write(staged, progress)
    return Loaded(staged.counts, staged.findings)


def _row(values: Mapping[str, Any], at: datetime) -> tuple[object, ...]:
    wrong: list[tuple[str, str]] = []
    refuse_disorder(values, ("decided_at", "approved_at"), wrong)
    refuse_disorder(values, ("decided_at", "withdrawn_at"), wrong)
    values = {**values, **_asked(values, wrong)}
    if values["withdrawal_asked_at"] is not None:
        refuse_disorder(values, ("approved_at", "withdrawal_asked_at", "withdrawn_at"), wrong)
    refuse_future(values, ("decided_at", "approved_at", "withdrawal_asked_at", "withdrawn_at"), at, wrong)
    together = (
        ("approved_at", ("approved_by", "due_on"), _RETURNED),
        ("withdrawn_at", ("withdrawn_by",), _WITHDRAWN),
    )
    for when, needed, amounts in together:
        done = values.get(when) is not None
        for name in needed:
            if bool(values.get(name)) != done:
                wrong.append((name, f"this stands exactly where {when} does: correct one of them"))
        for name in amounts:
            if values.get(name) and not done:
                wrong.append((name, f"{when} is blank, so nothing moved: correct one of them"))
    if values.get("approved_by") and values.get("approved_by") == values["decided_by"]:
        wrong.append(("approved_by", "who decided a clawback cannot approve it: correct one of them"))
    for asked, let_go in zip(_AMOUNTS[:2], _WITHDRAWN, strict=True):
        if (values.get(let_go) or 0) > (values[asked] if values.get("approved_at") else 0):
            wrong.append((let_go, f"this is more than {asked} of an approved clawback: correct one of them"))
    if wrong:
        raise RowError(wrong)
    return (
        hash_of_nik(values["nik"]),
        *(values.get(name) or ("" if name == "withdrawn_because" else None) for name in list(COLUMNS)[1:-7]),
        *(values.get(name) or 0 for name in _AMOUNTS),
    )


def _asked(values: Mapping[str, Any], wrong: list[tuple[str, str]]) -> dict[str, Any]:
    """Who asked for the withdrawal, and when: it takes two where money had moved. Where the file does not say, somebody
    who cannot sign in, and with the withdrawal."""
    asked_by, asked_at = values.get("withdrawal_asked_by"), values.get("withdrawal_asked_at")
    withdrawn_at, approved_at = values.get("withdrawn_at"), values.get("approved_at")
    if withdrawn_at and approved_at:
        asked_by, asked_at = asked_by or UNKNOWN_ASKER, asked_at or withdrawn_at
    if bool(asked_by) != bool(asked_at):
        wrong.append(("withdrawal_asked_at", "this stands exactly where withdrawal_asked_by does: correct one of them"))
    if asked_by and not approved_at:
        wrong.append(("withdrawal_asked_by", "nobody asks to withdraw what is not approved: leave it blank"))
    if asked_by and asked_by == values.get("withdrawn_by"):
        wrong.append(("withdrawn_by", "who asked for a withdrawal cannot agree to it: correct one of them"))
    if bool(values.get("withdrawn_because")) != bool(withdrawn_at or asked_by):
        wrong.append(("withdrawn_because", "this stands exactly where withdrawn_at does: correct one of them"))
    return {"withdrawal_asked_by": asked_by, "withdrawal_asked_at": asked_at}


def _check(staged: Staged) -> None:
    staged.refuse_repeated("nik_hash, decided_at", "decided_at", "this clawback")
    refuse_no_officers(staged, OFFICERS)
    refuse_other(
        staged,
        "decided_at",
        "this clawback",
        f"""
        history_row row JOIN lifecycle_clawback known ON {_KNOWN}
        JOIN accounts_user decider ON decider.id = known.decided_by_id
        WHERE (known.cause, known.explanation, known.incentive_rupiah, known.training_rupiah, decider.login_name)
              <> (row.cause, row.explanation, row.incentive_rupiah, row.training_rupiah, row.decided_by)
           OR row.approved_at IS NOT NULL AND (known.approved_at, known.due_on)
              IS DISTINCT FROM (row.approved_at, row.due_on)
           OR row.withdrawn_at IS NOT NULL AND (known.withdrawn_at, known.withdrawn_because)
              IS DISTINCT FROM (row.withdrawn_at, row.withdrawn_because)
        """,
    )
    staged.refuse(
        "decided_at",
        "this is before the person was accepted or taken over ({}): correct it",
        f"""
        SELECT line, {instant_sql("greatest(accepted_at, opened_at)")} FROM history_row row
        WHERE decided_at < greatest(accepted_at, opened_at) {LIMIT}
        """,
    )
    staged.refuse(
        "withdrawn_at",
        "another clawback of this person stands already: one of them was withdrawn, or is none",
        f"""
        SELECT row.line FROM history_row row WHERE row.withdrawn_at IS NULL AND {_NEW} AND (
            EXISTS (SELECT 1 FROM history_row other WHERE other.participation_id = row.participation_id
                    AND other.withdrawn_at IS NULL AND other.line < row.line)
            OR EXISTS (SELECT 1 FROM lifecycle_clawback standing
                       WHERE standing.participation_id = row.participation_id AND standing.withdrawn_at IS NULL))
        {LIMIT}
        """,
    )


def _write(staged: Staged, progress: Progress) -> dict[str, int]:
    officer_count = add_officers(staged, OFFICERS)
    staged.write(f"""
        CREATE TEMPORARY TABLE new_clawback ON COMMIT DROP AS SELECT row.* FROM history_row row WHERE {_NEW};
        ALTER TABLE new_clawback ADD PRIMARY KEY (line);
        ANALYZE new_clawback
    """)
    added_count = staged.write("""
        INSERT INTO lifecycle_clawback (participation_id, cause, explanation, incentive_rupiah, training_rupiah,
            decided_by_id, decided_at, approved_by_id, approved_at, due_on, withdrawal_asked_by_id,
            withdrawal_asked_at, withdrawn_by_id, withdrawn_at, withdrawn_because)
        SELECT row.participation_id, row.cause, row.explanation, row.incentive_rupiah, row.training_rupiah,
               decider.id, row.decided_at, approver.id, row.approved_at, row.due_on, asker.id,
               row.withdrawal_asked_at, withdrawer.id, row.withdrawn_at, row.withdrawn_because
        FROM new_clawback row JOIN accounts_user decider ON decider.login_name = row.decided_by
        LEFT JOIN accounts_user approver ON approver.login_name = row.approved_by
        LEFT JOIN accounts_user asker ON asker.login_name = row.withdrawal_asked_by
        LEFT JOIN accounts_user withdrawer ON withdrawer.login_name = row.withdrawn_by
        ORDER BY row.decided_at, row.line
    """)
    staged.write("""
        UPDATE participants_participation place
        SET revoked_at = coalesce(place.revoked_at, first.approved_at), clawed_back_at = first.approved_at
        FROM (SELECT participation_id, min(approved_at) AS approved_at FROM new_clawback
              WHERE approved_at IS NOT NULL GROUP BY participation_id) first
        WHERE place.id = first.participation_id
    """)
    staged.write(_LAPSE_SQL)
    with one_by_one(staged):
        for chunk in staged.chunks(_CHUNK_SQL, progress, "posting"):
            _post(staged, chunk)
    staged.write("DROP TABLE new_clawback")
    unchanged_count = staged.row_count - added_count
    return {"added": added_count, "unchanged": unchanged_count, "officers added": officer_count}


# What had not been paid by an approval, or had come back before it, is not owed any more since.
_LAPSE_SQL = """
UPDATE incentives_entitlement earned SET lapsed_at = since.approved_at
FROM (
    SELECT entitlement.id, min(row.approved_at) AS approved_at
    FROM new_clawback row JOIN incentives_entitlement entitlement ON entitlement.participation_id = row.participation_id
    WHERE row.approved_at IS NOT NULL AND entitlement.lapsed_at IS NULL AND NOT EXISTS (
        SELECT 1 FROM incentives_payout payout
        JOIN incentives_payoutstatus paid ON paid.payout_id = payout.id AND paid.state = 'settled'
        WHERE payout.entitlement_id = entitlement.id AND paid.recorded_at <= row.approved_at
          AND (payout.ended_at IS NULL OR payout.ended_at > row.approved_at))
    GROUP BY entitlement.id
) since
WHERE earned.id = since.id
"""
_CHUNK_SQL = f"""
SELECT row.line, row.participation_id, clawback.id, row.approved_at, row.withdrawn_at,
       {", ".join(f"row.{name}" for name in _AMOUNTS)}
FROM new_clawback row JOIN lifecycle_clawback clawback
    ON clawback.participation_id = row.participation_id AND clawback.decided_at = row.decided_at
WHERE row.approved_at IS NOT NULL AND row.line > %(after)s ORDER BY row.line LIMIT %(size)s
"""
# For each amount of a row in their order: the kind that pays, the movement and what its key says.
_MOVES = (
    (Money.PAYOUT_SETTLED, Movement.CLAW_BACK_INCENTIVE, "clawback:{}:incentive"),
    (Money.INSTITUTION_SETTLED, Movement.CLAW_BACK_TRAINING, "clawback:{}:training"),
    (Money.TRAINING_BALANCE, Movement.REVOKE_TRAINING, "clawback:{}:rest-training"),
    (Money.INCENTIVE_COMMITTED, Movement.REVOKE_INCENTIVE, "clawback:{}:rest-incentive"),
    (Money.SURVEY_COMMITTED, Movement.REVOKE_SURVEY, "clawback:{}:rest-survey"),
    (None, Movement.WITHDRAW_INCENTIVE, "withdrawal:{}:incentive"),
    (None, Movement.WITHDRAW_TRAINING, "withdrawal:{}:training"),
)


def _post(staged: Staged, chunk: list[tuple[Any, ...]]) -> None:
    """Post what the approvals and withdrawals of these rows moved; what is not there to be moved is refused."""
    held = balances_of(owner_ids=[owner_id for _, owner_id, *_ in chunk])
    lines: list[Line] = []
    for row in chunk:
        moved = list(_moved(*row))
        left = held.setdefault(row[1], {})
        # What was let go counts as paid again, also where the bank has sent it back since.
        for let_go, rupiah_ in zip((Money.PAYOUT_SETTLED, Money.INSTITUTION_SETTLED), row[-2:], strict=True):
            left[let_go] = left.get(let_go, 0) + rupiah_
        for kind, (line, _, _, rupiah_, _, _) in moved:
            if kind is not None:
                left[kind] = left.get(kind, 0) - rupiah_
                if left[kind] < 0:
                    staged.refuse_line(line, _name_of(kind), "less than this is there for the person: correct it")
        lines += [each for _, each in moved]
    if staged.is_sound:
        post_lines(staged, lines, "returned_training_rupiah", "less than this is left of the training balance")


def _name_of(kind: Money) -> str:
    return _AMOUNTS[[money for money, _, _ in _MOVES].index(kind)]


def _moved(
    line: int, owner_id: int, number: int, approved_at: datetime, withdrawn_at: datetime | None, *amounts: int
) -> Iterator[tuple[Money | None, Line]]:
    for (kind, movement, key), rupiah_ in zip(_MOVES, amounts, strict=True):
        at = approved_at if kind is not None else withdrawn_at
        if rupiah_ and at is not None:
            yield kind, (line, owner_id, movement, rupiah_, key.format(number), at)


KIND = Kind(
    "clawbacks",
    "Money received unjustly that is asked back: one row for each decision, imported after the endings.",
    FIELDS,
    MAX_ROWS,
    load,
)
