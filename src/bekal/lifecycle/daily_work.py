"""`do_daily_work`: what falls due by itself; what takes a place or returns money is planned and waits for a person."""

from dataclasses import dataclass
from datetime import datetime

from bekal.incentives.entitle import Entitled, entitle
from bekal.lifecycle.mass_runs import MassRunState, MassState, mass_runs, plan_mass_run
from bekal.lifecycle.models import MassRun
from bekal.purchases.issue_certificates import issue_certificates
from bekal.purchases.reconcile import Reconciled, reconcile
from bekal.purchases.revoke_certificates import revoke_unearned

PLANNED_DAILY = (MassRun.Operation.REVOKE, MassRun.Operation.END_BALANCES)


@dataclass(frozen=True, slots=True)
class DailyWork:
    """What was done now, the runs planned now, and every run that waits for a second person."""

    reconciled: Reconciled
    entitled: Entitled
    planned_run_ids: tuple[int, ...]
    waiting: tuple[MassRunState, ...]


def do_daily_work(*, at: datetime) -> DailyWork:
    """Reconcile complete evidence, entitle who earned, issue and revoke certificates as the evidence says, and plan
    revocations and ends of balances as runs that wait for approval; where such a run is open already, whoever fell due
    since comes on the next one.

    Each step commits by itself: stopped anywhere and called again it ends the same.
    """
    reconciled = reconcile(at=at)
    entitled = entitle(at=at)
    revoke_unearned(at=at)
    issue_certificates(at=at)
    planned = [plan_mass_run(operation=operation, planned_by_id=None, at=at) for operation in PLANNED_DAILY]
    waiting = [run for run in mass_runs(open_only=True) if run.state is MassState.WAITING]
    return DailyWork(
        reconciled,
        entitled,
        tuple(run.run_id for run in planned if run.run_id is not None),
        tuple(reversed(waiting)),
    )
