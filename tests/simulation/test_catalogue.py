"""The synthetic catalogue is the one the programme's start promises."""

from collections import Counter
from statistics import median

import pytest

from bekal.catalogue.models import Category, Institution, Platform, Training
from bekal.simulation.catalogue import put_on_shelf, synthetic_trainings
from bekal.simulation.choice import KNOWN_EFFECTS
from bekal.simulation.seed import demo_trainings
from tests.factories import jakarta, training

AT = jakarta(2020, 4, 1)


def test_300_trainings_in_12_categories_of_40_institutions() -> None:
    trainings = synthetic_trainings()
    prices = [one.price_rupiah or 0 for one in trainings]
    assert len({one.title for one in trainings}) == len({one.code for one in trainings}) == 300
    assert Counter(one.category for one in trainings).most_common()[-1][1] == 25
    assert len({one.institution for one in trainings}) == 40
    assert (min(prices), max(prices)) == (24_000, 1_000_000)
    assert 285_000 <= median(prices) <= 315_000 and all(price % 1000 == 0 for price in prices)
    assert {one.mode for one in trainings} == {"self_paced", "webinar", "on_site"}
    assert all((one.province is not None) == (one.mode == "on_site") for one in trainings)
    assert all((one.description or "").count(".") == 3 for one in trainings)
    assert trainings == synthetic_trainings()


@pytest.mark.django_db
def test_it_is_put_into_an_empty_catalogue_only() -> None:
    training(price_rupiah=1000)
    assert put_on_shelf(at=AT) == 0
    assert Training.objects.count() == 1


@pytest.mark.django_db
def test_it_comes_in_through_the_import_and_holds_three_trainings_for_the_demo() -> None:
    assert put_on_shelf(at=AT) == 300 and put_on_shelf(at=AT) == 0
    assert (Category.objects.count(), Institution.objects.count(), Platform.objects.count()) == (12, 40, 5)
    assert set(KNOWN_EFFECTS) == set(Category.objects.values_list("slug", flat=True))
    assert not Category.objects.filter(name_en="").exists()
    chosen = demo_trainings()
    three = (chosen.finished, chosen.unreviewed, chosen.to_begin)
    assert sum(one.price_rupiah for one in three) == 700_000
    assert len({one.category_id for one in three}) == 3
    assert chosen.to_begin.institution_id not in {chosen.finished.institution_id, chosen.unreviewed.institution_id}
    assert chosen == demo_trainings()
