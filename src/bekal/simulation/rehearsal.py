"""Plays a cohort in memory, without a database: the same behaviour through the same calendar, in seconds.

What the verbs would do is left out (they refuse nobody here, no seat runs out, stars stand at a training's quality), so
a walk differs from its rehearsal by little: calibration uses this, and the walk shows that it holds.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from functools import cache
from typing import Any

import numpy as np
from django.utils.text import slugify
from numpy.typing import NDArray

from bekal.catalogue.import_trainings import NewTraining
from bekal.core.entitlement import instalments_owed
from bekal.core.money import allocate
from bekal.core.rules import RULES
from bekal.core.schedule import balance_ends_on, first_purchase_due_on
from bekal.ledger.clock import JAKARTA
from bekal.simulation.behaviour import (
    NEVER,
    NEVER_OPENED,
    REASON_CODES,
    UNDECIDED,
    UNREACHABLE,
    Behaviour,
    Flags,
    Journey,
)
from bekal.simulation.catalogue import FIRST_COUNT, synthetic_trainings
from bekal.simulation.choice import NO_LIMIT, Choice, Offer, price_level, topics_of
from bekal.simulation.draws import Draws, Numbers
from bekal.simulation.life import MODES, MOST_TAKEN, late_days_of, quality_of
from bekal.simulation.model import MODEL, Model
from bekal.simulation.population import Population
from bekal.simulation.seats import dated_sessions
from bekal.simulation.walk import LISTED_ON
from bekal.simulation.year import LAST_DAY, WAVES, YEARS, payout_days

FUNNEL_ON, SURVEYED_ON = date(2020, 7, 27), date(2021, 5, 20)
FIRST_ROUND = date(2020, 5, 19), date(2020, 6, 1)
SURVEY_1_AFTER_DAYS = 30


@dataclass(frozen=True, slots=True)
class Scenario:
    """What is other than it was: days to the first purchase and prices, as shares of what they were."""

    deadline: float = 1.0
    prices: float = 1.0


@dataclass(frozen=True, slots=True)
class _Shelf:
    """What is on sale, with what the walk knows of each training. Those with dates, two in a hundred, are open for a
    month only and left out."""

    offer: Offer
    stars: NDArray[np.float32]
    mode: Numbers
    late_days: Numbers
    seats_left: Numbers


@dataclass(slots=True)
class _Played:
    """[n] what became of each person; days are ordinals, -1 for never."""

    accepted_on: Numbers
    bought_on: Numbers
    why: Numbers
    taken_count: Numbers
    completed_on: Numbers  # the first of their trainings
    entitled_on: Numbers
    paid_on: Numbers  # [n, instalments]
    second_on: Numbers
    rejected: Flags
    evidence_count: int = 0


def rehearse(
    model: Model = MODEL,
    *,
    people_count: int = 50_000,
    seed: int = 1,
    scenario: Scenario = Scenario(),
    training_count: int = FIRST_COUNT,
) -> dict[str, float]:
    """Shares (0 to 1) and counts a person of the figures in TARGETS, and of why people did not buy (`unreachable`,
    `never_opened`, `undecided`), for a cohort of the year's waves under this model. Seconds for 50,000 people."""
    draws = Draws(seed, people_count)
    population = Population(draws=draws, first_number=0, of_age_on=WAVES[0].opens_on)
    shelf = _shelf_of(training_count, scenario.prices)
    level = price_level(model, shelf.offer.price_rupiah)
    behaviour = Behaviour(model, draws, population.facts)
    played = _play_first_purchases(behaviour, level, people_count, scenario)
    choice = Choice(model, draws, population.facts, shelf.offer, YEARS[0])
    _play_trainings(behaviour, choice, shelf, level, played)
    _play_payouts(behaviour, draws, played)
    return _figures(behaviour, played)


def _offer_of(trainings: list[NewTraining], prices: float) -> Offer:
    rows = sorted((t for t in trainings if t.price_rupiah is not None), key=lambda row: row.code)
    slugs, institutions = sorted({row.category for row in rows}), sorted({row.institution for row in rows})
    count = len(rows)
    return Offer(
        ids=np.arange(1, count + 1),
        codes=tuple(row.code for row in rows),
        institution_ids=np.array([institutions.index(row.institution) for row in rows]),
        institution_codes=tuple(slugify(row.institution)[:34].rstrip("-") for row in rows),
        category=np.array([slugs.index(row.category) for row in rows]),
        category_slugs=tuple(_slug(rows, category) for category in slugs),
        topic=topics_of([row.code for row in rows]),
        price_rupiah=np.array([round((row.price_rupiah or 0) * prices) for row in rows]),
        session_count=np.array([row.session_count or 1 for row in rows]),
        modes=tuple(row.mode or MODES[0] for row in rows),
        held_in=np.array([row.province or 0 for row in rows]),
        seat_count=np.full(count, NO_LIMIT),
    )


def _slug(rows: list[NewTraining], category: str) -> str:
    """The synthetic catalogue's codes begin with their category's slug."""
    return next(row.code for row in rows if row.category == category).rsplit("-", 2)[0]


