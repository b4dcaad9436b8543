"""What each movement of money means to the person whose money it is: one plain sentence, all money by its movement."""

from collections.abc import Mapping

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from bekal.ledger.movements import Movement

_SENT = _("%(what)s was sent to %(account)s.")
_REJECTED = _("%(what)s could not be paid to %(account)s. It will be paid again.")
_RETURNED = _("%(what)s came back from %(account)s. It will be paid again.")
_REVERSED = _("%(what)s was taken back by the programme.")
_REVOKED = _("Your place was taken back. What was set aside for incentives returned to the state treasury.")
_REVOKED_SURVEY = _("Your place was taken back. What was set aside for surveys returned to the state treasury.")
# Values: title, institution (of a training); what, account (of a payment).
WORDS: Mapping[Movement, Promise | str] = {
    Movement.COMMIT_TRAINING: _("You were accepted. This is your training balance."),
    Movement.COMMIT_INCENTIVE: _("You were accepted. This is set aside for your incentives."),
    Movement.COMMIT_SURVEY: _("You were accepted. This is set aside for your surveys."),
    Movement.OPEN_TRAINING: _("Your training balance was taken over from the earlier system."),
    Movement.OPEN_INCENTIVE: _("What is set aside for your incentives was taken over from the earlier system."),
    Movement.OPEN_SURVEY: _("What is set aside for your surveys was taken over from the earlier system."),
    Movement.PURCHASE: _("You bought the training %(title)s."),
    Movement.COMPLETION: _("Your learning is proven: %(title)s. This money now belongs to %(institution)s."),
    Movement.SETTLE_INSTITUTION: _("%(institution)s was paid for %(title)s."),
    Movement.RETURN_INSTITUTION: _("The bank sent back what %(institution)s was paid for %(title)s."),
    Movement.REFUND_TO_BALANCE: _("Money came back to your balance: %(title)s."),
    Movement.REFUND_TO_TREASURY: _("Money returned to the state treasury: %(title)s."),
    Movement.REVOKE_TRAINING: _("Your place was taken back. The training balance returned to the state treasury."),
    Movement.END_TRAINING: _("What was left of the balance returned to the state treasury."),
    Movement.CLAW_BACK_TRAINING: _("You have to pay back what trainings cost."),
    Movement.REPAY_TRAINING: _("You paid back what trainings cost."),
    Movement.WITHDRAW_TRAINING: _("You no longer have to pay back what trainings cost."),
    Movement.SEND_INCENTIVE: _SENT,
    Movement.SEND_SURVEY: _SENT,
    Movement.SETTLE: _("%(what)s was paid to %(account)s."),
    Movement.REJECT_INCENTIVE: _REJECTED,
    Movement.REJECT_SURVEY: _REJECTED,
    Movement.RETURN_INCENTIVE: _RETURNED,
    Movement.RETURN_SURVEY: _RETURNED,
    Movement.REVERSE_INCENTIVE: _REVERSED,
    Movement.REVERSE_SURVEY: _REVERSED,
    Movement.REVOKE_INCENTIVE: _REVOKED,
    Movement.REVOKE_SURVEY: _REVOKED_SURVEY,
    Movement.CLAW_BACK_INCENTIVE: _("You have to pay back what you received."),
    Movement.REPAY_INCENTIVE: _("You paid back what you had received."),
    Movement.WITHDRAW_INCENTIVE: _("You no longer have to pay back what you received."),
    Movement.CLOSE_INCENTIVE: _("The time to earn incentives is over. What was left returned to the state treasury."),
    Movement.CLOSE_SURVEY: _("The time to answer surveys is over. What was left returned to the state treasury."),
}
