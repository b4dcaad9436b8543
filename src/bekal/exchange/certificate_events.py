"""The file of what happened to certificates: revocations that evidence made, or that one officer asked for and another
agreed to or dropped."""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from bekal.exchange.certificates import SEQUENCE
from bekal.exchange.export_columns import Extract, nik, number, text
from bekal.exchange.export_columns import instant as instant_column
from bekal.exchange.history import LIMIT, MAX_ROWS, TRAINING, history_file, refuse_future, refuse_other, refuse_unbought
from bekal.exchange.kind import Kind, Loaded
from bekal.exchange.officers import add_officers, refuse_no_officers
from bekal.exchange.people import IS_PERSON, NIK, PURCHASES, hash_of_nik
from bekal.exchange.progress import Progress
from bekal.exchange.staging import RowError, Staged
from bekal.exchange.table_fields import ColumnMap, Field, instant, one_of, text_field, whole_number
from bekal.purchases.models import CertificateEvent
from bekal.purchases.revoke_certificates import REASON_LIMIT_COUNT

ASKED, DROPPED, REVOKED = (kind.value for kind in CertificateEvent.Kind)
FIELDS: tuple[Field, ...] = (
    NIK,
    TRAINING,
    SEQUENCE,
    Field("event", whole_number(1, 10_000), required=True, about="The how-manieth thing that happened to it."),
    Field("kind", one_of({each: each for each in (ASKED, DROPPED, REVOKED)}), required=True, about="What happened."),
    Field("officer", text_field, max_characters=150, about="By login name; blank: the evidence revoked it."),
    Field("answers", whole_number(1, 10_000), about="Of an officer's answer: the number of the request, as `event`."),
    Field("reason", text_field, max_characters=REASON_LIMIT_COUNT, exact=True, about="In the officer's words."),
    Field("occurred_at", instant, required=True, about="When."),
)
COLUMNS: Mapping[str, str] = {
    "nik_hash": "bytea NOT NULL",
    "training": "text NOT NULL",
    "sequence": "smallint NOT NULL",
    "number": "int NOT NULL",
    "kind": "text NOT NULL",
    "officer": "text",
    "answers": "int",
    "reason": "text NOT NULL",
    "occurred_at": "timestamptz NOT NULL",
}
# Events as the files name them: by their certificate and a number.
_NUMBERED = """(SELECT known.*, row_number() OVER (PARTITION BY certificate_id ORDER BY id) AS number
    FROM purchases_certificateevent known)"""
# Every event of the certificates that the file names, known or new.
_EVERY = f"""(
    SELECT row.line, row.certificate_id, row.number, row.kind, row.officer, row.answers FROM event_row row
    UNION ALL
    SELECT NULL, known.certificate_id, known.number, known.kind, officer.login_name, asked.number
    FROM {_NUMBERED} known LEFT JOIN accounts_user officer ON officer.id = known.officer_id
    LEFT JOIN {_NUMBERED} asked ON asked.id = known.asked_id
    WHERE known.certificate_id IN (SELECT certificate_id FROM event_row)
      AND NOT EXISTS (SELECT 1 FROM event_row row
                      WHERE row.certificate_id = known.certificate_id AND row.number = known.number))"""
_SAME = "known.certificate_id = row.certificate_id AND known.number = row.number"


def extract() -> Extract:
    """What an export writes, by person, purchase, certificate and number."""
    return Extract(
        columns=(
            nik("person.id"),
            text("training", "training.code"),
            number("sequence", "certificate.sequence"),
            number("event", "event.number"),
            text("kind", "event.kind"),
            text("officer", "officer.login_name"),
            number("answers", "asked.number"),
            text("reason", "nullif(event.reason, '')"),
            instant_column("occurred_at", "event.occurred_at"),
        ),
        source=f"""{_NUMBERED} event JOIN purchases_certificate certificate ON certificate.id = event.certificate_id
            JOIN ({PURCHASES}) ON purchase.id = certificate.purchase_id
            LEFT JOIN accounts_user officer ON officer.id = event.officer_id
            LEFT JOIN {_NUMBERED} asked ON asked.id = event.asked_id""",
        order="person.id, purchase.ordinal, certificate.sequence, event.number",
        of_person=IS_PERSON,
    )


def load(path: Path, column_map: ColumnMap, *, at: datetime, dry_run: bool, progress: Progress) -> Loaded:
    """Add the events that are new, after the certificates."""

    def row_of(values: Mapping[str, Any]) -> tuple[object, ...]:
        return _row(values, at)

    with history_file(
        path, FIELDS, column_map, columns=COLUMNS, row_of=row_of, dry_run=dry_run, progress=progress
    ) as staged:
        staged.write("""
            CREATE TEMPORARY TABLE event_row ON COMMIT DROP AS
            SELECT row.*, certificate.id AS certificate_id
            FROM history_row row LEFT JOIN purchases_certificate certificate
                ON certificate.purchase_id = row.purchase_id AND certificate.sequence = row.sequence;
            ALTER TABLE event_row ADD PRIMARY KEY (line);
            ANALYZE event_row
        """)
        _check(staged)
        if staged.is_sound:
            staged.counts = _write(staged)
        staged.write("DROP TABLE event_row")
    return Loaded(staged.counts, staged.findings)


