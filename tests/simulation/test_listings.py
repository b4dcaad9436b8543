"""A catalogue of any size up to the programme's own: the first 300 stay what they are, the others read well."""

import re
from collections import Counter
from datetime import timedelta
from hashlib import sha256
from itertools import groupby
from statistics import mean, median

import numpy as np
import pytest

from bekal.catalogue.import_trainings import NewTraining
from bekal.catalogue.models import Institution, Session, Training
from bekal.ledger.clock import JAKARTA, programme_day
from bekal.simulation.catalogue import FIRST_COUNT, MOST_COUNT, put_on_shelf, synthetic_trainings
from bekal.simulation.choice import NO_LIMIT, Choice, offer_today
from bekal.simulation.draws import Draws
from bekal.simulation.listings import MAX_TITLE_CHARACTERS, read
from bekal.simulation.model import MODEL
from bekal.simulation.population import Population
from bekal.simulation.seats import MINIMUM_SEATS, PURCHASES_A_PERSON, dated_sessions
from tests.factories import jakarta

AT = jakarta(2020, 4, 1)
READABLE = (
    "code",
    "title",
    "institution",
    "category",
    "price_rupiah",
    "description",
    "platform",
    "mode",
    "province",
    "hours",
    "session_count",
)
FIRST_DIGEST = "e868a29a0d17d426"


@pytest.fixture(scope="module")
def everything() -> list[NewTraining]:
    return synthetic_trainings(MOST_COUNT)


def written(trainings: list[NewTraining]) -> bytes:
    """What a participant can read of them."""
    return "\n".join(repr([getattr(training, name) for name in READABLE]) for training in trainings).encode()


def test_the_first_300_are_what_they_always_were(everything: list[NewTraining]) -> None:
    assert sha256(written(synthetic_trainings())).hexdigest()[:16] == FIRST_DIGEST
    assert everything[:FIRST_COUNT] == synthetic_trainings()


def test_a_larger_catalogue_begins_with_the_smaller_one(everything: list[NewTraining]) -> None:
    assert synthetic_trainings(433) == everything[:433]
    for count in (FIRST_COUNT - 1, MOST_COUNT + 1):
        with pytest.raises(ValueError, match="300 to 3,000"):
            synthetic_trainings(count)


def test_3000_listings_differ_and_keep_the_shares(everything: list[NewTraining]) -> None:
    prices = [one.price_rupiah or 0 for one in everything]
    assert len({one.title for one in everything}) == len({one.code for one in everything}) == MOST_COUNT
    assert len({one.institution for one in everything}) == 180
    assert (min(prices), max(prices)) == (24_000, 1_000_000) and 285_000 <= median(prices) <= 315_000
    assert mean(one.session_count or 1 for one in everything) < 2
    assert {one.category for one in everything} == {one.category for one in everything[:FIRST_COUNT]}
    assert all((one.province is not None) == (one.mode == "on_site") for one in everything)
    shares = [Counter(one.mode for one in part) for part in (everything[:FIRST_COUNT], everything)]
    for mode in shares[1]:
        assert shares[1][mode] / MOST_COUNT == pytest.approx(shares[0][mode] / FIRST_COUNT, abs=0.06)


def test_a_code_is_its_topic_and_one_mark(everything: list[NewTraining]) -> None:
    assert all(re.fullmatch(r"[a-z]+(-[a-z]+)*-\d\d-[1-9a-z]", one.code) for one in everything)
    topics = Counter(one.code.rpartition("-")[0] for one in everything)
    assert len(topics) == 108 and min(topics.values()) >= 20
    for topic, listed in groupby(sorted(everything, key=lambda one: one.code), lambda one: one.code[:-2]):
        assert len({(one.category, (one.description or "").partition(".")[0]) for one in listed}) == 1, topic


def test_a_title_says_nothing_that_the_listing_does_not_bear_out(everything: list[NewTraining]) -> None:
    cities = {city: province for province, (_, names) in read("places").items() for city in names}
    for one in everything[FIRST_COUNT:]:
        name, dash, detail = one.title.partition(" – ")
        assert len(one.title) <= MAX_TITLE_CHARACTERS and one.title.isprintable() and "  " not in one.title
        assert name.split().count("untuk") <= 1, one.title
        assert "{" not in one.title and bool(dash) == bool(detail), one.title
        for number, what in re.findall(r"(\d+) (Modul|Pertemuan|Malam|Hari|Jam)", detail):
            assert int(number) == (one.hours if what == "Jam" else one.session_count), one.title
        told = [province for city, province in cities.items() if re.search(rf"\b{city}\b", detail)]
        assert told == ([one.province] if one.mode == "on_site" else []), one.title
        if re.search("Daring", detail):
            assert one.mode == "webinar", one.title


