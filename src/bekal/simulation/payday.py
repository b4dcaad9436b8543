"""Payout runs of the simulated year: planned by one officer, approved by another, handed to the partners, answered.

Everything passes through the verbs and the rails' readers as files in the partner's own form. What fails is data
(`failures.py`): rejected transfers, a partner that takes no files, answers and statements that are cut or come twice.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from django.db import connection

from bekal.accounts.models import Role, User
from bekal.incentives.approve_payout_run import approve_payout_run
from bekal.incentives.clear_exception import clear_exception
from bekal.incentives.export_payout_run import export_payout_run
from bekal.incentives.hand_over_by_hand import hand_over_by_hand
from bekal.incentives.house_rails import Account, Form, Rail
from bekal.incentives.models import PayoutException
from bekal.incentives.plan_payout_run import plan_payout_run
from bekal.incentives.queries import file_content
from bekal.incentives.settle_payouts import take_in
from bekal.ledger.clock import programme_day
from bekal.ledger.copy_rows import id_array
from bekal.simulation.bank.books import Booked
from bekal.simulation.failures import FAILURES, Kind
from bekal.simulation.payment_partners import answer_to, booked, cut, statement_of

OFFICERS = ("simulasi-petugas-1", "simulasi-petugas-2")
CLOSED = "Layanan sedang tutup."
WHOLE_CAME = "Berkas utuh sudah diterima."

# The files of a day of payment at one partner that pay somebody of these cohorts (of all, where none is named): those
# of runs that others have lived through are theirs. `waits`: it is known not to be there; `answered`: something of it
# was said.
FILES_SQL = """
SELECT file.id, file.run_id, file.name,
       coalesce((SELECT sending.outcome FROM incentives_payoutsending sending WHERE sending.file_id = file.id
                 ORDER BY sending.id DESC LIMIT 1), '') = 'not_there' AS waits,
       EXISTS (SELECT 1 FROM incentives_payoutstatus sent
               JOIN incentives_payoutstatus said ON said.payout_id = sent.payout_id AND said.state <> 'sent'
               WHERE sent.file_id = file.id AND sent.state = 'sent') AS answered
FROM incentives_payoutfile file
JOIN incentives_payoutrun run ON run.id = file.run_id
WHERE file.direction = 'out' AND run.planned_for = %(on)s AND file.partner = %(partner)s
  AND EXISTS (SELECT 1 FROM incentives_payoutstatus sent
              JOIN incentives_payout payout ON payout.id = sent.payout_id
              JOIN incentives_entitlement entitlement ON entitlement.id = payout.entitlement_id
              WHERE sent.file_id = file.id AND sent.state = 'sent'
                AND (%(participation_ids)s::bigint[] IS NULL
                     OR entitlement.participation_id = ANY(%(participation_ids)s::bigint[])))
ORDER BY file.id
"""
TRANSFERS_SQL = """
SELECT payout.reference, participation.participant_id,
       entitlement.instalment - 1 + CASE entitlement.kind WHEN 'survey' THEN 100 ELSE 0 END, payout.attempt
FROM incentives_payoutstatus sent
JOIN incentives_payout payout ON payout.id = sent.payout_id
JOIN incentives_entitlement entitlement ON entitlement.id = payout.entitlement_id
JOIN participants_participation participation ON participation.id = entitlement.participation_id
WHERE sent.file_id = %s AND sent.state = 'sent' ORDER BY payout.id
"""
REJECTED_SQL = """
SELECT payout.reference, rejected.reason_code
FROM incentives_payoutstatus sent
JOIN incentives_payout payout ON payout.id = sent.payout_id
JOIN incentives_payoutstatus rejected ON rejected.payout_id = payout.id AND rejected.state = 'rejected'
WHERE sent.file_id = %s AND sent.state = 'sent'
"""
ANSWERS_SQL = """
SELECT participation.participant_id, status.state, status.reason_code, entitlement.kind, entitlement.instalment,
       NOT EXISTS (SELECT 1 FROM incentives_entitlement later
                   WHERE later.participation_id = entitlement.participation_id AND later.kind = entitlement.kind
                     AND later.instalment > entitlement.instalment)
