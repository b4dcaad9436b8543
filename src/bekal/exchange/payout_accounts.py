"""The file of payout accounts: where people are paid, kept as `set_payout_accounts` keeps them."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from bekal.accounts.privacy import encrypt, mask_end
from bekal.core.text import tidy
from bekal.exchange.kind import Kind, Loaded
from bekal.exchange.people import NIK, find_people, hash_of_nik, mend_of
from bekal.exchange.progress import Progress
from bekal.exchange.staging import RowError, Staged, staged_file
from bekal.exchange.table_fields import MAX_PROBLEMS, ColumnMap, Field, instant, one_of, text_field
from bekal.ledger.copy_rows import copy_rows, new_ids
from bekal.participants.models import PaymentPartner, PayoutAccount, PayoutAccountDirectory
from bekal.participants.set_payout_account import (
    HOLDER_NAME_LIMIT_COUNT,
    NewAccount,
    hash_of_account,
    is_same_name,
    refusal_of_account,
)

MAX_ROWS = 30_000_000
FIELDS: tuple[Field, ...] = (
    NIK,
    Field("partner", one_of({value: value for value in PaymentPartner.values}), required=True, about="Who pays."),
    Field("number", text_field, required=True, max_characters=40, about="Digits only; kept encrypted."),
    Field(
        "holder_name",
        text_field,
        required=True,
        max_characters=HOLDER_NAME_LIMIT_COUNT,
        about="Can be paid to only if it is the participant's own name, capitals and blanks aside.",
        exact=True,
    ),
    Field(
        "verified_at",
        instant,
        about="When the names were compared; blank: the instant of the import. Must be blank for another's name.",
    ),
    Field(
        "pays_from_at",
        instant,
        about="Where it took the place of another account: from when on it is paid to. Blank: at once.",
    ),
)
COLUMNS: Mapping[str, str] = {
    "nik_hash": "bytea",
    "account_hash": "bytea",
    "partner": "text",
    "number_encrypted": "bytea",
    "masked": "text",
    "holder_name": "text",
    "verified_at": "timestamptz",
    "pays_from_at": "timestamptz",
    "participant_id": "bigint",
}
TAKEN_SQL = f"""
SELECT staged.line FROM staged_row staged
JOIN participants_payoutaccountdirectory directory ON directory.account_hash = staged.account_hash
LEFT JOIN participants_payoutaccount account ON account.id = directory.account_id
WHERE account.participant_id IS DISTINCT FROM staged.participant_id ORDER BY line LIMIT {MAX_PROBLEMS + 1}
"""
COMPARED_SQL = """
SELECT staged.line, staged.participant_id, staged.partner, staged.number_encrypted, staged.masked, staged.holder_name,
       staged.verified_at, staged.account_hash, person.full_name,
       known.id, known.holder_name, known.verified_at, directory.account_hash, staged.pays_from_at, known.pays_from_at
FROM staged_row staged JOIN participants_participant person ON person.id = staged.participant_id
LEFT JOIN participants_payoutaccount known ON known.participant_id = staged.participant_id
LEFT JOIN participants_payoutaccountdirectory directory ON directory.account_id = known.id
WHERE staged.line > %(after)s ORDER BY staged.line LIMIT %(size)s
"""
LOCK_PEOPLE_SQL = """
SELECT count(*) FROM (
    SELECT id FROM participants_participant WHERE id IN (SELECT participant_id FROM staged_row)
    ORDER BY id FOR NO KEY UPDATE
) locked
"""


def load(path: Path, column_map: ColumnMap, *, at: datetime, dry_run: bool, progress: Progress) -> Loaded:
    """Add the accounts of people who have none, replace those that differ; one account is one person's."""

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
        staged.refuse_repeated("nik_hash", "nik", "an account of this person")
        staged.refuse_repeated("account_hash", "number", "this account")
        find_people(staged)
        staged.fetch(LOCK_PEOPLE_SQL)
        mend = "another person has this account, or it is a second one: one account is one person's"
        staged.refuse("number", mend, TAKEN_SQL)
        if staged.is_sound:
            _write(staged, at, progress)
    return Loaded(staged.counts, staged.findings)


