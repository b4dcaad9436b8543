"""People, where they live, how to reach and to pay them, waves and participations."""

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from bekal.accounts.models import User
from bekal.accounts.provinces import PROVINCES


class Sex(models.TextChoices):
    FEMALE = "F", _("woman")
    MALE = "M", _("man")


class Education(models.IntegerChoices):
    PRIMARY = 1, _("primary school")
    JUNIOR = 2, _("junior secondary school")
    SENIOR = 3, _("senior secondary school")
    VOCATIONAL = 4, _("vocational secondary school")
    DIPLOMA = 5, _("diploma")
    BACHELOR = 6, _("bachelor or higher")


class Employment(models.IntegerChoices):
    UNEMPLOYED = 1, _("looking for work")
    EMPLOYEE = 2, _("employee")
    BUSINESS = 3, _("business owner")


class District(models.Model):
    """A regency or city (kabupaten, kota) by the number under which the programme publishes it."""

    id = models.PositiveIntegerField(primary_key=True)
    name = models.CharField(max_length=100)
    province = models.PositiveSmallIntegerField(choices=tuple(PROVINCES.items()))

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(province__in=list(PROVINCES)), name="participants_district_known_province"
            ),
            # At the end of the statement, so that two districts may change names with each other.
            models.UniqueConstraint(
                fields=["province", "name"],
                name="participants_district_once_in_province",
                deferrable=models.Deferrable.IMMEDIATE,
                violation_error_message="The province has a district of this name under another number.",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class DistrictYear(models.Model):
    """How many people of a district were accepted in a calendar year, as published: the weight of the district."""

    district = models.ForeignKey(District, on_delete=models.PROTECT, related_name="years")
    year = models.PositiveSmallIntegerField()
    accepted_count = models.PositiveIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["district", "year"], name="participants_districtyear_once"),
            models.CheckConstraint(
                condition=Q(year__gte=2000, year__lte=2100), name="participants_districtyear_plausible_year"
            ),
        ]


class Participant(models.Model):
    """One person; sign-in is optional until they first use the dashboard."""

    user = models.OneToOneField(User, null=True, on_delete=models.PROTECT, related_name="participant")
    full_name = models.CharField(max_length=150)
    nik_encrypted = models.BinaryField()
    sex = models.CharField(max_length=1, choices=Sex.choices)
    born_on = models.DateField()
    education = models.PositiveSmallIntegerField(choices=Education.choices)
    employment = models.PositiveSmallIntegerField(choices=Employment.choices)
    province = models.PositiveSmallIntegerField(choices=tuple(PROVINCES.items()))
    district = models.ForeignKey(District, null=True, on_delete=models.PROTECT, related_name="+")
    registered_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(sex__in=Sex.values), name="participants_participant_known_sex"),
            models.CheckConstraint(
                condition=Q(education__in=Education.values), name="participants_participant_known_education"
            ),
            models.CheckConstraint(
                condition=Q(employment__in=Employment.values), name="participants_participant_known_employment"
            ),
            models.CheckConstraint(
                condition=Q(province__in=list(PROVINCES)), name="participants_participant_known_province"
            ),
        ]

    def __str__(self) -> str:
        return self.full_name


class NikDirectory(models.Model):
    """One NIK, one person, over the whole programme (a directory: unique across owners)."""

    nik_hash = models.BinaryField(max_length=32, primary_key=True)
    participant = models.OneToOneField(Participant, on_delete=models.PROTECT)


class ContactPoint(models.Model):
    class Kind(models.TextChoices):
        PHONE = "phone", _("phone number")
        EMAIL = "email", _("e-mail address")

    participant = models.ForeignKey(Participant, on_delete=models.PROTECT, related_name="contact_points")
    kind = models.CharField(max_length=8, choices=Kind.choices)
    value_encrypted = models.BinaryField()
    masked = models.CharField(max_length=80)
    verified_at = models.DateTimeField(null=True)
    unreachable_since_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["participant", "kind"], name="participants_contactpoint_one_per_kind")
        ]


class AttributeSighting(models.Model):
    """A phone number, e-mail address or account that one person has, or had until it was replaced, by keyed hash.

    Alarms look at who shares one. A wallet's number is a phone number and is written as one, so that a wallet and the
    phone of another person meet. `source_sha256` is of the encrypted value it was read from. Forgotten by a dated rule.
    """

    class Kind(models.TextChoices):
        PHONE = "phone", _("phone number or wallet")
        EMAIL = "email", _("e-mail address")
        ACCOUNT = "account", _("bank account")

    participant = models.ForeignKey(
        Participant, on_delete=models.PROTECT, related_name="attribute_sightings", db_index=False
    )
    kind = models.CharField(max_length=8, choices=Kind.choices)
    value_hash = models.BinaryField(max_length=32)
    source_sha256 = models.BinaryField(max_length=32)
    first_seen_at = models.DateTimeField()
    replaced_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["participant", "source_sha256"], name="participants_attributesighting_once")
        ]
        indexes = [models.Index(fields=["value_hash"], name="attribute_shared")]


class PaymentPartner(models.TextChoices):
    BNI = "bni", "BNI"
    OVO = "ovo", "OVO"
    GOPAY = "gopay", "GoPay"
    LINKAJA = "linkaja", "LinkAja"


