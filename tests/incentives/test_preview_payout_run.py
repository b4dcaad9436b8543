"""The list before it is planned: what is on it, what is not, and how it differs from the last one."""

from datetime import datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from bekal.incentives.cancel_payout_run import cancel_payout_run
from bekal.incentives.models import Entitlement, Payout, PayoutRun
from bekal.incentives.partners.hours import Limits
from bekal.incentives.partners.rails import Rail
from bekal.incentives.plan_payout_run import LeftOutReason, plan_payout_run
from bekal.incentives.preview_payout_run import Change, Preview, Share, preview_payout_run, preview_people
from bekal.incentives.refusals import PayoutRefusal
from bekal.incentives.settle_payouts import settle_payouts
from bekal.participants.models import Participation, PayoutAccount
from tests import factories
from tests.factories import RECONCILED_AT, jakarta
from tests.factories.holding import held
from tests.incentives.journey import (
    EXPORTED_AT,
    FIRST_PAY_ON,
    INSTALMENT_RUPIAH,
    PLANNED_AT,
    earners,
    exported,
    planned,
    settled,
)
from tests.incentives.partner import status_file
from tests.incentives.test_export_payout_run import set_account

pytestmark = pytest.mark.django_db
# The second instalment is due on the 25th of May, a holiday of Idul Fitri in 2020.
NEXT_AT = jakarta(2020, 5, 27)


def look(at: datetime = PLANNED_AT) -> Preview:
    return preview_payout_run(planned_for=at.date(), at=at)


def who(change: Change | LeftOutReason, at: datetime = NEXT_AT) -> list[int]:
    found = preview_people(planned_for=at.date(), at=at, change=change)
    return [one.participation_id for one in found]


def test_it_is_the_list_that_is_planned_afterwards_and_nothing_is_written() -> None:
    earners(2)
    (other,) = earners()
    set_account(other, "ovo", "081234567890")
    (unverified,) = earners()
    PayoutAccount.objects.filter(participant__participation=unverified).update(verified_at=None)
    with CaptureQueriesContext(connection) as queries:
        seen = look()
        people = preview_people(planned_for=FIRST_PAY_ON, at=PLANNED_AT, left_out=LeftOutReason.ACCOUNT_NOT_VERIFIED)
    assert all(query["sql"].lstrip().upper().startswith(("SELECT", "WITH")) for query in queries)
    assert not Payout.objects.exists() and not PayoutRun.objects.exists()
    assert seen.partners == (Share("bni", 2, 2 * INSTALMENT_RUPIAH), Share("ovo", 1, INSTALMENT_RUPIAH))
    assert seen.left_out == (Share("account_not_verified", 1, INSTALMENT_RUPIAH),)
    assert [(one.participation_id, one.payout_count, one.total_rupiah) for one in people] == [
        (unverified, 1, INSTALMENT_RUPIAH)
    ]
    run = planned()
    assert (run.payout_count, run.total_rupiah) == (seen.payout_count, seen.total_rupiah)
    assert [(one.reason, one.entitlement_count) for one in run.left_out] == [("account_not_verified", 1)]


def test_without_a_run_before_there_is_no_difference() -> None:
    earners()
    seen = look()
    assert seen.last_run is None and seen.changes == {}
    assert who(Change.FIRST, PLANNED_AT) == []


def test_what_cannot_be_planned_is_said_without_a_list() -> None:
    refused = preview_payout_run(planned_for=FIRST_PAY_ON + timedelta(days=99), at=PLANNED_AT)
    assert refused.refusal is not None and refused.refusal.code is PayoutRefusal.TOO_FAR_AHEAD
    assert preview_people(planned_for=FIRST_PAY_ON + timedelta(days=99), at=PLANNED_AT) == ()


def test_who_enters_and_who_leaves_and_why() -> None:
    stays, rejected, unanswered, is_held, revoked, gone = earners(6)
    (freed,) = earners(with_accounts=False)
    run = exported()
    listed = Payout.objects.filter(run_id=run.run_id).exclude(entitlement__participation_id=unanswered).order_by("id")
    lines = [
        (reference, INSTALMENT_RUPIAH, *(("rejected", "AC04") if person in (rejected, is_held) else ("settled", "")))
        for person, reference in listed.values_list("entitlement__participation_id", "reference")
    ]
    assert settle_payouts(partner="bni", name="a.csv", content=status_file(lines), at=EXPORTED_AT).refusal is None
    held(is_held)
    Participation.objects.filter(pk=revoked).update(revoked_at=RECONCILED_AT)
    factories.with_account(Participation.objects.get(pk=freed).participant_id)
    # Before the day of the next instalment.
    soon = PLANNED_AT + timedelta(days=3)
    seen = look(soon)
    assert seen.last_run is not None and seen.last_run.run_id == run.run_id
    assert seen.changes == {"stays": 1, "freed": 1, "held": 1, "under_way": 1, "paid": 3}
    assert (who(Change.STAYS, soon), who(Change.FREED, soon)) == ([rejected], [freed])
    assert (who(LeftOutReason.HELD, soon), who(Change.UNDER_WAY, soon)) == ([is_held], [unanswered])
    assert who(Change.PAID, soon) == [stays, revoked, gone]
    # On the day of the next instalment whoever was paid is on the list again; the revoked place never comes.
    later = look(NEXT_AT)
    assert later.changes["revoked"] == 1 and who(LeftOutReason.REVOKED) == [revoked]
    assert later.changes["stays"] == 4


def test_a_further_instalment_and_a_first_one_are_told_apart() -> None:
    (old,) = earners()
    settled(exported())
    earners()
    planned(at=PLANNED_AT + timedelta(hours=10))
    (newest,) = earners()
    Entitlement.objects.filter(participation_id=newest).update(entitled_at=NEXT_AT - timedelta(days=1))
    assert look(NEXT_AT).changes == {"first": 1, "next": 1, "stays": 1}
    assert (who(Change.NEXT), who(Change.FIRST)) == ([old], [newest])


def test_a_cancelled_run_is_not_the_last_one() -> None:
    earners()
    run = planned()
    cancel_payout_run(run_id=run.run_id or 0, officer_id=factories.officer().pk, at=EXPORTED_AT)
    assert look().last_run is None


def test_what_is_larger_than_its_partner_takes_is_left_out_of_list_and_look() -> None:
    earners()
    known = {"bni": Rail("bni", limits=Limits(payment_rupiah=INSTALMENT_RUPIAH - 1))}
    seen = preview_payout_run(planned_for=FIRST_PAY_ON, at=PLANNED_AT, rails=known)
    assert seen.left_out == (Share("over_limit", 1, INSTALMENT_RUPIAH),) and seen.partners == ()
    run = plan_payout_run(planned_for=FIRST_PAY_ON, officer_id=factories.officer().pk, at=PLANNED_AT, rails=known)
    assert run.run_id is None and [one.reason for one in run.left_out] == ["over_limit"]
    exactly = {"bni": Rail("bni", limits=Limits(payment_rupiah=INSTALMENT_RUPIAH)), "ovo": Rail("ovo")}
    assert preview_payout_run(planned_for=FIRST_PAY_ON, at=PLANNED_AT, rails=exactly).payout_count == 1


def test_people_come_page_by_page() -> None:
    ids = sorted(earners(5))
    pages = []
    after_id = 0
    while page := preview_people(planned_for=FIRST_PAY_ON, at=PLANNED_AT, after_id=after_id, limit=2):
        pages.append([one.participation_id for one in page])
        after_id = page[-1].participation_id
    assert pages == [ids[:2], ids[2:4], ids[4:]]
