"""Pelatihanku: what was bought, what proves it, who owes which piece, and the review."""

import re
from collections.abc import Callable
from typing import Any

import pytest

from bekal.purchases.end_purchases import end_purchases
from bekal.purchases.models import Purchase, Review
from bekal.purchases.record_attendance import Attendance, record_attendance
from tests import factories
from tests.factories import jakarta
from tests.web.conftest import Visitor, text_of

SignIn = Callable[..., Visitor]
LATELY = jakarta(2020, 11, 1)


@pytest.fixture
def person(db: None) -> int:
    return factories.accepted(at=LATELY)[0]


@pytest.fixture
def training(db: None) -> Any:
    institution = factories.institution(name="Balai Latihan")
    return factories.training(price_rupiah=400_000, title="Barista", session_count=2, institution=institution)


def checklist(page: str) -> list[tuple[str, str]]:
    """(class, text) of every line of the checklist."""
    found = re.search(r'<ul class="checklist">(.*?)</ul>', page, re.DOTALL)
    assert found
    return [(kind, text_of(text)) for kind, text in re.findall(r'<li class="(\w+)">(.*?)</li>', found[1], re.DOTALL)]


def test_a_bought_training_waits_for_its_code(person: int, training: Any, sign_in: SignIn) -> None:
    bought = factories.bought(person, training, at=LATELY)
    assert bought.purchase_id and bought.redeem_code
    page = sign_in(person).open("purchase", bought.purchase_id)
    code = "-".join(bought.redeem_code[i : i + 4] for i in range(0, 16, 4))
    assert f'<p class="redeem">{code}</p>' in page
    assert "Berikan kode ini kepada Balai Latihan" in text_of(page)
    lines = checklist(page)
    assert [kind for kind, _ in lines] == ["waiting"] * 5
    assert "Balai Latihan mencatatnya nanti." in lines[0][1]


def test_the_institutions_turn_is_named_with_its_day(person: int, training: Any, sign_in: SignIn) -> None:
    purchase_id = factories.redeemed(person, training, at=LATELY)
    lines = checklist(sign_in(person).open("purchase", purchase_id))
    assert "0/2" in lines[0][1] and "Ditunggu dari Balai Latihan sejak 2 November 2020." in lines[0][1]
    assert lines[2] == ("waiting", "Rating Giliranmu setelah pelatihan selesai.")


def test_a_review_completes_the_proof_and_earns_the_incentive(person: int, training: Any, sign_in: SignIn) -> None:
    purchase_id = factories.completed(person, training, at=LATELY)
    visitor = sign_in(person)
    page = visitor.open("purchase", purchase_id)
    assert [kind for kind, _ in checklist(page)] == ["done", "done", "owed", "owed", "waiting"]
    assert "Giliranmu sejak 3 November 2020." in checklist(page)[2][1]
    page = visitor.send("purchase", purchase_id, rating="4", text="Jelas.\r\nSaya bisa membuka warung.")
    assert "Rating dan ulasanmu sudah disimpan" in text_of(page)
    assert [kind for kind, _ in checklist(page)] == ["done"] * 5
    assert checklist(page)[4] == ("done", "Dicocokkan oleh kantor program 19 November 2020")
    review = Review.objects.get()
    assert (review.rating, review.text) == (4, "Jelas.\nSaya bisa membuka warung.")
    assert "Hari bayar 25 November 2020" in text_of(visitor.open("incentives"))


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({}, "Pilih 1, 2, 3, 4, atau 5 bintang."),
        ({"rating": "4"}, "Tulis paling sedikit satu kalimat."),
        ({"rating": "4", "text": " \r\n "}, "Tulis paling sedikit satu kalimat."),
        ({"rating": "6", "text": "a"}, "Pilih 1, 2, 3, 4, atau 5 bintang."),
        ({"rating": "x", "text": "a"}, "Pilih 1, 2, 3, 4, atau 5 bintang."),
        ({"rating": "5", "text": "a" * 2001}, "Ulasannya 2001 huruf; paling banyak 2000."),
        ({"rating": "5", "text": "a\0b"}, ""),
        ({"rating": "5", "text": "a\x07b"}, "Ulasannya berisi tanda yang tidak bisa ditampilkan."),
    ],
)
def test_a_bad_review_is_said_and_changes_nothing(
    person: int, training: Any, sign_in: SignIn, fields: dict[str, str], words: str
) -> None:
    purchase_id = factories.completed(person, training, at=LATELY)
    page = sign_in(person).send("purchase", purchase_id, expect=422, **fields)
    assert 'id="errors"' in page and words in text_of(page)
    assert not Review.objects.exists()


