"""`copy_rows` and `new_ids`: as an INSERT would do it, with the same rights, constraints and numbers."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from django.core.exceptions import FieldDoesNotExist
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from bekal.ledger.copy_rows import EACH, bytes_array, copy_alike, copy_rows, id_array, int_array, new_ids, text_array
from bekal.ledger.models import TrainingBalance, Transfer
from bekal.messaging.models import Channel, OneTimeCode, OutboxMessage

AT = datetime(2020, 4, 11, 3, 0, 0, 123_456, tzinfo=UTC)
MESSAGE = ("holder_id", "channel", "template", "body_encrypted", "created_at", "sent_at")
CODE = ("id", "holder_id", "subject", "code_hash", "issued_at", "expires_at", "attempts_left")
TRANSFER = ("owner_id", "debit_kind", "credit_kind", "reason", "amount_rupiah", "idempotency_key", "posted_at")


@pytest.mark.django_db
def test_values_arrive_as_they_were_given() -> None:
    rows = [
        (7, Channel.SMS, 'tab\t line\n back\\slash "quotes" \\N éü 🎓', b"\x00\xff\\x", AT, None),
        (8, "email", "", b"", AT + timedelta(days=1), AT),
    ]
    assert copy_rows(OutboxMessage, MESSAGE, iter(rows)) == 2
    assert list(OutboxMessage.objects.order_by("holder_id").values_list(*MESSAGE)) == rows


@pytest.mark.django_db
def test_rows_alike_are_what_their_rows_one_by_one_are() -> None:
    alike = [
        (EACH, Channel.SMS, 'tab\t line\n "quotes" éü 🎓', b"\x00\xff\\x", AT, None),
        (EACH, "email", "", b"", AT + timedelta(days=1), AT),
    ]
    groups = [([7, 2**63 - 1, -3], alike), ([], alike), ([5], alike[:1]), ([6], [])]
    assert copy_alike(OutboxMessage, MESSAGE, groups) == 7
    wanted = [(number, *row[1:]) for numbers, rows in groups for number in numbers for row in rows]
    assert list(OutboxMessage.objects.order_by("id").values_list(*MESSAGE)) == wanted
    assert copy_alike(OutboxMessage, MESSAGE, []) == 0


@pytest.mark.django_db
def test_more_rows_alike_than_fit_into_a_block() -> None:
    assert (
        copy_alike(
            TrainingBalance, ("owner_id", "granted_rupiah", "remaining_rupiah"), [(range(1, 45_001), [(EACH, 5, 5)])]
        )
        == 45_000
    )
    assert TrainingBalance.objects.filter(owner_id__gt=44_990, granted_rupiah=5).count() == 10


@pytest.mark.django_db
def test_rows_get_numbers_from_the_tables_own_sequence() -> None:
    ids = new_ids(OneTimeCode, 3)
    assert ids == sorted(set(ids))
    assert copy_rows(OneTimeCode, CODE, [(n, 1, "x", b"h", AT, AT + timedelta(1), 5) for n in ids]) == 3
    later = OneTimeCode.objects.create(
        holder_id=1, subject="y", code_hash=b"h", issued_at=AT, expires_at=AT + timedelta(1)
    )
    assert later.pk == ids[-1] + 1
    copy_rows(OneTimeCode, CODE[1:], [(1, "z", b"h", AT, AT + timedelta(1), 5)])
    assert OneTimeCode.objects.get(subject="z").pk == later.pk + 1


@pytest.mark.django_db
def test_no_rows_and_no_numbers_cost_no_statement() -> None:
    with CaptureQueriesContext(connection) as captured:
        assert copy_rows(OutboxMessage, MESSAGE, []) == 0
        assert new_ids(OutboxMessage, 0) == []
    assert len(captured) == 0


@pytest.mark.django_db
def test_facts_may_be_added_and_the_closed_list_of_movements_holds() -> None:
    assert copy_rows(Transfer, TRANSFER, [(7, 1, 2, 1, 1_000_000, "commit:training", AT)]) == 1
    with pytest.raises(IntegrityError, match="ledger_transfer_allowed_movement"), transaction.atomic():
        copy_rows(Transfer, TRANSFER, [(7, 2, 8, 2, 1, "cash", AT)])
    with pytest.raises(IntegrityError, match="ledger_transfer_posted_once"), transaction.atomic():
        copy_rows(Transfer, TRANSFER, [(8, 1, 2, 1, 1, "new", AT), (7, 1, 2, 1, 5, "commit:training", AT)])
    assert Transfer.objects.count() == 1


@pytest.mark.django_db
def test_what_fails_half_way_leaves_nothing() -> None:
    def rows() -> Iterator[tuple[int, int, int]]:
        yield 1, 10, 10
        raise LookupError

    with pytest.raises(LookupError), transaction.atomic():
        copy_rows(TrainingBalance, ("owner_id", "granted_rupiah", "remaining_rupiah"), rows())
    with pytest.raises(DatabaseError), transaction.atomic():
        copy_rows(TrainingBalance, ("owner_id", "granted_rupiah", "remaining_rupiah"), [(1, 10, None)])
    assert not TrainingBalance.objects.exists()


@pytest.mark.django_db
def test_what_is_no_column_or_has_no_sequence_is_refused() -> None:
    with pytest.raises(FieldDoesNotExist):
        copy_rows(OutboxMessage, ("holder",), [(1,)])
    with pytest.raises(ValueError, match="draws no numbers"):
        new_ids(Transfer, 1)
    with pytest.raises(ValueError, match="draws no numbers"):
        new_ids(TrainingBalance, 1)


@pytest.mark.django_db
def test_columns_are_named_by_their_attribute() -> None:
    from bekal.purchases.models import Evidence

    with pytest.raises(ValueError, match="purchase_id, not purchase"):
        copy_rows(Evidence, ("purchase",), [(1,)])
    with pytest.raises(IntegrityError):
        columns = ("purchase_id", "piece", "source", "sequence", "recorded_at")
        copy_rows(Evidence, columns, [(1, Evidence.Piece.RATING, Evidence.Source.INSTITUTION, 1, AT)])


@pytest.mark.django_db
def test_arrays_hold_any_number_text_and_bytes() -> None:
    numbers, texts, values = [-(2**63), 0, 7], ["", 'a "b" \\ c,{}', "NULL", "é\n"], [b"", b"\x00\\\xff"]
    with connection.cursor() as cursor:
        for array, type_, want in (
            (int_array(numbers), "bigint[]", numbers),
            (text_array(texts), "text[]", texts),
            (bytes_array(values), "bytea[]", values),
            (int_array([]), "bigint[]", []),
            (text_array([]), "text[]", []),
            (bytes_array([]), "bytea[]", []),
            (text_array([""]), "text[]", [""]),
        ):
            cursor.execute(f"SELECT %s::{type_}", [array])
            assert cursor.fetchone()[0] == want
    assert id_array([1, 2**63, -(2**64), 3]) == "{1,3}"
