"""`issue_certificates`: whoever completed has one, once, and it rests on the rows that proved it."""

import hashlib
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from django.db import IntegrityError, transaction

from bekal.purchases.certificate_numbers import LIST_SIZE, grouped_number, new_number, normalised_number, status_place
from bekal.purchases.certificates import certificate_by_number, certificates_of, certificates_of_purchases
from bekal.purchases.issue_certificates import CAUGHT_UP_WITHIN, issue_certificates
from bekal.purchases.models import Certificate, CertificateEvent, Evidence
from tests import factories
from tests.factories.unchanged import nothing_changes

AT = factories.COMPLETED_AT


@pytest.mark.django_db
def test_who_completes_has_a_certificate_at_once_and_no_second_one() -> None:
    (buyer,) = factories.accepted(full_name="Ni Luh Ayu")
    training = factories.training(title="Barista", hours=12, session_count=2)
    purchase_id = factories.completed(buyer, training)
    (line,) = certificates_of(participation_id=buyer)
    assert (line.purchase_id, line.full_name, line.title, line.hours, line.session_count) == (
        purchase_id,
        "Ni Luh Ayu",
        "Barista",
        12,
        2,
    )
    assert (line.is_valid, line.evidence_count, line.issued_at) == (True, 3, line.completed_at)
    assert certificate_by_number(line.grouped.lower()) == line
    assert certificates_of_purchases(purchase_ids=[purchase_id, 2**70]) == {purchase_id: line}
    with nothing_changes():
        assert issue_certificates(at=AT, purchase_ids=[purchase_id, purchase_id]).purchase_ids == ()
        assert issue_certificates(at=AT).purchase_ids == ()


@pytest.mark.django_db
def test_nobody_has_one_without_completion() -> None:
    (buyer,) = factories.accepted()
    purchase_id = factories.redeemed(buyer, factories.training())
    with nothing_changes():
        assert issue_certificates(at=AT, purchase_ids=[purchase_id, 2**70, -1]).purchase_ids == ()
        assert issue_certificates(at=AT).purchase_ids == ()
    assert certificates_of(participation_id=buyer) == ()


@pytest.mark.django_db
def test_what_it_says_stays_when_the_training_changes() -> None:
    (buyer,) = factories.accepted()
    training = factories.training(title="Barista")
    factories.completed(buyer, training)
    training.title = "Kopi untuk pemula"
    training.save()
    assert [line.title for line in certificates_of(participation_id=buyer)] == ["Barista"]


@pytest.mark.django_db
def test_the_digest_is_of_the_rows_that_proved_it_as_documented() -> None:
    (buyer,) = factories.accepted()
    purchase_id = factories.reviewed(buyer, factories.training(session_count=3))
    rows = Evidence.objects.filter(purchase_id=purchase_id, piece__in=["attendance", "completion"])
    ordered = sorted(rows.order_by("pk"), key=lambda row: (row.piece, row.sequence, row.source, row.pk))
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    lines = [
        f"{row.piece} {row.sequence} {row.source} {(row.recorded_at - epoch) // timedelta(microseconds=1)}"
        for row in ordered
    ]
    (line,) = certificates_of(participation_id=buyer)
    assert line.evidence_digest == hashlib.sha256("\n".join(lines).encode()).digest()
    assert line.evidence_count == 4


@pytest.mark.django_db
def test_the_daily_work_catches_up_and_leaves_history_to_who_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("bekal.purchases.issue_certificates._issue", lambda *_: ())
        ids = [factories.completed(each, factories.training()) for each in factories.accepted(5)]
    monkeypatch.setattr("bekal.purchases.issue_certificates.CHUNK_COUNT", 2)
    late = AT + CAUGHT_UP_WITHIN + timedelta(days=10)
    assert issue_certificates(at=late).purchase_ids == ()
    assert issue_certificates(at=late, purchase_ids=ids[:1]).purchase_ids == (ids[0],)
    assert issue_certificates(at=AT + timedelta(days=5)).purchase_ids == tuple(ids[1:])
    numbers = set(Certificate.objects.order_by("pk").values_list("number", flat=True))
    assert len(numbers) == 5


@pytest.mark.django_db
def test_evidence_that_takes_completion_back_makes_room_for_another_one() -> None:
    (buyer,) = factories.accepted()
    purchase_id = factories.completed(buyer, factories.training())
    (first,) = certificates_of(participation_id=buyer)
    CertificateEvent.objects.create(certificate_id=first.certificate_id, kind="revoked", occurred_at=AT)
    assert issue_certificates(at=AT, purchase_ids=[purchase_id]).purchase_ids == (purchase_id,)
    second, again = certificates_of(participation_id=buyer)
    assert (again.number, second.is_valid, again.is_valid) == (first.number, True, False)
    assert second.number != first.number


@pytest.mark.django_db
def test_a_clock_set_back_issues_at_the_completion() -> None:
    (buyer,) = factories.accepted()
    factories.completed(buyer, factories.training())
    (line,) = certificates_of(participation_id=buyer)
    with pytest.raises(IntegrityError), transaction.atomic():
        Certificate.objects.create(
            purchase_id=line.purchase_id,
            sequence=2,
            number=new_number(),
            status_list=0,
            status_index=0,
            title="x",
            institution_name="x",
            session_count=1,
            evidence_digest=b"x",
            evidence_count=1,
            evidence_until_id=1,
            completed_at=AT,
            issued_at=AT - timedelta(days=1),
        )
    with pytest.raises(ValueError, match="aware"):
        issue_certificates(at=datetime(2020, 5, 1), purchase_ids=[])  # noqa: DTZ001


def test_a_number_is_read_back_as_people_write_it_and_tells_nothing() -> None:
    number = new_number()
    assert normalised_number(f" {grouped_number(number).lower()} ") == number
    assert [normalised_number(text) for text in ("", "x", number + "2", "0" * 15, "\0" * 15, "é" * 15)] == [None] * 6


def test_each_certificate_has_a_bit_of_its_own_in_no_order() -> None:
    places = [status_place(number) for number in range(5_000, 8_000)]
    assert len(set(places)) == 3_000
    assert all(status_list == 0 and 0 <= index < LIST_SIZE for status_list, index in places)
    neighbours = sum(abs(first[1] - second[1]) < 100 for first, second in pairwise(places))
    assert neighbours < 30
    assert status_place(LIST_SIZE)[0] == 1
