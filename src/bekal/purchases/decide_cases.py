"""`take_cases`, `propose_ruling`, `confirm_ruling`, `drop_ruling`: contested evidence is decided by two officers.

The decision is a statement of the programme, which counts for both sides; what was said stays. Which messages and
which cases the first officer saw is sealed, and only that is confirmed.
"""

import hashlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from django.db import connection, transaction
from django.db.utils import IntegrityError

from bekal.core.evidence import EvidenceState, Piece, Source
from bekal.core.refusal import Refusal
from bekal.core.text import is_readable, tidy
from bekal.ledger.clock import programme_day
from bekal.ledger.copy_rows import copy_rows, id_array
from bekal.purchases.evidence_intake import Held, locked
from bekal.purchases.evidence_states import evidence_states
from bekal.purchases.models import CaseRuling, CaseRulingLine, EvidenceCase
from bekal.purchases.record_evidence import REASON_LIMIT_COUNT, Message, Speaker, record_evidence
from bekal.purchases.refusals import CaseRefusal
from bekal.purchases.tell_buyers import tell_of_ruling

CASES_LIMIT = 500
SECOND_PERSON = "purchases_caseruling_second_person"
LINES_SQL = """
SELECT contested.id, contested.purchase_id, contested.kind, purchase.price_rupiah,
       count(said.id), coalesce(max(said.id), 0), contested.closed_at IS NULL AND purchase.ended_at IS NULL
FROM purchases_evidencecase contested
JOIN purchases_purchase purchase ON purchase.id = contested.purchase_id
LEFT JOIN purchases_evidence said ON said.purchase_id = contested.purchase_id
WHERE contested.id = ANY(%s::bigint[]) GROUP BY contested.id, purchase.id ORDER BY contested.id
"""


class CaseLine(NamedTuple):
    """One case as it would be decided: what its purchase cost, and which messages there are of it."""

    case_id: int
    purchase_id: int
    kind: str
    price_rupiah: int
    seen_count: int
    seen_until_id: int
    is_open: bool


@dataclass(frozen=True, slots=True)
class Preview:
    """The dry run of a decision: its cases in order, what they are about, and the seal of all of it."""

    lines: tuple[CaseLine, ...]
    list_sha256: bytes

    @property
    def total_rupiah(self) -> int:
        return sum(line.price_rupiah for line in self.lines)

    @property
    def kind_counts(self) -> dict[str, int]:
        kinds = [line.kind for line in self.lines]
        return {kind: kinds.count(kind) for kind in dict.fromkeys(kinds)}


@dataclass(frozen=True, slots=True)
class ProposedRuling:
    """The decision that now waits for a second officer; `repeated`: the very same waits already."""

    ruling_id: int | None
    refusal: Refusal | None = None
    repeated: bool = False


@dataclass(frozen=True, slots=True)
class ConfirmedRuling:
    """How many cases were decided, and how many were left out, each with its reason on the list."""

    ruling_id: int
    decided_count: int = 0
    refused_count: int = 0
    refusal: Refusal | None = None


@transaction.atomic
def take_cases(*, case_ids: Collection[int], officer_id: int, at: datetime) -> int:
    """The officer answers for these cases from now on; those that are closed stay as they are. How many were taken."""
    programme_day(at)
    rows = EvidenceCase.objects.filter(pk__in=_known(case_ids), closed_at=None)
    ids = list(rows.order_by("pk").select_for_update(no_key=True).values_list("pk", flat=True))
    return EvidenceCase.objects.filter(pk__in=ids).update(officer_id=officer_id)


def preview_ruling(*, case_ids: Collection[int], verdict: str, reason: str) -> Preview:
    """What would be decided of these cases; those that are closed are left out."""
    lines = tuple(line for line in _lines(case_ids) if line.is_open)
    return Preview(lines, _seal(verdict, tidy(reason), lines))


