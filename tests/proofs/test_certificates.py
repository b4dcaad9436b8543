"""`prove certificates`: what rests on nothing, or shows as valid although it is revoked, is found."""

import io
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connections

from bekal.proofs.certificates import published_bits
from bekal.purchases.certificates import CertificateLine, certificates_of
from bekal.purchases.models import Certificate, CertificateEvent, Evidence, Purchase
from bekal.purchases.revoke_certificates import ask_to_revoke_certificates, revoke_certificates, revoke_unearned
from tests import factories

AT = factories.RECONCILED_AT
pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "owner", "proof"])


def issued() -> CertificateLine:
    (buyer,) = factories.accepted()
    factories.completed(buyer, factories.training(session_count=2))
    (line,) = certificates_of(participation_id=buyer)
    return line


def proven() -> tuple[str, bool]:
    out = io.StringIO()
    try:
        call_command("prove", "certificates", stdout=out)
    except CommandError:
        return out.getvalue(), False
    return out.getvalue(), True


def revoke(line: CertificateLine) -> None:
    ids, first, second = [line.certificate_id], factories.officer().pk, factories.officer().pk
    ask_to_revoke_certificates(certificate_ids=ids, officer_id=first, reason="Palsu.", at=AT)
    revoke_certificates(certificate_ids=ids, officer_id=second, reason="Palsu.", at=AT)


def test_what_is_right_holds_and_says_how_much_was_looked_at() -> None:
    line, other = issued(), issued()
    issued()
    revoke(line)
    said_of = {"purchase_id": other.purchase_id, "source": "institution", "recorded_at": AT}
    Evidence.objects.create(**said_of, piece="completion", holds=False, revision=2, reason="Salah orang.")
    revoke_unearned(at=AT)
    said, holds = proven()
    assert holds, said
    assert "3 certificates, 2 revoked, 1 lists" in said and "BROKEN" not in said
    assert published_bits(line.status_list) == {line.status_index, other.status_index}
    assert published_bits(line.status_list + 1) is None


def test_a_certificate_without_completion_is_found() -> None:
    line = issued()
    Purchase.objects.filter(pk=line.purchase_id).update(completed_at=None)
    said, holds = proven()
    assert not holds and f"BROKEN  a valid certificate has a completed purchase: 1: {line.certificate_id}" in said


def test_a_completion_taken_back_behind_the_intake_is_found() -> None:
    line = issued()
    said = Evidence.objects.filter(purchase_id=line.purchase_id, piece="completion").values().get()
    Evidence.objects.create(**said | {"id": None, "holds": False, "revision": 2})
    said_now, holds = proven()
    assert not holds and "BROKEN  nobody has taken back the completion of a valid certificate: 1" in said_now


@pytest.mark.parametrize("column", ["evidence_digest", "evidence_count", "evidence_until_id"])
def test_a_digest_that_does_not_recompute_is_found(column: str) -> None:
    line = issued()
    row = Certificate.objects.filter(pk=line.certificate_id).values().get()
    wrong = {"evidence_digest": bytes(32), "evidence_count": 1, "evidence_until_id": row["evidence_until_id"] - 1}
    row |= {"id": None, "sequence": 2, "number": "2" * 15, "status_index": 7, column: wrong[column]}
    Certificate.objects.create(**row)
    said, holds = proven()
    assert not holds and "BROKEN  the evidence recomputes to the digest: 1" in said
    assert "BROKEN  a purchase has one valid certificate: 1" in said


def test_what_officers_revoked_and_is_issued_again_is_found() -> None:
    line = issued()
    revoke(line)
    row: dict[str, Any] = Certificate.objects.filter(pk=line.certificate_id).values().get()
    Certificate.objects.create(**row | {"id": None, "sequence": 2, "number": "2" * 15, "status_index": 7})
    said, holds = proven()
    assert not holds and "BROKEN  what officers revoked is not issued again: 1" in said


def test_a_revocation_by_one_person_is_found() -> None:
    """The database refuses it; whoever takes its guard away is found out."""
    line, other = issued(), issued()
    officer, second = factories.officer(), factories.officer()
    ids = [other.certificate_id]
    ask_to_revoke_certificates(certificate_ids=ids, officer_id=officer.pk, reason="Palsu.", at=AT)
    CertificateEvent.objects.create(
        certificate_id=line.certificate_id,
        kind="revoked",
        officer=second,
        asked=CertificateEvent.objects.get(),
        asked_by=officer,
        reason="Palsu.",
        occurred_at=AT + timedelta(days=1),
    )
    said, holds = proven()
    assert not holds and "BROKEN  an officer's revocation answers another officer's request: 1" in said
    assert connections["proof"].in_atomic_block is False
