"""`set_payout_accounts`: where a person's incentives are paid, each account one person's over the whole programme."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.db import IntegrityError, connection, transaction

from bekal.accounts.privacy import blind, encrypt, mask_end
from bekal.core.refusal import Refusal
from bekal.core.text import is_readable, shown, tidy
from bekal.ledger.copy_rows import bytes_array, copy_rows, id_array, int_array, new_ids, text_array
from bekal.participants.models import PaymentPartner, PayoutAccount, PayoutAccountDirectory
from bekal.participants.refusals import ParticipantRefusal

# Each try after the first means that one more rival came between the look and the write.
TRIES = 5
HOLDER_NAME_LIMIT_COUNT = 150
# BNI numbers its accounts with ten digits; the wallets use the mobile number.
_NUMBERS: Mapping[str, re.Pattern[str]] = {
    PaymentPartner.BNI: re.compile(r"[0-9]{10}", re.ASCII),
    PaymentPartner.OVO: re.compile(r"08[0-9]{7,11}", re.ASCII),
    PaymentPartner.GOPAY: re.compile(r"08[0-9]{7,11}", re.ASCII),
    PaymentPartner.LINKAJA: re.compile(r"08[0-9]{7,11}", re.ASCII),
}

_PARTNERS = frozenset(PaymentPartner.values)
LOCK_SQL = """
SELECT id, full_name FROM participants_participant WHERE id = ANY(%s::bigint[]) ORDER BY id FOR NO KEY UPDATE
"""
HOLDERS_SQL = """
SELECT directory.account_hash, account.participant_id
FROM participants_payoutaccountdirectory directory
JOIN participants_payoutaccount account ON account.id = directory.account_id
WHERE directory.account_hash = ANY(%s::bytea[])
"""
BEFORE_SQL = """
SELECT account.participant_id, account.id, account.holder_name, account.verified_at IS NOT NULL, directory.account_hash
FROM participants_payoutaccount account
JOIN participants_payoutaccountdirectory directory ON directory.account_id = account.id
WHERE account.participant_id = ANY(%s::bigint[])
"""
REPLACE_SQL = """
UPDATE participants_payoutaccount account SET
    partner = given.partner, number_encrypted = given.number_encrypted, masked = given.masked,
    holder_name = given.holder_name, verified_at = CASE WHEN given.verified = 1 THEN %s END
FROM unnest(%s::bigint[], %s::text[], %s::bytea[], %s::text[], %s::text[], %s::int[])
    AS given(id, partner, number_encrypted, masked, holder_name, verified)
WHERE account.id = given.id
"""
FORGET_SQL = "DELETE FROM participants_payoutaccountdirectory WHERE account_id = ANY(%s::bigint[])"


@dataclass(frozen=True, slots=True)
class NewAccount:
    """An account as its owner writes it: digits only."""

    participant_id: int
    partner: str
    number: str = field(repr=False)
    holder_name: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class _Row:
    """An account as it will stand in its table."""

    account_id: int
    participant_id: int
    partner: str
    number_encrypted: bytes
    masked: str
    holder_name: str
    verified: bool


@dataclass(frozen=True, slots=True)
class AccountOutcome:
    """`verified`: the holder is the participant, so the account can be paid to."""

    account_id: int | None
    verified: bool
    refusal: Refusal | None


def set_payout_accounts(*, accounts: Sequence[NewAccount], at: datetime) -> tuple[AccountOutcome, ...]:
    """Set or replace accounts; outcomes in the order of `accounts`.

    Money paid to a wallet in another name was a chief complaint of 2020, so an account counts as verified only where
    the holder's name is the participant's own (case and blanks aside). The same account again changes nothing. Raises
    ValueError where one call names a person twice.
    """
    if len({account.participant_id for account in accounts}) < len(accounts):
        raise ValueError("one account a person in one call")
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(LOCK_SQL, [id_array([account.participant_id for account in accounts])])
            names: dict[int, str] = dict(cursor.fetchall())
        refusals: dict[int, Refusal] = {}
        wanted: dict[int, tuple[NewAccount, bytes]] = {}
        for account in accounts:
            refusal = _refusal(account, names)
            if refusal is None:
                wanted[account.participant_id] = account, hash_of_account(account)
            else:
                refusals[account.participant_id] = refusal
        written: dict[int, tuple[int, bool]] = {}
        for tries_left in reversed(range(TRIES)):
            _refuse_taken(wanted, refusals)
            try:
                with transaction.atomic():
                    written = _write(wanted, names, at)
                break
            except IntegrityError as error:
                # A rival took one of these accounts after the look; the next look sees it.
                if tries_left == 0 or "payoutaccountdirectory" not in str(error):
                    raise
    return tuple(_outcome(account.participant_id, written, refusals) for account in accounts)


def _outcome(
    participant_id: int, written: Mapping[int, tuple[int, bool]], refusals: Mapping[int, Refusal]
) -> AccountOutcome:
    if participant_id not in written:
        return AccountOutcome(None, False, refusals[participant_id])
    account_id, verified = written[participant_id]
    return AccountOutcome(account_id, verified, None)


def _refusal(account: NewAccount, names: Mapping[int, str]) -> Refusal | None:
    if account.participant_id not in names:
        return Refusal(ParticipantRefusal.UNKNOWN_PARTICIPANT)
    return refusal_of_account(account)


def refusal_of_account(account: NewAccount) -> Refusal | None:
    """Whether partner, number or the holder's name cannot be; None is no."""
    if account.partner not in _PARTNERS:
        return Refusal(ParticipantRefusal.PARTNER_UNKNOWN, {"value": shown(account.partner)})
    if not _NUMBERS[account.partner].fullmatch(account.number):
        return Refusal(ParticipantRefusal.ACCOUNT_NUMBER_MALFORMED, {"partner": account.partner})
    holder_name = tidy(account.holder_name)
    if not holder_name:
        return Refusal(ParticipantRefusal.NAME_MISSING)
    if len(holder_name) > HOLDER_NAME_LIMIT_COUNT:
        values = {"length_count": len(holder_name), "limit_count": HOLDER_NAME_LIMIT_COUNT}
        return Refusal(ParticipantRefusal.NAME_TOO_LONG, values)
    return None if is_readable(holder_name) else Refusal(ParticipantRefusal.NAME_UNREADABLE)


