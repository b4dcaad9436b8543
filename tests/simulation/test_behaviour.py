"""What people do follows from causes, holds together, and does not depend on who else is asked."""

from dataclasses import replace
from datetime import date

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bekal.engagement.questionnaires import SURVEYS
from bekal.simulation.behaviour import (
    BOUGHT,
    EMPLOYEE,
    NEVER,
    NEVER_OPENED,
    NO_TIME,
    NONE,
    ON_SITE,
    REUSE_UNKNOWN,
    SELF_PACED,
    UNDECIDED,
    UNREACHABLE,
    Behaviour,
    Journey,
    next_weekday,
)
from bekal.simulation.draws import Draws, Numbers
from bekal.simulation.model import MODEL, Model

COUNT = 6_000
EVERYBODY = np.arange(COUNT)
ACCEPTED_ON = date(2020, 4, 16).toordinal()
FACTS = np.column_stack(
    [EVERYBODY % 2, 1960 + EVERYBODY % 42, 1 + EVERYBODY % 6, 1 + EVERYBODY % 3, np.full(COUNT, 32)]
).astype(np.int64)
CHANNELLESS = {
    f"{channel}_reach_share": 0.0
    for channel in ("email", "friends", "social_media", "online_media", "television", "print", "office")
}


def behaviour(model: Model = MODEL, *, seed: int = 1) -> Behaviour:
    return Behaviour(model, Draws(seed, COUNT), FACTS)


def journey_of(
    one: Behaviour, people: Numbers = EVERYBODY, *, ordinal: int = 1, mode: int = SELF_PACED, late_days: int = 0
) -> Journey:
    count = len(people)
    return one.journey(
        people,
        np.full(count, ordinal),
        bought_on=np.full(count, ACCEPTED_ON + 5),
        session_count=1 + people % 4,
        mode=np.full(count, mode),
        late_days=np.full(count, late_days),
    )


def first_purchases(one: Behaviour, *, days: int = 30, price_level: float = 1.0) -> dict[int, float]:
    first = one.first_purchase(EVERYBODY, accepted_on=ACCEPTED_ON, due_on=ACCEPTED_ON + days, price_level=price_level)
    return {why: float(np.mean(first.why == why)) for why in (BOUGHT, UNREACHABLE, NEVER_OPENED, UNDECIDED)}


@settings(max_examples=20)
@given(seed=st.integers(0, 10**9), days=st.integers(1, 60))
def test_who_buys_has_a_way_to_the_code_has_heard_of_it_and_keeps_the_deadline(seed: int, days: int) -> None:
    one = behaviour(seed=seed)
    contact = one.contact()
    first = one.first_purchase(EVERYBODY, accepted_on=ACCEPTED_ON, due_on=ACCEPTED_ON + days, price_level=1.0)
    after = first.buys_on - ACCEPTED_ON
    bought = first.why == BOUGHT
    assert np.array_equal(first.buys_on != NEVER, bought)
    assert ((after >= 1) & (after <= days) & (after >= contact.learns_after))[bought].all()
    assert np.array_equal(first.why == UNREACHABLE, ~contact.phone_works & ~contact.email_works)
    late = (contact.learns_after == NEVER) | (contact.learns_after > days)
    assert late[first.why == NEVER_OPENED].all() and not late[first.why == UNDECIDED].any()


def test_the_days_follow_the_hazard() -> None:
    """Everybody told at once, all alike, no rush: the share that has bought by day d is 1 - exp(-h d)."""
    told = {"phone_changed_share": 0.0, "sms_reach_share": 1.0, "sms_days": 0.0}
    alike = {"decide_spread": 0.0, "decide_rush": 0.0, "decide_employee_factor": 1.0, "decide_business_factor": 1.0}
    one = behaviour(replace(MODEL, decide_daily=0.1, **told, **alike))
    first = one.first_purchase(EVERYBODY, accepted_on=ACCEPTED_ON, due_on=ACCEPTED_ON + 30, price_level=1.0)
    for day in (1, 5, 10, 20, 30):
        bought = np.mean((first.buys_on != NEVER) & (first.buys_on <= ACCEPTED_ON + day))
        assert bought == pytest.approx(1 - np.exp(-0.1 * day), abs=0.001)


def test_more_time_lower_prices_and_more_channels_make_more_people_buy() -> None:
    as_it_is = first_purchases(behaviour())
    assert first_purchases(behaviour(), days=15)[BOUGHT] < as_it_is[BOUGHT] - 0.03
    assert first_purchases(behaviour(), days=15)[UNREACHABLE] == as_it_is[UNREACHABLE]
    assert first_purchases(behaviour(), price_level=0.7)[UNDECIDED] < as_it_is[UNDECIDED] - 0.01
    no_sms = first_purchases(behaviour(replace(MODEL, sms_reach_share=0.0)))
    assert no_sms[NEVER_OPENED] > as_it_is[NEVER_OPENED] + 0.1 and no_sms[BOUGHT] < as_it_is[BOUGHT] - 0.1
    nobody = first_purchases(behaviour(replace(MODEL, sms_reach_share=0.0, **CHANNELLESS)))
    assert nobody[BOUGHT] == nobody[UNDECIDED] == 0
    dead = first_purchases(behaviour(replace(MODEL, email_dead_share=1.0)))
    assert dead[UNREACHABLE] == pytest.approx(MODEL.phone_changed_share, abs=0.001)


