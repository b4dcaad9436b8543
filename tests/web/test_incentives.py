"""Insentif: every instalment with one truthful state and what to do; the payout account."""

import json
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from django.utils.translation import override

from bekal.accounts.models import Role, User
from bekal.core.entitlement import InstalmentKind
from bekal.incentives.entitle import entitle
from bekal.incentives.queries import InstalmentLine, InstalmentState, NextStep
from bekal.incentives.settle_payouts import settle_payouts
from bekal.lifecycle.revoke import revoke
from bekal.participants.models import PayoutAccount
from bekal.participants.set_districts import NewDistrict, set_districts
from bekal.purchases.end_purchases import end_purchases
from bekal.web.calendar import URGENCY, Calendar, calendar_of
from tests import factories
from tests.conftest import StoppedClock
from tests.contracts.house import ROOT
from tests.factories import jakarta
from tests.incentives import journey
from tests.incentives.partner import status_file
from tests.web.conftest import Visitor, newest_code, text_of

SignIn = Callable[..., Visitor]
LATELY = jakarta(2020, 11, 1)


def line(state: InstalmentState, step: NextStep, **fields: Any) -> InstalmentLine:
    days: dict[str, Any] = {"scheduled_on": date(2020, 11, 25), "payment_on": date(2020, 11, 25)}
    known: dict[str, Any] = {"is_earned": True, "is_late": False, "state_since_at": LATELY}
    return InstalmentLine(
        InstalmentKind.INCENTIVE, 1, 600_000, **days | known | {"state": state, "next_step": step} | fields
    )


def calendar(*lines: InstalmentLine) -> Calendar:
    return calendar_of(lines)


def test_what_the_reader_can_mend_comes_before_what_they_wait_for() -> None:
    assert set(URGENCY) == set(NextStep) - {NextStep.NOTHING, NextStep.WAIT_FOR_SURVEY}
    both = calendar(
        line(InstalmentState.SENT, NextStep.WAIT_FOR_PARTNER),
        line(InstalmentState.REJECTED, NextStep.CHECK_ACCOUNT, reason_code="AC04"),
    )
    assert both.step is NextStep.CHECK_ACCOUNT
    assert both.is_mine
    assert both.step_link and both.step_link[0] == "/akun/"
    assert calendar().step is NextStep.NOTHING


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("AC01", "nomor"),
        ("AC04", "ditutup"),
        ("AC06", "diblokir"),
        ("AM04", "tidak perlu"),
        ("AM14", "Dompetmu penuh: kosongkan, atau pilih rekening lain."),
        ("BE01", "bukan namamu"),
        ("NARR", "tidak menyebut alasannya"),
        ("XX99", "XX99"),
    ],
)
def test_a_refusal_of_the_bank_says_why(code: str, words: str) -> None:
    refused = calendar(line(InstalmentState.REJECTED, NextStep.CHECK_ACCOUNT, reason_code=code))
    with override("id"):
        assert words in str(refused.incentives[0].reason)


def test_only_what_has_arrived_counts_as_received() -> None:
    mixed = calendar(
        line(InstalmentState.SETTLED, NextStep.NOTHING, partner="bni"),
        line(InstalmentState.SENT, NextStep.WAIT_FOR_PARTNER),
        line(InstalmentState.PLANNED, NextStep.WAIT_FOR_DAY),
    )
    assert mixed.paid_rupiah == 600_000
    assert mixed.total_rupiah == 1_800_000
    assert mixed.incentives[0].partner == "BNI"


def test_before_the_first_training_the_days_are_the_earliest_possible(sign_in: SignIn) -> None:
    (person,) = factories.accepted(at=LATELY)
    page = text_of(sign_in(person).open("incentives"))
    assert page.count("menunggu pelatihan pertama") == 4
    assert "Paling cepat 25 November 2020" in page
    assert page.count("menunggu survei") == 3
    assert "Rp2.550.000" in page
    assert "Beli pelatihan pertama dan selesaikan." in page


def test_an_earned_incentive_has_its_days(sign_in: SignIn) -> None:
    (person,) = factories.accepted(at=LATELY)
    factories.reconciled(person, factories.training(), at=LATELY)
    entitle(at=LATELY + timedelta(days=5))
    page = text_of(sign_in(person).open("incentives"))
    assert "Hari bayar 25 November 2020 (jadwal 25 November 2020)." in page
    assert "Uangnya dikirim pada harinya." in page
    assert page.count("dijadwalkan Sudah menjadi hakmu, dan dibayar pada harinya. Hari bayar") == 4


