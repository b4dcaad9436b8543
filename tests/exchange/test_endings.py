"""What ended early, was settled, came back or was stopped is taken over as it stands."""

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

from bekal.incentives.models import Payout, PayoutStatus
from bekal.incentives.plan_payout_run import plan_payout_run
from bekal.ledger.queries import remaining, transfers_of
from bekal.participants.models import Participation
from bekal.purchases.end_purchases import end_purchases
from bekal.purchases.models import InstitutionSettlement, Purchase
from bekal.purchases.settle_institutions import settleable_ids
from tests import factories
from tests.conftest import StoppedClock
from tests.exchange.door import learned, prove
from tests.factories import jakarta
from tests.factories.unchanged import nothing_changes

RUNS = """run,planned_for,payout_count,total_rupiah,exported_at
2020-05-26T08:00:00+07:00,2020-05-26,1,600000,2020-05-26T09:00
"""


def owner() -> Participation:
    return Participation.objects.get()


BOUGHT = "nik,training,price_rupiah,bought_at,completed_at\n"
ENDED = "nik,training,price_rupiah,bought_at,attended_at,completed_at,reconciled_at,ended_at,ending,refunded_rupiah,"
ENDED += "refunded_to,settled_at\n"


def test_endings_and_settlements_are_posted_as_the_verbs_would_have(
    nik: str, take: Callable[..., str], clock: StoppedClock
) -> None:
    clock.set(2021, 1, 2, 9, 0)
    rows = [
        f"{nik},jahit,300000,2020-05-01,2020-05-03,,,2020-05-20,partial,150000,balance,2020-06-01",
        f"{nik},roti,800000,2020-05-21,,,,2020-12-20,refunded,800000,treasury,",
    ]
    take("completions", ENDED + "\n".join(rows) + "\n")
    partial, refunded = Purchase.objects.order_by("ordinal")
    assert (partial.ended_at, partial.ending, partial.refunded_rupiah) == (jakarta(2020, 5, 20, 0), "partial", 150_000)
    assert partial.settlement is not None and refunded.settlement is None
    settlement = InstitutionSettlement.objects.get()
    assert (settlement.settled_at, settlement.purchase_count, settlement.total_rupiah) == (
        jakarta(2020, 6, 1, 0),
        1,
        150_000,
    )
    assert [(each.reason.name, each.amount_rupiah, each.posted_at.date().isoformat()) for each in moved()] == [
        ("PURCHASE", 300_000, "2020-04-30"),
        ("COMPLETION", 150_000, "2020-05-19"),
        ("REFUND", 150_000, "2020-05-19"),
        ("PURCHASE", 800_000, "2020-05-20"),
        ("SETTLEMENT", 150_000, "2020-05-31"),
        ("REFUND", 800_000, "2020-12-19"),
    ]
    assert remaining(owner_ids=[owner().pk]) == {owner().pk: 50_000}
    with nothing_changes():
        assert end_purchases(purchase_ids=[refunded.pk], at=jakarta(2021, 1, 1))[0].repeated
        assert "0 added, 2 unchanged" in take("completions", ENDED + "\n".join(rows) + "\n")
    prove()


def moved() -> list[Any]:
    """What the person's purchases moved, in the order of the instants."""
    return [each for each in transfers_of(owner_id=owner().pk) if each.reason.name != "ACCEPTANCE"]


@pytest.mark.parametrize(
    ("row", "column", "words"),
    [
        (",,,2020-05-20,,0,,", "ending", "stand together"),
        (",,,,partial,,,", "ending", "stand together"),
        (",,,2020-05-20,partial,,,", "refunded_rupiah", "stand together"),
        (",,,2020-05-20,refunded,1,balance,", "refunded_rupiah", "does not fit the price"),
        (",,,2020-05-20,attended,1,balance,", "refunded_rupiah", "does not fit the price"),
        (",,,2020-05-20,partial,300001,balance,", "refunded_rupiah", "does not fit the price"),
        (",,,2020-05-20,partial,5,,", "refunded_to", "exactly where something was refunded"),
        (",,,2020-05-20,partial,5,cash,", "refunded_to", "write one of: balance, treasury"),
        (",,,2020-04-30,refunded,300000,balance,", "ended_at", "before it was bought"),
        (",2020-05-09,2020-05-10,2020-05-20,attended,0,,", "ended_at", "what was reconciled does not end early"),
        (",,,2020-12-16,refunded,300000,balance,", "refunded_to", "ended on 2020-12-15"),
        (",,,2020-05-20,refunded,300000,balance,2020-06-01", "settled_at", "nothing was proven"),
        (",2020-05-09,,,,,,2020-06-01", "settled_at", "nothing was proven"),
        (",2020-05-09,2020-05-10,,,,,2020-05-09", "settled_at", "before it was proven"),
        (",2020-05-09,2020-05-10,,,,,2020-11-20", "settled_at", "has not come yet"),
    ],
)
def test_an_ending_that_cannot_be_is_refused(
    row: str, column: str, words: str, nik: str, wrong: Callable[..., Any], clock: StoppedClock
) -> None:
    if "2020-12" in row:
        clock.set(2021, 1, 2, 9, 0)
    header = ENDED.replace("attended_at,", "")
    problem, *_ = wrong("completions", header + f"{nik},jahit,300000,2020-05-01{row}\n")
    assert problem[1] == column and words in problem[3]


def test_what_was_bought_after_the_last_day_of_the_balance_is_refused(
    nik: str, take: Callable[..., str], wrong: Callable[..., Any], clock: StoppedClock
) -> None:
    clock.set(2021, 1, 2, 9, 0)
    (problem,) = wrong("completions", BOUGHT + f"{nik},jahit,300000,2020-12-16,\n")
    assert problem[1] == "bought_at" and "ended on 2020-12-15: nothing could be bought after that day" in problem[3]
    take("completions", BOUGHT + f"{nik},jahit,300000,2020-12-15T23:59:59+07:00,\n")
    prove()