def test_a_review_before_completion_is_refused(person: int, training: Any, sign_in: SignIn) -> None:
    purchase_id = factories.redeemed(person, training, at=LATELY)
    page = sign_in(person).send("purchase", purchase_id, rating="5", text="Bagus.", expect=422)
    assert "Pelatihan ini belum selesai." in text_of(page)


def test_a_second_other_review_is_refused_and_the_same_is_no_change(
    person: int, training: Any, sign_in: SignIn
) -> None:
    purchase_id = factories.completed(person, training, at=LATELY)
    visitor = sign_in(person)
    for _ in range(2):
        visitor.send("purchase", purchase_id, rating="5", text="Bagus.")
    page = visitor.send("purchase", purchase_id, rating="1", text="Buruk.", expect=422)
    assert "Kamu sudah mengulas pelatihan ini." in text_of(page)
    assert Review.objects.get().rating == 5


def test_what_is_written_is_shown_as_text(person: int, training: Any, sign_in: SignIn) -> None:
    purchase_id = factories.completed(person, training, at=LATELY)
    page = sign_in(person).send("purchase", purchase_id, rating="5", text="<img src=x onerror=alert(1)>")
    assert "<img" not in page and "&lt;img src=x" in page


@pytest.mark.parametrize("number", [0, 10**17])
def test_a_purchase_that_does_not_exist_is_not_found(person: int, sign_in: SignIn, number: int) -> None:
    sign_in(person).open("purchase", number, expect=404)


@pytest.mark.parametrize(
    ("attended", "words"),
    [
        (0, "Tidak ada sesi yang diikuti, jadi lembaga tidak dibayar. Harga Rp400.000 Untuk lembaga Rp0"),
        (1, "1 dari 2 sesi diikuti. Lembaga dibayar hanya untuk sesi itu. Harga Rp400.000 Untuk lembaga Rp200.000"),
        (2, "Semua sesi sudah diikuti, tetapi buktinya tidak lengkap pada waktunya."),
    ],
)
def test_a_training_that_ended_early_says_what_became_of_the_money(
    person: int, training: Any, sign_in: SignIn, attended: int, words: str
) -> None:
    purchase_id = factories.redeemed(person, training, at=LATELY)
    sessions = [Attendance(training.institution_id, purchase_id, number + 1) for number in range(attended)]
    record_attendance(attendances=sessions, at=LATELY)
    end_purchases(purchase_ids=[purchase_id], at=jakarta(2020, 11, 10))
    visitor = sign_in(person)
    page = text_of(visitor.open("purchase", purchase_id))
    assert "Pelatihan ini berakhir pada 10 November 2020" in page and words in page
    assert ("Kembali ke saldo pelatihanmu" in page) == (attended < 2)
    assert "Bukti belajar" not in page and "Tulis ulasan" not in page
    listed = text_of(visitor.open("purchases"))
    assert "Berakhir lebih awal" in listed
    assert ("Rp400.000 sudah dikembalikan." in listed) == (attended == 0)


def test_after_the_end_of_the_balance_the_rest_went_to_the_treasury(
    person: int, training: Any, sign_in: SignIn
) -> None:
    purchase_id = factories.completed(person, training, at=LATELY)
    never = factories.bought(person, factories.training(price_rupiah=100_000), at=LATELY).purchase_id or 0
    end_purchases(purchase_ids=[purchase_id, never], at=jakarta(2020, 12, 20))
    visitor = sign_in(person)
    assert "Kembali ke kas negara Rp100.000" in text_of(visitor.open("purchase", never))
    page = visitor.send("purchase", purchase_id, rating="5", text="Bagus.", expect=422)
    assert "Pembelian ini berakhir pada 20 Desember 2020" in text_of(page)
    assert not Review.objects.exists()