def _row(values: Mapping[str, Any], at: datetime) -> tuple[object, ...]:
    wrong: list[tuple[str, str]] = []
    kind, officer, answers = values["kind"], values.get("officer"), values.get("answers")
    reason = values.get("reason") or ""
    refuse_future(values, ("occurred_at",), at, wrong)
    by_evidence = kind == REVOKED and officer is None
    if officer is None and not by_evidence:
        wrong.append(("officer", "only evidence does without an officer, and it only revokes: write the login name"))
    if (answers is None) != (kind == ASKED or by_evidence):
        wrong.append(("answers", "this stands exactly where an officer answers a request: correct it"))
    if bool(reason) != (kind == ASKED or (kind == REVOKED and not by_evidence)):
        wrong.append(("reason", "a request and an officer's revocation have a reason, nothing else has: correct it"))
    if "\n" in reason:
        wrong.append(("reason", "a reason is one line: take the line break out"))
    if answers is not None and answers >= values["event"]:
        wrong.append(("answers", "a request comes before its answer: correct one of them"))
    if wrong:
        raise RowError(wrong)
    named = (values["training"], values["sequence"], values["event"])
    return (hash_of_nik(values["nik"]), *named, kind, officer, answers, reason, values["occurred_at"])


def _check(staged: Staged) -> None:
    staged.refuse_repeated("nik_hash, training, sequence, number", "event", "this event")
    refuse_no_officers(staged, ("officer",))
    refuse_unbought(staged)
    staged.refuse(
        "sequence",
        "this purchase has no such certificate: import the certificates first, or correct the number",
        f"SELECT line FROM event_row WHERE purchase_id IS NOT NULL AND certificate_id IS NULL {LIMIT}",
    )
    staged.refuse(
        "event",
        "the one before this is missing, or has revoked the certificate already: number them one after another",
        f"""
        SELECT line FROM event_row row WHERE certificate_id IS NOT NULL AND number > 1 AND NOT EXISTS (
            SELECT 1 FROM {_EVERY} other WHERE other.certificate_id = row.certificate_id
              AND other.number = row.number - 1 AND other.kind <> '{REVOKED}') {LIMIT}
        """,
    )
    staged.refuse(
        "answers",
        "this answers no request, one that is answered already, or the officer's own: correct it",
        f"""
        SELECT line FROM event_row row WHERE certificate_id IS NOT NULL AND answers IS NOT NULL AND (
            NOT EXISTS (SELECT 1 FROM {_EVERY} asked WHERE asked.certificate_id = row.certificate_id
                        AND asked.number = row.answers AND asked.kind = '{ASKED}'
                        AND (row.kind <> '{REVOKED}' OR asked.officer <> row.officer))
            OR EXISTS (SELECT 1 FROM {_EVERY} other WHERE other.certificate_id = row.certificate_id
                       AND other.answers = row.answers AND other.number < row.number)) {LIMIT}
        """,
    )
    refuse_other(
        staged,
        "event",
        "this event",
        f"""
        event_row row JOIN {_NUMBERED} known ON {_SAME}
        LEFT JOIN accounts_user officer ON officer.id = known.officer_id
        LEFT JOIN {_NUMBERED} asked ON asked.id = known.asked_id
        WHERE (known.kind, officer.login_name, asked.number, known.reason, known.occurred_at)
              IS DISTINCT FROM (row.kind, row.officer, row.answers::bigint, row.reason, row.occurred_at)
        """,
    )


def _write(staged: Staged) -> dict[str, int]:
    officer_count = add_officers(staged, ("officer",))
    # Numbered first: an answer names its request, and both may be new.
    staged.write(f"""
        CREATE TEMPORARY TABLE new_event ON COMMIT DROP AS
        SELECT nextval(pg_get_serial_sequence('purchases_certificateevent', 'id')) AS id, ordered.* FROM (
            SELECT row.*, officer.id AS officer_id FROM event_row row
            LEFT JOIN accounts_user officer ON officer.login_name = row.officer
            WHERE NOT EXISTS (SELECT 1 FROM {_NUMBERED} known WHERE {_SAME}) ORDER BY row.certificate_id, row.number
        ) ordered
    """)
    added_count = staged.write(f"""
        INSERT INTO purchases_certificateevent (id, certificate_id, kind, officer_id, asked_id, asked_by_id, reason,
                                                occurred_at)
        SELECT row.id, row.certificate_id, row.kind, row.officer_id, asked.id, asked.officer_id, row.reason,
               row.occurred_at
        FROM new_event row LEFT JOIN (
            SELECT id, certificate_id, number, officer_id FROM new_event
            UNION ALL SELECT id, certificate_id, number, officer_id FROM {_NUMBERED} known
        ) asked ON asked.certificate_id = row.certificate_id AND asked.number = row.answers
        ORDER BY row.id
    """)
    staged.write("DROP TABLE new_event")
    return {"added": added_count, "unchanged": staged.row_count - added_count, "officers added": officer_count}


KIND = Kind(
    "certificate_events",
    "What happened to certificates: one row for each request, answer and revocation, imported after the certificates.",
    FIELDS,
    MAX_ROWS,
    load,
)
