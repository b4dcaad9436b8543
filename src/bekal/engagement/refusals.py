"""Why this room says no, beside core's own reasons. The front doors translate by these codes; keep the names stable."""

from enum import StrEnum


class SurveyRefusal(StrEnum):
    """Each comment names the refusal's values."""

    SURVEY_UNKNOWN = "survey_unknown"  # survey_number
    SURVEY_NOT_OPEN = "survey_not_open"  # survey_number, opens_on (None: the day is not known yet)
    ALREADY_ANSWERED = "already_answered"  # survey_number, answered_on
    ANSWER_MISSING = "answer_missing"  # question
    ANSWER_UNKNOWN = "answer_unknown"  # question, value
    ANSWER_NOT_ASKED = "answer_not_asked"  # question
