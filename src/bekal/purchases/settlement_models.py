"""What an institution is to be paid, and what of it did not reach its account."""

from django.db import models
from django.db.models import F, Q

from bekal.catalogue.models import Institution
from bekal.ledger.append_only import AppendOnlyModel


class InstitutionSettlement(models.Model):
    """What one institution is paid in one payment, for proven sessions only; its purchases name it.

    Ordered when two officers decided what is due, listed when it first went on a list of payments (from then on nothing
    is added to it), settled when it was paid: as long as it is not, its money is owed. One payment takes so much and no
    more, so an order of many purchases has several `part`s.
    """

    institution = models.ForeignKey(Institution, on_delete=models.PROTECT, related_name="settlements")
    ordered_at = models.DateTimeField()
    part = models.PositiveSmallIntegerField(default=0, db_default=0)
    purchase_count = models.PositiveIntegerField()
    total_rupiah = models.BigIntegerField()
    listed_at = models.DateTimeField(null=True)
    settled_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["institution", "ordered_at", "part"], name="purchases_settlement_once"),
            models.CheckConstraint(
                condition=Q(purchase_count__gt=0, total_rupiah__gte=0), name="purchases_settlement_not_empty"
            ),
        ]
        indexes = [models.Index(fields=["institution"], name="settlement_unpaid", condition=Q(settled_at=None))]


class SettlementFailure(AppendOnlyModel):
    """One payment of a settlement that did not stay: rejected, or paid (`paid_at`) and sent back by the bank. Its money
    is owed again, and the institution reads why."""

    settlement = models.ForeignKey(InstitutionSettlement, on_delete=models.PROTECT, related_name="failures")
    reference = models.CharField(max_length=35, unique=True)
    partner = models.CharField(max_length=12)
    masked_account = models.CharField(max_length=40)
    reason_code = models.CharField(max_length=8)
    paid_at = models.DateTimeField(null=True)
    failed_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=~Q(reason_code=""), name="purchases_settlementfailure_has_reason"),
            models.CheckConstraint(
                condition=Q(paid_at=None) | Q(paid_at__isnull=False, failed_at__gte=F("paid_at")),
                name="purchases_settlementfailure_after_payment",
                violation_error_message="What came back was paid before.",
            ),
        ]


# When what `settlement` names was paid, as of an instant: a payment that came back later had been made.
PAID_AT_SQL = """CASE WHEN settlement.settled_at <= %(as_of)s THEN settlement.settled_at
    ELSE (SELECT max(failure.paid_at) FROM purchases_settlementfailure failure
          WHERE failure.settlement_id = settlement.id AND failure.paid_at <= %(as_of)s
            AND failure.failed_at > %(as_of)s) END"""
