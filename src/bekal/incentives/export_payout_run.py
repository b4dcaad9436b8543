"""`export_payout_run`: the intent to pay is written, as files for each partner; the sending comes afterwards."""

import hashlib
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import groupby
from operator import attrgetter

from django.db import connection, transaction

from bekal.accounts.privacy import decrypt, decrypt_all, encrypt
from bekal.core.refusal import Refusal
from bekal.core.uncollected import uncollected
from bekal.holds.open_holds import keep_holds
from bekal.incentives.closing_lock import keep_open
from bekal.incentives.kept_back import held_payout_ids
from bekal.incentives.list_seal import planned_seal, seal_of
from bekal.incentives.models import Entitlement, Payout, PayoutFile, PayoutRun, PayoutStatus
from bekal.incentives.partners.csv_rail import Instruction, write_instructions
from bekal.incentives.partners.hours import packed
from bekal.incentives.partners.pain001 import TransferFile, write_transfers
from bekal.incentives.partners.rails import Form, Rail
from bekal.incentives.refusals import PayoutRefusal
from bekal.ledger.copy_rows import copy_rows, int_array
from bekal.ledger.movements import Movement
from bekal.ledger.post import movement_sql, post_selected
from bekal.ledger.proof_results import PROOF_LIMIT, ReleaseBlock, release_block
from bekal.participants.models import PaymentPartner

KeptBack = PayoutStatus.KeptBack
SEND = {
    Entitlement.Kind.INCENTIVE.value: Movement.SEND_INCENTIVE,
    Entitlement.Kind.SURVEY.value: Movement.SEND_SURVEY,
}


@dataclass(frozen=True, slots=True)
class ExportedFile:
    """One file for one partner, byte for byte as it was first written; `sha256` (32 bytes) is that of its content."""

    file_id: int
    partner: str
    name: str
    sha256: bytes = field(repr=False)
    line_count: int
    total_rupiah: int

    @property
    def content(self) -> bytes:
        """Read and decrypted at each look: the files of a large run are more than memory holds."""
        (sealed,) = PayoutFile.objects.filter(id=self.file_id).values_list("content_encrypted", flat=True)
        return decrypt(bytes(sealed)).encode()


@dataclass(frozen=True, slots=True)
class Exported:
    """The run's files in the order of the partners; `repeated` where they had been written before. `withheld_count`
    payouts of the list are not in them: an alarm or a question holds them, or their account (`changed_count`) is
    another by now."""

    run_id: int
    files: tuple[ExportedFile, ...]
    withheld_count: int = 0
    changed_count: int = 0
    repeated: bool = False
    refusal: Refusal | None = None


CHUNK_COUNT = 20_000
# What would go to another account than the approved one, or to one that is not verified by now, does not stand.
LINES_SQL = """
SELECT coalesce(coalesce(own.account_hash, directory.account_hash) = payout.account_hash, false)
       AND (account.verified_at IS NOT NULL OR own.id IS NOT NULL AND own.ended_at IS NULL), payout.id,
       payout.reference, payout.partner, coalesce(account.number_encrypted, own.number_encrypted),
       coalesce(account.holder_name, own.holder_name), payout.amount_rupiah
FROM incentives_payout payout
LEFT JOIN participants_payoutaccount account ON account.id = payout.account_id
LEFT JOIN incentives_institutionaccount own ON own.id = payout.institution_account_id
LEFT JOIN participants_payoutaccountdirectory directory ON directory.account_id = account.id
WHERE payout.run_id = %s AND payout.ended_at IS NULL AND payout.id <> ALL(%s::bigint[])
ORDER BY payout.partner, payout.reference COLLATE "C"
"""
LOCK_INSTITUTIONS_SQL = """
SELECT id FROM catalogue_institution
WHERE id IN (SELECT settlement.institution_id FROM incentives_payout payout
             JOIN purchases_institutionsettlement settlement ON settlement.id = payout.settlement_id
             WHERE payout.run_id = %s)
ORDER BY id FOR NO KEY UPDATE
"""
SENT_SQL = """
INSERT INTO incentives_payoutstatus (payout_id, state, reason_code, file_id, recorded_at)
SELECT payout_id, 'sent', '', %s, %s FROM unnest(%s::bigint[]) AS payout_id
"""
SENDING_SQL = f"""
SELECT entitlement.participation_id, send.debit_kind, send.credit_kind, send.reason, payout.amount_rupiah,
       'sent:' || payout.reference
FROM incentives_payout payout
JOIN incentives_entitlement entitlement ON entitlement.id = payout.entitlement_id
JOIN (VALUES {", ".join(f"('{kind}', {movement_sql(movement)})" for kind, movement in SEND.items())})
    AS send(kind, debit_kind, credit_kind, reason) ON send.kind = entitlement.kind
WHERE payout.run_id = %(run_id)s AND payout.ended_at IS NULL
ORDER BY entitlement.participation_id
"""


