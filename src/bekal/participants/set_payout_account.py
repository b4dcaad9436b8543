"""`set_payout_accounts`: where a person's incentives are paid, each account one person's over the whole programme.

The first account needs nothing more. Another in its place needs a one-time code for exactly that account, is told to
the person by the contact there was, and is paid to only when the days of `account_change_hold_days` are over: whoever
has got hold of somebody's sign-in cannot take a payment away before its owner has had time to object.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db import IntegrityError, connection, transaction
from django.utils.translation import gettext_lazy as _

from bekal.accounts.privacy import blind, encrypt, mask_end
from bekal.core.refusal import Refusal
from bekal.core.rules import RULES
from bekal.core.text import is_readable, shown, tidy
from bekal.ledger.clock import JAKARTA, programme_day
from bekal.ledger.copy_rows import bytes_array, copy_rows, id_array, int_array, new_ids, text_array
from bekal.messaging.confirm_codes import CodeAttempt, confirm_codes
from bekal.participants.models import PaymentPartner, PayoutAccount, PayoutAccountDirectory
from bekal.participants.notify import Notice, notify
from bekal.participants.refusals import ParticipantRefusal

# Each try after the first means that one more rival came between the look and the write.
TRIES = 5
HOLDER_NAME_LIMIT_COUNT = 150
TEMPLATE = "payout_account_changed"
SENTENCE = _(
    "The account for your incentive was changed to %(partner)s %(masked)s. Nothing is paid to it before %(until)s. Was "
    "it not you? Tell the programme office at once, and set your own account again."
)
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
SELECT directory.account_hash, coalesce(account.participant_id, second.participant_id), second.id IS NOT NULL
FROM participants_payoutaccountdirectory directory
LEFT JOIN participants_payoutaccount account ON account.id = directory.account_id
LEFT JOIN participants_secondpayoutaccount second ON second.id = directory.second_id
WHERE directory.account_hash = ANY(%s::bytea[])
"""
BEFORE_SQL = """
SELECT account.participant_id, account.id, account.holder_name, account.verified_at IS NOT NULL, account.pays_from_at,
       directory.account_hash
FROM participants_payoutaccount account
JOIN participants_payoutaccountdirectory directory ON directory.account_id = account.id
WHERE account.participant_id = ANY(%s::bigint[])
"""
REPLACE_SQL = """
UPDATE participants_payoutaccount account SET
    partner = given.partner, number_encrypted = given.number_encrypted, masked = given.masked,
    holder_name = given.holder_name, verified_at = CASE WHEN given.verified = 1 THEN %s END,
    pays_from_at = CASE WHEN given.is_other = 1 THEN %s ELSE account.pays_from_at END
FROM unnest(%s::bigint[], %s::text[], %s::bytea[], %s::text[], %s::text[], %s::int[], %s::int[])
    AS given(id, partner, number_encrypted, masked, holder_name, verified, is_other)
WHERE account.id = given.id
"""
FORGET_SQL = "DELETE FROM participants_payoutaccountdirectory WHERE account_id = ANY(%s::bigint[])"


@dataclass(frozen=True, slots=True)
class NewAccount:
    """An account as its owner writes it: digits only. `code`: what `request_account_changes` sent, where another
    account takes the place of one."""

    participant_id: int
    partner: str
    number: str = field(repr=False)
    holder_name: str = field(repr=False)
    code: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class AccountBefore:
    """The account somebody has."""

    account_id: int
    holder_name: str
    verified: bool
    pays_from_at: datetime | None
    account_hash: bytes


@dataclass(frozen=True, slots=True)
class _Row:
    """An account as it will stand in its table; `is_other`: it takes the place of another."""

    account_id: int
    participant_id: int
    partner: str
    number_encrypted: bytes
    masked: str
    holder_name: str
    verified: bool
    is_other: bool


@dataclass(frozen=True, slots=True)
class AccountOutcome:
    """`verified`: the holder is the participant, so the account can be paid to; from `pays_from_at` on, where it took
    the place of another."""

    account_id: int | None
    verified: bool
    refusal: Refusal | None
    pays_from_at: datetime | None = None


