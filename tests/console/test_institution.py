"""The institution desk: only what was handed over is seen, and only one's own purchases can be recorded."""

import pytest
from django.test import Client

from bekal.catalogue.models import Institution
from bekal.purchases.models import Evidence, Purchase
from tests import factories
from tests.conftest import StoppedClock


@pytest.fixture
def institution(db: None, clock: StoppedClock) -> Institution:
    clock.set(2020, 4, 25, 9, 0)
    return factories.institution()


@pytest.fixture
def desk(client: Client, institution: Institution) -> Client:
    client.force_login(factories.institution_staff(institution))
    return client


def bought(institution: Institution, *, session_count: int = 1) -> tuple[Purchase, str]:
    (who,) = factories.accepted()
    training = factories.training(institution=institution, session_count=session_count)
    outcome = factories.bought(who, training)
    assert outcome.redeem_code is not None
    return Purchase.objects.get(pk=outcome.purchase_id), outcome.redeem_code


def said(desk: Client, path: str, data: dict[str, object]) -> str:
    response = desk.post(path, data, follow=True)
    assert response.status_code == 200
    return response.content.decode()


def test_redeem_attend_complete(desk: Client, institution: Institution) -> None:
    purchase, code = bought(institution, session_count=2)
    assert "Belum ada kode yang ditukarkan" in desk.get("/institution/").content.decode()
    assert "Kode sudah ditukarkan." in said(desk, "/institution/redeem/", {"redeem_code": code.lower()})
    path = f"/institution/purchases/{purchase.pk}"
    for number in (1, 2):
        assert f"Kehadiran sesi {number} sudah dicatat" in said(desk, f"{path}/attendance/", {"sequence": str(number)})
    assert "tidak ada yang berubah" in said(desk, f"{path}/attendance/", {"sequence": "2"})
    assert "Kelulusan sudah dicatat" in said(desk, f"{path}/completion/", {})
    assert "tidak ada yang berubah" in said(desk, f"{path}/completion/", {})
    pieces = Evidence.objects.filter(purchase=purchase).values_list("piece", "sequence")
    assert set(pieces) == {("attendance", 1), ("attendance", 2), ("completion", 1)}


def test_completion_waits_for_the_last_session(desk: Client, institution: Institution) -> None:
    purchase, code = bought(institution, session_count=2)
    said(desk, "/institution/redeem/", {"redeem_code": code})
    said(desk, f"/institution/purchases/{purchase.pk}/completion/", {})
    purchase.refresh_from_db()
    assert purchase.completed_at is None


def test_the_desk_shows_nothing_that_was_not_handed_over(desk: Client, institution: Institution) -> None:
    purchase, _code = bought(institution)
    page = desk.get("/institution/").content.decode()
    assert purchase.training.title not in page


@pytest.mark.parametrize("code", ["", "AAAA-AAAA-AAAA-AAAA", "x" * 500, "\x00", "٣٣٣", "' OR 1=1 --"])
def test_a_code_that_is_none(code: str, desk: Client, institution: Institution) -> None:
    purchase, _code = bought(institution)
    said(desk, "/institution/redeem/", {"redeem_code": code})
    purchase.refresh_from_db()
    assert purchase.redeemed_at is None


def test_another_institutions_code_and_purchase(desk: Client) -> None:
    purchase, code = bought(factories.institution())
    said(desk, "/institution/redeem/", {"redeem_code": code})
    said(desk, f"/institution/purchases/{purchase.pk}/attendance/", {"sequence": "1"})
    said(desk, f"/institution/purchases/{purchase.pk}/completion/", {})
    purchase.refresh_from_db()
    assert (purchase.redeemed_at, purchase.completed_at) == (None, None)
    assert not Evidence.objects.exists()


@pytest.mark.parametrize("sequence", ["", "x", "-1", "1.5", "٣", "9" * 30])
def test_a_session_that_is_no_number(sequence: str, desk: Client, institution: Institution) -> None:
    purchase, _code = bought(institution)
    response = desk.post(f"/institution/purchases/{purchase.pk}/attendance/", {"sequence": sequence})
    assert response.status_code == 404


def test_somebody_without_an_institution_is_turned_away(client: Client, institution: Institution) -> None:
    staff = factories.institution_staff(institution)
    staff.institution_staff.delete()
    client.force_login(staff)
    assert client.get("/institution/").status_code == 403
