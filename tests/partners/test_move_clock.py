"""A partner moves its own clock, and sees what falls due happen to its own people by the real verbs."""

from datetime import datetime, timedelta

import pytest
from django.db import connections, transaction

from bekal.core.refusal import Refusal
from bekal.core.rules import RULES
from bekal.ledger.clock import JAKARTA, programme_day
from bekal.participants.models import Participation
from bekal.partners import world
from bekal.partners.models import Partner, SandboxCode, WebhookDelivery
from bekal.partners.move_clock import Destination, MovedClock, begin_anew, destination_at, move_clock, move_clock_inside
from bekal.partners.open_sandbox import IDLE_COUNT, more_codes, open_sandboxes, sandbox_of
from bekal.partners.sandbox_refusals import SandboxRefusal
from bekal.partners.webhook_endpoints import NewEndpoint, open_endpoints
from bekal.partners.webhook_events import collect_events
from bekal.partners.world import world_of_partner
from bekal.purchases.models import Purchase
from bekal.purchases.record_attendance import Attendance, record_attendance
from bekal.purchases.record_completion import Completion, record_completion
from bekal.purchases.redeem import Redemption, redeem
from tests import databases
from tests.api.v2.calling import Caller, answer, key_of
from tests.conftest import StoppedClock
from tests.factories import jakarta
from tests.factories.partners import sandbox_partner
from tests.partners.test_world import rows_of

pytestmark = pytest.mark.django_db(transaction=True)
ENVELOPE_RUPIAH = 3_550_000


@pytest.fixture
def partner(sandbox: databases.TestDatabase, clock: StoppedClock) -> Partner:
    clock.set(2020, 11, 2)
    return opened(sandbox_partner())


def opened(partner: Partner) -> Partner:
    (outcome,) = open_sandboxes(partner_ids=[partner.pk])
    assert outcome.refusal is None, outcome
    return partner


def learn(partner: Partner) -> int:
    """The self-paced code is redeemed, attended and completed, as the partner's system does; the purchase."""
    seen = sandbox_of(partner)
    assert seen is not None
    (code,) = [code for code in seen.codes if code.purpose == SandboxCode.Purpose.SELF_PACED]
    with world_of_partner(partner, is_sandbox=True) as there:
        assert there.institution_id is not None
        (begun,) = redeem(redemptions=[Redemption(there.institution_id, code.redeem_code)], at=there.at)
        assert begun.purchase_id is not None
        for outcome in (
            *record_attendance(attendances=[Attendance(there.institution_id, begun.purchase_id, 1)], at=there.at),
            *record_completion(completions=[Completion(there.institution_id, begun.purchase_id)], at=there.at),
        ):
            assert outcome.refusal is None, outcome
        return begun.purchase_id


def refusal_of(moved: MovedClock) -> SandboxRefusal:
    assert moved.refusal is not None
    assert moved.proven_count == moved.settled_count == moved.returned_rupiah == 0
    return SandboxRefusal(moved.refusal.code)


@pytest.mark.parametrize(
    ("at", "destination", "expected"),
    [
        (jakarta(2020, 11, 19), Destination.TWENTY_FIFTH, jakarta(2020, 11, 25)),
        (jakarta(2020, 11, 25), Destination.TWENTY_FIFTH, jakarta(2020, 12, 25)),
        (jakarta(2020, 12, 31, 23), Destination.TWENTY_FIFTH, jakarta(2021, 1, 25)),
        (jakarta(2020, 11, 19), Destination.YEAR_END, jakarta(2021, 1, 1, 0)),
        (datetime.fromisoformat("2020-12-31T17:30:00+00:00"), Destination.YEAR_END, jakarta(2022, 1, 1, 0)),
    ],
)
def test_destinations(at: datetime, destination: Destination, expected: datetime) -> None:
    assert destination_at(at, destination) == expected
    assert destination_at(at, destination).tzinfo is JAKARTA


def test_what_was_learned_is_proven_and_settled_after_the_hold(partner: Partner) -> None:
    purchase_id = learn(partner)
    first = move_clock(partner_id=partner.pk, days=2)
    assert (first.reviewed_count, first.proven_count, first.entitled_count) == (1, 1, 1)
    # The purchase that ended half attended is owed its part, too.
    hold = RULES.value("settlement_hold_days", programme_day(first.at or jakarta(2020, 11, 4)))
    second = move_clock(partner_id=partner.pk, days=int(hold) + 1)
    with world_of_partner(partner, is_sandbox=True) as there:
        settled = Purchase.objects.filter(settlement__isnull=False).order_by("pk")
        assert purchase_id in settled.values_list("pk", flat=True)
        assert first.settled_count + second.settled_count == settled.count()
        assert first.settled_rupiah + second.settled_rupiah == sum(
            row.price_rupiah - row.refunded_rupiah for row in settled
        )
        assert there.at == second.at


def test_at_the_end_of_the_year_places_are_taken_back_and_balances_end(partner: Partner) -> None:
    moved = move_clock(partner_id=partner.pk, destination=Destination.YEAR_END)
    assert (moved.revoked_count, moved.revoked_rupiah) == (IDLE_COUNT, IDLE_COUNT * ENVELOPE_RUPIAH)
    with world_of_partner(partner, is_sandbox=True):
        assert moved.ended_count == Participation.objects.filter(balance_ended_at__isnull=False).count() > 0
    assert moved.returned_rupiah == moved.revoked_rupiah + moved.ended_rupiah
    assert 0 < moved.ended_rupiah < moved.ended_count * 1_000_000
    again = move_clock(partner_id=partner.pk, days=1)
    assert (again.revoked_count, again.ended_count, again.returned_rupiah) == (0, 0, 0)
    codes = more_codes(partner_id=partner.pk, purposes=[SandboxCode.Purpose.WEBINAR])
    assert not isinstance(codes, Refusal), codes


