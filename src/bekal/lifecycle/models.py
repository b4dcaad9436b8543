"""Runs of a verb over many people, in chunks, money that has to be paid back, and what was counted over everybody."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from bekal.accounts.models import User
from bekal.ledger.append_only import AppendOnlyModel
from bekal.participants.models import Participation, Wave


class MassRun(models.Model):
    """One verb over one list of people or purchases: planned, where money leaves or places are lost approved by a
    second person, and worked off in chunks by any number of workers.

    `at` is the instant the verb is given, the same for every chunk: of the approval, or of the plan without one (people
    are accepted when it is done). The approval is bound to what was shown: count, sum and SHA-256 of the list. An
    approved run is stopped by two people, too; what is done by then stays done."""

    class Operation(models.TextChoices):
        ACCEPT_WAVE = "accept_wave", _("accept a wave")
        ENTITLE = "entitle", _("plan instalments")
        REVOKE = "revoke", _("revoke places")
        END_BALANCES = "end_balances", _("end balances")
        SETTLE_INSTITUTIONS = "settle_institutions", _("settle institutions")
        CLOSE_YEAR = "close_year", _("close a year")

    operation = models.CharField(max_length=20, choices=Operation.choices)
    at = models.DateTimeField()
    parameters = models.JSONField(default=dict)
    subject_count = models.PositiveIntegerField()
    total_rupiah = models.BigIntegerField()
    list_sha256 = models.BinaryField(max_length=32)
    planned_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="planned_mass_runs")
    planned_at = models.DateTimeField()
    approved_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="approved_mass_runs")
    approved_at = models.DateTimeField(null=True)
    approved_sha256 = models.BinaryField(max_length=32, null=True)
    cancelled_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="cancelled_mass_runs")
    cancelled_at = models.DateTimeField(null=True)
    stop_asked_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="stop_asked_mass_runs")
    stop_asked_at = models.DateTimeField(null=True)
    stop_because = models.CharField(max_length=1000, blank=True, db_default="")
    stopped_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="stopped_mass_runs")
    stopped_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(approved_by=None) | Q(planned_by=None) | ~Q(approved_by=F("planned_by")),
                name="lifecycle_massrun_second_person",
                violation_error_message="The person who planned a run cannot approve it.",
            ),
            models.CheckConstraint(
                condition=Q(approved_at__isnull=True, approved_by__isnull=True, approved_sha256__isnull=True)
                | Q(
                    approved_at__isnull=False,
                    approved_by__isnull=False,
                    approved_sha256__isnull=False,
                    approved_sha256=F("list_sha256"),
                ),
                name="lifecycle_massrun_approval_bound_to_list",
                violation_error_message="An approval holds only for the list that was shown.",
            ),
            models.CheckConstraint(
                condition=Q(finished_at=None)
                | Q(operation__in=["accept_wave", "entitle"])
                | Q(approved_at__isnull=False),
                name="lifecycle_massrun_works_after_approval",
                violation_error_message="This run works only after a second person has approved it.",
            ),
            models.CheckConstraint(
                condition=Q(cancelled_by__isnull=True, cancelled_at__isnull=True)
                | Q(cancelled_by__isnull=False, cancelled_at__isnull=False, approved_at__isnull=True),
                name="lifecycle_massrun_cancelled_before_approval",
                violation_error_message="A run is cancelled by somebody, and before its approval.",
            ),
            models.CheckConstraint(
                condition=Q(stop_asked_by__isnull=True, stop_asked_at__isnull=True, stop_because="")
                | Q(stop_asked_by__isnull=False, stop_asked_at__isnull=False, approved_at__isnull=False)
                & ~Q(stop_because=""),
                name="lifecycle_massrun_stop_asked_with_reason",
                violation_error_message="Whoever asks to stop a run says why, and only an approved run is stopped.",
            ),
            models.CheckConstraint(
                condition=Q(stopped_by__isnull=True, stopped_at__isnull=True)
                # Not null is said for every column: a comparison with NULL would let the row pass.
                | Q(stopped_by__isnull=False, stopped_at__isnull=False, stop_asked_by__isnull=False)
                & ~Q(stopped_by=F("stop_asked_by")),
                name="lifecycle_massrun_stopped_by_second_person",
                violation_error_message="A run is stopped by another person than the one who asked for it.",
            ),
            models.CheckConstraint(
                condition=Q(stopped_at=None) | Q(finished_at=None),
                name="lifecycle_massrun_stopped_or_finished",
                violation_error_message="A run that is done cannot be stopped any more.",
            ),
        ]
        indexes = [
            models.Index(
                fields=["id"],
                name="massrun_open",
                condition=Q(finished_at=None, cancelled_at=None, stopped_at=None),
            ),
        ]


class MassChunk(models.Model):
    """A part of a run's list: numbers in ascending order, and the amount planned for each.

    The transaction that does its work writes `done_at`: that is the checkpoint. One that failed stays free and says so.
    """

    run = models.ForeignKey(MassRun, on_delete=models.CASCADE, related_name="chunks", db_index=False)
    number = models.PositiveIntegerField()
    subject_ids = ArrayField(models.BigIntegerField())
    amounts_rupiah = ArrayField(models.BigIntegerField())
    subject_count = models.PositiveIntegerField()
    total_rupiah = models.BigIntegerField()
    done_at = models.DateTimeField(null=True)
    done_count = models.PositiveIntegerField(default=0)
    done_rupiah = models.BigIntegerField(default=0)
    failed_at = models.DateTimeField(null=True)
    failure = models.CharField(max_length=200, blank=True, default="")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["run", "number"], name="lifecycle_masschunk_numbered")]
        indexes = [models.Index(fields=["run", "number"], name="masschunk_to_do", condition=Q(done_at=None))]


class Clawback(models.Model):
    """Money one person received unjustly: decided by one officer, approved by another, due after so many days.

    What was paid in cash and what trainings cost stay apart. Before its approval nothing has moved, and one officer can
    withdraw it; afterwards one asks and another agrees. `withdrawn_because` is the reason of both."""

    class Cause(models.TextChoices):
        INELIGIBLE = "ineligible", _("the conditions were not met")
        FALSE_EVIDENCE = "false_evidence", _("evidence was false")
        IDENTITY = "identity", _("the identity was not the person's own")

    participation = models.ForeignKey(Participation, on_delete=models.PROTECT, related_name="clawbacks")
    cause = models.CharField(max_length=16, choices=Cause.choices)
    explanation = models.CharField(max_length=1000)
    incentive_rupiah = models.BigIntegerField()
    training_rupiah = models.BigIntegerField()
    decided_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="decided_clawbacks")
    decided_at = models.DateTimeField()
    approved_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="approved_clawbacks")
    approved_at = models.DateTimeField(null=True)
    due_on = models.DateField(null=True)
    withdrawal_asked_by = models.ForeignKey(
        User, null=True, on_delete=models.PROTECT, related_name="withdrawal_asked_clawbacks"
    )
    withdrawal_asked_at = models.DateTimeField(null=True)
    withdrawn_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="withdrawn_clawbacks")
    withdrawn_at = models.DateTimeField(null=True)
    withdrawn_because = models.CharField(max_length=1000, blank=True, default="")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["participation"],
                condition=Q(withdrawn_at=None),
                name="lifecycle_clawback_one_standing",
                violation_error_message="A clawback of this participation is standing already.",
            ),
            models.CheckConstraint(
                condition=Q(approved_by=None) | ~Q(approved_by=F("decided_by")),
                name="lifecycle_clawback_second_person",
                violation_error_message="The person who decided a clawback cannot approve it.",
            ),
            models.CheckConstraint(
                condition=Q(approved_by__isnull=True, approved_at__isnull=True, due_on__isnull=True)
                | Q(approved_by__isnull=False, approved_at__isnull=False, due_on__isnull=False),
                name="lifecycle_clawback_approved_with_due_date",
            ),
            models.CheckConstraint(
                condition=Q(withdrawn_at__isnull=True, withdrawal_asked_at__isnull=True, withdrawn_because="")
                | (Q(withdrawn_at__isnull=False) | Q(withdrawal_asked_at__isnull=False)) & ~Q(withdrawn_because=""),
                name="lifecycle_clawback_withdrawn_with_reason",
                violation_error_message="Whoever withdraws a clawback, or asks for it, says why.",
            ),
            models.CheckConstraint(
                condition=Q(withdrawal_asked_by__isnull=True, withdrawal_asked_at__isnull=True)
                | Q(withdrawal_asked_by__isnull=False, withdrawal_asked_at__isnull=False, approved_at__isnull=False),
                name="lifecycle_clawback_withdrawal_asked_after_approval",
                violation_error_message="Somebody asks to withdraw a clawback, and only after its approval.",
            ),
            models.CheckConstraint(
                condition=Q(withdrawn_by__isnull=True, withdrawn_at__isnull=True)
                | Q(withdrawn_by__isnull=False, withdrawn_at__isnull=False, approved_at__isnull=True)
                # Not null is said for every column: a comparison with NULL would let the row pass.
                | Q(withdrawn_by__isnull=False, withdrawn_at__isnull=False, withdrawal_asked_by__isnull=False)
                & ~Q(withdrawn_by=F("withdrawal_asked_by")),
                name="lifecycle_clawback_withdrawn_by_second_person",
                violation_error_message="An approved clawback is withdrawn by another person than asked for it.",
            ),
            models.CheckConstraint(
                condition=Q(incentive_rupiah__gte=0, training_rupiah__gte=0), name="lifecycle_clawback_not_negative"
            ),
        ]


class Repayment(AppendOnlyModel):
    """What came back of one clawback, once for each reference of the treasury's receipt."""

    clawback = models.ForeignKey(Clawback, on_delete=models.PROTECT, related_name="repayments", db_index=False)
    reference = models.CharField(max_length=40)
    incentive_rupiah = models.BigIntegerField()
    training_rupiah = models.BigIntegerField()
    received_on = models.DateField()
    recorded_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="recorded_repayments")
    recorded_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["clawback", "reference"], name="lifecycle_repayment_once"),
            models.CheckConstraint(
                condition=Q(incentive_rupiah__gte=0, training_rupiah__gte=0)
                & (Q(incentive_rupiah__gt=0) | Q(training_rupiah__gt=0)),
                name="lifecycle_repayment_positive",
                violation_error_message="A repayment is a whole positive amount of rupiah.",
            ),
        ]
        # One receipt is one repayment over the whole programme: the verb looks for it before it writes.
        indexes = [models.Index(fields=["reference"], name="repayment_reference")]


