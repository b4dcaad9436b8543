"""`GET /evidence/owed`: what this institution still has to send, since when, and until when."""

from datetime import date

from django.http import HttpResponse
from django.utils.translation import gettext_lazy as _
from pydantic import Field

from bekal.api.v2.answers import Output, Page
from bekal.api.v2.endpoint import Declared, PartnerRequest, endpoint
from bekal.api.v2.paging import DEFAULT_LIMIT, Cursor, Limit, cursor_after, link_next, place_of
from bekal.partners.scopes import Scope
from bekal.purchases.owed_evidence import Owing, owed_by_institution


class OwedPiece(Output):
    """One piece. `since_on` null: something else must come first, and nothing is due yet."""

    piece: str = Field(json_schema_extra={"enum": ["attendance", "completion"]})
    sequence: int = Field(description="The session of an attendance, else 1.", examples=[1])
    since_on: date | None
    due_on: date | None
    is_denied: bool = Field(description="It was said that it is not there, or not all of it: raise `revision` to mend.")


class OwedPurchase(Output):
    """One purchase that this institution has not proven yet. Without pieces: the programme has to decide a conflict."""

    purchase: int = Field(examples=[4711])
    training: str = Field(description="The code of its training.", examples=["pelatihan-barista"])
    pieces: list[OwedPiece]


class OwedPage(Page):
    items: list[OwedPurchase]


@endpoint(
    "GET",
    "/evidence/owed",
    Declared(
        tag="evidence",
        summary=_("The evidence still owed"),
        answer=OwedPage,
        scope=Scope.EVIDENCE,
        is_paged=True,
    ),
)
def evidence_owed(
    request: PartnerRequest, response: HttpResponse, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None
) -> OwedPage:
    """Of purchases redeemed here that are neither proven nor ended, page by page, training after training."""
    call = request.call
    after = [0, 0] if cursor is None else place_of(call, "evidence_owed", cursor)[1]
    found = owed_by_institution(institution_id=call.institution, after=(after[0], after[1]), limit=limit + 1)
    shown = found[:limit]
    next_cursor = None
    if len(found) > limit:
        next_cursor = cursor_after(call, "evidence_owed", {}, [shown[-1].training_id, shown[-1].purchase_id])
    link_next(request, response, next_cursor, limit)
    return OwedPage(items=[_answer(each) for each in shown], next=next_cursor)


def _answer(owing: Owing) -> OwedPurchase:
    pieces = [
        OwedPiece(
            piece=piece.piece.value,
            sequence=piece.sequence,
            since_on=piece.since_on,
            due_on=piece.due_on,
            is_denied=piece.is_denied,
        )
        for piece in owing.pieces
    ]
    return OwedPurchase(purchase=owing.purchase_id, training=owing.training_code, pieces=pieces)
