"""`screen_reviews`: copies and bursts are flagged, what people usually do is not."""

import math
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pytest

from bekal.catalogue.models import Training
from bekal.purchases.models import Review, ReviewFlag, ReviewPrint
from bekal.purchases.screen_reviews import (
    LEAST_IN_BURST,
    MOST_PROBABLE,
    SPREADS,
    Screened,
    screen_reviews,
)
from bekal.purchases.write_review import NewReview, write_review
from tests import factories
from tests.factories.unchanged import nothing_changes
from tests.purchases.reviewing import WRITTEN_AT, edit, written

WORDS = """
    materi pengajar contoh latihan praktik tugas video modul jadwal kelas penjelasan pertanyaan jawaban alat usaha
    pelanggan harga promosi resep bahan mesin kode tabel surat bahasa anggaran catatan rencana teman rumah
""".split()  # noqa: SIM905 (a list of thirty lines says no more)
COPY = "Pelatihan terbaik di kota ini, pengajarnya luar biasa dan harganya sangat pantas untuk semua orang."
LATER = WRITTEN_AT + timedelta(days=60)


def innocent(number: int) -> str:
    """A text of ten words as nobody else writes it."""
    draw = np.random.default_rng(number)
    return " ".join(WORDS[place] for place in draw.choice(len(WORDS), size=10, replace=False)) + "."


def write_all(training: Training, texts: Sequence[str], at: Callable[[int], datetime]) -> list[int]:
    """Reviews by so many people of one training; their purchases."""
    ids = []
    for number, (buyer, text) in enumerate(
        zip(factories.accepted(len(texts), with_accounts=False), texts, strict=True)
    ):
        ids.append(factories.completed(buyer, training))
        (outcome,) = write_review(reviews=[NewReview(buyer, ids[-1], 5, text)], at=at(number))
        assert outcome.refusal is None
    return ids


def daily(number: int) -> datetime:
    return WRITTEN_AT + timedelta(days=number)


def flagged(reason: str) -> set[int]:
    return set(ReviewFlag.objects.filter(reason=reason).values_list("review_id", flat=True))


@pytest.mark.django_db
def test_copies_at_one_institution_are_flagged_and_nobody_else() -> None:
    ring, honest = factories.training(), factories.training()
    write_all(honest, [innocent(number) for number in range(30)], daily)
    copies = write_all(ring, [COPY, COPY.upper(), COPY.replace("kota", "desa"), COPY + " Mantap", COPY, COPY], daily)
    others = write_all(ring, [innocent(number) for number in range(100, 103)], daily)
    screened = screen_reviews(at=LATER)
    assert screened == Screened(39, {"alike_institution": 6})
    assert flagged("alike_institution") == set(copies) and not flagged("alike_institution") & set(others)
    flag = ReviewFlag.objects.order_by("review_id", "number").first()
    assert flag is not None and (flag.other_count, flag.raised_at, flag.source) == (5, LATER, "automatic")
    assert not Review.objects.filter(hidden_at__isnull=False).exists()
    with nothing_changes():
        assert screen_reviews(at=LATER) == Screened(0, {})


@pytest.mark.django_db
def test_what_everybody_writes_is_no_copy() -> None:
    """The same few sentences at every institution: nothing stands out at one of them."""
    for _ in range(4):
        write_all(factories.training(), [COPY] * 4 + ["Bagus sekali."] * 3, daily)
    assert screen_reviews(at=LATER).flag_counts == {}


@pytest.mark.django_db
def test_a_later_copy_flags_the_earlier_ones_too() -> None:
    ring = factories.training()
    write_all(factories.training(), [innocent(number) for number in range(30)], daily)
    earlier = write_all(ring, [COPY] * 3, daily)
    assert screen_reviews(at=LATER).flag_counts == {}
    later = write_all(ring, [COPY] * 3, daily)
    assert screen_reviews(at=LATER).flag_counts == {"alike_institution": 6}
    assert flagged("alike_institution") == {*earlier, *later}


@pytest.mark.django_db
def test_one_author_who_copies_is_flagged_and_two_people_are_not() -> None:
    (one,), trainings = factories.accepted(), [factories.training(price_rupiah=1_000) for _ in range(3)]
    own = [factories.completed(one, training) for training in trainings[:2]]
    texts = [COPY, COPY.replace("kota", "desa")]
    write_review(
        reviews=[NewReview(one, number, 5, text) for number, text in zip(own, texts, strict=True)], at=WRITTEN_AT
    )
    assert screen_reviews(at=LATER).flag_counts == {"alike_author": 2}
    assert flagged("alike_author") == set(own)
    write_all(trainings[2], [COPY], daily)
    assert screen_reviews(at=LATER).flag_counts == {}


