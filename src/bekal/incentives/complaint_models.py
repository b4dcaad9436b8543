"""What people say of an instalment that has not come, or is not right, and what became of it."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from bekal.accounts.models import User
from bekal.ledger.append_only import AppendOnlyModel
from bekal.participants.models import Participation


class Complaint(models.Model):
    """One complaint about one instalment, earned or not: whose turn that is, and by when it is answered.

    `position`: how far the instalment had come when it was opened (`complaint_lines.py`). Once it has come further the
    complaint ends by itself; where it cannot come further an officer's answer ends it.
    """

    class About(models.TextChoices):
        NOT_COME = "not_come", _("the money has not come")
        NOT_RIGHT = "not_right", _("something is not right")

    class Turn(models.TextChoices):
        OFFICE = "office", _("the programme office")
        PARTNER = "partner", _("the payment partner")
        INSTITUTION = "institution", _("the training institution")
        PARTICIPANT = "participant", _("the participant")

    class Ending(models.TextChoices):
        MOVED = "moved", _("the instalment has moved")
        ANSWERED = "answered", _("answered for good")

    class MovedTo(models.TextChoices):
        EARNED = "earned", _("earned")
        LISTED = "listed", _("on a list of payments")
        SENT = "sent", _("given out for sending")
        SETTLED = "settled", _("paid")
        REJECTED = "rejected", _("rejected")
        RETURNED = "returned", _("returned by the bank")
        REVERSED = "reversed", _("taken back by the programme")
        LOST = "lost", _("returned to the state treasury")

    participation = models.ForeignKey(Participation, on_delete=models.PROTECT, related_name="complaints")
    kind = models.CharField(max_length=10, choices=[("incentive", _("incentive")), ("survey", _("survey"))])
    instalment = models.PositiveSmallIntegerField()
    about = models.CharField(max_length=9, choices=About.choices)
    position = models.PositiveIntegerField()
    turn = models.CharField(max_length=11, choices=Turn.choices)
    opened_at = models.DateTimeField()
    # By then it is answered, or the instalment has moved; every answer sets it anew.
    due_on = models.DateField()
    answered_at = models.DateTimeField(null=True)
    closed_at = models.DateTimeField(null=True)
    ending = models.CharField(max_length=8, choices=Ending.choices, blank=True)
    moved_to = models.CharField(max_length=8, choices=MovedTo.choices, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["participation", "kind", "instalment"],
                condition=Q(closed_at=None),
                name="incentives_complaint_one_open",
                violation_error_message="A complaint about this instalment is open already.",
            ),
            models.CheckConstraint(condition=Q(instalment__gte=1), name="incentives_complaint_instalment_from_1"),
            models.CheckConstraint(
                condition=Q(turn__in=["office", "partner", "institution", "participant"]),
                name="incentives_complaint_is_a_turn",
                violation_error_message="It is somebody's turn.",
            ),
            models.CheckConstraint(
                condition=Q(closed_at=None, ending="", moved_to="")
                | Q(closed_at__isnull=False, ending="moved") & ~Q(moved_to="")
                | Q(closed_at__isnull=False, ending="answered", moved_to="", answered_at__isnull=False),
                name="incentives_complaint_ends_for_a_reason",
                violation_error_message="A complaint ends because its instalment has moved, or by an answer.",
            ),
        ]
        indexes = [models.Index(fields=["due_on", "id"], name="complaint_due", condition=Q(closed_at=None))]


class ComplaintEvent(AppendOnlyModel):
    """One step of a complaint: who did it, when, what was said, whose turn it is from then on."""

    class Kind(models.TextChoices):
        OPENED = "opened", _("complaint received")
        PASSED_ON = "passed_on", _("somebody else's turn")
        ANSWERED = "answered", _("answered")
        CLOSED = "closed", _("closed")

    complaint = models.ForeignKey(Complaint, on_delete=models.PROTECT, related_name="events")
    kind = models.CharField(max_length=9, choices=Kind.choices)
    turn = models.CharField(max_length=11, choices=Complaint.Turn.choices)
    text_encrypted = models.BinaryField(null=True)
    # None: the person whose instalment it is, or the background worker.
    by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+", db_index=False)
    due_on = models.DateField()
    recorded_at = models.DateTimeField()
