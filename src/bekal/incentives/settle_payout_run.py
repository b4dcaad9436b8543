"""`settle_payout_run`: what a partner's status file says becomes statuses and movements, whole or not at all."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from django.db import connection, transaction

from bekal.accounts.privacy import encrypt
from bekal.core.refusal import Refusal
from bekal.incentives.models import Entitlement, Payout, PayoutFile, PayoutRun, PayoutStatus
from bekal.incentives.partners.csv_rail import MAX_FAULTS, REJECTED, SETTLED, StatusLine, one_line, read_statuses
from bekal.incentives.refusals import PayoutRefusal
from bekal.ledger.copy_rows import copy_rows, text_array
from bekal.ledger.movements import Movement
from bekal.ledger.post import Posting, post

REJECT = {
    Entitlement.Kind.INCENTIVE.value: Movement.REJECT_INCENTIVE,
    Entitlement.Kind.SURVEY.value: Movement.REJECT_SURVEY,
}
NAME_LENGTH = 120


@dataclass(frozen=True, slots=True)
class Settled:
    """What one file changed: payouts paid and rejected now, and lines that only repeat what was known.

    `repeated`: this very file was taken before, the figures are those of the first time and nothing was written.
    `exceptions`: everything that is wrong with the file (at most 100); `refusal` is the first of them.
    """

    run_id: int | None
    file_id: int | None = None
    settled_count: int = 0
    rejected_count: int = 0
    unchanged_count: int = 0
    settled_rupiah: int = 0
    rejected_rupiah: int = 0
    repeated: bool = False
    exceptions: tuple[Refusal, ...] = ()

    @property
    def refusal(self) -> Refusal | None:
        return self.exceptions[0] if self.exceptions else None


class _Sent(NamedTuple):
    """One payout of the run as the books have it; `state` is what a partner has said of it already, if anything."""

    payout_id: int
    participation_id: int
    kind: str
    partner: str
    amount_rupiah: int
    state: str | None
    reason_code: str


CHUNK_COUNT = 20_000
SENT_SQL = """
SELECT payout.reference, payout.id, entitlement.participation_id, entitlement.kind, payout.partner,
       payout.amount_rupiah, answer.state, coalesce(answer.reason_code, '')
