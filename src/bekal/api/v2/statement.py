"""`GET /statement`: the institution's own account as of an instant; its sums are the ledger's."""

from datetime import date, datetime
from typing import Annotated

from django.http import HttpResponse
from django.utils.translation import gettext_lazy as _
from pydantic import Field

from bekal.api.v2.answers import Output, Page
from bekal.api.v2.endpoint import Declared, PartnerRequest, endpoint
from bekal.api.v2.faults import fault, invalid
from bekal.api.v2.inputs import Instant
from bekal.api.v2.paging import DEFAULT_LIMIT, Cursor, Limit, cursor_after, link_next, place_of
from bekal.incentives.institution_payments import SettlementLine, SettlementState, institution_settlements
from bekal.partners.scopes import Scope
from bekal.purchases.statement import StatementLine, StatementTotals, institution_statement


class StatementSums(Output):
    """price = escrow + owed + paid + refunded, in whole rupiah."""

    purchase_count: int
    price_rupiah: int
    escrow_rupiah: int
    owed_rupiah: int
    paid_rupiah: int
    refunded_rupiah: int


class StatementEntry(Output):
    """One purchase redeemed here: in escrow until it is proven or ends, then owed, then paid."""

    purchase: int = Field(examples=[4711])
    training: str = Field(description="Its title.")
    price_rupiah: int
    escrow_rupiah: int
    owed_rupiah: int
    paid_rupiah: int
    refunded_rupiah: int
    proven_at: datetime | None
    payable_from_on: date | None = Field(description="The hold ends; null where nothing is proven.")
    ended_at: datetime | None
    settled_at: datetime | None


class StatementSettlement(Output):
    """What is paid in one payment: ordered, on a list, sent to the bank, paid. A payment that the bank rejected or sent
    back stands with its reason; its money is owed as before, and paid again."""

    settlement: int = Field(examples=[17])
    ordered_at: datetime
    purchase_count: int
    total_rupiah: int
    state: SettlementState
    since_at: datetime
    failed_at: datetime | None
    came_back: bool = Field(description="It had been paid, and the bank sent it back.")
    reason_code: str = Field(description="Of ISO 20022; empty where no payment failed.", examples=["AC04"])
    masked_account: str = Field(description="To which account the failed payment went.")


class StatementPage(Page):
    """`totals` are over all purchases at the institution; the lines are those redeemed, `not_redeemed` the rest: the
    sums of both are the totals."""

    as_of: datetime
    settlement_stopped_at: datetime | None = Field(description="Nothing is settled while it is stopped; as of now.")
    totals: StatementSums
    not_redeemed: StatementSums
    settlements: list[StatementSettlement] = Field(description="The newest 20, the newest first.")
    items: list[StatementEntry]


@endpoint(
    "GET",
    "/statement",
    Declared(
        tag="statement",
        summary=_("The institution's account"),
        answer=StatementPage,
        scope=Scope.STATEMENT,
        is_paged=True,
    ),
)
def statement(
    request: PartnerRequest,
    response: HttpResponse,
    as_of: Annotated[Instant | None, Field(description="Not later than now; left out: now.")] = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> StatementPage:
    """As of one instant, which every page keeps: what happens while it is read changes nothing in it."""
    call, after = request.call, [0, 0]
    instant = as_of or call.at
    if cursor is not None:
        kept, after = place_of(call, "statement", cursor)
        instant = datetime.fromisoformat(kept["as_of"])
    if instant > call.at:
        raise invalid([fault("in_the_future", parameter="as_of", value=instant.isoformat())])
    found = institution_statement(
        institution_id=call.institution,
        as_of=instant,
        after=(after[0], after[1]),
        limit=limit + 1,
        redeemed_only=True,
    )
    assert found is not None
    shown = found.lines[:limit]
    next_cursor = None
    if len(found.lines) > limit:
        place = [shown[-1].training_id, shown[-1].purchase_id]
        next_cursor = cursor_after(call, "statement", {"as_of": instant.isoformat()}, place)
    link_next(request, response, next_cursor, limit)
    return StatementPage(
        as_of=instant,
        settlement_stopped_at=found.settlement_stopped_at,
        totals=_sums(found.totals),
        not_redeemed=_sums(found.not_redeemed),
        settlements=[
            _settlement(line) for line in institution_settlements(institution_id=call.institution, as_of=instant)
        ],
        items=[_entry(line) for line in shown],
        next=next_cursor,
    )


def _sums(totals: StatementTotals) -> StatementSums:
    return StatementSums(**{name: getattr(totals, name) for name in StatementSums.model_fields})


def _settlement(line: SettlementLine) -> StatementSettlement:
    named = {"settlement": line.settlement_id}
    return StatementSettlement(
        **named,  # type: ignore[arg-type]
        **{name: getattr(line, name) for name in StatementSettlement.model_fields if name not in named},
    )


def _entry(line: StatementLine) -> StatementEntry:
    named = {"purchase": line.purchase_id, "training": line.title}
    return StatementEntry(
        **named,  # type: ignore[arg-type]
        **{name: getattr(line, name) for name in StatementEntry.model_fields if name not in named},
    )
