"""Messages waiting to be sent, and one-time codes. A holder is a participant's number; people live above."""

from django.db import models
from django.db.models import Q


class Channel(models.TextChoices):
    SMS = "sms", "SMS"
    EMAIL = "email", "e-mail"


class OutboxMessage(models.Model):
    """One message to one person, written in the transaction that caused it and sent afterwards."""

    holder_id = models.BigIntegerField(db_index=True)
    channel = models.CharField(max_length=8, choices=Channel.choices)
    template = models.CharField(max_length=40)
    body_encrypted = models.BinaryField()
    created_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True)


class OneTimeCode(models.Model):
    """A six-digit code bound to one person and one subject (this training at this price)."""

    holder_id = models.BigIntegerField()
    subject = models.CharField(max_length=80)
    code_hash = models.BinaryField(max_length=32)
    issued_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    attempts_left = models.PositiveSmallIntegerField(default=5)
    used_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(expires_at__gt=models.F("issued_at")), name="messaging_code_expires_later"
            ),
            models.CheckConstraint(
                condition=Q(used_at__isnull=True) | Q(used_at__lte=models.F("expires_at")),
                name="messaging_code_used_in_time",
                violation_error_message="A code cannot be used after it has expired.",
            ),
        ]
        indexes = [
            models.Index(fields=["holder_id", "subject"], name="messaging_code_holder"),
            # The programme's budget of wrong tries is summed over these few.
            models.Index(fields=["issued_at"], name="messaging_code_failures", condition=Q(attempts_left__lt=5)),
        ]
