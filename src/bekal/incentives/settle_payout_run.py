"""`settle_payout_run`: what a partner's status file says becomes statuses and movements, whole or not at all."""

import hashlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from django.db import connection, transaction

from bekal.accounts.privacy import encrypt
from bekal.core.refusal import Refusal
from bekal.incentives.models import Entitlement, Payout, PayoutFile, PayoutRun, PayoutStatus
from bekal.incentives.partners.csv_rail import (
    MAX_FAULTS,
    REJECTED,
    RETURNED,
    SETTLED,
    StatusLine,
    one_line,
    read_statuses,
)
from bekal.incentives.refusals import PayoutRefusal
from bekal.ledger.copy_rows import copy_rows, int_array, text_array
from bekal.ledger.movements import Kind, Movement
from bekal.ledger.post import Posting, post
from bekal.ledger.queries import balances_of

REJECT = {
    Entitlement.Kind.INCENTIVE.value: Movement.REJECT_INCENTIVE,
    Entitlement.Kind.SURVEY.value: Movement.REJECT_SURVEY,
}
RETURN = {
    Entitlement.Kind.INCENTIVE.value: Movement.RETURN_INCENTIVE,
    Entitlement.Kind.SURVEY.value: Movement.RETURN_SURVEY,
}
NAME_LENGTH = 120


@dataclass(frozen=True, slots=True)
class Settled:
    """What one file changed: payouts paid, rejected and sent back now, and lines that only repeat what was known.

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
    returned_count: int = 0
    returned_rupiah: int = 0
    repeated: bool = False
    exceptions: tuple[Refusal, ...] = ()

    @property
    def refusal(self) -> Refusal | None:
        return self.exceptions[0] if self.exceptions else None


class _Sent(NamedTuple):
    """One payout of the run as the books have it: whether it was paid, and how it ended, if it has."""

    payout_id: int
    participation_id: int
    kind: str
    partner: str
    amount_rupiah: int
    was_settled: bool
    end_state: str | None
    end_reason: str

    def said(self) -> tuple[tuple[str, str], ...]:
        """What was said of it after it was sent, in order: state and reason."""
        paid = ((SETTLED, ""),) if self.was_settled else ()
        return paid if self.end_state is None else (*paid, (self.end_state, self.end_reason))

    def is_repeated_by(self, line: StatusLine) -> bool:
        return (line.state, line.reason_code) in self.said()


CHUNK_COUNT = 20_000
SENT_SQL = """
SELECT payout.reference, payout.id, entitlement.participation_id, entitlement.kind, payout.partner,
       payout.amount_rupiah, settled.id IS NOT NULL, ended.state, coalesce(ended.reason_code, '')
FROM incentives_payout payout
JOIN incentives_entitlement entitlement ON entitlement.id = payout.entitlement_id
LEFT JOIN incentives_payoutstatus settled ON settled.payout_id = payout.id AND settled.state = 'settled'
LEFT JOIN incentives_payoutstatus ended
    ON ended.payout_id = payout.id AND ended.state IN ('rejected', 'returned', 'reversed')
WHERE payout.run_id = %s AND payout.reference = ANY(%s::text[])
  AND (payout.ended_at IS NULL OR ended.id IS NOT NULL)  -- what was kept back was never sent
"""
# Nobody's money is clawed back while we look: that waits for this row.
CLAWED_BACK_SQL = """
SELECT id, clawed_back_at IS NOT NULL FROM participants_participation
WHERE id = ANY(%s::bigint[]) ORDER BY id FOR NO KEY UPDATE
"""


@dataclass(slots=True)
class ClawedBack:
    """Of somebody whose money was clawed back once: what counts as paid still, or again since that was withdrawn, and
    what of the cash has to be paid back. `takes` books what comes back of a payment as long as there is so much."""

    paid_rupiah: int
    owed_rupiah: int

    def takes(self, amount_rupiah: int) -> bool:
        if amount_rupiah > self.paid_rupiah:
            return False
        self.paid_rupiah -= amount_rupiah
        return True


def settle_payout_run(*, partner: str, name: str, content: bytes, at: datetime, run_id: int | None = None) -> Settled:
    """Take one status file of one partner for one run (without `run_id`: the run of its first reference).

    The file is read before anything is believed of it. Each line settles or rejects a payout that was sent to this
    partner with this amount, or says that a settled one was sent back by the bank; a rejected or returned one is due
    again, also where a clawback had asked it back and was withdrawn. A line that repeats an earlier answer changes
    nothing, one that contradicts it refuses the file, and so does the return of money that is being clawed back (it
    comes in as a repayment) or that the participant has paid back already. A file may answer a part of the run. Lock
    order: the run, then the participations of what was returned.
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
    clawed_back = _clawed_back(lines, sent)
    faults = tuple(
        fault for line in lines for fault in _faults_of(line, sent.get(line.reference), partner, clawed_back)
    )
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
    news = [(line, sent[line.reference]) for line in lines if not sent[line.reference].is_repeated_by(line)]
    _record(news, file, at)
    return _figures(run_id, file.id, len(lines))


