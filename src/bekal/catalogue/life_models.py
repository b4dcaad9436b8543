"""What becomes of what can be bought: prices, accreditation, ownership, curation, suspension, moved sessions."""

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from bekal.accounts.models import User
from bekal.accounts.provinces import PROVINCES
from bekal.catalogue.shelf_models import MAX_PRICE_RUPIAH, Accredited, Category, Institution, Platform, Training
from bekal.ledger.append_only import AppendOnlyModel

REASON_LIMIT_COUNT = 300


def exactly_one(*names: str) -> Q:
    """A condition: one of these columns is filled, the others are not."""
    found = Q()
    for name in names:
        found |= Q(**{f"{other}__isnull": other != name for other in names})
    return found


class TrainingPrice(AppendOnlyModel):
    """The price of a training from `since_at` until its next row."""

    class Source(models.TextChoices):
        IMPORT = "import", _("the office's catalogue")
        CURATION = "curation", _("curated")
        LOWERED = "lowered", _("lowered by the institution")

    training = models.ForeignKey(Training, on_delete=models.PROTECT, related_name="prices")
    price_rupiah = models.BigIntegerField()
    source = models.CharField(max_length=8, choices=Source.choices)
    set_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    since_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["training", "since_at"], name="catalogue_price_one_an_instant"),
            models.CheckConstraint(
                condition=Q(price_rupiah__gte=0, price_rupiah__lte=MAX_PRICE_RUPIAH), name="catalogue_price_in_bounds"
            ),
        ]


class Accreditation(AppendOnlyModel):
    """One decision about an institution or a platform; the newest stands on its row."""

    institution = models.ForeignKey(Institution, null=True, on_delete=models.PROTECT, related_name="accreditations")
    platform = models.ForeignKey(Platform, null=True, on_delete=models.PROTECT, related_name="accreditations")
    state = models.CharField(max_length=12, choices=Accredited.State.choices)
    number = models.CharField(max_length=60, blank=True)
    from_on = models.DateField(null=True)
    until_on = models.DateField(null=True)
    reason = models.CharField(max_length=REASON_LIMIT_COUNT)
    decided_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    decided_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=exactly_one("institution", "platform"), name="catalogue_accreditation_of_one"
            )
        ]


class Owner(models.Model):
    """Who owns institutions, platforms or other owners. Disclosed, so it holds a name and no other word about a person;
    one that is itself an institution or a platform of the catalogue says so."""

    class Kind(models.TextChoices):
        PERSON = "person", _("person")
        COMPANY = "company", _("company")
        FOUNDATION = "foundation", _("foundation")
        STATE = "state", _("state body")
        INSTITUTION = "institution", _("institution of the catalogue")
        PLATFORM = "platform", _("platform of the catalogue")

    name = models.CharField(max_length=200)
    kind = models.CharField(max_length=12, choices=Kind.choices)
    institution = models.ForeignKey(Institution, null=True, on_delete=models.PROTECT, related_name="as_owner")
    platform = models.ForeignKey(Platform, null=True, on_delete=models.PROTECT, related_name="as_owner")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["name", "kind"], name="catalogue_owner_once"),
            models.CheckConstraint(
                condition=Q(kind="institution", institution__isnull=False, platform=None)
                | Q(kind="platform", institution=None, platform__isnull=False)
                | ~Q(kind__in=["institution", "platform"]) & Q(institution=None, platform=None),
                name="catalogue_owner_is_what_it_says",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Ownership(models.Model):
    """That an owner holds a share of an institution, a platform or another owner, from a day to a day."""

    shareholder = models.ForeignKey(Owner, on_delete=models.PROTECT, related_name="holdings")
    institution = models.ForeignKey(Institution, null=True, on_delete=models.PROTECT, related_name="ownerships")
    platform = models.ForeignKey(Platform, null=True, on_delete=models.PROTECT, related_name="ownerships")
    held_owner = models.ForeignKey(Owner, null=True, on_delete=models.PROTECT, related_name="held_by")
    share_percent = models.DecimalField(max_digits=5, decimal_places=2)
    since_on = models.DateField()
    until_on = models.DateField(null=True)  # the last day
    recorded_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    recorded_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=exactly_one("institution", "platform", "held_owner"), name="catalogue_ownership_of_one"
            ),
            models.CheckConstraint(
                condition=Q(share_percent__gt=0, share_percent__lte=100), name="catalogue_ownership_share"
            ),
            models.CheckConstraint(
                condition=Q(until_on=None) | Q(until_on__gte=F("since_on")), name="catalogue_ownership_days"
            ),
            models.CheckConstraint(
                condition=Q(held_owner=None) | ~Q(held_owner=F("shareholder")), name="catalogue_owner_holds_another"
            ),
        ]


class CuratorInterest(models.Model):
    """That somebody who may curate is bound to an institution, a platform or an owner."""

    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    institution = models.ForeignKey(Institution, null=True, on_delete=models.PROTECT, related_name="+")
    platform = models.ForeignKey(Platform, null=True, on_delete=models.PROTECT, related_name="+")
    shareholder = models.ForeignKey(Owner, null=True, on_delete=models.PROTECT, related_name="+")
    explanation = models.CharField(max_length=REASON_LIMIT_COUNT)
    declared_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    declared_at = models.DateTimeField()
    ended_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=exactly_one("institution", "platform", "shareholder"), name="catalogue_interest_in_one"
            ),
            models.CheckConstraint(
                condition=Q(ended_at=None, ended_by=None) | Q(ended_at__isnull=False) & ~Q(ended_by=F("user")),
                name="catalogue_interest_ended_by_another",
                violation_error_message="Whoever is bound does not declare it over: another officer does.",
            ),
        ]


