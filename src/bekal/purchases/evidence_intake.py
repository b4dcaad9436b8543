"""What the intake of evidence holds on to: the purchases locked, all that is said of them, and what follows from it."""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import NamedTuple

from django.db import connection

from bekal.catalogue.models import Training
from bekal.core.evidence import CaseKind, EvidenceState, Piece, Source, Statement, state_of
from bekal.core.rules import RULES
from bekal.ledger.clock import programme_day
from bekal.ledger.copy_rows import copy_rows, id_array, int_array, text_array
from bekal.purchases.issue_certificates import issue_certificates
from bekal.purchases.models import EvidenceCase
from bekal.purchases.revoke_certificates import revoke_unearned
from bekal.purchases.training_summary import Increase, increase

LOCK_SQL = """
SELECT purchase.id, purchase.training_id, purchase.participation_id, training.institution_id, training.platform_id,
       training.session_count, training.mode, participation.accepted_on, purchase.bought_at, purchase.redeemed_at,
       purchase.completed_at, purchase.reconciled_at, purchase.ended_at
FROM purchases_purchase purchase
JOIN catalogue_training training ON training.id = purchase.training_id
JOIN participants_participation participation ON participation.id = purchase.participation_id
WHERE purchase.id = ANY(%s::bigint[]) ORDER BY purchase.id FOR NO KEY UPDATE OF purchase
"""
SAID_SQL = """
SELECT purchase_id, piece, source, sequence, revision, holds, percent, happened_at, reason
FROM purchases_evidence WHERE purchase_id = ANY(%s::bigint[])
"""
REVIEWED_SQL = "SELECT purchase_id FROM purchases_review WHERE purchase_id = ANY(%s::bigint[])"
# A clock that was set back must not put the completion before the redemption.
COMPLETE_SQL = "UPDATE purchases_purchase SET completed_at = greatest(%s, redeemed_at) WHERE id = ANY(%s::bigint[])"
CASES_SQL = """
SELECT purchase_id, kind FROM purchases_evidencecase WHERE purchase_id = ANY(%s::bigint[]) AND closed_at IS NULL
"""
RENAME_CASE_SQL = """
UPDATE purchases_evidencecase contested SET kind = now.kind
FROM unnest(%s::bigint[], %s::text[]) AS now (purchase_id, kind)
WHERE contested.purchase_id = now.purchase_id AND contested.closed_at IS NULL
"""
# A clock that was set back must not close a case before it was opened.
CLOSE_CASE_SQL = """
UPDATE purchases_evidencecase contested SET closed_at = greatest(%s, contested.opened_at), resolution = now.resolution
FROM unnest(%s::bigint[], %s::text[]) AS now (purchase_id, resolution)
WHERE contested.purchase_id = now.purchase_id AND contested.closed_at IS NULL
"""
LIVE_MODES = frozenset({Training.Mode.WEBINAR.value, Training.Mode.ON_SITE.value})
_PLAIN = {"attendance": "institution", "completion": "institution", "rating": "participant", "review": "participant"}


class Content(NamedTuple):
    """What one row of evidence says, by its columns."""

    piece: str
    source: str
    sequence: int
    revision: int
    holds: bool
    percent: int | None
    happened_at: datetime | None
    reason: str

    @property
    def is_plain(self) -> bool:
        """The usual: a side says for the first time that its own piece is there. Such rows contest nothing."""
        return self.holds and self.revision == 1 and self.percent is None and _PLAIN.get(self.piece) == self.source

    def statement(self) -> Statement:
        """As `core.evidence` reads it. What is not dated has no day here: who needs one takes that of its recording."""
        happened_on = None if self.happened_at is None else programme_day(self.happened_at)
        return Statement(
            Source(self.source), Piece(self.piece), self.sequence, self.holds, self.percent, happened_on, self.revision
        )


