"""Reads of purchases and the evidence they still lack."""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import date, datetime

from django.db import connection
from django.db.models import F, QuerySet

from bekal.accounts.privacy import decrypt
from bekal.core.evidence import EvidenceState, PieceState
from bekal.ledger.copy_rows import int_array
from bekal.ledger.movements import Kind
from bekal.purchases.evidence_states import JOINED, states_of
from bekal.purchases.hold import payable_from_on
from bekal.purchases.models import Purchase


@dataclass(frozen=True, slots=True)
class PurchaseLine:
    """One purchase with how far it has come. `redeem_code` has 16 characters, for screens in groups of four; history
    that was brought in from elsewhere may have none. Of what ended early nothing is owed any more; `to_balance`: what
    was refunded went to the training balance, else to the treasury."""

    purchase_id: int
    participation_id: int
    training_id: int
    title: str
    institution_id: int
    institution_name: str
    price_rupiah: int
    ordinal: int
    bought_at: datetime
    redeem_code: str | None = field(repr=False)
    redeemed_at: datetime | None
    completed_at: datetime | None
    reconciled_at: datetime | None
    ended_at: datetime | None
    ending: str
    refunded_rupiah: int
    settled_at: datetime | None
    session_count: int
    rating: int | None
    review_text: str | None
    evidence: EvidenceState
    to_balance: bool

    @property
    def owed(self) -> tuple[PieceState, ...]:
        """What is missing or contested, in the order in which people see it; of what has ended nothing."""
        return () if self.ended_at else _open(self.evidence)

    @property
    def attended_count(self) -> int:
        """The sessions that count as attended."""
        return len(self.evidence.attended)

    @property
    def earned_rupiah(self) -> int:
        """What the institution has earned; 0 until it is proven."""
        return self.price_rupiah - self.refunded_rupiah if self.reconciled_at or self.ended_at else 0

    @property
    def payable_from_on(self) -> date | None:
        """The day from which the institution can be paid for it; None where nothing is proven (yet)."""
        proven_at = self.reconciled_at or (None if self.ending == Purchase.Ending.REFUNDED else self.ended_at)
        return None if proven_at is None else payable_from_on(proven_at)


@dataclass(frozen=True, slots=True)
class DeskLine:
    """One purchase as the institution's desk sees it; the redeem code stays the participant's."""

    purchase_id: int
    title: str
    full_name: str = field(repr=False)
    session_count: int
    attended: tuple[int, ...]
    redeemed_at: datetime
    completed_at: datetime | None


# What stands on the purchase's own row, and what a join adds, by the names of the lines.
_OWN = ("participation_id", "training_id", "price_rupiah", "ordinal", "bought_at", "redeemed_at", "completed_at")
_JOINED = {
    "title": F("training__title"),
    "institution_id": F("training__institution_id"),
    "institution_name": F("training__institution__name"),
    "session_count": F("training__session_count"),
    "settled_at": F("settlement__settled_at"),
    "rating": F("review__rating"),
    "review_text": F("review__text"),
}


def purchases_of(*, participation_id: int) -> tuple[PurchaseLine, ...]:
    """Every purchase of one participation, in the order in which they were bought."""
    return _lines(Purchase.objects.filter(participation_id=participation_id).order_by("ordinal"))


def purchase(*, purchase_id: int) -> PurchaseLine | None:
    """One purchase by its number."""
    lines = _lines(Purchase.objects.filter(pk=purchase_id).order_by("pk"))
    return lines[0] if lines else None


def evidence_owed(*, purchase_ids: Collection[int]) -> dict[int, tuple[PieceState, ...]]:
    """What each purchase still lacks by the rules of its person's acceptance, and what is contested, in the order in
    which people see it; of what has ended nothing."""
    rows = Purchase.objects.filter(pk__in=purchase_ids).order_by("pk")
    facts = list(rows.annotate(**JOINED).values("pk", "redeemed_at", "ended_at", *JOINED))
    states = states_of(facts)
    return {row["pk"]: () if row["ended_at"] else _open(states[row["pk"]]) for row in facts}


def buyers_of(*, purchase_ids: Collection[int]) -> tuple[int, ...]:
    """The participations that bought these purchases, each once, by their numbers."""
    rows = Purchase.objects.filter(pk__in=purchase_ids).order_by("participation_id")
    return tuple(dict.fromkeys(rows.values_list("participation_id", flat=True)))


REFUNDED_SQL = f"""
SELECT purchase.id FROM purchases_purchase purchase
JOIN ledger_transfer refund ON refund.owner_id = purchase.participation_id
    AND refund.idempotency_key = 'refund:' || purchase.training_id
WHERE purchase.id = ANY(%s::bigint[]) AND refund.credit_kind = {Kind.TRAINING_BALANCE.value}
"""


def refunded_to_balance(*, purchase_ids: Collection[int]) -> frozenset[int]:
    """Those of these purchases whose refund went to the training balance."""
    if not purchase_ids:
        return frozenset()
    with connection.cursor() as cursor:
        cursor.execute(REFUNDED_SQL, [int_array(purchase_ids)])
        return frozenset(number for (number,) in cursor.fetchall())


def purchases_at(*, institution_id: int, limit: int = 100) -> tuple[DeskLine, ...]:
    """The purchases redeemed at an institution: those not completed first, each group with the newest first."""
    rows = Purchase.objects.filter(training__institution_id=institution_id, redeemed_at__isnull=False)
    joined = {
        "title": F("training__title"),
        "full_name": F("participation__participant__full_name"),
    }
    ordered = rows.order_by(F("completed_at").desc(nulls_first=True), "-redeemed_at", "-pk")
    names = ("pk", "redeemed_at", "completed_at", *joined, *JOINED)
    facts = list(ordered.annotate(**joined, **JOINED).values(*names)[:limit])
    states = states_of(facts)
    return tuple(
        DeskLine(
            purchase_id=row["pk"],
            attended=states[row["pk"]].attended,
            session_count=row["session_count"],
            redeemed_at=row["redeemed_at"],
            completed_at=row["completed_at"],
            **{name: row[name] for name in joined},
        )
        for row in facts
    )


def _lines(purchases: QuerySet[Purchase]) -> tuple[PurchaseLine, ...]:
    joined = _JOINED | JOINED
    names = (*_OWN, "reconciled_at", "ended_at", "ending", "refunded_rupiah", *_JOINED)
    facts = list(purchases.annotate(**joined).values("pk", "redeem_code_encrypted", *names, "accepted_on", "mode"))
    states = states_of(facts)
    to_balance = refunded_to_balance(purchase_ids=[row["pk"] for row in facts if row["refunded_rupiah"]])
    return tuple(
        PurchaseLine(
            purchase_id=row["pk"],
            redeem_code=None if row["redeem_code_encrypted"] is None else decrypt(row["redeem_code_encrypted"]),
            evidence=states[row["pk"]],
            to_balance=row["pk"] in to_balance,
            **{name: row[name] for name in names},
        )
        for row in facts
    )


def _open(state: EvidenceState) -> tuple[PieceState, ...]:
    return tuple(piece for piece in state.pieces if not piece.is_present)
