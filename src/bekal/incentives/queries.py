"""Reads of entitlements and payout runs for the pages; all money in whole rupiah."""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from django.db import connection
from django.db.models import Count, F, Q, QuerySet

from bekal.accounts.privacy import decrypt
from bekal.incentives.instalment_line import InstalmentLine, InstalmentState, NextStep
from bekal.incentives.kept_back import kept_back_counts
from bekal.incentives.models import Payout, PayoutFile, PayoutReversal, PayoutRun, PayoutSending, PayoutStatus
from bekal.incentives.timeline import timeline_of
from bekal.ledger.copy_rows import id_array
from bekal.ledger.movements import Kind

__all__ = [
    "DueDay",
    "FileLine",
    "InstalmentLine",
    "InstalmentState",
    "NextStep",
    "PartnerTotal",
    "Rejections",
    "RunDetail",
    "RunLine",
    "RunPayout",
    "RunState",
    "StoredFile",
    "due_days",
    "earned_unpaid",
    "file_content",
    "run_detail",
    "run_lines",
    "runs",
    "timeline_of",
]


class RunState(StrEnum):
    """How far a run has come; finished when its partners have answered every payout."""

    PLANNED = "planned"
    APPROVED = "approved"
    EXPORTED = "exported"
    FINISHED = "finished"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class RunLine:
    """One run in a list of runs. Settled are the payouts that have stayed paid; returned those that came back after it,
    sent back by the bank or reversed by the programme; withheld those that were kept back and never sent."""

    run_id: int
    payee: str
    planned_for: date
    payout_count: int
    total_rupiah: int
    settled_count: int
    rejected_count: int
    returned_count: int
    withheld_count: int
    list_sha256: bytes = field(repr=False)
    planned_by_id: int
    planned_by_name: str
    planned_at: datetime
    approved_by_id: int | None
    approved_by_name: str | None
    approved_at: datetime | None
    exported_at: datetime | None
    paused_at: datetime | None
    cancelled_at: datetime | None

    @property
    def state(self) -> RunState:
        if self.cancelled_at is not None:
            return RunState.CANCELLED
        if self.exported_at is not None:
            return RunState.EXPORTED if self.unanswered_count else RunState.FINISHED
        return RunState.PLANNED if self.approved_at is None else RunState.APPROVED

    @property
    def unanswered_count(self) -> int:
        """Payouts no partner has answered yet."""
        answered_count = self.settled_count + self.rejected_count + self.returned_count
        return self.payout_count - self.withheld_count - answered_count


@dataclass(frozen=True, slots=True)
class PartnerTotal:
    """One partner's share of a run, counted as in `RunLine`."""

    partner: str
    payout_count: int
    total_rupiah: int
    settled_count: int
    settled_rupiah: int
    rejected_count: int
    rejected_rupiah: int
    returned_count: int
    returned_rupiah: int
    withheld_rupiah: int

    @property
    def unanswered_rupiah(self) -> int:
        answered_rupiah = self.settled_rupiah + self.rejected_rupiah + self.returned_rupiah
        return self.total_rupiah - self.withheld_rupiah - answered_rupiah


@dataclass(frozen=True, slots=True)
class FileLine:
    """One file sent to or received from a partner. `sending`: what is known of a file that goes out by itself, or
    nothing; `words`: those of the partner with it."""

    file_id: int
    direction: PayoutFile.Direction
    partner: str
    name: str
    line_count: int
    total_rupiah: int
    stored_at: datetime
    sending: PayoutSending.Outcome | None = None
    words: str = ""


@dataclass(frozen=True, slots=True)
class StoredFile:
    """One file of a run, byte for byte."""

    name: str
    content: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Rejections:
    """How often payouts to one partner failed (`state`: rejected, returned, reversed) for one reason."""

    partner: str
    state: PayoutStatus.State
    reason_code: str
    payout_count: int


@dataclass(frozen=True, slots=True)
class RunDetail:
    """One run, tracked to zero: `in_transit_rupiah` is what was sent and not answered. `held_count` payouts of a run
    that was not sent are held by an alarm now, `changed_count` go to an account that is another by now or no longer
    verified; both would be kept back."""

    run: RunLine
    partners: tuple[PartnerTotal, ...]
    rejections: tuple[Rejections, ...]
    files: tuple[FileLine, ...]
    held_count: int
    changed_count: int

    @property
    def in_transit_rupiah(self) -> int:
        if self.run.exported_at is None:
            return 0
        return sum(total.unanswered_rupiah for total in self.partners)


@dataclass(frozen=True, slots=True)
class RunPayout:
    """One line of a run's list, with the person's or the institution's name and the masked account. What pays a
    settlement has no participation, kind and instalment."""

    reference: str
    participation_id: int | None
    institution_id: int | None
    name: str = field(repr=False)
    kind: str
    instalment: int | None
    amount_rupiah: int
    partner: str
    masked_account: str
    state: str | None
    reason_code: str
    # Who asks to take it back, and why, until a second person has agreed.
    asked_by_id: int | None = None
    asked_by_name: str = ""
    asked_reason: str = ""


