"""Of each purchase, in each state, its own page, Pelatihanku and Beranda say what is missing, whose turn it is, since
when and until when."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from bekal.catalogue.models import Session
from bekal.catalogue.suspend import NewSuspension, suspend
from bekal.holds.models import Hold
from bekal.ledger.clock import programme_now
from bekal.purchases.confirm_attendance import Confirmation, confirm_attendance
from bekal.purchases.end_purchases import end_purchases
from bekal.purchases.record_attendance import Attendance, record_attendance
from tests import factories
from tests.conftest import StoppedClock
from tests.factories import jakarta
from tests.factories.holding import held
from tests.web.conftest import Visitor, text_of

SignIn = Callable[..., Visitor]
LATELY = jakarta(2020, 11, 1)
YESTERDAY = jakarta(2020, 11, 18)
Make = Callable[[int, Any], int]


def attend(purchase_id: int, training: Any, *sessions: int) -> None:
    at = programme_now() - timedelta(days=1)
    attendances = [Attendance(training.institution_id, purchase_id, number) for number in sessions]
    assert all(outcome.refusal is None for outcome in record_attendance(attendances=attendances, at=at))


def new(person: int, training: Any) -> int:
    return factories.bought(person, training, at=YESTERDAY).purchase_id or 0


def begun(person: int, training: Any) -> int:
    return factories.redeemed(person, training, at=YESTERDAY)


def late(person: int, training: Any) -> int:
    return factories.redeemed(person, training, at=LATELY)


def half(person: int, training: Any) -> int:
    purchase_id = factories.redeemed(person, training, at=YESTERDAY)
    attend(purchase_id, training, 1)
    return purchase_id


def attended(person: int, training: Any) -> int:
    purchase_id = factories.redeemed(person, training, at=YESTERDAY)
    attend(purchase_id, training, 1, 2)
    return purchase_id


def denied(person: int, training: Any) -> int:
    purchase_id = half(person, training)
    confirm_attendance(confirmations=[Confirmation(person, purchase_id, 1, was_there=False)], at=programme_now())
    return purchase_id


def dated(person: int, training: Any) -> int:
    for number, day in enumerate((20, 24), start=1):
        Session.objects.create(training=training, sequence=number, starts_at=jakarta(2020, 11, day))
    return factories.redeemed(person, training, at=YESTERDAY)


def finished(person: int, training: Any) -> int:
    return factories.completed(person, training, at=LATELY)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("make", "words"),
    [
        (new, ["Giliranmu: berikan kode penukaranmu kepada Balai Latihan."]),
        (
            begun,
            ["Kehadiran, sesi 1, 2 0/2 Ditunggu dari Balai Latihan sejak 19 November 2020. Batasnya 22 November 2020."],
        ),
        (late, ["Ditunggu dari Balai Latihan sejak 2 November 2020. Batasnya 5 November 2020. Hari itu sudah lewat."]),
        (half, ["Kehadiran, sesi 2 1/2 Ditunggu dari Balai Latihan sejak 19 November 2020."]),
        (
            attended,
            ["Kelulusan Ditunggu dari Balai Latihan sejak 18 November 2020. Batasnya 21 November 2020."],
        ),
        (
            denied,
            [
                "Kehadiran, sesi 1 0/2 Kedua pihak tidak mengatakan hal yang sama. Petugas kantor program memeriksanya "
                "paling lambat 26 November 2020."
            ],
        ),
        (
            finished,
            [
                "Rating Giliranmu sejak 3 November 2020. Batasnya 17 November 2020. Hari itu sudah lewat; kamu masih "
                "bisa melakukannya.",
                "Ulasan Giliranmu sejak 3 November 2020.",
            ],
        ),
    ],
    ids=lambda value: value.__name__ if callable(value) else "",
)
def test_each_page_says_what_is_missing(sign_in: SignIn, make: Make, words: list[str]) -> None:
    person, training = factories.accepted(at=LATELY)[0], two_sessions()
    purchase_id = make(person, training)
    visitor = sign_in(person)
    pages = [visitor.open("purchases"), visitor.open("home")]
    if make is not new:  # there the page says step by step what to do with the code
        pages.append(visitor.open("purchase", purchase_id))
    for page in pages:
        assert [word for word in words if word not in text_of(page)] == []


@pytest.mark.django_db
def test_what_is_still_to_come_is_nobodys_debt(sign_in: SignIn) -> None:
    person, training = factories.accepted(at=LATELY)[0], two_sessions()
    purchase_id = dated(person, training)
    visitor = sign_in(person)
    page = text_of(visitor.open("purchase", purchase_id))
    assert "Balai Latihan mencatatnya mulai 20 November 2020, paling lambat 23 November 2020." in page
    listed = text_of(visitor.open("purchases"))
    assert "Balai Latihan mencatatnya mulai 20 November 2020" in listed
    assert "Ditunggu dari" not in page + listed
    assert "Jadwalnya 24 November 2020." in page and "Saya hadir" not in page


@pytest.mark.django_db
@pytest.mark.parametrize(("day", "is_asked"), [(19, False), (20, True)])
def test_nobody_is_asked_about_a_session_before_its_day(
    sign_in: SignIn, clock: StoppedClock, day: int, is_asked: bool
) -> None:
    """From 2023 the participant confirms each session of a webinar."""
    clock.set(2023, 6, day, 9, 0)
    (person,) = factories.accepted(at=jakarta(2023, 6, 10))
    training = factories.training(price_rupiah=400_000, title="Barista", mode="webinar")
    Session.objects.create(training=training, sequence=1, starts_at=jakarta(2023, 6, 20))
    factories.redeemed(person, training, at=jakarta(2023, 6, 18))
    assert ("Jawab apakah kamu hadir: “Barista”" in text_of(sign_in(person).open("home"))) == is_asked


@pytest.mark.django_db
def test_what_is_proven_or_over_waits_for_nothing(sign_in: SignIn) -> None:
    (person,) = factories.accepted(at=LATELY)
    factories.reconciled(person, factories.training(price_rupiah=100_000), at=LATELY)
    over = late(person, two_sessions())
    end_purchases(purchase_ids=[over], at=jakarta(2020, 11, 18))
    listed = text_of(sign_in(person).open("purchases"))
    assert "4 dari 4 bukti sudah ada" in listed and "Rp400.000 sudah dikembalikan." in listed
    assert "Ditunggu dari" not in listed and "Giliranmu" not in listed


@pytest.mark.django_db
def test_a_payment_that_waits_stands_on_the_page_of_its_purchase(sign_in: SignIn) -> None:
    (person,) = factories.accepted(at=LATELY)
    training, other = two_sessions(), factories.training(price_rupiah=1_000)
    purchase_id, spared = begun(person, training), begun(person, other)
    held(
        person,
        at=programme_now(),
        subject=Hold.Subject.PURCHASE,
        reason=Hold.Reason.OWNERSHIP,
        purchase_id=purchase_id,
        institution_id=training.institution_id,
    )
    visitor = sign_in(person)
    page = text_of(visitor.open("purchase", purchase_id))
    assert "Satu pembayaran ditahan" in page and "Petugas program memutuskan paling lambat 3 Desember 2020." in page
    assert "Satu pembayaran ditahan" not in text_of(visitor.open("purchase", spared))


@pytest.mark.django_db
def test_a_suspension_says_that_nothing_has_to_be_done(sign_in: SignIn) -> None:
    person, training = factories.accepted(at=LATELY)[0], two_sessions()
    purchase_id = begun(person, training)
    officer = factories.officer()
    new_suspension = NewSuspension(institution_id=training.institution_id, reason="Alamat palsu.", by_id=officer.pk)
    suspend(suspensions=[new_suspension], at=programme_now())
    page = text_of(sign_in(person).open("purchase", purchase_id))
    assert "Alamat palsu." in page and "Sekarang kamu tidak perlu melakukan apa-apa." in page
    assert "Ditunggu dari Balai Latihan" in page


def two_sessions() -> Any:
    institution = factories.institution(name="Balai Latihan")
    return factories.training(price_rupiah=400_000, title="Barista", session_count=2, institution=institution)