class Suspension(models.Model):
    """That nothing of an institution, a platform or a training is sold or settled, until another officer lifts it."""

    institution = models.ForeignKey(Institution, null=True, on_delete=models.PROTECT, related_name="suspensions")
    platform = models.ForeignKey(Platform, null=True, on_delete=models.PROTECT, related_name="suspensions")
    training = models.ForeignKey(Training, null=True, on_delete=models.PROTECT, related_name="suspensions")
    reason = models.CharField(max_length=REASON_LIMIT_COUNT)
    suspended_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    suspended_at = models.DateTimeField()
    lifted_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    lifted_at = models.DateTimeField(null=True)
    lift_reason = models.CharField(max_length=REASON_LIMIT_COUNT, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=exactly_one("institution", "platform", "training"), name="catalogue_suspension_of_one"
            ),
            models.CheckConstraint(condition=~Q(reason=""), name="catalogue_suspension_has_reason"),
            models.CheckConstraint(
                condition=Q(lifted_at=None, lifted_by=None, lift_reason="")
                | Q(lifted_at__isnull=False, lifted_by__isnull=False)
                & ~Q(lift_reason="")
                & ~Q(lifted_by=F("suspended_by")),
                name="catalogue_suspension_lifted_by_another",
                violation_error_message="Whoever suspends does not lift it: another officer does, and says why.",
            ),
            *(
                models.UniqueConstraint(
                    fields=[name], name=f"catalogue_one_suspension_{name}", condition=Q(lifted_at=None)
                )
                for name in ("institution", "platform", "training")
            ),
        ]


class Submission(models.Model):
    """A training, or a change of one, that an institution offers: what it would be, until a curator has decided."""

    class State(models.TextChoices):
        DRAFT = "draft", _("draft")
        SUBMITTED = "submitted", _("waits for curation")
        RETURNED = "returned", _("returned")
        APPROVED = "approved", _("approved")
        WITHDRAWN = "withdrawn", _("offer withdrawn")

    institution = models.ForeignKey(Institution, on_delete=models.PROTECT, related_name="submissions")
    platform = models.ForeignKey(Platform, null=True, on_delete=models.PROTECT, related_name="submissions")
    training = models.ForeignKey(Training, null=True, on_delete=models.PROTECT, related_name="submissions")
    code = models.CharField(max_length=60)
    state = models.CharField(max_length=10, choices=State.choices)
    title = models.CharField(max_length=300)
    description = models.TextField(blank=True)
    category = models.ForeignKey(Category, on_delete=models.PROTECT, related_name="+")
    price_rupiah = models.BigIntegerField()
    mode = models.CharField(max_length=12, choices=Training.Mode.choices)
    province = models.PositiveSmallIntegerField(null=True, choices=tuple(PROVINCES.items()))
    hours = models.PositiveSmallIntegerField(null=True)
    session_count = models.PositiveSmallIntegerField()
    seat_count = models.PositiveIntegerField(null=True)
    written_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")  # None: a system
    created_at = models.DateTimeField()
    submitted_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["code"],
                name="catalogue_submission_one_open",
                condition=Q(state__in=["draft", "submitted", "returned"]),
            ),
            models.CheckConstraint(
                condition=Q(price_rupiah__gte=0, price_rupiah__lte=MAX_PRICE_RUPIAH),
                name="catalogue_submission_price_in_bounds",
            ),
            models.CheckConstraint(
                condition=Q(session_count__gte=1, session_count__lte=30), name="catalogue_submission_has_sessions"
            ),
            models.CheckConstraint(
                condition=Q(state__in=["draft", "withdrawn"]) | Q(submitted_at__isnull=False),
                name="catalogue_submission_sent_at",
            ),
        ]
        indexes = [
            models.Index(fields=["submitted_at", "id"], name="submission_queue", condition=Q(state="submitted")),
            models.Index(fields=["institution", "-id"], name="submission_of_institution"),
        ]


class CurationDecision(AppendOnlyModel):
    """What a curator decided of exactly what was seen: `content_sha256` is of the submission's content."""

    class Verdict(models.TextChoices):
        APPROVED = "approved", _("approved")
        RETURNED = "returned", _("returned")

    submission = models.ForeignKey(Submission, on_delete=models.PROTECT, related_name="decisions")
    verdict = models.CharField(max_length=8, choices=Verdict.choices)
    reason = models.CharField(max_length=1000)
    met = models.JSONField()  # the criteria that are met, by name, in the order of the checklist
    content_sha256 = models.BinaryField(max_length=32)
    curator = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    decided_at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["submission", "id"], name="curation_of_submission")]


class OfferChange(AppendOnlyModel):
    """That an institution put a training on sale, or took it off."""

    training = models.ForeignKey(Training, on_delete=models.PROTECT, related_name="offer_changes")
    is_offered = models.BooleanField()
    changed_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    changed_at = models.DateTimeField()


class SessionChange(AppendOnlyModel):
    """That a dated session was moved to `to_at`, or called off (None); `from_at` None: it had no date before."""

    training = models.ForeignKey(Training, on_delete=models.PROTECT, related_name="session_changes")
    sequence = models.PositiveSmallIntegerField()
    from_at = models.DateTimeField(null=True)
    to_at = models.DateTimeField(null=True)
    reason = models.CharField(max_length=REASON_LIMIT_COUNT)
    told_count = models.PositiveIntegerField()  # buyers who were sent a message
    changed_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    changed_at = models.DateTimeField()
