"""An instalment in the console: as the participant reads it, with its lists and what the books could not take."""

import pytest
from django.test import Client

from bekal.incentives.settle_payouts import settle_payouts
from tests import factories
from tests.conftest import StoppedClock
from tests.incentives import journey
from tests.incentives.partner import status_file
from tests.web.conftest import text_of


@pytest.fixture
def office(db: None, clock: StoppedClock, client: Client) -> Client:
    clock.at = journey.SETTLED_AT
    client.force_login(factories.auditor())
    return client


def test_an_instalment_is_shown_as_its_owner_reads_it(office: Client) -> None:
    (person,) = journey.earners()
    run = journey.exported()
    (reference,) = journey.references(run.run_id)
    wrong = status_file([(reference, 600_001, "settled", "")])
    settle_payouts(partner="bni", name="salah.csv", content=wrong, at=journey.SETTLED_AT)
    answer = office.get(f"/console/payouts/{reference}/", follow=True)
    assert answer.redirect_chain[-1][0] == f"/console/people/{person}/incentive/1/"
    page = text_of(answer.content.decode())
    for words in (
        "sedang dijernihkan",
        "Giliran: bank atau dompetmu",
        "Kenapa hari itu? Jadwalnya 25 April 2020.",
        "jumlah lain dari yang dikirim",
        "giliran mitra pembayaran",
        "Petugas kedua menyetujui daftarnya.",
        reference,
    ):
        assert words in page, words
    assert f'href="/console/payout-runs/{run.run_id}/"' in answer.content.decode()


def test_what_is_not_earned_has_its_page_too(office: Client) -> None:
    (person,) = factories.accepted()
    page = text_of(office.get(f"/console/people/{person}/survey/3/").content.decode())
    assert "Survei ke‑3" in page and "Belum ada: belum menjadi hak." in page


def test_a_person_has_all_instalments_with_whose_turn_it_is(office: Client) -> None:
    (person,) = journey.earners()
    journey.exported()
    page = office.get(f"/console/people/{person}/").content.decode()
    assert page.count(f'href="/console/people/{person}/incentive/') == 4
    assert page.count(f'href="/console/people/{person}/survey/') == 3
    assert "dikirim ke bank atau dompetmu" in text_of(page)
    # Of the past only the ledger is known.
    assert "Di mana uangnya" not in office.get(f"/console/people/{person}/", {"as_of": "2020-04-25"}).content.decode()


@pytest.mark.parametrize("path", ["people/{}/incentive/5/", "people/{}/insentif/1/", "people/999999/incentive/1/"])
def test_what_there_is_not_is_not_found(office: Client, path: str) -> None:
    (person,) = factories.accepted()
    assert office.get("/console/" + path.format(person)).status_code == 404


@pytest.mark.parametrize("reference", ["BKL00000000000001A01", "bkl", "x" * 60])
def test_an_unknown_reference_is_not_found(office: Client, reference: str) -> None:
    assert office.get(f"/console/payouts/{reference}/").status_code == 404
