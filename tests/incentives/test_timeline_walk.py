"""Whatever the verbs do in whatever order, what is told of each instalment adds up with the books, rupiah by rupiah."""

from collections import Counter
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bekal.holds.decide_holds import lift_holds
from bekal.holds.models import Hold
from bekal.holds.open_holds import open_holds
from bekal.incentives.approve_payout_run import approve_payout_run
from bekal.incentives.cancel_payout_run import cancel_payout_run
from bekal.incentives.clear_exception import clear_exception
from bekal.incentives.complaint_models import Complaint
from bekal.incentives.find_silent import find_silent
from bekal.incentives.finished_unpaid import Side
from bekal.incentives.follow_complaints import close_moved_complaints, pass_complaints_on
from bekal.incentives.instalment_line import Happening, InstalmentLine, InstalmentState
from bekal.incentives.models import Payout, PayoutException, PayoutFile, PayoutRun, PayoutSending
from bekal.incentives.open_complaints import NewComplaint, open_complaints, turn_of
from bekal.incentives.partners.file_exchange import FileAccess
from bekal.incentives.partners.rails import Rail
from bekal.incentives.pause_payout_run import pause_payout_run, resume_payout_run
from bekal.incentives.plan_payout_run import plan_payout_run
from bekal.incentives.settle_payouts import settle_payouts
from bekal.incentives.timeline import timeline_of
from bekal.ledger.movements import Kind
from bekal.ledger.queries import balances_of
from bekal.participants.models import Participation
from tests import factories
from tests.factories import jakarta
from tests.factories.holding import new_hold
from tests.incentives.journey import earners, export, officers, taken_back
from tests.incentives.partner import status_file

PAY_DAYS = (date(2020, 4, 27), date(2020, 5, 26))
PEOPLE = st.integers(0, 1)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("hand_over"), st.sampled_from(PAY_DAYS)),
        st.tuples(st.just("plan"), st.sampled_from(PAY_DAYS)),
        *[
            st.tuples(
                st.sampled_from(["approve", "cancel", "export", "pause", "resume", "silence", "clear", "reverse"])
            )
        ],
        st.tuples(st.just("heard"), st.sampled_from(["begun", "unknown", "taken", "refused", "not_there"])),
        *[
            st.tuples(
                st.just("answer"),
                st.lists(
                    st.sampled_from(["settled", "rejected", "returned", "wrong", "nothing"]), min_size=2, max_size=4
                ),
            )
        ]
        * 2,
        st.tuples(st.sampled_from(["hold", "lift", "change", "complain"]), PEOPLE),
        st.tuples(st.just("wait"), st.integers(1, 6)),
    ),
    min_size=4,
    max_size=14,
)
# Where the newest that happened to an instalment has left its money.
PLACES = {
    Happening.SENT: Kind.PAYOUT_IN_TRANSIT,
    Happening.ACCEPTED: Kind.PAYOUT_IN_TRANSIT,
    Happening.SETTLED: Kind.PAYOUT_SETTLED,
}
MOVES = frozenset(Happening) - {Happening.QUESTIONED, Happening.ANSWERED, Happening.PAUSED}
# Where the money is of what is told so; those that are not here say nothing of it.
OUT = ("leaving", "unknown", "list_refused", "sent", "accepted", "silent")
HERE = (
    "waiting_account",
    "waiting_change",
    "account_failed",
    "planned",
    "due",
    "held",
    "in_run",
    "approved",
    "to_list_anew",
)
TOLD: dict[str, Kind] = {
    "settled": Kind.PAYOUT_SETTLED,
    **dict.fromkeys(OUT, Kind.PAYOUT_IN_TRANSIT),
    **dict.fromkeys((*HERE, "rejected", "sent_back", "taken_back"), Kind.INCENTIVE_COMMITTED),
}