@transaction.atomic
def propose_ruling(
    *, case_ids: Collection[int], verdict: str, reason: str, seen_sha256: bytes, officer_id: int, at: datetime
) -> ProposedRuling:
    """Write down the decision as it was seen in its dry run. Nothing is said of any purchase yet.

    Refusals: VERDICT_UNKNOWN, DECISION_REASON_..., CASES_NONE, CASES_TOO_MANY, CASES_CHANGED.
    """
    programme_day(at)
    reason = tidy(reason)
    refusal = _refusal(verdict, reason, len(case_ids))
    if refusal is not None:
        return ProposedRuling(None, refusal)
    preview = preview_ruling(case_ids=case_ids, verdict=verdict, reason=reason)
    if not preview.lines:
        return ProposedRuling(None, Refusal(CaseRefusal.CASES_NONE))
    if preview.list_sha256 != bytes(seen_sha256):
        return ProposedRuling(None, Refusal(CaseRefusal.CASES_CHANGED))
    waiting = CaseRuling.objects.filter(
        list_sha256=preview.list_sha256, proposed_by_id=officer_id, confirmed_at=None, dropped_at=None
    ).first()
    if waiting is not None:
        return ProposedRuling(waiting.pk, repeated=True)
    ruling = CaseRuling.objects.create(
        verdict=verdict,
        reason=reason,
        case_count=len(preview.lines),
        total_rupiah=preview.total_rupiah,
        list_sha256=preview.list_sha256,
        proposed_by_id=officer_id,
        proposed_at=at,
    )
    rows = ((ruling.pk, line.case_id, line.seen_count, line.seen_until_id) for line in preview.lines)
    copy_rows(CaseRulingLine, ("ruling_id", "case_id", "seen_count", "seen_until_id"), rows)
    return ProposedRuling(ruling.pk)


@transaction.atomic
def confirm_ruling(*, ruling_id: int, officer_id: int, seen_sha256: bytes, at: datetime) -> ConfirmedRuling:
    """A second officer agrees to exactly the list they saw: the programme says so of every case on it, and the cases
    are closed. A case that was closed, or of which something new was said since, is left out and says why.

    Locks the decision, then the purchases in the order of their numbers. That it takes two people is decided by the
    database's constraint and by nothing else. Refusals: RULING_NOT_FOUND, RULING_CLOSED, RULING_CHANGED,
    RULING_SAME_PERSON.
    """
    programme_day(at)
    ruling = _open_ruling(ruling_id)
    if isinstance(ruling, Refusal):
        return ConfirmedRuling(ruling_id, refusal=ruling)
    if bytes(ruling.list_sha256) != bytes(seen_sha256):
        return ConfirmedRuling(ruling_id, refusal=Refusal(CaseRefusal.RULING_CHANGED, {"ruling_id": ruling_id}))
    if not _confirmed(ruling_id, officer_id, at):
        return ConfirmedRuling(ruling_id, refusal=Refusal(CaseRefusal.RULING_SAME_PERSON, {"ruling_id": ruling_id}))
    lines = list(ruling.lines.order_by("case_id").values_list("case_id", "seen_count", "seen_until_id"))
    case_ids = [line[0] for line in lines]
    purchases = locked(
        EvidenceCase.objects.filter(pk__in=case_ids).order_by("pk").values_list("purchase_id", flat=True)
    )
    now = {line.case_id: line for line in _lines(case_ids)}
    refused = {case_id: code for case_id, *seen in lines if (code := _left_out(now[case_id], seen))}
    decided = [now[case_id] for case_id in case_ids if case_id not in refused]
    refused |= _say(decided, purchases, ruling, officer_id, at)
    for case_id, code in refused.items():
        CaseRulingLine.objects.filter(ruling_id=ruling_id, case_id=case_id).update(refusal=code)
    told = [line.purchase_id for line in decided if line.case_id not in refused]
    tell_of_ruling(purchase_ids=told, verdict=ruling.verdict, reason=ruling.reason, at=at)
    return ConfirmedRuling(ruling_id, len(lines) - len(refused), len(refused))


@transaction.atomic
def drop_ruling(*, ruling_id: int, officer_id: int, at: datetime) -> Refusal | None:
    """Let a proposal go: nothing was said by it. Refusals: RULING_NOT_FOUND, RULING_CLOSED."""
    programme_day(at)
    ruling = _open_ruling(ruling_id)
    if isinstance(ruling, Refusal):
        return ruling
    CaseRuling.objects.filter(pk=ruling_id).update(dropped_by_id=officer_id, dropped_at=at)
    return None


def contested(state: EvidenceState, *, is_reconciled: bool) -> tuple[tuple[Piece, int], ...]:
    """What a decision has to speak of: each piece (and session) in conflict; after the money has moved, each that is
    denied and not decided."""
    found = [
        (piece.piece, piece.sequence)
        for piece in state.pieces
        if piece.kind is not None or (is_reconciled and piece.is_denied and not piece.is_decided)
    ]
    return tuple(dict.fromkeys(found))


