"""What waits for a person's decision, and everything that was said of it."""

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from bekal.accounts.models import User
from bekal.catalogue.models import Institution
from bekal.ledger.append_only import AppendOnlyModel
from bekal.participants.models import Participation


class Hold(models.Model):
    """One payment that waits: a person's incentives, what one purchase pays, or all that an institution is owed.

    It holds until it is lifted, also once it is confirmed. A purchase lies above this room, so it is named by its
    number. What was found stands in `figures`: counts and instants, never a name, a number or a device. Holds of one
    finding share a `case_key`; the `fingerprint` is what was found, so that the same finding never holds twice.
    """

    class Subject(models.TextChoices):
        INCENTIVE = "incentive", _("incentives of a participant")
        PURCHASE = "purchase", _("payment for one purchase")
        SETTLEMENT = "settlement", _("settlement of an institution")

    class Reason(models.TextChoices):
        RING = "ring", _("a ring of accounts")
        SHARED = "shared", _("one device, number or account for many people")
        BURST = "burst", _("a group that arrives, shares and buys together")
        TIMING = "timing", _("completed sooner than it can be learned")
        REDEMPTIONS = "redemptions", _("many codes redeemed at once or by night")
        VOLUME = "volume", _("far more than ever before, and than others")
        OWNERSHIP = "ownership", _("buyers who belong to the institution")

    subject = models.CharField(max_length=10, choices=Subject.choices)
    reason = models.CharField(max_length=12, choices=Reason.choices)
    participation = models.ForeignKey(Participation, null=True, on_delete=models.PROTECT, related_name="holds")
    purchase_id = models.BigIntegerField(null=True)
    institution = models.ForeignKey(Institution, null=True, on_delete=models.PROTECT, related_name="holds")
    figures = models.JSONField()
    fingerprint = models.BinaryField(max_length=32)
    case_key = models.CharField(max_length=40, db_index=True)
    opened_at = models.DateTimeField()
    # By then somebody has to have decided; an appeal makes it sooner.
    due_on = models.DateField()
    # The officer who has taken it; until then it is the whole office's.
    officer = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="taken_holds")
    # An appeal waits for its answer: every decision answers it.
    appealed_at = models.DateTimeField(null=True)
    proposed_at = models.DateTimeField(null=True)
    proposed_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="proposed_holds")
    confirmed_at = models.DateTimeField(null=True)
    confirmed_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="confirmed_holds")
    lifted_at = models.DateTimeField(null=True)
    lifted_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="lifted_holds")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["participation", "purchase_id", "institution", "subject", "reason"],
                condition=Q(lifted_at=None),
                nulls_distinct=False,
                name="holds_hold_one_open",
                violation_error_message="This waits already for this reason.",
            ),
            models.UniqueConstraint(
                fields=["participation", "purchase_id", "institution", "subject", "reason", "fingerprint"],
                nulls_distinct=False,
                name="holds_hold_once_per_finding",
                violation_error_message="This finding was decided before.",
            ),
            models.CheckConstraint(
                condition=Q(
                    subject="incentive", participation__isnull=False, purchase_id=None, institution__isnull=True
                )
                | Q(
                    subject="purchase",
                    participation__isnull=False,
                    purchase_id__isnull=False,
                    institution__isnull=False,
                )
                | Q(subject="settlement", participation__isnull=True, purchase_id=None, institution__isnull=False),
                name="holds_hold_names_its_subject",
                violation_error_message="A hold is on a person's incentives, on a purchase, or on an institution.",
            ),
            models.CheckConstraint(
                condition=Q(proposed_at=None, proposed_by=None)
                | Q(proposed_at__isnull=False, proposed_by__isnull=False),
                name="holds_hold_proposed_by_someone",
            ),
            models.CheckConstraint(
                condition=Q(confirmed_at=None, confirmed_by=None)
                # Not null is said for every column: a comparison with NULL would let the row pass.
                | Q(confirmed_at__isnull=False, confirmed_by__isnull=False, proposed_by__isnull=False)
                & ~Q(confirmed_by=F("proposed_by")),
                name="holds_hold_confirmed_by_second_person",
                violation_error_message="A hold is confirmed by another officer than proposed it.",
            ),
            models.CheckConstraint(
                condition=Q(lifted_at=None, lifted_by=None) | Q(lifted_at__isnull=False, lifted_by__isnull=False),
                name="holds_hold_lifted_by_someone",
            ),
        ]
        indexes = [
            models.Index(fields=["participation"], name="hold_of_person", condition=Q(lifted_at=None)),
            models.Index(fields=["purchase_id"], name="hold_of_purchase", condition=Q(lifted_at=None)),
            models.Index(fields=["institution"], name="hold_of_institution", condition=Q(lifted_at=None)),
            models.Index(fields=["due_on", "id"], name="hold_due", condition=Q(lifted_at=None)),
        ]


class HoldEvent(AppendOnlyModel):
    """One step of a hold: who did it, when, and what was said, which only the one it is about and the office read."""

    class Kind(models.TextChoices):
        OPENED = "opened", _("opened")
        TAKEN = "taken", _("taken by an officer")
        APPEALED = "appealed", _("appeal received")
        PROPOSED = "proposed", _("confirmation proposed")
        CONFIRMED = "confirmed", _("confirmed by a second officer")
        LIFTED = "lifted", _("lifted")

    hold = models.ForeignKey(Hold, on_delete=models.PROTECT, related_name="events")
    kind = models.CharField(max_length=10, choices=Kind.choices)
    text_encrypted = models.BinaryField(null=True)
    # None: the background worker, which opens.
    by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+", db_index=False)
    due_on = models.DateField(null=True)
    recorded_at = models.DateTimeField()
