"""Lists fit the balance and the person, and every reason on them can be recomputed."""

import random
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection, transaction
from django.db.models import F
from django.db.utils import DatabaseError

from bekal.catalogue.import_trainings import NewTraining, import_trainings
from bekal.catalogue.models import Training
from bekal.ledger.queries import remaining
from bekal.lifecycle.revoke import revoke
from bekal.participants.models import Participation
from bekal.purchases.models import Purchase
from bekal.recommender.log_exposure import log_exposure
from bekal.recommender.models import Exposure
from bekal.recommender.reasons import ReasonKind, ShownReason
from bekal.recommender.serve import ListState, RecommendedList, recommend_for
from tests import factories
from tests.factories.serving import serving_model
from tests.recommender import world

REASONS_SQL = Path(__file__).with_name("reasons.sql").read_text()


# Who is in the group of a reason; the columns are those of reasons.sql.
GROUPS = {
    ReasonKind.AFTER: "SELECT person FROM person_choice WHERE training_id = %(after)s",
    ReasonKind.PROFILE: "SELECT person FROM who WHERE {column} = %(value)s",
    ReasonKind.POPULAR: "SELECT person FROM who",
    ReasonKind.FRESH: "SELECT person FROM who",
}
COUNTS = """
WITH in_group AS MATERIALIZED ({group}), in_cell AS MATERIALIZED (
    SELECT person FROM in_group JOIN person_choice USING (person) WHERE training_id = %(training)s
)
SELECT (SELECT count(*) FROM in_cell), (SELECT count(*) FROM in_group),
       (SELECT count(DISTINCT person) FROM person_choice WHERE training_id = %(training)s), (SELECT count(*) FROM who),
       (SELECT count(DISTINCT institution_id) FROM in_cell JOIN person_choice USING (person)),
       (SELECT count(DISTINCT institution_id) FROM (TABLE in_group EXCEPT TABLE in_cell) AS others
        JOIN person_choice USING (person))
"""


def recounted(training_id: int, reason: ShownReason) -> tuple[int, ...]:
    """Cell, group, training, people, institutions of the cell and of the others: counted in SQL from the rows."""
    column, value = (reason.trait.column, reason.trait.value) if reason.trait else ("", -1)
    sql = COUNTS.format(group=GROUPS[reason.kind].format(column=column))
    with connection.cursor() as cursor:
        cursor.execute(sql, {"training": training_id, "after": reason.training_id, "value": value})
        return tuple(cursor.fetchone())


def assert_personal(reason: ShownReason, bought: set[int], profile: dict[str, int]) -> None:
    """A reason is about the person who reads it."""
    if reason.kind is ReasonKind.AFTER:
        assert reason.training_id in bought
    if reason.kind is ReasonKind.PROFILE:
        assert reason.trait is not None and reason.trait.column != "sex"
        assert profile[reason.trait.column] == reason.trait.value and str(reason.trait.label)


def assert_true(training_id: int, reason: ShownReason) -> None:
    """A reason speaks only where it may, and its numbers are those of the rows."""
    cell, group, training, people, inside, outside = recounted(training_id, reason)
    assert (reason.cell_count, reason.group_count) == (cell, group)
    assert (reason.training_count, reason.people_count) == (training, people)
    if reason.kind in (ReasonKind.AFTER, ReasonKind.PROFILE):
        assert cell >= 10 and group - cell >= 10 and inside >= 3 and outside >= 3
        assert cell / group > 1.1 * training / people
    shown = reason.share_percent
    assert shown == (None if cell < 10 else pytest.approx(100 * cell / group, abs=2.5))


def profile_of(participation: Participation) -> dict[str, int]:
    person = participation.participant
    age = 2020 - person.born_on.year
    band = sum(age >= start for start in (25, 35, 45, 55))
    return {
        "age_band": band,
        "education": person.education,
        "employment": person.employment,
        "province": person.province,
    }


