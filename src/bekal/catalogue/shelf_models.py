"""What can be bought: institutions, platforms, trainings, and the summary of their reviews."""

from django.db import models
from django.db.models import F, Q
from django.db.models.lookups import IsNull
from django.utils.translation import gettext_lazy as _

from bekal.accounts.models import User
from bekal.accounts.provinces import PROVINCES

MAX_PRICE_RUPIAH = 100_000_000
# Whoever locks several trainings takes those with a limit of seats first, as buying does (purchases/README.md).
LOCK_ORDER = (IsNull(F("seat_count"), True), "id")


class Category(models.Model):
    slug = models.SlugField(max_length=40, unique=True)
    name_id = models.CharField(max_length=80)
    name_en = models.CharField(max_length=80)

    def __str__(self) -> str:
        return self.name_id


class Accredited(models.Model):
    """Whoever may teach or sell here, and until when. What was there before anybody asked counts as accredited."""

    class State(models.TextChoices):
        ACCREDITED = "accredited", _("accredited")
        PENDING = "pending", _("not accredited yet")
        REVOKED = "revoked", _("accreditation taken away")

    accreditation = models.CharField(
        max_length=12, choices=State.choices, default=State.ACCREDITED, db_default=State.ACCREDITED.value
    )
    accreditation_number = models.CharField(max_length=60, blank=True, default="", db_default="")
    accredited_from_on = models.DateField(null=True)  # None: always
    accredited_until_on = models.DateField(null=True)  # the last day; None: no end is known

    class Meta:
        abstract = True


class Institution(Accredited):
    code = models.CharField(max_length=40, unique=True)
    name = models.CharField(max_length=200)
    # Nothing is settled to an institution that was stopped, until somebody lets it go on.
    settlement_stopped_at = models.DateTimeField(null=True)
    settlement_stop_reason = models.CharField(max_length=300, blank=True, default="", db_default="")

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(settlement_stopped_at=None, settlement_stop_reason="")
                | Q(settlement_stopped_at__isnull=False) & ~Q(settlement_stop_reason=""),
                name="catalogue_institution_stop_has_reason",
                violation_error_message="Whoever stops an institution's settlement says why.",
            )
        ]

    def __str__(self) -> str:
        return self.name


class InstitutionStaff(models.Model):
    """Who may act for an institution."""

    user = models.OneToOneField(User, on_delete=models.PROTECT, related_name="institution_staff")
    institution = models.ForeignKey(Institution, on_delete=models.PROTECT, related_name="staff")


class Platform(Accredited):
    code = models.CharField(max_length=40, unique=True)
    name = models.CharField(max_length=200)

    def __str__(self) -> str:
        return self.name


class Training(models.Model):
    class Mode(models.TextChoices):
        SELF_PACED = "self_paced", _("online, at your own pace")
        WEBINAR = "webinar", _("webinar")
        ON_SITE = "on_site", _("on site")

    code = models.CharField(max_length=60, unique=True)
    title = models.CharField(max_length=300)
    description = models.TextField(blank=True)
    category = models.ForeignKey(Category, on_delete=models.PROTECT, related_name="trainings")
    institution = models.ForeignKey(Institution, on_delete=models.PROTECT, related_name="trainings")
    platform = models.ForeignKey(Platform, null=True, on_delete=models.PROTECT, related_name="trainings")
    price_rupiah = models.BigIntegerField()
    mode = models.CharField(max_length=12, choices=Mode.choices, default=Mode.SELF_PACED)
    province = models.PositiveSmallIntegerField(null=True, choices=tuple(PROVINCES.items()))
    hours = models.PositiveSmallIntegerField(null=True)
    session_count = models.PositiveSmallIntegerField(default=1)
    seat_count = models.PositiveIntegerField(null=True)  # how many can ever be sold; None: no limit
    # Whether it can be bought now. Kept by the verbs (`on_sale.py`) of what decides it, so that searches, lists and
    # purchases read one flag: it is offered and not suspended, its institution and its platform are accredited.
    on_sale = models.BooleanField(default=True)
    is_offered = models.BooleanField(default=True, db_default=True)
    is_suspended = models.BooleanField(default=False, db_default=False)
    listed_at = models.DateTimeField()
    # Kept by the verbs that change them, in the same statement: a summary, never the source.
    bought_count = models.PositiveIntegerField(default=0)
    completed_count = models.PositiveIntegerField(default=0)
    rating_count = models.PositiveIntegerField(default=0)
    rating_sum = models.PositiveIntegerField(default=0)
    last_bought_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(price_rupiah__gte=0, price_rupiah__lte=MAX_PRICE_RUPIAH),
                name="catalogue_training_price_in_bounds",
                violation_error_message="A price is a whole amount between Rp0 and Rp100.000.000.",
            ),
            models.CheckConstraint(
                condition=Q(session_count__gte=1, session_count__lte=30), name="catalogue_training_has_sessions"
            ),
            models.CheckConstraint(
                condition=Q(rating_sum__gte=F("rating_count"), rating_sum__lte=F("rating_count") * 5),
                name="catalogue_training_ratings_1_to_5",
            ),
            models.CheckConstraint(
                condition=Q(seat_count=None) | Q(bought_count__lte=F("seat_count")),
                name="catalogue_training_sold_within_seats",
                violation_error_message="A training never has more buyers than seats.",
            ),
            models.CheckConstraint(
                condition=Q(on_sale=False) | Q(is_offered=True, is_suspended=False),
                name="catalogue_training_on_sale_if_offered",
                violation_error_message="What is not offered, or is suspended, cannot be bought.",
            ),
        ]
        indexes = [
            models.Index(fields=["price_rupiah", "id"], name="training_on_sale_price", condition=Q(on_sale=True))
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def seats_left(self) -> int | None:
        """How many can still be sold; None: no limit."""
        return None if self.seat_count is None else max(self.seat_count - self.bought_count, 0)


class Session(models.Model):
    """One dated meeting of a training, the `sequence`-th of its `session_count`."""

    training = models.ForeignKey(Training, on_delete=models.PROTECT, related_name="sessions")
    sequence = models.PositiveSmallIntegerField()
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField(null=True)
    place = models.CharField(max_length=200, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["training", "sequence"],
                name="catalogue_session_once_per_sequence",
                violation_error_message="This session of the training has a date already.",
            ),
            models.CheckConstraint(
                condition=Q(sequence__gte=1),
                name="catalogue_session_sequence_from_1",
                violation_error_message="The first session of a training has the number 1.",
            ),
            models.CheckConstraint(
                condition=Q(ends_at=None) | Q(ends_at__gt=F("starts_at")),
                name="catalogue_session_ends_after_start",
                violation_error_message="A session ends after it starts.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.training_id}/{self.sequence}"
