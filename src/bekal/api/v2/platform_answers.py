"""What platforms are answered about a purchase that a participant has started, and about those they sold."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

from pydantic import Field

from bekal.api.v2.answers import Output, Page, TrainingName
from bekal.api.v2.endpoint import Call
from bekal.api.v2.inputs import MAX_BIGINT
from bekal.api.v2.problems import Problem, refused
from bekal.core.refusal import Refusal
from bekal.core.text import shown
from bekal.ledger.clock import programme_now
from bekal.messaging.refusals import CodeRefusal
from bekal.partners.misses import record_miss
from bekal.partners.platform_refusals import PlatformRefusal
from bekal.partners.platform_sales import SoldPurchase, sold_purchase
from bekal.partners.sell_by_intent import HeldIntent, held_intent, was_handed
from bekal.ui.refusals import sentence

StartCodeText = Annotated[
    str,
    Field(
        min_length=1,
        max_length=40,
        description="As the participant shows it; small letters, blanks and hyphens between groups are fine.",
        examples=["ABCD-EFGH-JKMN-PQRS"],
    ),
]
# What a refused try leaves behind: it counts, or anybody could guess on.
COSTS_A_TRY = frozenset({CodeRefusal.CODE_WRONG, CodeRefusal.CODE_BLOCKED})
# What a purchase may be refused for, beside wrong values.
SELLING_PROBLEMS = ("start_code_not_found", "purchase_refused", "one_time_code_refused")


class SaleAnswer(Output):
    """One purchase sold by this platform; nothing about its participant."""

    purchase: int = Field(examples=[4711])
    training: TrainingName
    state: str = Field(json_schema_extra={"enum": ["bought", "redeemed", "completed", "proven", "ended"]})
    price_rupiah: int = Field(examples=[300000])
    bought_at: datetime
    redeemed_at: datetime | None
    completed_at: datetime | None
    proven_at: datetime | None = Field(description="The evidence of both sides agreed.")
    ended_at: datetime | None
    ending: str | None = Field(json_schema_extra={"enum": ["refunded", "partial", "attended", None]})
    refunded_rupiah: int


class SalePage(Page):
    items: Sequence[SaleAnswer]


def sale_answer(sale: SoldPurchase) -> SaleAnswer:
    """As it leaves."""
    return SaleAnswer(
        purchase=sale.purchase_id,
        training=TrainingName(code=sale.training_code, title=sale.title, session_count=sale.session_count),
        state=sale.state,
        price_rupiah=sale.price_rupiah,
        bought_at=sale.bought_at,
        redeemed_at=sale.redeemed_at,
        completed_at=sale.completed_at,
        proven_at=sale.reconciled_at,
        ended_at=sale.ended_at,
        ending=sale.ending or None,
        refunded_rupiah=sale.refunded_rupiah,
    )


def own_sale(call: Call, purchase_id: int) -> SoldPurchase:
    """The purchase of this number; the same Problem for one sold elsewhere and none at all."""
    found = sold_purchase(platform_id=call.platform, purchase_id=min(purchase_id, MAX_BIGINT))
    if found is None:
        raise Problem("sale_not_found", {"purchase": shown(str(purchase_id))})
    return found


def own_intent(call: Call, start_code: str) -> HeldIntent:
    """The open intent of this start code; the same Problem for one that is unknown, late, withdrawn or another's."""
    found = held_intent(start_code=start_code, platform_id=call.platform, at=call.at)
    if isinstance(found, Refusal):
        raise selling_problem(call, start_code, found)
    return found


def selling_problem(call: Call, start_code: str, refusal: Refusal) -> Problem:
    """Why a purchase by a start code was not prepared or made. A wrong try of the digits stays counted."""
    if refusal.code == PlatformRefusal.INTENT_NOT_FOUND:
        is_guess = not was_handed(start_code=start_code, platform_id=call.platform)
        return refused(refusal, afterwards=(lambda: _missed(call.key_id)) if is_guess else None)
    code = "one_time_code_refused" if isinstance(refusal.code, CodeRefusal) else "purchase_refused"
    more = {"reason": str(refusal.code)}
    if refusal.code == CodeRefusal.CODE_WRONG:
        more["tries_left_count"] = refusal.values["attempts_left_count"]  # type: ignore[assignment]
    return Problem(code, detail=sentence(refusal), more=more, stands=refusal.code in COSTS_A_TRY)


def _missed(key_id: int) -> Problem | None:
    """Take the miss from the key's budget, in the programme's books."""
    return None if record_miss(key_id=key_id, at=programme_now()) else Problem("key_suspended")
