"""Lists made in the night are those that would be made now, hold while nothing has changed, and survive any kill."""

import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connections, transaction

from bekal.catalogue.models import Training
from bekal.lifecycle.revoke import revoke
from bekal.participants.models import Participation
from bekal.recommender.models import Preparation, PreparedList, SeatPrice
from bekal.recommender.prepare_lists import prepare_lists
from bekal.recommender.serve import RecommendedList, recommend_for
from bekal.recommender.switch_personalisation import switch_personalisation
from tests import factories
from tests.factories.serving import serving_model
from tests.recommender import world

AT = world.AT


@pytest.fixture
def learned(db: None, tmp_path: Path) -> None:
    world.stock()  # listed today: some trainings are fresh, so that places are drawn, too
    world.learn_from_others(tmp_path, count=400)
    serving_model(at=AT)


def listed(*ids: int, at: Any = AT) -> tuple[RecommendedList, ...]:
    return recommend_for(participation_ids=ids, at=at)


def kept() -> list[tuple[Any, ...]]:
    return list(PreparedList.objects.order_by("pk").values_list("participation_id", "content", "shelf_hash"))


@pytest.mark.usefixtures("learned")
def test_200_prepared_lists_are_those_computed_now(assert_queries: Callable[..., Any]) -> None:
    people = world.participants(200)
    world.spend({person: n * 4_900 for n, person in enumerate(people)})
    factories.bought_all(people[:5], Training.objects.get(code="t-00"), at=AT - timedelta(days=1))
    now = listed(*people)
    done = prepare_lists(at=AT, chunk_count=64)
    assert done is not None and (done.list_count, done.made_count, done.is_finished) == (200, 200, True)
    assert PreparedList.objects.count() == 200
    assert listed(*people) == now
    assert listed(*people, at=AT + timedelta(hours=9)) == now
    with assert_queries(8):
        assert listed(people[0]) == now[:1]
    assert recommend_for(participation_ids=people[:3], at=AT, with_plans=False)[0].plans == ()
    assert len(recommend_for(participation_ids=people[:1], at=AT, n=4)[0].items) == 4


def test_without_a_model_nothing_is_prepared(db: None) -> None:
    assert prepare_lists(at=AT) is None
    with pytest.raises(CommandError, match="No model serves yet"):
        call_command("prepare-lists")
    with pytest.raises(CommandError, match="--chunk is 0"):
        call_command("prepare-lists", "--chunk", "0")
    with pytest.raises(ValueError, match="chunk_count is 0"):
        prepare_lists(at=AT, chunk_count=0)


@pytest.mark.usefixtures("learned")
def test_a_prepared_list_is_not_shown_after_anything_has_changed() -> None:
    """What is prepared is falsified; it comes to light only while it may still be shown."""
    people = world.participants(3)
    before = listed(*people)
    prepare_lists(at=AT)
    for row in PreparedList.objects.order_by("pk"):
        row.content["trainings"] = row.content["trainings"][:1]
        row.content = {
            name: value[:1] if name in ("scores", "propensities", "scarcity") else value
            for name, value in row.content.items()
        }
        row.save()

    def is_prepared(person: int, at: Any = AT) -> bool:
        return len(listed(person, at=at)[0].items) == 1

    assert all(is_prepared(person) for person in people)
    factories.bought(people[0], Training.objects.get(pk=before[0].items[0].training_id), at=AT)
    assert not is_prepared(people[0]), "after a purchase"
    assert before[0].items[0].training_id not in {item.training_id for item in listed(people[0])[0].items}
    assert is_prepared(people[1]), "of somebody else"
    world.spend({people[1]: 1})
    assert not is_prepared(people[1]), "after the balance has changed"
    assert not is_prepared(people[2], AT + timedelta(days=1)), "the next day"
    content = PreparedList.objects.get(pk=people[2]).content
    shown = {content["trainings"][0], *(number for _, ids, _, _ in content["plans"] for number in ids)}
    listed_one = Training.objects.get(pk=content["trainings"][0])
    other = Training.objects.exclude(pk__in=shown).order_by("-price_rupiah")[0]
    for training, field, value, holds in (
        (other, "price_rupiah", other.price_rupiah + 1000, False),
        (listed_one, "on_sale", False, False),
        (listed_one, "seat_count", listed_one.bought_count, False),
        (other, "on_sale", False, True),
        (other, "seat_count", other.bought_count, True),
    ):
        old = getattr(training, field)
        Training.objects.filter(pk=training.pk).update(**{field: value})
        assert is_prepared(people[2]) is holds, f"after a change of {field}"
        Training.objects.filter(pk=training.pk).update(**{field: old})
        assert is_prepared(people[2])
    for training, holds in ((listed_one, False), (other, True)):
        seat = SeatPrice.objects.create(training=training, price=0.1, priced_at=AT, is_nightly=True, seats_left=1)
        assert is_prepared(people[2]) is holds, "after a change of a seat price"
        seat.delete()
    serving_model(at=AT, seed=1)
    assert not is_prepared(people[2]), "under another model"