@dataclass(frozen=True, slots=True)
class DueDay:
    """What is earned, not paid and not under way for one day of payment."""

    payment_on: date
    entitlement_count: int
    total_rupiah: int


def runs(*, limit: int = 50, before_id: int | None = None) -> tuple[RunLine, ...]:
    """The newest runs first; the next page is the one before the last `run_id`."""
    rows = PayoutRun.objects.order_by("-id")
    return _run_lines(rows if before_id is None else rows.filter(id__lt=before_id), limit)


def run_detail(*, run_id: int) -> RunDetail | None:
    """One run with its totals by partner, what failed or came back by reason, its files; None for an unknown run."""
    lines = _run_lines(PayoutRun.objects.filter(id=run_id).order_by("id"), 1)
    if not lines:
        return None
    with connection.cursor() as cursor:
        cursor.execute(PARTNERS_SQL, [run_id])
        partners = tuple(PartnerTotal(*row) for row in cursor.fetchall())
    failed = PayoutStatus.objects.filter(payout__run_id=run_id, state__in=[PayoutStatus.State.REJECTED, *BACK])
    said = ("payout__partner", "state", "reason_code")
    reasons = failed.order_by(*said).values_list(*said).annotate(count=Count("id"))
    # What answers several runs belongs to none.
    answers = PayoutStatus.objects.filter(payout__run_id=run_id, file__run=None).values("file_id")
    files = list(
        PayoutFile.objects.filter(Q(run_id=run_id) | Q(id__in=answers)).order_by("id").defer("content_encrypted")
    )
    sendings = {row.file_id: row for row in PayoutSending.objects.filter(file__in=files).order_by("id")}
    return RunDetail(
        lines[0],
        partners,
        tuple(Rejections(partner, PayoutStatus.State(state), *rest) for partner, state, *rest in reasons),
        tuple(
            FileLine(
                row.id,
                PayoutFile.Direction(row.direction),
                row.partner,
                row.name,
                row.line_count,
                row.total_rupiah,
                row.stored_at,
                *_sent_as(sendings.get(row.id)),
            )
            for row in files
        ),
        *((0, 0) if lines[0].exported_at or lines[0].cancelled_at else kept_back_counts(run_id=run_id)),
    )


def _sent_as(newest: PayoutSending | None) -> tuple[PayoutSending.Outcome | None, str]:
    return (None, "") if newest is None else (PayoutSending.Outcome(newest.outcome), newest.words)


def file_content(*, run_id: int, file_id: int) -> StoredFile | None:
    """One file of one run as it was sent or received; None where that run has no such file."""
    row = PayoutFile.objects.filter(run_id=run_id, id=file_id).first()
    return None if row is None else StoredFile(row.name, decrypt(bytes(row.content_encrypted)).encode())


# A payout that was paid and is not any more.
BACK = (PayoutStatus.State.RETURNED, PayoutStatus.State.REVERSED)
PARTNERS_SQL = """
SELECT payout.partner, count(*), sum(payout.amount_rupiah)::bigint,
       count(*) FILTER (WHERE answer.state = 'settled'),
       coalesce(sum(payout.amount_rupiah) FILTER (WHERE answer.state = 'settled'), 0)::bigint,
       count(*) FILTER (WHERE answer.state = 'rejected'),
       coalesce(sum(payout.amount_rupiah) FILTER (WHERE answer.state = 'rejected'), 0)::bigint,
       count(*) FILTER (WHERE answer.state IN ('returned', 'reversed')),
       coalesce(sum(payout.amount_rupiah) FILTER (WHERE answer.state IN ('returned', 'reversed')), 0)::bigint,
       coalesce(sum(payout.amount_rupiah) FILTER (WHERE answer.state = 'withheld'), 0)::bigint
FROM incentives_payout payout
LEFT JOIN incentives_payoutstatus answer ON answer.payout_id = payout.id
    AND (answer.state IN ('rejected', 'returned', 'reversed', 'withheld')
         OR answer.state = 'settled' AND payout.ended_at IS NULL)
WHERE payout.run_id = %s
GROUP BY payout.partner ORDER BY payout.partner
"""