@pytest.mark.django_db
def test_500_people_with_any_balance_are_shown_what_fits_with_true_reasons(tmp_path: Path) -> None:
    stock = world.stock(listed_at=factories.jakarta(2020, 4, 1))
    world.learn_from_others(tmp_path)
    ids = world.participants(500)
    draw = random.Random(3)
    for training in draw.sample(stock, 16):
        left = remaining(owner_ids=ids)
        buyers = [one for one in world.some(draw, ids, 20) if left[one] >= training.price_rupiah]
        factories.bought_all(buyers, training, at=world.AT - timedelta(days=1))
    left = remaining(owner_ids=ids)
    world.spend({one: draw.choice([0, left[one], draw.randrange(left[one] + 1)]) for one in ids if left[one]})
    version = serving_model(at=world.AT)
    balances = remaining(owner_ids=ids)
    prices = dict(Training.objects.values_list("id", "price_rupiah"))
    bought: dict[int, set[int]] = {one: set() for one in ids}
    for owner, training_id in Purchase.objects.values_list("participation_id", "training_id"):
        bought[owner].add(training_id)
    lists = recommend_for(participation_ids=ids, at=world.AT)
    assert [one.participation_id for one in lists] == list(ids)
    people = Participation.objects.select_related("participant").in_bulk(ids)
    with connection.cursor() as cursor:
        cursor.execute(REASONS_SQL)
    seen: set[tuple[int, ShownReason]] = set()
    for one in lists:
        assert one.state is ListState.READY and one.model_version_id == version.pk
        assert one.balance_rupiah == balances[one.participation_id]
        assert_fits(one, prices, bought[one.participation_id])
        profile = profile_of(people[one.participation_id])
        for item in one.items:
            assert_personal(item.reason, bought[one.participation_id], profile)
            seen.add((item.training_id, item.reason))
    for training_id, reason in seen:
        assert_true(training_id, reason)
    kinds = Counter(reason.kind for _, reason in seen)
    assert kinds[ReasonKind.AFTER] > 5 and kinds[ReasonKind.PROFILE] > 50, "all kinds of reasons were looked at"
    assert len({tuple(item.training_id for item in one.items) for one in lists}) > 100
    assert_lists_follow_profiles(lists, people, balances)


def assert_fits(one: RecommendedList, prices: dict[int, int], bought: set[int]) -> None:
    """Nothing above the balance, nothing twice, best first (`test_made.py`), and as many as there are."""
    shown = [item.training_id for item in one.items]
    affordable = {training for training, price in prices.items() if price <= one.balance_rupiah} - bought
    assert set(shown) <= affordable and len(shown) == len(set(shown)) == min(10, len(affordable))
    best = set(one.plans[0].training_ids)
    fixed = [item for item in one.items if not item.is_explored]
    scores = [item.score for item in fixed if item.training_id in best]  # nobody has rated or completed: no other order
    assert scores == sorted(scores, reverse=True) and all(item.propensity == 1 for item in fixed)
    for item in one.items:
        assert item.price_rupiah == prices[item.training_id]
        assert item.left_rupiah == one.balance_rupiah - item.price_rupiah >= 0
    for plan in one.plans:
        assert set(plan.training_ids) <= affordable
        assert plan.spent_rupiah == sum(prices[training] for training in plan.training_ids)
        assert plan.spent_rupiah + plan.left_rupiah == one.balance_rupiah and plan.left_rupiah >= 0
    best_value, nothing_lapses, one_best = one.plans
    assert nothing_lapses.left_rupiah <= best_value.left_rupiah and len(one_best.training_ids) <= 1


def assert_lists_follow_profiles(
    lists: tuple[RecommendedList, ...], people: dict[int, Participation], balances: dict[int, int]
) -> None:
    """With the whole balance and no history, men and women are shown other first trainings: the world has it so."""
    first: dict[str, Counter[int]] = {"F": Counter(), "M": Counter()}
    category = dict(Training.objects.values_list("id", "category_id"))
    for one in lists:
        if balances[one.participation_id] == 1_000_000:
            first[people[one.participation_id].participant.sex][category[one.items[0].training_id]] += 1
    food = Training.objects.get(code="t-00").category_id
    shares = {sex: found[food] / found.total() for sex, found in first.items()}
    assert shares["F"] > shares["M"] + 0.3


