"""The closed list of what money may do. What is not listed here the database refuses.

Every movement pays one kind from one other kind for one reason. The same list stands as a CHECK constraint on the
transfers, so that "a training balance never becomes cash" is a missing pair and not an `if`.
Adding a movement is a reviewed migration.
"""

from enum import Enum

from django.db import models
from django.utils.translation import gettext_lazy as _


class Kind(models.IntegerChoices):
    """Where a rupiah can be. Programme-side kinds have no stored balance: they are summed."""

    TREASURY = 1, _("treasury")
    TRAINING_BALANCE = 2, _("training balance")
    ESCROW = 3, _("escrow of a purchase")
    INSTITUTION_PAYABLE = 4, _("owed to an institution")
    INCENTIVE_COMMITTED = 5, _("incentive committed")
    SURVEY_COMMITTED = 6, _("survey pay committed")
    PAYOUT_IN_TRANSIT = 7, _("payout in transit")
    PAYOUT_SETTLED = 8, _("paid to the participant")
    INSTITUTION_SETTLED = 9, _("paid to the institution")
    # What was received unjustly and has to come back: cash by its own kind, so that money for trainings never turns
    # into incentive money, not even where a clawback is withdrawn.
    INCENTIVE_RECEIVABLE = 10, _("incentive to be paid back")
    TRAINING_RECEIVABLE = 11, _("training cost to be paid back")


class Reason(models.IntegerChoices):
    """Why a rupiah moved."""

    ACCEPTANCE = 1, _("acceptance")
    PURCHASE = 2, _("purchase")
    COMPLETION = 3, _("completion proven")
    PAYOUT_SENT = 4, _("payout sent")
    PAYOUT_SETTLED = 5, _("payout settled")
    PAYOUT_REJECTED = 6, _("payout rejected")
    REVOCATION = 7, _("revocation")
    END_OF_BALANCE = 8, _("end of the balance")
    OPENING = 9, _("opening balance")
    REFUND = 10, _("refund")
    SETTLEMENT = 11, _("settlement to the institution")
    PAYOUT_RETURNED = 12, _("payout returned by the bank")
    PAYOUT_REVERSED = 13, _("payout reversed by the programme")
    CLAWBACK = 14, _("clawback")
    REPAYMENT = 15, _("repayment")
    CLAWBACK_WITHDRAWN = 16, _("clawback withdrawn")
    YEAR_CLOSING = 17, _("closing of the year")
    SETTLEMENT_RETURNED = 18, _("settlement returned by the bank")


