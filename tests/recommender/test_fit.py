"""A fit learns from completed trainings only, can be repeated to the bit, and is kept without a pickle."""

from datetime import timedelta
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.db.utils import DatabaseError

from bekal.core.recommend import content_hash, from_bytes
from bekal.purchases.models import Purchase
from bekal.recommender.completed_choices import completed_choices
from bekal.recommender.fit import NothingToLearnError, fit
from bekal.recommender.model_store import newest_model
from bekal.recommender.models import EarlierLearner, ModelVersion
from bekal.recommender.profile import UNKNOWN, coded, trait
from tests import factories
from tests.recommender import world


@pytest.mark.django_db
def test_without_any_completed_training_nothing_is_stored() -> None:
    world.stock()
    factories.bought(factories.accepted()[0], factories.training())
    with pytest.raises(NothingToLearnError, match="Nobody has completed"):
        fit(at=world.AT)
    with pytest.raises(CommandError, match="nothing to learn from"):
        call_command("fit-recommender")
    assert newest_model() is None and ModelVersion.objects.count() == 0


@pytest.mark.django_db
def test_completed_purchases_and_earlier_choices_are_read_as_they_are(tmp_path: Path) -> None:
    stock = world.stock()
    world.learn_from_others(tmp_path, count=50)
    first, second = factories.accepted(2, sex="M", education=6, employment=3, province=73)
    factories.completed(first, stock[5])
    factories.completed(second, stock[5])
    factories.bought(first, stock[6], at=factories.REVIEWED_AT)
    read = completed_choices(until=world.AT)
    assert read.training_ids.tolist() == sorted(training.pk for training in stock)
    position = read.training_ids.tolist().index(stock[5].pk)
    mine = [u for u in range(len(read.facts)) if read.facts[u].tolist() == [1, 1995, 6, 3, 73]]
    assert [read.items[read.ptr[u] : read.ptr[u + 1]].tolist() for u in mine][-2:] == [[position], [position]]
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*), count(DISTINCT learner_id) FROM recommender_earlierchoice")
        choice_count, learner_count = cursor.fetchone()
    assert len(read.items) == choice_count + 2 and len(read.ptr) - 1 == len(read.facts) == learner_count + 2
    before = completed_choices(until=factories.COMPLETED_AT - timedelta(seconds=1))
    assert len(before.items) == choice_count, "what was completed later is not learned from"


@pytest.mark.django_db
def test_the_same_choices_give_the_same_model_and_its_hash_is_kept(tmp_path: Path) -> None:
    world.stock()
    world.learn_from_others(tmp_path, count=300)
    out = StringIO()
    call_command("fit-recommender", stdout=out)
    one, two = ModelVersion.objects.get(), fit(at=world.AT)
    assert bytes(one.sha256) == two.sha256 and bytes(one.arrays) == two.arrays
    assert f"Model {one.pk} learned from" in out.getvalue() and bytes(one.sha256).hex()[:16] in out.getvalue()
    assert (one.people_count, one.choice_count) == (300, len(completed_choices(until=world.AT).items))
    arrays = from_bytes(bytes(one.arrays))
    assert content_hash(arrays) == bytes(one.sha256).hex() == one.manifest["sha256"]
    assert not any(array.dtype.hasobject for array in arrays.values()), "numbers only, nothing pickled"
    assert one.manifest["never_a_reason"] == ["sex"] and one.manifest["reference_year"] == 2020
    with pytest.raises(DatabaseError), transaction.atomic():
        ModelVersion.objects.update(people_count=0)


@pytest.mark.django_db
def test_the_newest_version_serves_and_is_loaded_once(tmp_path: Path) -> None:
    world.stock()
    world.learn_from_others(tmp_path, count=100)
    first = fit(at=world.AT)
    served = newest_model()
    assert served is not None and served.version_id == first.pk and newest_model() is served
    second = fit(at=world.AT, seed=1)
    newer = newest_model()
    assert newer is not None and newer.version_id == second.pk


@pytest.mark.django_db
def test_a_model_whose_arrays_do_not_match_their_hash_is_not_served(tmp_path: Path) -> None:
    world.stock()
    world.learn_from_others(tmp_path, count=100)
    version = fit(at=world.AT)
    ModelVersion.objects.create(
        fitted_at=version.fitted_at,
        manifest=version.manifest,
        arrays=version.arrays,
        sha256=b"\0" * 32,
        people_count=1,
        choice_count=1,
    )
    with pytest.raises(ValueError, match="hash"):
        newest_model()


def test_a_profile_has_one_code_for_participants_and_for_earlier_learners() -> None:
    facts = np.array([[0, 2002, 3, 1, 31], [1, 1996, 4, 2, 32], [-1, -1, -1, -1, -1], [1, 1950, 6, 3, 94]])
    assert coded(facts, 2020).tolist() == [
        [0, 0, 3, 1, 31],
        [1, 0, 4, 2, 32],
        [UNKNOWN] * 5,
        [1, 4, 6, 3, 94],
    ]
    assert coded(facts, 2021)[1, 1] == 1, "25 in 2021"
    assert [str(trait(column, value).label) for column, value in ((1, 2), (4, 32))] == ["35–44", "Jawa Barat"]
    assert {trait(2, 6).column, trait(3, 1).column} == {"education", "employment"}


@pytest.mark.django_db
def test_no_name_of_an_earlier_learner_is_stored(tmp_path: Path) -> None:
    world.stock()
    world.learn_from_others(tmp_path, count=5)
    assert EarlierLearner.objects.count() == 5 and Purchase.objects.count() == 0
    with connection.cursor() as cursor:
        cursor.execute("SELECT row::text FROM recommender_earlierlearner AS row")
        assert not any("o-" in text for (text,) in cursor.fetchall())
