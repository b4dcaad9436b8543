"""What moves a list besides the chance: institutions, seats, dates, equivalents, exploration, and the switch."""

from collections import Counter
from datetime import timedelta
from pathlib import Path

import pytest

from bekal.catalogue.import_trainings import NewTraining, import_trainings
from bekal.catalogue.models import Institution, Session, Training
from bekal.participants.models import Participation
from bekal.recommender.log_exposure import log_exposure
from bekal.recommender.models import Exposure, SeatPrice
from bekal.recommender.serve import ListState, RecommendedList, recommend_for
from bekal.recommender.switch_personalisation import switch_personalisation
from tests import factories
from tests.factories.serving import serving_model
from tests.recommender import world

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def learned(tmp_path: Path) -> None:
    world.stock(listed_at=factories.jakarta(2020, 4, 1))
    world.learn_from_others(tmp_path, count=400)
    serving_model(at=world.AT)


def listed(number: int, *, n: int = 10) -> RecommendedList:
    (one,) = recommend_for(participation_ids=[number], at=world.AT, n=n)
    return one


def ids_of(one: RecommendedList) -> list[int]:
    return [item.training_id for item in one.items]


def planned(one: RecommendedList) -> set[int]:
    return {training for plan in one.plans for training in plan.training_ids}


def best_plan(one: RecommendedList) -> tuple[int, ...]:
    return next(plan.training_ids for plan in one.plans if plan.kind == "best_value")


def new_ones(count: int) -> set[int]:
    """Trainings listed yesterday, of institutions of their own."""
    new = [
        NewTraining(code=f"new-{n}", title=f"Baru {n}", institution=f"L{n}", category=category, price_rupiah=50_000)
        for n, category in zip(range(count), world.CATEGORIES * 2, strict=False)
    ]
    import_trainings(trainings=new, at=world.AT - timedelta(days=1))
    return set(Training.objects.filter(code__startswith="new-").values_list("id", flat=True))


def test_no_institution_has_more_than_three_places_of_ten_while_others_fit() -> None:
    """The first thirty trainings are all of one institution."""
    one_home = Institution.objects.get(name="Balai 0")
    Training.objects.filter(code__lt="t-30").update(institution=one_home)
    home = dict(Training.objects.values_list("id", "institution_id"))
    for one in recommend_for(participation_ids=world.participants(20), at=world.AT):
        assert len(one.items) == 10 and max(Counter(home[training] for training in ids_of(one)).values()) <= 3
    Training.objects.exclude(institution=one_home).update(on_sale=False)
    (person,) = world.participants(1, seed=4)
    assert len(listed(person).items) == 10, "nothing else fits"


def test_a_scarce_seat_has_its_price_in_the_order_and_nowhere_else() -> None:
    (person,) = world.participants(1)
    before = listed(person)
    first = before.items[0]
    SeatPrice.objects.create(
        training_id=first.training_id, price=first.score / 2, priced_at=world.AT, is_nightly=True, seats_left=3
    )
    after = {item.training_id: (place, item) for place, item in enumerate(listed(person).items)}
    place, item = after[first.training_id]
    assert place > 0, "others come first now"
    assert (item.price_rupiah, item.left_rupiah, item.score) == (first.price_rupiah, first.left_rupiah, first.score)
    SeatPrice.objects.update(price=2.0)
    dear = listed(person)
    assert first.training_id not in ids_of(dear) and first.training_id not in planned(dear)
    assert first.training_id in planned(before)


