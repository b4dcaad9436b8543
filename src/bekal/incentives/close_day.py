"""`close_day`: a partner's day is closed over its statement, with a certificate that names every difference.

Three sides are held together: what was owed and sent, what the ledger moved for it, what the partner's statement shows.
A day closes when the balances agree, or where every rupiah between them has a name, an owner and an age.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any

from django.db import connection, transaction
from django.db.models import Min

from bekal.core.refusal import Refusal
from bekal.core.schedule import is_working_day
from bekal.incentives.answers import Opened, Trouble, open_exceptions
from bekal.incentives.closing_content import Line, read_content, sha256_of, write_content
from bekal.incentives.closing_lock import keep_alone
from bekal.incentives.day_differences import IS_COVERED, Difference, Window, not_booked, not_stated, total_of
from bekal.incentives.find_silent import answer_due_on
from bekal.incentives.models import DayClosing, PayoutException, PayoutStatus, Statement
from bekal.incentives.refusals import PayoutRefusal
from bekal.incentives.statements import missing_days
from bekal.ledger.clock import JAKARTA, programme_day

# Names of differences that ask nobody for anything: booked after the day, and within the time that a statement has.
AFTER_THE_DAY, NOT_DUE_YET, GAP = "after_the_day", "not_due_yet", "statement_gap"


@dataclass(frozen=True, slots=True)
class Closed:
    """The day that was closed by this certificate, or why the next one is not. Refusals: NOTHING_TO_CLOSE,
    DAY_WAITS (`on`, for the statement of which day), DAY_UNEXPLAINED (`on`, `difference_rupiah` without a name)."""

    partner: str
    closing_id: int | None = None
    day: date | None = None
    refusal: Refusal | None = None


# A settlement moves the money of many purchases, each proved by itself: it counts as what was sent.
MOVED_SQL = f"""
SELECT status.state, {IS_COVERED}, count(*), sum(payout.amount_rupiah)::bigint,
       coalesce(sum(CASE WHEN payout.settlement_id IS NULL THEN transfer.amount_rupiah ELSE payout.amount_rupiah END),
                0)::bigint
FROM incentives_payoutstatus status
JOIN incentives_payout payout ON payout.id = status.payout_id AND payout.partner = %(partner)s
JOIN incentives_payoutrun run ON run.id = payout.run_id
LEFT JOIN incentives_entitlement entitlement ON entitlement.id = payout.entitlement_id
JOIN incentives_payoutstatus sent ON sent.payout_id = payout.id AND sent.state = 'sent'
LEFT JOIN ledger_transfer transfer ON transfer.owner_id = entitlement.participation_id
    AND transfer.idempotency_key = status.state || ':' || payout.reference
WHERE status.id > %(from_id)s AND status.id <= %(until_id)s
  AND status.state IN ('sent', 'settled', 'rejected', 'returned')
GROUP BY 1, 2
"""
IN_TRANSIT_SQL = """
SELECT coalesce(sum(step), 0), coalesce(sum(step * payout.amount_rupiah), 0)::bigint
FROM (SELECT payout_id, CASE state WHEN 'sent' THEN 1 ELSE -1 END AS step FROM incentives_payoutstatus
      WHERE id <= %(until_id)s AND state IN ('sent', 'settled', 'rejected')) moved
JOIN incentives_payout payout ON payout.id = moved.payout_id AND payout.partner = %(partner)s
"""
# With what the partner's accounts ended by that day, and where a statement did not go on from the one before.
BALANCES_SQL = """
SELECT coalesce(sum(closing_rupiah) FILTER (WHERE is_newest), 0)::bigint,
       coalesce(sum(opening_rupiah) FILTER (WHERE before IS NULL AND stated_on = %(day)s), 0)::bigint,
       coalesce(sum(opening_rupiah - before), 0)::bigint, count(*) FILTER (WHERE opening_rupiah <> before),
       coalesce(sum(opening_rupiah) FILTER (WHERE stated_on = %(day)s), 0)::bigint,
       coalesce(sum(other_credits_rupiah) FILTER (WHERE stated_on = %(day)s), 0)::bigint,
       coalesce(sum(other_debits_rupiah) FILTER (WHERE stated_on = %(day)s), 0)::bigint
