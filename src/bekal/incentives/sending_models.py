"""What passes between the programme and its payment partners, and what of it could not be taken."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from bekal.accounts.models import User
from bekal.ledger.append_only import AppendOnlyModel
from bekal.participants.models import PaymentPartner, PayoutAccount


class PayoutSending(AppendOnlyModel):
    """What was done to hand a file over, and what was heard: *begun* is written before the partner is called.

    The newest row decides: begun or unknown, and nobody hands the file over again before the partner was asked for it.
    """

    class Act(models.TextChoices):
        HAND_OVER = "hand_over", _("handed over")
        ASK = "ask", _("asked")

    class Outcome(models.TextChoices):
        BEGUN = "begun", _("begun")
        TAKEN = "taken", _("taken")
        REFUSED = "refused", _("refused")
        UNKNOWN = "unknown", _("unknown")
        NOT_THERE = "not_there", _("not there")

    file = models.ForeignKey("incentives.PayoutFile", on_delete=models.PROTECT, related_name="sendings")
    act = models.CharField(max_length=9, choices=Act.choices)
    outcome = models.CharField(max_length=9, choices=Outcome.choices)
    words = models.CharField(max_length=200, blank=True)
    noted_at = models.DateTimeField()
    # Begun: on which day of the programme it counts against the limits of its partner.
    counted_on = models.DateField(null=True)


class PayoutFetch(AppendOnlyModel):
    """One file that was fetched from a partner: its number there, which only grows, and what came of it."""

    partner = models.CharField(max_length=12, choices=PaymentPartner.choices)
    number = models.BigIntegerField()
    name = models.CharField(max_length=120)
    file = models.ForeignKey("incentives.PayoutFile", null=True, on_delete=models.PROTECT, related_name="fetches")
    refusal = models.CharField(max_length=40, blank=True)
    fetched_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["partner", "number"], name="incentives_payoutfetch_once"),
            models.CheckConstraint(
                condition=Q(file__isnull=False, refusal="") | Q(file=None) & ~Q(refusal=""),
                name="incentives_payoutfetch_taken_or_refused",
                violation_error_message="A file that was fetched was taken, or refused for a reason.",
            ),
        ]


class PayoutCall(AppendOnlyModel):
    """One call that pays, or asks for, one payout, and what was heard; *begun* is written before it is made.

    The newest row decides: begun or unknown, and nobody pays again before the partner was asked.
    """

    class Act(models.TextChoices):
        PAY = "pay", _("paid")
        ASK = "ask", _("asked")

    class Outcome(models.TextChoices):
        BEGUN = "begun", _("begun")
        SETTLED = "settled", _("paid")
        ACCEPTED = "accepted", _("accepted")
        REJECTED = "rejected", _("rejected")
        RETURNED = "returned", _("returned by the bank")
        UNKNOWN = "unknown", _("unknown")
        NOT_LET_IN = "not_let_in", _("not let in")
        NOT_FOUND = "not_found", _("not found")

    payout = models.ForeignKey("incentives.Payout", on_delete=models.PROTECT, related_name="calls")
    act = models.CharField(max_length=3, choices=Act.choices)
    outcome = models.CharField(max_length=10, choices=Outcome.choices)
    reason_code = models.CharField(max_length=8, blank=True)
    partner_code = models.CharField(max_length=40, blank=True)
    noted_at = models.DateTimeField()
    # Begun: on which day of the programme it counts against the limits of its partner.
    counted_on = models.DateField(null=True)


class PayoutDay(models.Model):
    """How much was begun at one partner on one day of the programme: counted in the transaction that writes the intent,
    and taken back where the partner is known not to have it. Only `release.py` writes here."""

    partner = models.CharField(max_length=12, choices=PaymentPartner.choices)
    counted_on = models.DateField()
    payment_count = models.PositiveIntegerField(default=0)
    total_rupiah = models.BigIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["partner", "counted_on"], name="incentives_payoutday_once"),
            models.CheckConstraint(condition=Q(total_rupiah__gte=0), name="incentives_payoutday_not_negative"),
        ]


class AccountCheck(AppendOnlyModel):
    """One look at a payout account at its bank or wallet, and what was heard; *begun* is written before it is asked.

    The newest of passed, failed and wanted decides. `account_hash`: which account was asked for, by the directory; its
    row can become another's. `needed_rupiah`: what had to fit. `partner_code` is the partner's own word beside our
    reason. `recorded_at` is the programme's instant, `noted_at` the machine's.
    """

    class Outcome(models.TextChoices):
        WANTED = "wanted", _("asked for by its owner")
        BEGUN = "begun", _("begun")
        PASSED = "passed", _("can be paid to")
        FAILED = "failed", _("cannot be paid to")
        UNKNOWN = "unknown", _("unknown")

    account = models.ForeignKey(PayoutAccount, on_delete=models.PROTECT, related_name="checks")
    account_hash = models.BinaryField(max_length=32)
    outcome = models.CharField(max_length=7, choices=Outcome.choices)
    reason_code = models.CharField(max_length=8, blank=True)
    partner_code = models.CharField(max_length=40, blank=True)
    needed_rupiah = models.BigIntegerField()
    recorded_at = models.DateTimeField()
    noted_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(outcome="failed") & ~Q(reason_code="") | ~Q(outcome="failed") & Q(reason_code=""),
                name="incentives_accountcheck_failed_for_a_reason",
                violation_error_message="An account that failed names its reason, and no other does.",
            ),
        ]


class PayoutException(models.Model):
    """What a partner said, or did not say, that the books cannot take: with an owner, an age and a next step, until
    somebody has cleared it up. It never moves money by itself."""

    class Kind(models.TextChoices):
        UNKNOWN_REFERENCE = "unknown_reference", _("a payment nobody has ordered")
        OTHER_PARTNER = "other_partner", _("a payment that was sent to another partner")
        AMOUNT_MISMATCH = "amount_mismatch", _("another amount than was sent")
        CONTRADICTION = "contradiction", _("the contrary of what was said before")
        CLAWED_BACK = "clawed_back", _("came back of money that is clawed back")
        NOT_THE_FILE = "not_the_file", _("count or sum of our file differ")
        FILE_REFUSED = "file_refused", _("the partner refused a file")
        FILE_UNREADABLE = "file_unreadable", _("a file of the partner that was cut or does not add up")
        SILENT = "silent", _("no word of a payment after its time")
        OTHER_ACCOUNT = "other_account", _("paid to another account than was sent")
        PAID_TWICE = "paid_twice", _("a payment that stands on statements twice")
        NOT_ON_STATEMENT = "not_on_statement", _("settled here, not on the partner's statement")
        STATEMENT_MISSING = "statement_missing", _("the statement of a working day has not come")
        STATEMENT_GAP = "statement_gap", _("a statement that does not go on from the day before")
        STATEMENT_OVERLAP = "statement_overlap", _("another statement of a day that has one")

    class Owner(models.TextChoices):
        OFFICE = "office", _("the programme office")
        PARTNER = "partner", _("the payment partner")

    class Resolution(models.TextChoices):
        ANSWERED = "answered", _("the partner has answered since")
        CLEARED = "cleared", _("an officer has cleared it up")

    kind = models.CharField(max_length=17, choices=Kind.choices)
    owner = models.CharField(max_length=7, choices=Owner.choices)
    partner = models.CharField(max_length=12, choices=PaymentPartner.choices)
    payout = models.ForeignKey("incentives.Payout", null=True, on_delete=models.PROTECT, related_name="exceptions")
    file = models.ForeignKey("incentives.PayoutFile", null=True, on_delete=models.PROTECT, related_name="exceptions")
    line = models.PositiveIntegerField(default=0)
    reference = models.CharField(max_length=80, blank=True)
    said = models.CharField(max_length=20, blank=True)
    said_rupiah = models.BigIntegerField(null=True)
    opened_at = models.DateTimeField()
    resolved_at = models.DateTimeField(null=True)
    resolution = models.CharField(max_length=8, choices=Resolution.choices, blank=True)
    resolved_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="cleared_exceptions")
    note = models.CharField(max_length=500, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "partner", "reference", "said"],
                condition=Q(resolved_at=None),
                name="incentives_payoutexception_once",
                violation_error_message="This exception is open already.",
            ),
            models.CheckConstraint(
                condition=Q(resolved_at=None, resolution="", resolved_by=None)
                | Q(resolved_at__isnull=False, resolution="answered", resolved_by=None)
                | Q(resolved_at__isnull=False, resolution="cleared", resolved_by__isnull=False) & ~Q(note=""),
                name="incentives_payoutexception_resolved_by_someone",
                violation_error_message="An exception ends by the partner's answer or by an officer who says why.",
            ),
        ]
        indexes = [
            models.Index(fields=["opened_at"], name="payoutexception_open", condition=Q(resolved_at=None)),
        ]
