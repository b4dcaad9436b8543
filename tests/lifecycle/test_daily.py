"""`manage daily`: what falls due by itself; what takes a place or moves money out is planned and waits for a person."""

import pytest
from django.core.management import call_command

from bekal.incentives.models import Entitlement
from bekal.lifecycle.daily_work import do_daily_work
from bekal.lifecycle.mass_runs import MassState, mass_runs
from bekal.lifecycle.models import MassRun
from bekal.participants.models import Participation
from tests import factories
from tests.conftest import StoppedClock
from tests.factories import jakarta

pytestmark = pytest.mark.django_db


def test_what_needs_nobody_is_done_and_the_rest_is_planned(
    clock: StoppedClock, capsys: pytest.CaptureFixture[str]
) -> None:
    learner, _idler = factories.accepted(2)
    factories.reviewed(learner, factories.training())
    clock.set(2020, 5, 21)
    call_command("daily")
    run = MassRun.objects.get()
    assert capsys.readouterr().out.splitlines() == [
        "Reconciled 1 purchases; 0 wait for evidence.",
        "Entitled 1 people to 4 instalments.",
        f"Run {run.pk} waits for approval: revoke, 1 on its list, Rp3.550.000 (planned now).",
    ]
    assert Entitlement.objects.filter(participation=learner).count() == 4
    assert not Participation.objects.filter(revoked_at__isnull=False).exists(), "a place is taken by two people"
    assert run.planned_by_id is None


def test_again_finds_only_what_is_new(clock: StoppedClock, capsys: pytest.CaptureFixture[str]) -> None:
    factories.accepted(1)
    clock.set(2020, 5, 21)
    call_command("daily")
    capsys.readouterr()
    call_command("daily")
    run = MassRun.objects.get()
    assert capsys.readouterr().out.splitlines() == [
        "Reconciled 0 purchases; 0 wait for evidence.",
        "Entitled 0 people to 0 instalments.",
        f"Run {run.pk} waits for approval: revoke, 1 on its list, Rp3.550.000 (planned before).",
    ]


def test_nothing_due_is_said(clock: StoppedClock, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("daily")
    assert capsys.readouterr().out.splitlines()[-1] == "No run waits for approval."
    assert not MassRun.objects.exists()


def test_after_the_last_day_both_ends_are_planned() -> None:
    idler, buyer = factories.accepted(2)
    factories.bought(buyer, factories.training(price_rupiah=999_950))
    done = do_daily_work(at=jakarta(2020, 12, 16, 0, 0))
    assert [(run.operation, run.subject_count, run.total_rupiah) for run in done.waiting] == [
        ("revoke", 1, 3_550_000),
        ("end_balances", 1, 50),
    ]
    assert {run.state for run in mass_runs()} == {MassState.WAITING}
    assert len(done.planned_run_ids) == 2
    assert Participation.objects.filter(pk__in=(idler, buyer), revoked_at=None, balance_ended_at=None).count() == 2