class ClosedSum(AppendOnlyModel):
    """What one link of the digest chain moved on one day, of the people of one wave, from one kind to another for one
    reason. What a link covers is final, and so is this; the books as of any instant are made of it (`closed_sums`).

    Without a wave and a year: owners that are no participation. `is_clawback`: a clawback returned it."""

    link_number = models.PositiveIntegerField()
    posted_on = models.DateField()
    wave = models.ForeignKey(Wave, null=True, on_delete=models.PROTECT, related_name="+", db_index=False)
    accepted_year = models.PositiveSmallIntegerField(null=True)
    reason = models.PositiveSmallIntegerField()
    debit_kind = models.PositiveSmallIntegerField()
    credit_kind = models.PositiveSmallIntegerField()
    is_clawback = models.BooleanField()
    transfer_count = models.BigIntegerField()
    moved_rupiah = models.BigIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=[
                    "link_number",
                    "posted_on",
                    "wave",
                    "accepted_year",
                    "reason",
                    "debit_kind",
                    "credit_kind",
                    "is_clawback",
                ],
                nulls_distinct=False,
                name="lifecycle_closedsum_once",
                violation_error_message="What a link of the digest chain moved is summed once.",
            ),
            models.CheckConstraint(
                condition=Q(transfer_count__gt=0, moved_rupiah__gt=0), name="lifecycle_closedsum_of_transfers"
            ),
        ]