@pytest.mark.usefixtures("learned")
def test_who_may_have_no_list_has_none_and_older_ones_go() -> None:
    open_one, off, ended = world.participants(3)
    prepare_lists(at=AT)
    assert PreparedList.objects.count() == 3
    revoke(at=(later := world.ACCEPTED_AT + timedelta(days=31)), participation_ids=[ended])
    factories.bought_all([open_one, off], Training.objects.get(code="t-01"), at=AT)
    participant = Participation.objects.get(pk=off).participant_id
    switch_personalisation(participant_ids=[participant], is_on=False, at=later)
    done = prepare_lists(at=later, chunk_count=1)
    assert done is not None and done.list_count == 1
    assert [number for number, *_ in kept()] == [open_one]


class KilledError(Exception):
    """Where the power goes off."""


def power_for(chunks: Iterator[int]) -> None:
    if next(chunks, None) is None:
        raise KilledError


@pytest.mark.usefixtures("learned")
def test_killed_anywhere_it_goes_on_and_ends_the_same() -> None:
    people = world.participants(23)
    prepare_lists(at=AT, chunk_count=5)
    undisturbed = kept()
    for kill_after in range(1, 5):
        PreparedList.objects.all().delete()
        Preparation.objects.all().delete()
        chunks = iter(range(1, kill_after))
        with pytest.raises(KilledError):
            prepare_lists(at=AT, chunk_count=5, progress=lambda _, left=chunks: power_for(left))
        assert PreparedList.objects.count() == 5 * kill_after
        done = prepare_lists(at=AT + timedelta(minutes=5), chunk_count=4)
        assert done is not None and done.is_finished
        assert (done.list_count, done.made_count) == (23, 23 - 5 * kill_after), "nothing twice"
        assert kept() == undisturbed
    assert len(undisturbed) == len(people)


@pytest.mark.usefixtures("learned")
def test_a_kill_within_a_chunk_leaves_nothing_of_it() -> None:
    world.participants(8)
    prepare_lists(at=AT, chunk_count=4, chunk_limit=1)
    run = Preparation.objects.get()
    with pytest.raises(KilledError), transaction.atomic():
        prepare_lists(at=AT, chunk_count=4, chunk_limit=1)
        raise KilledError
    run.refresh_from_db()
    assert (run.list_count, PreparedList.objects.count(), run.finished_at) == (4, 4, None)
    done = prepare_lists(at=AT, chunk_count=4)
    assert done is not None and (done.list_count, done.is_finished) == (8, True)


@pytest.mark.usefixtures("learned")
def test_a_day_has_one_run_unless_asked_again_or_another_model_serves() -> None:
    world.participants(6)
    first = prepare_lists(at=AT, chunk_count=4, chunk_limit=1)
    assert first is not None and not first.is_finished
    Training.objects.filter(code="t-00").update(price_rupiah=1_000)
    second = prepare_lists(at=AT)
    assert second is not None and Preparation.objects.count() == 1, "gone on with at the new price"
    assert (second.list_count, second.is_finished) == (6, True) and len({shelf for *_, shelf in kept()}) == 2
    idle = prepare_lists(at=AT)
    assert idle is not None and (idle.made_count, Preparation.objects.count()) == (0, 1)
    call_command("prepare-lists", "--again", verbosity=0, stdout=(out := StringIO()))
    assert out.getvalue() == "6 lists are ready (6 made now).\n"
    assert prepare_lists(at=AT + timedelta(days=1), chunk_count=100).made_count == 6  # type: ignore[union-attr]
    serving_model(at=AT, seed=1)
    assert prepare_lists(at=AT + timedelta(days=1)).made_count == 6  # type: ignore[union-attr]


@pytest.mark.django_db(transaction=True)
def test_two_runners_never_make_a_list_twice(tmp_path: Path) -> None:
    world.stock()
    world.learn_from_others(tmp_path, count=100)
    serving_model(at=AT)
    world.participants(12)
    prepare_lists(at=AT, chunk_count=4, chunk_limit=1)
    has_the_row, go_on = threading.Event(), threading.Event()

    def runner() -> None:
        with transaction.atomic():  # as while a chunk is under way
            Preparation.objects.select_for_update().get()
            has_the_row.set()
            go_on.wait()
        connections.close_all()

    thread = threading.Thread(target=runner)
    thread.start()
    has_the_row.wait()
    other = prepare_lists(at=AT, chunk_count=4)
    go_on.set()
    thread.join()
    assert other is not None and (other.made_count, other.is_finished) == (0, False), "the other one is at it"
    last = prepare_lists(at=AT, chunk_count=4)
    assert last is not None and (last.list_count, last.made_count, last.is_finished) == (12, 8, True)