def test_nobody_opens_anothers_purchase(person: int, training: Any, sign_in: SignIn) -> None:
    (other,) = factories.accepted(at=LATELY)
    purchase_id = factories.completed(other, training, at=LATELY)
    visitor = sign_in(person)
    visitor.open("purchase", purchase_id, expect=404)
    visitor.send("purchase", purchase_id, rating="1", text="Bukan milikku.", expect=404)
    assert not Review.objects.exists()


def test_the_list_has_the_newest_first_and_says_when_it_is_empty(person: int, sign_in: SignIn) -> None:
    visitor = sign_in(person)
    assert "Kamu punya Rp1.000.000 untuk pelatihan." in text_of(visitor.open("purchases"))
    for title in ("Satu", "Dua"):
        factories.bought(person, factories.training(price_rupiah=1000, title=title), at=LATELY)
    page = visitor.open("purchases")
    assert re.findall(r"<h2><a [^>]+>([^<]+)</a>", page) == ["Dua", "Satu"]
    assert text_of(page).count("0 dari 4 bukti sudah ada") == 2


def test_the_number_of_statements_does_not_grow_with_the_purchases(
    person: int, sign_in: SignIn, assert_queries: Callable[..., Any]
) -> None:
    visitor = sign_in(person)
    for number in range(3):
        factories.completed(person, factories.training(price_rupiah=1000 + number), at=LATELY)
    newest = Purchase.objects.order_by("-pk")[0].pk
    with assert_queries(9):
        visitor.open("purchases")
    with assert_queries(10):
        visitor.open("purchase", newest)


def test_a_purchase_without_its_codes_is_shown(person: int, training: Any, sign_in: SignIn) -> None:
    bought = factories.bought(person, training, at=LATELY)
    redeemed = factories.redeemed(person, factories.training(price_rupiah=1_000), at=LATELY)
    assert bought.purchase_id is not None
    Purchase.objects.update(one_time_code=None, redeem_code_encrypted=None)
    visitor = sign_in(person)
    for purchase_id in (bought.purchase_id, redeemed):
        assert 'class="redeem"' not in visitor.open("purchase", purchase_id)


def test_each_session_can_be_confirmed_or_denied_and_a_denial_is_looked_at(
    person: int, training: Any, sign_in: SignIn
) -> None:
    purchase_id = factories.completed(person, training, at=LATELY)
    visitor = sign_in(person)
    assert "Lembaga mencatat kamu hadir." in text_of(visitor.open("purchase", purchase_id))
    for _ in range(2):
        page = text_of(visitor.send("session", purchase_id, 2, was_there="no"))
        assert "Jawabanmu tentang sesi 2 sudah disimpan." in page and "Katamu: saya tidak hadir." in page
    contested = checklist(visitor.open("purchase", purchase_id))[1]
    assert contested[0] == "owed"
    assert "Kedua pihak tidak mengatakan hal yang sama." in contested[1] and "sesi 2" in contested[1]
    assert "26 November 2020" in contested[1]
    assert "Buktinya sedang diperiksa petugas" in text_of(visitor.open("purchases"))
    visitor.send("session", purchase_id, 2, was_there="yes")
    assert [kind for kind, _ in checklist(visitor.open("purchase", purchase_id))] == [
        "done",
        "done",
        "owed",
        "owed",
        "waiting",
    ]


@pytest.mark.parametrize(("number", "answer"), [(1, ""), (1, "maybe")])
def test_an_answer_that_is_none_is_not_found(
    person: int, training: Any, sign_in: SignIn, number: int, answer: str
) -> None:
    purchase_id = factories.redeemed(person, training, at=LATELY)
    sign_in(person).send("session", purchase_id, number, was_there=answer, expect=404)


def test_a_session_there_is_not_is_said(person: int, training: Any, sign_in: SignIn) -> None:
    purchase_id = factories.redeemed(person, training, at=LATELY)
    assert "Sesi 3 tidak ada" in text_of(sign_in(person).send("session", purchase_id, 3, was_there="yes"))
