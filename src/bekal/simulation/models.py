"""Who is simulated, and how far they have lived: what a walk needs to go on where it stopped."""

from django.db import models
from django.db.models import Q

from bekal.participants.models import Participant


class Cohort(models.Model):
    """The people one `simulate` adds. Everything they will ever do follows from these numbers and from what they have
    done so far, so that a walk can be stopped anywhere and taken up again."""

    year = models.PositiveSmallIntegerField()
    seed = models.BigIntegerField()
    participant_count = models.PositiveIntegerField()
    scripted_count = models.PositiveSmallIntegerField(default=0)
    first_number = models.BigIntegerField()
    first_wave_number = models.PositiveIntegerField()
    wave_count = models.PositiveSmallIntegerField()
    reject_every = models.PositiveIntegerField()
    until_at = models.DateTimeField()
    lived_until_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(lived_until_at__lte=models.F("until_at")),
                name="simulation_cohort_lives_no_longer_than_asked",
            ),
        ]


class CohortMember(models.Model):
    """Which participant a place in a cohort became when it registered."""

    participant = models.OneToOneField(Participant, primary_key=True, on_delete=models.PROTECT)
    cohort = models.ForeignKey(Cohort, on_delete=models.PROTECT, related_name="members")
    place = models.PositiveIntegerField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["cohort", "place"], name="simulation_cohortmember_place")]
