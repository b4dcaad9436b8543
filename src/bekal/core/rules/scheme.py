"""The rules a person keeps from the day of acceptance, as one typed, immutable value."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import NamedTuple


class MonthDay(NamedTuple):
    """A day of any year, written ``12-15`` in the rule files."""

    month: int
    day: int

    def first_on_or_after(self, day: date) -> date:
        """The first such date on or after ``day``."""
        this_year = date(day.year, self.month, self.day)
        return this_year if this_year >= day else date(day.year + 1, self.month, self.day)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scheme:
    """What the rules of ``accepted_on`` promise one person. Every other field is a rule parameter's name;
    an age of None is no limit."""

    accepted_on: date
    training_balance_rupiah: int
    incentive_rupiah: int
    survey_rupiah: int
    instalment_count: int
    survey_count: int
    first_purchase_days: int
    balance_end_month_day: MonthDay
    earning_days: int
    minimum_age_years: int | None
    maximum_age_years: int | None
    attendance_required: bool
    completion_required: bool
    rating_required: bool
    review_required: bool
    participant_attendance_required: bool
    settlement_attendance_required: bool
    settlement_participant_attendance_required: bool

    @property
    def envelope_rupiah(self) -> int:
        """Everything committed at acceptance: balance + instalments + surveys, in rupiah."""
        return self.training_balance_rupiah + self.incentives_rupiah + self.surveys_rupiah

    @property
    def incentives_rupiah(self) -> int:
        """All instalments together, in rupiah."""
        return self.incentive_rupiah * self.instalment_count

    @property
    def surveys_rupiah(self) -> int:
        """All surveys together, in rupiah."""
        return self.survey_rupiah * self.survey_count

    @property
    def balance_ends_on(self) -> date:
        """The last day on which the training balance can be spent; on the next day it returns to the treasury.

        The rule's day of the year of acceptance. Someone accepted after that day (no wave of 2020 was, between
        16 and 31 December) gets the next year's, because a balance that ends before it begins is no balance.
        """
        return self.balance_end_month_day.first_on_or_after(self.accepted_on)

    @property
    def first_purchase_due_on(self) -> date:
        """The last day on which the first training can be bought: so many days after the day of acceptance (which is
        not counted), never after the balance ends."""
        return min(self.accepted_on + timedelta(days=self.first_purchase_days), self.balance_ends_on)

    @property
    def earning_ends_on(self) -> date:
        """The last day on which an incentive or a survey can be earned; after it what was not earned returns to the
        treasury when the year is closed."""
        return self.balance_ends_on + timedelta(days=self.earning_days)
