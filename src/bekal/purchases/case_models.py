"""How cases of contested evidence are decided: a list that one officer proposes and another confirms."""

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from bekal.accounts.models import User


class CaseRuling(models.Model):
    """One decision over one case or many alike: sealed as proposed, confirmed by a second officer as it was seen."""

    class Verdict(models.TextChoices):
        PROVEN = "proven", _("it took place: the piece counts")
        NOT_PROVEN = "not_proven", _("it did not: the piece does not count")

    verdict = models.CharField(max_length=10, choices=Verdict.choices)
    # It becomes the reason of the programme's statements: never anything personal.
    reason = models.CharField(max_length=300)
    case_count = models.PositiveIntegerField()
    total_rupiah = models.BigIntegerField()
    list_sha256 = models.BinaryField(max_length=32)
    proposed_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    proposed_at = models.DateTimeField()
    confirmed_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    confirmed_at = models.DateTimeField(null=True)
    dropped_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    dropped_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(confirmed_by__isnull=True, confirmed_at__isnull=True)
                # Not null is said for every column: a comparison with NULL would let the row pass.
                | Q(confirmed_by__isnull=False, confirmed_at__isnull=False) & ~Q(confirmed_by=F("proposed_by")),
                name="purchases_caseruling_second_person",
                violation_error_message="A decision is confirmed by another person than the one who proposed it.",
            ),
            models.CheckConstraint(
                condition=Q(dropped_by__isnull=True, dropped_at__isnull=True)
                | Q(dropped_by__isnull=False, dropped_at__isnull=False, confirmed_at__isnull=True),
                name="purchases_caseruling_dropped_before_confirmation",
                violation_error_message="A decision is dropped by somebody, and before another has confirmed it.",
            ),
            models.CheckConstraint(condition=Q(case_count__gt=0), name="purchases_caseruling_not_empty"),
        ]
        indexes = [
            models.Index(
                fields=["proposed_at"], name="caseruling_waiting", condition=Q(confirmed_at=None, dropped_at=None)
            )
        ]


class CaseRulingLine(models.Model):
    """One case on such a list, with the messages there were when it was proposed. `refusal`: why it was left out at the
    confirmation; empty where it was decided, or is not yet."""

    ruling = models.ForeignKey(CaseRuling, on_delete=models.PROTECT, related_name="lines", db_index=False)
    case = models.ForeignKey("purchases.EvidenceCase", on_delete=models.PROTECT, related_name="ruling_lines")
    seen_count = models.PositiveIntegerField()
    seen_until_id = models.BigIntegerField()
    refusal = models.CharField(max_length=40, blank=True, default="", db_default="")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["ruling", "case"], name="purchases_caserulingline_once")]
