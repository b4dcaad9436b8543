"""`GET /purchases`: the purchases whose code was redeemed at this institution."""

from typing import Annotated

from django.http import HttpResponse
from django.utils.translation import gettext_lazy as _
from pydantic import Field

from bekal.api.v2.answers import PurchasePage
from bekal.api.v2.endpoint import Declared, PartnerRequest, endpoint
from bekal.api.v2.paging import DEFAULT_LIMIT, Cursor, Limit, cursor_after, link_next, place_of
from bekal.api.v2.purchase_answer import purchase_answer
from bekal.partners.scopes import Scope
from bekal.purchases.partner_view import redeemed_purchases

TrainingFilter = Annotated[str, Field(max_length=60, description="Only of the training with this code.")]


@endpoint(
    "GET",
    "/purchases",
    Declared(
        tag="purchases",
        summary=_("The purchases redeemed here"),
        answer=PurchasePage,
        scope=Scope.PURCHASES,
        is_paged=True,
    ),
)
def purchases(
    request: PartnerRequest,
    response: HttpResponse,
    training: TrainingFilter = "",
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> PurchasePage:
    """Page by page, training after training. What is redeemed meanwhile moves nothing: each purchase that was there
    when the list was begun comes exactly once. Nobody is found here by who they are."""
    call, after, filters = request.call, [0, 0], {"training": training}
    if cursor is not None:
        filters, after = place_of(call, "purchases", cursor)
    found = redeemed_purchases(
        institution_id=call.institution,
        training_code=filters["training"],
        after=(after[0], after[1]),
        limit=limit + 1,
    )
    shown = found[:limit]
    next_cursor = None
    if len(found) > limit:
        next_cursor = cursor_after(call, "purchases", filters, [shown[-1].training_id, shown[-1].purchase_id])
    link_next(request, response, next_cursor, limit)
    return PurchasePage(items=[purchase_answer(each) for each in shown], next=next_cursor)