def hash_of_account(account: NewAccount) -> bytes:
    """By what one account is known over the whole programme."""
    return blind("payout-account", f"{account.partner}:{account.number}")


def _refuse_taken(wanted: dict[int, tuple[NewAccount, bytes]], refusals: dict[int, Refusal]) -> None:
    """Take those out whose account is another person's, or stands earlier in the same call."""
    with connection.cursor() as cursor:
        cursor.execute(HOLDERS_SQL, [bytes_array([account_hash for _, account_hash in wanted.values()])])
        holders: dict[bytes, int] = {bytes(account_hash): holder for account_hash, holder in cursor.fetchall()}
    for participant_id, (account, account_hash) in list(wanted.items()):
        if holders.setdefault(account_hash, participant_id) != participant_id:
            refusals[participant_id] = Refusal(ParticipantRefusal.ACCOUNT_TAKEN, {"partner": account.partner})
            del wanted[participant_id]


def _write(
    wanted: Mapping[int, tuple[NewAccount, bytes]], names: Mapping[int, str], at: datetime
) -> dict[int, tuple[int, bool]]:
    """Insert or replace the accounts and their directory entries; an account that is already so stays as it is.
    Returns by participant the account's number and whether it is verified."""
    with connection.cursor() as cursor:
        cursor.execute(BEFORE_SQL, [int_array(wanted)])
        before = {participant_id: rest for participant_id, *rest in cursor.fetchall()}
    numbers = iter(new_ids(PayoutAccount, len(wanted) - len(before)))
    written: dict[int, tuple[int, bool]] = {}
    added: list[_Row] = []
    replaced: list[_Row] = []
    for participant_id, (account, account_hash) in wanted.items():
        holder_name = tidy(account.holder_name)
        old = before.get(participant_id)
        if old is None:
            account_id = next(numbers)
        else:
            account_id, old_name, verified, old_hash = old
            if bytes(old_hash) == account_hash and old_name == holder_name:
                written[participant_id] = account_id, verified
                continue
        verified = is_same_name(holder_name, names[participant_id])
        written[participant_id] = account_id, verified
        masked, number = mask_end(account.number), encrypt(account.number)
        row = _Row(account_id, participant_id, account.partner, number, masked, holder_name, verified)
        (added if old is None else replaced).append(row)
    _replace(replaced, at)
    _add(added, at)
    # In the order of the hashes, so that two calls wait for each other in one direction only.
    entries = sorted((wanted[row.participant_id][1], row.account_id) for row in (*added, *replaced))
    copy_rows(PayoutAccountDirectory, ("account_hash", "account_id"), entries)
    return written


def _add(rows: Sequence[_Row], at: datetime) -> None:
    columns = ("id", "participant_id", "partner", "number_encrypted", "masked", "holder_name", "verified_at")
    values = (
        (
            row.account_id,
            row.participant_id,
            row.partner,
            row.number_encrypted,
            row.masked,
            row.holder_name,
            verified_at,
        )
        for row in rows
        for verified_at in [at if row.verified else None]
    )
    copy_rows(PayoutAccount, columns, values)


def _replace(rows: Sequence[_Row], at: datetime) -> None:
    """Write other accounts into the rows there are; their old directory entries go."""
    if not rows:
        return
    numbers = int_array([row.account_id for row in rows])
    values: list[str | datetime] = [
        at,
        numbers,
        text_array([row.partner for row in rows]),
        bytes_array([row.number_encrypted for row in rows]),
        text_array([row.masked for row in rows]),
        text_array([row.holder_name for row in rows]),
        int_array([int(row.verified) for row in rows]),
    ]
    with connection.cursor() as cursor:
        cursor.execute(REPLACE_SQL, values)
        cursor.execute(FORGET_SQL, [numbers])


def is_same_name(holder_name: str, full_name: str) -> bool:
    """Whether the holder of an account is the person, case and blanks aside: only then it can be paid to."""
    return holder_name.casefold().split() == full_name.casefold().split()