class House:
    """Two people, whose bank takes files by itself, and whatever can happen to their instalments."""

    def __init__(self, people: tuple[int, ...]) -> None:
        self.people, self.at = people, jakarta(2020, 4, 27)
        self.officer_ids = [officer.pk for officer in officers()]
        self.count = 0

    def tick(self, **more: int) -> datetime:
        self.at += timedelta(minutes=1, **more)
        return self.at

    @property
    def newest(self) -> PayoutRun | None:
        return PayoutRun.objects.order_by("-pk").first()

    def take(self, name: str, *more: Any) -> None:
        getattr(self, f"_{name}")(*more)

    def _plan(self, day: date) -> None:
        plan_payout_run(planned_for=day, officer_id=self.officer_ids[0], at=self.tick())

    def _hand_over(self, day: date) -> None:
        self._plan(day)
        self._approve()
        self._export()

    def _approve(self) -> None:
        if (run := self.newest) is not None:
            seal = bytes(run.list_sha256)
            approve_payout_run(run_id=run.pk, officer_id=self.officer_ids[1], list_sha256=seal, at=self.tick())

    def _cancel(self) -> None:
        if (run := self.newest) is not None:
            cancel_payout_run(run_id=run.pk, officer_id=self.officer_ids[0], at=self.tick())

    def _export(self) -> None:
        if (run := self.newest) is not None:
            rails = {"bni": Rail("bni", files=FileAccess("http://127.0.0.1:1", "t"))}
            export(run_id=run.pk, at=self.tick(), rails=rails)

    def _pause(self) -> None:
        if (run := self.newest) is not None:
            pause_payout_run(run_id=run.pk, officer_id=self.officer_ids[0], at=self.tick())

    def _resume(self) -> None:
        if (run := self.newest) is not None:
            resume_payout_run(run_id=run.pk)

    def _heard(self, outcome: str) -> None:
        file = PayoutFile.objects.filter(direction="out").order_by("-pk").first()
        if file is not None:
            PayoutSending.objects.create(file=file, act="ask", outcome=outcome, noted_at=self.tick())

    def _answer(self, said: Sequence[str]) -> None:
        """The newest payments that were sent are spoken of, one word for each."""
        self.count += 1
        sent = Payout.objects.filter(statuses__state="sent").order_by("-pk")[: len(said)]
        lines = [
            (payout.reference, payout.amount_rupiah + (word == "wrong"), "settled" if word == "wrong" else word)
            for payout, word in zip(sent, said, strict=False)
            if word != "nothing"
        ]
        full = [(*line, "AC04" if line[2] in ("rejected", "returned") else "") for line in lines]
        if full:
            content = status_file(full, line_end="\n" if self.count % 2 else "\r\n")
            settle_payouts(partner="bni", name=f"{self.count}.csv", content=content, at=self.tick())

    def _reverse(self) -> None:
        paid = Payout.objects.filter(statuses__state="settled", ended_at=None).order_by("-pk").first()
        if paid is not None:
            taken_back(paid.reference, at=self.tick())

    def _silence(self) -> None:
        find_silent(at=self.tick(days=3))

    def _clear(self) -> None:
        for row in PayoutException.objects.filter(resolved_at=None):
            clear_exception(exception_id=row.pk, officer_id=self.officer_ids[0], note="Jelas.", at=self.tick())

    def _hold(self, place: int) -> None:
        self.count += 1
        open_holds(holds=[new_hold(participation_id=self.people[place], found=f"temuan {self.count}")], at=self.tick())

    def _lift(self, place: int) -> None:
        ids = Hold.objects.filter(participation_id=self.people[place], lifted_at=None).values_list("pk", flat=True)
        lift_holds(hold_ids=list(ids), officer_id=self.officer_ids[0], reason="Sudah jelas.", at=self.tick())

    def _change(self, place: int) -> None:
        self.count += 1
        participant_id = Participation.objects.get(pk=self.people[place]).participant_id
        factories.changed_account(participant_id, "bni", f"0123456{self.count:03d}", at=self.tick(hours=13))

    def _complain(self, place: int) -> None:
        new = NewComplaint(self.people[place], "incentive", 1, Complaint.About.NOT_RIGHT)
        open_complaints(complaints=[new], at=self.tick())

    def _wait(self, days: int) -> None:
        self.tick(days=days)


def where(line: InstalmentLine) -> Kind:
    """Where its money is, by what has happened to it last, asked without looking at its state."""
    last = next(step.what for step in reversed(line.steps) if step.what in MOVES)
    return PLACES.get(last, Kind.INCENTIVE_COMMITTED)


def check(house: House) -> None:
    on = house.at.date()
    for person in house.people:
        lines = timeline_of(participation_id=person, on=on)[:4]
        held = balances_of(owner_ids=[person])[person]
        told: Counter[Kind] = Counter()
        for line in lines:
            told[where(line)] += line.amount_rupiah
            assert TOLD.get(line.state, where(line)) is where(line), line
            assert line.is_overdue == (line.due_on is not None and line.due_on < on)
            # Nothing is left to nobody but what is paid.
            assert (line.turn is Side.NOBODY) == (line.state is InstalmentState.SETTLED)
        for kind in (Kind.INCENTIVE_COMMITTED, Kind.PAYOUT_IN_TRANSIT, Kind.PAYOUT_SETTLED):
            assert told[kind] == held.get(kind, 0), (kind, lines)
    close_moved_complaints(at=house.at)
    pass_complaints_on(at=house.at)
    for row in Complaint.objects.filter(closed_at=None):
        line, *_ = timeline_of(participation_id=row.participation_id, on=on)
        assert row.turn == turn_of(line)


@pytest.fixture
def people(db: None) -> tuple[int, ...]:
    return earners(2)


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(steps=STEPS)
def test_what_is_told_adds_up_with_the_books(steps: list[tuple[Any, ...]], people: tuple[int, ...]) -> None:
    with transaction.atomic():
        house = House(people)
        for step in steps:
            house.take(*step)
            check(house)
        transaction.set_rollback(True)