@uncollected()
@transaction.atomic
def export_payout_run(
    *,
    run_id: int,
    at: datetime,
    proof_limit: timedelta | None = PROOF_LIMIT,
    rails: Mapping[str, Rail] | None = None,
) -> Exported:
    """Write files, SENT statuses and the movements into transit of an approved run, all or nothing.

    A partner's payments leave in the form of its rail (`rails`; CSV where it has none), at most 50,000 a file and no
    more than the partner takes on a day.

    What an alarm holds by now is kept back (WITHHELD), and so is what may have been paid by an earlier attempt (the
    partner has contradicted itself since the list was planned), or would go to another account than the approved one or
    to one that is no longer verified: the approval was of the whole list, so less than it may leave, never more and
    nothing else. It is due again, and planned when nothing stands against it any more; nobody else waits.

    The files are handed over after the commit: what the partner can have received is in the books before it can
    have received it. Again: the same files, nothing written. Refusals: RUN_NOT_FOUND, RUN_CANCELLED, NOT_APPROVED,
    LIST_CHANGED (a line is not as it was approved, or is gone: cancel and plan again), LEDGER_DIFFERENCE (the newest
    proof found one: no money leaves until it is cleared up), LEDGER_NOT_PROVED (there is no proof, or it is older than
    `proof_limit`: prove first; None where no worker proves, as in a simulated year).
    """
    keep_open(*PaymentPartner.values)
    run = PayoutRun.objects.select_for_update(no_key=True).filter(id=run_id).first()
    if run is None:
        return _refused(run_id, PayoutRefusal.RUN_NOT_FOUND)
    if run.exported_at is not None:
        return Exported(run_id, _stored_files(run_id=run_id), repeated=True)
    if run.cancelled_at is not None:
        return _refused(run_id, PayoutRefusal.RUN_CANCELLED)
    if run.approved_at is None:
        return _refused(run_id, PayoutRefusal.NOT_APPROVED)
    block = release_block(at=at, proof_limit=proof_limit)
    if block is ReleaseBlock.DIFFERENCE:
        return _refused(run_id, PayoutRefusal.LEDGER_DIFFERENCE)
    if block is not None and proof_limit is not None:
        return _refused(run_id, PayoutRefusal.LEDGER_NOT_PROVED, hours_count=proof_limit // timedelta(hours=1))
    if seal_of(run_id=run_id) != planned_seal(run):
        return _refused(run_id, PayoutRefusal.LIST_CHANGED)
    keep_holds()
    _keep_institutions(run)
    held_ids, changed_ids = held_payout_ids(run_id=run_id), list[int]()
    files = tuple(_write_files(run, held_ids, changed_ids, rails or {}, at))
    _withhold(held_ids, KeptBack.HELD, at)
    _withhold(changed_ids, KeptBack.ACCOUNT_CHANGED, at)
    if run.payee == PayoutRun.Payee.PEOPLE:  # what institutions are paid stays owed to them until it is paid
        _post_sending(run, sum(file.line_count for file in files), at)
    PayoutRun.objects.filter(id=run.id).update(exported_at=at)
    return Exported(run_id, files, len(held_ids) + len(changed_ids), len(changed_ids))


def _keep_institutions(run: PayoutRun) -> None:
    """Who stops or suspends an institution of this run waits until its files are written, or is seen by them; so does
    who agrees to another account."""
    if run.payee == PayoutRun.Payee.INSTITUTIONS:
        with connection.cursor() as cursor:
            cursor.execute(LOCK_INSTITUTIONS_SQL, [run.id])


def _withhold(payout_ids: Sequence[int], reason: PayoutStatus.KeptBack, at: datetime) -> None:
    if payout_ids:
        rows = ((number, PayoutStatus.State.WITHHELD.value, reason.value, at) for number in payout_ids)
        copy_rows(PayoutStatus, ("payout_id", "state", "reason_code", "recorded_at"), rows)
        Payout.objects.filter(id__in=payout_ids).update(ended_at=at)


def _stored_files(*, run_id: int) -> tuple[ExportedFile, ...]:
    """The files of an exported run as they were first written, in the order of the partners."""
    rows = PayoutFile.objects.filter(run_id=run_id, direction=PayoutFile.Direction.OUT).order_by("partner", "id")
    columns = ("id", "partner", "name", "sha256", "line_count", "total_rupiah")
    return tuple(
        ExportedFile(file_id, partner, name, bytes(sha256), *sums)
        for file_id, partner, name, sha256, *sums in rows.values_list(*columns)
    )


def _refused(run_id: int, code: PayoutRefusal, **values: int) -> Exported:
    return Exported(run_id, (), refusal=Refusal(code, {"run_id": run_id, **values}))


def _write_files(
    run: PayoutRun, held_ids: Sequence[int], changed_ids: list[int], rails: Mapping[str, Rail], at: datetime
) -> Iterator[ExportedFile]:
    """Store the files of each partner: 50,000 payments at a time are in memory, however many there are."""
    lines_of_all = instructions_of(run.id, held_ids, changed_ids)
    for partner, instructions in groupby(lines_of_all, key=attrgetter("partner")):
        rail = rails.get(partner, Rail(partner))
        for number, lines in enumerate(packed(instructions, rail.limits), start=1):
            yield _store_file(run, rail, number, lines, at)


def instructions_of(run_id: int, held_ids: Sequence[int], changed_ids: list[int]) -> Iterator[Instruction]:
    """The lines of all files of a run, in the order of partners and references, read as they are asked for; in the
    caller's transaction.

    Number and hash of an account come in one look, so that one that is changed in this moment is the approved one or is
    not written: the payouts that are not are put into `changed_ids`."""
    with connection.chunked_cursor() as cursor:
        cursor.execute(LINES_SQL, [run_id, int_array(held_ids)])
        while rows := cursor.fetchmany(CHUNK_COUNT):
            changed_ids += [payout_id for stands, payout_id, *_ in rows if not stands]
            lines = [line for stands, *line in rows if stands]
            numbers = decrypt_all([sealed for _, _, _, sealed, _, _ in lines])
            for number, (payout_id, reference, partner, _, holder_name, amount_rupiah) in zip(
                numbers, lines, strict=True
            ):
                yield Instruction(reference, partner, number, holder_name, amount_rupiah, payout_id)


def _store_file(run: PayoutRun, rail: Rail, number: int, lines: Sequence[Instruction], at: datetime) -> ExportedFile:
    total_rupiah = sum(line.amount_rupiah for line in lines)
    message_id = f"BKL{run.planned_for:%Y%m%d}R{run.id}{rail.partner.upper()}{number}"
    base = f"bekal-{run.planned_for:%Y%m%d}-run{run.id}-{rail.partner}" + (f"-{number}" if number > 1 else "")
    if rail.form is Form.PAIN_001 and rail.debtor is not None:
        out = io.BytesIO()
        header = TransferFile(message_id, at, run.planned_for, len(lines), total_rupiah, rail.debtor, rail.creditor_bic)
        write_transfers(out, header, lines)
        content, name = out.getvalue(), f"{base}.xml"
    else:
        content, name = write_instructions(lines), f"{base}.csv"
        # What an officer hands over has no name at the partner, and never goes by itself, whatever rail comes later.
        message_id = base if rail.files or rail.snap else ""
    sha256 = hashlib.sha256(content).digest()
    row = PayoutFile.objects.create(
        run=run,
        direction=PayoutFile.Direction.OUT,
        form=rail.form.value,
        message_id=message_id,
        partner=rail.partner,
        name=name,
        sha256=sha256,
        content_encrypted=encrypt(content.decode()),
        line_count=len(lines),
        total_rupiah=total_rupiah,
        stored_at=at,
    )
    with connection.cursor() as cursor:
        cursor.execute(SENT_SQL, [row.id, at, int_array([line.payout_id for line in lines])])
    return ExportedFile(row.id, rail.partner, name, sha256, len(lines), total_rupiah)


def _post_sending(run: PayoutRun, sent_count: int, at: datetime) -> None:
    posted = post_selected(source=SENDING_SQL, values={"run_id": run.id}, at=at)
    if posted.transfer_count != sent_count:
        raise RuntimeError(f"run {run.id}: {sent_count - posted.transfer_count} payouts did not reach the ledger")
