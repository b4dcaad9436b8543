"""`settle_payouts`: what a partner's file says, in whatever form, becomes statuses, movements and exceptions."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from django.db import connection, transaction

from bekal.accounts.privacy import encrypt
from bekal.core.refusal import Refusal
from bekal.core.uncollected import uncollected
from bekal.incentives.answers import (
    Opened,
    Trouble,
    end_silence,
    open_exceptions,
    record,
    weigh,
)
from bekal.incentives.models import Payout, PayoutException, PayoutFile
from bekal.incentives.partners.bank_files import read_bank_file
from bekal.incentives.partners.bank_lines import BankFile, BankLine, GroupStatus, Said
from bekal.incentives.partners.csv_rail import one_line
from bekal.incentives.partners.pain002 import NO_REASON, SAID
from bekal.incentives.refusals import PayoutRefusal
from bekal.incentives.statements import hold_statements, keep_statements

NAME_LENGTH = 120


@dataclass(frozen=True, slots=True)
class Settled:
    """What one file changed: payouts accepted, paid, rejected and sent back now, lines that only repeat what was known,
    and what could not be taken (`opened`; `exception_count` of them were not open before).

    `run_id`: the run it answers, where it is one. `repeated`: this very file was taken before, the figures are those of
    the first time and nothing was written. `faults`: why the file is no file that can be taken (at most 100); then
    nothing of it was; `refusal` is the first of them.
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
    accepted_count: int = 0
    exception_count: int = 0
    opened: tuple[Opened, ...] = ()
    repeated: bool = False
    faults: tuple[Refusal, ...] = ()

    @property
    def refusal(self) -> Refusal | None:
        return self.faults[0] if self.faults else None


@uncollected()
def settle_payouts(*, partner: str, name: str, content: bytes, at: datetime) -> Settled:
    """Take one file of one partner: CSV, `pain.002`, `camt.053`, `camt.054` or MT940.

    The file is read before anything is believed of it: one that was cut or does not add up is refused whole. Then each
    line accepts, settles, rejects or returns a payout that was sent to this partner in this amount; a rejected or
    returned one is due again. A line that repeats an earlier answer changes nothing; one that contradicts it, names
    what was never sent or another amount, or returns what is being clawed back, moves nothing and opens an exception.
    A statement has to go on from the day before, or is refused whole, with an exception (STATEMENT_GAP,
    STATEMENT_OVERLAP), and is kept with its lines. A report that a whole file was rejected or paid speaks of each of
    its payments. A file that was read under another partner first, by mistake, is read under its own as if it were new;
    what that mistake opened ends.

    Lock order: the partner's books against their closing, the runs, then the participations of what was returned.
    """
    read = read_bank_file(content)
    if read.faults:
        return Settled(None, faults=read.faults)
    with transaction.atomic():
        return _take(partner, name, content, read, at)


def take_in(*, partner: str, name: str, content: bytes, at: datetime) -> Settled:
    """As `settle_payouts`, of a file that came by itself: one that is refused opens an exception of the partner, who
    has to send it again whole. A statement that does not fit the days around it has one of its own already."""
    settled = settle_payouts(partner=partner, name=name, content=content, at=at)
    own = (PayoutRefusal.STATEMENT_GAP, PayoutRefusal.STATEMENT_OVERLAP)
    if settled.refusal is not None and settled.refusal.code not in own:
        opened = Opened(Trouble.FILE_UNREADABLE, 0, name[:80], settled.refusal.code.value[:20])
        open_exceptions([opened], partner=partner, at=at)
    return settled


def _take(partner: str, name: str, content: bytes, read: BankFile, at: datetime) -> Settled:
    sha256 = hashlib.sha256(content).digest()
    with connection.cursor() as cursor:
        # The same file at once: the second waits, and then sees that it was taken.
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [sha256.hex()])
    readings = PayoutFile.objects.filter(direction=PayoutFile.Direction.BACK, sha256=sha256).order_by("id")
    readers = {reading.partner: reading for reading in readings.defer("content_encrypted")}
    if partner in readers:
        return replace(_figures(readers[partner]), repeated=True)
    if faults := hold_statements(read.statements, read.lines, partner=partner, at=at):
        return Settled(None, faults=faults)
    opened = list(_of_groups(read.groups, partner))
    lines = read.lines or tuple(_lines_of_groups(read.groups, partner))
    weighed = weigh(lines, partner=partner)
    opened += weighed.opened
    amounts = {line.reference: sent.amount_rupiah for line, sent in weighed.news}
    file = PayoutFile.objects.create(
        run_id=weighed.run_ids[0] if len(weighed.run_ids) == 1 else None,
        direction=PayoutFile.Direction.BACK,
        form=read.kind,
        partner=partner,
        name=one_line(name)[:NAME_LENGTH],
        sha256=sha256,
        content_encrypted=encrypt(content.decode()),
        line_count=len(lines),
        total_rupiah=sum(line.amount_rupiah or amounts.get(line.reference, 0) for line in lines),
        stored_at=at,
    )
    record(weighed.news, at=at, file_id=file.id)
    end_silence([sent.payout_id for _, sent in weighed.news], at=at)
    if readers:
        end_wrong_reading(partner=partner, sha256=sha256, at=at)
    if read.statements:
        opened += keep_statements(read.statements, read.lines, file=file, at=at)
    open_exceptions(opened, partner=partner, at=at, file_id=file.id)
    return replace(_figures(file), unchanged_count=weighed.repeated_count, opened=tuple(opened))


