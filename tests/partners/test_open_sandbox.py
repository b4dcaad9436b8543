"""A partner's sandbox: people, balances, trainings and codes by the real verbs, and nobody else's."""

from dataclasses import replace

import pytest
from django.db import connections

from bekal.catalogue.models import Institution, Session, Training
from bekal.core.refusal import Refusal
from bekal.ledger.models import Transfer
from bekal.participants.models import Participation
from bekal.partners import open_sandbox, sandbox_people, sandbox_shelf, world
from bekal.partners.models import Partner, SandboxCode, SandboxPeople
from bekal.partners.open_sandbox import OpenedSandbox, TestCode, more_codes, open_sandboxes, sandbox_of
from bekal.partners.sandbox_refusals import SandboxRefusal
from bekal.partners.world import world_of_partner
from bekal.purchases.models import Purchase
from bekal.purchases.redeem import Redemption, redeem
from bekal.purchases.refusals import PurchaseRefusal
from tests.conftest import StoppedClock
from tests.databases import TestDatabase
from tests.factories.partners import sandbox_partner
from tests.partners.test_world import rows_of

pytestmark = pytest.mark.django_db(transaction=True)
Purpose = SandboxCode.Purpose


@pytest.fixture
def partner(sandbox: TestDatabase) -> Partner:
    return sandbox_partner()


def opened(partner: Partner) -> OpenedSandbox:
    (outcome,) = open_sandboxes(partner_ids=[partner.pk])
    assert outcome.refusal is None, outcome
    return outcome


def bought(partner: Partner, *purposes: SandboxCode.Purpose) -> tuple[TestCode, ...]:
    codes = more_codes(partner_id=partner.pk, purposes=purposes)
    assert not isinstance(codes, Refusal), codes
    return codes


def test_opened_once_with_a_code_for_every_purpose(partner: Partner) -> None:
    before = rows_of(str(connections.settings["default"]["NAME"]))
    first = opened(partner)
    assert first.is_new
    assert {code.purpose for code in first.codes} == set(Purpose)
    assert {code.purpose for code in first.codes if code.is_unused} == {
        *open_sandbox.FRESH,
        Purpose.LATER,
        Purpose.ELSEWHERE,
    }
    again = opened(partner)
    assert not again.is_new
    assert {code.redeem_code for code in again.codes} == {code.redeem_code for code in first.codes}
    assert rows_of(str(connections.settings["default"]["NAME"])) == before
    with world_of_partner(partner, is_sandbox=True):
        assert Participation.objects.count() == len(Purpose) + open_sandbox.IDLE_COUNT
        assert Transfer.objects.exists()


def test_codes_are_refused_or_taken_as_their_purpose_says(partner: Partner) -> None:
    codes = {code.purpose: code.redeem_code for code in opened(partner).codes}
    said = {}
    with world_of_partner(partner, is_sandbox=True) as there:
        assert there.institution_id is not None
        for purpose, code in codes.items():
            (outcome,) = redeem(redemptions=[Redemption(there.institution_id, code)], at=there.at)
            said[purpose] = outcome.refusal and outcome.refusal.code
    assert said == {
        Purpose.SELF_PACED: None,
        Purpose.WEBINAR: None,
        Purpose.ON_SITE: None,
        Purpose.LATER: None,  # the window is a partner's door's, not the verb's
        Purpose.USED: PurchaseRefusal.ALREADY_REDEEMED,
        Purpose.CANCELLED: PurchaseRefusal.PURCHASE_ENDED,
        Purpose.ENDED: PurchaseRefusal.PURCHASE_ENDED,
        Purpose.ELSEWHERE: PurchaseRefusal.OTHER_INSTITUTION,
    }


def test_dated_trainings_lie_around_the_partners_own_clock(partner: Partner, clock: StoppedClock) -> None:
    opened(partner)
    (first,) = bought(partner, Purpose.WEBINAR)
    clock.forward(hours=5)
    (later,) = bought(partner, Purpose.WEBINAR)
    assert first.training_code != later.training_code  # what was dated keeps its dates
    (same,) = bought(partner, Purpose.WEBINAR)
    assert same.training_code == later.training_code
    with world_of_partner(partner, is_sandbox=True) as there:
        starts = list(
            Session.objects.filter(training__code=later.training_code)
            .order_by("sequence")
            .values_list("starts_at", flat=True)
        )
        assert starts[0] <= there.at < starts[1]
        coming = Training.objects.get(code__regex="N1$").sessions.get(sequence=1).starts_at
    assert (coming - clock.now()).days == 2