FROM incentives_payout payout
JOIN incentives_payoutstatus status ON status.payout_id = payout.id AND status.state NOT IN ('sent', 'accepted')
JOIN incentives_entitlement entitlement ON entitlement.id = payout.entitlement_id
JOIN participants_participation participation ON participation.id = entitlement.participation_id
WHERE payout.run_id = ANY(%(run_ids)s::bigint[]) AND status.recorded_at = %(at)s ORDER BY payout.run_id, entitlement.id
"""


@dataclass(frozen=True, slots=True)
class TakenFile:
    """One file that a partner has, since `booked_on`."""

    file_id: int
    run_id: int
    partner: str
    name: str
    booked_on: date


@dataclass(frozen=True, slots=True)
class Transfer:
    """One payment of a file: whose it is, its counter (instalment, surveys from 100), and which attempt."""

    reference: str
    participant_id: int
    counter: int
    attempt: int


@dataclass(frozen=True, slots=True)
class Answered:
    """What the partners said: whose payout was rejected and why, and who was paid the first, second and last
    incentive."""

    rejected: Mapping[int, str]
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
) -> None:
    """Plan, approve and export everything due to these participations (None: to all), and hand it over to the partners
    that are open today."""
    planned = plan_payout_run(
        planned_for=planned_for, officer_id=officer_ids[0], participation_ids=participation_ids, at=at
    )
    if planned.run_id is None or planned.list_sha256 is None:
        return
    approved = approve_payout_run(
        run_id=planned.run_id, officer_id=officer_ids[1], list_sha256=planned.list_sha256, at=at
    )
    # A simulated year is proved when it is over: no worker lives in it.
    exported = export_payout_run(run_id=planned.run_id, at=at, proof_limit=None, rails=_rails(planned_for))
    for refusal in (approved.refusal, exported.refusal):
        if refusal is not None:
            raise RuntimeError(f"run {planned.run_id} of the simulation was refused: {refusal}")
    for file in exported.files:
        is_closed = FAILURES.happens(Kind.OUTAGE, file.partner, planned_for)
        hand_over_by_hand(file_ids=[file.file_id], at=at, closed_words=CLOSED if is_closed else "")


def _rails(on: date) -> dict[str, Rail]:
    """The rails of the partners that are paid in a form of their own on that day."""
    found = ((partner, FAILURES.iso_of(partner, on)) for partner in FAILURES.iso)
    return {
        partner: Rail(
            partner, Form.PAIN_001, debtor=Account(iso.debtor_name, iso.debtor_number, iso.bic), creditor_bic=iso.bic
        )
        for partner, iso in found
        if iso is not None
    }


def hand_over_what_waited(*, partner: str, paid_on: date, ids: Collection[int] | None, at: datetime) -> None:
    """The files of a day of payment that a partner was closed for are handed over now."""
    waiting = [file_id for file_id, _, _, waits, _ in _files(partner, paid_on, ids) if waits]
    hand_over_by_hand(file_ids=waiting, at=at)


def unanswered(*, partner: str, paid_on: date, booked_on: date, ids: Collection[int] | None) -> list[TakenFile]:
    """The files of a day of payment that a partner has, since `booked_on`, and of which nothing could be read yet."""
    return [
        TakenFile(file_id, run_id, partner, name, booked_on)
        for file_id, run_id, name, waits, answered in _files(partner, paid_on, ids)
        if not waits and not answered
    ]


def _files(partner: str, paid_on: date, ids: Collection[int] | None) -> list[tuple[int, int, str, bool, bool]]:
    values: dict[str, date | str | None] = {
        "on": paid_on,
        "partner": partner,
        "participation_ids": None if ids is None else id_array(ids),
    }
    with connection.cursor() as cursor:
        cursor.execute(FILES_SQL, values)
        return cursor.fetchall()


def transfers_of(file: TakenFile) -> list[Transfer]:
    """The payments of a file, in the order of their instalments."""
    with connection.cursor() as cursor:
        cursor.execute(TRANSFERS_SQL, [file.file_id])
        return [Transfer(*row) for row in cursor.fetchall()]


def answer_file(*, file: TakenFile, rejected: Mapping[str, str], at: datetime) -> None:
    """The partner answers a file, as its failures of today have it, and the answer is taken in."""
    today = programme_day(at)
    name, content = answer_to(file.name, _content(file), rejected, at=at, day=file.booked_on)
    is_cut = FAILURES.happens(Kind.CUT_ANSWER, file.partner, today)
    for _ in range(2 if FAILURES.happens(Kind.DUPLICATE_FILE, file.partner, today) else 1):
        _take_in(file.partner, name, content, is_cut, at)


def take_statement(*, partner: str, paid_on: date, ids: Collection[int] | None, is_cut: bool, at: datetime) -> None:
    """The partner's statement of a day of payment, of what it has answered by then."""
    iso = FAILURES.iso_of(partner, paid_on)
    if iso is None or not iso.statement:
        return
    lines: list[Booked] = []
    for file_id, run_id, name, _, answered in _files(partner, paid_on, ids):
        if answered:
            file = TakenFile(file_id, run_id, partner, name, paid_on)
            lines += booked(name, _content(file), _rejected(file), paid_on)[1]
    if lines:
        content = statement_of(tuple(lines), iso.statement, partner=partner, day=paid_on, at=at)
        name = f"statement-{paid_on}.{iso.statement}"
        _take_in(partner, name, content, is_cut, at)