WRONG_READING_SQL = """
UPDATE incentives_payoutexception asked SET resolved_at = %(at)s, resolution = 'answered'
FROM incentives_payoutfile file, incentives_payout payout
WHERE asked.resolved_at IS NULL AND asked.kind = 'other_partner' AND asked.partner <> %(partner)s
  AND file.id = asked.file_id AND file.direction = 'back' AND file.sha256 = %(sha256)s
  AND payout.id = asked.payout_id AND payout.partner = %(partner)s
"""


def end_wrong_reading(*, partner: str, sha256: bytes, at: datetime) -> int:
    """A file is read under the partner whose payments it speaks of: that it was read under another first asks nobody
    anything any more. How many exceptions end."""
    with connection.cursor() as cursor:
        cursor.execute(WRONG_READING_SQL, {"at": at, "partner": partner, "sha256": sha256})
        return int(cursor.rowcount)


def _of_groups(groups: Sequence[GroupStatus], partner: str) -> Iterator[Opened]:
    """What is wrong with what a report says of our files as a whole."""
    ours = {row.message_id: row for row in _files_of(groups, partner)}
    for group in groups:
        file = ours.get(group.message_id)
        if file is None:
            yield Opened(Trouble.UNKNOWN_REFERENCE, 0, group.message_id[:80], group.status[:20], group.total_rupiah)
        elif (group.payment_count not in (None, file.line_count)) or (
            group.total_rupiah not in (None, file.total_rupiah)
        ):
            yield Opened(Trouble.NOT_THE_FILE, 0, group.message_id[:80], group.status[:20], group.total_rupiah)


def _lines_of_groups(groups: Sequence[GroupStatus], partner: str) -> Iterator[BankLine]:
    """A line for each payment of a file that was rejected or paid as a whole."""
    said = {group.message_id: group for group in groups if SAID.get(group.status) in (Said.SETTLED, Said.REJECTED)}
    files = [row for row in _files_of(groups, partner) if row.message_id in said]
    rows = Payout.objects.filter(statuses__file__in=files, statuses__state="sent").order_by("reference")
    for number, (reference, message_id) in enumerate(
        rows.values_list("reference", "statuses__file__message_id"), start=1
    ):
        group = said[message_id]
        kind = SAID[group.status]
        reason = (group.reason_code or NO_REASON) if kind is Said.REJECTED else ""
        yield BankLine(number, reference, None, kind, reason)


def _files_of(groups: Sequence[GroupStatus], partner: str) -> list[PayoutFile]:
    names = [group.message_id for group in groups]
    rows = PayoutFile.objects.filter(partner=partner, direction=PayoutFile.Direction.OUT, message_id__in=names)
    return list(rows.order_by("id").defer("content_encrypted")) if names else []


FIGURES_SQL = """
SELECT count(*) FILTER (WHERE status.state = 'settled'), count(*) FILTER (WHERE status.state = 'rejected'),
       count(*) FILTER (WHERE status.state = 'returned'), count(*) FILTER (WHERE status.state = 'accepted'),
       coalesce(sum(payout.amount_rupiah) FILTER (WHERE status.state = 'settled'), 0)::bigint,
       coalesce(sum(payout.amount_rupiah) FILTER (WHERE status.state = 'rejected'), 0)::bigint,
       coalesce(sum(payout.amount_rupiah) FILTER (WHERE status.state = 'returned'), 0)::bigint
FROM incentives_payoutstatus status JOIN incentives_payout payout ON payout.id = status.payout_id
WHERE status.file_id = %s
"""


def _figures(file: PayoutFile) -> Settled:
    """What the file changed when it was first taken, read back from what was written."""
    with connection.cursor() as cursor:
        cursor.execute(FIGURES_SQL, [file.id])
        counts, amounts = (row := cursor.fetchone())[:4], row[4:]
    exception_count = PayoutException.objects.filter(file=file).count()
    return Settled(
        file.run_id,
        file.id,
        settled_count=counts[0],
        rejected_count=counts[1],
        returned_count=counts[2],
        accepted_count=counts[3],
        settled_rupiah=amounts[0],
        rejected_rupiah=amounts[1],
        returned_rupiah=amounts[2],
        exception_count=exception_count,
    )
