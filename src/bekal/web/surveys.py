"""Survei: which surveys wait, what each pays and when; one survey to answer, and its receipt."""

from collections.abc import Iterator
from dataclasses import dataclass

from django.contrib import messages
from django.forms import BoundField
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from bekal.accounts.access import open_to
from bekal.accounts.models import Role
from bekal.core.refusal import Refusal
from bekal.engagement.answer_surveys import NewResponse, answer_surveys, refusal_to_answer
from bekal.engagement.queries import SurveyStanding, standings
from bekal.engagement.questionnaires import SURVEYS, Question, Survey
from bekal.engagement.refusals import SurveyRefusal
from bekal.incentives.queries import timeline_of
from bekal.ui.display import day
from bekal.ui.refusals import sentence
from bekal.web.calendar import Calendar, Entry, calendar_of
from bekal.web.forms import SurveyForm, in_language, posted
from bekal.web.reader import Reader, reader_of


@dataclass(frozen=True, slots=True)
class SurveyCard:
    """One survey of the reader: how it stands, and its pay as the incentive calendar has it."""

    standing: SurveyStanding
    entry: Entry
    is_open: bool

    @property
    def number(self) -> int:
        return self.standing.survey_number

    @property
    def survey(self) -> Survey:
        return SURVEYS[self.number]

    @property
    def title(self) -> str:
        return in_language(self.survey.title)

    @property
    def question_count(self) -> int:
        """How many questions are put to this reader at least."""
        answers: dict[str, object] = {}
        done = self.standing.has_completed
        return sum(question.is_asked(answers, has_completed=done) for question in self.survey.questions)

    @property
    def is_answered(self) -> bool:
        return self.standing.answered_at is not None

    @property
    def waits_for(self) -> str:
        """What must happen before it opens, with the day where that is known."""
        standing = self.standing
        if standing.opens_on is not None:
            return gettext("It opens on %(on)s.") % {"on": day(standing.opens_on)}
        if not standing.has_bought:
            return gettext("It opens after you have bought your first training.")
        if self.survey.opens.needs_balance_ended:
            text = gettext("It opens when incentive %(n)s has arrived and the time of your training balance is over.")
        else:
            text = gettext("It opens when incentive %(n)s has arrived.")
        return text % {"n": standing.instalment}


@dataclass(frozen=True, slots=True)
class Asked:
    """One question of the form with those that depend on its answer: (the field, when it is to be answered)."""

    field: BoundField
    follow_ups: tuple[tuple[BoundField, str], ...]
    opened_by: str


def survey_cards(reader: Reader, calendar: Calendar) -> tuple[SurveyCard, ...]:
    """The reader's surveys in order; one statement."""
    if reader.participation is None:
        return ()
    entries = {entry.line.instalment: entry for entry in calendar.surveys}
    return tuple(
        SurveyCard(
            standing=each,
            entry=entries[each.survey_number],
            is_open=each.answered_at is None and each.opens_on is not None and each.opens_on <= reader.today,
        )
        for each in standings(participation_ids=[reader.participation.pk], at=reader.at)
    )


@open_to(Role.PARTICIPANT)
@require_safe
@never_cache
def surveys(request: HttpRequest) -> HttpResponse:
    reader = reader_of(request)
    cards = survey_cards(reader, _calendar(reader))
    context = {
        "reader": reader,
        "open": [card for card in cards if card.is_open],
        "answered": [card for card in cards if card.is_answered],
        "later": [card for card in cards if not card.is_open and not card.is_answered],
    }
    return render(request, "web/surveys.html", context)


@open_to(Role.PARTICIPANT)
@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def survey(request: HttpRequest, number: int) -> HttpResponse:
    """One survey: its form while it is open, afterwards what was answered and what it pays."""
    reader = reader_of(request)
    card = next((each for each in survey_cards(reader, _calendar(reader)) if each.number == number), None)
    standing = card.standing if card else None
    refusal = refusal_to_answer(reader.participation, number, standing, on=reader.today)
    if refusal is not None or card is None or reader.participation is None:
        return _closed(request, refusal)
    form = SurveyForm(posted(request), survey=card.survey, has_completed=card.standing.has_completed)
    if request.method == "POST" and (form.is_valid() or card.is_answered):
        response = NewResponse(reader.participation.pk, number, form.answers)
        (outcome,) = answer_surveys(responses=[response], at=reader.at)
        if outcome.response_id is not None:
            return _to_receipt(request, number, again=outcome.repeated)
        if outcome.refusal is not None and outcome.refusal.code == SurveyRefusal.ALREADY_ANSWERED:
            messages.info(request, sentence(outcome.refusal))
            return redirect("web:survey", number)
        form.add_error(None, sentence(outcome.refusal) if outcome.refusal else "")
    if card.is_answered:
        return render(request, "web/survey_answered.html", {"reader": reader, "card": card})
    context = {"reader": reader, "card": card, "form": form, "questions": list(_asked(card.survey, form))}
    return render(request, "web/survey.html", context, status=422 if form.errors else 200)


def _calendar(reader: Reader) -> Calendar:
    if reader.participation is None:
        return calendar_of(())
    return calendar_of(timeline_of(participation_id=reader.participation.pk, on=reader.today))


def _closed(request: HttpRequest, refusal: Refusal | None) -> HttpResponse:
    unknown = refusal is not None and refusal.code == SurveyRefusal.SURVEY_UNKNOWN
    status = 404 if unknown else 422 if request.method == "POST" else 200
    return render(request, "web/survey_closed.html", {"refusal": refusal}, status=status)


def _to_receipt(request: HttpRequest, number: int, *, again: bool) -> HttpResponse:
    if again:
        messages.info(request, gettext("You have answered this survey already. It is paid once."))
    else:
        messages.success(request, gettext("Thank you. Your answers are saved."))
    return redirect("web:survey", number)


def _asked(survey: Survey, form: SurveyForm) -> Iterator[Asked]:
    """The questions of the form, each with its follow-ups: those are to be answered after one option only."""
    for question in survey.questions:
        if question.code in form.fields and not question.follows_question:
            follow_ups = [each for each in survey.questions if each.asked_when == question.code]
            opened_by = follow_ups[0].asked_when_option if follow_ups else ""
            hints = tuple((form[each.code], _hint(question, each)) for each in follow_ups)
            yield Asked(form[question.code], hints, opened_by)


def _hint(question: Question, follow_up: Question) -> str:
    said = in_language(question.options[follow_up.asked_when_option])
    return gettext("Answer this only if you chose “%(option)s” above.") % {"option": said}