def test_a_payment_that_came_back_says_when_why_and_what_to_do(sign_in: SignIn, clock: StoppedClock) -> None:
    clock.set(2020, 5, 4, 9, 0)
    one, other = journey.earners(2)
    run = journey.exported()
    journey.settled(run)
    returned, reversed_ = journey.references(run.run_id)
    content = status_file([(returned, 600_000, "returned", "AC04")])
    settle_payouts(partner="bni", name="retur.csv", content=content, at=jakarta(2020, 4, 30))
    journey.taken_back(reversed_, reason_code="AM05", at=jakarta(2020, 5, 1))
    visitor = sign_in(one)
    page = text_of(visitor.open("incentives"))
    assert "dikembalikan oleh bank atau dompet" in page and "sudah ditutup." in page
    assert "Dibayar pada 27 April 2020 ke BNI" in page
    assert "Dikembalikan kepada kami pada 30 April 2020. Uangmu tidak hilang" in page
    assert "Periksa rekening" in page and "Sudah diterima Rp0" in page
    assert "Ada pembayaran yang kembali" in text_of(visitor.open("home"))
    page = text_of(sign_in(other).open("incentives"))
    assert "ditarik kembali oleh program" in page
    assert "Program menariknya kembali pada 1 Mei 2020 dan akan membayarnya lagi." in page


def test_who_has_proven_nothing_when_the_balance_ended_is_told_so(sign_in: SignIn, clock: StoppedClock) -> None:
    (person,) = factories.accepted(at=LATELY)
    end_purchases(purchase_ids=[factories.redeemed(person, factories.training(), at=LATELY)], at=jakarta(2020, 12, 20))
    clock.set(2020, 12, 21, 9, 0)
    page = text_of(sign_in(person).open("incentives"))
    assert page.count("tidak ada pelatihan yang terbukti") == 5
    assert "Survei tetap dibayar." in page and "menunggu survei" in page


def test_what_happened_and_why_then_is_told_in_order(sign_in: SignIn, clock: StoppedClock) -> None:
    (person,) = journey.earners()
    clock.set(2020, 4, 27, 18, 0)
    run = journey.exported()
    visitor = sign_in(person)
    page = text_of(visitor.open("incentives"))
    assert "Giliran: bank atau dompetmu , paling lambat 28 April 2020" in page
    why = "Kenapa hari itu? Jadwalnya 25 April 2020. Bukan hari kerja: Sabtu, 25 April, Minggu, 26 April. Jadi dibayar"
    assert why in page
    journey.settled(run)
    page = text_of(visitor.open("incentives"))
    steps = [
        "Menjadi hakmu.",
        "Masuk daftar",
        "Petugas kedua menyetujui",
        "Dikeluarkan untuk dikirim",
        "BNI membayarnya",
    ]
    places = [page.index(step) for step in steps]
    assert places == sorted(places)


def test_the_same_is_told_as_json(sign_in: SignIn, clock: StoppedClock) -> None:
    (person,) = journey.earners()
    clock.set(2020, 5, 4, 9, 0)
    run = journey.exported()
    journey.settled(run, {journey.references(run.run_id)[0]: "AM14"})
    visitor = sign_in(person)
    told = json.loads(visitor.open("incentives_status"))
    first, *others = told["instalments"]
    assert told["as_of"] == "2020-05-04" and len(others) == 6
    assert (first["state"], first["turn"], first["next_step"]) == ("rejected", "participant", "check_account")
    assert first["reason"] == "Dompetmu penuh: kosongkan, atau pilih rekening lain."
    assert (first["is_late"], first["masked_account"][-4:].isdigit()) == (True, True)
    assert (first["next_partner"], first["next_masked_account"]) == ("", ""), "there is no other account"
    assert [step["what"] for step in first["steps"]] == ["earned", "listed", "list_approved", "sent", "rejected"]
    assert [one["state"] for one in others[3:]] == ["waiting_answer"] * 3
    page = text_of(visitor.open("incentives"))
    for line in told["instalments"]:
        assert line["sentence"] in page and line["why"] in page
        assert all(step["words"] in page for step in line["steps"])
    document = (ROOT / "docs" / "where-is-my-money.md").read_text()
    assert [name for name in (*told, *first, *first["steps"][0]) if f"`{name}`" not in document] == []


def test_who_was_never_accepted_has_no_instalments(sign_in: SignIn) -> None:
    newcomer = User.objects.create_user("baru", None, role=Role.PARTICIPANT, display_name="Baru")
    assert json.loads(sign_in(newcomer).open("incentives_status"))["instalments"] == []


def test_who_was_revoked_is_told_where_the_money_went(sign_in: SignIn) -> None:
    (person,) = factories.accepted(at=jakarta(2020, 9, 1))
    revoke(at=jakarta(2020, 11, 2))
    page = text_of(sign_in(person).open("incentives"))
    assert page.count("kembali ke kas negara") >= 7
    assert "Insentif tidak dibayar" in page


def test_an_account_is_set_and_shown_masked(sign_in: SignIn) -> None:
    (person,) = factories.accepted(at=LATELY, with_accounts=False, full_name="Siti Rahayu")
    visitor = sign_in(person)
    assert "Tanpa rekening, uang tidak bisa dibayar." in text_of(visitor.open("incentives"))
    page = visitor.send("payout_account", partner="bni", number="0123 456-789", holder_name=" siti  RAHAYU")
    assert "Rekeningmu sudah disimpan." in text_of(page)
    assert "0123456789" not in page and "••••••6789" in page
    assert PayoutAccount.objects.get().verified_at is not None


