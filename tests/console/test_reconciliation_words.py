"""The page of a person says of each purchase what it waits for, whose turn it is, since when and until when."""

from datetime import date

import pytest
from django.test import Client

from bekal.console.reconciliation_words import owed_in_words
from bekal.purchases.confirm_attendance import Confirmation, confirm_attendance
from bekal.purchases.models import Purchase
from bekal.purchases.queries import purchases_of
from bekal.purchases.record_attendance import Attendance, record_attendance
from tests import factories
from tests.conftest import StoppedClock
from tests.factories import jakarta


@pytest.fixture
def contested(db: None, clock: StoppedClock) -> int:
    """Somebody of whose three sessions one was recorded and denied."""
    clock.set(2020, 6, 10, 9, 0)
    (who,) = factories.accepted()
    number = factories.redeemed(who, factories.training(price_rupiah=300_000, session_count=3))
    institution_id = Purchase.objects.get(pk=number).training.institution_id
    at = jakarta(2020, 6, 8)
    record_attendance(attendances=[Attendance(institution_id, number, 1)], at=at)
    confirm_attendance(confirmations=[Confirmation(who, number, 1, was_there=False)], at=at)
    return who


def test_sessions_that_stand_alike_are_one_line(contested: int) -> None:
    (line,) = purchases_of(participation_id=contested)
    first, second = owed_in_words(line)
    assert (first.sessions, str(first.side), first.is_contested) == ((1,), "manajemen pelaksana", True)
    assert (first.since_on, first.due_on) == (date(2020, 6, 8), date(2020, 6, 15))
    assert (second.sessions, str(second.side), second.is_contested) == ((2, 3), "lembaga pelatihan", False)


def test_the_page_says_it_of_now_alone(client: Client, contested: int) -> None:
    client.force_login(factories.officer())
    page = " ".join(client.get(f"/console/people/{contested}/").content.decode().split())
    assert "kehadiran 1 (dipertentangkan): manajemen pelaksana sejak 8 Juni 2020, paling lambat 15 Juni 2020" in page
    assert "kehadiran 2, 3: lembaga pelatihan sejak" in page and "terlambat" in page
    past = client.get(f"/console/people/{contested}/?as_of=2020-06-09").content.decode()
    assert "kehadiran 1" not in past