def _sent_of(run_id: int, lines: Sequence[StatusLine]) -> dict[str, _Sent]:
    """The payouts of this run that the file names, by reference."""
    with connection.cursor() as cursor:
        cursor.execute(SENT_SQL, [run_id, text_array([line.reference for line in lines])])
        return {reference: _Sent(*rest) for reference, *rest in cursor.fetchall()}


def _clawed_back(lines: Sequence[StatusLine], sent: Mapping[str, _Sent]) -> dict[int, ClawedBack]:
    """Of those to whom money was returned: whose was clawed back. All of them stay as they are until the commit."""
    owner_ids = {
        sent[line.reference].participation_id for line in lines if line.state == RETURNED and line.reference in sent
    }
    return clawed_back_of(owner_ids) if owner_ids else {}


def clawed_back_of(participation_ids: Collection[int]) -> dict[int, ClawedBack]:
    """Lock these participations, in the order of their numbers; of those whose money was clawed back what is left."""
    with connection.cursor() as cursor:
        cursor.execute(CLAWED_BACK_SQL, [int_array(participation_ids)])
        owner_ids = [number for number, is_clawed_back in cursor.fetchall() if is_clawed_back]
    if not owner_ids:
        return {}
    held = balances_of(owner_ids=owner_ids)
    return {
        owner_id: ClawedBack(
            held.get(owner_id, {}).get(Kind.PAYOUT_SETTLED, 0), held.get(owner_id, {}).get(Kind.INCENTIVE_RECEIVABLE, 0)
        )
        for owner_id in owner_ids
    }


def _faults_of(
    line: StatusLine, sent: _Sent | None, partner: str, clawed_back: Mapping[int, ClawedBack]
) -> Iterator[Refusal]:
    if sent is None:
        yield _fault(PayoutRefusal.UNKNOWN_REFERENCE, line, "reference")
        return
    if sent.partner != partner:
        yield _fault(PayoutRefusal.OTHER_PARTNER, line, "reference", partner=partner, expected=sent.partner)
    if sent.amount_rupiah != line.amount_rupiah:
        yield _fault(PayoutRefusal.AMOUNT_MISMATCH, line, "amount_rupiah", expected=sent.amount_rupiah)
    elif not sent.is_repeated_by(line):
        yield from _faults_of_news(line, sent, clawed_back.get(sent.participation_id))


def _faults_of_news(line: StatusLine, sent: _Sent, clawed_back: ClawedBack | None) -> Iterator[Refusal]:
    """What speaks against taking something that was not said before."""
    said = sent.said()
    if not said and line.state == RETURNED:
        yield _fault(PayoutRefusal.RETURNED_BEFORE_PAID, line, "reference")
    elif said and (line.state != RETURNED or said != ((SETTLED, ""),)):
        yield _fault(PayoutRefusal.CONTRADICTION, line, "state", expected=" ".join(said[-1]).strip())
    elif line.state == RETURNED and clawed_back is not None and not clawed_back.takes(sent.amount_rupiah):
        if clawed_back.owed_rupiah >= sent.amount_rupiah:
            yield _fault(PayoutRefusal.RETURN_CLAWED_BACK, line, "reference")
        else:
            owed_rupiah = clawed_back.owed_rupiah
            yield _fault(PayoutRefusal.RETURN_PAID_BACK, line, "reference", outstanding_rupiah=owed_rupiah)


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
    ended = PayoutStatus.objects.filter(file=file, state__in=[REJECTED, RETURNED])
    Payout.objects.filter(id__in=ended.values("payout_id")).update(ended_at=at)


def _movement(line: StatusLine, sent: _Sent) -> Posting:
    movement = {SETTLED: Movement.SETTLE, REJECTED: REJECT[sent.kind], RETURNED: RETURN[sent.kind]}[line.state]
    return Posting(sent.participation_id, movement, sent.amount_rupiah, f"{line.state}:{line.reference}")


FIGURES_SQL = """
SELECT count(*) FILTER (WHERE status.state = 'settled'), count(*) FILTER (WHERE status.state = 'rejected'),
       count(*) FILTER (WHERE status.state = 'returned'),
       coalesce(sum(payout.amount_rupiah) FILTER (WHERE status.state = 'settled'), 0)::bigint,
       coalesce(sum(payout.amount_rupiah) FILTER (WHERE status.state = 'rejected'), 0)::bigint,
       coalesce(sum(payout.amount_rupiah) FILTER (WHERE status.state = 'returned'), 0)::bigint
FROM incentives_payoutstatus status JOIN incentives_payout payout ON payout.id = status.payout_id
WHERE status.file_id = %s
"""


def _figures(run_id: int, file_id: int, line_count: int, *, repeated: bool = False) -> Settled:
    """What the file changed when it was first taken, read back from what was written."""
    with connection.cursor() as cursor:
        cursor.execute(FIGURES_SQL, [file_id])
        counts, amounts = (row := cursor.fetchone())[:3], row[3:]
    return Settled(
        run_id,
        file_id,
        settled_count=counts[0],
        rejected_count=counts[1],
        returned_count=counts[2],
        unchanged_count=line_count - sum(counts),
        settled_rupiah=amounts[0],
        rejected_rupiah=amounts[1],
        returned_rupiah=amounts[2],
        repeated=repeated,
    )
