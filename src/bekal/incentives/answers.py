"""What a partner said of payouts, held against the books: what moves money, what repeats, what cannot be taken.

One place for files and for calls. A line settles, accepts, rejects or returns a payout that was sent to this partner
in this amount; one that repeats an earlier answer changes nothing; whatever does not fit becomes an exception with an
owner and an age, and moves nothing.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from django.db import connection

from bekal.incentives.closing_lock import keep_open
from bekal.incentives.models import Entitlement, Payout, PayoutException, PayoutStatus
from bekal.incentives.partners.bank_lines import BankLine, Said
from bekal.incentives.reasons import tell_of_failures
from bekal.ledger.copy_rows import copy_rows, id_array, int_array, text_array
from bekal.ledger.movements import Kind, Movement
from bekal.ledger.post import Posting, post
from bekal.ledger.queries import balances_of
from bekal.participants.set_payout_account import hash_of_number
from bekal.purchases.answer_settlements import Failed, Paid, answer_settlements, owners_of

REJECT = {
    Entitlement.Kind.INCENTIVE.value: Movement.REJECT_INCENTIVE,
    Entitlement.Kind.SURVEY.value: Movement.REJECT_SURVEY,
}
RETURN = {
    Entitlement.Kind.INCENTIVE.value: Movement.RETURN_INCENTIVE,
    Entitlement.Kind.SURVEY.value: Movement.RETURN_SURVEY,
}
Trouble = PayoutException.Kind
# Who has to say something first: what contradicts itself, or nobody ordered, the partner; the rest the office.
OWNERS = {
    Trouble.UNKNOWN_REFERENCE: PayoutException.Owner.PARTNER,
    Trouble.OTHER_PARTNER: PayoutException.Owner.PARTNER,
    Trouble.AMOUNT_MISMATCH: PayoutException.Owner.PARTNER,
    Trouble.CONTRADICTION: PayoutException.Owner.PARTNER,
    Trouble.CLAWED_BACK: PayoutException.Owner.OFFICE,
    Trouble.NOT_THE_FILE: PayoutException.Owner.PARTNER,
    Trouble.FILE_REFUSED: PayoutException.Owner.OFFICE,
    Trouble.FILE_UNREADABLE: PayoutException.Owner.PARTNER,
    Trouble.SILENT: PayoutException.Owner.PARTNER,
    Trouble.OTHER_ACCOUNT: PayoutException.Owner.PARTNER,
    Trouble.PAID_TWICE: PayoutException.Owner.PARTNER,
    Trouble.NOT_ON_STATEMENT: PayoutException.Owner.PARTNER,
    Trouble.STATEMENT_MISSING: PayoutException.Owner.PARTNER,
    Trouble.STATEMENT_GAP: PayoutException.Owner.PARTNER,
    Trouble.STATEMENT_OVERLAP: PayoutException.Owner.PARTNER,
}


# Rejected because the partner has it already: what becomes of the payment the answer to the first one says. To take
# that for the end of it would be to pay it again (ISO 20022, ExternalStatusReason1Code).
SEEN_BEFORE = frozenset({"AM05", "DUPL", "DU01", "DU02", "DU03", "DU04", "DU05"})


@dataclass(frozen=True, slots=True)
class Opened:
    """One thing the books could not take."""

    kind: PayoutException.Kind
    line: int
    reference: str
    said: str = ""
    said_rupiah: int | None = None
    payout_id: int | None = None


class Sent(NamedTuple):
    """One payout that was sent, as the books have it: whether it was accepted and paid, and how it ended, if it has.
    What pays a settlement has no participation and no kind."""

    payout_id: int
    participation_id: int | None
    kind: str
    settlement_id: int | None
    masked_account: str
    partner: str
    amount_rupiah: int
    account_hash: bytes | None
    is_accepted: bool
    was_settled: bool
    end_state: str | None
    end_reason: str

    def said(self) -> tuple[tuple[str, str], ...]:
        """What was said of it after it was sent and accepted, in order: state and reason."""
        paid = ((Said.SETTLED.value, ""),) if self.was_settled else ()
        return paid if self.end_state is None else (*paid, (self.end_state, self.end_reason))

    def after(self, line: BankLine) -> "Sent":
        """The payout once that line is taken."""
        match line.said:
            case Said.ACCEPTED:
                return self._replace(is_accepted=True)
            case Said.SETTLED:
                return self._replace(was_settled=True)
            case _:
                return self._replace(end_state=line.said.value, end_reason=line.reason_code)


@dataclass(slots=True)
class Weighed:
    """Lines held against the books: `news` to be recorded, lines that only repeat, what cannot be taken; the runs that
    they speak of."""

    run_ids: tuple[int, ...] = ()
    news: list[tuple[BankLine, Sent]] = field(default_factory=list)
    repeated_count: int = 0
    opened: list[Opened] = field(default_factory=list)


CHUNK_COUNT = 20_000
# Everything that answers these runs waits here, so that what is compared below stays so until the commit.
LOCK_RUNS_SQL = """
SELECT id FROM incentives_payoutrun
WHERE id IN (SELECT run_id FROM incentives_payout WHERE reference = ANY(%s::text[])) ORDER BY id FOR NO KEY UPDATE
"""
SENT_SQL = """
SELECT payout.reference, payout.id, entitlement.participation_id, coalesce(entitlement.kind, ''),
       payout.settlement_id, payout.masked_account, payout.partner, payout.amount_rupiah,
       payout.account_hash, accepted.id IS NOT NULL, settled.id IS NOT NULL, ended.state,
       coalesce(ended.reason_code, '')
