"""`set_second_accounts`: where a person's incentives go next when the first account cannot be paid to.

It is another place that money may go to, so it takes a one-time code for exactly this account, is told to the person by
the contact there was, and waits the days of `account_change_hold_days`, as a changed account does.
"""

from collections.abc import Collection, Sequence
from datetime import datetime

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from bekal.accounts.privacy import encrypt, mask_end
from bekal.core.refusal import Refusal
from bekal.core.text import tidy
from bekal.ledger.clock import JAKARTA
from bekal.messaging.confirm_codes import CodeAttempt, confirm_codes
from bekal.messaging.issue_codes import CodeRequest, IssuedCode, issue_codes
from bekal.participants.models import PaymentPartner, PayoutAccountDirectory, SecondPayoutAccount
from bekal.participants.notify import Notice, channel_of, notify
from bekal.participants.queries import contact_kinds
from bekal.participants.refusals import ParticipantRefusal
from bekal.participants.set_payout_account import (
    AccountOutcome,
    NewAccount,
    accounts_before,
    hash_of_account,
    holders_of,
    is_same_name,
    lock_people,
    pays_from,
    refusal_of_account,
)

TEMPLATE = "second_account_named"
SENTENCE = gettext_lazy(
    "%(partner)s %(masked)s is your second account now. Money goes there when it cannot be paid to your first, but not "
    "before %(until)s. Was it not you? Tell the programme office at once, and remove it."
)


@transaction.atomic
def request_second_accounts(*, accounts: Sequence[NewAccount], at: datetime) -> tuple[IssuedCode | Refusal, ...]:
    """Send everyone a code bound to the second account they want; outcomes in the order of `accounts`. Refusals: those
    of the account itself, SECOND_NEEDS_FIRST, ACCOUNT_THE_SAME, ACCOUNT_TAKEN, UNREACHABLE, TOO_MANY_CODES."""
    people = [account.participant_id for account in accounts]
    contacts = contact_kinds(participant_ids=people)
    prepared: list[CodeRequest | Refusal] = []
    for account, refusal in zip(accounts, _refusals(accounts), strict=True):
        channel = channel_of(contacts.get(account.participant_id, frozenset()))
        if refusal is not None:
            prepared.append(refusal)
        elif channel is None:
            prepared.append(Refusal(ParticipantRefusal.UNREACHABLE))
        else:
            purpose = _("being paid to a second account, %(partner)s %(masked)s")
            values = {"partner": PaymentPartner(account.partner).label, "masked": mask_end(account.number)}
            prepared.append(CodeRequest(account.participant_id, _subject(account), channel, purpose % values))
    issued = iter(issue_codes(requests=[each for each in prepared if isinstance(each, CodeRequest)], at=at))
    return tuple(next(issued) if isinstance(each, CodeRequest) else each for each in prepared)


def set_second_accounts(*, accounts: Sequence[NewAccount], at: datetime) -> tuple[AccountOutcome, ...]:
    """Name or replace second accounts; outcomes in the order of `accounts` (`account_id` is the second account's).

    The same account again changes nothing but its holder's name. One account is one person's over first and second
    alike. Refusals: those of `request_second_accounts`, ACCOUNT_CHANGE_NEEDS_CODE, and those of `confirm_codes`, whose
    counted tries stay when the caller commits. Raises ValueError where one call names a person twice.
    """
    if len({account.participant_id for account in accounts}) < len(accounts):
        raise ValueError("one account a person in one call")
    with transaction.atomic():
        names = lock_people([account.participant_id for account in accounts])
        outcomes = []
        for account, refusal in zip(accounts, _refusals(accounts), strict=True):
            outcomes.append(
                AccountOutcome(None, False, refusal)
                if refusal is not None
                else _set(account, names[account.participant_id], at)
            )
    return tuple(outcomes)


