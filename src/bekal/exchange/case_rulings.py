"""The file of case rulings: what two officers decided of which cases, one row for each case on their list."""

import re
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from bekal.exchange.evidence_cases import NUMBERED_CASES
from bekal.exchange.export_columns import Extract, instant_sql, nik, number, text
from bekal.exchange.export_columns import instant as instant_column
from bekal.exchange.history import (
    LIMIT,
    MAX_ROWS,
    TRAINING,
    history_file,
    refuse_disorder,
    refuse_future,
    refuse_other,
    refuse_unbought,
)
from bekal.exchange.kind import Kind, Loaded
from bekal.exchange.officers import add_officers, refuse_no_officers
from bekal.exchange.payout_runs import numbered_instant, sha256
from bekal.exchange.people import IS_PERSON, NIK, PURCHASES, hash_of_nik
from bekal.exchange.progress import Progress
from bekal.exchange.staging import RowError, Staged
from bekal.exchange.table_fields import (
    ColumnMap,
    Field,
    FieldError,
    Value,
    instant,
    one_of,
    rupiah,
    text_field,
    whole_number,
)
from bekal.purchases.models import CaseRuling
from bekal.purchases.record_evidence import REASON_LIMIT_COUNT

OFFICERS = ("proposed_by", "confirmed_by", "dropped_by")


def _code_of(text: str) -> str:
    if not re.fullmatch(r"[a-z0-9_]{1,40}", text, re.ASCII):
        raise FieldError("write the code of the refusal, in small letters and underscores, or leave this blank")
    return text


FIELDS: tuple[Field, ...] = (
    Field(
        "ruling",
        numbered_instant("ruling", "proposed"),
        required=True,
        about="Names the ruling: the instant at which it was proposed.",
    ),
    Field("verdict", one_of({each: each for each in CaseRuling.Verdict.values}), required=True, about="What it says."),
    Field(
        "reason",
        text_field,
        required=True,
        max_characters=REASON_LIMIT_COUNT,
        exact=True,
        about="Why.",
    ),
    Field("case_count", whole_number(1, 1_000_000), required=True, about="Cases on the list."),
    Field("total_rupiah", rupiah, required=True, about="What the purchases on the list had cost."),
    Field("list_sha256", sha256, required=True, about="The seal of the list as it was seen."),
    Field("proposed_by", text_field, required=True, max_characters=150, about="An officer's login name."),
    Field("confirmed_by", text_field, max_characters=150, about="A login name, of another person; blank: nobody."),
    Field("confirmed_at", instant, about="Blank: not confirmed."),
    Field("dropped_by", text_field, max_characters=150, about="Who let the proposal go; blank: nobody did."),
    Field("dropped_at", instant, about="Blank: it was not dropped."),
    NIK,
    TRAINING,
    Field("case", whole_number(1, 10_000), required=True, about="The number of the case, as in `evidence_cases`."),
    Field("seen_count", whole_number(0, 2**31 - 1), required=True, about="How many messages the first officer saw."),
    Field("seen_until", whole_number(0, 2**31 - 1), required=True, about="Which of its messages was the last of them."),
    Field(
        "refusal",
        Value(_code_of, "a code of at most 40 characters"),
        about="Why the case was left out; blank: it was not.",
    ),
)
COLUMNS: Mapping[str, str] = {
    "nik_hash": "bytea NOT NULL",
    "training": "text NOT NULL",
    "proposed_at": "timestamptz NOT NULL",
    "place": "int NOT NULL",
    "verdict": "text NOT NULL",
    "reason": "text NOT NULL",
    "case_count": "int NOT NULL",
    "total_rupiah": "bigint NOT NULL",
    "list_sha256": "bytea NOT NULL",
    "proposed_by": "text NOT NULL",
    "confirmed_by": "text",
    "confirmed_at": "timestamptz",
    "dropped_by": "text",
    "dropped_at": "timestamptz",
    "number": "int NOT NULL",
    "seen_count": "int NOT NULL",
    "seen_until": "int NOT NULL",
    "refusal": "text NOT NULL",
}
# What every row of one ruling says alike.
_OF_RULING = tuple(COLUMNS)[4:14]
_NUMBERED = """(SELECT known.*, row_number() OVER (PARTITION BY proposed_at ORDER BY id) AS place
    FROM purchases_caseruling known)"""
_SAME = "numbered.proposed_at = row.proposed_at AND numbered.place = row.place"
_MESSAGES = """(SELECT id, purchase_id, row_number() OVER (PARTITION BY purchase_id ORDER BY id) AS number
    FROM purchases_evidence WHERE purchase_id IN (SELECT purchase_id FROM history_row))"""


