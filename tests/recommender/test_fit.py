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
from bekal.recommender.completed_choices import ChoiceBlock, completed_choices
from bekal.recommender.fit import NothingToLearnError, fit
from bekal.recommender.model_store import serving_model
from bekal.recommender.models import EarlierChoice, EarlierLearner, ModelVersion
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
    assert serving_model() is None and ModelVersion.objects.count() == 0


@pytest.mark.django_db
def test_completed_purchases_and_earlier_choices_are_read_as_they_are(tmp_path: Path) -> None:
    stock = world.stock()
    world.learn_from_others(tmp_path, count=50)
    first, second = factories.accepted(2, sex="M", education=6, employment=3, province=73)
    factories.completed(first, stock[5])
    factories.completed(second, stock[5])
    factories.bought(first, stock[6], at=factories.REVIEWED_AT)
    for rows_at_once in (1, 7, 50_000):
        with completed_choices(until=world.AT, rows_at_once=rows_at_once) as choices:
            read = [(trainings, facts) for block in choices.blocks() for trainings, facts in people_of(block)]
            assert read == [one for block in choices.blocks() for one in people_of(block)], "as often as one likes"
            assert choices.training_ids.tolist() == sorted(training.pk for training in stock)
        position = choices.training_ids.tolist().index(stock[5].pk)
        assert read.count(([position], [1, 1995, 6, 3, 73])) >= 2
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*), count(DISTINCT learner_id) FROM recommender_earlierchoice")
            choice_count, learner_count = cursor.fetchone()
        assert sum(len(trainings) for trainings, _ in read) == choice_count + 2 and len(read) == learner_count + 2
    with completed_choices(until=factories.COMPLETED_AT - timedelta(seconds=1)) as before:
        assert sum(len(block.items) for block in before.blocks()) == choice_count, "later ones are not learned from"


def people_of(block: ChoiceBlock) -> list[tuple[list[int], list[int]]]:
    """Trainings and facts of each person of a block."""
    parts = np.split(block.items, block.ptr[1:-1])
    return [(part.tolist(), facts) for part, facts in zip(parts, block.facts.tolist(), strict=True)]


@pytest.mark.django_db
def test_a_history_stands_in_the_order_it_was_completed_in_and_never_by_number(tmp_path: Path) -> None:
    """Else the trainings listed first would look like those that are chosen first."""
    stock = sorted(world.stock(), key=lambda training: training.pk)
    world.learn_from_others(tmp_path, count=50)
    (person,) = factories.accepted(1)
    factories.completed(person, stock[6], at=factories.BOUGHT_AT)
    factories.completed(person, stock[2], at=factories.BOUGHT_AT + timedelta(days=3))
    with completed_choices(until=world.AT) as choices:
        everybody = [trainings for block in choices.blocks() for trainings, _ in people_of(block)]
    assert [6, 2] in everybody
    several = [trainings for trainings in everybody if len(trainings) > 1]
    ascending = sum(trainings == sorted(trainings) for trainings in several)
    assert ascending < 0.9 * len(several), "of one day, or of none that is known"


@pytest.mark.django_db
def test_what_is_completed_while_a_model_learns_is_not_half_learned(tmp_path: Path) -> None:
    stock = world.stock()
    world.learn_from_others(tmp_path, count=20)
    with completed_choices(until=world.AT, rows_at_once=5) as choices:
        first = [block.items.tolist() for block in choices.blocks()]
        factories.completed(factories.accepted()[0], stock[5])
        assert [block.items.tolist() for block in choices.blocks()] == first


@pytest.mark.django_db
def test_the_same_choices_give_the_same_model_and_its_hash_is_kept(tmp_path: Path) -> None:
    world.stock()
    world.learn_from_others(tmp_path, count=300)
    out = StringIO()
    call_command("fit-recommender", stdout=out)
    one, two = ModelVersion.objects.get(), fit(at=world.AT)
    assert bytes(one.sha256) == two.sha256 and bytes(one.arrays) == two.arrays
    assert f"Model {one.pk} learned from" in out.getvalue() and bytes(one.sha256).hex()[:16] in out.getvalue()
    assert (one.people_count, one.choice_count) == (300, EarlierChoice.objects.count())
    call_command("fit-recommender", "--processes", "2", stdout=StringIO())
    assert bytes(ModelVersion.objects.latest("pk").sha256) == two.sha256, "however many count"
    for wrong in ("0", "-1", "257"):
        with pytest.raises(CommandError, match=f"--processes is {wrong}: write a whole number from 1 to 256"):
            call_command("fit-recommender", f"--processes={wrong}")
    assert fit(at=world.AT, rows_at_once=17).sha256 == two.sha256, "however it is read"
    arrays = from_bytes(bytes(one.arrays))
    assert content_hash(arrays) == bytes(one.sha256).hex() == one.manifest["sha256"]
    assert not any(array.dtype.hasobject for array in arrays.values()), "numbers only, nothing pickled"
    assert one.manifest["never_a_reason"] == ["sex"] and one.manifest["reference_year"] == 2020
    with pytest.raises(DatabaseError), transaction.atomic():
        ModelVersion.objects.update(people_count=0)


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