class Tally(models.Model):
    """Figures over everybody, counted in the background, because counting takes seconds: asked for by a page, taken
    and counted by a worker, shown with their instant until somebody asks again.

    `as_of` is the instant they were asked for, None for that of the counting; `parameters` what else was asked."""

    name = models.CharField(max_length=40)
    as_of = models.DateTimeField(null=True)
    parameters = models.JSONField(default=dict)
    asked_at = models.DateTimeField()
    taken_at = models.DateTimeField(null=True)
    counted_at = models.DateTimeField(null=True)
    duration_ms = models.PositiveIntegerField(null=True)
    figures = models.JSONField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(counted_at=None, duration_ms=None, figures=None)
                | Q(taken_at__isnull=False, counted_at__isnull=False, duration_ms__isnull=False, figures__isnull=False),
                name="lifecycle_tally_counted_once_taken",
                violation_error_message="Figures have been taken up and counted, with how long that took.",
            ),
            models.UniqueConstraint(
                fields=["name", "as_of", "parameters"],
                condition=Q(counted_at=None),
                nulls_distinct=False,
                name="lifecycle_tally_one_waiting",
                violation_error_message="These figures are being counted already.",
            ),
        ]
        indexes = [models.Index(fields=["name", "-id"], name="tally_newest")]
