"""A purchase, the evidence that it was learned, and the review that others choose by."""

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from bekal.accounts.models import User
from bekal.catalogue.models import Training
from bekal.ledger.append_only import AppendOnlyModel
from bekal.messaging.models import OneTimeCode
from bekal.participants.models import Participation
from bekal.purchases.review_models import ReviewDecision as ReviewDecision
from bekal.purchases.review_models import ReviewFlag as ReviewFlag
from bekal.purchases.review_models import ReviewPrint as ReviewPrint
from bekal.purchases.review_models import ReviewReply as ReviewReply
from bekal.purchases.review_models import ReviewVersion as ReviewVersion
from bekal.purchases.settlement_models import InstitutionSettlement as InstitutionSettlement
from bekal.purchases.settlement_models import SettlementFailure as SettlementFailure


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
    """One statement about one purchase. What is proven, owed or contested is read from these rows (`core.evidence`),
    never stored. What was said twice in the very same words is one row.

    Many rows: what an ordinary one does not use has a default in the database and takes a byte or none.
    """

    class Piece(models.TextChoices):
        ATTENDANCE = "attendance", _("attendance")
        PROGRESS = "progress", _("progress")
        COMPLETION = "completion", _("completion")
        CERTIFICATE = "certificate", _("certificate")
        RATING = "rating", _("rating")
        REVIEW = "review", _("review")

    class Source(models.TextChoices):
        PARTICIPANT = "participant", _("participant")
        INSTITUTION = "institution", _("training institution")
        PLATFORM = "platform", _("digital platform")
        PROGRAMME = "programme", _("programme office")

    class Door(models.TextChoices):
        PAGE = "page", _("page")
        V1 = "v1", _("partner API v1")
        V2 = "v2", _("partner API v2")
        XAPI = "xapi", _("xAPI statement")
        CSV = "csv", _("CSV file")
        IMPORT = "import", _("import of history")

    purchase = models.ForeignKey(Purchase, on_delete=models.PROTECT, related_name="evidence", db_index=False)
    piece = models.CharField(max_length=12, choices=Piece.choices)
    source = models.CharField(max_length=12, choices=Source.choices)
    sequence = models.PositiveSmallIntegerField(default=1)
    recorded_at = models.DateTimeField()
    # False: it is denied, or taken back.
    holds = models.BooleanField(default=True, db_default=True)
    percent = models.PositiveSmallIntegerField(null=True)
    # Why it is partial, denied or taken back; never anything personal.
    reason = models.CharField(max_length=300, blank=True, default="", db_default="")
    happened_at = models.DateTimeField(null=True)
    revision = models.PositiveSmallIntegerField(default=1, db_default=1)
    door = models.CharField(max_length=6, choices=Door.choices, default=Door.PAGE, db_default="page")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=[
                    "purchase",
                    "piece",
                    "sequence",
                    "source",
                    "revision",
                    "holds",
                    "percent",
                    "happened_at",
                    "reason",
                ],
                name="purchases_evidence_once",
                nulls_distinct=False,
            ),
            models.CheckConstraint(
                condition=Q(source="institution", piece__in=["attendance", "progress", "completion", "certificate"])
                | Q(source="platform", piece__in=["attendance", "progress", "completion", "certificate"])
                | Q(source="participant", piece__in=["attendance", "completion", "rating", "review"])
                | Q(source="programme", piece__in=["attendance", "completion", "certificate", "rating", "review"]),
                name="purchases_evidence_from_the_right_side",
                violation_error_message="Institution and platform prove attendance, progress, completion and "
                "certificate; the participant confirms, rates and reviews; the programme decides.",
            ),
            models.CheckConstraint(
                condition=Q(percent=None) & ~Q(piece="progress")
                | Q(percent__lte=100, piece__in=["progress", "completion"])
                | Q(percent=None, piece="progress", holds=False),
                name="purchases_evidence_percent_of_progress",
                violation_error_message="Progress and a partial completion have a percentage from 0 to 100.",
            ),
            models.CheckConstraint(
                condition=Q(revision__gte=1),
                name="purchases_evidence_revision_from_1",
                violation_error_message="Revisions count from 1.",
            ),
        ]
        indexes = [
            # The few rows that may take a completion back (`revoke_certificates`).
            models.Index(
                fields=["purchase"],
                name="evidence_unusual",
                condition=Q(piece__in=["attendance", "completion"])
                & (Q(holds=False) | Q(revision__gt=1) | Q(percent__isnull=False) | Q(source="programme")),
            )
        ]


class EvidenceCase(models.Model):
    """A purchase whose evidence is contested: its money waits until somebody of the programme has looked at it, or what
    is said agrees again. Opened and closed by the intake of evidence; open at most once for each purchase."""

    class Kind(models.TextChoices):
        CONTRADICTION = "contradiction", _("one source says two things")
        DISAGREEMENT = "disagreement", _("two sources disagree")
        PROGRESS_BELOW = "progress_below", _("the platform saw less progress than the completion claims")
        TAKEN_BACK = "taken_back", _("denied after the money had moved")

    class Resolution(models.TextChoices):
        AGREED = "agreed", _("what is said agrees again")
        DECIDED = "decided", _("decided by the programme")
        ENDED = "ended", _("the purchase ended")

    purchase = models.ForeignKey(Purchase, on_delete=models.PROTECT, related_name="evidence_cases", db_index=False)
    kind = models.CharField(max_length=16, choices=Kind.choices)
    # By the roles of the sign-ins.
    owner_role = models.CharField(max_length=16, default="officer", db_default="officer")
    # The officer who has taken it; until then it is the whole office's.
    officer = models.ForeignKey(
        User, null=True, on_delete=models.PROTECT, related_name="evidence_cases", db_index=False
    )
    opened_at = models.DateTimeField()
    due_on = models.DateField()
    closed_at = models.DateTimeField(null=True)
    resolution = models.CharField(max_length=8, choices=Resolution.choices, blank=True, default="", db_default="")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["purchase"], condition=Q(closed_at=None), name="purchases_evidencecase_open_once"
            ),
            models.CheckConstraint(
                condition=Q(closed_at=None, resolution="")
                | Q(closed_at__gte=F("opened_at"), resolution__in=["agreed", "decided", "ended"]),
                name="purchases_evidencecase_closed_with_a_reason",
                violation_error_message="A closed case says how it was resolved.",
            ),
        ]
        indexes = [
            models.Index(fields=["purchase"], name="evidencecase_of_purchase"),
            models.Index(fields=["due_on", "id"], name="evidencecase_open", condition=Q(closed_at=None)),
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
from bekal.purchases.case_models import CaseRuling as CaseRuling  # noqa: E402
from bekal.purchases.case_models import CaseRulingLine as CaseRulingLine  # noqa: E402
from bekal.purchases.certificate_models import Certificate as Certificate  # noqa: E402
from bekal.purchases.certificate_models import CertificateEvent as CertificateEvent  # noqa: E402
from bekal.purchases.reconciliation_models import EvidenceReminder as EvidenceReminder  # noqa: E402
from bekal.purchases.reconciliation_models import ReconciliationDay as ReconciliationDay  # noqa: E402
from bekal.purchases.reconciliation_models import ReconciliationMark as ReconciliationMark  # noqa: E402
from bekal.purchases.reconciliation_models import ReconciliationStanding as ReconciliationStanding  # noqa: E402
