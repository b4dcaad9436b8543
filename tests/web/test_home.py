"""Beranda: the balance, the next thing to do, what fits, and the incentive, in every standing."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from bekal.core.money import format_rupiah
from bekal.incentives.entitle import entitle
from bekal.lifecycle.end_balances import end_balances
from bekal.lifecycle.revoke import revoke
from bekal.participants.give_sign_in import give_sign_in
from bekal.recommender.models import Exposure, ModelVersion
from tests import factories
from tests.factories import jakarta
from tests.factories.serving import promoted, serving_model
from tests.web.conftest import Visitor, text_of

SignIn = Callable[..., Visitor]
PRICE = re.compile(r'<p class="price"><strong class="num">Rp([\d.]+)<')
LATELY = jakarta(2020, 11, 1)


def prices(page: str) -> list[int]:
    return [int(amount.replace(".", "")) for amount in PRICE.findall(page)]


@pytest.fixture
def market(db: None) -> list[Any]:
    """Eight trainings from Rp100.000 to Rp800.000, and a model of eight people who completed some of them."""
    trainings = [factories.training(price_rupiah=100_000 * n, title=f"Pelatihan nomor {n}") for n in range(1, 9)]
    for place, person in enumerate(factories.accepted(8)):
        factories.reviewed(person, trainings[place % 5])
    serving_model(at=jakarta(2020, 11, 18))
    return trainings


def with_left(left_rupiah: int) -> int:
    """A participation with exactly so much left, after one training that is reconciled."""
    (person,) = factories.accepted()
    training = factories.training(price_rupiah=1_000_000 - left_rupiah, title="Pelatihan pertama")
    factories.reconciled(person, training)
    return person


def test_everything_shown_fits_the_balance(market: list[Any], sign_in: SignIn) -> None:
    page = sign_in(with_left(300_000)).open("home")
    assert "Rp300.000" in text_of(page)
    assert 1 <= len(prices(page)) <= 3
    assert max(prices(page)) <= 300_000
    spent = re.findall(r'<p><strong class="num">Rp([\d.]+)<', page)
    assert spent
    assert all(int(amount.replace(".", "")) <= 300_000 for amount in spent)


def test_three_hundred_thousand_rupiah_find_ten_trainings_and_three_plans(market: list[Any], sign_in: SignIn) -> None:
    """One of the trainings costs what leaves Rp50, which is told as Rp50 and never as nothing."""
    for n in range(12):
        factories.training(price_rupiah=299_950 if n == 11 else 30_000 + 7_000 * n, title=f"Kelas nomor {n}")
    page = sign_in(with_left(300_000)).open("home")
    assert len(prices(page)) == 10 and max(prices(page)) <= 300_000
    assert page.count('class="why small"') == 10
    assert page.count('<details class="because small">') == 10
    cards = re.findall(r'<article class="card plan.*?</article>', page, re.DOTALL)
    names = text_of(" ".join(re.findall(r"<h3>(.*?)</h3>", " ".join(cards))))
    assert {"Paling bermanfaat", "Sisa paling sedikit", "Satu terbaik"} <= set(re.split(r" · | (?=[A-Z])", names))
    for card in cards:
        amounts = [int(each.replace(".", "")) for each in re.findall(r"Rp([\d.]+)", text_of(card))]
        assert "akan tersisa" in card or "tanpa sisa" in card
        assert amounts[0] == sum(amounts[2:] if "akan tersisa" in card else amounts[1:])
        assert amounts[0] + (amounts[1] if "akan tersisa" in card else 0) == 300_000


def test_each_recommendation_opens_what_made_it(market: list[Any], sign_in: SignIn) -> None:
    page = sign_in(with_left(300_000)).open("home")
    whole = re.findall(r'<details class="because small">.*?</details>', page, re.DOTALL)
    assert len(whole) == len(prices(page))
    for told, price in zip(map(text_of, whole), prices(page), strict=True):
        assert told.startswith("Kenapa ini?")
        assert "Yang dipakai tentangmu: perempuan, 25–34, " in told
        assert f"Harganya {format_rupiah(price)}, saldomu Rp300.000." in told
        assert "Namun tidak pernah menjadi alasan: jenis kelamin." in told
        assert "Pelatihanmu yang dipakai: “Pelatihan pertama”." in told or "Pelatihanmu" not in told
        assert "Satu tempat di daftar ini dipakai untuk mencoba" in told
    assert all('href="/akun/#recommendations"' in each for each in whole)


def test_the_place_that_was_drawn_is_labelled(market: list[Any], sign_in: SignIn) -> None:
    for n in range(14):
        fresh = {"listed_at": LATELY} if n % 3 == 0 else {}
        factories.training(price_rupiah=30_000 + 7_000 * n, title=f"Kelas nomor {n}", **fresh)
    person = with_left(300_000)
    page = sign_in(person).open("home")
    exposure = Exposure.objects.get(participation_id=person)
    assert exposure.explored_place == 10
    articles = re.findall(r'<article class="card link training">.*?</article>', page, re.DOTALL)
    labelled = [place for place, article in enumerate(articles) if "Baru dicoba" in article]
    assert labelled == [9]
    assert "lewat undian" in text_of(articles[9])


def test_switched_off_nothing_is_listed_planned_or_kept(market: list[Any], sign_in: SignIn) -> None:
    person = with_left(300_000)
    visitor = sign_in(person)
    visitor.send("personalisation", on="0")
    page = visitor.open("home")
    assert "Kamu mematikan saran" in text_of(page)
    assert prices(page) == [] and 'class="card plan' not in page
    assert 'href="/pelatihan/"' in page and 'href="/akun/#recommendations"' in page
    assert not Exposure.objects.exists()
    visitor.send("personalisation", on="1")
    assert prices(visitor.open("home"))


def test_what_nobody_is_shown_is_not_kept_as_shown(market: list[Any], sign_in: SignIn) -> None:
    visitor = sign_in(with_left(300_000))
    assert visitor.head("/beranda/").status_code == 200
    assert not Exposure.objects.exists()


def test_a_damaged_model_recommends_nothing_and_breaks_no_page(market: list[Any], sign_in: SignIn) -> None:
    damaged = ModelVersion.objects.create(
        fitted_at=LATELY,
        manifest=ModelVersion.objects.get().manifest,
        arrays=b"PK",
        sha256=b"\3" * 32,
        people_count=8,
        choice_count=8,
    )
    promoted(damaged, at=LATELY)
    visitor = sign_in(with_left(300_000))
    for name in ("home", "spending"):
        assert "Rp300.000" in text_of(visitor.open(name))
        assert visitor.last.context["state"] == "no_model"
    assert not Exposure.objects.exists()


def test_every_list_is_kept_as_it_was_shown(market: list[Any], sign_in: SignIn) -> None:
    person = with_left(300_000)
    page = sign_in(person).open("home")
    exposure = Exposure.objects.get(participation_id=person)
    assert exposure.balance_rupiah == 300_000
    shown = [int(number) for number in re.findall(r'<h3><a href="/pelatihan/(\d+)/"', page)]
    assert exposure.trainings == shown


def test_each_recommendation_says_why_and_what_is_left(market: list[Any], sign_in: SignIn) -> None:
    page = sign_in(with_left(300_000)).open("home")
    assert page.count('class="why small"') == len(prices(page))
    for price in prices(page):
        left = f"{300_000 - price:,}".replace(",", ".")
        assert f'sisa <span class="num">Rp{left}</span>' in page


def test_without_a_model_the_page_says_so(sign_in: SignIn) -> None:
    factories.training()
    page = text_of(sign_in(with_left(500_000)).open("home"))
    assert "Saran untukmu sedang disiapkan" in page


def test_who_has_not_bought_sees_the_deadline(sign_in: SignIn) -> None:
    (person,) = factories.accepted(at=LATELY)
    page = text_of(sign_in(person).open("home"))
    assert "Beli pelatihan pertama sampai 1 Desember 2020" in page
    assert "12 hari lagi" in page
    assert "Rp1.000.000" in page


def test_the_last_day_is_called_the_last(sign_in: SignIn, clock: Any) -> None:
    (person,) = factories.accepted(at=LATELY)
    clock.set(2020, 12, 1)
    assert "Hari ini hari terakhir" in text_of(sign_in(person).open("home"))


def test_after_the_deadline_nothing_can_be_bought(sign_in: SignIn) -> None:
    (person,) = factories.accepted(at=jakarta(2020, 9, 1))
    page = text_of(sign_in(person).open("home"))
    assert "Batas waktu pelatihan pertama sudah lewat" in page
    assert "Cocok untukmu" not in page


def test_who_was_revoked_is_told_what_happened(sign_in: SignIn) -> None:
    (person,) = factories.accepted(at=jakarta(2020, 9, 1))
    revoke(at=jakarta(2020, 11, 2))
    page = text_of(sign_in(person).open("home"))
    assert "Kepesertaanmu dicabut" in page
    assert "Dicabut pada 2 November 2020" in page
    assert "Insentif tidak dibayar" in page


def test_an_ended_balance_is_told(sign_in: SignIn, clock: Any) -> None:
    person = with_left(300_000)
    visitor = sign_in(person)
    clock.set(2020, 12, 16)
    assert "Saldo bisa dipakai sampai 15 Desember 2020" in text_of(visitor.open("home"))
    end_balances(at=clock.at)
    page = text_of(visitor.open("home"))
    assert "Sisanya sudah kembali ke kas negara" in page
    assert "Cocok untukmu" not in page


def test_a_balance_of_nothing_is_told(market: list[Any], sign_in: SignIn) -> None:
    page = text_of(sign_in(with_left(0)).open("home"))
    assert "Seluruh saldomu sudah terpakai" in page
    assert "Semuanya sudah terpakai" in page


def test_who_was_not_accepted_sees_no_money(sign_in: SignIn) -> None:
    (participant,) = factories.participants()
    user_id = give_sign_in(participant_id=participant, login_name="calon", password=factories.PASSWORD).user_id
    assert user_id
    visitor = Visitor()
    visitor.login(login_name="calon", password=factories.PASSWORD)
    for name in ("home", "purchases", "incentives", "account", "trainings"):
        page = text_of(visitor.open(name))
        assert "Rp1.000.000" not in page
    assert "Kamu belum menjadi peserta" in text_of(visitor.open("home"))


def test_the_next_thing_follows_the_purchase(sign_in: SignIn, clock: Any) -> None:
    (person,) = factories.accepted(at=LATELY)
    training = factories.training(title="Kopi")
    visitor = sign_in(person)

    def next_title() -> str:
        found = re.search(r'<h2 id="next">.*?</span>(.*?)</h2>', visitor.open("home"))
        assert found
        return text_of(found[1])

    purchase_id = factories.bought(person, training, at=LATELY).purchase_id
    assert purchase_id
    assert next_title() == "Mulai “Kopi”"
    (other,) = factories.accepted(at=LATELY)
    visitor = sign_in(other)
    factories.redeemed(other, training, at=LATELY)
    assert next_title().startswith("Pakai Rp700.000")
    (third,) = factories.accepted(at=LATELY)
    visitor = sign_in(third)
    factories.completed(third, training, at=LATELY)
    assert next_title() == "Beri rating dan ulasan untuk “Kopi”"


def test_an_earned_incentive_without_an_account_asks_for_one(sign_in: SignIn) -> None:
    (person,) = factories.accepted(with_accounts=False)
    factories.reconciled(person, factories.training())
    entitle(at=factories.RECONCILED_AT + timedelta(days=1))
    page = text_of(sign_in(person).open("home"))
    assert "Ke mana insentifmu dibayar?" in page


def test_the_number_of_statements_is_pinned(
    market: list[Any], sign_in: SignIn, assert_queries: Callable[..., Any]
) -> None:
    visitor = sign_in(with_left(300_000))
    visitor.open("home")
    with assert_queries(23):
        visitor.open("home")
