"""The sentences of refusals about payout accounts: setting, changing and having them asked for again."""

from collections.abc import Mapping

from django.utils.translation import gettext_lazy as _

from bekal.incentives.refusals import PayoutRefusal
from bekal.participants.refusals import ParticipantRefusal

PAYOUT_ACCOUNTS: Mapping[str, object] = {
    ParticipantRefusal.ACCOUNT_NUMBER_MALFORMED: _(
        "This is not an account number of %(partner)s. Type the digits without spaces."
    ),
    ParticipantRefusal.ACCOUNT_TAKEN: _(
        "This account of %(partner)s belongs to another participant. Use an account in your own name."
    ),
    ParticipantRefusal.ACCOUNT_CHANGE_NEEDS_CODE: _(
        "You have an account already. To change it, type the code that we have sent you."
    ),
    ParticipantRefusal.ACCOUNT_IS_SECOND: _("This is your second account already. Remove it there first."),
    ParticipantRefusal.SECOND_NEEDS_FIRST: _("You have no account yet. Set your first account before a second one."),
    ParticipantRefusal.ACCOUNT_THE_SAME: _("This is the account you have already. It needs no code."),
    PayoutRefusal.ACCOUNT_NOT_FAILED: _("Nothing is known against this account. You need to do nothing."),
    PayoutRefusal.ACCOUNT_ASKED_TOO_OFTEN: _(
        "Your bank or wallet is asked at most %(limit_count)s times a day. Try tomorrow, or choose another account."
    ),
}
