"""Whose money is clawed back reads what, why, until when, and how to object; in kind words, before anything else."""

from collections.abc import Callable

import pytest

from bekal.incentives.models import Payout
from bekal.incentives.settle_payouts import settle_payouts
from tests import factories
from tests.conftest import StoppedClock
from tests.factories import jakarta
from tests.incentives.partner import status_file
from tests.lifecycle import money_back
from tests.web.conftest import Visitor, text_of

SignIn = Callable[..., Visitor]
PAGES = ("home", "incentives")


@pytest.fixture
def owing(db: None, clock: StoppedClock) -> tuple[int, int]:
    """A participation and its approved clawback over Rp600,000."""
    (person,) = money_back.paid()
    clawback_id = money_back.approved(person)
    clock.set(2020, 5, 5)
    return person, clawback_id


@pytest.mark.parametrize("page", PAGES)
def test_what_why_until_when_and_how_to_object(page: str, owing: tuple[int, int], sign_in: SignIn) -> None:
    person, number = owing
    text = text_of(sign_in(person).open(page))
    assert "Mohon kembalikan Rp600.000 kepada negara" in text
    assert "Hari terakhirnya 3 Juli 2020" in text and "mencicil" in text
    assert money_back.EXPLANATION in text
    assert f"sebutkan nomor {number}" in text and "Menurutku ini keliru" in text
    assert "tidak membeli" not in text and "tidak ada pelatihan yang dibeli" not in text.lower()


def test_what_was_paid_back_is_said(owing: tuple[int, int], clock: StoppedClock, sign_in: SignIn) -> None:
    person, number = owing
    money_back.repay(number, 200_000)
    clock.set(2020, 7, 4)
    visitor = sign_in(person)
    text = text_of(visitor.open("incentives"))
    assert "Mohon kembalikan Rp400.000" in text and "Sudah dikembalikan Rp200.000" in text
    assert "Mohon bayar secepatnya" in text
    money_back.repay(number, 400_000, "NTPN-2", at=jakarta(2020, 7, 4))
    text = text_of(visitor.open("incentives"))
    assert "Terima kasih. Semua sudah dikembalikan" in text and "Mohon" not in text


def test_a_withdrawal_is_said(owing: tuple[int, int], sign_in: SignIn) -> None:
    person, number = owing
    money_back.withdraw(number, "Kamu benar: bukan pegawai.", at=jakarta(2020, 5, 5))
    text = text_of(sign_in(person).open("home"))
    assert "Kamu tidak perlu mengembalikan apa pun" in text and "Kamu benar: bukan pegawai." in text


def test_who_received_nothing_owes_nothing(db: None, clock: StoppedClock, sign_in: SignIn) -> None:
    (person,) = factories.accepted()
    money_back.approved(person)
    clock.set(2020, 5, 5)
    assert "tidak ada yang harus dikembalikan" in text_of(sign_in(person).open("home"))


def test_before_the_approval_nothing_is_said(db: None, clock: StoppedClock, sign_in: SignIn) -> None:
    (person,) = money_back.paid()
    money_back.decided(person)
    clock.set(2020, 5, 5)
    assert "money-back" not in sign_in(person).open("home")


def test_what_the_bank_sends_back_after_a_withdrawal_is_said_to_come_again(
    owing: tuple[int, int], sign_in: SignIn
) -> None:
    """The place is gone, and the one instalment that was paid to a wrong account is still owed."""
    person, number = owing
    money_back.withdraw(number, at=jakarta(2020, 5, 5))
    payout = Payout.objects.get(entitlement__participation_id=person)
    content = status_file([(payout.reference, payout.amount_rupiah, "returned", "AC04")])
    settle_payouts(partner="bni", name="retur.csv", content=content, at=jakarta(2020, 5, 6))
    page = text_of(sign_in(person).open("incentives"))
    assert "tidak ada lagi yang dibayar" not in page
    assert "Dikembalikan kepada kami pada 6 Mei 2020" in page and "Periksa rekening" in page
