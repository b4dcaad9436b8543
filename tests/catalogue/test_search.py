"""Finding a training: words, filters, order, counts, and help for typing errors."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bekal.catalogue.import_trainings import NewTraining, import_trainings
from bekal.catalogue.models import Training
from bekal.catalogue.ratings import RatingPrior, completion_rate, rating_prior
from bekal.catalogue.refusals import SearchRefusal
from bekal.catalogue.search import SearchPage, Sort, search_trainings, training_cards
from tests.factories import jakarta

AT = jakarta(2020, 11, 19)
GIVEN = frozenset({"mode", "province", "on_sale", "description"})


def shelf(*rows: dict[str, Any]) -> None:
    common = {"institution": "LKP Anggrek", "category": "Makanan", "category_en": "Food", "price_rupiah": 100_000}
    trainings = [NewTraining(code=f"t-{n}", given=GIVEN, **(common | row)) for n, row in enumerate(rows, start=1)]
    import_trainings(trainings=trainings, at=AT)


def titles(page: SearchPage) -> list[str]:
    return [card.title for card in page.items]


@pytest.fixture
def small_shelf() -> None:
    shelf(
        {"title": "Membuat Roti Manis", "price_rupiah": 50_000},
        {"title": "Usaha Roti", "price_rupiah": 300_000, "mode": "webinar"},
        {"title": "Roti Tawar", "price_rupiah": 300_001, "mode": "on_site", "province": 32},
        {
            "title": "Menjahit Pakaian",
            "category": "Gaya Hidup",
            "category_en": "Lifestyle",
            "institution": "Roti Institute",
        },
        {"title": "Kopi 100%_asli", "price_rupiah": 0},
        {"title": "Ditarik", "on_sale": False},
    )


@pytest.mark.django_db
@pytest.mark.usefixtures("small_shelf")
def test_every_word_must_stand_somewhere_in_title_institution_or_category() -> None:
    assert set(titles(search_trainings(text="roti"))) == {
        "Membuat Roti Manis",
        "Usaha Roti",
        "Roti Tawar",
        "Menjahit Pakaian",
    }
    assert titles(search_trainings(text="ROTI menjahit")) == ["Menjahit Pakaian"]
    assert titles(search_trainings(text="lifestyle anggrek")) == []
    assert titles(search_trainings(text="food kopi")) == ["Kopi 100%_asli"]
    assert titles(search_trainings(text="roti"))[0] == "Roti Tawar", "a title that begins with the word comes first"
    assert titles(search_trainings(text="roti"))[-1] == "Menjahit Pakaian", "a word outside the title comes last"


@pytest.mark.django_db
@pytest.mark.usefixtures("small_shelf")
def test_signs_of_sql_and_patterns_are_only_text() -> None:
    assert titles(search_trainings(text="100%")) == ["Kopi 100%_asli"]
    for text in ("'; DROP TABLE catalogue_training; --", "\\", "%%%%", "_____", "roti' OR '1'='1"):
        assert search_trainings(text=text).refusal is None
    assert Training.objects.count() == 6


@pytest.mark.django_db
@pytest.mark.usefixtures("small_shelf")
def test_filters_and_what_the_counts_say_about_them() -> None:
    everything = search_trainings()
    assert everything.total_count == 5 and everything.category_counts == {"gaya-hidup": 1, "makanan": 4}
    affordable = search_trainings(max_price_rupiah=300_000)
    assert {card.price_rupiah for card in affordable.items} == {0, 50_000, 100_000, 300_000}
    assert search_trainings(only_on_sale=False).total_count == 6
    assert titles(search_trainings(category="gaya-hidup")) == ["Menjahit Pakaian"]
    food = search_trainings(category="makanan", mode="webinar")
    assert titles(food) == ["Usaha Roti"] and food.total_count == 1
    assert food.mode_counts == {"on_site": 1, "self_paced": 2, "webinar": 1}, "counts keep the category, not the mode"
    assert food.category_counts == {"makanan": 1}, "counts keep the mode, not the category"
    assert "Roti Tawar" in titles(search_trainings(province=32))
    assert "Roti Tawar" not in titles(search_trainings(province=31)) and search_trainings(province=31).total_count == 4
    dear = Training.objects.get(title="Usaha Roti").pk
    assert "Usaha Roti" not in titles(search_trainings(exclude_ids=[dear]))
    assert search_trainings(category="no-such").total_count == 0


@pytest.mark.django_db
@pytest.mark.usefixtures("small_shelf")
def test_orders_and_pages() -> None:
    assert [card.price_rupiah for card in search_trainings(sort=Sort.PRICE_LOW).items] == [
        0,
        50_000,
        100_000,
        300_000,
        300_001,
    ]
    assert [card.price_rupiah for card in search_trainings(sort=Sort.PRICE_HIGH, limit=2, offset=1).items] == [
        300_000,
        100_000,
    ]
    Training.objects.filter(title="Menjahit Pakaian").update(bought_count=9)
    assert titles(search_trainings(sort=Sort.POPULAR))[0] == "Menjahit Pakaian"
    assert search_trainings(offset=100).items == () and search_trainings(offset=100).total_count == 5
    assert len(titles(search_trainings(sort=Sort.NEWEST))) == 5
    for limit, offset in ((0, 0), (101, 0), (1, -1), (1, 1_000_001)):
        with pytest.raises(ValueError, match="limit"):
            search_trainings(limit=limit, offset=offset)


@pytest.mark.django_db
@pytest.mark.usefixtures("small_shelf")
def test_two_five_star_reviews_do_not_beat_two_hundred_good_ones() -> None:
    Training.objects.filter(title="Usaha Roti").update(
        rating_count=200, rating_sum=920, bought_count=300, completed_count=240
    )
    Training.objects.filter(title="Roti Tawar").update(rating_count=2, rating_sum=10, bought_count=3, completed_count=3)
    cards = {card.title: card for card in search_trainings(sort=Sort.RATING).items}
    assert next(iter(cards)) == "Usaha Roti"
    assert 4.5 < cards["Usaha Roti"].rating < 4.6 and cards["Roti Tawar"].rating < 4.3
    assert cards["Usaha Roti"].completion_rate == 0.8 and cards["Roti Tawar"].completion_rate is None
    by_id = training_cards(training_ids=[cards["Roti Tawar"].id])
    assert by_id == {cards["Roti Tawar"].id: cards["Roti Tawar"]}


@pytest.mark.django_db
@pytest.mark.usefixtures("small_shelf")
@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("rotti manis", "roti manis"),
        ("menjahid", "menjahit"),
        ("lkp angrek", "lkp anggrek"),
        ("makann kopi", "makanan kopi"),
        ("zzzzqqq", None),
        ("roti menjahit kopi", None),
    ],
)
def test_help_for_typing_errors(typed: str, meant: str | None) -> None:
    page = search_trainings(text=typed)
    assert page.total_count == 0
    assert page.did_you_mean == meant
    assert meant is None or search_trainings(text=meant).total_count > 0


@pytest.mark.django_db
@pytest.mark.usefixtures("small_shelf")
def test_the_words_to_choose_from_follow_the_catalogue() -> None:
    assert search_trainings(text="hidroponikk").did_you_mean is None
    Training.objects.filter(title="Usaha Roti").update(title="Hidroponik di Pekarangan")
    assert search_trainings(text="hidroponikk").did_you_mean == "hidroponik"
    assert search_trainings(text="hidroponikk", max_price_rupiah=1000).did_you_mean is None, "nothing to find there"


@pytest.mark.django_db
def test_what_cannot_be_searched_is_refused() -> None:
    too_long = search_trainings(text="x" * 101).refusal
    assert too_long is not None and too_long.code is SearchRefusal.SEARCH_TOO_LONG
    assert too_long.values == {"length_count": 101, "limit_count": 100}
    for text in ("a\0b", "\x1b", "\ud800"):
        refusal = search_trainings(text=text).refusal
        assert refusal is not None and refusal.code is SearchRefusal.SEARCH_NOT_TEXT


@pytest.mark.django_db
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(max_size=120))
def test_no_text_at_all_is_an_error(text: str) -> None:
    page = search_trainings(text=text, max_price_rupiah=0)
    assert page.items == () and page.total_count == 0


@pytest.mark.django_db
@pytest.mark.usefixtures("small_shelf")
def test_the_number_of_statements_does_not_grow(assert_queries: Callable[..., Any]) -> None:
    with assert_queries(4):
        search_trainings(text="roti", category="makanan")
    search_trainings(text="rotti")
    with assert_queries(6):
        search_trainings(text="rotti")


def test_a_shrunken_rating_lies_between_its_own_mean_and_the_catalogues() -> None:
    prior = RatingPrior(mean=4.2, strength=8)
    assert prior.shrunken(0, 0) == 4.2
    assert 4.2 < prior.shrunken(50, 10) < 5.0
    assert prior.shrunken(5000, 1000) == pytest.approx(5.0, abs=0.01)
    assert completion_rate(9, 9) is None and completion_rate(5, 10) == 0.5


@pytest.mark.django_db
def test_the_catalogue_itself_says_how_much_its_mean_weighs() -> None:
    """Trainings that differ much need little of the common mean, trainings that only scatter need much of it."""
    shelf(*({"title": f"Pelatihan {n}"} for n in range(40)))
    assert rating_prior() == RatingPrior()
    strengths = []
    for spread in (30, 1):
        for n, training in enumerate(Training.objects.order_by("id")):
            count = 10 + 5 * (n % 4)
            wave = (n * 7 % 11) - 5
            training.rating_count, training.rating_sum = count, count * 4 + wave * spread * count // 300 + (n % 3 - 1)
            training.save()
        prior = rating_prior()
        assert prior.mean == pytest.approx(4.0, abs=0.1)
        strengths.append(prior.strength)
    assert strengths[0] < strengths[1]