@pytest.mark.django_db
def test_an_edited_review_is_looked_at_again() -> None:
    ring = factories.training()
    write_all(factories.training(), [innocent(number) for number in range(30)], daily)
    write_all(ring, [COPY] * 5, daily)
    buyer, purchase_id = written(ring, 5, innocent(200))
    assert screen_reviews(at=LATER).flag_counts == {}
    edit(buyer, purchase_id, 5, COPY)
    assert screen_reviews(at=LATER).flag_counts == {"alike_institution": 6}
    assert ReviewPrint.objects.filter(review_id=purchase_id).count() == 5


@pytest.mark.django_db
def test_a_burst_is_flagged_against_what_is_usual_there() -> None:
    busy, quiet = factories.training(), factories.training()
    write_all(busy, ["Bagus."] * 72, lambda number: WRITTEN_AT + timedelta(days=number // 12))
    usual = write_all(quiet, ["Bagus."] * 6, daily)
    burst = write_all(quiet, ["Bagus."] * 14, lambda number: WRITTEN_AT + timedelta(days=9, minutes=number))
    assert screen_reviews(at=LATER, limit=500).flag_counts == {"burst": 14}
    assert flagged("burst") == set(burst) and not flagged("burst") & set(usual)


@pytest.mark.django_db
def test_what_comes_everywhere_at_once_is_no_burst() -> None:
    """After a wave everybody writes: what is four times the usual here is so elsewhere."""
    quiet, others = factories.training(), [factories.training() for _ in range(3)]
    for training in (quiet, *others):
        write_all(training, ["Bagus."] * 6, daily)
    rush = [WRITTEN_AT + timedelta(days=9, minutes=number) for number in range(14)]
    for training in (quiet, *others):
        write_all(training, ["Bagus."] * 14, rush.__getitem__)
    assert screen_reviews(at=LATER, limit=500).flag_counts == {}


@pytest.mark.django_db
def test_the_first_of_a_wave_are_no_burst_where_all_others_have_as_many() -> None:
    for _ in range(4):
        write_all(factories.training(), ["Bagus."] * 30, lambda number: WRITTEN_AT)
    assert screen_reviews(at=LATER, limit=500).flag_counts == {}


@pytest.mark.django_db
def test_where_nothing_is_usual_yet_thirty_are_a_burst() -> None:
    write_all(factories.training(), ["Bagus."] * 29, lambda number: WRITTEN_AT)
    assert screen_reviews(at=LATER).flag_counts == {}
    write_all(Training.objects.get(), ["Bagus."], lambda number: WRITTEN_AT)
    assert screen_reviews(at=LATER).flag_counts == {"burst": 30}


def poisson_tail(least: int, mean: float) -> float:
    """P(X >= least) of a Poisson law, summed term by term."""
    log_terms = [n * math.log(mean) - mean - math.lgamma(n + 1) for n in range(least, least + 400)]
    return math.fsum(math.exp(each) for each in log_terms)


@pytest.mark.parametrize("mean", [0.02, 0.5, 1, 3, 10, 30, 100, 1000])
def test_false_alarms_of_bursts_are_as_rare_as_documented(mean: float) -> None:
    """Among windows with any review at all; the usual is their median, the spread at least 1."""
    draw = np.random.default_rng(6)
    counts = draw.poisson(mean, size=(400_000 if mean < 1 else 40_000))
    counts = counts[counts > 0]
    median = float(np.median(2 * np.sqrt(counts + 0.375)))
    spread = max(1.0, 1.4826 * float(np.median(np.abs(2 * np.sqrt(counts + 0.375) - median))))
    least = max(LEAST_IN_BURST, math.ceil(((median + SPREADS * spread) / 2) ** 2 - 0.375))
    assert poisson_tail(least, mean) / (1 - math.exp(-mean)) < 1e-5


@pytest.mark.parametrize("expected", [0.001, 0.05, 0.5, 2, 10])
def test_the_bound_on_copies_is_above_the_true_probability(expected: float) -> None:
    for count in range(3, 60):
        if count > expected:
            bound = math.exp(count - expected - count * math.log(count / expected))
            assert poisson_tail(count, expected) <= bound * (1 + 1e-9)
    assert MOST_PROBABLE == 1e-5


@pytest.mark.django_db
def test_many_reviews_take_no_more_statements_than_one(assert_queries: Callable[[int], Any]) -> None:
    training = factories.training()
    for count in (1, 9):
        write_all(training, [innocent(number) for number in range(count)], daily)
        with assert_queries(9):
            screen_reviews(at=LATER)
