"""The file of certificates: each as it was issued, with its number, its place in a status list, what it rests on."""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from bekal.exchange.export_columns import Extract, nik, number, text
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
from bekal.exchange.payout_runs import sha256
from bekal.exchange.people import IS_PERSON, NIK, PURCHASES, hash_of_nik
from bekal.exchange.progress import Progress
from bekal.exchange.staging import RowError, Staged
from bekal.exchange.table_fields import ColumnMap, Field, FieldError, Value, instant, text_field, whole_number
from bekal.purchases.certificate_evidence import DIGEST_SQL, PROVING_SQL
from bekal.purchases.certificate_numbers import LENGTH, LIST_SIZE, certificate_id_at, normalised_number

# As many certificates as a file can have, and then some.
MAX_LIST = 99
MAX_CERTIFICATES = 100


def _number_of(text: str) -> str:
    found = normalised_number(text)
    if found is None:
        raise FieldError(f"the number of a certificate has {LENGTH} characters, as it was issued: correct it")
    return found


SEQUENCE = Field(
    "sequence",
    whole_number(1, MAX_CERTIFICATES),
    required=True,
    about="The how-manieth certificate of this purchase; another follows where evidence took one back.",
)
FIELDS: tuple[Field, ...] = (
    NIK,
    TRAINING,
    SEQUENCE,
    Field("number", Value(_number_of, f"{LENGTH} characters"), required=True, about="By which anybody finds it."),
    Field("status_list", whole_number(0, MAX_LIST), required=True, about="The list that says whether it is revoked."),
    Field("status_index", whole_number(0, LIST_SIZE - 1), required=True, about="Its place in that list."),
    Field("title", text_field, required=True, max_characters=300, exact=True, about="The training, as issued."),
    Field("institution_name", text_field, required=True, exact=True, about="The institution, as issued."),
    Field("hours", whole_number(1, 1000), about="How long it took; blank: not said."),
    Field("session_count", whole_number(1, 30), required=True, about="Sessions, as issued."),
    Field(
        "evidence_count",
        whole_number(1, 32_000),
        required=True,
        about="On how many messages it rests: the first so many about attendance and completion in `evidence`.",
    ),
    Field("evidence_sha256", sha256, required=True, about="Their digest, which is computed again."),
    Field("completed_at", instant, required=True, about="When the training was completed."),
    Field("issued_at", instant, required=True, about="When it was issued."),
)
COLUMNS: Mapping[str, str] = {
    "nik_hash": "bytea NOT NULL",
    "training": "text NOT NULL",
    "sequence": "smallint NOT NULL",
    "number": "text NOT NULL",
    "status_list": "int NOT NULL",
    "status_index": "int NOT NULL",
    "title": "text NOT NULL",
    "institution_name": "text NOT NULL",
    "hours": "smallint",
    "sessions": "smallint NOT NULL",
    "evidence_count": "int NOT NULL",
    "evidence_digest": "bytea NOT NULL",
    "completed_at": "timestamptz NOT NULL",
    "issued_at": "timestamptz NOT NULL",
    "certificate_id": "bigint NOT NULL",
}
_SAME = "known.purchase_id = row.purchase_id AND known.sequence = row.sequence"
_STATED = ("number", "status_list", "status_index", "title", "institution_name", "evidence_count", "evidence_digest")
_NEXT_ID = "nextval(pg_get_serial_sequence('purchases_certificate', 'id'))"


def extract() -> Extract:
    """What an export writes, by person, purchase and sequence."""
    return Extract(
        columns=(
            nik("person.id"),
            text("training", "training.code"),
            number("sequence", "certificate.sequence"),
            text("number", "certificate.number"),
            number("status_list", "certificate.status_list"),
            number("status_index", "certificate.status_index"),
            text("title", "certificate.title"),
            text("institution_name", "certificate.institution_name"),
            number("hours", "certificate.hours"),
            number("session_count", "certificate.session_count"),
            number("evidence_count", "certificate.evidence_count"),
            text("evidence_sha256", "encode(certificate.evidence_digest, 'hex')"),
            instant_column("completed_at", "certificate.completed_at"),
            instant_column("issued_at", "certificate.issued_at"),
        ),
        source=f"purchases_certificate certificate JOIN ({PURCHASES}) ON purchase.id = certificate.purchase_id",
        order="person.id, purchase.ordinal, certificate.sequence",
        of_person=IS_PERSON,
    )


def load(path: Path, column_map: ColumnMap, *, at: datetime, dry_run: bool, progress: Progress) -> Loaded:
    """Add the certificates that are new, after the evidence they rest on. Each keeps its number and its place in the
    status list, so that what was downloaded before verifies, and says that it is revoked where it is."""

    def row_of(values: Mapping[str, Any]) -> tuple[object, ...]:
        return _row(values, at)

    with history_file(
        path, FIELDS, column_map, columns=COLUMNS, row_of=row_of, dry_run=dry_run, progress=progress
    ) as staged:
        staged.write(RESTS_SQL)
        _check(staged)
        if staged.is_sound:
            staged.counts = _write(staged)
        staged.write("DROP TABLE rested")
    return Loaded(staged.counts, staged.findings)


