"""Versions of the fitted model, and what was shown to whom."""

from django.contrib.postgres.fields import ArrayField
from django.db import models

from bekal.accounts.provinces import PROVINCES
from bekal.catalogue.models import Training
from bekal.ledger.append_only import AppendOnlyModel
from bekal.participants.models import Education, Employment, Sex


class ModelVersion(AppendOnlyModel):
    """One fitted model: arrays and a manifest with their hash, no pickle. The newest version serves."""

    fitted_at = models.DateTimeField()
    manifest = models.JSONField()
    arrays = models.BinaryField()
    sha256 = models.BinaryField(max_length=32)
    people_count = models.PositiveIntegerField()
    choice_count = models.PositiveIntegerField()


class Exposure(AppendOnlyModel):
    """One list as it was shown: what, to whom, with which balance, by which model."""

    participation_id = models.BigIntegerField(db_index=True)
    model_version = models.ForeignKey(ModelVersion, on_delete=models.PROTECT, related_name="exposures")
    shown_at = models.DateTimeField()
    balance_rupiah = models.BigIntegerField()
    trainings = ArrayField(models.BigIntegerField())
    scores = ArrayField(models.FloatField())


class EarlierLearner(models.Model):
    """A person of an imported data set whose choices teach the model; known by a hash and a coarse profile."""

    key_hash = models.BinaryField(max_length=32, unique=True)
    sex = models.CharField(max_length=1, choices=Sex.choices, blank=True)
    birth_year = models.PositiveSmallIntegerField(null=True)
    education = models.PositiveSmallIntegerField(choices=Education.choices, null=True)
    employment = models.PositiveSmallIntegerField(choices=Employment.choices, null=True)
    province = models.PositiveSmallIntegerField(choices=tuple(PROVINCES.items()), null=True)


class EarlierChoice(models.Model):
    """One training an earlier learner completed."""

    learner = models.ForeignKey(EarlierLearner, on_delete=models.PROTECT, related_name="choices")
    training = models.ForeignKey(Training, on_delete=models.PROTECT, related_name="earlier_choices")
    completed_on = models.DateField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["learner", "training"], name="recommender_earlierchoice_once")]
