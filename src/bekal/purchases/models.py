"""A purchase, the evidence that it was learned, and the review that others choose by."""

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from bekal.catalogue.models import Institution, Training
from bekal.ledger.append_only import AppendOnlyModel
from bekal.messaging.models import OneTimeCode
from bekal.participants.models import Participation
from bekal.purchases.review_models import ReviewDecision as ReviewDecision
from bekal.purchases.review_models import ReviewFlag as ReviewFlag
from bekal.purchases.review_models import ReviewPrint as ReviewPrint
from bekal.purchases.review_models import ReviewReply as ReviewReply
from bekal.purchases.review_models import ReviewVersion as ReviewVersion


class InstitutionSettlement(models.Model):
    """What was paid to one institution at one instant, for proven sessions only; its purchases name it."""

    institution = models.ForeignKey(Institution, on_delete=models.PROTECT, related_name="settlements")
    settled_at = models.DateTimeField()
    purchase_count = models.PositiveIntegerField()
    total_rupiah = models.BigIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["institution", "settled_at"], name="purchases_settlement_once"),
            models.CheckConstraint(
                condition=Q(purchase_count__gt=0, total_rupiah__gte=0), name="purchases_settlement_not_empty"
            ),
        ]


class Purchase(models.Model):
    """One training bought by one participation from its training balance. It cannot be swapped.

    The instants are the journey: bought, redeemed, completed, reconciled (the evidence of both sides agrees). No index
    names one of them: each is written later than its row, and would have to go into every index again.
    """

    class Ending(models.TextChoices):
        REFUNDED = "refunded", _("refunded, no session is proven")
        PARTIAL = "partial", _("ended early, the sessions attended are paid")
        ATTENDED = "attended", _("every session attended, evidence of the participant missing")

    # Both of its unique constraints begin with the participation: an index for it alone would be written for nothing.
    participation = models.ForeignKey(Participation, on_delete=models.PROTECT, related_name="purchases", db_index=False)
    training = models.ForeignKey(Training, on_delete=models.PROTECT, related_name="purchases")
    # History that was brought in from elsewhere has neither code.
    one_time_code = models.OneToOneField(OneTimeCode, null=True, on_delete=models.PROTECT, related_name="purchase")
    price_rupiah = models.BigIntegerField()
    ordinal = models.PositiveSmallIntegerField()
    redeem_code_encrypted = models.BinaryField(null=True)
    bought_at = models.DateTimeField()
    redeemed_at = models.DateTimeField(null=True)
    completed_at = models.DateTimeField(null=True)
    reconciled_at = models.DateTimeField(null=True)
    # It ended without the evidence of both sides: the institution is owed the sessions that are proven, pro rata, and
    # `refunded_rupiah` went back to the balance or the treasury.
    ended_at = models.DateTimeField(null=True)
    ending = models.CharField(max_length=10, choices=Ending.choices, blank=True, default="", db_default="")
    refunded_rupiah = models.BigIntegerField(default=0, db_default=0)
    settlement = models.ForeignKey(
        InstitutionSettlement, null=True, on_delete=models.PROTECT, related_name="purchases", db_index=False
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["participation", "training"],
                name="purchases_purchase_once",
                violation_error_message="This training has been bought already.",
            ),
            models.UniqueConstraint(fields=["participation", "ordinal"], name="purchases_purchase_ordinal"),
            models.CheckConstraint(condition=Q(price_rupiah__gte=0), name="purchases_purchase_price_not_negative"),
            models.CheckConstraint(condition=Q(ordinal__gte=1), name="purchases_purchase_ordinal_from_1"),
            models.CheckConstraint(
                condition=(Q(redeemed_at__isnull=True) | Q(redeemed_at__gte=F("bought_at")))
                & (Q(completed_at__isnull=True) | Q(completed_at__gte=F("redeemed_at"), redeemed_at__isnull=False))
                & (Q(reconciled_at__isnull=True) | Q(reconciled_at__gte=F("completed_at"), completed_at__isnull=False)),
                name="purchases_purchase_in_order",
                violation_error_message="A purchase is bought, redeemed, completed and reconciled in this order.",
            ),
            models.CheckConstraint(
                condition=Q(ended_at=None, ending="", refunded_rupiah=0)
                | Q(
                    ended_at__gte=F("bought_at"),
                    reconciled_at=None,
                    ending="refunded",
                    refunded_rupiah=F("price_rupiah"),
                )
                | Q(ended_at__gte=F("bought_at"), reconciled_at=None, ending="attended", refunded_rupiah=0)
                | Q(
                    ended_at__gte=F("bought_at"),
                    reconciled_at=None,
                    ending="partial",
                    refunded_rupiah__gte=0,
                    refunded_rupiah__lte=F("price_rupiah"),
                ),
                name="purchases_purchase_ends_instead_of_reconciling",
                violation_error_message="A purchase ends with its evidence, or without it: then what is not proven is "
                "refunded.",
            ),
            models.CheckConstraint(
                condition=Q(settlement=None)
                | Q(reconciled_at__isnull=False)
                | Q(ended_at__isnull=False) & ~Q(ending="refunded"),
                name="purchases_purchase_settled_when_proven",
                violation_error_message="Only proven sessions are settled.",
            ),
        ]