FROM incentives_payout payout
LEFT JOIN incentives_entitlement entitlement ON entitlement.id = payout.entitlement_id
JOIN incentives_payoutstatus sent ON sent.payout_id = payout.id AND sent.state = 'sent'
LEFT JOIN incentives_payoutstatus accepted ON accepted.payout_id = payout.id AND accepted.state = 'accepted'
LEFT JOIN incentives_payoutstatus settled ON settled.payout_id = payout.id AND settled.state = 'settled'
LEFT JOIN incentives_payoutstatus ended
    ON ended.payout_id = payout.id AND ended.state IN ('rejected', 'returned', 'reversed')
WHERE payout.reference = ANY(%s::text[])
"""
# Nobody's money is clawed back while we look: that waits for this row.
CLAWED_BACK_SQL = """
SELECT id, clawed_back_at IS NOT NULL FROM participants_participation
WHERE id = ANY(%s::bigint[]) ORDER BY id FOR NO KEY UPDATE
"""


@dataclass(slots=True)
class ClawedBack:
    """Of somebody whose money was clawed back once: what counts as paid still, or again since that was withdrawn, and
    what of the cash has to be paid back; of trainings what institutions count as paid. `takes` books what comes back of
    a payment as long as there is so much."""

    paid_rupiah: int
    owed_rupiah: int
    training_rupiah: int = 0

    def takes(self, amount_rupiah: int) -> bool:
        if amount_rupiah > self.paid_rupiah:
            return False
        self.paid_rupiah -= amount_rupiah
        return True


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
            held.get(owner_id, {}).get(Kind.PAYOUT_SETTLED, 0),
            held.get(owner_id, {}).get(Kind.INCENTIVE_RECEIVABLE, 0),
            held.get(owner_id, {}).get(Kind.INSTITUTION_SETTLED, 0),
        )
        for owner_id in owner_ids
    }


def weigh(lines: Sequence[BankLine], *, partner: str) -> Weighed:
    """Hold the lines of one partner against the books, in their order. In the caller's transaction; locks, in this
    order, the partner's books against their closing, the runs they speak of and the participations of what came back.
    """
    keep_open(partner)
    references = text_array(list({line.reference for line in lines}))
    with connection.cursor() as cursor:
        cursor.execute(LOCK_RUNS_SQL, [references])
        run_ids = tuple(run_id for (run_id,) in cursor.fetchall())
        cursor.execute(SENT_SQL, [references])
        sent = {reference: Sent(*rest) for reference, *rest in cursor.fetchall()}
    clawed_back = _clawed_back(
        [sent[one.reference] for one in lines if one.said is Said.RETURNED and one.reference in sent]
    )
    weighed = Weighed(run_ids)
    for line in lines:
        payout = sent.get(line.reference)
        trouble = _trouble(line, payout, partner, clawed_back)
        if payout is None or trouble is not None:
            kind = trouble or Trouble.UNKNOWN_REFERENCE
            payout_id = None if payout is None else payout.payout_id
            said = f"{line.said.value} {line.reason_code}".strip()
            weighed.opened.append(
                Opened(kind, line.line, line.reference[:80], said[:20], line.amount_rupiah, payout_id)
            )
        elif _repeats(line, payout):
            weighed.repeated_count += 1
        else:
            for each in (line,) if payout.was_settled or line.said is not Said.RETURNED else (_paid_before(line), line):
                weighed.news.append((each, payout))
                payout = payout.after(each)
            sent[line.reference] = payout
    return weighed


def _clawed_back(returned: Sequence[Sent]) -> dict[int, ClawedBack]:
    """By payout whose clawback stands against taking it back: of a settlement, that of somebody who owes by now what
    the training cost. Locks the participations of all of them, in one order."""
    if not returned:
        return {}
    people = {one.payout_id: one.participation_id for one in returned if one.participation_id is not None}
    settled = {one.settlement_id: one.payout_id for one in returned if one.settlement_id is not None}
    paid = owners_of(settled) if settled else {}
    found = clawed_back_of({*people.values(), *(owner_id for owners in paid.values() for owner_id in owners)})
    against = {payout_id: found[owner_id] for payout_id, owner_id in people.items() if owner_id in found}
    for settlement_id, owners in paid.items():
        if any(found[owner].training_rupiah < rupiah for owner, rupiah in owners.items() if owner in found):
            against[settled[settlement_id]] = ClawedBack(0, 0)
    return against


def _paid_before(line: BankLine) -> BankLine:
    """What came back was paid before, whether the partner has said so yet or not: files arrive in any order."""
    return line._replace(said=Said.SETTLED, reason_code="", partner_code="")


def _repeats(line: BankLine, payout: Sent) -> bool:
    if line.said is Said.ACCEPTED:
        return payout.is_accepted or bool(payout.said())
    if line.said is Said.REJECTED and line.reason_code in SEEN_BEFORE:
        return True
    return (line.said.value, line.reason_code) in payout.said()


def _trouble(
    line: BankLine, payout: Sent | None, partner: str, clawed_back: Mapping[int, ClawedBack]
) -> PayoutException.Kind | None:
    """What speaks against the line; None where nothing does."""
    if payout is None:
        return Trouble.UNKNOWN_REFERENCE
    if payout.partner != partner:
        return Trouble.OTHER_PARTNER
    if line.amount_rupiah is not None and line.amount_rupiah != payout.amount_rupiah:
        return Trouble.AMOUNT_MISMATCH
    if is_other_account(line, payout.account_hash, partner):
        return Trouble.OTHER_ACCOUNT
    if _repeats(line, payout) or line.said is Said.ACCEPTED:
        return None
    said = payout.said()
    if said and (line.said is not Said.RETURNED or said != ((Said.SETTLED.value, ""),)):
        return Trouble.CONTRADICTION
    owed = clawed_back.get(payout.payout_id)
    if line.said is Said.RETURNED and said and owed is not None and not owed.takes(payout.amount_rupiah):
        return Trouble.CLAWED_BACK
    return None


def is_other_account(line: BankLine, account_hash: bytes | None, partner: str) -> bool:
    """Whether the partner says that it paid to another account than it was sent: told where the form says to which."""
    if not line.account or account_hash is None:
        return False
    return hash_of_number(partner, line.account) != bytes(account_hash)


def record(
    news: Sequence[tuple[BankLine, Sent]],
    *,
    at: datetime,
    file_id: int | None = None,
    call_ids: Mapping[str, int] | None = None,
) -> None:
    """Write what is new: statuses, movements, the end of what was rejected or came back, and a message to each person
    whose money did not arrive. Of a file, or of calls (by reference)."""
    columns = ("payout_id", "state", "reason_code", "partner_code", "file_id", "call_id", "recorded_at")
    calls = call_ids or {}
    rows = (
        (
            sent.payout_id,
            line.said.value,
            line.reason_code,
            line.partner_code[:40],
            file_id,
            calls.get(line.reference),
            at,
        )
        for line, sent in news
    )
    copy_rows(PayoutStatus, columns, rows)
    moving = [(line, sent) for line, sent in news if line.said is not Said.ACCEPTED]
    of_people = [(line, sent) for line, sent in moving if sent.settlement_id is None]
    for start in range(0, len(of_people), CHUNK_COUNT):
        chunk = of_people[start : start + CHUNK_COUNT]
        posted = post(postings=[_movement(line, sent) for line, sent in chunk], at=at)
        if len(posted.posted) != len(chunk):
            raise RuntimeError(f"{len(chunk) - len(posted.posted)} answers did not reach the ledger")
    _answer_settlements([(line, sent) for line, sent in moving if sent.settlement_id is not None], at)
    ended = {
        sent.payout_id: (line.said.value, line.reason_code) for line, sent in moving if line.said is not Said.SETTLED
    }
    if ended:
        Payout.objects.filter(id__in=list(ended)).update(ended_at=at)
    tell_of_failures(failed=ended, at=at)


def _answer_settlements(news: Sequence[tuple[BankLine, Sent]], at: datetime) -> None:
    """What was said of payments to institutions: their settlements are paid, or owed as before."""
    if not news:
        return
    paid = [Paid(sent.settlement_id or 0) for line, sent in news if line.said is Said.SETTLED]
    failed = [
        Failed(
            sent.settlement_id or 0,
            line.reference,
            sent.partner,
            sent.masked_account,
            line.reason_code,
            is_return=line.said is Said.RETURNED,
        )
        for line, sent in news
        if line.said is not Said.SETTLED
    ]
    answer_settlements(paid=paid, failed=failed, at=at)


def _movement(line: BankLine, sent: Sent) -> Posting:
    assert sent.participation_id is not None, "what pays a settlement moves by its settlement"
    if line.said is Said.SETTLED:
        movement = Movement.SETTLE
    else:
        movement = (REJECT if line.said is Said.REJECTED else RETURN)[sent.kind]
    return Posting(sent.participation_id, movement, sent.amount_rupiah, f"{line.said.value}:{line.reference}")


OPEN_SQL = """
INSERT INTO incentives_payoutexception
    (kind, owner, partner, payout_id, file_id, line, reference, said, said_rupiah, opened_at, resolution, note)