def test_one_partners_clock_moves_nobody_elses(partner: Partner, sandbox: databases.TestDatabase) -> None:
    other = opened(sandbox_partner("LAIN"))
    real = rows_of(str(connections.settings["default"]["NAME"]))
    with world_of_partner(other, is_sandbox=True) as there:
        before = there.at
    theirs = sandbox_of(other)
    moved = move_clock(partner_id=partner.pk, destination=Destination.YEAR_END)
    assert moved.revoked_count == IDLE_COUNT
    assert sandbox_of(other) == theirs
    with world_of_partner(other, is_sandbox=True) as there:
        assert there.at == before
        untouched = Participation.objects.filter(wave__sandbox_people__partner=other.pk)
        assert not untouched.exclude(revoked_at=None, balance_ended_at=None).exists()
    assert rows_of(str(connections.settings["default"]["NAME"])) == real


def test_what_is_refused_moves_nothing(partner: Partner, monkeypatch: pytest.MonkeyPatch) -> None:
    partner_at = clock_of(partner)
    assert refusal_of(move_clock(partner_id=partner.pk)) == SandboxRefusal.CLOCK_BACK
    assert refusal_of(move_clock(partner_id=partner.pk, days=-3)) == SandboxRefusal.CLOCK_BACK
    assert refusal_of(move_clock(partner_id=partner.pk, days=801)) == SandboxRefusal.CLOCK_TOO_FAR
    assert refusal_of(move_clock(partner_id=partner.pk, days=10**12)) == SandboxRefusal.CLOCK_TOO_FAR
    assert refusal_of(move_clock(partner_id=0, days=1)) == SandboxRefusal.PARTNER_UNKNOWN
    assert refusal_of(move_clock(partner_id=sandbox_partner("BARU").pk, days=1)) == SandboxRefusal.NOT_OPEN
    with monkeypatch.context() as patch:
        patch.setattr(world, "SUFFIX", "_nowhere")
        assert refusal_of(move_clock(partner_id=partner.pk, days=1)) == SandboxRefusal.AWAY
        assert begin_anew(partner_id=partner.pk).refusal is not None
    assert clock_of(partner) == partner_at


def test_begun_anew_there_is_no_past(partner: Partner, clock: StoppedClock) -> None:
    learn(partner)
    move_clock(partner_id=partner.pk, destination=Destination.YEAR_END)
    before = sandbox_of(partner)
    fresh = begin_anew(partner_id=partner.pk)
    assert fresh.refusal is None
    assert fresh.at == clock.now() == clock_of(partner)
    assert before is not None
    assert not {code.redeem_code for code in fresh.codes} & {code.redeem_code for code in before.codes}
    with world_of_partner(partner, is_sandbox=True) as there:
        own = Purchase.objects.filter(training__institution=there.institution_id)
        assert not own.filter(completed_at__isnull=False).exists()
        assert own.count() == len(fresh.codes) - 1  # one is another institution's
    assert begin_anew(partner_id=partner.pk).refusal is None
    assert move_clock(partner_id=partner.pk, days=1).at == clock.now() + timedelta(days=1)


def test_begun_anew_webhooks_tell_at_once_and_keys_serve_again(partner: Partner, clock: StoppedClock) -> None:
    """Nothing waits until the clock is where it was before, and no key is answered with what is out of sight."""
    move_clock(partner_id=partner.pk, destination=Destination.YEAR_END)
    clock.forward(hours=1)
    hook = NewEndpoint(partner.pk, True, "https://lembaga.example/", clock_of(partner), ("purchase.redeemed",))
    assert open_endpoints(endpoints=[hook], at=clock.now())[0].refusal is None
    learn(partner)
    move_clock(partner_id=partner.pk, days=40)
    assert collect_events(now=clock.now()) > 0
    code = Caller(key_of(partner, is_sandbox=True, client_code="uji-baru").client_code)
    assert code.post("/sandbox/codes", {"purpose": "self_paced"}, idempotency_key="a").status_code == 201
    clock.forward(hours=1)
    begun = [code.post("/sandbox/beginnings", idempotency_key="b") for _ in range(2)]
    assert answer(begun[0], 201) == answer(begun[1], 201) and begun[1].headers["Idempotency-Replayed"] == "true"
    collect_events(now=clock.now())
    made = code.post("/sandbox/codes", {"purpose": "self_paced"}, idempotency_key="a")
    assert "Idempotency-Replayed" not in made.headers
    (line,) = answer(made, 201)["codes"]
    redeemed = answer(code.post("/redemptions", {"redeem_code": line["redeem_code"]}), 201)["purchase"]
    collect_events(now=clock.now())
    told = WebhookDelivery.objects.filter(event__kind="purchase.redeemed").order_by("-pk")
    assert redeemed in [delivery.event.values["purchase"] for delivery in told.select_related("event")]


def test_a_second_click_at_the_same_moment_moves_once(partner: Partner) -> None:
    with world_of_partner(partner, is_sandbox=True) as before:
        pass
    move_clock(partner_id=partner.pk, destination=Destination.TWENTY_FIFTH)
    with world_of_partner(partner, is_sandbox=True), transaction.atomic():
        second = move_clock_inside(partner_id=partner.pk, world=before, destination=Destination.TWENTY_FIFTH)
    assert refusal_of(second) == SandboxRefusal.CLOCK_BACK


def clock_of(partner: Partner) -> datetime:
    with world_of_partner(partner, is_sandbox=True) as there:
        return there.at
