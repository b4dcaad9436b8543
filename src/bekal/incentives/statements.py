"""The partners' statements: kept as they were read, each going on from the day before, none missing, none twice.

`close_day` holds them against the ledger.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db import connection, transaction
from django.db.models import Max, Min

from bekal.core.refusal import Refusal
from bekal.core.schedule import is_working_day
from bekal.incentives.answers import Opened, Trouble, open_exceptions
from bekal.incentives.closing_lock import keep_alone
from bekal.incentives.find_silent import answer_due_on
from bekal.incentives.models import DayClosing, PayoutException, PayoutFile, Statement, StatementLine
from bekal.incentives.partners.bank_lines import BankLine, DayStatement
from bekal.incentives.partners.rails import Rail
from bekal.incentives.refusals import PayoutRefusal
from bekal.ledger.clock import JAKARTA, programme_day
from bekal.ledger.copy_rows import copy_rows, text_array
from bekal.participants.set_payout_account import hash_of_number

DAY = timedelta(days=1)
LOOK_BACK = timedelta(days=62)
# Since when each partner has had payments that left by themselves.
HANDED_OVER_SQL = """
SELECT file.partner, min(greatest(run.planned_for, (file.stored_at AT TIME ZONE %(zone)s)::date))
FROM incentives_payoutfile file JOIN incentives_payoutrun run ON run.id = file.run_id
WHERE file.direction = 'out' AND file.message_id <> '' GROUP BY file.partner
"""


def hold_statements(
    statements: Sequence[DayStatement], lines: Sequence[BankLine], *, partner: str, at: datetime
) -> tuple[Refusal, ...]:
    """Why statements cannot be taken beside those there are, with an exception for each; none where they can.

    A statement goes on from the working day before, to the rupiah, unless an officer has cleared up why it does not;
    a day has one statement, however often and in whatever form it comes; a closed day takes no other. In the caller's
    transaction; nobody else writes of the partner until its end."""
    if not statements:
        return ()
    keep_alone(partner)
    opened, faults = [], []
    closed_on = (
        DayClosing.objects.filter(partner=partner).order_by("-number").values_list("stated_on", flat=True).first()
    )
    for one, own in _with_lines(statements, lines):
        same = Statement.objects.filter(partner=partner, account=one.account, stated_on=one.on).first()
        is_late = same is None and closed_on is not None and one.on <= closed_on
        if is_late or (same is not None and not _is_same(same, one, own)):
            faults.append(Refusal(PayoutRefusal.STATEMENT_OVERLAP, {"on": one.on}))
            opened.append(_opened(Trouble.STATEMENT_OVERLAP, one, one.closing_rupiah))
        elif (expected := _gap(one, partner)) is not None:
            values: dict[str, int | date] = {
                "on": one.on,
                "found_rupiah": one.opening_rupiah,
                "expected_rupiah": expected,
            }
            faults.append(Refusal(PayoutRefusal.STATEMENT_GAP, values))
            opened.append(_opened(Trouble.STATEMENT_GAP, one, one.opening_rupiah))
    open_exceptions(opened, partner=partner, at=at)
    return tuple(faults)


def _with_lines(
    statements: Sequence[DayStatement], lines: Sequence[BankLine]
) -> Iterator[tuple[DayStatement, Sequence[BankLine]]]:
    start = 0
    for one in statements:
        yield one, lines[start : start + one.line_count]
        start += one.line_count


def _is_same(known: Statement, one: DayStatement, lines: Sequence[BankLine]) -> bool:
    """Whether it says what is known of that day, in whatever form."""
    figures = (one.opening_rupiah, one.debits_rupiah, one.credits_rupiah, _digest(lines))
    return figures == (known.opening_rupiah, known.debits_rupiah, known.credits_rupiah, bytes(known.lines_sha256))


def _digest(lines: Sequence[BankLine]) -> bytes:
    """Over what the lines say, in whatever order."""
    said = sorted(f"{line.reference},{line.said.value},{line.amount_rupiah}\n" for line in lines)
    return hashlib.sha256("".join(said).encode()).digest()


def _row(statement_id: int, line: BankLine, partner: str) -> tuple[object, ...]:
    account_hash = hash_of_number(partner, line.account) if line.account else None
    return statement_id, line.line, line.reference[:80], line.said.value, line.amount_rupiah, account_hash


def _opened(kind: PayoutException.Kind, one: DayStatement, rupiah: int) -> Opened:
    return Opened(kind, 0, f"{one.on} {one.account}", str(rupiah), rupiah)


def _gap(one: DayStatement, partner: str) -> int | None:
    """With what the statement would have to begin to go on from the day before, and to the day after; None where it
    does."""
    rows = Statement.objects.filter(partner=partner, account=one.account)
    before = rows.filter(stated_on__lt=one.on).order_by("-stated_on").first()
    after = rows.filter(stated_on__gt=one.on).order_by("stated_on").first()
    expected = None
    if (
        before is not None
        and not missing_days(before.stated_on, one.on)
        and before.closing_rupiah != one.opening_rupiah
    ):
        expected = before.closing_rupiah
    elif after is not None and not missing_days(one.on, after.stated_on) and after.opening_rupiah != one.closing_rupiah:
        expected = one.opening_rupiah + after.opening_rupiah - one.closing_rupiah
    cleared = PayoutException.objects.filter(
        kind=Trouble.STATEMENT_GAP,
        partner=partner,
        reference=f"{one.on} {one.account}",
        said=str(one.opening_rupiah),
        resolved_by__isnull=False,
    )
    return None if expected is None or cleared.exists() else expected


def missing_days(after: date, before: date) -> list[date]:
    """The working days between two days, neither of them included."""
    days = (after + timedelta(days=number) for number in range(1, (before - after).days))
    return [day for day in days if is_working_day(day)]


ENDED_SQL = """
UPDATE incentives_payoutexception SET resolved_at = %(at)s, resolution = 'answered'
WHERE resolved_at IS NULL AND partner = %(partner)s
  AND (kind = 'statement_missing' AND reference = ANY(%(days)s::text[])
       OR kind = 'statement_gap' AND reference = ANY(%(statements)s::text[])
       OR kind = 'file_unreadable' AND reference = %(name)s
       OR kind = 'not_on_statement' AND EXISTS (
           SELECT 1 FROM incentives_payout payout
           JOIN incentives_statementline line ON line.reference = payout.reference
                AND line.said = incentives_payoutexception.said AND line.amount_rupiah = payout.amount_rupiah
           JOIN incentives_statement statement ON statement.id = line.statement_id
                AND statement.partner = payout.partner
           WHERE payout.id = incentives_payoutexception.payout_id))
