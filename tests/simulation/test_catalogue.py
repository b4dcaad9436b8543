"""The synthetic catalogue is the one the programme's start promises."""

from collections import Counter
from statistics import median

import numpy as np
import pytest

from bekal.catalogue.models import Category, Institution, Platform, Training
from bekal.simulation.catalogue import put_on_shelf, synthetic_trainings
from bekal.simulation.seed import demo_trainings
from bekal.simulation.taste import KNOWN_EFFECTS, Taste, offer_today
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


@pytest.mark.django_db
def test_taste_follows_profile_history_balance_and_place() -> None:
    put_on_shelf(at=AT)
    offer = offer_today()
    woman, man = [0, 1998, 3, 1, 32], [1, 1998, 3, 1, 32]
    facts = np.array([woman, man] * 400)
    taste = Taste(facts, offer, 2020, np.random.default_rng(1))
    people = np.arange(len(facts))
    first = taste.choose(people, np.full(len(facts), 1_000_000), [()] * len(facts))
    trade = offer.category_slugs.index("teknik-dan-keterampilan-kerja")
    shares = [np.mean(offer.category[first[start::2]] == trade) for start in (0, 1)]
    assert shares[1] > 2 * shares[0]
    second = taste.choose(people, np.full(len(facts), 400_000), [[place] for place in first.tolist()])
    assert (second != first).all() and (offer.price_rupiah[second] <= 400_000).all()
    assert np.mean(offer.topic[second] == offer.topic[first]) > 0.05 > 5 / len(offer)
    held = offer.held_in[np.concatenate([first, second])]
    assert set(held.tolist()) <= {0, 32}
    assert (taste.choose(people[:3], np.zeros(3, dtype=np.int64), [()] * 3) == -1).all()
    assert len(taste.choose(people[:0], np.zeros(0, dtype=np.int64), [])) == 0