def set_payout_accounts(*, accounts: Sequence[NewAccount], at: datetime) -> tuple[AccountOutcome, ...]:
    """Set or replace accounts; outcomes in the order of `accounts`.

    Money paid to a wallet in another name was a chief complaint of 2020, so an account counts as verified only where
    the holder's name is the participant's own (case and blanks aside). The same account again changes nothing, and its
    holder's name can be corrected freely: the money goes where it went. Another account in the place of one needs its
    code (ACCOUNT_CHANGE_NEEDS_CODE, and the refusals of `confirm_codes`, whose counted tries stay when the caller
    commits), is told to the person and waits `account_change_hold_days` (proofs.md, control 6). Raises ValueError where
    one call names a person twice.
    """
    if len({account.participant_id for account in accounts}) < len(accounts):
        raise ValueError("one account a person in one call")
    with transaction.atomic():
        names = lock_people([account.participant_id for account in accounts])
        refusals: dict[int, Refusal] = {}
        wanted: dict[int, tuple[NewAccount, bytes]] = {}
        for account in accounts:
            refusal = _refusal(account, names)
            if refusal is None:
                wanted[account.participant_id] = account, hash_of_account(account)
            else:
                refusals[account.participant_id] = refusal
        _refuse_taken(wanted, refusals)
        before = accounts_before(wanted)
        changed = {key for key, (_, account_hash) in wanted.items() if is_change(before.get(key), account_hash)}
        _refuse_unconfirmed(changed, wanted, refusals, at)
        written: dict[int, AccountOutcome] = {}
        for tries_left in reversed(range(TRIES)):
            try:
                with transaction.atomic():
                    written = _write(wanted, before, names, at)
                break
            except IntegrityError as error:
                # A rival took one of these accounts after the look; the next look sees it.
                if tries_left == 0 or "payoutaccountdirectory" not in str(error):
                    raise
                _refuse_taken(wanted, refusals)
        _tell([wanted[key][0] for key in wanted if key in changed], pays_from(at), at)
    return tuple(
        written.get(key) or AccountOutcome(None, False, refusals[key])
        for key in (account.participant_id for account in accounts)
    )


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
    return hash_of_number(account.partner, account.number)


def hash_of_number(partner: str, number: str) -> bytes:
    """The same of an account of which only the number is known."""
    return blind("payout-account", f"{partner}:{number}")


def code_subject(account_hash: bytes) -> str:
    """What a code for a change confirms: this account and no other."""
    return f"account:{account_hash.hex()}"


def pays_from(at: datetime) -> datetime:
    """When an account that takes the place of another now can be paid to."""
    return at + timedelta(days=RULES.value("account_change_hold_days", programme_day(at)))


def is_change(before: AccountBefore | None, account_hash: bytes) -> bool:
    """Whether this account takes the place of another."""
    return before is not None and before.account_hash != account_hash


def accounts_before(participant_ids: Collection[int]) -> dict[int, AccountBefore]:
    """The accounts these people have. While they are locked nobody else sets one."""
    with connection.cursor() as cursor:
        cursor.execute(BEFORE_SQL, [id_array(participant_ids)])
        return {
            participant_id: AccountBefore(account_id, holder_name, verified, pays_from_at, bytes(account_hash))
            for participant_id, account_id, holder_name, verified, pays_from_at, account_hash in cursor.fetchall()
        }


def _refuse_unconfirmed(
    changed: Collection[int],
    wanted: dict[int, tuple[NewAccount, bytes]],
    refusals: dict[int, Refusal],
    at: datetime,
) -> None:
    """Take those out who change their account and have no right code for it; a right one is used up."""
    for key in changed:
        if not wanted[key][0].code:
            refusals[key] = Refusal(ParticipantRefusal.ACCOUNT_CHANGE_NEEDS_CODE)
            del wanted[key]
    asked = [key for key in wanted if key in changed]
    attempts = [CodeAttempt(key, code_subject(wanted[key][1]), wanted[key][0].code) for key in asked]
    for key, confirmed in zip(asked, confirm_codes(attempts=attempts, at=at), strict=True):
        if confirmed.refusal is not None:
            refusals[key] = confirmed.refusal
            del wanted[key]


