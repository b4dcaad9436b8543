"""Tables of webhooks: where partners are told, what happened, and each message on its way."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from bekal.partners.models import Partner


class WebhookEndpoint(models.Model):
    """Where a partner wants to be told what happened to its own purchases. Its secret signs what is sent there."""

    partner = models.ForeignKey(Partner, on_delete=models.PROTECT, related_name="webhook_endpoints", db_index=False)
    is_sandbox = models.BooleanField()
    url = models.CharField(max_length=500)
    secret_encrypted = models.BinaryField()
    # The one before, which signs as well until then (the machine's instant), so that a receiver can go over.
    old_secret_encrypted = models.BinaryField(null=True)
    old_secret_until_at = models.DateTimeField(null=True)
    # The kinds of events that are sent there; none named: all of them.
    events = ArrayField(models.CharField(max_length=40), default=list)
    registered_at = models.DateTimeField()
    # The world's own instant from which on events are told.
    told_from_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True)
    # Why it was closed by the programme and not by the partner: the receiver said so, or failed for days.
    close_reason = models.CharField(max_length=40, blank=True, default="", db_default="")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["partner", "is_sandbox", "url"],
                name="partners_webhook_once",
                condition=Q(closed_at=None),
            ),
            models.CheckConstraint(
                condition=Q(closed_at__isnull=False) | Q(close_reason=""), name="partners_webhook_closed_for_a_reason"
            ),
        ]


class WebhookEvent(models.Model):
    """One thing that happened to a partner's purchase, told at most once under one number; no personal data."""

    partner = models.ForeignKey(Partner, on_delete=models.PROTECT, related_name="webhook_events", db_index=False)
    is_sandbox = models.BooleanField()
    # What makes two findings the same event: its kind and what it is about.
    event_key = models.CharField(max_length=80)
    kind = models.CharField(max_length=40)
    values = models.JSONField()
    happened_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["partner", "is_sandbox", "event_key"], name="partners_event_once"),
        ]


class WebhookDelivery(models.Model):
    """One event on its way to one endpoint: the intent, its attempts, and how it ended."""

    endpoint = models.ForeignKey(WebhookEndpoint, on_delete=models.PROTECT, related_name="deliveries", db_index=False)
    event = models.ForeignKey(WebhookEvent, on_delete=models.PROTECT, related_name="deliveries")
    written_at = models.DateTimeField()
    due_at = models.DateTimeField()
    claimed_at = models.DateTimeField(null=True)
    attempt_count = models.PositiveSmallIntegerField(default=0, db_default=0)
    delivered_at = models.DateTimeField(null=True)
    failed_at = models.DateTimeField(null=True)
    # Of the last attempt: the status of the answer (None: there was none) and what went wrong, in a word.
    answer_status = models.PositiveSmallIntegerField(null=True)
    fault = models.CharField(max_length=40, blank=True, default="", db_default="")
    replay_count = models.PositiveSmallIntegerField(default=0, db_default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["endpoint", "event"], name="partners_delivery_once"),
            models.CheckConstraint(
                condition=Q(delivered_at=None) | Q(failed_at=None), name="partners_delivery_delivered_or_failed"
            ),
        ]
        indexes = [
            models.Index(
                fields=["due_at"], name="webhook_delivery_waiting", condition=Q(delivered_at=None, failed_at=None)
            ),
        ]