def _say(
    lines: Sequence[CaseLine], purchases: Mapping[int, Held], ruling: CaseRuling, officer_id: int, at: datetime
) -> dict[int, str]:
    """The programme's statements of all these cases in one call; which were refused, and why."""
    states = evidence_states(purchase_ids=[line.purchase_id for line in lines])
    messages: list[Message] = []
    refused: dict[int, str] = {}
    for line in lines:
        purchase = purchases[line.purchase_id]
        matters = contested(states[line.purchase_id], is_reconciled=purchase.reconciled_at is not None)
        if not matters:
            refused[line.case_id] = CaseRefusal.CASE_CLOSED.value
        messages += _messages(purchase, matters, ruling, officer_id)
    case_of = {line.purchase_id: line.case_id for line in lines}
    for outcome in record_evidence(messages=messages, at=at):
        if outcome.refusal is not None:
            refused[case_of[outcome.purchase_id]] = outcome.refusal.code.value
    return refused


def _messages(
    purchase: Held, matters: Collection[tuple[Piece, int]], ruling: CaseRuling, officer_id: int
) -> Iterator[Message]:
    for piece, sequence in matters:
        said = [
            content.revision
            for content in purchase.known
            if (content.source, content.piece, content.sequence) == (Source.PROGRAMME, piece, sequence)
        ]
        yield Message(
            Speaker(Source.PROGRAMME, officer_id),
            purchase.purchase_id,
            piece,
            sequence,
            ruling.verdict == CaseRuling.Verdict.PROVEN,
            reason=ruling.reason,
            revision=1 + max(said, default=0),
        )


def _lines(case_ids: Collection[int]) -> list[CaseLine]:
    with connection.cursor() as cursor:
        cursor.execute(LINES_SQL, [id_array(case_ids)])
        return [CaseLine(*row) for row in cursor.fetchall()]


def _left_out(line: CaseLine, seen: Sequence[int]) -> str:
    if not line.is_open:
        return CaseRefusal.CASE_CLOSED.value
    return "" if [line.seen_count, line.seen_until_id] == list(seen) else CaseRefusal.CASE_CHANGED.value


def _seal(verdict: str, reason: str, lines: Sequence[CaseLine]) -> bytes:
    listed = (",".join(map(str, line[:-1])) for line in lines)
    return hashlib.sha256("\n".join([verdict, reason, *listed]).encode()).digest()


def _refusal(verdict: str, reason: str, case_count: int) -> Refusal | None:
    if verdict not in CaseRuling.Verdict.values:
        return Refusal(CaseRefusal.VERDICT_UNKNOWN)
    if not reason:
        return Refusal(CaseRefusal.DECISION_REASON_EMPTY)
    if not is_readable(reason):
        return Refusal(CaseRefusal.DECISION_REASON_UNREADABLE)
    if len(reason) > REASON_LIMIT_COUNT:
        values = {"length_count": len(reason), "limit_count": REASON_LIMIT_COUNT}
        return Refusal(CaseRefusal.DECISION_REASON_TOO_LONG, values)
    if case_count > CASES_LIMIT:
        return Refusal(CaseRefusal.CASES_TOO_MANY, {"limit_count": CASES_LIMIT})
    return None


def _open_ruling(ruling_id: int) -> CaseRuling | Refusal:
    known = CaseRuling.objects.select_for_update(no_key=True).filter(pk__in=_known([ruling_id]))
    ruling = known.first()
    if ruling is None:
        return Refusal(CaseRefusal.RULING_NOT_FOUND, {"ruling_id": ruling_id})
    if ruling.confirmed_at is not None or ruling.dropped_at is not None:
        return Refusal(CaseRefusal.RULING_CLOSED, {"ruling_id": ruling_id})
    return ruling


def _confirmed(ruling_id: int, officer_id: int, at: datetime) -> bool:
    try:
        with transaction.atomic():
            CaseRuling.objects.filter(pk=ruling_id).update(confirmed_by_id=officer_id, confirmed_at=at)
    except IntegrityError as error:
        if SECOND_PERSON not in str(error):
            raise
        return False
    return True


def _known(numbers: Collection[int]) -> list[int]:
    return [number for number in numbers if 0 < number < 2**63]
