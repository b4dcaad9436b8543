"""Beranda: the balance, the one next thing to do, what fits it, and when the incentive comes."""

from collections.abc import Mapping

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from bekal.accounts.access import open_to
from bekal.accounts.models import Role
from bekal.catalogue.search import TrainingCard, training_cards
from bekal.incentives.queries import timeline_of
from bekal.recommender.log_exposure import log_exposure
from bekal.recommender.serve import LIST_LENGTH, RecommendedList, recommend_for
from bekal.ui.display import category_name
from bekal.web.calendar import calendar_of
from bekal.web.holds import held_payments
from bekal.web.money_back import money_back_of
from bekal.web.next_thing import next_thing
from bekal.web.purchases import bought_of
from bekal.web.reader import reader_of
from bekal.web.reasons import why
from bekal.web.spending import plans_of
from bekal.web.surveys import survey_cards
from bekal.web.trainings import Offer


@open_to(Role.PARTICIPANT)
@require_safe
@never_cache
def home(request: HttpRequest) -> HttpResponse:
    reader = reader_of(request)
    if reader.participation is None:
        return render(request, "web/home_outside.html", {"reader": reader})
    bought = bought_of(reader)
    calendar = calendar_of(timeline_of(participation_id=reader.participation.pk, on=reader.today))
    lists = recommend_for(participation_ids=[reader.participation.pk], at=reader.at, n=LIST_LENGTH)
    if request.method == "GET":  # HEAD shows nothing to anybody
        log_exposure(lists=lists, at=reader.at)
    shown = lists[0]
    cards = training_cards(training_ids=_training_ids(shown))
    surveys = survey_cards(reader, calendar)
    titles = {each.line.training_id: each.line.title for each in bought}
    context = {
        "reader": reader,
        "money_back": money_back_of(reader),
        "held_payments": held_payments(reader),
        "granted_rupiah": reader.scheme.training_balance_rupiah if reader.scheme else 0,
        "next": next_thing(reader, bought, calendar, surveys),
        "state": shown.state,
        "offers": _offers(shown, cards, titles),
        "plans": plans_of(shown.plans, cards),
        "enough_count": max((len(plan.training_ids) for plan in shown.plans), default=0),
        "calendar": calendar,
        "bought": bought,
        "surveys_open": [each for each in surveys if each.is_open],
        "surveys_later": [each for each in surveys if not each.is_open and not each.is_answered],
    }
    return render(request, "web/home.html", context)


def _training_ids(shown: RecommendedList) -> set[int]:
    planned = {number for plan in shown.plans for number in plan.training_ids}
    return planned | {item.training_id for item in shown.items}


def _offers(shown: RecommendedList, cards: Mapping[int, TrainingCard], titles: Mapping[int, str]) -> tuple[Offer, ...]:
    return tuple(
        Offer(
            card=cards[item.training_id],
            left_rupiah=item.left_rupiah,
            is_owned=False,
            why=why(
                item.why,
                titles=titles,
                category=category_name(cards[item.training_id]),
                price_rupiah=item.price_rupiah,
                balance_rupiah=shown.balance_rupiah,
            ),
        )
        for item in shown.items
    )
