"""What can be bought: institutions, platforms, trainings, and the summary of their reviews."""

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from bekal.accounts.models import User
from bekal.accounts.provinces import PROVINCES

MAX_PRICE_RUPIAH = 100_000_000


class Category(models.Model):
    slug = models.SlugField(max_length=40, unique=True)
    name_id = models.CharField(max_length=80)
    name_en = models.CharField(max_length=80)

    def __str__(self) -> str:
        return self.name_id


class Institution(models.Model):
    code = models.CharField(max_length=40, unique=True)
    name = models.CharField(max_length=200)

    def __str__(self) -> str:
        return self.name


class InstitutionStaff(models.Model):
    """Who may act for an institution."""

    user = models.OneToOneField(User, on_delete=models.PROTECT, related_name="institution_staff")
    institution = models.ForeignKey(Institution, on_delete=models.PROTECT, related_name="staff")


class Platform(models.Model):
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
    on_sale = models.BooleanField(default=True)
    listed_at = models.DateTimeField()
    # Kept by the verbs that change them, in the same statement: a summary, never the source.
    bought_count = models.PositiveIntegerField(default=0)
    completed_count = models.PositiveIntegerField(default=0)
    rating_count = models.PositiveIntegerField(default=0)
    rating_sum = models.PositiveIntegerField(default=0)

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
        ]
        indexes = [
            models.Index(fields=["price_rupiah", "id"], name="training_on_sale_price", condition=Q(on_sale=True))
        ]

    def __str__(self) -> str:
        return self.title
