"""What the continuous reconciliation keeps: where each waiting purchase stands, how far it looked, figures by day."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from bekal.accounts.models import User
from bekal.catalogue.models import Institution
from bekal.ledger.append_only import AppendOnlyModel


class ReconciliationStanding(models.Model):
    """What one redeemed purchase waits for: a piece, who owes it, since when and until when; one row for all sessions
    of an attendance. Derived from the statements, which stay the truth (`refresh_standings`, `manage reconcile`): it
    is made anew, never relied upon for money. A piece whose turn has not come has no row.
    """

    class Standing(models.TextChoices):
        MISSING = "missing", _("missing")
        CONFLICTING = "conflicting", _("conflicting")

    class OwedBy(models.TextChoices):
        INSTITUTION = "institution", _("training institution")
        PARTICIPANT = "participant", _("participant")
        PROGRAMME = "programme", _("programme office")

    # Its unique constraint begins with the purchase.
    purchase = models.ForeignKey(
        "purchases.Purchase", on_delete=models.CASCADE, related_name="standings", db_index=False
    )
    institution = models.ForeignKey(Institution, on_delete=models.PROTECT, related_name="+", db_index=False)
    piece = models.CharField(max_length=12)
    owed_by = models.CharField(max_length=12, choices=OwedBy.choices)
    standing = models.CharField(max_length=12, choices=Standing.choices)
    # By the kinds of cases; empty where it is missing.
    kind = models.CharField(max_length=16, blank=True, default="", db_default="")
    piece_count = models.PositiveSmallIntegerField(default=1, db_default=1)
    since_on = models.DateField()
    due_on = models.DateField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["purchase", "piece", "owed_by"], name="purchases_standing_once"),
            models.CheckConstraint(
                condition=Q(standing="missing", kind="", owed_by__in=["institution", "participant"])
                | Q(standing="conflicting", owed_by="programme") & ~Q(kind=""),
                name="purchases_standing_owed_by_its_side",
                violation_error_message="A missing piece is owed by its side, a conflict by the programme.",
            ),
        ]
        indexes = [
            models.Index(fields=["due_on", "id"], name="standing_due"),
            models.Index(fields=["institution", "due_on", "id"], name="standing_of_institution"),
        ]


class ReconciliationMark(models.Model):
    """How far the messages have been looked at: one row. Each is looked at in two rounds, because what was numbered
    earlier may be there later."""

    from_id = models.BigIntegerField(default=0)
    until_id = models.BigIntegerField(default=0)
    swept_on = models.DateField(null=True)
    looked_at = models.DateTimeField(null=True)


class ReconciliationDay(models.Model):
    """Purchases by how they stood when a programme day was swept, and how many were released on it."""

    counted_on = models.DateField(unique=True)
    matched_count = models.PositiveIntegerField(default=0)
    institution_count = models.PositiveIntegerField(default=0)
    participant_count = models.PositiveIntegerField(default=0)
    conflicting_count = models.PositiveIntegerField(default=0)
    overdue_count = models.PositiveIntegerField(default=0)


class EvidenceReminder(AppendOnlyModel):
    """Somebody was reminded of a piece they owe: a participant by a message, an institution at its desk."""

    purchase = models.ForeignKey("purchases.Purchase", on_delete=models.PROTECT, related_name="reminders")
    piece = models.CharField(max_length=12)
    owed_by = models.CharField(max_length=12, choices=ReconciliationStanding.OwedBy.choices)
    reminded_at = models.DateTimeField()
    officer = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+", db_index=False)
