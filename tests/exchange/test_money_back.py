"""Clawbacks, repayments and closings as files: what cannot have been is refused, what comes back is the same."""

import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from bekal.ledger.movements import Kind
from bekal.ledger.queries import balances_of, totals
from bekal.lifecycle.close_year import close_year
from bekal.lifecycle.models import Clawback, Repayment
from bekal.lifecycle.treasury import treasury_statement
from bekal.participants.models import Participation
from tests import factories
from tests.conftest import StoppedClock
from tests.exchange import lived
from tests.exchange.door import imported, refused, table
from tests.exchange.test_round_trip import exported, take
from tests.factories import jakarta
from tests.incentives import journey
from tests.lifecycle import money_back

pytestmark = pytest.mark.django_db

CLAWBACKS = (
    "nik,decided_at,decided_by,cause,explanation,incentive_rupiah,training_rupiah,approved_by,approved_at,due_on,"
    "returned_training_rupiah,returned_incentive_rupiah,returned_survey_rupiah,withdrawn_by,withdrawn_at,"
    "withdrawn_because,withdrawn_incentive_rupiah\n"
)
ROW = "{nik},2020-05-04T09:00,ani,ineligible,Pegawai negeri,{cash},0,{by},2020-05-04T15:00,2020-07-03,{rest}"
REST = "700000,1800000,150000"
REPAYMENTS = "nik,decided_at,reference,incentive_rupiah,training_rupiah,received_on,recorded_by,recorded_at\n"
CLOSINGS = "nik,closed_at\n"
CLOSED_AT = jakarta(2021, 7, 1)


@pytest.fixture
def nik(db: None) -> str:
    """Somebody who received the first instalment."""
    number = factories.new_nik()
    ids = factories.accepted(nik=number)
    journey.learned(ids)
    journey.entitle(at=factories.RECONCILED_AT)
    journey.settled(journey.exported())
    return number


def row(nik: str, *, cash: int = 600_000, by: str = "budi", rest: str = REST, more: str = ",,,,") -> str:
    return ROW.format(nik=nik, cash=cash, by=by, rest=rest) + more + "\n"


@pytest.fixture
def bring(tmp_path: Path) -> Callable[..., str]:
    return lambda kind, text: imported(kind, table(tmp_path, text))


@pytest.fixture
def wrong(tmp_path: Path) -> Callable[..., Any]:
    return lambda kind, text: refused(kind, table(tmp_path, text))


def money(nik_owner: Participation) -> dict[Kind, int]:
    held = balances_of(owner_ids=[nik_owner.pk])[nik_owner.pk]
    return {kind: rupiah for kind, rupiah in held.items() if rupiah}


def test_a_clawback_and_what_came_back_of_it(nik: str, bring: Callable[..., str]) -> None:
    assert "1 added, 0 unchanged, 2 officers added" in bring("clawbacks", CLAWBACKS + row(nik))
    assert "0 added, 1 unchanged" in bring("clawbacks", CLAWBACKS + row(nik))
    person = Participation.objects.get()
    assert person.revoked_at == person.clawed_back_at == jakarta(2020, 5, 4, 15)
    assert money(person)[Kind.INCENTIVE_RECEIVABLE] == 600_000 and Kind.INCENTIVE_COMMITTED not in money(person)
    paid = REPAYMENTS + f"{nik},2020-05-04T09:00,NTPN-1,250000,0,2020-05-20,ani,2020-05-20T10:00\n"
    assert "1 added" in bring("repayments", paid) and "1 unchanged" in bring("repayments", paid)
    assert money(person)[Kind.INCENTIVE_RECEIVABLE] == 350_000
    for at in (jakarta(2020, 5, 5), jakarta(2020, 6, 1)):
        statement = treasury_statement(as_of=at)
        assert statement.difference_rupiah == 0 and statement.differing == ()
    assert money_back.repay(Clawback.objects.get().pk, 350_000, "NTPN-2", at=jakarta(2020, 6, 2)).refusal is None


def test_a_withdrawal_lets_the_rest_go(nik: str, bring: Callable[..., str]) -> None:
    withdrawn = ",siti,2020-06-01T09:00,Banding benar,400000"
    bring("clawbacks", CLAWBACKS + row(nik, more=withdrawn))
    paid = f"{nik},2020-05-04T09:00,NTPN-1,200000,0,2020-05-20,ani,2020-05-20T10:00\n"
    bring("repayments", REPAYMENTS + paid)
    person = Participation.objects.get()
    assert Kind.INCENTIVE_RECEIVABLE not in money(person) and money(person)[Kind.PAYOUT_SETTLED] == 400_000
    statement = treasury_statement(as_of=jakarta(2020, 6, 2))
    assert statement.difference_rupiah == 0 and statement.differing == ()