def extract() -> Extract:
    """What an export writes: the rulings in their order, of each its cases by person and purchase."""
    return Extract(
        columns=(
            text(
                "ruling",
                instant_sql("ruling.proposed_at")
                + " || CASE WHEN ruling.place > 1 THEN '#' || ruling.place ELSE '' END",
            ),
            text("verdict", "ruling.verdict"),
            text("reason", "ruling.reason"),
            number("case_count", "ruling.case_count"),
            number("total_rupiah", "ruling.total_rupiah"),
            text("list_sha256", "encode(ruling.list_sha256, 'hex')"),
            text("proposed_by", "proposer.login_name"),
            text("confirmed_by", "confirmer.login_name"),
            instant_column("confirmed_at", "ruling.confirmed_at"),
            text("dropped_by", "dropper.login_name"),
            instant_column("dropped_at", "ruling.dropped_at"),
            nik("person.id"),
            text("training", "training.code"),
            number("case", "contested.number"),
            number("seen_count", "line.seen_count"),
            number(
                "seen_until",
                "(SELECT count(*) FROM purchases_evidence said "
                "WHERE said.purchase_id = purchase.id AND said.id <= line.seen_until_id)",
            ),
            text("refusal", "nullif(line.refusal, '')"),
        ),
        source=f"""purchases_caserulingline line JOIN {_NUMBERED} ruling ON ruling.id = line.ruling_id
            JOIN {NUMBERED_CASES} contested ON contested.id = line.case_id
            JOIN ({PURCHASES}) ON purchase.id = contested.purchase_id
            JOIN accounts_user proposer ON proposer.id = ruling.proposed_by_id
            LEFT JOIN accounts_user confirmer ON confirmer.id = ruling.confirmed_by_id
            LEFT JOIN accounts_user dropper ON dropper.id = ruling.dropped_by_id""",
        order="ruling.proposed_at, ruling.place, person.id, purchase.ordinal, contested.number",
        of_person=IS_PERSON,
    )


def load(path: Path, column_map: ColumnMap, *, at: datetime, dry_run: bool, progress: Progress) -> Loaded:
    """Add the rulings and the cases on their lists that are new. One that waits can still be confirmed or dropped."""

    def row_of(values: Mapping[str, Any]) -> tuple[object, ...]:
        return _row(values, at)

    with history_file(
        path, FIELDS, column_map, columns=COLUMNS, row_of=row_of, dry_run=dry_run, progress=progress
    ) as staged:
        _check(staged)
        if staged.is_sound:
            staged.counts = _write(staged)
    return Loaded(staged.counts, staged.findings)


def _row(given: Mapping[str, Any], at: datetime) -> tuple[object, ...]:
    wrong: list[tuple[str, str]] = []
    proposed_at, place = given["ruling"]
    values = {**given, "ruling": proposed_at}
    refuse_future(values, ("ruling", "confirmed_at", "dropped_at"), at, wrong)
    refuse_disorder(values, ("ruling", "confirmed_at"), wrong)
    refuse_disorder(values, ("ruling", "dropped_at"), wrong)
    for what in ("confirmed", "dropped"):
        if (values.get(f"{what}_by") is None) != (values.get(f"{what}_at") is None):
            wrong.append((f"{what}_by", f"this stands exactly where {what}_at does: write both, or none"))
    if values.get("confirmed_by") == values["proposed_by"]:
        wrong.append(("confirmed_by", "who proposed a ruling cannot confirm it: correct one of them"))
    if values.get("confirmed_at") and values.get("dropped_at"):
        wrong.append(("dropped_at", "a ruling that was confirmed cannot be dropped: leave one of them blank"))
    if "\n" in values["reason"]:
        wrong.append(("reason", "a reason is one line: take the line break out"))
    if wrong:
        raise RowError(wrong)
    return (
        hash_of_nik(values["nik"]),
        values["training"],
        proposed_at,
        place,
        *(values.get(name) for name in _OF_RULING),
        *(values[name] for name in ("case", "seen_count", "seen_until")),
        values.get("refusal") or "",
    )


def _check(staged: Staged) -> None:
    staged.refuse_repeated("nik_hash, training, proposed_at, place, number", "case", "this case of this ruling")
    refuse_no_officers(staged, OFFICERS)
    refuse_unbought(staged)
    _check_rulings(staged)
    staged.refuse(
        "case",
        "this purchase has no such case: import the evidence_cases first, or correct the number",
        f"""
        SELECT line FROM history_row row WHERE purchase_id IS NOT NULL AND NOT EXISTS (
            SELECT 1 FROM {NUMBERED_CASES} known
            WHERE known.purchase_id = row.purchase_id AND known.number = row.number) {LIMIT}
        """,
    )
    staged.refuse(
        "seen_until",
        "this purchase has fewer messages: import its evidence first, or correct the number",
        f"""
        SELECT line FROM history_row row WHERE purchase_id IS NOT NULL AND seen_until > (
            SELECT count(*) FROM purchases_evidence said WHERE said.purchase_id = row.purchase_id) {LIMIT}
        """,
    )
    refuse_other(
        staged,
        "case",
        "this case of this ruling",
        f"""
        history_row row JOIN {_NUMBERED} numbered ON {_SAME}
        JOIN {NUMBERED_CASES} contested ON contested.purchase_id = row.purchase_id AND contested.number = row.number
        JOIN purchases_caserulingline listed ON listed.ruling_id = numbered.id AND listed.case_id = contested.id
        WHERE listed.seen_count <> row.seen_count OR row.refusal <> '' AND row.refusal <> listed.refusal
        """,
    )


