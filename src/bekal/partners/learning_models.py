"""Attendance that a participant confirms, and tasks handed in: what existing institution clients bring about."""

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from bekal.ledger.append_only import AppendOnlyModel
from bekal.partners.models import PartnerKey
from bekal.purchases.models import Purchase


class AttendanceRequest(models.Model):
    """An institution's wish that its participant confirms one session: where the person is sent, and back to.

    The state in the address is a secret of 256 bits; only its keyed hash is kept. It lies in the world of its purchase.
    """

    key = models.ForeignKey(PartnerKey, on_delete=models.PROTECT, related_name="+", db_index=False)
    state_hash = models.BinaryField(max_length=32, unique=True)
    purchase = models.ForeignKey(Purchase, on_delete=models.PROTECT, related_name="attendance_requests")
    sequence = models.PositiveSmallIntegerField()
    redirect_uri = models.CharField(max_length=500)
    asked_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    confirmed_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(expires_at__gt=F("asked_at")), name="partners_attendance_request_expires_later"
            ),
            models.CheckConstraint(
                condition=Q(confirmed_at=None) | Q(confirmed_at__lte=F("expires_at")),
                name="partners_attendance_confirmed_in_time",
                violation_error_message="An attendance is confirmed before its request expires.",
            ),
        ]


class Task(models.Model):
    """One practice task or skills test of a purchase; what was handed in for it are its submissions."""

    class Scope(models.TextChoices):
        PRACTICE = "tpm", _("practice task")
        SKILLS_TEST = "uk", _("skills test")

    purchase = models.ForeignKey(Purchase, on_delete=models.PROTECT, related_name="tasks", db_index=False)
    scope = models.CharField(max_length=3, choices=Scope.choices)
    sequence = models.PositiveSmallIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["purchase", "scope", "sequence"], name="partners_task_once"),
            models.CheckConstraint(condition=Q(scope__in=["tpm", "uk"]), name="partners_task_known_scope"),
            models.CheckConstraint(
                condition=Q(sequence__gte=1, sequence__lte=10) | Q(sequence=999),
                name="partners_task_known_sequence",
                violation_error_message="A task has a number from 1 to 10, or 999 for the last one.",
            ),
        ]


class TaskSubmission(AppendOnlyModel):
    """What was handed in for a task: the address of a file that is never fetched. A file's name can be a person's."""

    task = models.ForeignKey(Task, on_delete=models.PROTECT, related_name="submissions")
    file_url_encrypted = models.BinaryField()
    submitted_at = models.DateTimeField()


class TaskFeedback(AppendOnlyModel):
    """What the institution says of a submission; one that failed is handed in again."""

    submission = models.OneToOneField(
        TaskSubmission, primary_key=True, on_delete=models.PROTECT, related_name="feedback"
    )
    has_passed = models.BooleanField()
    notes_encrypted = models.BinaryField()
    file_url_encrypted = models.BinaryField()
    given_at = models.DateTimeField()