@pytest.mark.parametrize(
    ("changes", "column", "words"),
    [
        ({"cash": 600_001}, "incentive_rupiah", "less than this is there"),
        ({"by": "ani"}, "approved_by", "cannot approve it"),
        ({"by": ""}, "approved_by", "exactly where approved_at"),
        ({"rest": "700001,1800000,150000"}, "returned_training_rupiah", "less than this is there"),
        ({"rest": "700000,1800001,150000"}, "returned_incentive_rupiah", "less than this is there"),
        ({"more": ",siti,,,"}, "withdrawn_by", "exactly where withdrawn_at"),
        ({"more": ",siti,2020-06-01T09:00,x,600001"}, "withdrawn_incentive_rupiah", "more than incentive_rupiah"),
        ({"more": ",siti,2020-05-01T09:00,x,"}, "withdrawn_at", "before decided_at"),
    ],
)
def test_a_clawback_that_cannot_have_been(
    nik: str, wrong: Callable[..., Any], changes: dict[str, Any], column: str, words: str
) -> None:
    found = wrong("clawbacks", CLAWBACKS + row(nik, **changes))
    assert any(each[1] == column and words in each[3] for each in found), found


def test_what_is_known_otherwise_or_stands_already_is_refused(
    nik: str, bring: Callable[..., str], wrong: Callable[..., Any]
) -> None:
    bring("clawbacks", CLAWBACKS + row(nik))
    (problem,) = wrong("clawbacks", CLAWBACKS + row(nik).replace("ineligible", "identity"))
    assert "known already with other values" in problem[3]
    another = row(nik, cash=0, rest=",,").replace("2020-05-04T09:00", "2020-05-04T10:00")
    found = wrong("clawbacks", CLAWBACKS + another)
    assert any("stands already" in each[3] for each in found)
    assert wrong("clawbacks", CLAWBACKS + row(factories.new_nik()))[0][1] == "nik"


@pytest.mark.parametrize(
    ("change", "column", "words"),
    [
        (("250000,0", "600001,0"), "incentive_rupiah", "more was paid back"),
        (("250000,0", "0,1"), "training_rupiah", "more was paid back"),
        (("250000,0", "0,0"), "incentive_rupiah", "pays something back"),
        (("2020-05-04T09:00", "2020-05-04T09:01"), "decided_at", "no approved clawback"),
        (("2020-05-20,ani", "2020-05-21,ani"), "received_on", "after it was recorded"),
        (("2020-05-20,ani", "2020-05-03,ani"), "received_on", "before the clawback was approved"),
    ],
)
def test_a_repayment_that_cannot_have_been(
    nik: str, bring: Callable[..., str], wrong: Callable[..., Any], change: tuple[str, str], column: str, words: str
) -> None:
    bring("clawbacks", CLAWBACKS + row(nik))
    text = f"{nik},2020-05-04T09:00,NTPN-1,250000,0,2020-05-20,ani,2020-05-20T10:00\n"
    found = wrong("repayments", REPAYMENTS + text.replace(*change))
    assert any(each[1] == column and words in each[3] for each in found), found
    assert not Repayment.objects.exists()


def test_a_closing_returns_what_was_not_earned(
    nik: str, bring: Callable[..., str], wrong: Callable[..., Any], clock: StoppedClock
) -> None:
    clock.at = CLOSED_AT
    (problem,) = wrong("closings", CLOSINGS + f"{nik},2021-07-01\n")
    assert "neither revoked nor had its balance ended" in problem[3]
    bring("endings", f"nik,kind,ended_at\n{nik},balance_ended,2020-12-16\n")
    (problem,) = wrong("closings", CLOSINGS + f"{nik},2021-06-13\n")
    assert "could still be earned until 2021-06-13" in problem[3]
    assert "1 added, 0 unchanged, 150,000 rupiah returned" in bring("closings", CLOSINGS + f"{nik},2021-06-14\n")
    assert "0 added, 1 unchanged, 0 rupiah" in bring("closings", CLOSINGS + f"{nik},2021-06-14\n")
    assert "known already" in wrong("closings", CLOSINGS + f"{nik},2021-06-15\n")[0][3]
    assert money(Participation.objects.get())[Kind.INCENTIVE_COMMITTED] == 1_800_000


@pytest.mark.django_db(transaction=True)
def test_closed_and_clawed_back_in_either_order_come_back(tmp_path: Path, clock: StoppedClock) -> None:
    """Closed then clawed back, clawed back then closed, closed with something earned, revoked and closed."""
    first, second, earner = money_back.paid(3)
    (idle,) = factories.accepted()
    money_back.approved(first)
    assert close_year(participation_ids=[first, second, earner, idle], at=CLOSED_AT).participation_count == 4
    later = money_back.approved(second, at=jakarta(2021, 7, 2))
    money_back.repay(later, 600_000, at=jakarta(2021, 7, 3))
    clock.at = jakarta(2021, 8, 1)
    before, sums = lived.state(), totals()
    files = exported(tmp_path / "first")
    assert re.match(rb"nik,closed_at\r?\n", files["closings.csv"])
    lived.empty_the_database()
    again = partial(take, tmp_path / "first", at=clock.at)
    assert again()["closings"]["added"] == 4
    assert lived.state() == before and totals() == sums
    assert exported(tmp_path / "second") == files
    assert not any(n for counts in again().values() for what, n in counts.items() if "unchanged" not in what)
    statement = treasury_statement(as_of=clock.at)
    assert statement.difference_rupiah == 0 and statement.differing == ()