@pytest.mark.django_db
def test_without_a_model_the_list_is_empty_and_says_so() -> None:
    (participation_id,) = factories.accepted()
    (one,) = recommend_for(participation_ids=[participation_id], at=factories.ACCEPTED_AT + timedelta(days=1))
    assert one == RecommendedList(participation_id, ListState.NO_MODEL, 1_000_000)
    assert log_exposure(lists=[one], at=world.AT) == 0


@pytest.fixture
def learned(tmp_path: Path) -> None:
    world.stock(listed_at=factories.jakarta(2020, 4, 1))
    world.learn_from_others(tmp_path, count=400)
    serving_model(at=world.AT)


@pytest.mark.django_db
@pytest.mark.usefixtures("learned")
def test_who_can_buy_nothing_any_more_gets_no_list() -> None:
    late, revoked, spent = world.participants(3)
    world.spend({spent: 1_000_000})
    after_deadline = world.ACCEPTED_AT + timedelta(days=31)
    revoke(at=after_deadline, participation_ids=[revoked])
    states = [one.state for one in recommend_for(participation_ids=[late, revoked, spent], at=after_deadline)]
    assert states == [ListState.CLOSED] * 3, "the deadline has passed, revoked or not"
    (nothing_left,) = recommend_for(participation_ids=[spent], at=world.AT)
    assert (nothing_left.state, nothing_left.items, nothing_left.balance_rupiah) == (ListState.READY, (), 0)
    assert [plan.training_ids for plan in nothing_left.plans] == [(), (), ()]
    Training.objects.filter(code="t-07").update(price_rupiah=0)
    (free,) = recommend_for(participation_ids=[spent], at=world.AT)
    assert [item.price_rupiah for item in free.items] == [0], "what is free fits a balance of Rp0"
    assert log_exposure(lists=[nothing_left, free], at=world.AT) == 2


@pytest.mark.django_db
@pytest.mark.usefixtures("learned")
def test_todays_prices_and_offers_decide() -> None:
    (one,) = world.participants(1)
    (before,) = recommend_for(participation_ids=[one], at=world.AT)
    first, second, third = (item.training_id for item in before.items[:3])
    Training.objects.filter(pk=first).update(on_sale=False)
    Training.objects.filter(pk=second).update(price_rupiah=1_000_001)
    Training.objects.filter(pk=third).update(seat_count=F("bought_count"))
    (after,) = recommend_for(participation_ids=[one], at=world.AT)
    assert not {first, second, third} & {item.training_id for item in after.items}
    assert not {first, second, third} & {training for plan in after.plans for training in plan.training_ids}


@pytest.mark.django_db
@pytest.mark.usefixtures("learned")
def test_imported_trainings_are_recommended_before_anybody_has_completed_them() -> None:
    ids = world.participants(40)
    new = [
        NewTraining(code=f"new-{n}", title=f"Baru {n}", institution="L", category=category, price_rupiah=50_000)
        for n, category in enumerate([*world.CATEGORIES, *world.CATEGORIES, "Serba Baru"])
    ]
    import_trainings(trainings=new, at=world.AT - timedelta(days=1))
    new_ids = set(Training.objects.filter(code__startswith="new-").values_list("id", flat=True))
    lists = recommend_for(participation_ids=ids, at=world.AT)
    shown = Counter(item.training_id for one in lists for item in one.items if item.training_id in new_ids)
    assert {sum(item.training_id in new_ids for item in one.items) for one in lists} <= {1, 2}
    assert len(shown) >= 4, "which one depends on the person"
    fresh = [item for one in lists for item in one.items if item.training_id in new_ids]
    assert {item.reason.kind for item in fresh} == {ReasonKind.FRESH}
    assert {(item.reason.training_count, item.reason.share_percent) for item in fresh} == {(0, None)}
    assert all(item.score > 0 for item in fresh)
    assert lists == recommend_for(participation_ids=ids, at=world.AT), "everybody keeps their own"
    later = recommend_for(participation_ids=ids[:1], at=world.ACCEPTED_AT + timedelta(days=30), n=4)
    assert len(later[0].items) == 4
    world.spend({ids[0]: 950_000})
    (little,) = recommend_for(participation_ids=ids[:1], at=world.AT)
    assert len(little.items) == 10, "with little left, new ones that fit fill the list"
    assert sum(item.training_id in new_ids for item in little.items) > 2


