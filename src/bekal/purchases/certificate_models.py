"""The certificate of a completed training, and what happened to it since. Both are written once."""

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from bekal.accounts.models import User
from bekal.ledger.append_only import AppendOnlyModel


class Certificate(AppendOnlyModel):
    """One certificate of one completed purchase, as it was issued: found over the whole programme by its number.

    It rests on the evidence of its purchase up to a row, by a digest of them (`certificate_evidence.py`). Whose it is
    stands with the purchase; whether it is valid stands in its events.
    """

    purchase = models.ForeignKey(
        "purchases.Purchase", on_delete=models.PROTECT, related_name="certificates", db_index=False
    )
    # The first of a purchase is 1; another follows where evidence took one back and completed it again.
    sequence = models.PositiveSmallIntegerField()
    number = models.CharField(max_length=15, unique=True)
    # Its place in the status list that says which credentials are revoked.
    status_list = models.PositiveIntegerField()
    status_index = models.PositiveIntegerField()
    title = models.CharField(max_length=300)
    institution_name = models.CharField(max_length=200)
    hours = models.PositiveSmallIntegerField(null=True)
    session_count = models.PositiveSmallIntegerField()
    evidence_digest = models.BinaryField(max_length=32)
    evidence_count = models.PositiveIntegerField()
    evidence_until_id = models.BigIntegerField()
    completed_at = models.DateTimeField()
    issued_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["purchase", "sequence"], name="purchases_certificate_once"),
            models.UniqueConstraint(fields=["status_list", "status_index"], name="purchases_certificate_own_bit"),
            models.CheckConstraint(
                condition=Q(evidence_count__gt=0),
                name="purchases_certificate_rests_on_evidence",
                violation_error_message="A certificate rests on evidence.",
            ),
            models.CheckConstraint(
                condition=Q(issued_at__gte=F("completed_at")),
                name="purchases_certificate_after_completion",
                violation_error_message="A certificate is issued once the training is completed.",
            ),
        ]


class CertificateEvent(AppendOnlyModel):
    """What happened to a certificate: an officer asked that it be revoked, nobody agreed, or it was revoked.

    Evidence revokes by itself (no officer); an officer's revocation answers the request of another officer.
    """

    class Kind(models.TextChoices):
        ASKED = "asked", _("revocation asked for")
        DROPPED = "dropped", _("request dropped")
        REVOKED = "revoked", _("revoked")

    certificate = models.ForeignKey(Certificate, on_delete=models.PROTECT, related_name="events")
    kind = models.CharField(max_length=8, choices=Kind.choices)
    officer = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+", db_index=False)
    # The request that this answers, and who had asked: each request is answered once.
    asked = models.OneToOneField("self", null=True, on_delete=models.PROTECT, related_name="answer")
    asked_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+", db_index=False)
    # In an officer's words; empty where evidence revoked it or a request was dropped.
    reason = models.CharField(max_length=300, blank=True)
    occurred_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["certificate"], condition=Q(kind="revoked"), name="purchases_certificate_revoked_once"
            ),
            models.CheckConstraint(
                condition=Q(kind="asked", officer__isnull=False, asked=None, asked_by=None) & ~Q(reason="")
                | Q(kind="dropped", officer__isnull=False, asked__isnull=False, asked_by__isnull=False, reason="")
                | Q(kind="revoked", officer=None, asked=None, asked_by=None, reason="")
                | Q(kind="revoked", officer__isnull=False, asked__isnull=False, asked_by__isnull=False) & ~Q(reason=""),
                name="purchases_certificateevent_complete",
                violation_error_message="A request has an officer and a reason, and an answer names its request.",
            ),
            models.CheckConstraint(
                condition=~Q(kind="revoked") | Q(officer=None) | ~Q(officer=F("asked_by")),
                name="purchases_certificate_revoked_by_second_person",
                violation_error_message="Whoever asked for a revocation does not agree to it.",
            ),
        ]
