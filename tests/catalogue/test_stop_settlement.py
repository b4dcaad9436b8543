"""The switch that keeps one institution from being paid: it names a reason, and repeating it changes nothing."""

import pytest

from bekal.catalogue.models import Institution
from bekal.catalogue.refusals import SettlementStopRefusal
from bekal.catalogue.stop_settlement import StopOutcome, resume_settlement, stop_settlement
from bekal.core.refusal import Refusal
from tests import factories
from tests.factories import jakarta
from tests.factories.unchanged import nothing_changes

AT, LATER_AT = jakarta(2020, 5, 1), jakarta(2020, 5, 3)

pytestmark = pytest.mark.django_db


def standing(number: int) -> tuple[object, str]:
    row = Institution.objects.get(pk=number)
    return row.settlement_stopped_at, row.settlement_stop_reason


def test_stopped_with_its_reason_and_resumed() -> None:
    number = factories.institution().pk
    assert stop_settlement(institution_id=number, reason="  Kehadiran palsu ", at=AT) == StopOutcome(number)
    assert standing(number) == (AT, "Kehadiran palsu")
    with nothing_changes():
        again = stop_settlement(institution_id=number, reason="Kehadiran palsu", at=LATER_AT)
    assert again == StopOutcome(number, repeated=True)
    assert resume_settlement(institution_id=number, at=LATER_AT) == StopOutcome(number)
    assert standing(number) == (None, "")
    with nothing_changes():
        assert resume_settlement(institution_id=number, at=LATER_AT) == StopOutcome(number, repeated=True)


def test_a_second_reason_does_not_cover_the_first() -> None:
    number = factories.institution().pk
    stop_settlement(institution_id=number, reason="Kehadiran palsu", at=AT)
    with nothing_changes():
        outcome = stop_settlement(institution_id=number, reason="Pemilik berganti", at=LATER_AT)
    values = {"stopped_on": AT.date(), "reason": "Kehadiran palsu"}
    assert outcome.refusal == Refusal(SettlementStopRefusal.ALREADY_STOPPED, values)


@pytest.mark.parametrize(
    ("reason", "code"),
    [
        ("", SettlementStopRefusal.STOP_REASON_EMPTY),
        (" \n ", SettlementStopRefusal.STOP_REASON_EMPTY),
        ("x" * 301, SettlementStopRefusal.STOP_REASON_TOO_LONG),
        ("a\x00b", SettlementStopRefusal.STOP_REASON_UNREADABLE),
        ("a\nb", SettlementStopRefusal.STOP_REASON_UNREADABLE),
    ],
)
def test_a_reason_that_is_none_is_refused(reason: str, code: SettlementStopRefusal) -> None:
    number = factories.institution().pk
    with nothing_changes():
        refusal = stop_settlement(institution_id=number, reason=reason, at=AT).refusal
    assert refusal is not None and refusal.code == code


@pytest.mark.parametrize("number", [0, 10**9, 2**80])
def test_an_institution_that_is_none_is_refused(number: int) -> None:
    unknown = Refusal(SettlementStopRefusal.UNKNOWN_INSTITUTION)
    assert stop_settlement(institution_id=number, reason="Diperiksa", at=AT).refusal == unknown
    assert resume_settlement(institution_id=number, at=AT).refusal == unknown