def test_what_begins_after_the_balance_has_ended_is_not_recommended() -> None:
    (person,) = world.participants(1)
    last_on = Participation.objects.get(pk=person).balance_ends_on
    on_time, too_late, one_on_time, is_over = ids_of(listed(person))[:4]
    evening = factories.jakarta(last_on.year, last_on.month, last_on.day, 23, 59)
    dates = {
        on_time: [evening],
        too_late: [evening + timedelta(minutes=1), evening + timedelta(days=9)],
        one_on_time: [evening - timedelta(days=3), evening + timedelta(days=9)],
        is_over: [world.AT - timedelta(days=2)],
    }
    for training, begins in dates.items():
        Training.objects.filter(pk=training).update(session_count=len(begins))
        for sequence, starts_at in enumerate(begins, 1):
            Session.objects.create(training_id=training, sequence=sequence, starts_at=starts_at)
    after = listed(person, n=50)
    assert {on_time, one_on_time} <= set(ids_of(after))
    assert not {too_late, is_over} & (set(ids_of(after)) | planned(after))
    Training.objects.filter(pk=is_over).update(session_count=2)
    assert is_over in ids_of(listed(person, n=50)), "its second session has no date yet"


def test_a_plan_has_one_of_equivalents_at_most() -> None:
    """Two names of one thing in one category."""
    (person,) = world.participants(1)
    best = best_plan(listed(person))
    assert len(best) >= 2
    first, second = best[:2]
    Training.objects.filter(pk=second).update(category=Training.objects.get(pk=first).category)
    Training.objects.filter(pk=first).update(title="Barista Dasar")
    Training.objects.filter(pk=second).update(title="BARISTA – dasar!")
    for plan in listed(person).plans:
        assert len({first, second} & set(plan.training_ids)) <= 1
    Training.objects.filter(pk=second).update(title="Barista Lanjutan")
    assert {first, second} <= set(best_plan(listed(person)))


def test_one_labelled_place_explores_with_a_known_chance_and_is_logged_so() -> None:
    new = new_ones(10)
    people = world.participants(60)
    lists = recommend_for(participation_ids=people, at=world.AT)
    explored = [one.items[-1] for one in lists]
    assert all(item.is_explored and item.training_id in new for item in explored)
    assert {item.propensity for one in lists for item in one.items[:-1]} == {1.0}
    assert all(1 / 20 <= item.propensity < 1 for item in explored)
    assert len({item.training_id for item in explored}) >= 5, "each is tried by some"
    assert lists == recommend_for(participation_ids=people, at=world.AT + timedelta(hours=3)), "a reload shows the same"
    tomorrow = recommend_for(participation_ids=people, at=world.AT + timedelta(days=1))
    assert [one.items[-1].training_id for one in tomorrow] != [item.training_id for item in explored]
    log_exposure(lists=lists[:1], at=world.AT)
    row = Exposure.objects.get()
    assert (row.explored_place, row.trainings[-1]) == (10, explored[0].training_id)
    assert row.propensities == [1.0] * 9 + [explored[0].propensity]
    assert row.scores == [item.score for item in lists[0].items]


def test_a_reload_of_the_same_list_leaves_no_second_row() -> None:
    (person,) = world.participants(1)
    first = [listed(person)]
    assert [log_exposure(lists=first, at=world.AT + timedelta(hours=n)) for n in (0, 1)] == [1, 0]
    world.spend({person: 500_000})
    second = [listed(person)]
    assert log_exposure(lists=second, at=world.AT + timedelta(hours=2)) == 1
    assert log_exposure(lists=first, at=world.AT + timedelta(hours=3)) == 1, "another was shown in between"
    assert log_exposure(lists=first, at=world.AT + timedelta(days=1)) == 1, "another day"


def test_who_has_switched_it_off_gets_no_list_and_leaves_no_trace() -> None:
    person, other = world.participants(2)
    participant = Participation.objects.get(pk=person).participant_id
    switch_personalisation(participant_ids=[participant], is_on=False, at=world.AT)
    lists = recommend_for(participation_ids=[person, other], at=world.AT)
    assert lists[0] == RecommendedList(person, ListState.OFF, 1_000_000)
    assert lists[1].state is ListState.READY and lists[1].items
    assert log_exposure(lists=lists, at=world.AT) == 1 and not Exposure.objects.filter(participation_id=person).exists()
    switch_personalisation(participant_ids=[participant], is_on=True, at=world.AT)
    assert listed(person).state is ListState.READY
