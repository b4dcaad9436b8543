"""Beli: check, code, receipt; bought once whatever is pressed, and every refusal is a sentence."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.urls import reverse

from bekal.catalogue.models import Training
from bekal.ledger.queries import remaining
from bekal.messaging.queries import messages_to
from bekal.participants.models import ContactPoint, Participation
from bekal.purchases.models import Purchase
from tests import factories
from tests.factories import jakarta
from tests.web.conftest import Visitor, newest_code, text_of

SignIn = Callable[..., Visitor]
LATELY = jakarta(2020, 11, 1)


@pytest.fixture
def person(db: None) -> int:
    return factories.accepted(at=LATELY)[0]


@pytest.fixture
def training(db: None) -> Training:
    return factories.training(price_rupiah=400_000, title="Barista")


def ask_for_code(visitor: Visitor, training: Training) -> str:
    return visitor.send("buy", training.pk, price_rupiah=training.price_rupiah)


def balance_of(person: int) -> int:
    return remaining(owner_ids=[person])[person]


def test_a_training_is_bought_with_a_code(person: int, training: Training, sign_in: SignIn) -> None:
    visitor = sign_in(person)
    page = text_of(visitor.open("buy", training.pk))
    for words in ("Rp1.000.000", "−Rp400.000", "Rp600.000", "tidak bisa ditukar", "15 Desember 2020", "kas negara"):
        assert words in page
    assert balance_of(person) == 1_000_000
    page = ask_for_code(visitor, training)
    assert 'autocomplete="one-time-code"' in page
    assert "Kode berlaku sampai 10.10 WIB" in text_of(page)
    code = newest_code(person)
    assert code not in page
    page = visitor.send("buy_code", training.pk, code=f" {code[:3]}-{code[3:]} ")
    purchase = Purchase.objects.get(participation_id=person)
    assert visitor.last.request["PATH_INFO"] == reverse("web:purchase", args=[purchase.pk])
    assert "Pelatihan berhasil dibeli" in text_of(page)
    assert 'class="redeem"' in page
    assert balance_of(person) == 600_000


def test_the_code_comes_the_way_the_reader_chooses(training: Training, sign_in: SignIn) -> None:
    (person,) = factories.accepted(at=LATELY, email="siti@contoh.id")
    visitor = sign_in(person)
    page = visitor.open("buy", training.pk)
    assert page.count('type="radio"') == 2 and "s•••@contoh.id" in page
    holder_id = Participation.objects.get(pk=person).participant_id
    for wanted, channel in (("email", "email"), ("sms", "sms"), ("fax", "sms"), ("\x00", "sms")):
        visitor.send("buy", training.pk, price_rupiah=training.price_rupiah, channel=wanted)
        assert messages_to(holder_id=holder_id)[0].channel == channel


def test_who_has_one_way_is_asked_nothing(person: int, training: Training, sign_in: SignIn) -> None:
    assert 'type="radio"' not in sign_in(person).open("buy", training.pk)


def test_the_same_order_again_ends_at_the_same_receipt(person: int, training: Training, sign_in: SignIn) -> None:
    visitor = sign_in(person)
    ask_for_code(visitor, training)
    code = newest_code(person)
    receipt = reverse("web:purchase", args=[0]).replace("0", "{}")
    for _ in range(3):
        visitor.send("buy_code", training.pk, code=code)
        assert visitor.last.request["PATH_INFO"] == receipt.format(Purchase.objects.get().pk)
    for name in ("buy", "buy_code"):
        response = visitor.get(reverse(f"web:{name}", args=[training.pk]), follow=True)
        assert "Kamu sudah membeli pelatihan ini. Hanya dibayar satu kali." in text_of(response.content.decode())
    assert balance_of(person) == 600_000


def test_a_wrong_code_costs_a_try_and_buys_nothing(person: int, training: Training, sign_in: SignIn) -> None:
    visitor = sign_in(person)
    ask_for_code(visitor, training)
    wrong = f"{(int(newest_code(person)) + 1) % 10**6:06d}"
    for left in (4, 3, 2, 1, 0):
        page = text_of(visitor.send("buy_code", training.pk, code=wrong, expect=422))
        assert f"Sisa kesempatan: {left}." in page
    page = text_of(visitor.send("buy_code", training.pk, code=newest_code(person), expect=422))
    assert "Mintalah kode baru" in page
    assert not Purchase.objects.exists()
    ask_for_code(visitor, training)
    visitor.send("buy_code", training.pk, code=newest_code(person))
    assert Purchase.objects.count() == 1


@pytest.mark.parametrize("code", ["", "12345", "abcdef", "1234567", "x" * 21, "１２３４５６", "12\x00456", "<b>"])
def test_what_cannot_be_a_code_costs_no_try(person: int, training: Training, sign_in: SignIn, code: str) -> None:
    visitor = sign_in(person)
    ask_for_code(visitor, training)
    page = visitor.send("buy_code", training.pk, code=code, expect=422)
    assert 'aria-invalid="true"' in page
    visitor.send("buy_code", training.pk, code=newest_code(person))
    assert Purchase.objects.count() == 1


def test_a_code_that_is_too_old_says_so(person: int, training: Training, sign_in: SignIn, clock: Any) -> None:
    visitor = sign_in(person)
    ask_for_code(visitor, training)
    clock.forward(minutes=11)
    assert "Mintalah kode baru" in text_of(visitor.open("buy_code", training.pk))
    page = text_of(visitor.send("buy_code", training.pk, code=newest_code(person), expect=422))
    assert "Kode ini sudah lewat waktu" in page


def test_a_sixth_code_within_the_hour_is_refused(person: int, training: Training, sign_in: SignIn) -> None:
    visitor = sign_in(person)
    for _ in range(5):
        ask_for_code(visitor, training)
    page = visitor.send("buy", training.pk, price_rupiah=400_000, expect=422)
    assert "Kamu sudah meminta 5 kode dalam satu jam. Tunggu 60 menit" in text_of(page)


def test_a_price_that_changes_is_looked_at_again(person: int, training: Training, sign_in: SignIn) -> None:
    visitor = sign_in(person)
    page = visitor.send("buy", training.pk, price_rupiah=300_000, expect=422)
    assert "Harganya berubah dari Rp300.000 menjadi Rp400.000" in text_of(page)
    ask_for_code(visitor, training)
    Training.objects.update(price_rupiah=450_000)
    page = visitor.send("buy_code", training.pk, code=newest_code(person), expect=422)
    assert "Harganya berubah dari Rp400.000 menjadi Rp450.000" in text_of(page)
    assert not Purchase.objects.exists()


@pytest.mark.parametrize("seen", ["", "-1", "9" * 40, "\x00", "400000.0", "²"])
def test_a_strange_price_is_refused(person: int, training: Training, sign_in: SignIn, seen: str) -> None:
    assert "Harganya berubah" in text_of(sign_in(person).send("buy", training.pk, price_rupiah=seen, expect=422))


def test_without_asking_for_a_code_the_check_comes_first(person: int, training: Training, sign_in: SignIn) -> None:
    visitor = sign_in(person)
    visitor.send("buy_code", training.pk, code="123456")
    assert visitor.last.request["PATH_INFO"] == reverse("web:buy", args=[training.pk])
    other = factories.training(price_rupiah=1)
    ask_for_code(visitor, training)
    visitor.send("buy_code", other.pk, code=newest_code(person))
    assert visitor.last.request["PATH_INFO"] == reverse("web:buy", args=[other.pk])
    assert not Purchase.objects.exists()


@pytest.mark.parametrize(
    ("accepted_at", "price_rupiah", "on_sale", "words"),
    [
        (LATELY, 1_000_001, True, "Harga pelatihan ini Rp1.000.001"),
        (LATELY, 400_000, False, "Pelatihan ini tidak dijual."),
        (jakarta(2020, 9, 1), 400_000, True, "Pelatihan pertama harus dibeli sampai 1 Oktober 2020."),
    ],
)
def test_what_the_rules_refuse_sends_no_code(
    sign_in: SignIn, accepted_at: Any, price_rupiah: int, on_sale: bool, words: str
) -> None:
    (person,) = factories.accepted(at=accepted_at)
    training = factories.training(price_rupiah=price_rupiah, on_sale=on_sale)
    visitor = sign_in(person)
    page = visitor.open("buy", training.pk)
    assert words in text_of(page) and "Kirim kode" not in text_of(page)
    page = visitor.send("buy", training.pk, price_rupiah=price_rupiah, expect=422)
    assert words in text_of(page)


def test_who_cannot_be_reached_is_told(person: int, training: Training, sign_in: SignIn) -> None:
    ContactPoint.objects.update(unreachable_since_at=LATELY)
    page = sign_in(person).send("buy", training.pk, price_rupiah=400_000, expect=422)
    assert "Tidak ada nomor telepon atau alamat surel" in text_of(page)


def test_a_free_training_is_bought_for_nothing(person: int, sign_in: SignIn) -> None:
    training = factories.training(price_rupiah=0)
    visitor = sign_in(person)
    assert "Gratis" in text_of(visitor.open("buy", training.pk))
    ask_for_code(visitor, training)
    visitor.send("buy_code", training.pk, code=newest_code(person))
    assert balance_of(person) == 1_000_000 and Purchase.objects.get().price_rupiah == 0


def test_a_used_up_balance_is_not_told_to_spend_nothing(sign_in: SignIn) -> None:
    (person,) = factories.accepted(at=LATELY)
    factories.bought(person, factories.training(price_rupiah=1_000_000), at=LATELY + timedelta(days=1))
    page = text_of(sign_in(person).open("buy", factories.training(price_rupiah=5).pk))
    assert "saldomu sudah habis" in page


def test_the_number_of_statements_is_pinned(
    person: int, training: Training, sign_in: SignIn, assert_queries: Callable[..., Any]
) -> None:
    visitor = sign_in(person)
    with assert_queries(9):
        visitor.open("buy", training.pk)
    ask_for_code(visitor, training)
    with assert_queries(9):
        visitor.open("buy_code", training.pk)
