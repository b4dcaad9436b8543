"""One simulated day of the programme office: deadlines, payouts, reconciliation, for all who are there."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, time

import numpy as np

from bekal.incentives.entitle import entitle
from bekal.ledger.clock import programme_day
from bekal.lifecycle.end_balances import end_balances
from bekal.lifecycle.revoke import revoke
from bekal.purchases.reconcile import reconcile
from bekal.simulation.agenda import Numbers, What
from bekal.simulation.day import Living
from bekal.simulation.payday import SentRun, answer_run, send_run

SURVEY_AFTER_INSTALMENT = 2


@dataclass(slots=True)
class Office:
    """The programme's side of a walk. `everybody`: its verbs act on all there are; else they name the cohorts' people,
    because the others have lived through these days before."""

    livings: list[Living]
    officer_ids: tuple[int, int]
    payout_days: frozenset[date]
    reject_every: int
    everybody: bool = True
    sent_run: SentRun | None = field(default=None)

    def taken(self, at: datetime, what: What) -> list[int]:
        """The participations for whom something falls due this hour."""
        ids: list[int] = []
        for living in self.livings:
            for rows in living.take(at, what):
                ids += living.life.participation_ids[rows[:, 0]].tolist()
        return ids


def revoke_the_overdue(office: Office, at: datetime) -> None:
    overdue = office.taken(at, What.OVERDUE)
    if overdue:
        revoke(at=at, participation_ids=overdue)


def end_lapsed_balances(office: Office, at: datetime) -> None:
    lapsing = office.taken(at, What.LAPSE)
    if lapsing:
        end_balances(at=at, participation_ids=lapsing)


def send_payouts(office: Office, at: datetime) -> None:
    office.sent_run = None
    if programme_day(at) not in office.payout_days:
        return
    ids = None if office.everybody else _entitled(office)
    office.sent_run = send_run(
        planned_for=programme_day(at), officer_ids=office.officer_ids, participation_ids=ids, at=at
    )


def _entitled(office: Office) -> list[int]:
    return [number for one in office.livings for number in one.life.participation_ids[one.life.entitled].tolist()]


def take_answers(office: Office, at: datetime) -> None:
    """The partners' answers come in; who was rejected gives another account some days later, and who was paid the
    second or the last instalment is asked the next survey."""
    if office.sent_run is None:
        return
    spared = {script.full_name for one in office.livings for script in one.life.scripted.values()}
    answered = answer_run(run=office.sent_run, reject_every=office.reject_every, spared=spared, at=at)
    today = programme_day(at).toordinal()
    for living in office.livings:
        life = living.life
        rejected = life.places_of(answered.rejected_participant_ids)
        if len(rejected):
            life.plan_new_accounts(rejected, today)
        life.note_paid(life.places_of(answered.first_paid_ids), today)
        life.plan_survey_after_pay(
            life.places_of(answered.second_paid_ids), life.places_of(answered.last_paid_ids), today
        )
    office.sent_run = None


def reconcile_the_reviewed(office: Office, at: datetime) -> None:
    """Reconcile what was reviewed today, and entitle whose first training that was."""
    for living in office.livings:
        purchases = np.concatenate(living.reviewed) if living.reviewed else np.empty(0, dtype=np.int64)
        living.reviewed.clear()
        if not len(purchases):
            continue
        reconcile(at=at, purchase_ids=living.life.bought.purchase_id[purchases].tolist())
        people: Numbers = np.unique(living.life.bought.person[purchases])
        new = people[~living.life.entitled[people]]
        if len(new):
            entitle(at=at, participation_ids=living.life.participation_ids[new].tolist())
            living.life.entitled[new] = True


def finish_the_day(at: datetime) -> None:
    """What falls due by itself, for people of no cohort, too."""
    reconcile(at=at)
    entitle(at=at)
    revoke(at=at)
    end_balances(at=at)


OfficeStep = Callable[[Office, datetime], None]
OFFICE_STEPS: tuple[tuple[time, OfficeStep], ...] = (
    (What.OVERDUE.value, revoke_the_overdue),
    (What.LAPSE.value, end_lapsed_balances),
    (time(9), send_payouts),
    (time(15), take_answers),
    (time(20), reconcile_the_reviewed),
)
