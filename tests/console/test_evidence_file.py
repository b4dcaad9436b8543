"""The desk's file of evidence: taken, taken before, refused with every fault; and only one's own purchases."""

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from bekal.purchases.models import Evidence
from tests import factories
from tests.core.test_evidence_file import sealed
from tests.web.conftest import text_of

pytestmark = pytest.mark.django_db
PATH = "/institution/evidence-file/"


@pytest.fixture
def training() -> Any:
    return factories.training(session_count=2)


@pytest.fixture
def desk(training: Any) -> Client:
    client = Client()
    client.force_login(factories.institution_staff(training.institution, "desk"))
    return client


def sent(desk: Client, data: bytes | None, status: int) -> str:
    files = {} if data is None else {"file": SimpleUploadedFile("bukti.csv", data, "text/csv")}
    response = desk.post(PATH, files)
    assert response.status_code == status
    return text_of(response.content.decode())


def test_a_file_is_taken_once(desk: Client, training: Any) -> None:
    number = factories.redeemed(factories.accepted()[0], training)
    data = sealed(f"{number},attendance,1,,,true,,", f"{number},attendance,2,,,true,,")
    assert "Kirim berkas bukti" in text_of(desk.get(PATH).content.decode())
    assert "2 baris baru, 0 sudah ada" in sent(desk, data, 200)
    assert "sudah diterima sebelumnya" in sent(desk, data, 200)
    assert Evidence.objects.filter(door="csv", source="institution").count() == 2


def test_every_fault_is_shown_and_nothing_is_kept(desk: Client, training: Any) -> None:
    number = factories.redeemed(factories.accepted()[0], training)
    theirs = factories.redeemed(factories.accepted()[0], factories.training())
    told = sent(desk, sealed(f"{number},attendance,1,,,true,,", f"{theirs},attendance,1,,,true,,"), 422)
    assert f"3 purchase Tidak ada pembelian {theirs} yang ditukar di sini." in told
    assert "2 holds Selnya “ya”." in sent(desk, sealed("1,attendance,1,,,ya,,"), 422)
    assert "Pilih berkasnya dulu." in sent(desk, None, 422)
    hostile = sent(desk, sealed("1,<script>alert(1)</script>,1,,,true,,"), 422)
    assert "<script>alert(1)</script>" in hostile  # as text: tags were taken out of the page before
    assert not Evidence.objects.exists()
