"""“Why this?” tells all that made a training stand on a list, and only what is true."""

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest

from bekal.catalogue.import_trainings import NewTraining, import_trainings
from bekal.catalogue.models import Training
from bekal.recommender.buyers import buyers
from bekal.recommender.model_store import serving_model as loaded
from bekal.recommender.profile import COLUMNS
from bekal.recommender.reasons import Limit, ReasonKind
from bekal.recommender.serve import recommend_for
from bekal.recommender.shelf import shelf_today
from bekal.recommender.value import values_of
from tests import factories
from tests.factories.serving import serving_model
from tests.recommender import world

AT = world.AT


@pytest.fixture
def learned(db: None, tmp_path: Path) -> None:
    world.stock(listed_at=factories.jakarta(2020, 4, 1))
    world.learn_from_others(tmp_path, count=1500)
    serving_model(at=AT)


@pytest.mark.usefixtures("learned")
def test_why_this_names_every_fact_the_model_uses_and_sex_is_never_the_reason() -> None:
    facts = {"sex": "F", "born_on": date(1990, 5, 4), "education": 6, "employment": 3, "province": 32}
    (person,) = factories.accepted(1, at=world.ACCEPTED_AT, **facts)
    bought = Training.objects.get(code="t-00")
    factories.bought(person, bought, at=AT - timedelta(days=1))
    (shown,) = recommend_for(participation_ids=[person], at=AT)
    for item in shown.items:
        why = item.why
        assert [(fact.trait.column, fact.trait.value) for fact in why.facts] == list(
            zip(COLUMNS, (0, 1, 6, 3, 32), strict=True)
        )
        assert [fact.trait.column for fact in why.facts if not fact.may_be_reason] == ["sex"]
        assert why.reason is item.reason and why.reason.kind in ReasonKind
        assert why.reason.trait is None or why.reason.trait in {fact.trait for fact in why.facts if fact.may_be_reason}
        assert why.bought_ids == (bought.pk,) and why.is_explored == item.is_explored
        assert set(why.limits) == set(Limit)
    assert {item.reason.kind for item in shown.items} >= {ReasonKind.AFTER, ReasonKind.PROFILE}
    assert_each_fact_counts(person)


CHANGED = ((0, 1), (1, 1960), (2, 3), (3, 1), (4, 73))  # place of a fact, another value


def assert_each_fact_counts(participation_id: int) -> None:
    """What is said to be used is used: another sex, age, education, work, province or no purchase: other chances."""
    model = loaded()
    assert model is not None
    shelf = shelf_today(model, AT)
    (person,) = buyers([participation_id], AT.date())
    chance = values_of(model, shelf, [person]).chance
    others = [replace(person, facts=(*person.facts[:at], value, *person.facts[at + 1 :])) for at, value in CHANGED]
    for other in (*others, replace(person, bought_ids=())):
        assert not np.array_equal(values_of(model, shelf, [other]).chance, chance), other.facts


@pytest.mark.usefixtures("learned")
def test_the_drawn_place_says_so_and_who_has_bought_nothing_has_no_purchases_behind_a_list() -> None:
    new = [
        NewTraining(code=f"n-{n}", title=f"Baru {n}", institution=f"Lembaga {n}", category=name, price_rupiah=90_000)
        for n, name in enumerate(world.CATEGORIES)
    ]
    import_trainings(trainings=new, at=AT - timedelta(days=3))
    for one in recommend_for(participation_ids=world.participants(6), at=AT):
        assert all(item.why.bought_ids == () for item in one.items)
        assert [item.why.is_explored for item in one.items] == [False] * 9 + [True]
        assert one.items[-1].why.reason.kind is ReasonKind.FRESH