SELECT kind, owner, %(partner)s, nullif(payout_id, 0), %(file_id)s, line, reference, said, nullif(said_rupiah, -1),
       %(at)s, '', ''
FROM unnest(%(kinds)s::text[], %(owners)s::text[], %(payout_ids)s::bigint[], %(lines)s::int[], %(references)s::text[],
            %(said)s::text[], %(said_rupiah)s::bigint[])
     AS given(kind, owner, payout_id, line, reference, said, said_rupiah)
ON CONFLICT (kind, partner, reference, said) WHERE resolved_at IS NULL DO NOTHING
"""


def open_exceptions(opened: Iterable[Opened], *, partner: str, at: datetime, file_id: int | None = None) -> int:
    """Open what is not open yet; how many."""
    rows = list(opened)
    if not rows:
        return 0
    values = {
        "partner": partner,
        "file_id": file_id,
        "at": at,
        "kinds": text_array([one.kind.value for one in rows]),
        "owners": text_array([OWNERS[one.kind].value for one in rows]),
        "payout_ids": int_array([one.payout_id or 0 for one in rows]),
        "lines": int_array([one.line for one in rows]),
        "references": text_array([one.reference for one in rows]),
        "said": text_array([one.said for one in rows]),
        "said_rupiah": int_array([-1 if one.said_rupiah is None else one.said_rupiah for one in rows]),
    }
    with connection.cursor() as cursor:
        cursor.execute(OPEN_SQL, values)
        return int(cursor.rowcount)


ANSWERED_SQL = """
UPDATE incentives_payoutexception SET resolved_at = %s, resolution = 'answered'
WHERE resolved_at IS NULL AND kind = 'silent' AND payout_id = ANY(%s::bigint[])
"""


def end_silence(payout_ids: Collection[int], *, at: datetime) -> int:
    """What a partner has answered is silent no longer; how many exceptions end."""
    if not payout_ids:
        return 0
    with connection.cursor() as cursor:
        cursor.execute(ANSWERED_SQL, [at, id_array(payout_ids)])
        return int(cursor.rowcount)