@pytest.mark.django_db
@pytest.mark.usefixtures("learned")
def test_a_list_does_not_depend_on_who_else_is_asked_for(assert_queries: Callable[..., Any]) -> None:
    ids = world.participants(30)
    together = recommend_for(participation_ids=ids, at=world.AT)
    for one in together[:3]:
        with assert_queries(8):
            assert recommend_for(participation_ids=[one.participation_id], at=world.AT) == (one,)
    with assert_queries(8):
        recommend_for(participation_ids=ids, at=world.AT)
    assert recommend_for(participation_ids=ids[::-1], at=world.AT) == together[::-1]
    assert recommend_for(participation_ids=[], at=world.AT) == ()
    for wrong in ({"n": 0}, {"n": 51}, {"participation_ids": [max(ids) + 1]}):
        with pytest.raises(ValueError, match=r"n must be|no participation"):
            recommend_for(**({"participation_ids": ids[:1], "at": world.AT} | wrong))


@pytest.mark.django_db
@pytest.mark.usefixtures("learned")
def test_every_list_shown_is_kept_as_it_was_shown() -> None:
    ids = world.participants(3)
    lists = recommend_for(participation_ids=ids, at=world.AT)
    assert log_exposure(lists=lists, at=world.AT) == 3
    kept = Exposure.objects.order_by("participation_id")
    for row, one in zip(kept, lists, strict=True):
        assert (row.participation_id, row.balance_rupiah, row.shown_at) == (one.participation_id, 1_000_000, world.AT)
        assert row.trainings == [item.training_id for item in one.items]
        assert row.scores == pytest.approx([item.score for item in one.items])
        assert row.model_version_id == one.model_version_id
    with pytest.raises(DatabaseError), transaction.atomic():
        Exposure.objects.update(balance_rupiah=0)


@pytest.mark.django_db
def test_few_completions_count_as_a_record_only_after_a_while(tmp_path: Path) -> None:
    """Listed long ago and taken by hardly anybody: the model's low score stays. Listed lately: it does not."""
    world.stock(listed_at=factories.jakarta(2020, 4, 1))
    world.learn_from_others(tmp_path, count=400)
    for code, listed_at in (("old", factories.jakarta(2020, 4, 1)), ("new", world.AT - timedelta(days=9))):
        one = NewTraining(code=code, title=code, institution="L", category=world.CATEGORIES[0], price_rupiah=50_000)
        import_trainings(trainings=[one], at=listed_at)
    serving_model(at=world.AT)
    ids = world.participants(5)
    for shown in recommend_for(participation_ids=ids, at=world.AT, n=50):
        scores = {item.training_id: item.score for item in shown.items}
        old, new = (Training.objects.get(code=code).pk for code in ("old", "new"))
        assert scores[new] > scores.get(old, -1) + 0.01


@pytest.mark.django_db
@pytest.mark.usefixtures("learned")
def test_a_new_training_is_tried_even_where_it_is_not_expected_to_be_liked() -> None:
    one = NewTraining(code="new", title="Baru", institution="L", category="Serba Baru", price_rupiah=50_000)
    import_trainings(trainings=[one], at=world.AT - timedelta(days=1))
    new_id = Training.objects.get(code="new").pk
    ids = world.participants(20)
    lists = recommend_for(participation_ids=ids, at=world.AT)
    assert all(new_id in {item.training_id for item in shown.items} for shown in lists)
    short = recommend_for(participation_ids=ids, at=world.AT, n=4)
    assert not all(new_id in {item.training_id for item in shown.items} for shown in short), "a short list has no room"
    assert any(shown.items[-1].training_id == new_id for shown in lists)
