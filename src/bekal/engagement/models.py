"""What people answered in the paid surveys of their participation."""

from django.db import models
from django.db.models import F, Func, Q, TextField, Value
from django.db.models.lookups import Exact
from django.utils.translation import gettext_lazy as _

from bekal.ledger.append_only import AppendOnlyModel
from bekal.participants.models import Participation


class SurveyResponse(AppendOnlyModel):
    """The answers of one participation to one survey, given once; they earn the survey's pay.

    `answers` maps a question's code to an option's code, or to a list of them where several may be chosen. Questions
    that were not asked (their condition did not hold) are left out.
    """

    class Channel(models.TextChoices):
        DASHBOARD = "dashboard", _("dashboard")
        TELEPHONE = "telephone", _("telephone")

    # The unique constraint begins with the participation: an index of its own would only cost every insert.
    participation = models.ForeignKey(
        Participation, on_delete=models.PROTECT, related_name="survey_responses", db_index=False
    )
    survey_number = models.PositiveSmallIntegerField()
    channel = models.CharField(max_length=10, choices=Channel.choices)
    answered_at = models.DateTimeField()
    answers = models.JSONField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["participation", "survey_number"],
                name="engagement_surveyresponse_once",
                violation_error_message="A survey is answered once.",
            ),
            models.CheckConstraint(condition=Q(survey_number__gte=1), name="engagement_surveyresponse_from_1"),
            models.CheckConstraint(
                condition=Q(channel__in=["dashboard", "telephone"]), name="engagement_surveyresponse_known_channel"
            ),
            models.CheckConstraint(
                condition=Q(
                    Exact(Func(F("answers"), function="jsonb_typeof", output_field=TextField()), Value("object"))
                ),
                name="engagement_surveyresponse_answers_by_question",
                violation_error_message="Answers are kept by the code of their question.",
            ),
        ]
