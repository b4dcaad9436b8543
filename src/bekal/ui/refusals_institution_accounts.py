"""Sentences for the bank account of an institution that cannot be taken."""

from collections.abc import Mapping

from django.utils.translation import gettext_lazy as _

from bekal.incentives.refusals import PayoutRefusal

INSTITUTION_ACCOUNTS: Mapping[str, object] = {
    PayoutRefusal.INSTITUTION_UNKNOWN: _("There is no institution with this number. Check the number."),
    PayoutRefusal.INSTITUTION_NEEDS_BANK: _(
        "Institutions are paid by bank, not to %(partner)s. Choose a bank account."
    ),
    PayoutRefusal.INSTITUTION_ACCOUNT_TAKEN: _(
        "This account is somebody else's here: a participant's or another institution's. Check the number."
    ),
    PayoutRefusal.INSTITUTION_ACCOUNT_WAITS: _(
        "Another account of this institution waits for a second officer. Agree to that one, or drop it first."
    ),
    PayoutRefusal.INSTITUTION_ACCOUNT_NOT_SHOWN: _(
        "The account that waits is not the one you saw. Look at the page again, and agree to what stands there now."
    ),
    PayoutRefusal.INSTITUTION_ACCOUNT_SAME_PERSON: _("You entered this account. Another officer must agree to it."),
}
