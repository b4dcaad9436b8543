"""Who is taken over with what is left can buy, is paid the rest and no more, is neither revoked nor asked again."""

from datetime import date, timedelta
from pathlib import Path

import pytest

from bekal.engagement.queries import open_surveys
from bekal.incentives.entitle import entitle
from bekal.incentives.models import Entitlement
from bekal.incentives.timeline import timeline_of
from bekal.ledger.clock import programme_now
from bekal.ledger.movements import Kind
from bekal.ledger.queries import balances_of, remaining
from bekal.lifecycle.end_balances import end_balances
from bekal.lifecycle.revoke import revoke
from bekal.participants.models import Participation
from bekal.purchases.redeem import Redemption, redeem
from tests import factories
from tests.exchange.door import SITI, WAVES, imported, prove, table
from tests.incentives import journey

pytestmark = pytest.mark.django_db
HEAD = (
    "nik,full_name,sex,born_on,education,employment,province,wave,accepted_at,"
    "training_balance_rupiah,incentives_left_count,surveys_left_count\n"
)


def taken_over(tmp_path: Path, balance: int, incentives: int, surveys: int) -> int:
    """Siti, accepted on 20 April 2020 and taken over on 19 November 2020, by her participation."""
    imported("waves", table(tmp_path, WAVES))
    row = f"{SITI},Siti Rahayu,P,1995-06-05,3,1,32,1,2020-04-20,{balance},{incentives},{surveys}\n"
    imported("participants", table(tmp_path, HEAD + row))
    imported("contact_points", table(tmp_path, f"nik,kind,value\n{SITI},phone,081234567890\n"))
    imported("payout_accounts", table(tmp_path, f"nik,partner,number,holder_name\n{SITI},bni,0123456789,siti rahayu\n"))
    return Participation.objects.get().pk


def test_she_buys_learns_and_is_paid_exactly_what_is_left(tmp_path: Path) -> None:
    owner, at = taken_over(tmp_path, 300_000, 2, 1), programme_now()
    assert revoke(at=at).participation_count == 0, "she bought her first training before"
    training = factories.training(price_rupiah=300_000)
    bought = factories.bought(owner, training, at=at)
    assert remaining(owner_ids=[owner]) == {owner: 0}
    (redeemed,) = redeem(redemptions=[Redemption(training.institution_id, bought.redeem_code or "")], at=at)
    assert redeemed.refusal is None
    assert entitle(at=at + timedelta(hours=1)).entitlement_count == 2
    assert entitle(at=at + timedelta(hours=2)).entitlement_count == 0
    earned = Entitlement.objects.order_by("instalment")
    assert [(e.instalment, e.amount_rupiah, e.scheduled_on) for e in earned] == [
        (3, 600_000, date(2020, 11, 25)),
        (4, 600_000, date(2020, 12, 25)),
    ]
    for entitlement in earned:
        pay_on = factories.jakarta(*entitlement.payment_on.timetuple()[:3], 8)
        run = journey.exported(planned_for=entitlement.payment_on, at=pay_on)
        journey.settled(run, at=pay_on + timedelta(hours=7))
    held = balances_of(owner_ids=[owner])[owner]
    assert (held[Kind.PAYOUT_SETTLED], held[Kind.INCENTIVE_COMMITTED]) == (1_200_000, 0)
    prove()


def test_her_calendar_shows_what_is_left_and_only_the_last_survey_is_asked(tmp_path: Path) -> None:
    owner, at = taken_over(tmp_path, 300_000, 2, 1), programme_now()
    lines = timeline_of(participation_id=owner, on=at.date())
    assert [(line.kind, line.instalment) for line in lines] == [("incentive", 3), ("incentive", 4), ("survey", 3)]
    assert open_surveys(participation_ids=[owner], at=at) == {}, "two instalments and the balance are still to come"
    none_paid = Participation.objects.filter(pk=owner)
    none_paid.update(surveys_paid_before_count=1)
    assert open_surveys(participation_ids=[owner], at=at) == {owner: (2,)}, "the second instalment has arrived long ago"


def test_what_she_leaves_returns_at_the_end_of_the_balance(tmp_path: Path) -> None:
    owner = taken_over(tmp_path, 300_000, 0, 0)
    ended = end_balances(at=factories.jakarta(2021, 1, 5))
    assert (ended.participation_count, ended.returned_rupiah) == (1, 300_000)
    assert balances_of(owner_ids=[owner])[owner] == {Kind.TREASURY: 0, Kind.TRAINING_BALANCE: 0}
    assert entitle(at=factories.jakarta(2021, 1, 5)).entitlement_count == 0
    prove()


def test_who_had_bought_nothing_loses_the_place_and_what_was_taken_over_returns(tmp_path: Path) -> None:
    owner = taken_over(tmp_path, 1_000_000, 4, 3)
    revoked = revoke(at=programme_now() + timedelta(hours=1))
    assert (revoked.participation_count, revoked.returned_rupiah) == (1, 3_550_000)
    assert balances_of(owner_ids=[owner])[owner][Kind.TREASURY] == 0
    prove()
