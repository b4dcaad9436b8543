"""A certificate in the console: two officers revoke it, and who checks the programme only looks."""

import pytest
from django.test import Client
from django.urls import reverse

from bekal.catalogue.models import Institution
from bekal.purchases.certificates import CertificateLine, certificate, certificates_of
from tests import factories

WHY = "Kehadiran <b> dipalsukan."


@pytest.fixture
def line(db: None) -> CertificateLine:
    (buyer,) = factories.accepted(full_name="Ni Luh Ayu")
    factories.completed(buyer, factories.training(title="Barista"))
    (found,) = certificates_of(participation_id=buyer)
    return found


def signed_in(role: str = "officer") -> Client:
    client = Client()
    client.force_login(factories.officer() if role == "officer" else factories.auditor())
    return client


def told(client: Client, name: str, line: CertificateLine, **fields: str) -> str:
    response = client.post(reverse(f"console:{name}", args=[line.certificate_id]), fields, follow=True)
    return response.content.decode()


def looked(client: Client, line: CertificateLine) -> str:
    return client.get(reverse("console:certificate", args=[line.certificate_id])).content.decode()


def test_one_asks_another_agrees_and_it_is_revoked(line: CertificateLine) -> None:
    first, second = signed_in(), signed_in()
    page = looked(first, line)
    assert "sertifikat berlaku" in page and line.evidence_digest.hex()[:32] in page and "Ni Luh Ayu" not in page
    assert "Diajukan." in told(first, "ask_to_revoke_certificate", line, reason=WHY)
    assert "Setuju dan cabut" not in looked(first, line)
    assert "Anda yang meminta" in told(first, "revoke_certificate", line, reason=WHY)
    assert "Setuju dan cabut" in looked(second, line)
    assert "bukan yang Anda lihat" in told(second, "revoke_certificate", line, reason="Lain.")
    assert "Dicabut." in told(second, "revoke_certificate", line, reason=WHY)
    now = certificate(certificate_id=line.certificate_id)
    assert now is not None and not now.is_valid
    page = looked(second, line)
    assert "sertifikat dicabut" in page and "Kehadiran &lt;b&gt; dipalsukan." in page
    # A double click.
    assert "Dicabut." in told(second, "revoke_certificate", line, reason=WHY)


def test_a_request_without_a_reason_is_sent_back_and_one_can_be_dropped(line: CertificateLine) -> None:
    officer = signed_in()
    answer = officer.post(reverse("console:ask_to_revoke_certificate", args=[line.certificate_id]), {"reason": " "})
    assert answer.status_code == 422
    answer = officer.post(
        reverse("console:ask_to_revoke_certificate", args=[line.certificate_id]), {"reason": "x" * 301}
    )
    assert answer.status_code == 422 and "301" in answer.content.decode()
    told(officer, "ask_to_revoke_certificate", line, reason=WHY)
    assert "Permintaan dibatalkan" in told(officer, "keep_certificate", line)
    assert "Belum ada yang meminta" in told(officer, "keep_certificate", line)


def test_an_auditor_looks_and_nobody_finds_what_is_not_there(line: CertificateLine) -> None:
    auditor = signed_in("auditor")
    assert "Ajukan pencabutan" not in looked(auditor, line)
    for number in (0, 2**62, 2**80):
        assert auditor.get(reverse("console:certificate", args=[number])).status_code == 404


def test_the_person_and_the_desk_show_the_state(line: CertificateLine) -> None:
    page = signed_in().get(reverse("console:person", args=[line.participation_id])).content.decode()
    assert reverse("console:certificate", args=[line.certificate_id]) in page
    desk = Client()
    desk.force_login(factories.institution_staff(Institution.objects.get(pk=line.institution_id)))
    page = desk.get(reverse("console:institution_desk")).content.decode()
    assert "sertifikat berlaku" in page and line.grouped not in page