class RedeemCodeDirectory(models.Model):
    """One redeem code, one purchase, over the whole programme (a directory: unique across owners)."""

    code_hash = models.BinaryField(max_length=32, primary_key=True)
    purchase = models.OneToOneField(Purchase, on_delete=models.PROTECT, related_name="redeem_code")


class Evidence(AppendOnlyModel):
    """One piece of evidence about one purchase from one side. What is owed is read from these rows, not stored."""

    class Piece(models.TextChoices):
        ATTENDANCE = "attendance", _("attendance")
        COMPLETION = "completion", _("completion")
        RATING = "rating", _("rating")
        REVIEW = "review", _("review")

    class Source(models.TextChoices):
        PARTICIPANT = "participant", _("participant")
        INSTITUTION = "institution", _("training institution")

    purchase = models.ForeignKey(Purchase, on_delete=models.PROTECT, related_name="evidence", db_index=False)
    piece = models.CharField(max_length=12, choices=Piece.choices)
    source = models.CharField(max_length=12, choices=Source.choices)
    sequence = models.PositiveSmallIntegerField(default=1)
    recorded_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["purchase", "piece", "sequence"], name="purchases_evidence_once"),
            models.CheckConstraint(
                condition=Q(piece__in=["attendance", "completion"], source="institution")
                | Q(piece__in=["rating", "review"], source="participant"),
                name="purchases_evidence_from_the_right_side",
                violation_error_message="The institution proves attendance and completion, "
                "the participant rates and reviews.",
            ),
        ]


class Review(models.Model):
    """What a participant who completed a training says of it: one each, read by those who choose.

    Rating and text are those of its last version. Hidden it is in no list and no mean; it stays evidence."""

    purchase = models.OneToOneField(Purchase, primary_key=True, on_delete=models.PROTECT, related_name="review")
    training = models.ForeignKey(Training, on_delete=models.PROTECT, related_name="reviews")
    rating = models.PositiveSmallIntegerField()
    text = models.CharField(max_length=2000)
    written_at = models.DateTimeField()
    edited_at = models.DateTimeField(null=True)
    hidden_at = models.DateTimeField(null=True)
    # Since when a flag waits for an officer; None: none does.
    waiting_since_at = models.DateTimeField(null=True)
    # When the text as it stands was compared with others; None: not yet.
    screened_at = models.DateTimeField(null=True)
    version_count = models.PositiveSmallIntegerField(default=1, db_default=1)
    flag_count = models.PositiveSmallIntegerField(default=0, db_default=0)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(rating__gte=1, rating__lte=5),
                name="purchases_review_rating_1_to_5",
                violation_error_message="A rating is 1, 2, 3, 4 or 5.",
            ),
            models.CheckConstraint(
                condition=Q(edited_at=None, version_count=1) | Q(edited_at__gte=F("written_at"), version_count__gt=1),
                name="purchases_review_edited_when_there_are_versions",
                violation_error_message="A review that was edited has more than one version.",
            ),
        ]
        indexes = [
            models.Index(fields=["training", "-written_at"], name="review_of_training"),
            models.Index(
                fields=["waiting_since_at"], condition=Q(waiting_since_at__isnull=False), name="review_waiting"
            ),
            models.Index(fields=["purchase"], condition=Q(screened_at=None), name="review_to_screen"),
        ]


# At the end: they name the models above. Django looks for a room's tables in this module.
from bekal.purchases.certificate_models import Certificate as Certificate  # noqa: E402
from bekal.purchases.certificate_models import CertificateEvent as CertificateEvent  # noqa: E402