def _check_rulings(staged: Staged) -> None:
    alike = ", ".join(f"row.{name}" for name in _OF_RULING)
    first = ", ".join(f"first.{name}" for name in _OF_RULING)
    staged.refuse(
        "ruling",
        "line {} says otherwise of this ruling: all its rows say the same of it",
        f"""
        SELECT row.line, first.line AS first_line FROM history_row row JOIN (
            SELECT DISTINCT ON (proposed_at, place) * FROM history_row ORDER BY proposed_at, place, line
        ) first ON first.proposed_at = row.proposed_at AND first.place = row.place
        WHERE ({alike}) IS DISTINCT FROM ({first}) {LIMIT}
        """,
    )
    staged.refuse(
        "case_count",
        "this ruling has {} cases, and here are {}: correct one of them",
        f"""
        SELECT min(line) AS line, min(case_count), count(*) FROM history_row GROUP BY proposed_at, place
        HAVING count(*) > min(case_count) {LIMIT}
        """,
    )
    staged.refuse(
        "ruling",
        "there is no #{} of this instant: number the rulings of one instant without gaps",
        f"""
        SELECT line, place - 1 FROM history_row row WHERE place > 1
          AND NOT EXISTS (SELECT 1 FROM {_NUMBERED} numbered
                          WHERE numbered.proposed_at = row.proposed_at AND numbered.place = row.place - 1)
          AND NOT EXISTS (SELECT 1 FROM history_row other
                          WHERE other.proposed_at = row.proposed_at AND other.place = row.place - 1) {LIMIT}
        """,
    )
    refuse_other(
        staged,
        "ruling",
        "this ruling",
        f"""
        history_row row JOIN {_NUMBERED} numbered ON {_SAME}
        JOIN accounts_user proposer ON proposer.id = numbered.proposed_by_id
        LEFT JOIN accounts_user confirmer ON confirmer.id = numbered.confirmed_by_id
        LEFT JOIN accounts_user dropper ON dropper.id = numbered.dropped_by_id
        WHERE (numbered.verdict, numbered.reason, numbered.case_count, numbered.total_rupiah, numbered.list_sha256,
               proposer.login_name)
              <> (row.verdict, row.reason, row.case_count, row.total_rupiah, row.list_sha256, row.proposed_by)
           OR row.confirmed_at IS NOT NULL
              AND (row.confirmed_at, row.confirmed_by) IS DISTINCT FROM (numbered.confirmed_at, confirmer.login_name)
           OR row.dropped_at IS NOT NULL
              AND (row.dropped_at, row.dropped_by) IS DISTINCT FROM (numbered.dropped_at, dropper.login_name)
        """,
    )


def _write(staged: Staged) -> dict[str, int]:
    officer_count = add_officers(staged, OFFICERS)
    ruling_count = staged.write(f"""
        INSERT INTO purchases_caseruling (verdict, reason, case_count, total_rupiah, list_sha256, proposed_by_id,
                                          proposed_at, confirmed_by_id, confirmed_at, dropped_by_id, dropped_at)
        SELECT verdict, reason, case_count, total_rupiah, list_sha256, proposer.id, proposed_at, confirmer.id,
               confirmed_at, dropper.id, dropped_at
        FROM (SELECT DISTINCT ON (proposed_at, place) * FROM history_row ORDER BY proposed_at, place, line) row
        JOIN accounts_user proposer ON proposer.login_name = row.proposed_by
        LEFT JOIN accounts_user confirmer ON confirmer.login_name = row.confirmed_by
        LEFT JOIN accounts_user dropper ON dropper.login_name = row.dropped_by
        WHERE NOT EXISTS (SELECT 1 FROM {_NUMBERED} numbered WHERE {_SAME}) ORDER BY proposed_at, place
    """)
    added_count = staged.write(f"""
        INSERT INTO purchases_caserulingline (ruling_id, case_id, seen_count, seen_until_id, refusal)
        SELECT numbered.id, contested.id, row.seen_count, coalesce(message.id, 0), row.refusal
        FROM history_row row JOIN {_NUMBERED} numbered ON {_SAME}
        JOIN {NUMBERED_CASES} contested ON contested.purchase_id = row.purchase_id AND contested.number = row.number
        LEFT JOIN {_MESSAGES} message ON message.purchase_id = row.purchase_id AND message.number = row.seen_until
        ORDER BY row.line ON CONFLICT DO NOTHING
    """)
    unchanged_count = staged.row_count - added_count
    counts = {"added": added_count, "unchanged": unchanged_count, "rulings added": ruling_count}
    return counts | {"officers added": officer_count}


KIND = Kind(
    "case_rulings",
    "What officers decided of contested evidence: one row for each case on a list, imported after the cases.",
    FIELDS,
    MAX_ROWS,
    load,
)