def _row(values: Mapping[str, Any], at: datetime) -> tuple[object, ...]:
    wrong: list[tuple[str, str]] = []
    refuse_future(values, ("completed_at", "issued_at"), at, wrong)
    refuse_disorder(values, ("completed_at", "issued_at"), wrong)
    for name in ("title", "institution_name"):
        if "\n" in values[name]:
            wrong.append((name, "this is one line: take the line break out"))
    if wrong:
        raise RowError(wrong)
    return (
        hash_of_nik(values["nik"]),
        *(values.get(field.name) for field in FIELDS[1:]),
        certificate_id_at(values["status_list"], values["status_index"]),
    )


# Of each row the messages that it says it rests on: their digest, how many there are, the last of them.
RESTS_SQL = f"""
CREATE TEMPORARY TABLE rested ON COMMIT DROP AS
SELECT row.line, {DIGEST_SQL} AS digest, count(*) AS message_count, max(evidence.id) AS until_id
FROM history_row row JOIN (
    SELECT evidence.*, row_number() OVER (PARTITION BY purchase_id ORDER BY id) AS place
    FROM purchases_evidence evidence WHERE {PROVING_SQL} AND purchase_id IN (SELECT purchase_id FROM history_row)
) evidence ON evidence.purchase_id = row.purchase_id AND evidence.place <= row.evidence_count
GROUP BY row.line;
ALTER TABLE rested ADD PRIMARY KEY (line);
ANALYZE rested
"""


def _check(staged: Staged) -> None:
    staged.refuse_repeated("nik_hash, training, sequence", "sequence", "this certificate")
    staged.refuse_repeated("number", "number", "this number")
    staged.refuse_repeated("status_list, status_index", "status_index", "this place")
    refuse_unbought(staged)
    staged.refuse(
        "training",
        "only a completed training has a certificate, and this purchase is not completed: take the row out",
        f"""
        SELECT line FROM history_row row JOIN purchases_purchase purchase ON purchase.id = row.purchase_id
        WHERE purchase.completed_at IS NULL {LIMIT}
        """,
    )
    staged.refuse(
        "sequence",
        "the certificate before this is missing: number them one after another",
        f"""
        SELECT line FROM history_row row WHERE sequence > 1
          AND NOT EXISTS (SELECT 1 FROM history_row other WHERE other.purchase_id = row.purchase_id
                          AND other.sequence = row.sequence - 1)
          AND NOT EXISTS (SELECT 1 FROM purchases_certificate known WHERE known.purchase_id = row.purchase_id
                          AND known.sequence = row.sequence - 1) {LIMIT}
        """,
    )
    staged.refuse(
        "evidence_sha256",
        "the evidence of this purchase does not give this digest: import the whole evidence first, or correct it",
        f"""
        SELECT row.line FROM history_row row LEFT JOIN rested ON rested.line = row.line
        WHERE row.purchase_id IS NOT NULL AND (rested.digest, rested.message_count)
              IS DISTINCT FROM (row.evidence_digest, row.evidence_count::bigint) {LIMIT}
        """,
    )
    for column, taken in (
        ("number", "known.number = row.number"),
        ("status_index", "known.status_list = row.status_list AND known.status_index = row.status_index"),
    ):
        staged.refuse(
            column,
            "another certificate has this already: correct it",
            f"""
            SELECT line FROM history_row row JOIN purchases_certificate known ON {taken} WHERE NOT ({_SAME}) {LIMIT}
            """,
        )
    ours, theirs = (", ".join(f"{table}.{name}" for name in _STATED) for table in ("known", "row"))
    refuse_other(
        staged,
        "sequence",
        "this certificate",
        f"""
        history_row row JOIN purchases_certificate known ON {_SAME}
        WHERE ({ours}, known.session_count, known.hours, known.completed_at, known.issued_at)
              IS DISTINCT FROM ({theirs}, row.sessions, row.hours, row.completed_at, row.issued_at)
        """,
    )


def _write(staged: Staged) -> dict[str, int]:
    """Numbers of rows that come in by their places are never drawn for new ones."""
    added_count = staged.write(f"""
        INSERT INTO purchases_certificate (id, purchase_id, sequence, number, status_list, status_index, title,
            institution_name, hours, session_count, evidence_digest, evidence_count, evidence_until_id, completed_at,
            issued_at)
        SELECT certificate_id, purchase_id, sequence, number, status_list, status_index, title, institution_name, hours,
               sessions, evidence_digest, evidence_count, rested.until_id, completed_at, issued_at
        FROM history_row row JOIN rested ON rested.line = row.line
        WHERE NOT EXISTS (SELECT 1 FROM purchases_certificate known WHERE {_SAME}) ORDER BY row.line
    """)
    if added_count:
        staged.write(f"""
            SELECT count({_NEXT_ID}) FROM generate_series(1, greatest(0,
                (SELECT max(certificate_id) FROM history_row) - (SELECT {_NEXT_ID})))
        """)
    return {"added": added_count, "unchanged": staged.row_count - added_count}


KIND = Kind(
    "certificates",
    "Certificates as they were issued: one row for each, imported after the evidence they rest on.",
    FIELDS,
    MAX_ROWS,
    load,
)