def _take_in(partner: str, name: str, content: bytes, is_cut: bool, at: datetime) -> None:
    """Only what was cut is refused, and nothing that a partner says here is other than the books have it."""
    taken = take_in(partner=partner, name=name, content=cut(content) if is_cut else content, at=at)
    if (taken.refusal is not None) is not is_cut or taken.opened:
        raise RuntimeError(f"{name} of {partner} ended otherwise than the simulation means: {taken}")


def clear_up(*, partner: str, officer_id: int, at: datetime) -> None:
    """What could not be read has come whole since: an officer says so."""
    unreadable = PayoutException.objects.filter(partner=partner, kind=PayoutException.Kind.FILE_UNREADABLE)
    for number in unreadable.filter(resolved_at=None).order_by("id").values_list("id", flat=True):
        clear_exception(exception_id=number, officer_id=officer_id, note=WHOLE_CAME, at=at)


def _content(file: TakenFile) -> bytes:
    stored = file_content(run_id=file.run_id, file_id=file.file_id)
    if stored is None:
        raise RuntimeError(f"file {file.file_id} of run {file.run_id} is gone")
    return stored.content


def _rejected(file: TakenFile) -> dict[str, str]:
    with connection.cursor() as cursor:
        cursor.execute(REJECTED_SQL, [file.file_id])
        return dict(cursor.fetchall())


def answers_of(*, files: Sequence[TakenFile], at: datetime) -> Answered:
    """What was said at that instant of the payouts of these files' runs, read back from the books."""
    with connection.cursor() as cursor:
        cursor.execute(ANSWERS_SQL, {"run_ids": id_array({file.run_id for file in files}), "at": at})
        rows = cursor.fetchall()

    settled = [row for row in rows if row[1] == "settled" and row[3] == "incentive"]
    rejected: dict[int, str] = {}
    for row in rows:
        if row[1] == "rejected":
            rejected.setdefault(row[0], row[2])
    return Answered(
        rejected=rejected,
        first_paid_ids=tuple(row[0] for row in settled if row[4] == 1),
        second_paid_ids=tuple(row[0] for row in settled if row[4] == 2),
        last_paid_ids=tuple(row[0] for row in settled if row[5]),
    )
