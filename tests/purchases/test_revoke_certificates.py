"""`revoke_certificates`: evidence that takes completion back revokes by itself; officers revoke as two."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from django.db import IntegrityError, transaction

from bekal.catalogue.models import Training
from bekal.core.evidence import Piece, Source
from bekal.core.refusal import Refusal
from bekal.ledger.clock import programme_day
from bekal.purchases.certificates import CertificateLine, certificate, certificates_of, status_bits
from bekal.purchases.issue_certificates import issue_certificates
from bekal.purchases.models import CertificateEvent, Evidence
from bekal.purchases.record_evidence import Message, Speaker, record_evidence
from bekal.purchases.refusals import CertificateRefusal
from bekal.purchases.revoke_certificates import (
    RevocationOutcome,
    ask_to_revoke_certificates,
    keep_certificates,
    revoke_certificates,
    revoke_unearned,
)
from tests import factories
from tests.factories.unchanged import nothing_changes

AT = factories.RECONCILED_AT
WHY = "Kehadiran dipalsukan."


def issued() -> CertificateLine:
    (buyer,) = factories.accepted()
    factories.completed(buyer, factories.training())
    (line,) = certificates_of(participation_id=buyer)
    return line


def ask(line: CertificateLine, officer_id: int, reason: str = WHY) -> RevocationOutcome:
    (outcome,) = ask_to_revoke_certificates(
        certificate_ids=[line.certificate_id], officer_id=officer_id, reason=reason, at=AT
    )
    return outcome


def agree(certificate_id: int, officer_id: int, reason: str = WHY) -> RevocationOutcome:
    (outcome,) = revoke_certificates(certificate_ids=[certificate_id], officer_id=officer_id, reason=reason, at=AT)
    return outcome


def take_back(purchase_id: int, *, at: datetime) -> None:
    """The institution's correction, as a door would write it that does not ask for certificates."""
    Evidence.objects.create(
        purchase_id=purchase_id,
        piece="completion",
        source="institution",
        holds=False,
        revision=2,
        reason="Salah orang.",
        recorded_at=at,
    )


