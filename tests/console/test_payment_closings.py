"""Each partner's days: closed, open, waiting; the certificate of a closed one, to read and to hash."""

import hashlib
from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest
from django.test import Client

from bekal.incentives.close_day import close_days
from bekal.incentives.closing_content import read_content
from bekal.incentives.models import DayClosing, PayoutException
from tests import factories
from tests.conftest import StoppedClock
from tests.incentives import journey
from tests.incentives.test_close_day import morning, stated
from tests.incentives.test_statements import MONDAY, TUESDAY, WEDNESDAY, booked

PATH = "/console/payment-closings/"


@pytest.fixture
def office(db: None, clock: StoppedClock, client: Client) -> Client:
    clock.at = morning(WEDNESDAY)
    client.force_login(factories.officer())
    return client


def two_days() -> None:
    """Monday has one payment too many on its statement and one too few, Tuesday's statement is here, too."""
    journey.earners(2)
    run = journey.exported()
    first, _other = journey.references(run.run_id)
    journey.settled(run)
    stated(MONDAY, [booked(first), booked("BKL99", amount=5)])
    close_days(at=morning(MONDAY))
    stated(TUESDAY, opening=4_399_995)


def test_no_statement_is_said_of_each_partner(office: Client) -> None:
    page = office.get(PATH).content.decode()
    assert "Belum ada rekening koran" in page
    assert all(f"?partner={partner}" in page for partner in ("bni", "ovo", "gopay", "linkaja"))
    assert office.get(PATH, {"partner": "nobody", "before": "kemarin"}).status_code == 200


def test_each_day_says_how_far_it_is(
    office: Client, assert_queries: Callable[[int], AbstractContextManager[None]]
) -> None:
    two_days()
    stated(WEDNESDAY.replace(month=5, day=4), opening=4_399_995)
    with assert_queries(8):
        page = office.get(PATH, {"partner": "bni"}).content.decode()
    assert page.count("chip good") == 1 and page.count("terbuka: rekening koran sudah ada") == 2
    assert page.count("menunggu rekening koran") == 2, "Labour Day and the weekend owe none"
    assert "Rp4.399.995" in page and "Rp599.995" in page
    assert "Rp4.399.995" not in office.get(PATH, {"before": MONDAY.isoformat()}).content.decode()


def test_the_certificate_names_every_rupiah(
    office: Client, assert_queries: Callable[[int], AbstractContextManager[None]]
) -> None:
    two_days()
    closing = DayClosing.objects.get()
    with assert_queries(4):
        page = office.get(f"{PATH}{closing.pk}/").content.decode()
    for said in (
        "Rp599.995",
        "pembayaran yang tidak diperintahkan siapa pun",
        "Tanyakan",
        "Sertifikat 1",
        "27 April 2020",
    ):
        assert said in page, said
    assert "Masih dalam waktu mitra" in page and bytes(closing.sha256).hex() in page
    close_days(at=morning(TUESDAY))
    later = office.get(f"{PATH}{DayClosing.objects.get(number=2).pk}/").content.decode()
    assert bytes(closing.sha256).hex() in later, "it names the one before"
    assert "lunas di sini, tidak ada di rekening koran mitra" in later


def test_it_is_downloaded_with_its_hash(office: Client) -> None:
    two_days()
    closing = DayClosing.objects.get()
    response = office.get(f"{PATH}{closing.pk}/certificate.csv")
    assert response["Content-Disposition"] == 'attachment; filename="closing-bni-2020-04-27.csv"'
    body, _, trailer = response.content.removesuffix(b"\n").rpartition(b"\n")
    assert trailer.decode() == f"SHA256,{hashlib.sha256(body + bytes([10])).hexdigest()},,,,"
    assert {line.item for line in read_content(body.decode() + "\n")} >= {"statement_closing", "ledger_closing"}
    for path in (f"{PATH}{2**70}/", f"{PATH}{2**70}/certificate.csv"):
        assert office.get(path).status_code == 404


def test_a_day_with_nothing_between_says_so(office: Client) -> None:
    stated(MONDAY)
    close_days(at=morning(MONDAY))
    page = office.get(f"{PATH}{DayClosing.objects.get().pk}/").content.decode()
    assert "cocok sampai rupiah" in page and "Tidak ada yang terbuka" in page
    assert not PayoutException.objects.exists()


def test_it_is_there_in_english_and_for_the_auditor(db: None, clock: StoppedClock, client: Client) -> None:
    clock.at = morning(WEDNESDAY)
    client.force_login(factories.auditor())
    two_days()
    client.cookies["django_language"] = "en"
    page = client.get(f"{PATH}{DayClosing.objects.get().pk}/", headers={"accept-language": "en"}).content.decode()
    assert "Sertifikat" in page or "Certificate 1" in page
    assert client.get(f"{PATH}{DayClosing.objects.get().pk}/certificate.csv").status_code == 200
