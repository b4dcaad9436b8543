"""`accept`: within the places, by the rules of the day, once in a life, with the whole envelope committed."""

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

from bekal.core.entitlement import RefusalCode
from bekal.core.refusal import Refusal
from bekal.ledger.movements import Kind
from bekal.ledger.queries import balances_of, totals, transfers_of
from bekal.participants.accept import accept
from bekal.participants.models import Participation
from bekal.participants.refusals import ParticipantRefusal
from tests import factories
from tests.factories.unchanged import nothing_changes

AT = factories.ACCEPTED_AT


def codes(outcomes: Any) -> list[str | None]:
    return [outcome.refusal and outcome.refusal.code for outcome in outcomes]


@pytest.mark.django_db
def test_acceptance_commits_the_whole_envelope_of_3_550_000() -> None:
    people = factories.participants(2)
    outcomes = accept(wave_id=factories.wave().pk, participant_ids=people, at=AT)
    assert [outcome.participant_id for outcome in outcomes] == list(people)
    for outcome in outcomes:
        assert outcome.participation_id is not None
        assert balances_of(owner_ids=[outcome.participation_id])[outcome.participation_id] == {
            Kind.TREASURY: -3_550_000,
            Kind.TRAINING_BALANCE: 1_000_000,
            Kind.INCENTIVE_COMMITTED: 2_400_000,
            Kind.SURVEY_COMMITTED: 150_000,
        }
    keys = {line.idempotency_key for line in transfers_of(owner_id=outcomes[0].participation_id or 0)}
    assert keys == {"commit:training", "commit:incentive", "commit:survey"}
    assert sum(totals().values()) == 0


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("at", "due_on", "ends_on"),
    [
        (factories.jakarta(2020, 4, 20), date(2020, 5, 20), date(2020, 12, 15)),
        (factories.jakarta(2021, 3, 1), date(2021, 3, 31), date(2021, 12, 31)),
        (factories.jakarta(2023, 2, 1), date(2023, 2, 16), date(2023, 12, 31)),
        # 20 April 23:30 in London is already 21 April in Jakarta.
        (factories.jakarta(2020, 4, 21, 5, 30), date(2020, 5, 21), date(2020, 12, 15)),
    ],
)
def test_the_rules_of_the_day_of_acceptance_are_kept(at: Any, due_on: date, ends_on: date) -> None:
    (participation_id,) = factories.accepted(at=at)
    participation = Participation.objects.get(pk=participation_id)
    assert participation.accepted_at == at
    assert (participation.first_purchase_due_on, participation.balance_ends_on) == (due_on, ends_on)


@pytest.mark.django_db
def test_age_is_decided_on_the_day_of_acceptance() -> None:
    wave = factories.wave()
    (eighteen_today,) = factories.participants(born_on=date(2002, 4, 20))
    (eighteen_tomorrow,) = factories.participants(born_on=date(2002, 4, 21))
    with nothing_changes():
        (outcome,) = accept(wave_id=wave.pk, participant_ids=[eighteen_tomorrow], at=AT)
    assert outcome.refusal is not None
    assert outcome.refusal.code == RefusalCode.TOO_YOUNG
    assert (outcome.refusal.values["age_years"], outcome.refusal.values["limit_years"]) == (17, 18)
    assert codes(accept(wave_id=wave.pk, participant_ids=[eighteen_today], at=AT)) == [None]


@pytest.mark.django_db
def test_the_quota_is_kept_within_and_across_calls() -> None:
    wave = factories.wave(quota_count=3)
    people = factories.participants(5)
    assert codes(accept(wave_id=wave.pk, participant_ids=people[:2], at=AT)) == [None, None]
    (too_young,) = factories.participants(born_on=date(2010, 1, 1))
    outcomes = accept(wave_id=wave.pk, participant_ids=[too_young, *people[2:]], at=AT)
    full = ParticipantRefusal.WAVE_FULL
    assert codes(outcomes) == [RefusalCode.TOO_YOUNG, None, full, full]
    assert outcomes[2].refusal == Refusal(full, {"quota_count": 3})
    with nothing_changes():
        accept(wave_id=wave.pk, participant_ids=people[3:], at=AT)


@pytest.mark.django_db
def test_once_in_a_life() -> None:
    people = factories.participants(2)
    assert codes(accept(wave_id=factories.wave().pk, participant_ids=people, at=AT)) == [None, None]
    second_wave = factories.wave()
    refusal = Refusal(ParticipantRefusal.ALREADY_ACCEPTED, {"accepted_on": date(2020, 4, 20)})
    with nothing_changes():
        outcomes = accept(wave_id=second_wave.pk, participant_ids=people, at=factories.jakarta(2020, 6, 1))
    assert [outcome.refusal for outcome in outcomes] == [refusal, refusal]


@pytest.mark.django_db
def test_a_person_named_twice_is_accepted_once() -> None:
    (person,) = factories.participants()
    outcomes = accept(wave_id=factories.wave().pk, participant_ids=[person, person], at=AT)
    assert codes(outcomes) == [None, ParticipantRefusal.ALREADY_ACCEPTED]


@pytest.mark.django_db
def test_unknown_people_and_waves_are_refused() -> None:
    (person,) = factories.participants()
    wave = factories.wave()
    with nothing_changes():
        unknown = accept(wave_id=wave.pk, participant_ids=[person + 1, 0, -1, 2**63, 2**70], at=AT)
        for wave_id in (wave.pk + 1, 2**63, 2**70):
            outcomes = accept(wave_id=wave_id, participant_ids=[person], at=AT)
            assert codes(outcomes) == [ParticipantRefusal.UNKNOWN_WAVE]
    assert codes(unknown) == [ParticipantRefusal.UNKNOWN_PARTICIPANT] * 5


@pytest.mark.django_db
def test_nobody_is_accepted_before_the_wave_opens() -> None:
    (person,) = factories.participants()
    wave = factories.wave(opens_on=date(2020, 4, 21), closes_on=date(2020, 4, 25))
    with nothing_changes():
        (outcome,) = accept(wave_id=wave.pk, participant_ids=[person], at=AT)
    assert outcome.refusal == Refusal(ParticipantRefusal.WAVE_NOT_OPEN_YET, {"opens_on": date(2020, 4, 21)})


@pytest.mark.django_db(transaction=True)
def test_rivals_for_the_last_places_share_them(race: Callable[..., list[Any]]) -> None:
    wave = factories.wave(quota_count=3)
    people = factories.participants(8)
    race(*(lambda person=person: accept(wave_id=wave.pk, participant_ids=[person], at=AT) for person in people))
    assert Participation.objects.filter(wave=wave).count() == 3
    assert totals()[Kind.TREASURY] == -3 * 3_550_000


@pytest.mark.django_db(transaction=True)
def test_two_waves_cannot_both_accept_a_person(race: Callable[..., list[Any]]) -> None:
    waves = [factories.wave(), factories.wave()]
    people = factories.participants(3)
    results = race(
        lambda: accept(wave_id=waves[0].pk, participant_ids=people, at=AT),
        lambda: accept(wave_id=waves[1].pk, participant_ids=people[::-1], at=AT),
    )
    assert Participation.objects.count() == 3
    assert totals()[Kind.TREASURY] == -3 * 3_550_000
    assert sum(outcome.refusal is None for result in results for outcome in result) == 3


@pytest.mark.django_db
def test_many_people_take_no_more_statements_than_one(assert_queries: Callable[[int], Any]) -> None:
    for count in (1, 40):
        wave, people = factories.wave(), factories.participants(count)
        with assert_queries(8):
            accept(wave_id=wave.pk, participant_ids=people, at=AT)
