"""The systems of institutions and platforms: who they are, what they sign with, and how often they were wrong."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from bekal.catalogue.models import Institution, Platform


class Partner(models.Model):
    """The system of one institution or platform. Until the programme has tied it to one it has sandbox keys only."""

    class Kind(models.TextChoices):
        INSTITUTION = "institution", _("training institution")
        PLATFORM = "platform", _("digital platform")

    code = models.CharField(max_length=40, unique=True)
    name = models.CharField(max_length=200)
    kind = models.CharField(max_length=12, choices=Kind.choices)
    institution = models.OneToOneField(Institution, null=True, on_delete=models.PROTECT, related_name="partner")
    platform = models.OneToOneField(Platform, null=True, on_delete=models.PROTECT, related_name="partner")
    registered_at = models.DateTimeField()
    # A suspended partner is answered nothing, whatever it signs with, until an officer lifts it.
    suspended_at = models.DateTimeField(null=True)
    suspension_reason = models.CharField(max_length=300, blank=True, default="", db_default="")
    # How far the partner has moved the programme clock of its own sandbox away from the programme's; set in that row
    # alone which stands in the sandbox.
    sandbox_offset = models.DurationField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(kind="institution", platform=None) | Q(kind="platform", institution=None),
                name="partners_partner_is_one_or_the_other",
                violation_error_message="A partner is the system of an institution or of a platform, never of both.",
            ),
            models.CheckConstraint(
                condition=Q(suspended_at=None, suspension_reason="")
                | Q(suspended_at__isnull=False) & ~Q(suspension_reason=""),
                name="partners_partner_suspension_has_reason",
                violation_error_message="Whoever suspends a partner says why.",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class PartnerKey(models.Model):
    """What a partner signs with: two may be live for one generation and world, so that one can be rotated."""

    class Generation(models.IntegerChoices):
        V1 = 1, "v1"
        V2 = 2, "v2"

    partner = models.ForeignKey(Partner, on_delete=models.PROTECT, related_name="keys")
    generation = models.PositiveSmallIntegerField(choices=Generation.choices)
    is_sandbox = models.BooleanField()
    # What is sent in clear to say whose call it is; the secret never is.
    client_code = models.CharField(max_length=60, unique=True)
    secret_encrypted = models.BinaryField()
    scopes = ArrayField(models.CharField(max_length=40), default=list)
    issued_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True)
    # Codes asked for that are nobody's or another's; twenty suspend the key until an officer lifts it.
    miss_count = models.PositiveIntegerField(default=0, db_default=0)
    suspended_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(generation__in=[1, 2]), name="partners_key_known_generation"),
            models.CheckConstraint(
                condition=Q(revoked_at=None) | Q(revoked_at__gte=F("issued_at")),
                name="partners_key_revoked_after_issue",
                violation_error_message="A key is revoked after it was issued.",
            ),
        ]


class PartnerCall(models.Model):
    """A call and its first answer: the same signature, or the same idempotency key, again is answered with it.

    `request_hash` is a keyed hash over what makes two calls the same for this key; `body_hash` tells whether what was
    asked is the same, too. Calls of v1 are forgotten once their timestamp is out of the window; those of v2 that move
    money or record evidence never are (`is_permanent`).
    """

    key = models.ForeignKey(PartnerKey, on_delete=models.PROTECT, related_name="calls", db_index=False)
    request_hash = models.BinaryField(max_length=32)
    body_hash = models.BinaryField(max_length=32)
    operation = models.CharField(max_length=60)
    is_permanent = models.BooleanField(default=False, db_default=False)
    # None only inside the transaction that answers.
    status = models.PositiveSmallIntegerField(null=True)
    answer_encrypted = models.BinaryField(null=True)
    called_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["key", "request_hash"], name="partners_call_answered_once"),
            models.CheckConstraint(
                condition=Q(status=None, answer_encrypted=None)
                | Q(status__isnull=False, answer_encrypted__isnull=False),
                name="partners_call_answer_is_whole",
            ),
        ]
        indexes = [
            models.Index(fields=["called_at"], name="partner_call_to_forget", condition=Q(is_permanent=False)),
        ]


class CallCounter(models.Model):
    """How often a day each key was used, and was refused for which reason: all that a refused call leaves behind.

    `key` is None where the client code is nobody's.
    """

    key = models.ForeignKey(PartnerKey, null=True, on_delete=models.PROTECT, related_name="counters", db_index=False)
    counted_on = models.DateField()
    operation = models.CharField(max_length=60, blank=True)
    outcome = models.CharField(max_length=40)
    call_count = models.PositiveBigIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["key", "counted_on", "operation", "outcome"],
                name="partners_counter_once",
                nulls_distinct=False,
            ),
        ]


class RedirectUri(models.Model):
    """Where a partner may have a participant sent back to; compared as a whole, never by its beginning."""

    partner = models.ForeignKey(Partner, on_delete=models.PROTECT, related_name="redirect_uris", db_index=False)
    uri = models.CharField(max_length=500)
    is_sandbox = models.BooleanField(default=False)
    registered_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["partner", "is_sandbox", "uri"], name="partners_redirect_once"),
        ]


class KeyedAnswer(models.Model):
    """A writing call of v2 and its first answer, by its idempotency key: one each for a partner in one world.

    `body_hash` (keyed) tells whether what is asked is the same; the first body is kept to say what differs. A row
    without an answer is seen by nobody: it stands only inside the transaction that answers. `is_permanent`: it moved
    money or recorded evidence, and is never forgotten. An answer that was a refusal stands under its signature.
    """

    partner = models.ForeignKey(Partner, on_delete=models.PROTECT, related_name="keyed_answers", db_index=False)
    is_sandbox = models.BooleanField()
    key_hash = models.BinaryField(max_length=32)
    operation = models.CharField(max_length=60)
    body_hash = models.BinaryField(max_length=32)
    body_encrypted = models.BinaryField()
    is_permanent = models.BooleanField()
    status = models.PositiveSmallIntegerField(null=True)
    answer_encrypted = models.BinaryField(null=True)
    called_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["partner", "is_sandbox", "key_hash"], name="partners_answered_once"),
            models.CheckConstraint(
                condition=Q(status=None, answer_encrypted=None)
                | Q(status__isnull=False, answer_encrypted__isnull=False),
                name="partners_keyed_answer_is_whole",
            ),
        ]
        indexes = [
            models.Index(fields=["called_at"], name="keyed_answer_to_forget", condition=Q(is_permanent=False)),
        ]


class CallBudget(models.Model):
    """How many calls a key may make at once: a bucket that calls empty and time fills."""

    key = models.OneToOneField(PartnerKey, primary_key=True, on_delete=models.PROTECT, related_name="call_budget")
    left = models.FloatField()
    counted_at = models.DateTimeField()


from bekal.partners.learning_models import AttendanceRequest as AttendanceRequest  # noqa: E402
from bekal.partners.learning_models import Task as Task  # noqa: E402
from bekal.partners.learning_models import TaskFeedback as TaskFeedback  # noqa: E402
from bekal.partners.learning_models import TaskSubmission as TaskSubmission  # noqa: E402
from bekal.partners.platform_models import PlatformSale as PlatformSale  # noqa: E402
from bekal.partners.platform_models import PurchaseIntent as PurchaseIntent  # noqa: E402
from bekal.partners.sandbox_models import ConformanceRecord as ConformanceRecord  # noqa: E402
from bekal.partners.sandbox_models import SandboxCall as SandboxCall  # noqa: E402
from bekal.partners.sandbox_models import SandboxCode as SandboxCode  # noqa: E402
from bekal.partners.sandbox_models import SandboxPeople as SandboxPeople  # noqa: E402
from bekal.partners.webhook_models import WebhookDelivery as WebhookDelivery  # noqa: E402
from bekal.partners.webhook_models import WebhookEndpoint as WebhookEndpoint  # noqa: E402
from bekal.partners.webhook_models import WebhookEvent as WebhookEvent  # noqa: E402
from bekal.partners.xapi_models import CourseStructure as CourseStructure  # noqa: E402
from bekal.partners.xapi_models import StatementTaken as StatementTaken  # noqa: E402