def test_a_refund_to_the_balance_after_its_end_is_refused(
    nik: str, take: Callable[..., str], wrong: Callable[..., Any]
) -> None:
    take("completions", ENDED + f"{nik},jahit,300000,2020-05-01,,,,2020-06-20,refunded,300000,balance,\n")
    (problem,) = wrong("endings", f"nik,kind,ended_at\n{nik},balance_ended,2020-06-01\n")
    assert problem[1] == "ended_at" and "refunded to the balance after this instant" in problem[3]


BACK = "nik,kind,instalment,amount_rupiah,payment_on,run,state,answered_at,reason_code,came_back_at\n"
_RUN = "2020-05-26T08:00:00+07:00"


@pytest.mark.parametrize(("state", "has_file"), [("returned", True), ("reversed", False)])
def test_what_came_back_is_due_again(state: str, has_file: bool, nik: str, take: Callable[..., str]) -> None:
    take("completions", learned(nik))
    take("payout_runs", RUNS)
    row = f"{nik},incentive,1,600000,2020-05-26,{_RUN},{state},2020-05-27,AC06,2020-05-30\n"
    take("payouts", BACK + row)
    payout = Payout.objects.get()
    assert payout.ended_at == jakarta(2020, 5, 30, 0)
    statuses = PayoutStatus.objects.order_by("id").values_list("state", "reason_code", "file__direction")
    assert list(statuses) == [
        ("sent", "", "out"),
        ("settled", "", "back"),
        (state, "AC06", "back" if has_file else None),
    ]
    assert moved()[-1].idempotency_key == f"{state}:{payout.reference}"
    prove()
    with nothing_changes():
        assert "1 unchanged" in take("payouts", BACK + row)
    planned = plan_payout_run(
        planned_for=date(2020, 11, 19), officer_id=factories.officer().pk, at=jakarta(2020, 11, 19)
    )
    assert planned.payout_count == 1 and Payout.objects.get(run_id=planned.run_id).attempt == 2


@pytest.mark.parametrize(
    ("said", "column", "words"),
    [
        ("returned,2020-05-27,AC06,", "came_back_at", "returned or reversed"),
        ("settled,2020-05-27,,2020-05-30", "came_back_at", "returned or reversed"),
        ("returned,,AC06,2020-05-30", "answered_at", "settled, rejected, returned or reversed"),
        ("returned,2020-05-27,,2020-05-30", "reason_code", "rejected, returned or reversed"),
        ("returned,2020-05-27,AC06,2020-05-26", "came_back_at", "this is before answered_at"),
        ("returned,2020-05-27,AC06,2020-11-20", "came_back_at", "has not come yet"),
    ],
)
def test_a_return_that_cannot_be_is_refused(
    said: str, column: str, words: str, nik: str, take: Callable[..., str], wrong: Callable[..., Any]
) -> None:
    take("payout_runs", RUNS)
    problems = wrong("payouts", BACK + f"{nik},incentive,1,600000,2020-05-26,{_RUN},{said}\n")
    assert [problem[1] for problem in problems] == [column] and words in problems[0][3]


# Institutions that are stopped


STOPS = "institution,stopped_at,reason\n"


def test_a_stop_comes_along_and_nothing_is_settled(nik: str, take: Callable[..., str]) -> None:
    take("completions", ENDED + f"{nik},jahit,300000,2020-05-01,,2020-05-09,2020-05-10,,,,,\n")
    name = Purchase.objects.get().training.institution.name
    text = STOPS + f"{name.upper()},2020-05-12,Kehadiran palsu\n"
    assert "1 added, 0 unchanged" in take("institution_stops", text)
    with nothing_changes():
        assert "0 added, 1 unchanged" in take("institution_stops", text)
        take("institution_stops", text, "--dry-run")
    row = Purchase.objects.get().training.institution
    assert (row.settlement_stopped_at, row.settlement_stop_reason) == (jakarta(2020, 5, 12, 0), "Kehadiran palsu")
    assert settleable_ids(at=jakarta(2020, 11, 1)) == []


@pytest.mark.parametrize(
    ("row", "column", "words"),
    [
        ("Tidak Ada,2020-05-12,Sebab", "institution", "no institution has this name"),
        ("LPK Jaya,2020-11-20,Sebab", "stopped_at", "has not come yet"),
        ("LPK Jaya,2020-05-12,", "reason", "a value is needed"),
        ("LPK Jaya,2020-05-12,Sebab\nlpk jaya,2020-05-12,Sebab lain", "institution", "stopped already"),
        ("LPK Jaya,2020-05-12,Sebab\nlpk jaya,2020-05-13,Sebab", "institution", "stopped already"),
    ],
)
def test_a_stop_that_cannot_be_is_refused(
    row: str, column: str, words: str, nik: str, wrong: Callable[..., Any]
) -> None:
    factories.institution(name="LPK Jaya")
    (problem,) = wrong("institution_stops", STOPS + row + "\n")
    assert problem[1] == column and words in problem[3]


def test_a_review_after_the_ending_is_refused(nik: str, take: Callable[..., str], wrong: Callable[..., Any]) -> None:
    take("completions", ENDED + f"{nik},jahit,300000,2020-05-01,,2020-05-09,,2020-05-20,attended,0,,\n")
    (problem,) = wrong("reviews", f"nik,training,rating,text,written_at\n{nik},jahit,4,Bagus,2020-05-21\n")
    assert problem[1] == "written_at" and "had ended by then" in problem[3]
