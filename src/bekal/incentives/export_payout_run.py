"""`export_payout_run`: the intent to pay is written, with one file for each partner; the sending comes afterwards."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby
from operator import attrgetter

from django.db import connection, transaction

from bekal.accounts.privacy import decrypt, encrypt
from bekal.core.refusal import Refusal
from bekal.incentives.list_seal import planned_seal, seal_of
from bekal.incentives.models import Entitlement, Payout, PayoutFile, PayoutRun
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
    content: bytes = field(repr=False)
    line_count: int
    total_rupiah: int


@dataclass(frozen=True, slots=True)
class Exported:
    """The run's files in the order of the partners; `repeated` where they had been written before."""

    run_id: int
    files: tuple[ExportedFile, ...]
    repeated: bool = False
    refusal: Refusal | None = None


@dataclass(frozen=True, slots=True)
class _Payout:
    """What a file and the ledger need of one payout."""

    partner: str
    reference: str
    amount_rupiah: int
    participation_id: int
    kind: str
    number_encrypted: bytes
    holder_name: str


SENT_SQL = """
INSERT INTO incentives_payoutstatus (payout_id, state, reason_code, file_id, recorded_at)
SELECT payout.id, 'sent', '', file.id, %(at)s
FROM incentives_payout payout
JOIN incentives_payoutfile file
  ON file.run_id = payout.run_id AND file.partner = payout.partner AND file.direction = 'out'
WHERE payout.run_id = %(run_id)s ORDER BY payout.id
"""


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
        return Exported(run_id, _stored_files(run_id=run_id), repeated=True)
    if run.cancelled_at is not None:
        return _refused(run_id, PayoutRefusal.RUN_CANCELLED)
    if run.approved_at is None:
        return _refused(run_id, PayoutRefusal.NOT_APPROVED)
    payouts = _payouts_of(run_id)
    # After the list was read: an account that changes in this moment is seen here, or was not read above.
    if seal_of(run_id=run_id) != planned_seal(run):
        return _refused(run_id, PayoutRefusal.LIST_CHANGED)
    return Exported(run_id, _write_intent(run, payouts, at))


def _stored_files(*, run_id: int) -> tuple[ExportedFile, ...]:
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


def _payouts_of(run_id: int) -> list[_Payout]:
    rows = Payout.objects.filter(run_id=run_id).order_by("partner", "reference")
    columns = (
        "entitlement__participation_id",
        "entitlement__kind",
        "account__number_encrypted",
        "account__holder_name",
    )
    return [_Payout(*row) for row in rows.values_list("partner", "reference", "amount_rupiah", *columns)]


def _write_intent(run: PayoutRun, payouts: Sequence[_Payout], at: datetime) -> tuple[ExportedFile, ...]:
    files = tuple(
        _store_file(run, partner, list(group), at) for partner, group in groupby(payouts, key=attrgetter("partner"))
    )
    with connection.cursor() as cursor:
        cursor.execute(SENT_SQL, {"run_id": run.id, "at": at})
    posted = post(postings=[_sending(one) for one in payouts], at=at)
    if len(posted.posted) != len(payouts):
        raise RuntimeError(f"run {run.id}: {len(payouts) - len(posted.posted)} payouts did not reach the ledger")
    PayoutRun.objects.filter(id=run.id).update(exported_at=at)
    return files


def _store_file(run: PayoutRun, partner: str, payouts: Sequence[_Payout], at: datetime) -> ExportedFile:
    content = write_instructions(
        Instruction(one.reference, partner, decrypt(bytes(one.number_encrypted)), one.holder_name, one.amount_rupiah)
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


def _sending(payout: _Payout) -> Posting:
    movement = SEND[Entitlement.Kind(payout.kind)]
    return Posting(payout.participation_id, movement, payout.amount_rupiah, f"sent:{payout.reference}")