class Movement(Enum):
    """One allowed transfer: (reason, from kind, to kind)."""

    COMMIT_TRAINING = (Reason.ACCEPTANCE, Kind.TREASURY, Kind.TRAINING_BALANCE)
    COMMIT_INCENTIVE = (Reason.ACCEPTANCE, Kind.TREASURY, Kind.INCENTIVE_COMMITTED)
    COMMIT_SURVEY = (Reason.ACCEPTANCE, Kind.TREASURY, Kind.SURVEY_COMMITTED)
    # What was left of an envelope when a programme's books came over from another system.
    OPEN_TRAINING = (Reason.OPENING, Kind.TREASURY, Kind.TRAINING_BALANCE)
    OPEN_INCENTIVE = (Reason.OPENING, Kind.TREASURY, Kind.INCENTIVE_COMMITTED)
    OPEN_SURVEY = (Reason.OPENING, Kind.TREASURY, Kind.SURVEY_COMMITTED)
    PURCHASE = (Reason.PURCHASE, Kind.TRAINING_BALANCE, Kind.ESCROW)
    COMPLETION = (Reason.COMPLETION, Kind.ESCROW, Kind.INSTITUTION_PAYABLE)
    SEND_INCENTIVE = (Reason.PAYOUT_SENT, Kind.INCENTIVE_COMMITTED, Kind.PAYOUT_IN_TRANSIT)
    SEND_SURVEY = (Reason.PAYOUT_SENT, Kind.SURVEY_COMMITTED, Kind.PAYOUT_IN_TRANSIT)
    SETTLE = (Reason.PAYOUT_SETTLED, Kind.PAYOUT_IN_TRANSIT, Kind.PAYOUT_SETTLED)
    REJECT_INCENTIVE = (Reason.PAYOUT_REJECTED, Kind.PAYOUT_IN_TRANSIT, Kind.INCENTIVE_COMMITTED)
    REJECT_SURVEY = (Reason.PAYOUT_REJECTED, Kind.PAYOUT_IN_TRANSIT, Kind.SURVEY_COMMITTED)
    REVOKE_TRAINING = (Reason.REVOCATION, Kind.TRAINING_BALANCE, Kind.TREASURY)
    REVOKE_INCENTIVE = (Reason.REVOCATION, Kind.INCENTIVE_COMMITTED, Kind.TREASURY)
    REVOKE_SURVEY = (Reason.REVOCATION, Kind.SURVEY_COMMITTED, Kind.TREASURY)
    END_TRAINING = (Reason.END_OF_BALANCE, Kind.TRAINING_BALANCE, Kind.TREASURY)
    # What was not proven goes back where it came from: to the balance while it lives, else to the treasury; never cash.
    REFUND_TO_BALANCE = (Reason.REFUND, Kind.ESCROW, Kind.TRAINING_BALANCE)
    REFUND_TO_TREASURY = (Reason.REFUND, Kind.ESCROW, Kind.TREASURY)
    SETTLE_INSTITUTION = (Reason.SETTLEMENT, Kind.INSTITUTION_PAYABLE, Kind.INSTITUTION_SETTLED)
    # The bank sent it back: the institution is owed it again, and nobody else ever gets it.
    RETURN_INSTITUTION = (Reason.SETTLEMENT_RETURNED, Kind.INSTITUTION_SETTLED, Kind.INSTITUTION_PAYABLE)
    RETURN_INCENTIVE = (Reason.PAYOUT_RETURNED, Kind.PAYOUT_SETTLED, Kind.INCENTIVE_COMMITTED)
    RETURN_SURVEY = (Reason.PAYOUT_RETURNED, Kind.PAYOUT_SETTLED, Kind.SURVEY_COMMITTED)
    REVERSE_INCENTIVE = (Reason.PAYOUT_REVERSED, Kind.PAYOUT_SETTLED, Kind.INCENTIVE_COMMITTED)
    REVERSE_SURVEY = (Reason.PAYOUT_REVERSED, Kind.PAYOUT_SETTLED, Kind.SURVEY_COMMITTED)
    CLAW_BACK_INCENTIVE = (Reason.CLAWBACK, Kind.PAYOUT_SETTLED, Kind.INCENTIVE_RECEIVABLE)
    # The institution keeps what it has earned; the person owes what the training cost, once it has been paid.
    CLAW_BACK_TRAINING = (Reason.CLAWBACK, Kind.INSTITUTION_SETTLED, Kind.TRAINING_RECEIVABLE)
    REPAY_INCENTIVE = (Reason.REPAYMENT, Kind.INCENTIVE_RECEIVABLE, Kind.TREASURY)
    REPAY_TRAINING = (Reason.REPAYMENT, Kind.TRAINING_RECEIVABLE, Kind.TREASURY)
    WITHDRAW_INCENTIVE = (Reason.CLAWBACK_WITHDRAWN, Kind.INCENTIVE_RECEIVABLE, Kind.PAYOUT_SETTLED)
    WITHDRAW_TRAINING = (Reason.CLAWBACK_WITHDRAWN, Kind.TRAINING_RECEIVABLE, Kind.INSTITUTION_SETTLED)
    CLOSE_INCENTIVE = (Reason.YEAR_CLOSING, Kind.INCENTIVE_COMMITTED, Kind.TREASURY)
    CLOSE_SURVEY = (Reason.YEAR_CLOSING, Kind.SURVEY_COMMITTED, Kind.TREASURY)

    @property
    def reason(self) -> Reason:
        return self.value[0]

    @property
    def debit_kind(self) -> Kind:
        """The kind that pays."""
        return self.value[1]

    @property
    def credit_kind(self) -> Kind:
        """The kind that is paid."""
        return self.value[2]


def allowed_pairs() -> list[tuple[int, int, int]]:
    """(reason, debit kind, credit kind) of every movement, sorted, as the CHECK constraint lists them."""
    return sorted((int(m.reason), int(m.debit_kind), int(m.credit_kind)) for m in Movement)