KIND = Kind("payout_accounts", "Where participants are paid: one account a person.", FIELDS, MAX_ROWS, load)


def _staged(values: Mapping[str, Any], at: datetime) -> tuple[object, ...]:
    account = NewAccount(0, values["partner"], values["number"], values["holder_name"])
    refusal = refusal_of_account(account)
    if refusal is not None:
        column = "holder_name" if refusal.code.startswith("name") else "number"
        raise RowError([(column, mend_of(refusal))])
    if values.get("verified_at") and values["verified_at"] > at:
        raise RowError([("verified_at", "this instant has not come yet: correct it")])
    return (
        hash_of_nik(values["nik"]),
        hash_of_account(account),
        account.partner,
        encrypt(account.number),
        mask_end(account.number),
        tidy(account.holder_name),
        values.get("verified_at"),
        values.get("pays_from_at"),
        None,
    )


def _write(staged: Staged, at: datetime, progress: Progress) -> None:
    added_count = changed_count = 0
    for chunk in staged.chunks(COMPARED_SQL, progress, "writing accounts"):
        for line, _, _, _, _, holder_name, verified_at, _, full_name, *_ in chunk:
            if verified_at is not None and not is_same_name(holder_name, full_name):
                mend = "the holder is not the participant, so nobody verified it: leave this blank"
                staged.refuse_line(line, "verified_at", mend)
        added_count += _add([row for row in chunk if row[9] is None], at)
        changed_count += _change([row for row in chunk if row[9] is not None], at)
    staged.counts = {
        "accounts added": added_count,
        "accounts changed": changed_count,
        "accounts unchanged": staged.row_count - added_count - changed_count,
    }


def _add(rows: Sequence[Sequence[Any]], at: datetime) -> int:
    ids = new_ids(PayoutAccount, len(rows))
    columns = ("id", "participant_id", "partner", "number_encrypted", "masked", "holder_name", "verified_at")
    copy_rows(
        PayoutAccount,
        (*columns, "pays_from_at"),
        [(pk, *row[1:6], _verified_at(row, at), row[13]) for pk, row in zip(ids, rows, strict=True)],
    )
    entries = sorted((row[7], pk) for pk, row in zip(ids, rows, strict=True))
    return copy_rows(PayoutAccountDirectory, ("account_hash", "account_id"), entries)


def _change(rows: Sequence[Sequence[Any]], at: datetime) -> int:
    changed: list[PayoutAccount] = []
    entries: list[tuple[bytes, int]] = []
    for row in rows:
        known_id, known_holder, known_verified_at, known_hash, pays_from_at, known_pays_from_at = row[9:]
        is_same_account = known_hash is not None and bytes(known_hash) == row[7]
        if not is_same_account:
            entries.append((row[7], known_id))
        verified_at = _verified_at(row, at)
        if is_same_account and row[5] == known_holder:
            if row[6] in (None, known_verified_at) and pays_from_at in (None, known_pays_from_at):
                continue
            verified_at = row[6] or known_verified_at
        changed.append(
            PayoutAccount(
                pk=known_id,
                partner=row[2],
                number_encrypted=row[3],
                masked=row[4],
                holder_name=row[5],
                verified_at=verified_at,
                pays_from_at=pays_from_at or (known_pays_from_at if is_same_account else None),
            )
        )
    PayoutAccountDirectory.objects.filter(account_id__in=[account_id for _, account_id in entries]).delete()
    copy_rows(PayoutAccountDirectory, ("account_hash", "account_id"), sorted(entries))
    names = ["partner", "number_encrypted", "masked", "holder_name", "verified_at", "pays_from_at"]
    return PayoutAccount.objects.bulk_update(changed, names, batch_size=1000) if changed else 0


def _verified_at(row: Sequence[Any], at: datetime) -> datetime | None:
    return (row[6] or at) if is_same_name(row[5], row[8]) else None