@pytest.mark.parametrize("days", [0, -3])
def test_without_a_day_nobody_buys(days: int) -> None:
    assert first_purchases(behaviour(), days=days)[BOUGHT] == 0


@settings(max_examples=15)
@given(
    seed=st.integers(0, 10**9), ordinal=st.integers(1, 4), mode=st.integers(SELF_PACED, ON_SITE), late=st.integers(0, 9)
)
def test_what_becomes_of_a_purchase_comes_in_its_order(seed: int, ordinal: int, mode: int, late: int) -> None:
    bought_on, sessions = ACCEPTED_ON + 5, 1 + EVERYBODY % 4
    journey = journey_of(behaviour(seed=seed), ordinal=ordinal, mode=mode, late_days=late)
    attended = journey.attended_on != NEVER
    redeemed, completed, reviewed = (
        days != NEVER for days in (journey.redeemed_on, journey.completed_on, journey.reviewed_on)
    )
    assert (journey.redeemed_on[redeemed] >= bought_on).all() and not attended[~redeemed].any()
    assert (attended[:, :-1] >= attended[:, 1:]).all(), "a session before it is attended first"
    both = attended[:, :-1] & attended[:, 1:]
    assert (journey.attended_on[:, :-1] <= journey.attended_on[:, 1:])[both].all()
    assert (journey.attended_on[:, 0] >= journey.redeemed_on + late)[attended[:, 0]].all()
    assert np.array_equal(completed, attended.sum(axis=1) == sessions)
    assert (journey.completed_on >= journey.attended_on.max(axis=1))[completed].all()
    assert not (reviewed & ~completed).any() and (journey.reviewed_on >= journey.completed_on)[reviewed].all()
    assert (journey.left_on >= bought_on).all()
    recorded = np.concatenate([journey.attended_on[attended], journey.completed_on[completed]])
    assert {date.fromordinal(day).weekday() for day in np.unique(recorded).tolist()} <= {1, 4}


def test_the_first_training_is_finished_and_reviewed_more_often_than_later_ones() -> None:
    first, later = (journey_of(behaviour(), ordinal=ordinal) for ordinal in (1, 2))
    assert np.mean(first.completed_on != NEVER) > np.mean(later.completed_on != NEVER) + 0.2
    shares = [np.mean(one.reviewed_on[one.completed_on != NEVER] != NEVER) for one in (first, later)]
    assert shares[0] > 0.9 > 0.6 > shares[1]
    busy = FACTS[:, 3] == EMPLOYEE
    assert np.mean(first.completed_on[busy] != NEVER) < np.mean(first.completed_on[FACTS[:, 3] == 1] != NEVER)
    on_site = journey_of(behaviour(), mode=ON_SITE)
    assert np.mean(on_site.completed_on != NEVER) > np.mean(first.completed_on != NEVER)


def next_days(one: Behaviour, *, ordinal: int = 1, price_level: float = 1.0, balance: int = 700_000) -> Numbers:
    return one.next_purchase(
        EVERYBODY,
        np.full(COUNT, ordinal),
        journey=journey_of(one, ordinal=ordinal),
        price_level=price_level,
        balance_rupiah=np.full(COUNT, balance),
    )


def test_a_barrier_keeps_from_a_second_training_and_so_does_a_dear_shelf() -> None:
    one = behaviour()
    barrier, second = one.barrier(EVERYBODY), next_days(one)
    assert (second[barrier != NONE] == NEVER).all() and 0.4 < np.mean(second != NEVER) < 0.7
    assert (second[second != NEVER] > journey_of(one).left_on[second != NEVER]).all()
    shares = [np.mean(next_days(one, price_level=level) != NEVER) for level in (0.7, 1.0, 1.3)]
    assert shares[0] > shares[1] > shares[2]
    assert np.mean(next_days(one, balance=100_000) != NEVER) < shares[1] - 0.1
    assert (next_days(one, balance=0) == NEVER).all()
    assert np.mean(next_days(one, ordinal=2) != NEVER) > 0.8


def test_reasons_have_causes() -> None:
    one = behaviour()
    barrier = one.barrier(EVERYBODY)
    busy = FACTS[:, 3] == EMPLOYEE
    assert np.mean(barrier[busy] == NO_TIME) > 1.3 * np.mean(barrier[FACTS[:, 3] == 1] == NO_TIME)
    informed = one.contact().reached_by.sum(axis=1) >= 4
    assert np.mean(barrier[informed] == REUSE_UNKNOWN) < np.mean(barrier[~informed] == REUSE_UNKNOWN)
    shares = [np.mean(barrier == code) for code in range(1, 6)]
    assert sorted(shares, reverse=True) == [shares[place] for place in (0, 1, 2, 3, 4)]


