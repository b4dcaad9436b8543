"""`set_payout_accounts`: where a person's incentives are paid, each account one person's over the whole programme."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.db import IntegrityError, transaction

from bekal.accounts.privacy import blind, encrypt, mask_end
from bekal.core.refusal import Refusal
from bekal.core.text import is_readable, shown, tidy
from bekal.participants.models import Participant, PaymentPartner, PayoutAccount, PayoutAccountDirectory
from bekal.participants.refusals import ParticipantRefusal

# Each try after the first means that one more rival came between the look and the write.
TRIES = 5
HOLDER_NAME_LIMIT_COUNT = 150
# BNI numbers its accounts with ten digits; the wallets use the mobile number.
_NUMBERS = {
    PaymentPartner.BNI: re.compile(r"[0-9]{10}", re.ASCII),
    PaymentPartner.OVO: re.compile(r"08[0-9]{7,11}", re.ASCII),
    PaymentPartner.GOPAY: re.compile(r"08[0-9]{7,11}", re.ASCII),
    PaymentPartner.LINKAJA: re.compile(r"08[0-9]{7,11}", re.ASCII),
}


@dataclass(frozen=True, slots=True)
class NewAccount:
    """An account as its owner writes it: digits only."""

    participant_id: int
    partner: str
    number: str = field(repr=False)
    holder_name: str = field(repr=False)


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
        people = Participant.objects.filter(pk__in=[account.participant_id for account in accounts])
        names = dict(people.order_by("pk").select_for_update(no_key=True).values_list("pk", "full_name"))
        refusals: dict[int, Refusal] = {}
        wanted: dict[int, tuple[NewAccount, bytes]] = {}
        for account in accounts:
            refusal = _refusal(account, names)
            if refusal is None:
                wanted[account.participant_id] = account, _account_hash(account)
            else:
                refusals[account.participant_id] = refusal
        written: dict[int, PayoutAccount] = {}
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
    participant_id: int, written: Mapping[int, PayoutAccount], refusals: Mapping[int, Refusal]
) -> AccountOutcome:
    account = written.get(participant_id)
    if account is None:
        return AccountOutcome(None, False, refusals[participant_id])
    return AccountOutcome(account.pk, account.verified_at is not None, None)


def _refusal(account: NewAccount, names: Mapping[int, str]) -> Refusal | None:
    if account.participant_id not in names:
        return Refusal(ParticipantRefusal.UNKNOWN_PARTICIPANT)
    if account.partner not in PaymentPartner.values:
        return Refusal(ParticipantRefusal.PARTNER_UNKNOWN, {"value": shown(account.partner)})
    if not _NUMBERS[PaymentPartner(account.partner)].fullmatch(account.number):
        return Refusal(ParticipantRefusal.ACCOUNT_NUMBER_MALFORMED, {"partner": account.partner})
    holder_name = tidy(account.holder_name)
    if not holder_name:
        return Refusal(ParticipantRefusal.NAME_MISSING)
    if len(holder_name) > HOLDER_NAME_LIMIT_COUNT:
        values = {"length_count": len(holder_name), "limit_count": HOLDER_NAME_LIMIT_COUNT}
        return Refusal(ParticipantRefusal.NAME_TOO_LONG, values)
    return None if is_readable(holder_name) else Refusal(ParticipantRefusal.NAME_UNREADABLE)


def _account_hash(account: NewAccount) -> bytes:
    return blind("payout-account", f"{account.partner}:{account.number}")


def _refuse_taken(wanted: dict[int, tuple[NewAccount, bytes]], refusals: dict[int, Refusal]) -> None:
    """Take those out whose account is another person's, or stands earlier in the same call."""
    hashes = [account_hash for _, account_hash in wanted.values()]
    known = PayoutAccountDirectory.objects.filter(account_hash__in=hashes).order_by("account_hash")
    holders = {bytes(key): holder for key, holder in known.values_list("account_hash", "account__participant_id")}
    for participant_id, (account, account_hash) in list(wanted.items()):
        if holders.setdefault(account_hash, participant_id) != participant_id:
            refusals[participant_id] = Refusal(ParticipantRefusal.ACCOUNT_TAKEN, {"partner": account.partner})
            del wanted[participant_id]


def _write(
    wanted: Mapping[int, tuple[NewAccount, bytes]], names: Mapping[int, str], at: datetime
) -> dict[int, PayoutAccount]:
    """Insert or replace the accounts and their directory entries; an account that is already so stays as it is."""
    rows = PayoutAccountDirectory.objects.filter(account__participant_id__in=wanted).order_by("account_hash")
    before = {row.account.participant_id: row for row in rows.select_related("account")}
    written: dict[int, PayoutAccount] = {}
    changed: dict[int, PayoutAccount] = {}
    for participant_id, (account, account_hash) in wanted.items():
        old = before.get(participant_id)
        holder_name = tidy(account.holder_name)
        if old and bytes(old.account_hash) == account_hash and old.account.holder_name == holder_name:
            written[participant_id] = old.account
            continue
        changed[participant_id] = PayoutAccount(
            pk=old.account.pk if old else None,
            participant_id=participant_id,
            partner=account.partner,
            number_encrypted=encrypt(account.number),
            masked=mask_end(account.number),
            holder_name=holder_name,
            verified_at=at if _same_name(holder_name, names[participant_id]) else None,
        )
    replaced = [account for account in changed.values() if account.pk is not None]
    fields = ["partner", "number_encrypted", "masked", "holder_name", "verified_at"]
    PayoutAccount.objects.bulk_update(replaced, fields)
    PayoutAccount.objects.bulk_create(account for account in changed.values() if account.pk is None)
    PayoutAccountDirectory.objects.filter(account_id__in=[account.pk for account in replaced]).delete()
    entries = [PayoutAccountDirectory(account_hash=wanted[key][1], account=account) for key, account in changed.items()]
    # In the order of the hashes, so that two calls wait for each other in one direction only.
    PayoutAccountDirectory.objects.bulk_create(sorted(entries, key=lambda entry: bytes(entry.account_hash)))
    return written | changed


def _same_name(holder_name: str, full_name: str) -> bool:
    return holder_name.casefold().split() == full_name.casefold().split()