def test_seats_that_run_out_are_followed_by_another_training(partner: Partner) -> None:
    (one,) = [code for code in opened(partner).codes if code.purpose == Purpose.ON_SITE]
    codes = bought(partner, *[Purpose.ON_SITE] * 20)
    assert {code.training_code for code in codes} != {one.training_code}
    assert len({code.training_code for code in codes}) == 1


def test_partners_share_the_database_and_nothing_else(partner: Partner) -> None:
    other = sandbox_partner("BELAJAR-1M", kind="institution")  # begins as the trainings of the first do
    mine, theirs = opened(partner), opened(other)
    assert not {code.training_code for code in mine.codes} & {code.training_code for code in theirs.codes}
    with world_of_partner(partner, is_sandbox=True):
        for owner, own in ((partner, mine), (other, theirs)):
            codes = {code.training_code for code in own.codes if code.purpose != Purpose.ELSEWHERE}
            institutions = Institution.objects.filter(trainings__code__in=codes).order_by("pk").distinct()
            assert [institution.code for institution in institutions] == [owner.code]
        waves = SandboxPeople.objects.order_by("pk").values_list("partner_id", "wave_id")
        assert len(dict(waves)) == len({wave for _, wave in waves}) == 2
    assert Purchase.objects.count() == 0


def test_at_the_end_of_a_year_test_balances_live_on(partner: Partner, clock: StoppedClock) -> None:
    clock.set(2020, 12, 31, 23, 50)
    assert all(code.is_unused for code in opened(partner).codes if code.purpose in open_sandbox.FRESH)


def test_what_is_refused_changes_nothing(partner: Partner, monkeypatch: pytest.MonkeyPatch) -> None:
    def code_of(said: object) -> object:
        assert isinstance(said, Refusal), said
        return said.code

    assert code_of(more_codes(partner_id=partner.pk, purposes=[Purpose.WEBINAR])) == SandboxRefusal.NOT_OPEN
    opened(partner)
    before = sandbox_of(partner)
    assert code_of(more_codes(partner_id=partner.pk, purposes=[])) == SandboxRefusal.COUNT_OUT_OF_BOUNDS
    many = [Purpose.WEBINAR] * 21
    assert code_of(more_codes(partner_id=partner.pk, purposes=many)) == SandboxRefusal.COUNT_OUT_OF_BOUNDS
    assert code_of(more_codes(partner_id=0, purposes=[Purpose.WEBINAR])) == SandboxRefusal.PARTNER_UNKNOWN
    monkeypatch.setattr(sandbox_people, "PEOPLE_LIMIT_COUNT", 5)
    assert code_of(more_codes(partner_id=partner.pk, purposes=[Purpose.WEBINAR])) == SandboxRefusal.PEOPLE_SPENT
    assert sandbox_of(partner) == before
    (unknown,) = open_sandboxes(partner_ids=[0])
    assert code_of(unknown.refusal) == SandboxRefusal.PARTNER_UNKNOWN
    monkeypatch.setattr(world, "SUFFIX", "_nowhere")
    (away,) = open_sandboxes(partner_ids=[partner.pk])
    assert code_of(away.refusal) == SandboxRefusal.AWAY
    assert code_of(more_codes(partner_id=partner.pk, purposes=[Purpose.WEBINAR])) == SandboxRefusal.AWAY


def test_what_a_test_balance_cannot_buy(partner: Partner, monkeypatch: pytest.MonkeyPatch) -> None:
    dear = replace(sandbox_shelf.KIND_OF[Purpose.ON_SITE], price_rupiah=50_000_000)
    monkeypatch.setitem(sandbox_shelf.KIND_OF, Purpose.ON_SITE, dear)
    (outcome,) = open_sandboxes(partner_ids=[partner.pk])
    assert outcome.refusal is not None
    assert outcome.refusal.code == SandboxRefusal.NOTHING_SOLD
    assert sandbox_of(partner) is None


def test_every_call_gives_codes_nobody_had(partner: Partner) -> None:
    opened(partner)
    codes = [code.redeem_code for _ in range(3) for code in bought(partner, *open_sandbox.FRESH)]
    assert len(set(codes)) == 9