@cache
def _shelf_of(training_count: int, prices: float) -> _Shelf:
    """Made once for all rounds of a calibration."""
    trainings = synthetic_trainings(training_count)
    offer = _offer_of(trainings, prices)
    dated = {one.training_code for one in dated_sessions(trainings, at=datetime.combine(LISTED_ON, time(), JAKARTA))}
    return _Shelf(
        offer=offer,
        stars=np.array([quality_of(code) for code in offer.codes], dtype=np.float32),
        mode=np.array([MODES.index(one) for one in offer.modes]),
        late_days=np.array([late_days_of(code) for code in offer.institution_codes]),
        seats_left=np.where([code in dated for code in offer.codes], 0, NO_LIMIT),
    )


def _play_first_purchases(behaviour: Behaviour, level: float, count: int, scenario: Scenario) -> _Played:
    def never() -> Numbers:
        return np.full(count, NEVER, dtype=np.int64)

    played = _Played(
        accepted_on=never(),
        bought_on=never(),
        why=never(),
        taken_count=np.zeros(count, dtype=np.int64),
        completed_on=never(),
        entitled_on=never(),
        paid_on=np.full((count, 0), NEVER, dtype=np.int64),
        second_on=never(),
        rejected=np.zeros(count, dtype=bool),
    )
    start = 0
    for wave, size in zip(WAVES, allocate(count, [wave.share for wave in WAVES]), strict=True):
        people = np.arange(start, start + size)
        start += size
        accepted_on = wave.closes_on
        days = (first_purchase_due_on(accepted_on) - accepted_on).days
        first = behaviour.first_purchase(
            people,
            accepted_on=accepted_on.toordinal(),
            due_on=accepted_on.toordinal() + round(days * scenario.deadline),
            price_level=level,
        )
        played.accepted_on[people] = accepted_on.toordinal()
        played.bought_on[people], played.why[people] = first.buys_on, first.why
    return played


def _play_trainings(behaviour: Behaviour, choice: Choice, shelf: _Shelf, level: float, played: _Played) -> None:
    """Everybody's trainings, all first ones, all second ones, …: nobody's depend on anybody else's here."""
    price = shelf.offer.price_rupiah
    ends_on = _of_day(played.accepted_on, balance_ends_on)
    balance = _of_day(played.accepted_on, lambda day: RULES.scheme(day).training_balance_rupiah)
    taken = np.full((len(balance), MOST_TAKEN), NEVER, dtype=np.int32)
    people = np.flatnonzero(played.bought_on != NEVER)
    bought_on = played.bought_on[people]
    for number in range(1, MOST_TAKEN + 1):
        ordinal = np.full(len(people), number)
        chosen = choice.choose(people, ordinal, balance[people], taken[people], shelf.stars, shelf.seats_left)
        people, bought_on, ordinal, chosen = (x[chosen != NEVER] for x in (people, bought_on, ordinal, chosen))
        if not len(people):
            return
        taken[people, number - 1] = chosen
        balance[people] -= price[chosen]
        journey = behaviour.journey(
            people,
            ordinal,
            bought_on=bought_on,
            session_count=shelf.offer.session_count[chosen],
            mode=shelf.mode[chosen],
            late_days=shelf.late_days[chosen],
        )
        next_on = behaviour.next_purchase(
            people, ordinal, journey=journey, price_level=level, balance_rupiah=balance[people]
        )
        _write_down(played, people, number, bought_on, journey)
        goes_on = (next_on != NEVER) & (next_on <= ends_on[people])
        people, bought_on = people[goes_on], next_on[goes_on]


def _write_down(played: _Played, people: Numbers, number: int, bought_on: Numbers, journey: Journey) -> None:
    played.taken_count[people] = number
    if number == 2:
        played.second_on[people] = bought_on
    played.completed_on[people] = _earlier(played.completed_on[people], journey.completed_on)
    played.entitled_on[people] = _earlier(played.entitled_on[people], journey.reviewed_on)
    last = LAST_DAY.toordinal()
    for days, rows in ((journey.attended_on, 1), (journey.completed_on, 1), (journey.reviewed_on, 2)):
        played.evidence_count += rows * int(((days != NEVER) & (days <= last)).sum())


def _earlier(one: Numbers, other: Numbers) -> Numbers:
    return np.where(one == NEVER, other, np.where(other == NEVER, one, np.minimum(one, other)))


def _of_day(days: Numbers, fact: Callable[[date], Any]) -> Numbers:
    """[n] a fact (a day or a number) of each of these days."""
    known, place = np.unique(days, return_inverse=True)
    facts = [fact(date.fromordinal(day)) for day in known.tolist()]
    return np.array([one.toordinal() if isinstance(one, date) else one for one in facts], dtype=np.int64)[place]