FROM (SELECT *, lag(closing_rupiah) OVER by_day AS before,
             stated_on = max(stated_on) OVER (PARTITION BY account) AS is_newest
      FROM incentives_statement WHERE partner = %(partner)s AND stated_on <= %(day)s
      WINDOW by_day AS (PARTITION BY account ORDER BY stated_on)) stated
"""
STATED_SQL = """
SELECT line.said, count(*), sum(line.amount_rupiah)::bigint FROM incentives_statementline line
JOIN incentives_statement statement ON statement.id = line.statement_id
WHERE statement.partner = %(partner)s AND statement.stated_on = %(day)s GROUP BY 1
"""
OPEN_SQL = """
SELECT kind, owner, count(*), coalesce(sum(said_rupiah), 0)::bigint, min(opened_at) FROM incentives_payoutexception
WHERE partner = %(partner)s AND resolved_at IS NULL GROUP BY 1, 2 ORDER BY 1, 2
"""


@transaction.atomic
def close_day(*, partner: str, at: datetime) -> Closed:
    """Close the next day of one partner whose statement has come. Days close in their order; where a working day before
    has no statement, it waits for that one, or for an officer who has cleared up that it never comes.

    What we have booked and the statements do not show in time (`payout_answer_days`) becomes an exception here. Nobody
    else writes of the partner until it is done. Amounts are whole rupiah."""
    keep_alone(partner)
    previous = DayClosing.objects.filter(partner=partner).order_by("-number").first()
    day = _next_day(partner, previous, programme_day(at))
    if day is None:
        return Closed(partner, refusal=Refusal(PayoutRefusal.NOTHING_TO_CLOSE))
    awaited = _awaited(partner, previous, day)
    if awaited is not None:
        return Closed(partner, refusal=Refusal(PayoutRefusal.DAY_WAITS, {"on": awaited}))
    window, from_id = _window(partner, previous, day)
    _ask_for_the_missing(window, at)
    figures = _Figures(window, from_id, previous, at)
    if figures.unnamed_rupiah or figures.nameless_count:
        values: dict[str, int | date] = {"on": day, "difference_rupiah": figures.unnamed_rupiah}
        return Closed(partner, day=day, refusal=Refusal(PayoutRefusal.DAY_UNEXPLAINED, values))
    content = write_content(figures.lines())
    closing = DayClosing.objects.create(
        partner=partner,
        stated_on=day,
        number=figures.number,
        statement_rupiah=figures.statement_rupiah,
        ledger_rupiah=figures.ledger_rupiah,
        after_status_id=from_id,
        until_status_id=window.until_id,
        content=content,
        sha256=sha256_of(content),
        previous_sha256=None if previous is None else bytes(previous.sha256),
        closed_at=at,
    )
    return Closed(partner, closing.pk, day)


def close_days(*, at: datetime, limit: int = 31) -> list[Closed]:
    """Close what can be closed, of every partner that has statements; at most `limit` days of each."""
    partners = Statement.objects.order_by("partner").values_list("partner", flat=True).distinct()
    done = []
    for partner in partners:
        for _ in range(limit):
            closed = close_day(partner=partner, at=at)
            if closed.refusal is not None:
                break
            done.append(closed)
    return done


def _next_day(partner: str, previous: DayClosing | None, today: date) -> date | None:
    rows = Statement.objects.filter(partner=partner, stated_on__lt=today)
    if previous is not None:
        rows = rows.filter(stated_on__gt=previous.stated_on)
    day: date | None = rows.aggregate(day=Min("stated_on"))["day"]
    return day


def _awaited(partner: str, previous: DayClosing | None, day: date) -> date | None:
    """The first working day whose statement is missing still, up to that day itself."""
    if previous is None:
        return None
    cleared = PayoutException.objects.filter(
        kind=Trouble.STATEMENT_MISSING, partner=partner, resolution=PayoutException.Resolution.CLEARED
    )
    given_up = set(cleared.order_by("id").values_list("reference", flat=True))
    for missing in missing_days(previous.stated_on, day):
        if missing.isoformat() not in given_up:
            return missing
    if not is_working_day(day) or day.isoformat() in given_up:
        return None
    rows = Statement.objects.filter(partner=partner)
    known = set(rows.filter(stated_on=previous.stated_on).order_by("id").values_list("account", flat=True))
    there = set(rows.filter(stated_on=day).order_by("id").values_list("account", flat=True))
    return None if known <= there else day


def _window(partner: str, previous: DayClosing | None, day: date) -> tuple[Window, int]:
    """What this closing looks at, and after which status it counts what moved."""
    until_id = PayoutStatus.objects.order_by("-id").values_list("id", flat=True).first() or 0
    first = DayClosing.objects.filter(partner=partner, number=1).first()
    if previous is None or first is None:
        begins_at = datetime.combine(day, time(), JAKARTA)
        earlier = PayoutStatus.objects.filter(recorded_at__lt=begins_at).order_by("-id")
        from_id = earlier.values_list("id", flat=True).first() or 0
        return Window(partner, day, day, from_id, from_id, until_id), from_id
    # Statuses are numbered in the order in which days were closed over them; what was recorded by the end of a day was
    # held against the statements of the day by which it had to stand there.
    recent = DayClosing.objects.filter(partner=partner).order_by("-number")[:31]
    checked = [
        one.until_status_id for one in recent if answer_due_on(programme_day(one.closed_at)) <= previous.stated_on
    ]
    last = checked[0] if checked else first.after_status_id
    return Window(partner, day, first.stated_on, first.after_status_id, last, until_id), previous.until_status_id


def _ask_for_the_missing(window: Window, at: datetime) -> None:
    """An exception for each payment that we have booked and whose statement, which is here, does not show it."""
    overdue = [
        Opened(Trouble.NOT_ON_STATEMENT, 0, one.reference, one.said, abs(one.rupiah), one.payout_id)
        for one in not_stated(window)
        if not one.kind and answer_due_on(one.since_on) <= window.day
    ]
    open_exceptions(overdue, partner=window.partner, at=at)


class _Figures:
    """Everything that one certificate says, counted in the caller's transaction."""

    def __init__(self, window: Window, from_id: int, previous: DayClosing | None, at: datetime) -> None:
        self.window, self.previous, self.at = window, previous, at
        self.number = 1 if previous is None else previous.number + 1
        self.moved: dict[str, tuple[int, int]] = {}
        ledger: dict[str, tuple[int, int]] = {}
        for state, is_covered, count, rupiah, posted in _rows(MOVED_SQL, {**window.values, "from_id": from_id}):
            known = self.moved.get(state, (0, 0))
            self.moved[state] = known[0] + count, known[1] + rupiah
            if is_covered:
                ledger[state] = count, posted
        self.paid, self.returned = ledger.get("settled", (0, 0)), ledger.get("returned", (0, 0))
        (balances,) = _rows(BALANCES_SQL, window.values)
        amounts: list[int] = list(balances)
        self.statement_rupiah, new_rupiah, self.gap_rupiah, self.gap_count = amounts[:4]
        self.opening_rupiah, self.money_in, self.money_out = amounts[4:]
        self.stated = {said: (count, rupiah) for said, count, rupiah in _rows(STATED_SQL, window.values)}
        before = {line.item: line for line in read_content(previous.content)} if previous else {}
        self.ledger_opening = (previous.ledger_rupiah if previous else 0) + new_rupiah
        self.transit_before = _pair(before["in_transit_after"]) if before else self._in_transit(from_id)
        self.stated_only, self.earlier = not_booked(window)
        self.ours_only = not_stated(window)
        self.ledger_rupiah = (
            self.ledger_opening
            + self.money_in
            - self.money_out
            + total_of(self.earlier)
            - self.paid[1]
            + self.returned[1]
        )

    def _in_transit(self, until_id: int) -> tuple[int, int]:
        ((count, rupiah),) = _rows(IN_TRANSIT_SQL, {"until_id": until_id, "partner": self.window.partner})
        return count, rupiah

    @property
    def transit_after(self) -> tuple[int, int]:
        left = [self.moved.get(state, (0, 0)) for state in ("settled", "rejected")]
        sent = self.moved.get("sent", (0, 0))
        count, rupiah = (
            self.transit_before[place] + sent[place] - sum(each[place] for each in left) for place in (0, 1)
        )
        return count, rupiah

    @property
    def difference_rupiah(self) -> int:
        """By how much the statement is above our ledger."""
        return self.statement_rupiah - self.ledger_rupiah

    @property
    def unnamed_rupiah(self) -> int:
        """What of the difference no payment and no gap explains."""
        return self.difference_rupiah - self.gap_rupiah - total_of(self.ours_only) - total_of(self.stated_only)

    @property
    def nameless_count(self) -> int:
        """Lines of statements that we have not booked and that no exception names."""
        return sum(not one.kind for one in self.stated_only)

    def named(self) -> Iterator[Line]:
        """The difference, by what it is called and whose turn it is; the oldest of each in days."""
        if self.gap_count:
            yield Line("difference", GAP, "office", self.gap_count, self.gap_rupiah)
        groups: dict[tuple[str, str], list[Difference]] = defaultdict(list)
        for one in (*self.ours_only, *self.stated_only):
            groups[self._name(one)].append(one)
        today = programme_day(self.at)
        for (kind, owner), found in sorted(groups.items()):
            days = (today - min(one.since_on for one in found)).days
            yield Line("difference", kind, owner, len(found), total_of(found), max(days, 0))

    def _name(self, one: Difference) -> tuple[str, str]:
        if not one.kind:
            return (AFTER_THE_DAY if one.since_on > self.window.day else NOT_DUE_YET), "calendar"
        return (f"{one.kind}:cleared", "office") if one.is_cleared else (one.kind, one.owner)

    def exceptions(self) -> Iterator[Line]:
        """What is open of the partner, whether it is about money or not."""
        today = programme_day(self.at)
        for kind, owner, count, rupiah, opened_at in _rows(OPEN_SQL, self.window.values):
            yield Line("exception", kind, owner, count, rupiah, max((today - programme_day(opened_at)).days, 0))

    def lines(self) -> Iterator[Line]:
        earlier = total_of(self.earlier)
        previous = "" if self.previous is None else bytes(self.previous.sha256).hex()
        yield Line("partner", self.window.partner)
        yield Line("day", self.window.day.isoformat())
        yield Line("number", item_count=self.number)
        yield Line("previous", previous)
        yield Line("closed_at", self.at.astimezone(JAKARTA).isoformat(timespec="seconds"))
        yield Line("in_transit_before", "", "", *self.transit_before)
        for state in ("sent", "settled", "rejected", "returned"):
            yield Line(state, "", "", *self.moved.get(state, (0, 0)))
        yield Line("in_transit_after", "", "", *self.transit_after)
        yield Line("statement_opening", rupiah=self.opening_rupiah)
        yield Line("statement_paid", "", "", *self.stated.get("settled", (0, 0)))
        yield Line("statement_returned", "", "", *self.stated.get("returned", (0, 0)))
        yield Line("statement_money_in", rupiah=self.money_in)
        yield Line("statement_money_out", rupiah=self.money_out)
        yield Line("statement_closing", rupiah=self.statement_rupiah)
        yield Line("ledger_opening", rupiah=self.ledger_opening)
        yield Line("ledger_paid", "", "", *self.paid)
        yield Line("ledger_returned", "", "", *self.returned)
        yield Line("ledger_sent_before", "", "", len(self.earlier), earlier)
        yield Line("ledger_closing", rupiah=self.ledger_rupiah)
        yield Line("difference_total", rupiah=self.difference_rupiah)
        yield from self.named()
        yield from self.exceptions()


def _pair(line: Line) -> tuple[int, int]:
    return line.item_count or 0, line.rupiah or 0


def _rows(sql: str, values: Mapping[str, Any]) -> Sequence[Any]:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        rows: Sequence[Any] = cursor.fetchall()
    return rows
