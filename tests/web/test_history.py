"""Riwayat: every line of one's own ledger, the two purses apart, each with a receipt; nobody sees another's."""

import csv
import zipfile
from collections.abc import Callable
from datetime import timedelta
from io import BytesIO, StringIO

import pytest

from bekal.accounts.models import User
from bekal.ledger.movements import Kind, Movement
from bekal.ledger.post import Posting, post
from bekal.ledger.queries import transfers_of
from bekal.lifecycle.end_balances import end_balances
from bekal.participants.give_sign_in import give_sign_in
from bekal.purchases.models import Purchase
from bekal.web.history import HOLDS, Purse, by_month, lines_of, purse_of
from bekal.web.history_words import WORDS
from tests import factories
from tests.factories import jakarta
from tests.incentives import journey
from tests.web.conftest import Visitor, text_of

SignIn = Callable[..., Visitor]


@pytest.fixture
def paid(db: None) -> int:
    """Somebody with a proven training, one that was only bought, and the first instalment in the account."""
    (person,) = journey.earners()
    journey.settled(journey.exported())
    training = factories.training(price_rupiah=150_000, title="Barista Dasar")
    factories.bought(person, training, at=jakarta(2020, 5, 2))
    return person


def test_every_movement_has_words_and_one_purse() -> None:
    assert set(WORDS) == set(Movement)
    for movement in Movement:
        purse = purse_of(movement)
        other = HOLDS[Purse.INCENTIVE if purse is Purse.BALANCE else Purse.BALANCE]
        assert other not in (movement.debit_kind, movement.credit_kind), movement


def test_the_purses_hold_every_line_between_them_once(paid: int) -> None:
    balance, incentive = (lines_of(paid, purse) for purse in Purse)
    numbers = [line.id for line in (*balance, *incentive)]
    assert sorted(numbers) == sorted(each.id for each in transfers_of(owner_id=paid))
    assert len(numbers) == len(set(numbers)) == 8
    assert (balance[0].after_rupiah, incentive[0].after_rupiah) == (550_000, 600_000)


def test_the_balance_after_each_line_is_the_sum_of_the_changes(paid: int) -> None:
    for purse in Purse:
        total = 0
        for line in reversed(lines_of(paid, purse)):
            total += line.change_rupiah
            assert line.after_rupiah == total


def test_the_page_says_what_happened_in_plain_indonesian(paid: int, sign_in: SignIn) -> None:
    visitor = sign_in(paid)
    balance = text_of(visitor.open("history"))
    assert "Mei 2020" in balance and "April 2020" in balance
    assert balance.index("Mei 2020") < balance.index("April 2020")
    assert "Kamu membeli pelatihan Barista Dasar." in balance and "-Rp150.000" in balance
    assert "Kamu diterima. Ini saldo pelatihanmu." in balance and "+Rp1.000.000" in balance
    assert "Insentif ke‑1" not in balance
    incentive = text_of(visitor.open("history", query="?dompet=insentif"))
    assert "Insentif ke‑1 dibayarkan ke BNI •" in incentive and "+Rp600.000" in incentive
    assert "Barista" not in incentive


def test_any_other_purse_is_the_balance(paid: int, sign_in: SignIn) -> None:
    visitor = sign_in(paid)
    page = visitor.open("history")
    for asked in ("", "kas", "INSENTIF", "%00"):
        assert text_of(visitor.open("history", query=f"?dompet={asked}")) == text_of(page)


def test_the_rest_of_the_balance_returns_to_the_treasury(paid: int, sign_in: SignIn) -> None:
    end_balances(at=jakarta(2020, 12, 17))
    page = text_of(sign_in(paid).open("history"))
    assert "Sisa saldo kembali ke kas negara." in page and "-Rp550.000" in page


def test_a_receipt_prints_one_line(paid: int, sign_in: SignIn) -> None:
    visitor = sign_in(paid)
    line = lines_of(paid, Purse.BALANCE)[0]
    page = text_of(visitor.open("receipt", line.id))
    for words in (f"{paid}-{line.id}", "Rp150.000", "Siti Rahayu", "Barista Dasar", "titipan pembelian", "Rp550.000"):
        assert words in page
    assert "2 Mei 2020, 09.00 WIB" in page


def test_nobody_opens_anothers_receipt(paid: int, sign_in: SignIn) -> None:
    line = lines_of(paid, Purse.BALANCE)[0]
    (stranger,) = factories.accepted()
    visitor = sign_in(stranger)
    visitor.open("receipt", line.id, expect=404)
    visitor.open("receipt", 2**70, expect=404)
    visitor.open("receipt", 0, expect=404)