def test_seats_depend_on_the_people_expected_and_on_nothing_else() -> None:
    few, many = synthetic_trainings(seats_for=5_000), synthetic_trainings(seats_for=500_000)
    limited = [one.code for one in few if one.seat_count]
    assert limited == [one.code for one in many if one.seat_count] and 0.05 < len(limited) / FIRST_COUNT < 0.2
    assert all(one.mode != "self_paced" and one.seat_count >= MINIMUM_SEATS for one in few if one.seat_count)
    assert sum(one.seat_count or 0 for one in many) > 50 * sum(one.seat_count or 0 for one in few)
    assert [one.title for one in many] == [one.title for one in synthetic_trainings()]


def test_nobody_is_kept_from_finding_another(everything: list[NewTraining]) -> None:
    """Every category has cheap trainings online that never run out."""
    trainings = synthetic_trainings(seats_for=5_000)
    open_to_all = [one for one in trainings if one.seat_count is None and one.province is None]
    cheapest = {
        one.category: min(o.price_rupiah or 0 for o in open_to_all if o.category == one.category) for one in trainings
    }
    assert max(cheapest.values()) < 200_000


@pytest.mark.parametrize("count", [FIRST_COUNT, MOST_COUNT])
def test_dates_follow_one_another_on_fitting_days(everything: list[NewTraining], count: int) -> None:
    sessions = dated_sessions(everything[:count], at=AT)
    by_code = {one.code: one for one in everything}
    dated = {new.training_code for new in sessions}
    assert 0.01 < len(dated) / count < 0.04
    assert [new for new in dated_sessions(everything, at=AT) if new.training_code in dated] == sessions
    for new in sessions:
        training, start = by_code[new.training_code], new.starts_at.astimezone(JAKARTA)
        assert training.mode != "self_paced" and 1 <= new.sequence <= (training.session_count or 1)
        assert new.ends_at is not None and timedelta(hours=2) <= new.ends_at - new.starts_at <= timedelta(hours=4)
        assert 20 <= (programme_day(new.starts_at) - programme_day(AT)).days < 360
        assert ("Malam" not in training.title or start.hour == 18) and (
            "Akhir Pekan" not in training.title or start.weekday() == 5
        )


@pytest.mark.django_db
def test_a_large_catalogue_comes_in_through_the_verbs_with_its_dates_and_seats() -> None:
    assert put_on_shelf(at=AT, training_count=400, seats_for=5_000) == 400
    assert Training.objects.count() == 400 and Institution.objects.count() > 60
    assert Training.objects.filter(seat_count__gte=MINIMUM_SEATS).count() > 20
    assert Session.objects.count() == len(dated_sessions(synthetic_trainings(400), at=AT)) > 5


@pytest.mark.django_db
def test_about_one_training_in_twenty_sells_out_and_everybody_finds_one() -> None:
    """The expected people buy 2.9 trainings each, some every day; what is full is passed over from the next day on."""
    people, days = 5_000, 20
    put_on_shelf(at=AT, seats_for=people)
    offer, draws = offer_today(), Draws(7, people)
    facts = Population(draws=draws, first_number=0, of_age_on=AT.date()).facts
    choice = Choice(MODEL, draws, facts, offer, AT.year)
    stars = np.full(len(offer), 4, dtype=np.float32)
    sold = np.zeros(len(offer), dtype=np.int64)
    balance = np.full(people, 1_000_000)
    taken = np.full((people, 4), -1, dtype=np.int32)
    for number, share in enumerate((1, 0.75, 0.66, 0.5)):
        buyers = np.flatnonzero(draws.at("test", np.arange(people), number) < share)
        for today in np.array_split(buyers, days):
            left = np.where(offer.seat_count == NO_LIMIT, NO_LIMIT, np.maximum(offer.seat_count - sold, 0))
            chosen = choice.choose(today, np.full(len(today), number + 1), balance[today], taken[today], stars, left)
            assert number > 0 or (chosen >= 0).all()
            found = today[chosen >= 0], chosen[chosen >= 0]
            sold += np.bincount(found[1], minlength=len(offer))
            balance[found[0]] -= offer.price_rupiah[found[1]]
            taken[found[0], number] = found[1]
    assert sold.sum() / people == pytest.approx(PURCHASES_A_PERSON, abs=0.3)
    assert 0.02 < (sold >= offer.seat_count).mean() < 0.09