def test_nothing_depends_on_who_else_is_asked() -> None:
    one, other = behaviour(), behaviour()
    some = np.random.default_rng(3).permutation(EVERYBODY)[:700]
    first = [
        each.first_purchase(people, accepted_on=ACCEPTED_ON, due_on=ACCEPTED_ON + 30, price_level=1.0).buys_on
        for each, people in ((one, EVERYBODY), (other, some))
    ]
    assert np.array_equal(first[0][some], first[1])
    whole, part = journey_of(one), journey_of(other, some)
    for name in ("redeemed_on", "attended_on", "completed_on", "reviewed_on", "left_on"):
        assert np.array_equal(getattr(whole, name)[some], getattr(part, name)), name
    assert np.array_equal(one.barrier(EVERYBODY)[some], other.barrier(some))
    opened = np.full(COUNT, ACCEPTED_ON)
    assert np.array_equal(one.survey_on(EVERYBODY, 3, opened)[some], other.survey_on(some, 3, opened[some]))
    stars = np.full(COUNT, 4.2)
    ordinal = np.ones(COUNT, dtype=np.int64)
    assert np.array_equal(one.rating(EVERYBODY, ordinal, stars)[some], other.rating(some, ordinal[some], stars[some]))
    assert np.array_equal(one.account_on(EVERYBODY, opened)[some], other.account_on(some, opened[some]))


def test_accounts_come_with_acceptance_or_on_a_wednesday() -> None:
    one, accepted = behaviour(), np.full(COUNT, ACCEPTED_ON)
    named = one.account_on(EVERYBODY, accepted)
    late = named != ACCEPTED_ON
    assert np.mean(late) == pytest.approx(MODEL.late_account_share, abs=0.001)
    assert (named[late] >= ACCEPTED_ON + MODEL.late_account_least_days).all()
    again = one.replacement_on(EVERYBODY, np.ones(COUNT, dtype=np.int64), accepted)
    assert (again > ACCEPTED_ON).all() and (again <= ACCEPTED_ON + MODEL.replacement_most_days + 6).all()
    days = np.unique(np.concatenate([named[late], again])).tolist()
    assert {date.fromordinal(day).weekday() for day in days} == {2}


@given(day=st.dates(), weekdays=st.sets(st.integers(0, 6), min_size=1))
def test_the_next_weekday_is_the_first_of_them(day: date, weekdays: set[int]) -> None:
    found = int(next_weekday(np.array([day.toordinal()]), tuple(weekdays))[0]) - day.toordinal()
    assert (day.weekday() + found) % 7 in weekdays
    assert all((day.weekday() + sooner) % 7 not in weekdays for sooner in range(found))


def test_stars_stand_around_the_trainings_own() -> None:
    ordinal = np.ones(COUNT, dtype=np.int64)
    stars = [behaviour().rating(EVERYBODY, ordinal, np.full(COUNT, quality)) for quality in (3.7, 4.7)]
    assert stars[0].mean() == pytest.approx(3.7, abs=0.1) and stars[1].mean() > 4.4
    assert min(one.min() for one in stars) >= 1 and max(one.max() for one in stars) == 5


def test_answers_are_the_questionnaires_own_and_follow_from_what_happened() -> None:
    one = behaviour()
    done, second = EVERYBODY % 2 == 0, EVERYBODY % 3 == 0
    waited, rejected = np.where(done, 20, 60), EVERYBODY % 7 == 0
    answers = {
        1: one.survey_answers_1(EVERYBODY, employment=FACTS[:, 3], has_completed=done),
        2: one.survey_answers_2(EVERYBODY),
        3: one.survey_answers_3(EVERYBODY, took_second=second, waited_days=waited, had_rejection=rejected),
    }
    for number, rows in answers.items():
        options = {question.code: set(question.options) for question in SURVEYS[number].questions}
        for row in rows:
            for code, said in row.items():
                assert {said} if isinstance(said, str) else set(said) <= options[code]
    assert [("effective" in row) for row in answers[1]] == done.tolist()
    assert [("reason" in row) for row in answers[3]] == (~second).tolist()
    agrees = np.array([row["on_time"] == "agree" for row in answers[3]])
    assert np.mean(agrees[done & ~rejected]) > np.mean(agrees[~done & ~rejected]) > np.mean(agrees[~done & rejected])
    reasons = {
        (row["reason"] == "nothing_suits", bool(barrier == NONE))
        for row, barrier in zip(answers[3], one.barrier(EVERYBODY), strict=True)
        if "reason" in row
    }
    assert reasons == {(True, True), (False, False)}
    counts = {name: sum(name in row["source"] for row in answers[2]) for name in ("friends", "social_media", "print")}
    assert counts["friends"] > counts["social_media"] > counts["print"]


def test_facts_of_another_cohort_are_refused() -> None:
    with pytest.raises(ValueError, match="facts are"):
        Behaviour(MODEL, Draws(1, 3), FACTS)