def test_the_file_holds_the_same_lines(paid: int, sign_in: SignIn) -> None:
    visitor = sign_in(paid)
    response = visitor.get("/riwayat/?dompet=insentif&form=csv")
    assert response["Content-Disposition"] == 'attachment; filename="riwayat-insentif.csv"'
    assert "no-store" in response["Cache-Control"]
    text = b"".join(response.streaming_content).decode()  # type: ignore[attr-defined]
    header, *rows = list(csv.reader(StringIO(text.removeprefix("\ufeff"), newline="")))
    assert header == [
        "Kapan",
        "Apa yang terjadi",
        "Dari",
        "Ke",
        "Jumlah",
        "Perubahan",
        "Sudah diterima sesudahnya",
        "Nomor kuitansi",
    ]
    lines = lines_of(paid, Purse.INCENTIVE)
    assert [row[5:] for row in rows] == [
        [str(line.change_rupiah), str(line.after_rupiah), line.reference] for line in lines
    ]
    assert rows[0][0] == "2020-04-27T15:00:00+07:00"


def test_the_workbook_holds_them_too_with_rupiah_as_numbers(paid: int, sign_in: SignIn) -> None:
    visitor = sign_in(paid)
    page = visitor.get("/riwayat/?dompet=insentif").content.decode()
    assert 'href="?dompet=insentif&amp;form=csv"' in page and 'href="?dompet=insentif&amp;form=xlsx"' in page
    response = visitor.get("/riwayat/?dompet=insentif&form=xlsx")
    assert response["Content-Disposition"] == 'attachment; filename="riwayat-insentif.xlsx"'
    with zipfile.ZipFile(BytesIO(b"".join(response.streaming_content))) as book:  # type: ignore[attr-defined]
        sheet = book.read("xl/worksheets/sheet1.xml").decode()
    for line in lines_of(paid, Purse.INCENTIVE):
        assert f"<v>{line.change_rupiah}</v>" in sheet and line.reference in sheet


def test_a_title_that_would_run_as_a_formula_is_only_read(sign_in: SignIn) -> None:
    (person,) = factories.accepted()
    factories.bought(person, factories.training(title="=1+1"))
    visitor = sign_in(person).speak("en")
    text = b"".join(visitor.get("/riwayat/?form=csv").streaming_content).decode()  # type: ignore[attr-defined]
    assert "You bought the training =1+1." in text  # not at the beginning of its cell
    assert not any(cell.startswith("=") for row in csv.reader(StringIO(text)) for cell in row)


def test_money_that_came_back_by_way_of_the_bank_is_told(paid: int, sign_in: SignIn) -> None:
    reference = transfers_of(owner_id=paid)[-2].idempotency_key.partition(":")[2]
    back = Posting(paid, Movement.RETURN_INCENTIVE, 600_000, f"returned:{reference}")
    post(postings=[back], at=jakarta(2020, 5, 6))
    page = text_of(sign_in(paid).open("history", query="?dompet=insentif"))
    assert "Insentif ke‑1 kembali dari BNI" in page and "-Rp600.000" in page


def test_a_line_whose_cause_is_not_on_record_still_has_words(paid: int) -> None:
    post(postings=[Posting(paid, Movement.REFUND_TO_BALANCE, 150_000, "refund:999999")], at=jakarta(2020, 6, 1))
    assert lines_of(paid, Purse.BALANCE)[0].words == "Uang kembali ke saldomu: sebuah pelatihan."


def test_months_follow_the_clock_of_jakarta(paid: int) -> None:
    assert [month.on.month for month in by_month(lines_of(paid, Purse.BALANCE))] == [5, 4]
    late = jakarta(2020, 6, 1, 0) - timedelta(seconds=1)
    factories.bought(paid, factories.training(price_rupiah=10_000), at=late)
    assert [month.on.month for month in by_month(lines_of(paid, Purse.BALANCE))] == [5, 4]


def test_who_has_nothing_is_told_why(sign_in: SignIn, db: None) -> None:
    (participant_id,) = factories.participants()
    made = give_sign_in(participant_id=participant_id, login_name="calon", password=factories.PASSWORD)
    visitor = sign_in(User.objects.get(pk=made.user_id))
    assert "Kamu belum menjadi peserta" in text_of(visitor.open("history"))
    visitor.open("receipt", 1, expect=404)


def test_the_pages_keep_their_number_of_queries(
    paid: int, sign_in: SignIn, assert_queries: Callable[[int], object]
) -> None:
    visitor = sign_in(paid)
    bought, sent = lines_of(paid, Purse.BALANCE)[0].id, lines_of(paid, Purse.INCENTIVE)[0].id
    for path, number in (
        ("/riwayat/", 7),
        ("/riwayat/?dompet=insentif", 7),
        (f"/riwayat/{bought}/", 7),
        (f"/riwayat/{sent}/", 7),
    ):
        visitor.get(path)
        with assert_queries(number):  # type: ignore[attr-defined]
            assert visitor.get(path).status_code == 200


def test_the_ledger_and_the_purchases_agree(paid: int) -> None:
    spent = sum(row.price_rupiah for row in Purchase.objects.filter(participation_id=paid))
    balance = lines_of(paid, Purse.BALANCE)
    assert sum(-line.change_rupiah for line in balance if line.target == Kind.ESCROW.label) == spent
