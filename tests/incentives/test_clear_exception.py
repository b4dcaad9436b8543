"""An exception ends with a note of what came of it, and moves no money."""

import pytest

from bekal.incentives.answers import Opened, Trouble, open_exceptions
from bekal.incentives.clear_exception import NOTE_LIMIT_COUNT, clear_exception
from bekal.incentives.models import PayoutException
from bekal.incentives.refusals import PayoutRefusal
from tests import factories
from tests.factories.unchanged import nothing_changes
from tests.incentives.journey import SETTLED_AT

pytestmark = pytest.mark.django_db


def opened() -> PayoutException:
    trouble = Opened(Trouble.UNKNOWN_REFERENCE, 3, "BKL9", "settled", 600_000)
    assert open_exceptions([trouble, trouble], partner="bni", at=SETTLED_AT) == 1
    return PayoutException.objects.get()


def test_it_ends_with_who_and_why_and_the_same_trouble_may_come_again() -> None:
    exception, officer = opened(), factories.officer()
    with nothing_changes(but=[PayoutException]):
        done = clear_exception(
            exception_id=exception.pk, officer_id=officer.pk, note=" Uang kembali.\r\n", at=SETTLED_AT
        )
    exception.refresh_from_db()
    assert (done.refusal, done.repeated, exception.note) == (None, False, "Uang kembali.")
    assert (exception.resolution, exception.resolved_by_id, exception.resolved_at) == (
        "cleared",
        officer.pk,
        SETTLED_AT,
    )
    with nothing_changes():
        again = clear_exception(exception_id=exception.pk, officer_id=officer.pk, note="Lain.", at=SETTLED_AT)
    assert again.repeated
    assert open_exceptions([Opened(Trouble.UNKNOWN_REFERENCE, 1, "BKL9", "settled")], partner="bni", at=SETTLED_AT) == 1


@pytest.mark.parametrize(
    ("note", "code"),
    [
        ("", PayoutRefusal.NOTE_MISSING),
        (" \n ", PayoutRefusal.NOTE_MISSING),
        ("a\0b", PayoutRefusal.NOTE_MISSING),
        ("x" * (NOTE_LIMIT_COUNT + 1), PayoutRefusal.NOTE_TOO_LONG),
    ],
)
def test_without_a_note_it_stays_open(note: str, code: PayoutRefusal) -> None:
    exception, officer = opened(), factories.officer()
    with nothing_changes():
        done = clear_exception(exception_id=exception.pk, officer_id=officer.pk, note=note, at=SETTLED_AT)
    assert done.refusal is not None and done.refusal.code is code


def test_one_that_is_not_there_is_refused() -> None:
    done = clear_exception(exception_id=10**9, officer_id=factories.officer().pk, note="Ya.", at=SETTLED_AT)
    assert done.refusal is not None and done.refusal.code is PayoutRefusal.EXCEPTION_NOT_FOUND
