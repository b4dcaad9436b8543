"""Versions of the fitted model and who let them serve, lists made in advance, and what was shown to whom."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from bekal.accounts.models import User
from bekal.accounts.provinces import PROVINCES
from bekal.catalogue.models import Training
from bekal.ledger.append_only import AppendOnlyModel
from bekal.participants.models import Education, Employment, Participant, Sex


class ModelVersion(AppendOnlyModel):
    """One fitted model: arrays and a manifest with their hash, no pickle. It serves once it was promoted."""

    fitted_at = models.DateTimeField()
    manifest = models.JSONField()
    arrays = models.BinaryField()
    sha256 = models.BinaryField(max_length=32)
    people_count = models.PositiveIntegerField()
    choice_count = models.PositiveIntegerField()


class ModelExamination(AppendOnlyModel):
    """How good, how fair and how hard to game a version was found; without one that passes it cannot be promoted."""

    model_version = models.ForeignKey(ModelVersion, on_delete=models.PROTECT, related_name="examinations")
    examined_at = models.DateTimeField()
    report = models.JSONField()
    passes = models.BooleanField()


class ModelProposal(AppendOnlyModel):
    """An officer wants this version to serve; another one has to agree."""

    model_version = models.ForeignKey(ModelVersion, on_delete=models.PROTECT, related_name="proposals")
    proposed_at = models.DateTimeField()
    proposed_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")


class ModelPromotion(AppendOnlyModel):
    """From now on this version serves: the newest row says which. A roll-back has no proposal: it returns to a version
    that two officers had agreed on before, so one command is enough.

    Who proposed is repeated here, so that the database itself refuses one person alone."""

    class Kind(models.TextChoices):
        PROMOTED = "promoted", _("put into service")
        ROLLED_BACK = "rolled_back", _("rolled back")

    kind = models.CharField(max_length=11, choices=Kind)
    model_version = models.ForeignKey(ModelVersion, on_delete=models.PROTECT, related_name="promotions")
    promoted_at = models.DateTimeField()
    promoted_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    proposal = models.OneToOneField(ModelProposal, null=True, on_delete=models.PROTECT, related_name="promotion")
    proposed_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="recommender_modelpromotion_second_person",
                # Not null is said for every column: a comparison with NULL would let the row pass.
                condition=Q(
                    ~Q(promoted_by=F("proposed_by")),
                    kind="promoted",
                    promoted_by__isnull=False,
                    proposed_by__isnull=False,
                    proposal__isnull=False,
                )
                | Q(kind="rolled_back", proposal__isnull=True, proposed_by__isnull=True),
                violation_error_message="A version is put into service by a second officer, after a proposal.",
            )
        ]


class Exposure(AppendOnlyModel):
    """One list as it was shown: what, to whom, with which balance, by which model, each with its propensity: the
    chance, over the draws of exploration, that it stood in this place. `explored_place` (from 1) is the labelled place
    that was drawn, where the list has one."""

    participation_id = models.BigIntegerField(db_index=True)
    model_version = models.ForeignKey(ModelVersion, on_delete=models.PROTECT, related_name="exposures")
    shown_at = models.DateTimeField()
    balance_rupiah = models.BigIntegerField()
    trainings = ArrayField(models.BigIntegerField())
    scores = ArrayField(models.FloatField())
    propensities = ArrayField(models.FloatField(), null=True)  # null: shown before they were kept
    explored_place = models.PositiveSmallIntegerField(null=True)


class PreparedList(models.Model):
    """A list made in the night for one participation; it is shown while nothing that it was made from has changed."""

    participation_id = models.BigIntegerField(primary_key=True)
    model_version = models.ForeignKey(ModelVersion, on_delete=models.PROTECT, related_name="+", db_index=False)
    prepared_at = models.DateTimeField()
    shelf_hash = models.BinaryField(max_length=32)  # of the shelf: what there was, when it began, its prices
    balance_rupiah = models.BigIntegerField()
    bought_count = models.PositiveSmallIntegerField()
    content = models.JSONField()  # places and plans, as `prepare_lists` writes and reads them


class Preparation(models.Model):
    """One nightly run over everybody. Killed anywhere, the next runner goes on after `last_participation_id`."""

    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)
    model_version = models.ForeignKey(ModelVersion, on_delete=models.PROTECT, related_name="preparations")
    shelf_hash = models.BinaryField(max_length=32)  # when it began
    last_participation_id = models.BigIntegerField(default=0)
    list_count = models.PositiveBigIntegerField(default=0)


class SeatPrice(models.Model):
    """What a seat of a training that may fill up is worth, in units of a list's value: it moves lists towards seats
    that are free. Never shown, and never any part of what is paid."""

    training = models.OneToOneField(Training, primary_key=True, on_delete=models.PROTECT, related_name="seat_price")
    price = models.FloatField()
    priced_at = models.DateTimeField()  # by the night's dual, or since then by the hour's seat counts
    is_nightly = models.BooleanField()
    seats_left = models.PositiveIntegerField()


class Personalisation(AppendOnlyModel):
    """A participant's own switch, newest row counts: where it is off no list is made from who they are."""

    participant = models.ForeignKey(Participant, on_delete=models.PROTECT, related_name="personalisations")
    is_enabled = models.BooleanField()
    switched_at = models.DateTimeField()


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
