"""The switch of who wants no lists made from who they are: kept as facts, harmless twice, on by default."""

from collections.abc import Callable
from typing import Any

import pytest

from bekal.participants.models import Participation
from bekal.recommender.models import ModelVersion, Personalisation, PreparedList
from bekal.recommender.switch_personalisation import personalisation_of, switch_personalisation
from tests import factories
from tests.factories import jakarta

AT = jakarta(2020, 11, 19, 10)


def test_it_is_on_until_somebody_switches_it_off(db: None) -> None:
    first, second = factories.participants(2)
    assert personalisation_of([first, second]) == {first: True, second: True}
    (outcome,) = switch_personalisation(participant_ids=[first], is_on=False, at=AT)
    assert (outcome.is_on, outcome.changed) == (False, True)
    assert personalisation_of([first, second]) == {first: False, second: True}


def test_a_second_click_changes_nothing(db: None) -> None:
    (person,) = factories.participants()
    for is_on, changed in ((True, False), (False, True), (False, False), (True, True), (True, False)):
        (outcome,) = switch_personalisation(participant_ids=[person], is_on=is_on, at=AT)
        assert (outcome.is_on, outcome.changed) == (is_on, changed)
        assert personalisation_of([person]) == {person: is_on}
    assert list(Personalisation.objects.order_by("pk").values_list("is_enabled", flat=True)) == [False, True]


def test_off_deletes_what_the_night_has_made_of_who_they_are(db: None) -> None:
    version = ModelVersion.objects.create(
        fitted_at=AT, manifest={}, arrays=b"", sha256=bytes(32), people_count=0, choice_count=0
    )
    kept = {"prepared_at": AT, "shelf_hash": bytes(32), "balance_rupiah": 0, "bought_count": 0, "content": {}}
    first, second = factories.accepted(2)
    for number in (first, second):
        PreparedList.objects.create(participation_id=number, model_version=version, **kept)
    person = Participation.objects.get(pk=first).participant_id
    switch_personalisation(participant_ids=[person], is_on=True, at=AT)
    assert PreparedList.objects.count() == 2
    switch_personalisation(participant_ids=[person], is_on=False, at=AT)
    assert PreparedList.objects.get().pk == second


def test_a_set_is_answered_in_its_order(db: None) -> None:
    people = list(reversed(factories.participants(3)))
    switch_personalisation(participant_ids=people[1:2], is_on=False, at=AT)
    outcomes = switch_personalisation(participant_ids=people, is_on=False, at=AT)
    assert [outcome.participant_id for outcome in outcomes] == people
    assert [outcome.changed for outcome in outcomes] == [True, False, True]


def test_an_unknown_participant_changes_nothing(db: None) -> None:
    (person,) = factories.participants()
    with pytest.raises(ValueError, match="no participant 4711"):
        switch_personalisation(participant_ids=[person, 4711], is_on=False, at=AT)
    assert not Personalisation.objects.exists()


def test_any_number_of_people_costs_one_query(db: None, assert_queries: Callable[..., Any]) -> None:
    people = factories.participants(5)
    switch_personalisation(participant_ids=people, is_on=False, at=AT)
    with assert_queries(1):
        assert not any(personalisation_of(people).values())
