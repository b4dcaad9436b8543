"""Payout runs against a plain model in memory: any order of steps pays every instalment at most once, and says so."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

import pytest
from django.db import connection, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bekal.incentives.approve_payout_run import approve_payout_run
from bekal.incentives.cancel_payout_run import cancel_payout_run
from bekal.incentives.models import Entitlement, PayoutRun
from bekal.incentives.plan_payout_run import plan_payout_run
from bekal.incentives.queries import InstalmentState, run_lines, timeline_of
from bekal.incentives.refusals import PayoutRefusal as Why
from bekal.incentives.settle_payouts import settle_payouts
from bekal.ledger.movements import Kind
from bekal.ledger.queries import balances_of
from bekal.proofs.check import prove_ledger
from tests import factories
from tests.factories import jakarta
from tests.incentives.journey import INSTALMENT_RUPIAH, earners, export, officers
from tests.incentives.partner import status_file
from tests.incentives.test_export_payout_run import set_account

PAY_DAYS = (date(2020, 4, 27), date(2020, 5, 26), date(2020, 6, 25), date(2020, 7, 27))
NOW = jakarta(2020, 7, 27)
# Runs are counted from the newest back.
RUNS, OFFICERS = st.integers(0, 2), st.integers(0, 1)
ANSWERS = st.lists(st.sampled_from(["settled", "rejected", "nothing"]), min_size=3, max_size=12)
# `hand_over` is plan, approve and export in one, so that many examples come as far as the partners' answers.
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("hand_over"), st.sampled_from(PAY_DAYS), OFFICERS),
        st.tuples(st.just("plan"), st.sampled_from(PAY_DAYS), OFFICERS),
        st.tuples(st.just("approve"), RUNS, OFFICERS),
        st.tuples(st.just("cancel"), RUNS, OFFICERS),
        st.tuples(st.just("export"), RUNS, OFFICERS),
        *[st.tuples(st.just("settle"), RUNS, ANSWERS)] * 3,
    ),
    min_size=6,
    max_size=16,
)
Instalment = tuple[int, int]


@dataclass
class Run:
    """A run of the model: who planned it, how far it is, what was answered for each of its instalments."""

    planner: int
    lines: dict[Instalment, str | None]
    state: str = "planned"
    in_question: set[Instalment] = field(default_factory=set)


@dataclass
class Model:
    """What payout runs must do, without a database: an instalment is on at most one list, paid ones for ever."""

    pay_on: dict[Instalment, date]
    attempts: Counter[Instalment] = field(default_factory=Counter)
    runs: list[Run] = field(default_factory=list)

    def is_live(self, one: Instalment) -> bool:
        return any(r.state != "cancelled" and r.lines.get(one, "rejected") != "rejected" for r in self.runs)

    def is_in_question(self, one: Instalment) -> bool:
        """The partner has said the contrary of what it said before: it waits for an officer."""
        return any(one in run.in_question for run in self.runs)

    def plan(self, day: date, officer: int) -> str | None:
        due = sorted(
            one
            for one, pay_on in self.pay_on.items()
            if pay_on <= day and not self.is_live(one) and not self.is_in_question(one)
        )
        if not due:
            return Why.NOTHING_DUE
        self.attempts.update(due)
        self.runs.append(Run(officer, dict.fromkeys(due)))
        return None

    def approve(self, run: Run, officer: int) -> str | None:
        if run.state == "cancelled":
            return Why.RUN_CANCELLED
        if run.state != "planned":
            return Why.ALREADY_APPROVED
        if officer == run.planner:
            return Why.SAME_PERSON
        run.state = "approved"
        return None

    def cancel(self, run: Run) -> str | None:
        if run.state in ("exported", "cancelled"):
            return Why.RUN_EXPORTED if run.state == "exported" else Why.RUN_CANCELLED
        run.state = "cancelled"
        return None

    def export(self, run: Run) -> str | None:
        if run.state in ("planned", "cancelled"):
            return Why.NOT_APPROVED if run.state == "planned" else Why.RUN_CANCELLED
        if run.state == "approved":
            run.state, run.lines = "exported", dict.fromkeys(run.lines, "sent")
        return None

    def settle(self, run: Run, said: dict[Instalment, str]) -> str | None:
        if run.state != "exported":
            return "unknown_reference"
        news = {one: answer for one, answer in said.items() if run.lines[one] in ("sent", answer)}
        run.lines.update(news)
        run.in_question.update(said.keys() - news.keys())
        return None if len(news) == len(said) else "contradiction"

    def count(self, person: int, answer: str) -> int:
        return sum(line == answer for run in self.runs for (who, _), line in run.lines.items() if who == person)


class House:
    """The same steps through the verbs; answers with the code of the refusal."""

    def __init__(self, people: tuple[int, ...], officer_ids: tuple[int, ...]) -> None:
        self.people, self.officer_ids = people, officer_ids
        self.run_ids: list[int] = []
        # A file that was taken is taken once: the same again is answered as the first time.
        self.answered: dict[bytes, str | None] = {}
        self.at: datetime = NOW

    def tick(self) -> datetime:
        self.at += timedelta(minutes=1)
        return self.at

    def plan(self, day: date, officer: int) -> str | None:
        run = plan_payout_run(planned_for=day, officer_id=self.officer_ids[officer], at=self.tick())
        if run.run_id is not None:
            self.run_ids.append(run.run_id)
        return run.refusal and run.refusal.code

    def approve(self, number: int, officer: int, list_sha256: bytes) -> str | None:
        refusal = approve_payout_run(
            run_id=self.run_ids[number],
            officer_id=self.officer_ids[officer],
            list_sha256=list_sha256,
            at=self.tick(),
        ).refusal
        return refusal and refusal.code

    def settle(self, number: int, said: dict[str, str]) -> str | None:
        """One file for the partner of the first reference; all people here have the same one."""
        reasons = {"settled": "", "rejected": "AC04"}
        content = status_file((key, INSTALMENT_RUPIAH, state, reasons[state]) for key, state in said.items())
        outcome = settle_payouts(partner="ovo", name="jawab.csv", content=content, at=self.tick())
        if outcome.repeated:
            return self.answered[content]
        assert outcome.refusal is None
        self.answered[content] = next((opened.kind.value for opened in outcome.opened), None)
        return self.answered[content]


def take(step: tuple, model: Model, house: House) -> None:  # type: ignore[type-arg]
    """One step in both; they must answer alike."""
    name, first, second = step
    if name in ("plan", "hand_over"):
        refusal = house.plan(first, second)
        assert refusal == model.plan(first, second)
        if name == "hand_over" and refusal is None:
            take(("approve", 0, 1 - second), model, house)
            take(("export", 0, second), model, house)
        return
    if not model.runs:
        return
    number = len(model.runs) - 1 - first % len(model.runs)
    run, run_id = model.runs[number], house.run_ids[number]
    if name == "approve":
        seal = bytes(PayoutRun.objects.get(pk=run_id).list_sha256)
        assert house.approve(number, second, seal) == model.approve(run, second)
    elif name == "cancel":
        officer_id = house.officer_ids[second]
        refusal = cancel_payout_run(run_id=run_id, officer_id=officer_id, at=house.tick()).refusal
        assert (refusal and refusal.code) == model.cancel(run)
    elif name == "export":
        refusal = export(run_id=run_id, at=house.tick()).refusal
        assert (refusal and refusal.code) == model.export(run)
    else:
        keys = {(one.participation_id, one.instalment): one.reference for one in run_lines(run_id=run_id)}
        said = {one: answer for one, answer in zip(sorted(keys), second, strict=False) if answer != "nothing"}
        if said:
            assert house.settle(number, {keys[one]: answer for one, answer in said.items()}) == model.settle(run, said)


def compare(model: Model, house: House) -> None:
    """Books, attempts and what each person reads agree with the model."""
    for person in house.people:
        held = balances_of(owner_ids=[person])[person]
        settled, sent = model.count(person, "settled"), model.count(person, "sent")
        assert held.get(Kind.PAYOUT_SETTLED, 0) == settled * INSTALMENT_RUPIAH
        assert held.get(Kind.PAYOUT_IN_TRANSIT, 0) == sent * INSTALMENT_RUPIAH
        assert held[Kind.INCENTIVE_COMMITTED] == (4 - settled - sent) * INSTALMENT_RUPIAH
        for line in timeline_of(participation_id=person, on=NOW.date())[:4]:
            assert line.state == expected_state(model, (person, line.instalment))
    rows = Entitlement.objects.order_by("participation_id", "instalment").prefetch_related("payouts")
    attempts = {(row.participation_id, row.instalment): len(row.payouts.all()) for row in rows}
    assert {one: number for one, number in attempts.items() if number} == dict(model.attempts)
    assert prove_ledger(connection).violations == ()


def expected_state(model: Model, one: Instalment) -> InstalmentState:
    """The newest list that was not cancelled says it."""
    for run in reversed(model.runs):
        if one in run.lines and run.state != "cancelled":
            if one in run.in_question:
                return InstalmentState.IN_QUESTION
            waiting = InstalmentState.APPROVED if run.state == "approved" else InstalmentState.IN_RUN
            return InstalmentState(run.lines[one] or waiting)
    return InstalmentState.DUE


@pytest.fixture
def people(db: None) -> tuple[int, ...]:
    """Three people with four instalments each, all paid by the same partner."""
    ids = earners(3)
    for person in ids:
        set_account(person, "ovo", f"0812{factories.new_nik()[-8:]}")
    return ids


@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(steps=STEPS)
def test_runs_agree_with_a_plain_model(steps: list, people: tuple[int, ...]) -> None:  # type: ignore[type-arg]
    with transaction.atomic():
        one, other = officers()
        model = Model({(person, number): day for person in people for number, day in enumerate(PAY_DAYS, start=1)})
        house = House(people, (one.pk, other.pk))
        for step in steps:
            take(step, model, house)
        compare(model, house)
        transaction.set_rollback(True)
