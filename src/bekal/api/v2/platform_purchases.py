"""`POST /platform/purchases` and `GET /platform/purchases`: sell with the participant's digits; what was sold."""

from typing import Annotated

from django.http import HttpResponse
from django.utils.translation import gettext_lazy as _
from pydantic import Field

from bekal.api.v2.endpoint import PLATFORM, Declared, PartnerRequest, endpoint
from bekal.api.v2.inputs import Input
from bekal.api.v2.paging import DEFAULT_LIMIT, Cursor, Limit, cursor_after, link_next, place_of
from bekal.api.v2.platform_answers import (
    SELLING_PROBLEMS,
    SaleAnswer,
    SalePage,
    StartCodeText,
    own_sale,
    sale_answer,
    selling_problem,
)
from bekal.partners.platform_sales import sold_purchases
from bekal.partners.scopes import Scope
from bekal.partners.sell_by_intent import Sale, sell


class SaleBody(Input):
    """The start code, and the digits that the participant typed."""

    start_code: StartCodeText
    one_time_code: Annotated[str, Field(min_length=1, max_length=20, examples=["123456"])]


@endpoint(
    "POST",
    "/platform/purchases",
    Declared(
        tag="platform",
        summary=_("Buy with the participant's one-time code"),
        answer=SaleAnswer,
        status=201,
        scope=Scope.PURCHASES,
        kind=PLATFORM,
        problems=SELLING_PROBLEMS,
    ),
)
def sell_training(request: PartnerRequest, body: SaleBody) -> SaleAnswer:
    """The price moves from the training balance, once. Wrong digits cost one of the code's tries, and that refusal is
    kept: the next try is a new call with an Idempotency-Key of its own. The redeem code is not in the answer: the
    participant finds it on their own page, because it proves to the institution who has come."""
    call = request.call
    (outcome,) = sell(sales=[Sale(body.start_code, body.one_time_code)], platform_id=call.platform, at=call.at)
    if outcome.refusal is not None:
        raise selling_problem(call, body.start_code, outcome.refusal)
    assert outcome.purchase_id is not None
    return sale_answer(own_sale(call, outcome.purchase_id))


@endpoint(
    "GET",
    "/platform/purchases",
    Declared(
        tag="platform",
        summary=_("The purchases sold here"),
        answer=SalePage,
        scope=Scope.PURCHASES,
        kind=PLATFORM,
        is_paged=True,
    ),
)
def platform_sales(
    request: PartnerRequest, response: HttpResponse, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None
) -> SalePage:
    """Page by page in the order of their numbers; only those that were made with this platform's start codes."""
    call, after = request.call, [0]
    if cursor is not None:
        _filters, after = place_of(call, "platform_sales", cursor)
    found = sold_purchases(platform_id=call.platform, after_id=after[0], limit=limit + 1)
    items = found[:limit]
    next_cursor = None
    if len(found) > limit:
        next_cursor = cursor_after(call, "platform_sales", {}, [items[-1].purchase_id])
    link_next(request, response, next_cursor, limit)
    return SalePage(items=[sale_answer(each) for each in items], next=next_cursor)
