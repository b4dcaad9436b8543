"""The file of contact points: where people can be reached, kept as `register` keeps them."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from bekal.accounts.privacy import decrypt, encrypt, mask_email, mask_end
from bekal.core.refusal import Refusal
from bekal.core.text import tidy
from bekal.exchange.kind import Kind, Loaded
from bekal.exchange.people import NIK, find_people, hash_of_nik, mend_of
from bekal.exchange.progress import Progress
from bekal.exchange.staging import RowError, Staged, staged_file
from bekal.exchange.table_fields import ColumnMap, Field, instant, one_of, text_field
from bekal.ledger.copy_rows import copy_rows
from bekal.participants.models import ContactPoint
from bekal.participants.refusals import ParticipantRefusal
from bekal.participants.register import EMAIL_LIMIT_COUNT, phone_number, refusal_of_email

MAX_ROWS = 60_000_000
FIELDS: tuple[Field, ...] = (
    NIK,
    Field("kind", one_of({"phone": "phone", "email": "email"}), required=True, about="One of each a person."),
    Field(
        "value",
        text_field,
        required=True,
        max_characters=EMAIL_LIMIT_COUNT,
        about="An Indonesian mobile number in any usual form, or an e-mail address; kept encrypted.",
    ),
    Field("verified_at", instant, about="When the person proved that it is theirs; blank: what is known stays."),
    Field("unreachable_since_at", instant, about="Since when messages fail; blank: they do not."),
)
COLUMNS: Mapping[str, str] = {
    "nik_hash": "bytea",
    "kind": "text",
    "value_encrypted": "bytea",
    "masked": "text",
    "verified_at": "timestamptz",
    "unreachable_since_at": "timestamptz",
    "participant_id": "bigint",
}
COMPARED_SQL = """
SELECT staged.line, staged.participant_id, staged.kind, staged.value_encrypted, staged.masked, staged.verified_at,
       staged.unreachable_since_at, known.id, known.value_encrypted, known.masked, known.verified_at,
       known.unreachable_since_at
FROM staged_row staged
LEFT JOIN participants_contactpoint known
    ON known.participant_id = staged.participant_id AND known.kind = staged.kind
WHERE staged.line > %(after)s ORDER BY staged.line LIMIT %(size)s
"""


def load(path: Path, column_map: ColumnMap, *, at: datetime, dry_run: bool, progress: Progress) -> Loaded:
    """Add the contact points that are new, change those that differ; a new number or address was proven by nobody."""

    def staged_row(values: Mapping[str, Any]) -> tuple[object, ...]:
        return _staged(values, at)

    with staged_file(
        path,
        FIELDS,
        column_map,
        columns=COLUMNS,
        row_of=staged_row,
        max_rows=MAX_ROWS,
        dry_run=dry_run,
        progress=progress,
    ) as staged:
        staged.refuse_repeated("nik_hash, kind", "kind", "this kind for this person")
        find_people(staged)
        if staged.is_sound:
            staged.counts = _write(staged, progress)
    return Loaded(staged.counts, staged.findings)


KIND = Kind("contact_points", "Phone numbers and e-mail addresses of participants.", FIELDS, MAX_ROWS, load)


def _staged(values: Mapping[str, Any], at: datetime) -> tuple[object, ...]:
    if values["kind"] == ContactPoint.Kind.PHONE:
        value = phone_number(values["value"])
        if value is None:
            raise RowError([("value", mend_of(Refusal(ParticipantRefusal.PHONE_MALFORMED)))])
        masked = mask_end(value)
    else:
        refusal = refusal_of_email(values["value"])
        if refusal is not None:
            raise RowError([("value", mend_of(refusal))])
        value = tidy(values["value"])
        masked = mask_email(value)
    for column in ("verified_at", "unreachable_since_at"):
        if values.get(column) and values[column] > at:
            raise RowError([(column, "this instant has not come yet: correct it")])
    instants = values.get("verified_at"), values.get("unreachable_since_at")
    return hash_of_nik(values["nik"]), values["kind"], encrypt(value), masked, *instants, None


def _write(staged: Staged, progress: Progress) -> dict[str, int]:
    """Insert and update chunk by chunk; values are compared in the clear, in memory only."""
    added_count = changed_count = 0
    # Two people's points never depend on each other, but two imports must not wait for each other crosswise: locked
    # by the import's own lock.
    for chunk in staged.chunks(COMPARED_SQL, progress, "writing contact points"):
        added = [row for row in chunk if row[7] is None]
        changed = [point for row in chunk if row[7] is not None and (point := _changed(row)) is not None]
        columns = ("participant_id", "kind", "value_encrypted", "masked", "verified_at", "unreachable_since_at")
        added_count += copy_rows(ContactPoint, columns, [row[1:7] for row in added])
        names = ["value_encrypted", "masked", "verified_at", "unreachable_since_at"]
        changed_count += ContactPoint.objects.bulk_update(changed, names, batch_size=1000) if changed else 0
    return {
        "contact points added": added_count,
        "contact points changed": changed_count,
        "contact points unchanged": staged.row_count - added_count - changed_count,
    }


def _changed(row: Sequence[Any]) -> ContactPoint | None:
    """What becomes of a known point; None where it stays as it is."""
    _, _, _, token, masked, verified_at, unreachable_at, known_id, known_token, known_masked, *known_instants = row
    is_same_value = masked == known_masked and decrypt(token) == decrypt(known_token)
    kept_at = known_instants[0] if is_same_value else None
    new_instants = [verified_at or kept_at, unreachable_at]
    if is_same_value and new_instants == known_instants:
        return None
    return ContactPoint(
        pk=known_id,
        value_encrypted=known_token if is_same_value else token,
        masked=masked,
        verified_at=new_instants[0],
        unreachable_since_at=new_instants[1],
    )
