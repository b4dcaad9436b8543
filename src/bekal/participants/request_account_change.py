"""`request_account_changes`: somebody wants to be paid to another account; a one-time code for it goes to the contact
there is."""

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from bekal.accounts.privacy import mask_end
from bekal.core.refusal import Refusal
from bekal.messaging.issue_codes import CodeRequest, IssuedCode, issue_codes
from bekal.participants.models import PaymentPartner
from bekal.participants.notify import channel_of
from bekal.participants.queries import contact_kinds
from bekal.participants.refusals import ParticipantRefusal
from bekal.participants.set_payout_account import (
    NewAccount,
    accounts_before,
    code_subject,
    hash_of_account,
    is_change,
    refusal_of_account,
)


@transaction.atomic
def request_account_changes(*, accounts: Sequence[NewAccount], at: datetime) -> tuple[IssuedCode | Refusal, ...]:
    """Send everyone a code bound to the account they want in the place of theirs; outcomes in the order of `accounts`.

    Nothing changes: `set_payout_accounts` decides again, with the code. Refusals: those of the account itself,
    ACCOUNT_THE_SAME (the first account, or the one there is, needs no code), UNREACHABLE, TOO_MANY_CODES.
    """
    people = [account.participant_id for account in accounts]
    before, contacts = accounts_before(people), contact_kinds(participant_ids=people)
    prepared: list[CodeRequest | Refusal] = []
    for account in accounts:
        refusal = refusal_of_account(account)
        account_hash = hash_of_account(account)
        channel = channel_of(contacts.get(account.participant_id, frozenset()))
        if refusal is not None:
            prepared.append(refusal)
        elif not is_change(before.get(account.participant_id), account_hash):
            prepared.append(Refusal(ParticipantRefusal.ACCOUNT_THE_SAME))
        elif channel is None:
            prepared.append(Refusal(ParticipantRefusal.UNREACHABLE))
        else:
            purpose = _("being paid to another account, %(partner)s %(masked)s")
            values = {"partner": PaymentPartner(account.partner).label, "masked": mask_end(account.number)}
            prepared.append(CodeRequest(account.participant_id, code_subject(account_hash), channel, purpose % values))
    issued = iter(issue_codes(requests=[each for each in prepared if isinstance(each, CodeRequest)], at=at))
    return tuple(next(issued) if isinstance(each, CodeRequest) else each for each in prepared)
