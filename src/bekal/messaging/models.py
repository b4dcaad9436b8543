"""Messages waiting to be sent, and one-time codes. A holder is a participant's number; people live above."""

from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _


class Channel(models.TextChoices):
    SMS = "sms", "SMS"
    EMAIL = "email", "e-mail"
    WHATSAPP = "whatsapp", "WhatsApp"


class Failure(models.TextChoices):
    """Why a message was not delivered, for good."""

    EXPIRED = "expired", _("too late to be of use")
    NO_ADDRESS = "no_address", _("no address that works")
    ADDRESS_REFUSED = "address_refused", _("the address does not exist or takes no messages")
    MESSAGE_REFUSED = "message_refused", _("the carrier does not take this message")
    GAVE_UP = "gave_up", _("the carrier did not answer, time after time")


class OutboxMessage(models.Model):
    """One message to one person, written in the transaction that caused it and sent afterwards.

    `sent_at`: a carrier took it. `claimed_at`: a sender is at it; a claim that grew old is another sender's, which
    sends under the same number again: a message may arrive twice, never not at all.
    """

    holder_id = models.BigIntegerField(db_index=True)
    channel = models.CharField(max_length=8, choices=Channel.choices)
    template = models.CharField(max_length=40)
    body_encrypted = models.BinaryField()
    language = models.CharField(max_length=2, default="id", db_default="id")
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField(null=True)
    # The next attempt's; None: as soon as somebody looks.
    due_at = models.DateTimeField(null=True)
    claimed_at = models.DateTimeField(null=True)
    attempt_count = models.PositiveSmallIntegerField(default=0, db_default=0)
    sent_at = models.DateTimeField(null=True)
    carrier_reference = models.CharField(max_length=100, blank=True, default="", db_default="")
    failed_at = models.DateTimeField(null=True)
    failure = models.CharField(max_length=16, choices=Failure.choices, blank=True, default="", db_default="")

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(failed_at=None, failure="") | Q(failed_at__isnull=False, sent_at=None) & ~Q(failure=""),
                name="messaging_message_sent_or_failed",
                violation_error_message="A message was taken by a carrier or it failed with a reason, never both.",
            ),
        ]
        indexes = [
            models.Index(
                fields=["created_at"], name="messaging_message_waiting", condition=Q(sent_at=None, failed_at=None)
            ),
            models.Index(fields=["id"], name="messaging_message_failed", condition=Q(failed_at__isnull=False)),
            BrinIndex(fields=["created_at"], name="messaging_message_written", autosummarize=True),
        ]


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