FROM incentives_payout payout
JOIN incentives_entitlement entitlement ON entitlement.id = payout.entitlement_id
LEFT JOIN incentives_payoutstatus answer ON answer.payout_id = payout.id AND answer.state <> 'sent'
WHERE payout.run_id = %s AND payout.reference = ANY(%s::text[])
"""


def settle_payout_run(*, partner: str, name: str, content: bytes, at: datetime, run_id: int | None = None) -> Settled:
    """Take one status file of one partner for one run (without `run_id`: the run of its first reference).

    The file is read before anything is believed of it. Each line settles or rejects a payout that was sent to this
    partner with this amount; a rejected one is due again. A line that repeats an earlier answer changes nothing, one
    that contradicts it refuses the file. A file may answer a part of the run.
    """
    read = read_statuses(content)
    if read.faults:
        return Settled(run_id, exceptions=read.faults)
    with transaction.atomic():
        return _take(run_id, partner, name, content, read.lines, at)


def _take(
    run_id: int | None, partner: str, name: str, content: bytes, lines: Sequence[StatusLine], at: datetime
) -> Settled:
    if run_id is None:
        found = Payout.objects.filter(reference=lines[0].reference).values_list("run_id", flat=True)
        run_id = found.first()
        if run_id is None:
            return Settled(None, exceptions=(_fault(PayoutRefusal.UNKNOWN_REFERENCE, lines[0], "reference"),))
    # Everything that answers a run waits here, so that what is compared below stays so until the commit.
    run = PayoutRun.objects.select_for_update(no_key=True).filter(id=run_id).first()
    if run is None or run.exported_at is None:
        code = PayoutRefusal.RUN_NOT_FOUND if run is None else PayoutRefusal.RUN_NOT_EXPORTED
        return Settled(run_id, exceptions=(Refusal(code, {"run_id": run_id}),))
    sha256 = hashlib.sha256(content).digest()
    earlier = PayoutFile.objects.filter(run_id=run_id, direction=PayoutFile.Direction.BACK, sha256=sha256).first()
    if earlier is not None:
        return _figures(run_id, earlier.id, len(lines), repeated=True)
    sent = _sent_of(run_id, lines)
    faults = tuple(fault for line in lines for fault in _faults_of(line, sent.get(line.reference), partner))
    if faults:
        return Settled(run_id, exceptions=faults[:MAX_FAULTS])
    file = PayoutFile.objects.create(
        run=run,
        direction=PayoutFile.Direction.BACK,
        partner=partner,
        name=one_line(name)[:NAME_LENGTH],
        sha256=sha256,
        content_encrypted=encrypt(content.decode()),
        line_count=len(lines),
        total_rupiah=sum(line.amount_rupiah for line in lines),
        stored_at=at,
    )
    _record([(line, sent[line.reference]) for line in lines if sent[line.reference].state is None], file, at)
    return _figures(run_id, file.id, len(lines))


def _sent_of(run_id: int, lines: Sequence[StatusLine]) -> dict[str, _Sent]:
    """The payouts of this run that the file names, by reference."""
    with connection.cursor() as cursor:
        cursor.execute(SENT_SQL, [run_id, text_array([line.reference for line in lines])])
        return {reference: _Sent(*rest) for reference, *rest in cursor.fetchall()}


def _faults_of(line: StatusLine, sent: _Sent | None, partner: str) -> Iterator[Refusal]:
    if sent is None:
        yield _fault(PayoutRefusal.UNKNOWN_REFERENCE, line, "reference")
        return
    if sent.partner != partner:
        yield _fault(PayoutRefusal.OTHER_PARTNER, line, "reference", partner=partner, expected=sent.partner)
    if sent.amount_rupiah != line.amount_rupiah:
        yield _fault(PayoutRefusal.AMOUNT_MISMATCH, line, "amount_rupiah", expected=sent.amount_rupiah)
    elif sent.state is not None and (sent.state, sent.reason_code) != (line.state, line.reason_code):
        known = f"{sent.state} {sent.reason_code}".strip()
        yield _fault(PayoutRefusal.CONTRADICTION, line, "state", expected=known)


def _fault(code: PayoutRefusal, line: StatusLine, column: str, **values: int | str) -> Refusal:
    value = f"{line.state} {line.reason_code}".strip() if column == "state" else getattr(line, column)
    return Refusal(code, {"line": line.line, "column": column, "reference": line.reference, "value": value, **values})


def _record(news: Sequence[tuple[StatusLine, _Sent]], file: PayoutFile, at: datetime) -> None:
    columns = ("payout_id", "state", "reason_code", "file_id", "recorded_at")
    copy_rows(
        PayoutStatus, columns, ((sent.payout_id, line.state, line.reason_code, file.pk, at) for line, sent in news)
    )
    for start in range(0, len(news), CHUNK_COUNT):
        chunk = news[start : start + CHUNK_COUNT]
        posted = post(postings=[_movement(line, sent) for line, sent in chunk], at=at)
        if len(posted.posted) != len(chunk):
            raise RuntimeError(f"file {file.pk}: {len(chunk) - len(posted.posted)} answers did not reach the ledger")
    rejected = PayoutStatus.objects.filter(file=file, state=REJECTED)
    Payout.objects.filter(id__in=rejected.values("payout_id")).update(ended_at=at)


def _movement(line: StatusLine, sent: _Sent) -> Posting:
    movement = Movement.SETTLE if line.state == SETTLED else REJECT[sent.kind]
    return Posting(sent.participation_id, movement, sent.amount_rupiah, f"{line.state}:{line.reference}")


FIGURES_SQL = """
SELECT count(*) FILTER (WHERE status.state = 'settled'), count(*) FILTER (WHERE status.state = 'rejected'),
       coalesce(sum(payout.amount_rupiah) FILTER (WHERE status.state = 'settled'), 0)::bigint,
       coalesce(sum(payout.amount_rupiah) FILTER (WHERE status.state = 'rejected'), 0)::bigint
FROM incentives_payoutstatus status JOIN incentives_payout payout ON payout.id = status.payout_id
WHERE status.file_id = %s
"""


def _figures(run_id: int, file_id: int, line_count: int, *, repeated: bool = False) -> Settled:
    """What the file changed when it was first taken, read back from what was written."""
    with connection.cursor() as cursor:
        cursor.execute(FIGURES_SQL, [file_id])
        settled_count, rejected_count, settled_rupiah, rejected_rupiah = cursor.fetchone()
    return Settled(
        run_id,
        file_id,
        settled_count,
        rejected_count,
        line_count - settled_count - rejected_count,
        settled_rupiah,
        rejected_rupiah,
        repeated,
    )