@pytest.mark.django_db
@pytest.mark.parametrize("days", [0, 400])
def test_evidence_that_takes_the_completion_back_revokes_however_late(days: int) -> None:
    line, other = issued(), issued()
    at = AT + timedelta(days=days)
    take_back(line.purchase_id, at=at)
    with nothing_changes():
        assert revoke_unearned(at=at, purchase_ids=[other.purchase_id]) == ()
    assert revoke_unearned(at=at) == (line.certificate_id,)
    with nothing_changes():
        assert revoke_unearned(at=at) == ()
        assert revoke_unearned(at=at, purchase_ids=[line.purchase_id, 2**70]) == ()
    now = certificate(certificate_id=line.certificate_id)
    assert now is not None
    assert (now.is_valid, now.revoked_at, now.revoked_by_evidence, now.revocation_reason) == (False, at, True, "")
    bits = status_bits(status_list=line.status_list)
    assert bits is not None
    assert bits[line.status_index // 8] == 0x80 >> line.status_index % 8
    assert sum(byte.bit_count() for byte in bits) == 1


@pytest.mark.django_db
def test_an_institution_that_takes_a_completion_back_revokes_at_once_and_says_it_anew() -> None:
    line = issued()
    said = Message(Speaker(Source.INSTITUTION, line.institution_id), line.purchase_id, Piece.COMPLETION)
    denied = replace(said, holds=False, revision=2, reason="Salah orang.")
    assert [each.refusal for each in record_evidence(messages=[denied], at=AT)] == [None]
    now = certificate(certificate_id=line.certificate_id)
    assert now is not None and now.revoked_by_evidence and now.revoked_at == AT
    record_evidence(messages=[replace(said, revision=3)], at=AT)
    second, first = certificates_of(participation_id=line.participation_id)
    assert (second.is_valid, first.is_valid, first.certificate_id) == (True, False, line.certificate_id)
    assert second.evidence_count == line.evidence_count + 2


@pytest.mark.django_db
def test_what_is_contested_stays_valid_until_it_is_decided() -> None:
    line = issued()
    doubt = Message(Speaker(Source.PARTICIPANT, line.participation_id), line.purchase_id, Piece.COMPLETION, holds=False)
    assert [each.refusal for each in record_evidence(messages=[doubt], at=AT)] == [None]
    contested = certificate(certificate_id=line.certificate_id)
    assert contested is not None and contested.is_valid
    assert revoke_unearned(at=AT) == ()
    decided = replace(doubt, speaker=Speaker(Source.PROGRAMME, factories.officer().pk), reason="Tidak hadir.")
    record_evidence(messages=[decided], at=AT)
    now = certificate(certificate_id=line.certificate_id)
    assert now is not None and now.revoked_by_evidence


@pytest.mark.django_db
def test_a_training_that_gets_another_session_takes_nothing_back() -> None:
    line = issued()
    Training.objects.filter(pk=line.training_id).update(session_count=2)
    with nothing_changes():
        assert revoke_unearned(at=AT) == ()
        assert revoke_unearned(at=AT, purchase_ids=[line.purchase_id]) == ()


@pytest.mark.django_db
def test_two_officers_revoke_and_nothing_issues_it_again() -> None:
    line, first, second = issued(), factories.officer().pk, factories.officer().pk
    assert ask(line, first) == RevocationOutcome(line.certificate_id)
    assert ask(line, first) == RevocationOutcome(line.certificate_id, repeated=True)
    with nothing_changes():
        assert ask(line, second).refusal == Refusal(CertificateRefusal.ALREADY_ASKED)
        assert agree(line.certificate_id, first).refusal == Refusal(CertificateRefusal.SAME_PERSON)
        assert agree(line.certificate_id, second, "Lain.").refusal == Refusal(CertificateRefusal.REASON_CHANGED)
    asked = certificate(certificate_id=line.certificate_id)
    assert asked is not None and asked.is_valid and asked.asked is not None and asked.asked.reason == WHY
    assert agree(line.certificate_id, second) == RevocationOutcome(line.certificate_id)
    revoked = certificate(certificate_id=line.certificate_id)
    assert revoked is not None
    assert (revoked.is_valid, revoked.revoked_by_evidence, revoked.revocation_reason, revoked.asked) == (
        False,
        False,
        WHY,
        None,
    )
    with nothing_changes():
        assert agree(line.certificate_id, second) == RevocationOutcome(line.certificate_id, repeated=True)
        values = {"revoked_on": programme_day(AT)}
        assert ask(line, first).refusal == Refusal(CertificateRefusal.ALREADY_REVOKED, values)
        assert issue_certificates(at=AT, purchase_ids=[line.purchase_id]).purchase_ids == ()


@pytest.mark.django_db
def test_a_request_can_be_dropped_and_made_again() -> None:
    line, first, second = issued(), factories.officer().pk, factories.officer().pk
    ids = [line.certificate_id]
    with nothing_changes():
        (outcome,) = keep_certificates(certificate_ids=ids, officer_id=first, at=AT)
        assert outcome.refusal == Refusal(CertificateRefusal.NOT_ASKED)
        assert agree(line.certificate_id, second).refusal == Refusal(CertificateRefusal.NOT_ASKED)
    ask(line, first)
    assert keep_certificates(certificate_ids=ids, officer_id=first, at=AT) == (RevocationOutcome(line.certificate_id),)
    assert agree(line.certificate_id, second).refusal == Refusal(CertificateRefusal.NOT_ASKED)
    ask(line, second)
    assert agree(line.certificate_id, first).refusal is None


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("reason", "code"),
    [
        (" ", CertificateRefusal.REVOCATION_REASON_EMPTY),
        ("x" * 301, CertificateRefusal.REVOCATION_REASON_TOO_LONG),
        ("a\0b", CertificateRefusal.REVOCATION_REASON_UNREADABLE),
    ],
)
def test_a_request_says_why(reason: str, code: CertificateRefusal) -> None:
    line = issued()
    with nothing_changes():
        refusal = ask(line, 1, reason).refusal
    assert refusal is not None and refusal.code == code


@pytest.mark.django_db
@pytest.mark.parametrize("number", [0, -1, 2**62, 2**70])
def test_an_unknown_certificate_is_refused(number: int) -> None:
    assert agree(number, 1).refusal == Refusal(CertificateRefusal.UNKNOWN_CERTIFICATE)
    assert certificate(certificate_id=number) is None
    assert status_bits(status_list=abs(number) + 1) is None


@pytest.mark.django_db
def test_the_database_wants_two_people_and_one_revocation() -> None:
    line, officer_id = issued(), factories.officer().pk
    ask(line, officer_id)
    asked = CertificateEvent.objects.get()
    again = {"certificate_id": line.certificate_id, "kind": "revoked", "reason": WHY, "occurred_at": AT}
    for fields in (
        {"officer_id": officer_id, "asked": asked, "asked_by_id": officer_id},
        {"officer_id": officer_id},
        {"asked": asked},
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            CertificateEvent.objects.create(**again | fields)
