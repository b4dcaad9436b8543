"""Whoever bought is told what becomes of it, in their language, once."""

from dataclasses import replace

import pytest

from bekal.accounts.models import User
from bekal.core.evidence import Piece, Source
from bekal.messaging.queries import messages_to
from bekal.participants.models import Participation
from bekal.purchases.certificates import certificates_of
from bekal.purchases.decide_cases import confirm_ruling
from bekal.purchases.end_purchases import end_purchases
from bekal.purchases.models import Purchase
from bekal.purchases.record_attendance import Attendance, record_attendance
from bekal.purchases.record_evidence import Message, Speaker, record_evidence
from bekal.purchases.revoke_certificates import ask_to_revoke_certificates, revoke_certificates
from tests import factories
from tests.factories import jakarta
from tests.purchases.test_decide_cases import contested, decide, denied, proposed, seal

pytestmark = [pytest.mark.django_db, pytest.mark.parametrize("language", ["id", "en"])]
AT = factories.RECONCILED_AT
LATE_AT = jakarta(2021, 2, 1)  # the training balance has ended by then


def reader(language: str, person: int | None = None) -> int:
    """A participation whose person reads that language."""
    person = factories.accepted()[0] if person is None else person
    user = factories.signed_in_participant(person)
    User.objects.filter(pk=user.pk).update(language=language)
    return person


def told(person: int, template: str) -> list[str]:
    holder_id = Participation.objects.get(pk=person).participant_id
    return [message.body for message in messages_to(holder_id=holder_id) if message.template == template]


@pytest.mark.parametrize("is_late", [False, True])
@pytest.mark.parametrize("attended_count", [0, 1, 2])
def test_how_a_purchase_ended_and_where_its_money_went(language: str, attended_count: int, is_late: bool) -> None:
    person, training = reader(language), factories.training(title="Roti", session_count=2, price_rupiah=300_000)
    number = factories.redeemed(person, training)
    for sequence in range(1, attended_count + 1):
        record_attendance(attendances=[Attendance(training.institution_id, number, sequence)], at=AT)
    for _ in range(2):
        end_purchases(purchase_ids=[number], at=LATE_AT if is_late else AT)
    refunded = Purchase.objects.get(pk=number).refunded_rupiah
    (body,) = told(person, "purchase_ended")
    assert "“Roti”" in body
    if refunded:
        assert f"Rp{refunded:,}".replace(",", ".") in body
        words = {"id": ("saldo pelatihan Anda", "kas negara"), "en": ("in your training balance", "state treasury")}
        assert (words[language][1] in body) is is_late and (words[language][0] in body or is_late)
    else:
        assert {"id": "Tidak ada yang dikembalikan", "en": "Nothing goes back"}[language] in body


def test_a_certificate_that_evidence_took_back(language: str) -> None:
    person = reader(language)
    factories.completed(person, factories.training(title="Roti"))
    (line,) = certificates_of(participation_id=person)
    said = Message(Speaker(Source.INSTITUTION, line.institution_id), line.purchase_id, Piece.COMPLETION)
    for _ in range(2):
        record_evidence(messages=[replace(said, holds=False, revision=2, reason="Salah orang.")], at=AT)
    (body,) = told(person, "certificate_revoked")
    assert "“Roti”" in body and {"id": "ditarik kembali", "en": "taken back"}[language] in body


def test_a_certificate_that_two_officers_revoked(language: str) -> None:
    person = reader(language)
    factories.completed(person, factories.training(title="Roti"))
    (line,) = certificates_of(participation_id=person)
    ids, first, second = [line.certificate_id], factories.officer().pk, factories.officer().pk
    ask_to_revoke_certificates(certificate_ids=ids, officer_id=first, reason="Palsu.", at=AT)
    assert told(person, "certificate_revoked") == []
    for _ in range(2):
        revoke_certificates(certificate_ids=ids, officer_id=second, reason="Palsu.", at=AT)
    (body,) = told(person, "certificate_revoked")
    assert body.endswith("Palsu.") and {"id": "dua petugas", "en": "two officers"}[language] in body


@pytest.mark.parametrize("verdict", ["proven", "not_proven"])
def test_what_was_decided_of_a_case(language: str, verdict: str) -> None:
    ((person, _, case_id), (left_out, _, _)) = contested(2)
    reader(language, person)
    decide([case_id], verdict)
    (body,) = told(person, "case_decided")
    counts = {"id": ("dihitung terlaksana", "tidak dihitung"), "en": ("counts as done", "does not count")}[language]
    assert counts[verdict == "not_proven"] in body and "Daftar hadir" in body
    assert told(left_out, "case_decided") == []


def test_a_case_left_out_tells_nobody(language: str) -> None:
    ((person, purchase_id, case_id),) = contested()
    reader(language, person)
    ruling_id = proposed([case_id], factories.officer().pk)
    denied(person, purchase_id, revision=2)
    second = factories.officer().pk
    assert confirm_ruling(ruling_id=ruling_id, officer_id=second, seen_sha256=seal(ruling_id), at=AT).decided_count == 0
    assert told(person, "case_decided") == []
