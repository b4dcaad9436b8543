"""Where an institution is paid: one officer enters an account, another agrees to exactly that one.

As with people, an account that takes the place of another is paid to only when `account_change_hold_days` are over, and
whoever has the account there was is told at once: the institution's desk and its own system show the change and the day
from which it counts, in time to object.
"""

from dataclasses import dataclass
from datetime import datetime

from django.db import IntegrityError, connection, transaction

from bekal.accounts.privacy import encrypt, mask_end
from bekal.core.refusal import Refusal
from bekal.core.text import tidy
from bekal.incentives.models import InstitutionAccount
from bekal.incentives.refusals import PayoutRefusal
from bekal.participants.models import PaymentPartner, PayoutAccountDirectory
from bekal.participants.set_payout_account import NewAccount, hash_of_account, pays_from, refusal_of_account

# Institutions are paid by banks: a wallet holds less than one settlement.
BANKS = (PaymentPartner.BNI,)
MAX_BIGINT = 2**63 - 1
LOCK_SQL = "SELECT id FROM catalogue_institution WHERE id = %s FOR NO KEY UPDATE"


@dataclass(frozen=True, slots=True)
class AccountAct:
    """What became of it; `repeated`: it stood so before and nothing changed. A refusal changed nothing either."""

    account_id: int | None = None
    pays_from_at: datetime | None = None
    refusal: Refusal | None = None
    repeated: bool = False


@transaction.atomic
def enter_institution_account(
    *, institution_id: int, partner: str, number: str, holder_name: str, officer_id: int, at: datetime
) -> AccountAct:
    """Enter a bank account (digits only) for an institution; nothing is paid to it before another officer has agreed.

    The account that waits or stands already is `repeated`. Refused: an unknown institution, a partner that is no bank,
    a number or a holder's name that cannot be, an account that is a participant's or another institution's, and one
    while another waits (agree to that one, or drop it).
    """
    given = NewAccount(0, partner, number, holder_name)
    if not _lock(institution_id):
        return _refused(PayoutRefusal.INSTITUTION_UNKNOWN)
    refusal = refusal_of_account(given)
    if refusal is not None:
        return AccountAct(refusal=refusal)
    if partner not in BANKS:
        return _refused(PayoutRefusal.INSTITUTION_NEEDS_BANK, partner=partner)
    account_hash = hash_of_account(given)
    known = InstitutionAccount.objects.filter(account_hash=account_hash, ended_at=None).first()
    if known is not None and known.institution_id == institution_id:
        return AccountAct(known.pk, known.pays_from_at, repeated=True)
    if known is not None or PayoutAccountDirectory.objects.filter(account_hash=account_hash).exists():
        return _refused(PayoutRefusal.INSTITUTION_ACCOUNT_TAKEN)
    if InstitutionAccount.objects.filter(institution_id=institution_id, agreed_at=None, ended_at=None).exists():
        return _refused(PayoutRefusal.INSTITUTION_ACCOUNT_WAITS)
    try:
        with transaction.atomic():
            row = InstitutionAccount.objects.create(
                institution_id=institution_id,
                partner=partner,
                number_encrypted=encrypt(number),
                masked=mask_end(number),
                holder_name=tidy(holder_name),
                account_hash=account_hash,
                entered_by_id=officer_id,
                entered_at=at,
            )
    except IntegrityError as error:
        # A rival entered it for another institution after the look.
        if "incentives_institutionaccount_one_institution" not in str(error):
            raise
        return _refused(PayoutRefusal.INSTITUTION_ACCOUNT_TAKEN)
    return AccountAct(row.pk)


@transaction.atomic
def agree_to_institution_account(
    *, institution_id: int, account_hash: bytes, officer_id: int, at: datetime
) -> AccountAct:
    """A second officer agrees to the account that was shown, by its hash. It takes the place of the one there was, and
    is then paid to from `pays_from_at` on.

    Refused: where none waits or another than was shown does, and by the one who entered it (a constraint decides)."""
    if not _lock(institution_id):
        return _refused(PayoutRefusal.INSTITUTION_UNKNOWN)
    standing = InstitutionAccount.objects.filter(institution_id=institution_id, ended_at=None)
    waiting = standing.filter(agreed_at=None).first()
    before = standing.filter(agreed_at__isnull=False).first()
    if waiting is None or bytes(waiting.account_hash) != account_hash:
        if before is not None and bytes(before.account_hash) == account_hash:
            return AccountAct(before.pk, before.pays_from_at, repeated=True)
        return _refused(PayoutRefusal.INSTITUTION_ACCOUNT_NOT_SHOWN)
    pays_from_at = at if before is None else pays_from(at)
    try:
        with transaction.atomic():
            if before is not None:
                _end(before, officer_id, at)
            InstitutionAccount.objects.filter(pk=waiting.pk).update(
                agreed_by_id=officer_id, agreed_at=at, pays_from_at=pays_from_at
            )
    except IntegrityError as error:
        if "incentives_institutionaccount_second_person" not in str(error):
            raise
        return _refused(PayoutRefusal.INSTITUTION_ACCOUNT_SAME_PERSON)
    return AccountAct(waiting.pk, pays_from_at)


@transaction.atomic
def drop_institution_account(*, institution_id: int, officer_id: int, at: datetime) -> AccountAct:
    """Drop the account that waits for a second officer; `repeated` where none does. Refused: an unknown institution."""
    if not _lock(institution_id):
        return _refused(PayoutRefusal.INSTITUTION_UNKNOWN)
    waiting = InstitutionAccount.objects.filter(institution_id=institution_id, agreed_at=None, ended_at=None).first()
    if waiting is None:
        return AccountAct(repeated=True)
    _end(waiting, officer_id, at)
    return AccountAct(waiting.pk)


def _lock(institution_id: int) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(LOCK_SQL, [max(min(institution_id, MAX_BIGINT), 0)])
        return cursor.fetchone() is not None


def _end(row: InstitutionAccount, officer_id: int, at: datetime) -> None:
    InstitutionAccount.objects.filter(pk=row.pk).update(ended_by_id=officer_id, ended_at=at)


def _refused(code: PayoutRefusal, **values: str) -> AccountAct:
    return AccountAct(refusal=Refusal(code, dict(values)))