"""
# What stands on the partner's statements once more, though it was ordered once: of each the lines after the first.
TWICE_SQL = """
SELECT line.line, line.reference, line.said, line.amount_rupiah, payout.id
FROM incentives_statementline line
JOIN incentives_payout payout ON payout.reference = line.reference AND payout.partner = %(partner)s
WHERE line.statement_id = ANY(%(statement_ids)s::bigint[])
  AND EXISTS (SELECT 1 FROM incentives_statementline earlier
              JOIN incentives_statement stated ON stated.id = earlier.statement_id AND stated.partner = %(partner)s
              WHERE earlier.reference = line.reference AND earlier.said = line.said AND earlier.id < line.id)
ORDER BY line.id
"""


def keep_statements(
    statements: Sequence[DayStatement], lines: Sequence[BankLine], *, file: PayoutFile, at: datetime
) -> list[Opened]:
    """Keep each statement that is not kept yet, with its lines; what stands there twice. In the caller's transaction,
    after `hold_statements`."""
    kept: list[int] = []
    for one, own in _with_lines(statements, lines):
        if Statement.objects.filter(partner=file.partner, account=one.account, stated_on=one.on).exists():
            continue
        row = Statement.objects.create(
            partner=file.partner,
            account=one.account,
            stated_on=one.on,
            opening_rupiah=one.opening_rupiah,
            debits_rupiah=one.debits_rupiah,
            credits_rupiah=one.credits_rupiah,
            closing_rupiah=one.closing_rupiah,
            other_count=one.others.entry_count,
            other_debits_rupiah=one.others.debits_rupiah,
            other_credits_rupiah=one.others.credits_rupiah,
            line_count=len(own),
            lines_sha256=_digest(own),
            file=file,
            stored_at=at,
        )
        kept.append(row.pk)
        columns = ("statement_id", "line", "reference", "said", "amount_rupiah", "account_hash")
        copy_rows(StatementLine, columns, (_row(row.pk, line, file.partner) for line in own))
    values: dict[str, datetime | str] = {
        "at": at,
        "partner": file.partner,
        "name": file.name[:80],
        "days": text_array([one.on.isoformat() for one in statements]),
        "statements": text_array([f"{one.on} {one.account}" for one in statements]),
    }
    with connection.cursor() as cursor:
        cursor.execute(ENDED_SQL, values)
        cursor.execute(TWICE_SQL, {"partner": file.partner, "statement_ids": kept})
        return [
            Opened(Trouble.PAID_TWICE, number, reference, said, rupiah, payout_id)
            for number, reference, said, rupiah, payout_id in cursor.fetchall()
        ]


@dataclass(frozen=True, slots=True)
class Awaited:
    """Of which days a partner's statements are awaited: each working day from `first` to `last`, of which those in
    `there` have come."""

    first: date
    last: date
    there: frozenset[date]

    @property
    def missing(self) -> list[date]:
        return [day for day in missing_days(self.first - DAY, self.last + DAY) if day not in self.there]


def awaited_statements(*, rails: Mapping[str, Rail], today: date) -> dict[str, Awaited]:
    """By partner. One that gives statements by itself owes them from its first statement, or else from the first day
    on which payments were handed over, until yesterday; of others what lies between two that were read."""
    spans = Statement.objects.order_by("partner").values_list("partner").annotate(Min("stated_on"), Max("stated_on"))
    known = {partner: (first, last) for partner, first, last in spans}
    with connection.cursor() as cursor:
        cursor.execute(HANDED_OVER_SQL, {"zone": JAKARTA.key})
        handed_over = dict(cursor.fetchall())
    days: dict[str, set[date]] = {}
    recent = (
        Statement.objects.filter(stated_on__gte=today - LOOK_BACK).order_by("id").values_list("partner", "stated_on")
    )
    for partner, day in recent:
        days.setdefault(partner, set()).add(day)
    found = {}
    for partner in sorted(known.keys() | rails.keys()):
        first, last = known.get(partner, (handed_over.get(partner), None))
        if partner in rails and rails[partner].statement:
            last = today - DAY
        if first is not None and last is not None and first <= last:
            there = frozenset(days.get(partner, ()))
            found[partner] = Awaited(max(first, today - LOOK_BACK), last, there)
    return found


@transaction.atomic
def find_missing_statements(*, rails: Mapping[str, Rail], at: datetime) -> int:
    """Open an exception of the partner for each working day whose statement has not come although its time is over
    (`payout_answer_days`); how many. Once for each day: what an officer has cleared up stays so. It ends by itself
    when the statement comes."""
    today, count = programme_day(at), 0
    for partner, awaited in awaited_statements(rails=rails, today=today).items():
        overdue = [day.isoformat() for day in awaited.missing if answer_due_on(day) < today]
        asked = PayoutException.objects.filter(kind=Trouble.STATEMENT_MISSING, partner=partner, reference__in=overdue)
        told = set(asked.order_by("id").values_list("reference", flat=True))
        opened = [Opened(Trouble.STATEMENT_MISSING, 0, day) for day in overdue if day not in told]
        count += open_exceptions(opened, partner=partner, at=at)
    return count
