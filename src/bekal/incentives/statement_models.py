"""The partners' statements as they were read, and the days that were closed over them."""

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from bekal.ledger.append_only import AppendOnlyModel
from bekal.participants.models import PaymentPartner


class Statement(AppendOnlyModel):
    """One account of one partner over one day: what it began with, what moved, what it ended with, in rupiah.

    Lines with a reference of ours are kept each (`StatementLine`), whatever else moved (fees, money put in) as sums.
    `lines_sha256`: over the lines, so that the same day in another form is known again.
    """

    partner = models.CharField(max_length=12, choices=PaymentPartner.choices)
    account = models.CharField(max_length=34)
    stated_on = models.DateField()
    opening_rupiah = models.BigIntegerField()
    debits_rupiah = models.BigIntegerField()
    credits_rupiah = models.BigIntegerField()
    closing_rupiah = models.BigIntegerField()
    other_count = models.PositiveIntegerField()
    other_debits_rupiah = models.BigIntegerField()
    other_credits_rupiah = models.BigIntegerField()
    line_count = models.PositiveIntegerField()
    lines_sha256 = models.BinaryField(max_length=32)
    file = models.ForeignKey("incentives.PayoutFile", on_delete=models.PROTECT, related_name="statements")
    stored_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["partner", "account", "stated_on"],
                name="incentives_statement_once",
                violation_error_message="An account has one statement for each day.",
            ),
            models.CheckConstraint(
                condition=Q(closing_rupiah=F("opening_rupiah") + F("credits_rupiah") - F("debits_rupiah")),
                name="incentives_statement_adds_up",
                violation_error_message="What a statement begins with and what moved make what it ends with.",
            ),
            models.CheckConstraint(
                condition=Q(
                    other_debits_rupiah__gte=0,
                    other_credits_rupiah__gte=0,
                    debits_rupiah__gte=F("other_debits_rupiah"),
                    credits_rupiah__gte=F("other_credits_rupiah"),
                ),
                name="incentives_statement_others_within",
                violation_error_message="What else moved is a part of what moved.",
            ),
        ]


class StatementLine(AppendOnlyModel):
    """One payment of ours on a statement: that it left the account, or came back."""

    class Said(models.TextChoices):
        SETTLED = "settled", _("paid")
        RETURNED = "returned", _("returned by the bank")

    statement = models.ForeignKey(Statement, on_delete=models.PROTECT, related_name="lines", db_index=False)
    line = models.PositiveIntegerField()
    reference = models.CharField(max_length=80)
    said = models.CharField(max_length=8, choices=Said.choices)
    amount_rupiah = models.BigIntegerField()
    # To which account it was paid, as the directory knows accounts; nothing where the statement does not say it.
    account_hash = models.BinaryField(max_length=32, null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["statement", "line"], name="incentives_statementline_once"),
        ]
        indexes = [models.Index(fields=["reference"], name="statementline_reference")]


class DayClosing(AppendOnlyModel):
    """The certificate that one day of one partner is closed: our ledger beside its statement, every difference named.

    `content` is the certificate as it is downloaded; `sha256` is over it, and it names that of the one before. What
    the ledger side holds is bounded by number: statuses up to `until_status_id`, so that it can be counted again.
    """

    partner = models.CharField(max_length=12, choices=PaymentPartner.choices)
    stated_on = models.DateField()
    number = models.PositiveIntegerField()
    statement_rupiah = models.BigIntegerField()
    ledger_rupiah = models.BigIntegerField()
    after_status_id = models.BigIntegerField()
    until_status_id = models.BigIntegerField()
    content = models.TextField()
    sha256 = models.BinaryField(max_length=32)
    previous_sha256 = models.BinaryField(max_length=32, null=True)
    closed_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["partner", "stated_on"],
                name="incentives_dayclosing_once",
                violation_error_message="A day of a partner is closed once.",
            ),
            models.UniqueConstraint(fields=["partner", "number"], name="incentives_dayclosing_number"),
            models.CheckConstraint(
                condition=Q(number=1, previous_sha256__isnull=True) | Q(number__gt=1, previous_sha256__isnull=False),
                name="incentives_dayclosing_names_its_predecessor",
                violation_error_message="Each certificate but the first names the one before.",
            ),
            models.CheckConstraint(
                condition=Q(until_status_id__gte=F("after_status_id")), name="incentives_dayclosing_goes_forward"
            ),
        ]
