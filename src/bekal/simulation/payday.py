"""Payout runs of the simulated year: planned by one officer, approved by another, answered by the fake partner."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime

from django.db import connection

from bekal.accounts.models import Role, User
from bekal.incentives.approve_payout_run import approve_payout_run
from bekal.incentives.export_payout_run import ExportedFile, export_payout_run
from bekal.incentives.plan_payout_run import plan_payout_run
from bekal.incentives.settle_payouts import settle_payouts
from bekal.simulation.fake_partner import answer

OFFICERS = ("simulasi-petugas-1", "simulasi-petugas-2")

ANSWERS_SQL = """
SELECT participation.participant_id, status.state, entitlement.kind, entitlement.instalment,
       NOT EXISTS (SELECT 1 FROM incentives_entitlement later
                   WHERE later.participation_id = entitlement.participation_id AND later.kind = entitlement.kind
                     AND later.instalment > entitlement.instalment)
FROM incentives_payout payout
JOIN incentives_payoutstatus status ON status.payout_id = payout.id AND status.state NOT IN ('sent', 'accepted')
JOIN incentives_entitlement entitlement ON entitlement.id = payout.entitlement_id
JOIN participants_participation participation ON participation.id = entitlement.participation_id
WHERE payout.run_id = %(run_id)s ORDER BY entitlement.id
"""


@dataclass(frozen=True, slots=True)
class SentRun:
    """A run whose files are with the partners."""

    run_id: int
    files: tuple[ExportedFile, ...]


@dataclass(frozen=True, slots=True)
class AnsweredRun:
    """What the partners said: whose payout was rejected, and who was paid the first, second and last incentive."""

    rejected_participant_ids: tuple[int, ...]
    first_paid_ids: tuple[int, ...]
    second_paid_ids: tuple[int, ...]
    last_paid_ids: tuple[int, ...]


def two_officers() -> tuple[int, int]:
    """The first two officers there are; who is missing is made, without a password and so without a sign-in."""
    ids = list(User.objects.filter(role=Role.OFFICER, is_active=True).order_by("id").values_list("id", flat=True)[:2])
    for login_name in OFFICERS[len(ids) :]:
        ids.append(User.objects.create_user(login_name, None, role=Role.OFFICER, display_name="Petugas simulasi").pk)
    return ids[0], ids[1]


def send_run(
    *, planned_for: date, officer_ids: tuple[int, int], participation_ids: Collection[int] | None, at: datetime
) -> SentRun | None:
    """Plan, approve and export everything due to these participations (None: to all); None where nothing is."""
    planned = plan_payout_run(
        planned_for=planned_for, officer_id=officer_ids[0], participation_ids=participation_ids, at=at
    )
    if planned.run_id is None or planned.list_sha256 is None:
        return None
    approved = approve_payout_run(
        run_id=planned.run_id, officer_id=officer_ids[1], list_sha256=planned.list_sha256, at=at
    )
    # A simulated year is proved when it is over: no worker lives in it.
    exported = export_payout_run(run_id=planned.run_id, at=at, proof_limit=None)
    for refusal in (approved.refusal, exported.refusal):
        if refusal is not None:
            raise RuntimeError(f"run {planned.run_id} of the simulation was refused: {refusal}")
    return SentRun(planned.run_id, exported.files)


def answer_run(*, run: SentRun, reject_every: int, spared: Collection[str], at: datetime) -> AnsweredRun:
    """Let the partners answer each file, never rejecting holders with a `spared` name, and take their answers in."""
    for file in run.files:
        content = answer(file.content, reject_every=reject_every, spared=spared)
        settled = settle_payouts(partner=file.partner, name=f"status-{file.name}", content=content, at=at)
        if settled.refusal is not None:
            raise RuntimeError(f"an answer to run {run.run_id} was refused: {settled.refusal}")
    return answers_to(run_id=run.run_id)


def answers_to(*, run_id: int) -> AnsweredRun:
    """What was said of the payouts of an answered run, read back from the books."""
    with connection.cursor() as cursor:
        cursor.execute(ANSWERS_SQL, {"run_id": run_id})
        rows = cursor.fetchall()
    paid = [row for row in rows if row[1] == "settled" and row[2] == "incentive"]
    return AnsweredRun(
        rejected_participant_ids=tuple(dict.fromkeys(row[0] for row in rows if row[1] == "rejected")),
        first_paid_ids=tuple(row[0] for row in paid if row[3] == 1),
        second_paid_ids=tuple(row[0] for row in paid if row[3] == 2),
        last_paid_ids=tuple(row[0] for row in paid if row[4]),
    )