@dataclass(slots=True)
class Held:
    """One purchase under lock, with all that is said of it."""

    purchase_id: int
    training_id: int
    participation_id: int
    institution_id: int
    platform_id: int | None
    session_count: int
    mode: str
    accepted_on: date
    bought_at: datetime
    redeemed_at: datetime | None
    completed_at: datetime | None
    reconciled_at: datetime | None
    ended_at: datetime | None
    known: set[Content] = field(default_factory=set)

    def belongs_to(self, source: Source, number: int) -> bool:
        """Whether the speaker has anything to say of it: the programme has of every purchase."""
        if source is Source.PROGRAMME:
            return True
        owners = {
            Source.INSTITUTION: self.institution_id,
            Source.PARTICIPANT: self.participation_id,
            Source.PLATFORM: self.platform_id,
        }
        return owners[source] == number

    @property
    def is_plain(self) -> bool:
        """Whether nothing that is said of it can be contested."""
        return all(content.is_plain for content in self.known)

    @property
    def attended_count(self) -> int:
        """The sessions that the institution records uncontested."""
        if not self.is_plain:
            return len(self.state().attended)
        # By their numbers: of one session there may be several rows, with other days.
        attended = {content.sequence for content in self.known if content.piece == "attendance"}
        return sum(sequence <= self.session_count for sequence in attended)

    @property
    def is_completed(self) -> bool:
        """Whether the teaching side has proven all of it: counted where every row is plain, else asked of the state."""
        if not self.is_plain:
            return self.state().is_completed
        return any(content.piece == "completion" for content in self.known) and (
            self.attended_count == self.session_count
        )

    def state(self) -> EvidenceState:
        """By all that is said up to now."""
        return state_of(
            [content.statement() for content in self.known],
            scheme=RULES.scheme(self.accepted_on),
            is_live=self.mode in LIVE_MODES,
            session_count=self.session_count,
            redeemed_on=None if self.redeemed_at is None else programme_day(self.redeemed_at),
        )


def locked(purchase_ids: Collection[int]) -> dict[int, Held]:
    """The purchases there are among these numbers, locked in the order of their numbers until the transaction ends;
    what is said of them is read after the lock."""
    ids = id_array(purchase_ids)
    with connection.cursor() as cursor:
        # Sent together, and answered one after the other: the second reads what stands once the locks are held.
        cursor.execute(f"{LOCK_SQL};{SAID_SQL}", [ids, ids])
        found = {row[0]: Held(*row) for row in cursor.fetchall()}
        cursor.nextset()
        for purchase_id, *content in cursor.fetchall():
            found[purchase_id].known.add(Content(*content))
    return found


def reviewed_ids(purchase_ids: Collection[int]) -> frozenset[int]:
    """Those of these purchases that have a review."""
    with connection.cursor() as cursor:
        cursor.execute(REVIEWED_SQL, [id_array(purchase_ids)])
        return frozenset(number for (number,) in cursor.fetchall())


def settle(purchases: Sequence[Held], at: datetime) -> None:
    """What follows for purchases of which something new was said: those that are proven now are completed, cases are
    opened where they are contested and closed where they are not any more."""
    completed = [each for each in purchases if each.completed_at is None and each.is_completed]
    if completed:
        with connection.cursor() as cursor:
            cursor.execute(COMPLETE_SQL, [at, int_array(each.purchase_id for each in completed)])
    # Rows are never taken away: where all are plain no case was ever opened, and nothing was ever taken back.
    unusual = [each for each in purchases if not each.is_plain]
    _settle_cases(unusual, at)
    before = [each.purchase_id for each in unusual if each.completed_at is not None]
    if before:
        revoke_unearned(at=at, purchase_ids=before)
    proven = dict.fromkeys([*before, *(each.purchase_id for each in completed)])
    if proven:
        issue_certificates(at=at, purchase_ids=proven)
    if completed:
        counted = Counter(each.training_id for each in completed)
        increase({number: Increase(completed_count=count) for number, count in counted.items()})


def _settle_cases(purchases: Sequence[Held], at: datetime) -> None:
    if not purchases:
        return
    states = {each.purchase_id: each.state() for each in purchases}
    kinds = {
        each.purchase_id: states[each.purchase_id].case_kind(is_reconciled=each.reconciled_at is not None)
        for each in purchases
    }
    with connection.cursor() as cursor:
        cursor.execute(CASES_SQL, [int_array(kinds)])
        open_kinds: dict[int, str] = dict(cursor.fetchall())
    _open_cases({number: kind for number, kind in kinds.items() if kind and number not in open_kinds}, at)
    changed = {
        number: kind.value
        for number, kind in kinds.items()
        if kind and number in open_kinds and open_kinds[number] != kind.value
    }
    closed = {
        number: EvidenceCase.Resolution.DECIDED.value
        if states[number].is_decided
        else EvidenceCase.Resolution.AGREED.value
        for number, kind in kinds.items()
        if kind is None and number in open_kinds
    }
    with connection.cursor() as cursor:
        if changed:
            cursor.execute(RENAME_CASE_SQL, [int_array(changed), text_array(changed.values())])
        if closed:
            cursor.execute(CLOSE_CASE_SQL, [at, int_array(closed), text_array(closed.values())])


def _open_cases(kinds: dict[int, CaseKind], at: datetime) -> None:
    on = programme_day(at)
    due_on = on + timedelta(days=RULES.value("case_days", on))
    columns = ("purchase_id", "kind", "opened_at", "due_on")
    copy_rows(EvidenceCase, columns, ((number, kind.value, at, due_on) for number, kind in kinds.items()))
