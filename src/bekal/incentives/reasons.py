"""Why a bank or wallet did not pay, in words for the person whose money it is, each with what helps."""

from collections.abc import Mapping
from datetime import datetime

from django.utils.functional import Promise
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from bekal.core.money import format_rupiah
from bekal.incentives.models import Payout, PayoutStatus
from bekal.participants.models import PaymentPartner
from bekal.participants.notify import Notice, notify

# By the reason codes of ISO 20022, which every rail answers with.
_SENTENCES: Mapping[str, Promise] = {
    "AC01": _("There is no account with this number. Correct the number, or choose another account."),
    "AC04": _("The account is closed. Choose another account in your own name."),
    "AC06": _("The account is blocked. Ask your bank or wallet to open it, or choose another account."),
    "AG01": _("This account cannot receive such payments. Choose another account."),
    "AM04": _("The programme's own account was short of money at that moment. You need to do nothing."),
    "AM05": _("The bank or wallet saw this payment twice. You need to do nothing."),
    "AM14": _("Your wallet is full. Empty it, or choose another account."),
    "BE01": _("The name on the account is not your name. Correct the name, or choose an account in your own name."),
    "RC01": _("The bank of this account was not found. Choose another account."),
    "NARR": _("The bank or wallet did not say why. Look at your account, or choose another."),
}
_UNKNOWN = _("The bank or wallet could not pay it. Look at your account, or choose another. Its reason:")
_TOLD: Mapping[str, Promise] = {
    PayoutStatus.State.REJECTED: _(
        "%(amount)s could not be paid to %(partner)s %(masked)s. %(reason)s Nothing is lost: it is paid again."
    ),
    PayoutStatus.State.RETURNED: _(
        "%(amount)s came back from %(partner)s %(masked)s. %(reason)s Nothing is lost: it is paid again."
    ),
}
TEMPLATE = "payout_failed"
# What the person could not mend: the programme sends it again.
NOT_THE_ACCOUNT = frozenset({"AM04", "AM05"})


def sentence_of(reason_code: str) -> Promise:
    """What the code means and what helps, read in the reader's language; the code itself where there is no sentence."""
    sentence = _SENTENCES.get(reason_code)
    return format_lazy("{words} {code}", words=_UNKNOWN, code=reason_code) if sentence is None else sentence


def tell_of_failures(*, failed: Mapping[int, tuple[str, str]], at: datetime) -> int:
    """Tell whose payouts were rejected or returned, once each: by number of the payout the state and the reason code.
    In the caller's transaction; how many messages were written."""
    if not failed:
        return 0
    # An institution reads it on its statement.
    rows = Payout.objects.filter(pk__in=failed, entitlement__isnull=False).order_by("pk")
    columns = ("pk", "entitlement__participation__participant_id", "amount_rupiah", "partner", "masked_account")
    notices = []
    for payout_id, participant_id, amount_rupiah, partner, masked in rows.values_list(*columns):
        state, reason_code = failed[payout_id]
        values = {
            "amount": format_rupiah(amount_rupiah),
            "partner": PaymentPartner(partner).label,
            "masked": masked,
            "reason": sentence_of(reason_code),
        }
        notices.append(Notice(participant_id, TEMPLATE, _TOLD[state], values))
    return notify(notices=notices, at=at)