def remove_second_accounts(*, participant_ids: Collection[int]) -> int:
    """Take the second accounts of these people away; how many there were. It needs no code: nothing can go anywhere it
    could not go before."""
    with transaction.atomic():
        lock_people(participant_ids)
        PayoutAccountDirectory.objects.filter(second__participant_id__in=participant_ids).delete()
        return SecondPayoutAccount.objects.filter(participant_id__in=participant_ids).delete()[0]


def _subject(account: NewAccount) -> str:
    """What a code confirms: this account as the second, and nothing else."""
    return f"second-account:{hash_of_account(account).hex()}"


def _refusals(accounts: Sequence[NewAccount]) -> list[Refusal | None]:
    firsts = accounts_before([account.participant_id for account in accounts])
    sound = [account for account in accounts if refusal_of_account(account) is None]
    holders = holders_of([hash_of_account(account) for account in sound])
    refusals: list[Refusal | None] = []
    for account in accounts:
        refusal = refusal_of_account(account)
        first = firsts.get(account.participant_id)
        if refusal is None and first is None:
            refusal = Refusal(ParticipantRefusal.SECOND_NEEDS_FIRST)
        elif refusal is None and first is not None and first.account_hash == hash_of_account(account):
            refusal = Refusal(ParticipantRefusal.ACCOUNT_THE_SAME)
        elif refusal is None:
            holder, _is_second = holders.setdefault(hash_of_account(account), (account.participant_id, False))
            if holder != account.participant_id:
                refusal = Refusal(ParticipantRefusal.ACCOUNT_TAKEN, {"partner": account.partner})
        refusals.append(refusal)
    return refusals


def _set(account: NewAccount, full_name: str, at: datetime) -> AccountOutcome:
    holder_name, account_hash = tidy(account.holder_name), hash_of_account(account)
    verified_at = at if is_same_name(holder_name, full_name) else None
    known = (
        SecondPayoutAccount.objects.filter(participant_id=account.participant_id).select_related("directory").first()
    )
    if known is not None and bytes(known.directory.account_hash) == account_hash:
        if known.holder_name != holder_name:
            known.holder_name, known.verified_at = holder_name, verified_at
            known.save(update_fields=["holder_name", "verified_at"])
        return AccountOutcome(known.pk, known.verified_at is not None, None, known.pays_from_at)
    if not account.code:
        return AccountOutcome(None, False, Refusal(ParticipantRefusal.ACCOUNT_CHANGE_NEEDS_CODE))
    (confirmed,) = confirm_codes(attempts=[CodeAttempt(account.participant_id, _subject(account), account.code)], at=at)
    if confirmed.refusal is not None:
        return AccountOutcome(None, False, confirmed.refusal)
    values = {
        "partner": account.partner,
        "number_encrypted": encrypt(account.number),
        "masked": mask_end(account.number),
        "holder_name": holder_name,
        "verified_at": verified_at,
        "pays_from_at": pays_from(at),
    }
    try:
        with transaction.atomic():
            second, _made = SecondPayoutAccount.objects.update_or_create(
                participant_id=account.participant_id, defaults=values
            )
            PayoutAccountDirectory.objects.filter(second=second).delete()
            PayoutAccountDirectory.objects.create(account_hash=account_hash, second=second)
    except IntegrityError as error:
        # A rival took this account after the look.
        if "payoutaccountdirectory" not in str(error):
            raise
        return AccountOutcome(None, False, Refusal(ParticipantRefusal.ACCOUNT_TAKEN, {"partner": account.partner}))
    _tell(account, second.pays_from_at, at)
    return AccountOutcome(second.pk, verified_at is not None, None, second.pays_from_at)


def _tell(account: NewAccount, until_at: datetime, at: datetime) -> None:
    values = {
        "partner": PaymentPartner(account.partner).label,
        "masked": mask_end(account.number),
        "until": f"{until_at.astimezone(JAKARTA):%d-%m-%Y %H.%M} WIB",
    }
    notify(notices=[Notice(account.participant_id, TEMPLATE, SENTENCE, values)], at=at)
