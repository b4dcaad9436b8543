"""One simulated day of the programme office: deadlines, payouts, reconciliation, for all who are there."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time

import numpy as np

from bekal.incentives.entitle import entitle
from bekal.ledger.clock import programme_day
from bekal.lifecycle.end_balances import end_balances
from bekal.lifecycle.revoke import revoke
from bekal.participants.models import PaymentPartner
from bekal.purchases.reconcile import reconcile
from bekal.simulation.agenda import Numbers, What
from bekal.simulation.day import Living
from bekal.simulation.failures import FAILURES, NONE, Kind, next_working_day
from bekal.simulation.payday import (
    TakenFile,
    answer_file,
    answers_of,
    clear_up,
    hand_over_what_waited,
    send_run,
    take_statement,
    transfers_of,
    unanswered,
)

# People of no cohort draw by their own numbers, beyond the places of any cohort.
OUTSIDE = 1 << 40


@dataclass(slots=True)
class Office:
    """The programme's side of a walk. `everybody`: its verbs act on all there are; else they name the cohorts' people,
    because the others have lived through these days before."""

    livings: list[Living]
    officer_ids: tuple[int, int]
    payout_days: frozenset[date]
    everybody: bool = True

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
    """On a day of payment everything due is listed and handed over; what a partner was closed for goes a working day
    later."""
    today = programme_day(at)
    for paid_on in _made_good_on(office, today):
        for partner in _partners_of(Kind.OUTAGE, paid_on):
            hand_over_what_waited(partner=partner, paid_on=paid_on, ids=_named(office), at=at)
    if today in office.payout_days:
        send_run(planned_for=today, officer_ids=office.officer_ids, participation_ids=_named(office), at=at)


def _made_good_on(office: Office, today: date) -> list[date]:
    """The days of payment of which today is the next working day."""
    return sorted(day for day in office.payout_days if next_working_day(day) == today)


def _partners_of(kind: Kind, paid_on: date) -> list[str]:
    return sorted(partner for each, partner, on in FAILURES.events if (each, on) == (kind, paid_on))


def _named(office: Office) -> list[int] | None:
    """Whose files they are: everybody's, or the cohorts' that live alone through these days."""
    return None if office.everybody else _entitled(office)


def _entitled(office: Office) -> list[int]:
    return [number for one in office.livings for number in one.life.participation_ids[one.life.entitled].tolist()]


def take_answers(office: Office, at: datetime) -> None:
    """The partners' answers come in, and the statements of the last day of payment. Who was rejected gives another
    account some days later, and who was paid the second or the last instalment is asked the next survey."""
    today = programme_day(at)
    files = [
        file
        for partner, paid_on, booked_on in _answering(office, today)
        for file in unanswered(partner=partner, paid_on=paid_on, booked_on=booked_on, ids=_named(office))
    ]
    for file in files:
        answer_file(file=file, rejected=_rejections(office, file), at=at)
    if files:
        _hear(office, files, at)
    statements = list(_statements(office, today))
    for partner, paid_on, is_cut in statements:
        take_statement(partner=partner, paid_on=paid_on, ids=_named(office), is_cut=is_cut, at=at)
    whole = {partner for partner, _, is_cut in statements if not is_cut}
    for paid_on in _made_good_on(office, today):
        whole.update(_partners_of(Kind.CUT_ANSWER, paid_on))
    for partner in sorted(whole):
        clear_up(partner=partner, officer_id=office.officer_ids[0], at=at)


def _answering(office: Office, today: date) -> Iterator[tuple[str, date, date]]:
    """Which partners answer today the files of which day of payment, and when they booked them."""
    if today in office.payout_days:
        for partner in PaymentPartner.values:
            yield partner, today, today
    for paid_on in _made_good_on(office, today):
        for partner in _partners_of(Kind.OUTAGE, paid_on):
            yield partner, paid_on, today
        for partner in _partners_of(Kind.CUT_ANSWER, paid_on):
            yield partner, paid_on, paid_on


def _statements(office: Office, today: date) -> Iterator[tuple[str, date, bool]]:
    """Each partner's of the last day of payment on the next working day; where that one is cut, the whole one a
    working day later."""
    for partner in sorted(FAILURES.iso):
        for paid_on in sorted(office.payout_days):
            fetched_on, is_cut = next_working_day(paid_on), FAILURES.happens(Kind.CUT_STATEMENT, partner, paid_on)
            if today == fetched_on:
                yield partner, paid_on, is_cut
            elif is_cut and today == next_working_day(fetched_on):
                yield partner, paid_on, False


def _rejections(office: Office, file: TakenFile) -> dict[str, str]:
    """By reference for which reason the partner rejects a transfer of the file: each cohort's by its own draws, those
    of nobody's cohort by the newest one's."""
    transfers = transfers_of(file)
    columns = np.array([(one.participant_id, one.counter, one.attempt) for one in transfers], dtype=np.int64)
    people, counters, attempts = columns.reshape(-1, 3).T
    reasons = np.full(len(transfers), NONE, dtype=np.int64)
    is_known = np.zeros(len(transfers), dtype=bool)
    for living in office.livings:
        rows, places = living.life.found(people)
        is_known[rows] = True
        reasons[rows] = living.life.rejections(
            places, counters[rows], attempts[rows], share=_share(living), on=file.booked_on.toordinal()
        )
    others = np.flatnonzero(~is_known)
    if len(others):
        newest = max(office.livings, key=lambda living: living.cohort.pk)
        reasons[others] = FAILURES.rejections(
            newest.life.draws, people[others] + OUTSIDE, counters[others], attempts[others], _share(newest)
        )
    return {transfers[row].reference: FAILURES.reasons[reasons[row]] for row in np.flatnonzero(reasons != NONE)}


def _share(living: Living) -> float:
    every = living.cohort.reject_every
    return 1 / every if every else 0.0


def _hear(office: Office, files: list[TakenFile], at: datetime) -> None:
    answered = answers_of(files=files, at=at)
    today = programme_day(at).toordinal()
    refused = np.array(list(answered.rejected), dtype=np.int64)
    reasons = np.array([FAILURES.place_of(code) for code in answered.rejected.values()], dtype=np.int64)
    for living in office.livings:
        life = living.life
        rows, places = life.found(refused)
        if len(rows):
            life.plan_new_accounts(places, today, reasons[rows])
        life.note_paid(life.places_of(answered.first_paid_ids), today)
        life.plan_survey_after_pay(
            life.places_of(answered.second_paid_ids), life.places_of(answered.last_paid_ids), today
        )


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
