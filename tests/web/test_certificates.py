"""Sertifikat: what anybody sees of it, what its holder can take along, and what stays with the holder."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from bekal.core.evidence import Piece, Source
from bekal.purchases.certificates import CertificateLine, certificates_of
from bekal.purchases.models import Purchase
from bekal.purchases.record_evidence import Message, Speaker, record_evidence
from bekal.purchases.revoke_certificates import ask_to_revoke_certificates, revoke_certificates
from tests import factories
from tests.web.conftest import Visitor, text_of

SignIn = Callable[..., Visitor]
AT = factories.RECONCILED_AT


@pytest.fixture
def person(db: None) -> int:
    return factories.accepted(full_name="Ni Luh Ayu")[0]


@pytest.fixture
def line(person: int) -> CertificateLine:
    factories.completed(person, factories.training(title="Barista <b>", hours=8))
    (found,) = certificates_of(participation_id=person)
    return found


def test_anybody_with_the_number_sees_that_it_is_valid_and_no_name(visitor: Visitor, line: CertificateLine) -> None:
    page = visitor.open("certificate", line.grouped.lower())
    text = text_of(page)
    for said in ("Sertifikat ini berlaku.", "Barista <b>", line.institution_name, "N••• L••• A•••", "8 jam, 1 sesi"):
        assert said in text
    assert "Luh" not in page
    assert visitor.last["X-Robots-Tag"] == "noindex, nofollow"
    assert '<meta name="robots" content="noindex, nofollow">' in page
    assert "valid" in text_of(visitor.speak("en").open("certificate", line.number))


def test_a_revoked_one_says_so_and_can_no_longer_be_taken_along(
    visitor: Visitor, line: CertificateLine, person: int, sign_in: SignIn
) -> None:
    institution_id = Purchase.objects.get(pk=line.purchase_id).training.institution_id
    speaker = Speaker(Source.INSTITUTION, institution_id)
    taken_back = Message(speaker, line.purchase_id, Piece.COMPLETION, holds=False, revision=2, reason="Salah orang.")
    assert [each.refusal for each in record_evidence(messages=[taken_back], at=AT)] == [None]
    text = text_of(visitor.open("certificate", line.grouped))
    assert "Sertifikat ini dicabut pada 25 April 2020." in text
    assert "berlaku." not in text
    holder = sign_in(person)
    own = text_of(holder.open("purchases"))
    assert "dicabut 25 April 2020" in own
    assert "menarik kembali catatan selesainya" in own and "Sampaikan ke kantor program" in own
    for name in ("certificate_pdf", "certificate_badge"):
        holder.open(name, line.grouped, expect=404)


def test_the_holder_reads_why_officers_revoked_it(line: CertificateLine, person: int, sign_in: SignIn) -> None:
    ids, why = [line.certificate_id], "Kehadiran dipalsukan <orang lain>."
    ask_to_revoke_certificates(certificate_ids=ids, officer_id=factories.officer().pk, reason=why, at=AT)
    holder = sign_in(person)
    assert "Unduh PDF" in holder.open("purchases")
    revoke_certificates(certificate_ids=ids, officer_id=factories.officer().pk, reason=why, at=AT)
    page = holder.open("purchases")
    assert f"Kata kantor program: {why}" in text_of(page)
    assert "Terbitkan" not in page


@pytest.mark.parametrize("number", ["x", "22222-22222-22222", "0" * 15, "%00" * 5, "é" * 15, "a" * 2000])
def test_no_number_finds_anything_by_trying(visitor: Visitor, line: CertificateLine, number: str) -> None:
    visitor.open("certificate", number, expect=404)


def test_the_holder_takes_paper_and_badge_along_and_nobody_else(
    line: CertificateLine, person: int, sign_in: SignIn, settings: Any
) -> None:
    settings.PUBLIC_ADDRESS = "https://bekal.example"
    holder = sign_in(person)
    page = holder.open("purchases")
    for name in ("certificate_pdf", "certificate_badge", "certificate"):
        assert reverse(f"web:{name}", args=[line.grouped]) in page
    paper = holder.get(reverse("web:certificate_pdf", args=[line.grouped]))
    assert (paper.status_code, paper["Content-Type"], paper.content[:5]) == (200, "application/pdf", b"%PDF-")
    assert paper["Content-Disposition"] == f'attachment; filename="sertifikat-{line.grouped}.pdf"'
    badge = json.loads(holder.open("certificate_badge", line.grouped))
    assert badge["id"] == f"https://bekal.example/sertifikat/{line.grouped}/"
    stranger = sign_in(factories.accepted()[0])
    for name in ("certificate_pdf", "certificate_badge"):
        stranger.open(name, line.grouped, expect=404)


def test_machines_read_issuer_and_status_from_anywhere(visitor: Visitor, line: CertificateLine) -> None:
    issuer = json.loads(visitor.open("issuer"))
    assert issuer["id"] == "http://testserver/sertifikat/penerbit.json"
    status = json.loads(visitor.open("certificate_status", line.status_list))
    assert status["proof"]["verificationMethod"] in issuer["assertionMethod"]
    assert visitor.last["Access-Control-Allow-Origin"] == "*"
    assert "max-age=300" in visitor.last["Cache-Control"]
    for number in (line.status_list + 1, 2**31, 2**80):
        visitor.open("certificate_status", number, expect=404)


def test_what_was_completed_before_there_were_certificates_is_issued_when_asked(
    person: int, sign_in: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("bekal.purchases.issue_certificates._issue", lambda *_: ())
        purchase_id = factories.completed(person, factories.training(title="Las"))
    holder = sign_in(person)
    assert "Terbitkan sertifikat Las" in text_of(holder.open("purchases"))
    assert "Sertifikatmu sudah siap." in text_of(holder.send("issue_certificate", purchase_id))
    # A double click.
    assert "Tidak ada yang diterbitkan" in text_of(holder.send("issue_certificate", purchase_id))
    assert len(certificates_of(participation_id=person)) == 1
    sign_in(factories.accepted()[0]).send("issue_certificate", purchase_id, expect=404)
    holder.send("issue_certificate", 2**70, expect=404)


def test_without_a_completed_training_the_list_says_when_one_comes(person: int, sign_in: SignIn) -> None:
    factories.bought(person, factories.training(), at=AT)
    assert "Belum ada sertifikat" in text_of(sign_in(person).open("purchases"))


def test_the_public_pages_keep_their_number_of_queries(
    line: CertificateLine, assert_queries: Callable[..., Any]
) -> None:
    factories.completed(factories.accepted()[0], factories.training(), at=factories.BOUGHT_AT + timedelta(days=1))
    client = Client()
    with assert_queries(2):
        client.get(reverse("web:certificate", args=[line.grouped]))
    with assert_queries(0):
        client.get(reverse("web:issuer"))