class PayoutAccount(models.Model):
    """Where a participant's incentives are paid: one account per person, and one person per account.

    `pays_from_at`: it took the place of another, and is paid to from this instant on.
    """

    participant = models.OneToOneField(Participant, on_delete=models.PROTECT, related_name="payout_account")
    partner = models.CharField(max_length=12, choices=PaymentPartner.choices)
    number_encrypted = models.BinaryField()
    masked = models.CharField(max_length=40)
    holder_name = models.CharField(max_length=150)
    verified_at = models.DateTimeField(null=True)
    pays_from_at = models.DateTimeField(null=True)


class SecondPayoutAccount(models.Model):
    """Where a participant's incentives go next when the first account cannot be paid to: then the two change places.

    It takes a code and waits as a changed account does: it is paid to from `pays_from_at` on.
    """

    participant = models.OneToOneField(Participant, on_delete=models.PROTECT, related_name="second_account")
    partner = models.CharField(max_length=12, choices=PaymentPartner.choices)
    number_encrypted = models.BinaryField()
    masked = models.CharField(max_length=40)
    holder_name = models.CharField(max_length=150)
    verified_at = models.DateTimeField(null=True)
    pays_from_at = models.DateTimeField()


class PayoutAccountDirectory(models.Model):
    """One payout account, one person, over the whole programme (a directory: unique across owners), be it somebody's
    first or second."""

    account_hash = models.BinaryField(max_length=32, primary_key=True)
    account = models.OneToOneField(PayoutAccount, null=True, on_delete=models.PROTECT)
    second = models.OneToOneField(SecondPayoutAccount, null=True, on_delete=models.PROTECT, related_name="directory")

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(account__isnull=False, second__isnull=True) | Q(account__isnull=True, second__isnull=False),
                name="participants_payoutaccountdirectory_first_or_second",
                violation_error_message="An account is somebody's first or second, not both.",
            ),
        ]


class Wave(models.Model):
    number = models.PositiveIntegerField(unique=True)
    opens_on = models.DateField()
    closes_on = models.DateField()
    quota_count = models.PositiveIntegerField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(closes_on__gte=F("opens_on")),
                name="participants_wave_closes_after_opening",
                violation_error_message="A wave closes on or after the day it opens.",
            ),
            models.CheckConstraint(condition=Q(quota_count__gt=0), name="participants_wave_has_places"),
        ]

    def __str__(self) -> str:
        return str(self.number)


class Participation(models.Model):
    """One person's place in one wave, once in a life; its number is the owner of all its money in the ledger.

    The two dates are the rules of the day of acceptance, kept with the person, because those rules stay theirs.
    """

    participant = models.OneToOneField(Participant, on_delete=models.PROTECT, related_name="participation")
    wave = models.ForeignKey(Wave, on_delete=models.PROTECT, related_name="participations")
    accepted_at = models.DateTimeField()
    accepted_on = models.DateField()
    first_purchase_due_on = models.DateField()
    balance_ends_on = models.DateField()
    revoked_at = models.DateTimeField(null=True)
    balance_ended_at = models.DateTimeField(null=True)
    # The place was taken back because its conditions were never met; what was received has to be paid back.
    clawed_back_at = models.DateTimeField(null=True)
    # The year of this participation is closed: what was not earned by then has returned; nothing is earned any more.
    closed_at = models.DateTimeField(null=True)
    # Somebody whose earlier history stayed in another system: when their opening balances were taken over, their sum
    # (the proof compares it with the ledger), and what had happened before. Numbers of instalments and surveys go on
    # after those that were paid.
    opened_at = models.DateTimeField(null=True)
    opened_rupiah = models.BigIntegerField(default=0, db_default=0)
    bought_before = models.BooleanField(default=False, db_default=False)
    incentives_paid_before_count = models.PositiveSmallIntegerField(default=0, db_default=0)
    surveys_paid_before_count = models.PositiveSmallIntegerField(default=0, db_default=0)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(
                    opened_at=None,
                    opened_rupiah=0,
                    bought_before=False,
                    incentives_paid_before_count=0,
                    surveys_paid_before_count=0,
                )
                | Q(opened_at__gte=F("accepted_at"), opened_rupiah__gte=0),
                name="participants_participation_before_opening",
                violation_error_message="Only who was taken over with opening balances has something from before.",
            ),
            # Who is accepted on the last day of the balance has that one day.
            models.CheckConstraint(
                condition=Q(first_purchase_due_on__gte=F("accepted_on")),
                name="participants_participation_deadline_not_before",
            ),
            models.CheckConstraint(
                condition=Q(revoked_at__isnull=True)
                | Q(balance_ended_at__isnull=True)
                | Q(balance_ended_at__lte=F("revoked_at")),
                name="participants_participation_ends_once",
                violation_error_message="A revoked participation has no balance left to end.",
            ),
            models.CheckConstraint(
                condition=Q(clawed_back_at__isnull=True) | Q(revoked_at__isnull=False),
                name="participants_participation_clawed_back_is_revoked",
                violation_error_message="Whose money is clawed back has lost the place.",
            ),
        ]
        indexes = [
            models.Index(
                fields=["first_purchase_due_on"], name="participation_due", condition=Q(revoked_at__isnull=True)
            ),
            models.Index(
                fields=["balance_ends_on"], name="participation_ends", condition=Q(balance_ended_at__isnull=True)
            ),
            models.Index(fields=["balance_ends_on", "id"], name="participation_open", condition=Q(closed_at=None)),
            models.Index(
                fields=["opened_at"], name="participation_paid_before", condition=Q(incentives_paid_before_count__gt=0)
            ),
        ]
