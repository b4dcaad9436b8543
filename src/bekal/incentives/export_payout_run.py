"""`export_payout_run`: the intent to pay is written, with one file for each partner; the sending comes afterwards."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from operator import attrgetter

from django.db import transaction

from bekal.accounts.privacy import decrypt, encrypt
from bekal.core.refusal import Refusal
from bekal.incentives.list_seal import planned_seal, seal_of
from bekal.incentives.models import Entitlement, Payout, PayoutFile, PayoutRun, PayoutStatus
from bekal.incentives.partners.csv_rail import Instruction, write_instructions
from bekal.incentives.refusals import PayoutRefusal
from bekal.ledger.movements import Movement
from bekal.ledger.post import Posting, post

SEND = {Entitlement.Kind.INCENTIVE: Movement.SEND_INCENTIVE, Entitlement.Kind.SURVEY: Movement.SEND_SURVEY}


@dataclass(frozen=True, slots=True)
class ExportedFile:
    """One file for one partner, byte for byte as it was first written."""

    file_id: int
    partner: str
    name: str
    content: bytes
    line_count: int
    total_rupiah: int


@dataclass(frozen=True, slots=True)
class Exported:
    """The run's files in the order of the partners; `repeated` where they had been written before."""

    run_id: int
    files: tuple[ExportedFile, ...]
    repeated: bool = False
    refusal: Refusal | None = None


@transaction.atomic
def export_payout_run(*, run_id: int, at: datetime) -> Exported:
    """Write files, SENT statuses and the movements into transit of an approved run, all or nothing.

    The officer hands the files over after the commit: what the partner can have received is in the books before it can
    have received it. Again: the same files, nothing written. Refusals: RUN_NOT_FOUND, RUN_CANCELLED, NOT_APPROVED,
    LIST_CHANGED (an account was changed after the approval: cancel and plan again).
    """
    run = PayoutRun.objects.select_for_update(no_key=True).filter(id=run_id).first()
    if run is None:
        return _refused(run_id, PayoutRefusal.RUN_NOT_FOUND)
    if run.exported_at is not None:
        return Exported(run_id, stored_files(run_id=run_id), repeated=True)
    if run.cancelled_at is not None:
        return _refused(run_id, PayoutRefusal.RUN_CANCELLED)
    if run.approved_at is None:
        return _refused(run_id, PayoutRefusal.NOT_APPROVED)
    rows = Payout.objects.filter(run_id=run_id).select_related("entitlement", "account")
    payouts = list(rows.order_by("partner", "reference"))
    # After the list was read: an account that changes in this moment is seen here, or was not read above.
    if seal_of(run_id=run_id) != planned_seal(run):
        return _refused(run_id, PayoutRefusal.LIST_CHANGED)
    return Exported(run_id, _write_intent(run, payouts, at))


def stored_files(*, run_id: int) -> tuple[ExportedFile, ...]:
    """The files of an exported run as they were first written, in the order of the partners."""
    rows = PayoutFile.objects.filter(run_id=run_id, direction=PayoutFile.Direction.OUT).order_by("partner")
    return tuple(
        ExportedFile(
            row.id,
            row.partner,
            row.name,
            decrypt(bytes(row.content_encrypted)).encode(),
            row.line_count,
            row.total_rupiah,
        )
        for row in rows
    )


def _refused(run_id: int, code: PayoutRefusal) -> Exported:
    return Exported(run_id, (), refusal=Refusal(code, {"run_id": run_id}))


def _write_intent(run: PayoutRun, payouts: Sequence[Payout], at: datetime) -> tuple[ExportedFile, ...]:
    files = {
        partner: _store_file(run, partner, list(group), at)
        for partner, group in groupby(payouts, key=attrgetter("partner"))
    }
    PayoutStatus.objects.bulk_create(
        PayoutStatus(payout=one, state=PayoutStatus.State.SENT, file_id=files[one.partner].file_id, recorded_at=at)
        for one in payouts
    )
    posted = post(postings=[_sending(one) for one in payouts], at=at)
    if len(posted.posted) != len(payouts):
        raise RuntimeError(f"run {run.id}: {len(payouts) - len(posted.posted)} payouts did not reach the ledger")
    PayoutRun.objects.filter(id=run.id).update(exported_at=at)
    return tuple(files.values())


def _store_file(run: PayoutRun, partner: str, payouts: Sequence[Payout], at: datetime) -> ExportedFile:
    content = write_instructions(
        Instruction(
            one.reference,
            partner,
            decrypt(bytes(one.account.number_encrypted)),
            one.account.holder_name,
            one.amount_rupiah,
        )
        for one in payouts
    )
    row = PayoutFile.objects.create(
        run=run,
        direction=PayoutFile.Direction.OUT,
        partner=partner,
        name=f"bekal-{run.planned_for:%Y%m%d}-run{run.id}-{partner}.csv",
        sha256=hashlib.sha256(content).digest(),
        content_encrypted=encrypt(content.decode()),
        line_count=len(payouts),
        total_rupiah=sum(one.amount_rupiah for one in payouts),
        stored_at=at,
    )
    return ExportedFile(row.id, partner, row.name, content, row.line_count, row.total_rupiah)


def _sending(payout: Payout) -> Posting:
    entitlement = payout.entitlement
    movement = SEND[Entitlement.Kind(entitlement.kind)]
    return Posting(entitlement.participation_id, movement, payout.amount_rupiah, f"sent:{payout.reference}")