def _tell(accounts: Sequence[NewAccount], until_at: datetime, at: datetime) -> None:
    """Everybody whose account was changed, where they could be reached before it was."""
    if not accounts:
        return
    until = f"{until_at.astimezone(JAKARTA):%d-%m-%Y %H.%M} WIB"
    notices = [
        Notice(
            account.participant_id,
            TEMPLATE,
            SENTENCE,
            {"partner": PaymentPartner(account.partner).label, "masked": mask_end(account.number), "until": until},
        )
        for account in accounts
    ]
    notify(notices=notices, at=at)


def _refuse_taken(wanted: dict[int, tuple[NewAccount, bytes]], refusals: dict[int, Refusal]) -> None:
    """Take those out whose account is another person's, or stands earlier in the same call."""
    holders = holders_of([account_hash for _, account_hash in wanted.values()])
    for participant_id, (account, account_hash) in list(wanted.items()):
        holder, is_second = holders.setdefault(account_hash, (participant_id, False))
        if holder != participant_id:
            refusals[participant_id] = Refusal(ParticipantRefusal.ACCOUNT_TAKEN, {"partner": account.partner})
            del wanted[participant_id]
        elif is_second:
            refusals[participant_id] = Refusal(ParticipantRefusal.ACCOUNT_IS_SECOND)
            del wanted[participant_id]


def holders_of(account_hashes: Sequence[bytes]) -> dict[bytes, tuple[int, bool]]:
    """Whose each of these accounts is, and whether it is that person's second."""
    with connection.cursor() as cursor:
        cursor.execute(HOLDERS_SQL, [bytes_array(account_hashes)])
        return {bytes(account_hash): (holder, is_second) for account_hash, holder, is_second in cursor.fetchall()}


def lock_people(participant_ids: Collection[int]) -> dict[int, str]:
    """The names of these people, who stay locked against every other change of an account; who is not there is not in
    it."""
    with connection.cursor() as cursor:
        cursor.execute(LOCK_SQL, [id_array(participant_ids)])
        return dict(cursor.fetchall())


def _write(
    wanted: Mapping[int, tuple[NewAccount, bytes]],
    before: Mapping[int, AccountBefore],
    names: Mapping[int, str],
    at: datetime,
) -> dict[int, AccountOutcome]:
    """Insert or replace the accounts and their directory entries; an account that is already so stays as it is.
    Returns the outcomes by participant."""
    numbers = iter(new_ids(PayoutAccount, sum(key not in before for key in wanted)))
    written: dict[int, AccountOutcome] = {}
    added: list[_Row] = []
    replaced: list[_Row] = []
    for participant_id, (account, account_hash) in wanted.items():
        holder_name = tidy(account.holder_name)
        old = before.get(participant_id)
        is_other = is_change(old, account_hash)
        if old is not None and not is_other and old.holder_name == holder_name:
            written[participant_id] = AccountOutcome(old.account_id, old.verified, None, old.pays_from_at)
            continue
        account_id = next(numbers) if old is None else old.account_id
        verified = is_same_name(holder_name, names[participant_id])
        from_at = pays_from(at) if is_other else old.pays_from_at if old else None
        written[participant_id] = AccountOutcome(account_id, verified, None, from_at)
        masked, number = mask_end(account.number), encrypt(account.number)
        row = _Row(account_id, participant_id, account.partner, number, masked, holder_name, verified, is_other)
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
        pays_from(at),
        numbers,
        text_array([row.partner for row in rows]),
        bytes_array([row.number_encrypted for row in rows]),
        text_array([row.masked for row in rows]),
        text_array([row.holder_name for row in rows]),
        int_array([int(row.verified) for row in rows]),
        int_array([int(row.is_other) for row in rows]),
    ]
    with connection.cursor() as cursor:
        cursor.execute(REPLACE_SQL, values)
        cursor.execute(FORGET_SQL, [numbers])


def is_same_name(holder_name: str, full_name: str) -> bool:
    """Whether the holder of an account is the person, case and blanks aside: only then it can be paid to."""
    return holder_name.casefold().split() == full_name.casefold().split()
