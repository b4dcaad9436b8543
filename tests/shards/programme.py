"""A small programme with every kind of person, and the mass operations of its year."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.db import connections

from bekal.catalogue.models import Training
from bekal.lifecycle.mass_runs import approve_mass_run, plan_mass_run, work
from bekal.lifecycle.models import MassRun
from bekal.lifecycle.refusals import MassRefusal
from bekal.participants.models import Wave
from bekal.purchases.models import Purchase
from bekal.purchases.record_attendance import Attendance, record_attendance
from tests import factories
from tests.factories import jakarta

OPERATIONS = MassRun.Operation
# Whom and when, in the order of the year.
YEAR: tuple[tuple[str, datetime, dict[str, Any]], ...] = (
    (OPERATIONS.ACCEPT_WAVE, jakarta(2020, 5, 2), {"wave": 2}),
    (OPERATIONS.ENTITLE, jakarta(2020, 5, 3), {}),
    (OPERATIONS.SETTLE_INSTITUTIONS, jakarta(2020, 5, 20), {}),
    (OPERATIONS.REVOKE, jakarta(2020, 6, 5), {}),
    (OPERATIONS.END_BALANCES, jakarta(2020, 12, 16), {}),
    (OPERATIONS.CLOSE_YEAR, jakarta(2021, 7, 1), {"year": 2020}),
)


@dataclass(frozen=True, slots=True)
class MassResult:
    """What one mass run did."""

    operation: str
    subject_count: int
    total_rupiah: int


def build() -> None:
    """Accepted people who bought nothing, who bought and proved, who came to a part, and applicants for a wave 2."""
    trainings = [factories.training(price_rupiah=price, session_count=sessions) for price, sessions in PRICES]
    people = factories.accepted(24)
    for place, person in enumerate(people):
        training = trainings[place % len(trainings)]
        if place % 4 == 0:
            factories.reconciled(person, training)
        elif place % 4 == 1:
            purchase_id = factories.redeemed(person, training)
            attendance = Attendance(training.institution_id, purchase_id, 1)
            record_attendance(attendances=[attendance], at=factories.REDEEMED_AT + timedelta(days=1))
        elif place % 4 == 2:
            factories.bought(person, training)
    factories.participants(10, at=factories.REGISTERED_AT)
    factories.wave(number=2, opens_on=date(2020, 4, 20), closes_on=date(2020, 4, 25), quota_count=1_000)
    factories.officer("perencana")
    factories.officer("penyetuju")
    assert Purchase.objects.count() == 18
    assert Training.objects.count() == len(PRICES)


# Sessions that do not divide their price, and what leaves the last Rp50.
PRICES = ((300_001, 3), (999_950, 1), (250_000, 2), (0, 1))


def year() -> list[MassResult]:
    """Every mass operation, planned by one officer, approved by another where that is needed, worked off."""
    return [run(operation, at, dict(parameters)) for operation, at, parameters in YEAR]


def run(operation: str, at: datetime, parameters: dict[str, Any]) -> MassResult:
    with connections["default"].cursor() as cursor:
        cursor.execute("SELECT id FROM accounts_user WHERE login_name IN ('perencana', 'penyetuju') ORDER BY id")
        (planner,), (approver,) = cursor.fetchall()
    if "wave" in parameters:
        parameters = {"wave_id": Wave.objects.get(number=parameters["wave"]).pk}
    planned = plan_mass_run(operation=operation, planned_by_id=planner, at=at, parameters=parameters)
    if planned.run_id is None:
        assert planned.refusal is not None
        assert planned.refusal.code == MassRefusal.NOTHING_DUE
        return MassResult(operation, 0, 0)
    if operation not in (OPERATIONS.ACCEPT_WAVE, OPERATIONS.ENTITLE):
        assert planned.list_sha256 is not None
        refusal = approve_mass_run(
            run_id=planned.run_id,
            officer_id=approver,
            list_sha256=planned.list_sha256,
            at=at + timedelta(hours=1),
            proof_limit=None,
        )
        assert refusal is None, refusal
    worked = work(run_id=planned.run_id, at=at + timedelta(hours=2))
    assert worked.failed_chunk_count == 0
    assert (worked.subject_count, worked.total_rupiah) == (planned.subject_count, planned.total_rupiah), operation
    return MassResult(operation, worked.subject_count, worked.total_rupiah)