def _run_lines(rows: QuerySet[PayoutRun], limit: int) -> tuple[RunLine, ...]:
    names = [name for name in RunLine.__dataclass_fields__ if name != "run_id"]
    annotated = rows.annotate(
        settled_count=Count(
            "payouts", filter=Q(payouts__statuses__state=PayoutStatus.State.SETTLED, payouts__ended_at=None)
        ),
        rejected_count=Count("payouts", filter=Q(payouts__statuses__state=PayoutStatus.State.REJECTED)),
        returned_count=Count("payouts", filter=Q(payouts__statuses__state__in=BACK)),
        withheld_count=Count("payouts", filter=Q(payouts__statuses__state=PayoutStatus.State.WITHHELD)),
        planned_by_name=F("planned_by__display_name"),
        approved_by_name=F("approved_by__display_name"),
    )
    found: list[dict[str, Any]] = list(annotated.values("id", *names)[:limit])
    return tuple(RunLine(run_id=row.pop("id"), **{**row, "list_sha256": bytes(row["list_sha256"])}) for row in found)


def run_lines(*, run_id: int, after_reference: str = "", limit: int = 50) -> tuple[RunPayout, ...]:
    """A page of a run's list in the order of the references; the next page is the one after the last of them."""
    answered = PayoutStatus.objects.exclude(state=PayoutStatus.State.SENT)
    rows = list(
        Payout.objects.filter(run_id=run_id, reference__gt=after_reference)
        .select_related("entitlement__participation__participant", "settlement__institution")
        .order_by("reference")[:limit]
    )
    answers = {one.payout_id: one for one in answered.filter(payout__in=rows).order_by("id")}
    sent = PayoutRun.objects.filter(id=run_id, exported_at__isnull=False).exists()
    asking = PayoutReversal.objects.filter(payout__in=rows, payout__ended_at=None, agreed_at=None, dropped_at=None)
    asked = {one.payout_id: one for one in asking.select_related("asked_by").order_by("id")}
    return tuple(_run_payout(row, answers.get(row.id), sent, asked.get(row.id)) for row in rows)


def _run_payout(row: Payout, answer: PayoutStatus | None, sent: bool, asked: PayoutReversal | None) -> RunPayout:
    return RunPayout(
        reference=row.reference,
        **_payee(row),
        amount_rupiah=row.amount_rupiah,
        partner=row.partner,
        masked_account=row.masked_account,
        state=answer.state if answer else (PayoutStatus.State.SENT.value if sent else None),
        reason_code=answer.reason_code if answer else "",
        asked_by_id=asked.asked_by_id if asked else None,
        asked_by_name=asked.asked_by.display_name if asked else "",
        asked_reason=asked.reason_code if asked else "",
    )


def _payee(row: Payout) -> dict[str, Any]:
    entitlement, settlement = row.entitlement, row.settlement
    if entitlement is None:
        assert settlement is not None, "a payout pays an instalment or a settlement"
        who = {"participation_id": None, "institution_id": settlement.institution_id, "kind": "", "instalment": None}
        return {**who, "name": settlement.institution.name}
    who = {"participation_id": entitlement.participation_id, "institution_id": None}
    what = {"kind": entitlement.kind, "instalment": entitlement.instalment}
    return {**who, **what, "name": entitlement.participation.participant.full_name}


DUE_DAYS_SQL = """
SELECT payment_on, count(*), sum(amount_rupiah)::bigint
FROM incentives_entitlement entitlement
WHERE lapsed_at IS NULL
  AND NOT EXISTS (SELECT 1 FROM incentives_payout live
                  WHERE live.entitlement_id = entitlement.id AND live.ended_at IS NULL)
GROUP BY payment_on ORDER BY payment_on LIMIT %s
"""


def due_days(*, limit: int = 6) -> tuple[DueDay, ...]:
    """The next days of payment with what is neither paid nor under way, the oldest first."""
    with connection.cursor() as cursor:
        cursor.execute(DUE_DAYS_SQL, [limit])
        return tuple(DueDay(*row) for row in cursor.fetchall())


EARNED_UNPAID_SQL = """
SELECT entitlement.participation_id, entitlement.kind, sum(entitlement.amount_rupiah)::bigint
FROM incentives_entitlement entitlement
WHERE entitlement.participation_id = ANY(%s::bigint[]) AND lapsed_at IS NULL
  AND NOT EXISTS (SELECT 1 FROM incentives_payout payout
                  JOIN incentives_payoutstatus sent ON sent.payout_id = payout.id AND sent.state = 'sent'
                  WHERE payout.entitlement_id = entitlement.id AND payout.ended_at IS NULL)
GROUP BY 1, 2
"""
COMMITTED = {"incentive": Kind.INCENTIVE_COMMITTED, "survey": Kind.SURVEY_COMMITTED}


def earned_unpaid(*, participation_ids: Collection[int]) -> dict[tuple[int, Kind], int]:
    """What is earned and still committed (not on its way, not paid), by participation and kind of money; what lapsed
    with a clawback is owed to nobody."""
    with connection.cursor() as cursor:
        cursor.execute(EARNED_UNPAID_SQL, [id_array(participation_ids)])
        return {(owner_id, COMMITTED[kind]): amount for owner_id, kind, amount in cursor.fetchall()}
