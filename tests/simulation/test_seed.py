"""The demo: a participant with exactly Rp300,000 left, two officers, an institution, an auditor, a fitted model."""

from collections import Counter
from datetime import date, datetime
from io import StringIO

import pytest
from django.contrib.auth import authenticate
from django.core.management import CommandError, call_command

from bekal.accounts.models import Role, User
from bekal.catalogue.links import platforms_of_the_same_hands
from bekal.catalogue.models import Institution, InstitutionStaff, Submission, Suspension, Training
from bekal.holds.models import Hold
from bekal.incentives.models import PayoutRun
from bekal.incentives.timeline import timeline_of
from bekal.ledger.clock import JAKARTA, programme_now
from bekal.ledger.queries import remaining
from bekal.messaging.models import OutboxMessage
from bekal.participants.models import Participant, Participation
from bekal.partners.models import Partner, PartnerKey, PlatformSale
from bekal.purchases.models import CaseRuling, EvidenceCase, InstitutionSettlement, Review
from bekal.purchases.queries import purchases_of
from bekal.recommender.serve import ListState, recommend_for
from bekal.simulation.demo import DEMO_LOGINS, INSTITUTION, OFFICER_1, PARTICIPANT, SECOND_PARTICIPANT
from bekal.simulation.seed import seed_demo
from tests.factories.unchanged import nothing_changes


@pytest.mark.django_db
def test_the_demo_is_ready_to_be_walked_through() -> None:
    out = StringIO()
    call_command("seed-demo", "--participants", "70", stdout=out)
    assert "71 people registered" in out.getvalue()
    assert programme_now() == datetime(2020, 11, 19, 10, tzinfo=JAKARTA)
    assert not OutboxMessage.objects.filter(sent_at=None).exists(), "no message of the past waits for a carrier"
    for login in DEMO_LOGINS:
        user = authenticate(username=login.login_name, password=login.password)
        assert isinstance(user, User) and user.is_demo and user.role == login.role
    participation = Participation.objects.get(participant__user__login_name=PARTICIPANT)
    assert_siti(participation)
    (fits,) = recommend_for(participation_ids=[participation.pk], at=programme_now())
    assert fits.state is ListState.READY and len(fits.items) == 10
    assert all(item.price_rupiah <= 300_000 for item in fits.items)
    states = Counter(Submission.objects.order_by("pk").values_list("state", flat=True))
    assert states == {"submitted": 3, "returned": 1}
    assert Suspension.objects.get(lifted_at=None).institution
    assert not Training.objects.filter(is_suspended=True).exists(), "nobody is hurt"
    assert platforms_of_the_same_hands(on=programme_now().date())
    (key,) = PartnerKey.objects.select_related("partner").order_by("pk")
    assert key.partner.institution_id == InstitutionStaff.objects.get(user__login_name=INSTITUTION).institution_id
    assert (key.is_sandbox, key.miss_count, Partner.objects.count()) == (False, 3, 2)
    assert_troubles()
    assert_settlements()
    with nothing_changes():
        call_command("seed-demo", "--participants", "70", stdout=out)
    assert "nothing was done" in out.getvalue()


def assert_siti(participation: Participation) -> None:
    assert participation.participant.full_name == "Siti Rahayu"
    assert remaining(owner_ids=[participation.pk]) == {participation.pk: 300_000}
    finished, unreviewed, to_begin = purchases_of(participation_id=participation.pk)
    assert finished.reconciled_at is not None and finished.owed == ()
    assert unreviewed.completed_at is not None and {owed.owed_by for owed in unreviewed.owed} == {"participant"}
    assert to_begin.redeemed_at is None and {owed.owed_by for owed in to_begin.owed} == {"participant", "institution"}
    staff = InstitutionStaff.objects.get(user__login_name=INSTITUTION)
    assert staff.institution_id == to_begin.institution_id
    assert staff.institution_id not in (finished.institution_id, unreviewed.institution_id)
    lines = timeline_of(participation_id=participation.pk, on=date(2020, 11, 19))
    states = [line.state.value for line in lines if line.kind.value == "incentive"]
    assert states == ["settled", "settled", "planned", "planned"]


def assert_settlements() -> None:
    """Institutions were paid once, and a list of what is owed since waits for the second officer."""
    paid, waiting = PayoutRun.objects.filter(payee=PayoutRun.Payee.INSTITUTIONS).order_by("pk")
    assert paid.exported_at is not None and InstitutionSettlement.objects.filter(settled_at__isnull=False).exists()
    assert (waiting.approved_at, waiting.planned_by.login_name) == (None, OFFICER_1)
    assert Institution.objects.filter(bank_accounts=None).exists(), "one has to be given an account first"
    assert InstitutionStaff.objects.get(user__login_name=INSTITUTION).institution.bank_accounts.exists()


def assert_troubles() -> None:
    """Officers find cases and holds to decide, and the second participant sees both on their own pages."""
    kinds = set(EvidenceCase.objects.filter(closed_at=None).values_list("kind", flat=True))
    assert kinds == {"disagreement", "progress_below", "taken_back"}
    assert CaseRuling.objects.get().confirmed_at is None
    assert PlatformSale.objects.count() == 1
    reasons = Counter(Hold.objects.filter(lifted_at=None).values_list("reason", flat=True))
    assert reasons["ownership"] == 1 and reasons["timing"] > 0
    place = Participation.objects.get(participant__user__login_name=SECOND_PARTICIPANT)
    assert Hold.objects.get(participation=place).appealed_at is not None
    assert any(line.evidence.conflict for line in purchases_of(participation_id=place.pk))
    assert Review.objects.filter(purchase__participation=place).exclude(hidden_at=None).exists()


@pytest.mark.django_db
def test_a_demo_that_cannot_be_finished_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def break_off(**_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("bekal.simulation.seed.give_sign_in", break_off)
    with nothing_changes(), pytest.raises(KeyboardInterrupt):
        seed_demo(participant_count=3)
    assert not Participant.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize("count", ["0", "-5", "1000001"])
def test_a_nonsense_size_is_refused(count: str) -> None:
    with pytest.raises(CommandError, match=f"--participants is {count}"):
        call_command("seed-demo", "--participants", count)


def test_the_demos_names_are_one_of_each_role() -> None:
    assert sorted(login.role for login in DEMO_LOGINS) == sorted([*Role, Role.OFFICER, Role.PARTICIPANT])
    assert len({login.login_name for login in DEMO_LOGINS}) == 6