def _play_payouts(behaviour: Behaviour, draws: Draws, played: _Played) -> None:
    """Everybody entitled is paid on the first run after the day of payment for which there is an account."""
    runs = np.array(sorted(day.toordinal() for day in payout_days()))
    runs = np.append(runs[runs <= LAST_DAY.toordinal()], np.iinfo(np.int64).max)
    people = np.flatnonzero(played.entitled_on != NEVER)
    days, place = np.unique(
        np.column_stack([played.accepted_on, played.entitled_on])[people], axis=0, return_inverse=True
    )
    owed = [instalments_owed(RULES.scheme(date.fromordinal(a)), date.fromordinal(e)) for a, e in days.tolist()]
    due = np.array([[one.payment_on.toordinal() for one in row] for row in owed], dtype=np.int64)[place]
    ready_on = np.maximum(played.entitled_on[people], behaviour.account_on(people, played.accepted_on[people]))
    played.paid_on = np.full((len(played.why), due.shape[1]), NEVER, dtype=np.int64)
    for number in range(due.shape[1]):
        paid_on = runs[np.searchsorted(runs, np.maximum(due[:, number], ready_on + 1))]
        fails = draws.at("rejected", people, number) < behaviour.model.payout_rejected_share
        fails &= paid_on < runs[-1]
        again_on = behaviour.replacement_on(people[fails], np.ones(fails.sum(), dtype=np.int64), paid_on[fails])
        paid_on[fails] = runs[np.searchsorted(runs, again_on + 1)]
        played.rejected[people[fails]] = True
        played.paid_on[people, number] = np.where(paid_on < runs[-1], paid_on, NEVER)


def _figures(behaviour: Behaviour, played: _Played) -> dict[str, float]:
    count, why = len(played.why), played.why
    figures = {
        "trainings_each": float(played.taken_count.sum()) / count,
        "evidence_each": played.evidence_count / max(int(played.taken_count.sum()), 1),
        **_funnel(played),
        **_first_round(behaviour, played),
        **_second_round(behaviour, played),
    }
    for name, code in (("unreachable", UNREACHABLE), ("never_opened", NEVER_OPENED), ("undecided", UNDECIDED)):
        figures[name] = _share(why == code)
    return figures


def _funnel(played: _Played) -> dict[str, float]:
    """S6 and S8: where everybody accepted by 27 July 2020 stood at the end of that day."""
    on = FUNNEL_ON.toordinal()
    accepted = played.accepted_on <= on
    bought, completed, paid = (
        accepted & (days != NEVER) & (days <= on)
        for days in (played.bought_on, played.completed_on, played.paid_on[:, 0])
    )
    return {
        "bought": _share(bought[accepted]),
        "paid": _share(paid[bought]),
        "between": _share((completed & ~paid)[bought]),
    }


def _first_round(behaviour: Behaviour, played: _Played) -> dict[str, float]:
    """S11, the answers of 19 May to 1 June 2020 to the first survey."""
    people = np.flatnonzero(played.bought_on != NEVER)
    answered_on = behaviour.survey_on(people, 1, played.accepted_on[people] + SURVEY_1_AFTER_DAYS)
    first, last = (day.toordinal() for day in FIRST_ROUND)
    asked = (answered_on >= first) & (answered_on <= last)
    people, answered_on = people[asked], answered_on[asked]
    done = (played.completed_on[people] != NEVER) & (played.completed_on[people] <= answered_on)
    answers = behaviour.survey_answers_1(people, employment=behaviour.facts[people, 3], has_completed=done)
    return {
        "effective": _share([row["effective"] == "yes" for row in answers if "effective" in row]),
        "helped": _share([row["helped"] == "yes" for row in answers]),
        "unemployed": _share([row["employment"] == "unemployed" for row in answers]),
        "employee": _share([row["employment"] == "employee" for row in answers]),
    }


def _second_round(behaviour: Behaviour, played: _Played) -> dict[str, float]:
    """S11, what had become by 20 May 2021 of who was paid, and their answers to the third survey."""
    on = SURVEYED_ON.toordinal()
    last_on = np.where((played.paid_on == NEVER).any(axis=1), NEVER, played.paid_on.max(axis=1))
    opened_on = np.maximum(last_on, _of_day(played.accepted_on, balance_ends_on) + 1)
    people = np.flatnonzero(last_on != NEVER)
    answered_on = behaviour.survey_on(people, 3, opened_on[people])
    people = people[(answered_on != NEVER) & (answered_on <= on)]
    answers = behaviour.survey_answers_3(
        people,
        took_second=played.second_on[people] != NEVER,
        waited_days=played.paid_on[people, 0] - played.completed_on[people],
        had_rejection=played.rejected[people],
    )
    reasons = [row["reason"] for row in answers if "reason" in row]
    paid = (played.paid_on[:, 0] != NEVER) & (played.paid_on[:, 0] <= on)
    return {
        "second": _share((played.second_on[paid] != NEVER) & (played.second_on[paid] <= on)),
        "on_time": _share([row["on_time"] == "agree" for row in answers]),
        **{code: _share([reason == code for reason in reasons]) for code in REASON_CODES.values()},
    }


def _share(flags: Sequence[bool] | Flags) -> float:
    """How many of them are true; 0 of none."""
    return float(np.mean(flags)) if len(flags) else 0.0
