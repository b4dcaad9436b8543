"""What a partner's sandbox holds beside the tables of the programme, and what its calls have shown."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from bekal.participants.models import Wave
from bekal.purchases.models import Purchase


class SandboxPeople(models.Model):
    """One set of test people of a partner: the wave they were accepted into. The newest is the one in use.

    Rows stand in the sandbox's database alone."""

    partner = models.ForeignKey("partners.Partner", on_delete=models.PROTECT, related_name="sandbox_people")
    wave = models.OneToOneField(Wave, on_delete=models.PROTECT, related_name="sandbox_people")
    opened_at = models.DateTimeField()


class SandboxCode(models.Model):
    """A purchase of a test person whose redeem code the partner was shown, and what it is there to show.

    Rows stand in the sandbox's database alone."""

    class Purpose(models.TextChoices):
        SELF_PACED = "self_paced", _("unused, online at one's own pace")
        WEBINAR = "webinar", _("unused, webinar that begins now")
        ON_SITE = "on_site", _("unused, on site, begins now, 20 seats")
        LATER = "later", _("refused: webinar in three days, outside the window")
        USED = "used", _("refused: used already")
        CANCELLED = "cancelled", _("refused: the purchase was refunded, the transaction is cancelled")
        ENDED = "ended", _("refused: the purchase ended early, the code is cancelled")
        ELSEWHERE = "elsewhere", _("refused: belongs to another institution")

    people = models.ForeignKey(SandboxPeople, on_delete=models.PROTECT, related_name="codes")
    purchase = models.OneToOneField(Purchase, on_delete=models.PROTECT, related_name="sandbox_code")
    purpose = models.CharField(max_length=12, choices=Purpose.choices)
    shown_at = models.DateTimeField()


class ConformanceRecord(models.Model):
    """What a partner's sandbox calls have shown of one check of the contract: when it last went well, and when not."""

    partner = models.ForeignKey(
        "partners.Partner", on_delete=models.PROTECT, related_name="conformance_records", db_index=False
    )
    check_code = models.CharField(max_length=60)
    ok_at = models.DateTimeField(null=True)
    failed_at = models.DateTimeField(null=True)
    # The refusal's code of the last failure.
    failure = models.CharField(max_length=60, blank=True, default="", db_default="")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["partner", "check_code"], name="partners_conformance_once"),
            models.CheckConstraint(
                condition=Q(ok_at__isnull=False) | Q(failed_at__isnull=False),
                name="partners_conformance_says_something",
            ),
        ]


class SandboxCall(models.Model):
    """A signed call to the sandbox as its partner sees it on its page; the oldest of many go."""

    partner = models.ForeignKey("partners.Partner", on_delete=models.PROTECT, related_name="sandbox_calls")
    client_code = models.CharField(max_length=60)
    method = models.CharField(max_length=8)
    operation = models.CharField(max_length=80)
    status = models.PositiveSmallIntegerField()
    outcome = models.CharField(max_length=60)
    called_at = models.DateTimeField()