def test_an_account_in_another_name_is_not_paid_to(sign_in: SignIn) -> None:
    (person,) = factories.accepted(at=LATELY, with_accounts=False, full_name="Siti Rahayu")
    page = text_of(sign_in(person).send("payout_account", partner="bni", number="0123456789", holder_name="Budi"))
    assert "nama pemiliknya bukan namamu" in page
    assert PayoutAccount.objects.get().verified_at is None


def test_an_account_is_changed_with_a_code_and_waits(sign_in: SignIn) -> None:
    (person,) = factories.accepted(at=LATELY, full_name="Siti Rahayu")
    visitor = sign_in(person)
    fields: dict[str, Any] = {"partner": "ovo", "number": "0812 3456 7890", "holder_name": "Siti Rahayu"}
    page = text_of(visitor.send("payout_account", **fields))
    assert "kode 6 angka" in page and "setelah 72 jam" in page
    assert PayoutAccount.objects.get().partner == "bni"
    code = newest_code(person)
    wrong = f"{(int(code) + 1) % 1_000_000:06d}"
    assert "Kode ini salah" in text_of(visitor.send("payout_account", expect=422, code=wrong, **fields))
    assert "Kamu sudah punya rekening" in text_of(visitor.send("payout_account", expect=422, code=" ", **fields))
    assert newest_code(person) == code, "an empty field sends no code"
    page = text_of(visitor.send("payout_account", code=code, **fields))
    assert "Rekeningmu sudah diganti." in page and "Rekening ini baru diganti. Sampai" in page
    assert "Segera beri tahu kantor program, lalu isi lagi rekeningmu sendiri." in page
    assert PayoutAccount.objects.get().partner == "ovo"
    assert "Rekening insentifmu diganti menjadi OVO" in text_of(visitor.open("messages"))


def test_a_code_for_one_account_opens_no_other(sign_in: SignIn) -> None:
    (person,) = factories.accepted(at=LATELY, full_name="Siti Rahayu")
    visitor = sign_in(person)
    fields: dict[str, Any] = {"partner": "ovo", "number": "081234567890", "holder_name": "Siti Rahayu"}
    visitor.send("payout_account", **fields)
    other = fields | {"number": "081299999999", "code": newest_code(person)}
    visitor.send("payout_account", expect=422, **other)
    assert PayoutAccount.objects.get().partner == "bni"


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({}, "Pilih bank atau dompet elektronik."),
        ({"partner": "paypal", "number": "1", "holder_name": "a"}, "Pilih salah satu dari daftar."),
        ({"partner": "bni", "number": "12ab", "holder_name": "Siti"}, "Ini bukan nomor rekening bni."),
        ({"partner": "bni", "number": "1" * 31, "holder_name": "Siti"}, "Nomor ini terlalu panjang."),
        ({"partner": "bni", "number": "0123456789", "holder_name": "x" * 151}, "Nama ini terlalu panjang."),
        ({"partner": "bni", "number": "0123456789", "holder_name": "a\x07"}, "tanda yang tidak bisa ditampilkan"),
    ],
)
def test_a_bad_account_is_said_and_changes_nothing(sign_in: SignIn, fields: dict[str, Any], words: str) -> None:
    (person,) = factories.accepted(at=LATELY, with_accounts=False)
    page = sign_in(person).send("payout_account", expect=422, **fields)
    assert words in text_of(page).replace("BNI", "bni")
    assert not PayoutAccount.objects.exists()


def test_anothers_account_is_refused(sign_in: SignIn) -> None:
    first, second = factories.accepted(2, at=LATELY, with_accounts=False)
    fields: dict[str, Any] = {"partner": "ovo", "number": "081234567890", "holder_name": "Siti Rahayu"}
    sign_in(first).send("payout_account", **fields)
    page = sign_in(second).send("payout_account", expect=422, **fields)
    assert "milik peserta lain" in text_of(page)
    assert PayoutAccount.objects.count() == 1


def test_the_account_page_shows_the_person_and_masks_the_rest(sign_in: SignIn) -> None:
    set_districts(districts=[NewDistrict(id=45, name="Kota Bogor", province=32, accepted_count_by_year={})])
    (person,) = factories.accepted(at=LATELY, phone="081234567899", email="siti@contoh.id", district_id=45)
    page = sign_in(person).open("account")
    assert "081234567899" not in page and "siti@contoh.id" not in page
    for words in (
        "7899",
        "s•••@contoh.id",
        "Siti Rahayu",
        "Kota Bogor, Jawa Barat",
        "15 Juni 1995",
        "SMA",
        "sedang mencari kerja",
    ):
        assert words in text_of(page)


def test_the_number_of_statements_is_pinned(sign_in: SignIn, assert_queries: Callable[..., Any]) -> None:
    (person,) = factories.accepted(at=LATELY)
    visitor = sign_in(person)
    with assert_queries(11):
        visitor.open("incentives")
    with assert_queries(9):
        visitor.open("incentives_status")
    with assert_queries(10):
        visitor.open("account")
